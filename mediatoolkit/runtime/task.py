"""A coroutine on its way on one loop, which every thread may wait for."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from mediatoolkit.errors import ClosedError, DeadlineError, MediaToolkitError
from mediatoolkit.runtime import loops

T_co = TypeVar("T_co", covariant=True)
Hook = Callable[[], object]

_unstarted: WeakSet["LoopTask[Any]"] = WeakSet()


class LoopTask(Generic[T_co]):
    """A task that begins with the next turn of its loop, and until then can move to another.

    Args:
        make: Makes the coroutine, when it begins.
        name: Of the task.
        ended: Called on the loop before anybody else learns that it is over.

    All methods are safe from any thread, after `go_to` has been called once.

    Attributes:
        loop: Where it runs; settled when it has begun.
    """

    def __init__(
        self,
        make: Callable[[], Coroutine[Any, Any, T_co]],
        *,
        name: str,
        ended: Hook = lambda: None,
    ) -> None:
        """Wait for `go_to`."""
        self._make = make
        self._name = name
        self._tell_ended = ended
        self._task: asyncio.Task[T_co] | None = None
        self._over = loops.new_future()
        self._at_begin: list[Hook] = []
        self._at_end: list[Hook] = []

    def go_to(self, loop: loops.Loop) -> None:
        """Begin there with its next turn."""
        _unstarted.add(self)
        self.loop = loop
        soon = loop.call_soon if loops.running() is loop else loop.call_soon_threadsafe
        soon(lambda: self._begun() if self.loop is loop else None)  # it may move before that

    def done(self) -> bool:
        """Whether it is over, in whatever way."""
        return self._task is not None and self._task.done()

    def cancelled(self) -> bool:
        """Whether it is over because it was cancelled."""
        return self._task is not None and self._task.cancelled()

    def failure(self) -> BaseException | None:
        """What it raised, if it is over; asyncio then reports it no more."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    def cancel(self) -> None:
        """Cancel the task; one that has not begun begins and is cancelled at once."""
        self.cross(lambda: self._begun().cancel())

    def on_start(self, hook: Hook) -> None:
        """Call *hook* on the loop before the first step, or soon if that is past."""
        self._at_begin.append(hook)
        if self._task is not None:
            self.cross(self._call_each, self._at_begin)

    def on_done(self, hook: Hook) -> None:
        """Call *hook* on the loop at the end, or soon if that is past."""
        self._at_end.append(hook)
        if self._over.done():
            self.cross(self._call_each, self._at_end)

    async def wait(self) -> T_co:
        """Wait on any loop; a cancelled wait cancels the task and waits for its clean-up.

        On a loop of another thread, it gives the clean-up 2 s.
        """
        if loops.running() is self.loop:
            return await self._begun()
        if not self.done():
            self._needs_turning()
            over = asyncio.wrap_future(self._over)
            try:
                await asyncio.wait([over])
            except asyncio.CancelledError:
                self.cancel()
                await asyncio.wait([over], timeout=loops.PATIENCE)
                raise
        return self._begun().result()

    def result(self, timeout: float | None = None) -> T_co:
        """Block this thread until it is over; a broken wait cancels the task.

        Raises:
            DeadlineError: It is not over after *timeout* seconds; it goes on.
            MediaToolkitError: It runs on the loop of this very thread.
        """
        if not self.done():
            self._leave_this_thread()
            self._needs_turning()
            if not loops.wait_interruptibly(self._over, self.cancel, timeout):
                raise DeadlineError(
                    f"It is not over after {timeout:g} s and goes on; wait again, or cancel it.",
                    stage="working",
                    seconds=timeout or 0.0,
                )
        return self._begun().result()

    def cross(self, action: Callable[..., object], *args: object) -> None:
        """Do *action* on the loop, which may be another one by the time it gets there."""

        def arrive() -> None:
            if loops.running() is self.loop:
                action(*args)
            else:
                self.cross(action, *args)

        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task gone with it
            self.loop.call_soon_threadsafe(arrive)

    def _begun(self) -> asyncio.Task[T_co]:
        """The task; made now, on its loop, if it was not yet."""
        if self._task is None:
            _unstarted.discard(self)
            self._task = self.loop.create_task(self._make(), name=self._name)
            self._task.add_done_callback(self._ended)
            self._call_each(self._at_begin)
        return self._task

    def _ended(self, _task: asyncio.Task[T_co]) -> None:
        self._tell_ended()
        del self._make, self._tell_ended  # they lead back to whoever holds this, and the result
        self._over.set_result(None)
        self._call_each(self._at_end)

    def _call_each(self, hooks: list[Hook]) -> None:
        """The loop calls them, so that the fault of one is nobody else's."""
        while hooks:
            self.loop.call_soon(hooks.pop(0))

    def _leave_this_thread(self) -> None:
        """Move what has not begun on the loop that is about to be blocked, this and all others."""
        here = loops.running()
        if here is None or loops.background.is_here():
            return
        for task in list(_unstarted):
            if task.loop is here:
                task.go_to(loops.background.loop())

    def _needs_turning(self) -> None:
        if loops.running() is self.loop:
            raise MediaToolkitError(
                "It runs on the loop of this very thread, which stands still while the thread "
                "waits; use `await` here."
            )
        if not self.loop.is_running():
            raise ClosedError("The loop it runs on has stopped; start it again.")
