"""A live handle on one running generation.

A job runs as a task of its own on the loop it was started on. It can be awaited, watched,
stopped and given more time; the last three from any thread, because a click in a notebook may
arrive in a thread with a loop of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from mediatoolkit.call import Call, Event, Withdrawn, finite_seconds
from mediatoolkit.errors import JobCancelled

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Watcher = Callable[["Progress"], None]


class State(Enum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come, at one instant.

    Attributes:
        state: Running, or how it ended.
        event: What it does now, or did last.
        elapsed: Seconds since the start.
        left: Seconds to the deadline; 0 when the job is over.
        error: Why it ended without a result, or None.
    """

    state: State
    event: Event
    elapsed: float
    left: float
    error: BaseException | None = None

    def __str__(self) -> str:
        """Such as `receiving 1.2 of 3.4 MB, 3.1 s, 116.9 s left`."""
        if self.state is State.RUNNING:
            return f"{self.event}, {self.elapsed:.1f} s, {self.left:.1f} s left"
        return f"{self.state.value} after {self.elapsed:.1f} s"


class Job(Generic[T_co]):
    """A running generation: awaitable, watchable, stoppable.

    Args:
        work: Does it; gets the open call that carries deadline and progress.
        call: Not yet opened.
        label: What is being made, for people; usually the prompt.

    Must be made inside a running loop; the work starts at once. A job that fails unseen, with
    nobody awaiting or watching it, is reported by asyncio's exception handler as any task is.
    """

    def __init__(self, work: Callable[[Call], Awaitable[T_co]], call: Call, *, label: str) -> None:
        """Start the work."""
        self.label = label
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._took = 0.0
        self._stopped_by_user = False
        self._watchers: list[Watcher] = []
        self._last_steps: list[Callable[[Any], Awaitable[object]]] = []
        self._error: BaseException | None = None
        call.listener = lambda _event: self._tell()
        self._task = self._loop.create_task(self._run(work), name=f"mediatoolkit job: {label[:60]}")
        self._task.add_done_callback(self._ended)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop the work runs on."""
        return self._loop

    @property
    def progress(self) -> Progress:
        """How far it has come; may be asked from any thread."""
        if not self._task.done():
            elapsed = self._loop.time() - self._started
            left = max(0.0, self._call.seconds - elapsed)
            return Progress(State.RUNNING, self._call.event, elapsed, left)
        return Progress(self._state(), self._call.event, self._took, 0.0, self._error)

    def done(self) -> bool:
        """Whether it is over, in whatever way."""
        return self._task.done()

    def cancel(self) -> None:
        """Stop the work; awaiting the job then raises `JobCancelled`. Safe from any thread."""
        self._cross(self._stop)

    def extend(self, seconds: float) -> None:
        """Move the deadline by *seconds*. Safe from any thread.

        Raises:
            PromptError: *seconds* is not a finite number.
        """
        self._cross(self._extend, finite_seconds(seconds, "extend"))

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call *watcher* on the job's loop at every event and once at the end.

        Returns:
            A function that ends the watching.
        """
        self._watchers.append(watcher)
        if self._task.done():
            self._loop.call_soon(self._tell)

        def unwatch() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return unwatch

    def before_over(self, hook: Callable[[T_co], Awaitable[object]]) -> None:
        """Await *hook* with the result before the job counts as over; not when it is done already.

        For what a listener needs by then, such as a preview made in a thread. The deadline does
        not hold for it.
        """
        self._last_steps.append(hook)

    def when_over(self, hook: Callable[["Job[Any]"], object]) -> None:
        """Call *hook* with this job, on its loop, when it is over, in whatever way."""
        self._task.add_done_callback(lambda _task: hook(self))

    def __await__(self) -> Generator[object, None, T_co]:
        """Wait for the result.

        Raises:
            JobCancelled: `cancel` was called.
            MediaToolkitError: Whatever the work raised.
        """
        return self._wait().__await__()

    def __repr__(self) -> str:
        """One line without times or addresses."""
        return f"<Job {self._state().value}: {self.label[:60]!r}>"

    async def _wait(self) -> T_co:
        """Awaits the task itself, so a stopped cell stops the job and waits for its clean-up."""
        try:
            return await self._task
        except asyncio.CancelledError as stopped:
            stopped.__traceback__ = None  # a stopped cell shows where it waited, not our insides
            waiter = asyncio.current_task()
            if not self._stopped_by_user or (waiter is not None and waiter.cancelling()):
                raise
        raise _cancelled(self._call)

    async def _run(self, work: Callable[[Call], Awaitable[T_co]]) -> T_co:
        try:
            async with self._call:
                result = await work(self._call)
            for step in self._last_steps:
                await step(result)
        except BaseException as error:
            self._error = error
            raise
        return result

    def _stop(self) -> None:
        if not self._task.done():
            self._stopped_by_user = True
            self._task.cancel()

    def _extend(self, seconds: float) -> None:
        self._call.extend(seconds)
        self._tell()

    def _cross(self, action: Callable[..., object], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action, *args)

    def _ended(self, task: asyncio.Task[T_co]) -> None:
        self._took = self._loop.time() - self._started
        if self._watchers and not task.cancelled():
            task.exception()  # the watchers show it, so asyncio need not
        self._tell()

    def _tell(self) -> None:
        """Watchers are called by the loop, so that the fault of one is nobody else's."""
        progress = self.progress
        for watcher in self._watchers:
            self._loop.call_soon(watcher, progress)

    def _state(self) -> State:
        if not self._task.done():
            return State.RUNNING
        if self._task.cancelled():
            return State.CANCELLED
        return State.DONE if self._error is None else State.FAILED


def _cancelled(call: Call) -> JobCancelled:
    facts: dict[str, Any] = {
        "provider": call.provider,
        "may_have_been_billed": call.may_have_been_billed,
    }
    if not isinstance(call.event, Withdrawn):
        return JobCancelled("The job was cancelled.", **facts)
    if call.event.confirmed:
        return JobCancelled("The job was cancelled, and the vendor confirmed that it stopped.")
    return JobCancelled(
        "The job was cancelled, but the vendor did not confirm that it stopped.", **facts
    )
