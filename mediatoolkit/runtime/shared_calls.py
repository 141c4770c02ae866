"""Calls that several callers wait for: the same request twice at once is made once.

The work is a task of its own on the loop of the first who asks, so that no single waiter ends it.
Each waiter keeps its own deadline. The work goes on as long as somebody waits, so the latest of
these deadlines is the one that ends it.
"""

import asyncio
import contextlib
import copy
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from typing import Generic, TypeVar

from mediatoolkit.errors import ClosedError
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, LeftRunning
from mediatoolkit.runtime.work import WorkProgress

T = TypeVar("T")
Work = Callable[[CallContext], Awaitable[T]]

_NO_END = 9e8  # seconds; the waiters have the deadlines
_BILL = ("provider", "paid", "unclear", "spent", "job_id", "last_words", "way_back")


class SharedCalls(Generic[T]):
    """Calls in flight by key; safe from any thread and any loop."""

    def __init__(self) -> None:
        """Begin without a call."""
        self._lock = threading.Lock()
        self._calls: dict[Hashable, _SharedCall[T]] = {}

    async def run(self, key: Hashable, context: CallContext, work: Work[T]) -> T:
        """Return what *work* makes, or what the work of the same key makes that is in flight.

        The events of that work reach *context*, and its clock stands while the work waits for its
        turn. A cancel or the deadline of *context* ends this wait alone. Where nobody else waits
        it ends the work, and the clean-up of that comes first.

        Args:
            key: What is asked for.
            context: The caller's own, open.
            work: It gets a context of its own, whose deadline is the latest of all waiters'.

        Raises:
            ClosedError: The loop on which the work ran has ended, and it may have been billed.
            Exception: What the work raised; each waiter gets a copy with a traceback of its own.
        """
        while True:
            call, waiter = self._join(key, context, work)
            await self._wait(key, call, waiter)
            if not call.was_dropped:
                return call.result()
            if context.may_have_been_billed:
                raise ClosedError(
                    "The loop on which this was made has ended, and the work with it.",
                    provider=context.provider,
                    may_have_been_billed=True,
                )

    def _join(
        self, key: Hashable, context: CallContext, work: Work[T]
    ) -> "tuple[_SharedCall[T], _Waiter]":
        with self._lock:
            call = self._calls.get(key)
            is_first = call is None or not call.is_running
            if call is None or is_first:
                call = self._calls[key] = _SharedCall(context, work)
            waiter = _Waiter(context, call.context.work)
            call.waiters.append(waiter)
            is_paused = call.context.is_paused
        if is_paused:
            waiter.stop_clock()
        elif not is_first:
            waiter.hear(call.context.event)
        return call, waiter

    async def _wait(self, key: Hashable, call: "_SharedCall[T]", waiter: "_Waiter") -> None:
        end = asyncio.wrap_future(call.end)
        try:
            await asyncio.wait([end])
        except asyncio.CancelledError:
            if self._is_last(key, call, waiter):
                await call.stop(end, is_late=waiter.context.expired)
                waiter.take_bill(call.context)
            elif not waiter.context.expired:
                waiter.context.report(LeftRunning())
            raise
        else:
            waiter.take_bill(call.context)
        finally:
            end.cancel()  # else the end of the work would look for a loop that may be closed
            self._leave(key, call, waiter)

    def _is_last(self, key: Hashable, call: "_SharedCall[T]", waiter: "_Waiter") -> bool:
        """Whether nobody else waits; if so, nobody can join any more. Otherwise leave."""
        with self._lock:
            if call.waiters != [waiter]:
                call.waiters.remove(waiter)
                return False
            if self._calls.get(key) is call:
                del self._calls[key]
            return True

    def _leave(self, key: Hashable, call: "_SharedCall[T]", waiter: "_Waiter") -> None:
        waiter.leave()
        with self._lock:
            if waiter in call.waiters:
                call.waiters.remove(waiter)
            if self._calls.get(key) is call and call.end.done():
                del self._calls[key]


class _SharedCall(Generic[T]):
    """Work in flight, and the callers that wait for it.

    Attributes:
        waiters: Changed under the lock of the calls alone.
        context: Of the work.
        end: Done when the work is over, in whatever way.
        was_dropped: The work was cancelled although somebody waits, since its loop has ended.
    """

    def __init__(self, first: CallContext, work: Work[T]) -> None:
        """Start on the running loop, with its next turn."""
        self.waiters: list[_Waiter] = []
        self.context = _SharedContext(first, self.waiters)
        self.end = loops.new_future()
        self.was_dropped = False
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run(work), name="mediatoolkit shared call")
        # Not a `finally` in the task, which would be skipped by a cancel before its first step.
        self._task.add_done_callback(self._finish)

    @property
    def is_running(self) -> bool:
        """Whether somebody can still join."""
        return not self.end.done() and self._loop.is_running()

    def result(self) -> T:
        """What the work made.

        Raises:
            Exception: What it raised, as a copy.
        """
        error = self._task.exception()
        if error is not None:
            raise _copied(error)
        return self._task.result()

    async def stop(self, end: "asyncio.Future[None]", *, is_late: bool) -> None:
        """Cancel the work and wait for its clean-up; on another loop at most 2 s."""
        self.context.is_late = is_late
        if self._loop is asyncio.get_running_loop():
            self._task.cancel()
            await asyncio.wait([end])
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task gone with it
            self._loop.call_soon_threadsafe(self._task.cancel)
        await asyncio.wait([end], timeout=loops.PATIENCE)

    async def _run(self, work: Work[T]) -> T:
        async with self.context:
            return await work(self.context)

    def _finish(self, task: "asyncio.Task[T]") -> None:
        self.was_dropped = task.cancelled()
        if not self.was_dropped:
            task.exception()  # marks it as seen, since a waiter may have left meanwhile
        self.end.set_result(None)


class _SharedContext(CallContext):
    """The context of shared work, which passes on what it hears.

    Attributes:
        is_late: The work is cancelled since the deadline of the last waiter has passed.
    """

    __slots__ = ("_waiters", "is_late")

    def __init__(self, first: CallContext, waiters: "list[_Waiter]") -> None:
        """Take the other durations of the *first* waiter, and the job that it comes back to."""
        super().__init__(_NO_END, listener=self._pass_on, connect=first.connect, read=first.read)
        self.job_id = first.job_id
        self.is_late = False
        self._waiters = waiters

    @property
    def expired(self) -> bool:
        """Whether a deadline is what ends the call."""
        return self.is_late

    def left(self) -> float:
        """Return the seconds until the latest deadline."""
        return max((waiter.context.left() for waiter in self._waiters[:]), default=0.0)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Stop the clocks of all waiters during the block."""
        self.is_paused = True
        self._tell_each(_Waiter.stop_clock)
        try:
            yield
        finally:
            self.is_paused = False
            self._tell_each(_Waiter.start_clock)

    def _pass_on(self, event: Event) -> None:
        self._tell_each(_Waiter.hear, event)

    def _tell_each(self, action: Callable[..., None], *facts: Event) -> None:
        for waiter in self._waiters[:]:
            waiter.cross(action, *facts)


class _Waiter:
    """A caller that waits, on a loop of its own."""

    def __init__(self, context: CallContext, work: WorkProgress) -> None:
        """Show the progress of *work* as that of *context*."""
        self.context = context
        self._loop = asyncio.get_running_loop()
        self._pauses = contextlib.ExitStack()
        self._has_left = False
        context.work = _WatchedWork(work)

    def cross(self, action: Callable[..., None], *facts: Event) -> None:
        """Do *action* with this on its loop, unless it has left by then."""
        if loops.running() is self._loop:
            self._do(action, *facts)
            return
        with contextlib.suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._do, action, *facts)

    def hear(self, event: Event) -> None:
        self.context.report(event)

    def stop_clock(self) -> None:
        self._pauses.enter_context(self.context.pause())

    def start_clock(self) -> None:
        self._pauses.close()

    def take_bill(self, context: CallContext) -> None:
        """Note what may have been billed, and how to come back to it."""
        for name in _BILL:
            setattr(self.context, name, getattr(context, name))

    def leave(self) -> None:
        """Hear nothing any more."""
        self.start_clock()
        self._has_left = True

    def _do(self, action: Callable[..., None], *facts: Event) -> None:
        if not self._has_left:
            action(self, *facts)


class _WatchedWork(WorkProgress):
    """The progress of work that reports to another context."""

    __slots__ = ("_work",)

    def __init__(self, work: WorkProgress) -> None:
        """Watch *work*."""
        self._work = work

    @property
    def estimate(self) -> float | None:  # type: ignore[override]
        """As of the work itself."""
        return self._work.estimate

    @property
    def seconds(self) -> float | None:
        """As of the work itself."""
        return self._work.seconds

    @property
    def is_timed(self) -> bool:
        """As of the work itself."""
        return self._work.is_timed

    @property
    def fraction(self) -> float | None:
        """As of the work itself."""
        return self._work.fraction

    def hear(self, event: Event) -> None:
        """Nothing: the work has heard it already."""


def _copied(error: BaseException) -> BaseException:
    """The same error, so that what one waiter adds to it reaches no other."""
    try:
        fresh = copy.copy(error)
    except Exception:  # noqa: BLE001 - whatever a foreign constructor wants; then all share it
        return error
    fresh.__cause__ = error.__cause__
    fresh.__suppress_context__ = error.__suppress_context__
    return fresh.with_traceback(error.__traceback__)
