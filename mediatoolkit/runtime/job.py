"""A live handle on one running generation.

A job runs as a task of its own on one loop. It can be awaited on any other, watched, stopped and
given more time from any thread, because a click in a notebook may arrive in a thread with a loop
of its own; and a thread without a loop can block until the job is over.
"""

import asyncio
import atexit
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from mediatoolkit.checks import finite_seconds
from mediatoolkit.errors import (
    JobCancelled,
    MediaToolkitError,
    NotAwaitedError,
    PromptError,
    call_site,
    visible,
)
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import LeftRunning, Progress, State, Withdrawn

if TYPE_CHECKING:
    import numpy.typing as npt

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Subscriber = Callable[[Progress], None]

_TASK_NAMES = frozenset(dir(asyncio.Task)) | {"send", "throw", "close"}
_HOOKS = frozenset(
    {
        "alive",
        "before_done",
        "loop",
        "move_to",
        "on_done",
        "on_result",
        "on_retry",
        "on_start",
        "retry_may_pay_twice",
    }
)


class Job(loops.LoopTask[T_co]):
    """A running generation: awaitable, watchable, stoppable.

    Args:
        work: Does it; gets the open call context that carries deadline and progress.
        context: Not yet opened.
        label: What is being made, for people; usually the prompt. It is kept as one line of at
            most 300 letters.
        rework: Does it in a retry; left out, *work* does.
        quote: Says what it costs, where that is known by now.
        another: Starts the same work for another result.
        loop: Where the work runs. Left out, the running loop, or one in the background where none
            runs; a kernel lends its own to threads that it opened for clicks.

    Attributes:
        label: What is being made, for people.
        another: Starts the same work for another result, and returns that job; None where there
            is no other.

    The work starts at once. All methods are safe from any thread. A job that fails unseen, with
    nobody awaiting or watching it, is reported by asyncio's exception handler as any task is.
    """

    # A job without another reference would be collected while it runs.
    alive: ClassVar[set["Job[Any]"]] = set()

    def __init__(
        self,
        work: Callable[[CallContext], Awaitable[T_co]],
        context: CallContext,
        *,
        label: str,
        rework: Callable[[CallContext], Awaitable[T_co]] | None = None,
        quote: Callable[[], object] | None = None,
        another: "Callable[[], Job[T_co]] | None" = None,
        loop: loops.Loop | None = None,
    ) -> None:
        """Start the work."""
        self.label = visible(label, 300, one_line=True, mark=" ")
        self._work = work
        self._rework = rework or work
        self._quote = quote
        self.another = another
        self._call = context
        self._call_site = call_site(self.label)
        self._started = time.monotonic()
        self._took = 0.0
        self._error: BaseException | None = None
        self._next: Job[T_co] | None = None
        self._subscribers: list[Subscriber] = []
        self._result_hooks: list[Callable[[Any], Awaitable[object]]] = []
        self._last_hooks: list[Callable[[], object]] = []
        self._retry_hooks: list[Callable[[Job[Any]], object]] = []
        context.listener = self._tell
        self.alive.add(self)
        name = f"mediatoolkit job: {self.label[:60]}"
        super().__init__(self._run, loop or loops.chosen(), name=name)

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        call, work = self._call, self._call.work
        known: dict[str, Any] = {
            "fraction": work.fraction,
            "estimate": work.estimate,
            "worked": work.seconds,
            "is_timed": work.is_timed,
        }
        if self.done():
            return Progress(self._state(), call.event, self._took, 0.0, self._error, **known)
        elapsed = time.monotonic() - self._started
        return Progress(
            State.RUNNING, call.event, elapsed, call.left(), paused=call.is_paused, **known
        )

    @property
    def quote(self) -> Any:
        """What it costs, as a `Price`; None where that is not known yet, or has no price."""
        return None if self._quote is None else self._quote()

    @property
    def retry_may_pay_twice(self) -> bool:
        """Whether this one may have been billed for nothing, and a retry would ask anew."""
        match self._state():
            case State.CANCELLED:
                is_billed = _cancelled(self._call).may_have_been_billed
            case State.FAILED:
                is_billed = getattr(self._error, "may_have_been_billed", False)
            case _:
                return False
        is_kept = self._call.job_id and self._call.way_back
        return is_billed and not (is_kept or self._call.is_free)

    def result(self, timeout: float | None = None) -> T_co:
        """Block this thread until it is over: `fox = mt.image("a red fox").result()`.

        Ctrl-C, and whatever else breaks the wait, cancels the job.

        Args:
            timeout: Seconds to wait at most; the job goes on after that.

        Raises:
            JobCancelled: It was cancelled, or somebody who waited for it was.
            DeadlineError: It is not over after *timeout* seconds.
            MediaToolkitError: Whatever the work raised; or the job already runs on the loop of
                this very thread, which cannot go on while the thread is blocked.
        """
        seconds = None if timeout is None else finite_seconds(timeout, "timeout")
        last = self._last_attempt()
        if last is not self:
            return last.result(seconds)
        try:
            return super().result(seconds)
        except asyncio.CancelledError:
            pass  # raised below as ours, without asyncio's error as its context
        except KeyboardInterrupt:  # it may come before the wait has begun
            self.cancel()
            raise
        raise _cancelled(self._call)

    def retry(self) -> "Job[T_co]":
        """Start the same work anew, with a fresh deadline, as a job of its own.

        Whoever awaits this job, which has no result, then gets the result of the new one. Where
        the job or a retry of it still runs or has a result, that one is returned and nothing
        starts, so that nothing is paid twice.
        """
        last = self._last_attempt()
        if last is not self:
            return last.retry()
        if self._state() in {State.RUNNING, State.DONE}:
            return self
        job = self._next = type(self)(
            self._rework,
            self._call.afresh(),
            label=self.label,
            quote=self._quote,
            another=self.another,
        )
        for hook in self._retry_hooks:
            hook(job)
        return job

    def extend(self, seconds: float) -> None:
        """Move the deadline by *seconds*.

        Raises:
            PromptError: *seconds* is not a finite number.
        """
        self._cross(self._extend, finite_seconds(seconds, "extend"))

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call *subscriber* on the job's loop at every event and once at the end.

        Returns:
            A function that ends the watching.
        """
        self._subscribers.append(subscriber)
        if self.done():
            self._cross(self._tell)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe

    def on_result(self, hook: Callable[[T_co], Awaitable[object]]) -> None:
        """Await *hook* with the result before the job counts as over; not when it is done already.

        It is meant for what a listener needs by then, such as a preview made in a thread. The
        deadline does not hold for it.
        """
        self._result_hooks.append(hook)

    def before_done(self, hook: Callable[[], object]) -> None:
        """Call *hook*, which must not fail, on the job's loop before anybody learns of the end.

        It is not called for a job that is cancelled before it has begun.
        """
        self._last_hooks.append(hook)

    def on_retry(self, hook: Callable[["Job[Any]"], object]) -> None:
        """Call *hook* with the new job, in the thread of the caller, when this one is retried."""
        self._retry_hooks.append(hook)

    def __await__(self) -> Generator[object, None, T_co]:
        """Wait for the result, on any loop; a cancelled wait cancels the job.

        Raises:
            JobCancelled: It was cancelled, or somebody else who waited for it was.
            MediaToolkitError: Whatever the work raised.
        """
        return self._wait().__await__()

    def __bool__(self) -> bool:
        """Return True."""
        return True

    def __dir__(self) -> list[str]:
        """List what a user needs; the hooks are for the code that shows jobs."""
        return [name for name in super().__dir__() if name not in _HOOKS]

    if not TYPE_CHECKING:  # a type checker finds these by itself

        def _explain(self, *_item: object) -> NoReturn:
            raise NotAwaitedError(
                "A job is not the media that it makes; await it first: media = await job."
            )

        # No __iter__, which pandas takes for a list; what iterates asks for the first item.
        __bytes__ = __fspath__ = __getitem__ = __len__ = _explain

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001
            """Explain that it has no pixels yet; an array of objects may hold it."""
            if not getattr(dtype, "hasobject", False):
                self._explain()
            return object_array(self)

        def __getattr__(self, name: str) -> Any:
            """Explain an attribute that is missing, which mostly belongs to the result."""
            if name == "__array_interface__":  # all that Pillow asks an array for
                self._explain()
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if name in _TASK_NAMES:
                raise NotAwaitedError(
                    f"A job has no {name!r}, since it is not a task; give it to asyncio.gather, "
                    "asyncio.as_completed or asyncio.wait_for, or turn it into a task: "
                    "asyncio.ensure_future(job)."
                )
            raise NotAwaitedError(f"A job has no {name!r}; await it first, and ask what it makes.")

    def __reduce__(self) -> NoReturn:
        """Refuse: its work runs in this process."""
        raise TypeError(
            "A job runs in this process, so it is never pickled or copied; await it and send what "
            "it makes, or start it in the worker: mt.image(…)."
        )

    def __repr__(self) -> str:
        """One line without times or addresses; at the end also what the result lacks."""
        state, lacks = self._state(), ""
        if state is State.DONE and self._task is not None:
            lacks = getattr(self._task.result(), "omissions", "")
        return f"<Job {state.value}: {self.label[:60]!r}{f', {lacks}' if lacks else ''}>"

    async def _wait(self) -> T_co:
        if self._next is not None and (last := self._last_attempt()) is not self:
            return await last
        try:
            if loops.running() is not self.loop and not self.done():
                await self._wait_elsewhere()
            # Awaits the task itself, so a stopped cell stops the job and waits for its clean-up.
            return await self._started_task()
        except asyncio.CancelledError as stopped:
            stopped.__traceback__ = None  # a stopped cell shows where it waited, not our insides
            # A waiter that was itself cancelled must see that; else the job alone was cancelled.
            waiter = asyncio.current_task()
            if waiter is not None and waiter.cancelling():
                raise
        raise _cancelled(self._call)

    async def _wait_elsewhere(self) -> None:
        """Wait on the loop of another thread; a cancelled wait gives the clean-up 2 s."""
        self._check_loop_runs()
        over = asyncio.wrap_future(self._over)
        try:
            await asyncio.wait([over])
        except asyncio.CancelledError:
            self.cancel()
            await asyncio.wait([over], timeout=loops.PATIENCE)
            raise

    def _last_attempt(self) -> "Job[T_co]":
        job = self
        while job._next is not None and job._state() in {State.FAILED, State.CANCELLED}:
            job = job._next
        return job

    async def _run(self) -> T_co:
        self._started = time.monotonic()
        try:
            async with self._call:
                result = await self._work(self._call)
            for hook in self._result_hooks:
                await hook(result)
        except BaseException as error:
            self._error = error
            if isinstance(error, MediaToolkitError) and error.call_site is None:
                error.call_site = self._call_site
            raise
        finally:
            self._took = time.monotonic() - self._started
            for last_hook in self._last_hooks:
                last_hook()
        return result

    def _extend(self, seconds: float) -> None:
        self._call.extend(seconds)
        self._tell()

    def _end(self, task: asyncio.Task[T_co]) -> None:
        self.alive.discard(self)
        error = self._error
        if error is not None and (self._subscribers or loops.is_shutdown(error)):
            _ = task.cancelled() or task.exception()  # others show it, or nobody is there any more
        self._call.listener = None  # else nothing but the collector would free the result
        self._tell()
        super()._end(task)

    def _tell(self, _event: object = None) -> None:
        """Let the loop call the subscribers, so that a fault of one does not reach the others."""
        if self._subscribers:
            progress = self.progress
            for subscriber in list(self._subscribers):
                self.loop.call_soon(subscriber, progress)

    def _state(self) -> State:
        if self._task is None or not self._task.done():
            return State.RUNNING
        if self._task.cancelled():
            return State.CANCELLED
        return State.DONE if self._error is None else State.FAILED


def object_array(thing: object) -> "npt.NDArray[Any]":
    """Return an array of no dimensions that holds *thing* itself.

    NumPy, which is the caller, asks each thing that it puts among objects whether it is an array.
    """
    array: npt.NDArray[Any] = sys.modules["numpy"].empty((), dtype=object)
    array[()] = thing
    return array


def running_jobs(loop: loops.Loop | None = None) -> list[Job[Any]]:
    """All jobs that run, or those on *loop*, in no order; also those without another reference."""
    for job in list(Job.alive):
        if job.loop.is_closed():
            # The loop was closed while the job ran, so its end was never reported.
            Job.alive.discard(job)
    return [job for job in list(Job.alive) if loop is None or job.loop is loop]


def cancel_all(loop: loops.Loop | None = None) -> list[Job[Any]]:
    """Cancel every running job, or those on *loop*; safe from any thread.

    Returns:
        The jobs.
    """
    jobs = running_jobs(loop)
    for job in jobs:
        job.cancel()
    return jobs


def run(work: "Coroutine[Any, Any, T] | Job[T]") -> T:
    """Block this thread until *work* is done on the loop in the background.

    For code without `await`: `fox = mt.run(agent.generate("a red fox"))`. Ctrl-C cancels it.

    Raises:
        PromptError: *work* is neither a coroutine nor a job, or this is the background itself.
        MediaToolkitError: Whatever it raised.
    """
    if isinstance(work, Job):
        return work.result()
    if not asyncio.iscoroutine(work):
        raise PromptError(
            f"mt.run takes a coroutine or a job, such as agent.generate(…), not "
            f"{type(work).__name__}."
        )
    if loops.background.is_here():
        work.close()
        raise PromptError("This runs in the background already; use `await` in place of mt.run.")
    return loops.LoopTask(lambda: work, loops.background.loop(), name="mediatoolkit run").result()


def start_job(
    start: Callable[[], Job[T]], then: Callable[[Job[T]], object] | None = None
) -> Job[T]:
    """Call *start* and return its job; a Ctrl-C that comes meanwhile cancels the job.

    So no job runs on without a handle of the caller's. Before it returns, *then* is called with
    the job.
    """
    job: Job[T] | None = None
    try:
        with loops.interrupts_later():
            job = start()
            if then is not None:
                then(job)
        return job  # noqa: TRY300 - a Ctrl-C may be raised here as well
    except KeyboardInterrupt:
        if job is not None:
            job.cancel()
        raise


def register_display(display: Callable[[Job[Any]], object]) -> None:
    """Have `display` call *display* for the jobs of calls that start several."""
    _displays.add(display)


def display(job: Job[Any]) -> None:
    """Show *job* where a person watches; in a script nothing happens."""
    for each in _displays:
        each(job)


_displays: set[Callable[[Job[Any]], object]] = set()


async def end_here() -> None:
    """Cancel every job of the running loop, and wait for their clean-up."""
    loops.process.is_ending = True
    await asyncio.gather(*cancel_all(asyncio.get_running_loop()), return_exceptions=True)


def _end_at_exit() -> None:
    """Run loops that have stopped once more, so that their jobs can clean up."""
    for loop in {job.loop for job in running_jobs()}:
        if not loop.is_running():
            with contextlib.suppress(TimeoutError):
                loop.run_until_complete(asyncio.wait_for(end_here(), loops.PATIENCE))


loops.background.on_shutdown(cancel_all)
atexit.register(_end_at_exit)


def _cancelled(context: CallContext) -> JobCancelled:
    match context.event:
        case Withdrawn(confirmed=True):
            return JobCancelled("The job was cancelled, and the vendor confirmed that it stopped.")
        case Withdrawn():
            message = "The job was cancelled, but the vendor did not confirm that it stopped."
        case LeftRunning():
            message = (
                "The wait was cancelled; the vendor goes on, since somebody else waits as well."
            )
        case _:
            message = "The job was cancelled."
    message += f" {context.way_back}" if context.way_back else ""
    error = JobCancelled(message, provider=context.provider)
    error.may_have_been_billed, error.is_free = context.may_have_been_billed, context.is_free
    return error
