"""Calls in flight: a close can end them, and nothing that leaves them shows a request."""

import abc
import asyncio
from types import TracebackType
from typing import NoReturn, Self

from mediatoolkit.errors import ClosedError, MediaToolkitError
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext

CLOSE_WITHIN = 4.0
"""Seconds that a close waits at most."""


class Closing(abc.ABC):
    """Something that is closed at the end of `async with`, or before by hand."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Close everything it holds; may be called again."""

    def __reduce__(self) -> NoReturn:
        """Refuse: connections and keys stay in their process."""
        name = type(self).__name__
        raise TypeError(
            f"This {name} holds connections of this process, so it is never pickled or copied; "
            f"make it in the worker: {name}(…)."
        )

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close."""
        await self.close()


class InFlight:
    """The open calls that one close ends, on whatever loop they run.

    Args:
        name: What is closed, for the message.
        among: A wider set of calls, which these join as well.
    """

    def __init__(self, name: str, among: "InFlight | None" = None) -> None:
        """Start without a call."""
        self.name = name
        self.closed = False
        self._open: set[Tracked] = set()
        self.open_sets: tuple[set[Tracked], ...] = (
            (self._open,) if among is None else (self._open, *among.open_sets)
        )

    async def end(self) -> None:
        """Fail every call with `ClosedError`, and all later ones; waits as `stop`."""
        self.closed = True
        await self.stop()

    async def stop(self, loop: loops.Loop | None = None) -> None:
        """Fail every call with `ClosedError`; waits until they are gone, at most 4 s.

        Args:
            loop: Where they run; left out, anywhere.
        """
        # A copy, since calls of other threads enter and leave meanwhile.
        calls = [call for call in list(self._open) if loop in (None, call.loop)]
        ends = [asyncio.wrap_future(call.stop(self)) for call in calls]
        if ends:
            _, unfinished = await asyncio.wait(ends, timeout=CLOSE_WITHIN)
            for end in unfinished:
                end.cancel()

    def failure(self) -> ClosedError:
        """Return what a stopped call raises."""
        if self.closed:
            return closed(self.name)
        return ClosedError(f"{self.name} was closed while this ran; ask again.")


class Tracked:
    """One call in flight. On the way out, what is raised loses the frames that hold headers.

    A fault in our own code keeps its frames, so that it can be found; the key is hidden there too.

    Attributes:
        loop: Where it runs, once it is entered.
    """

    __slots__ = ("_before", "_context", "_end", "_owner", "_stopped_by", "_task", "loop")

    def __init__(self, owner: InFlight, context: CallContext) -> None:
        """Belong to *owner*.

        Raises:
            ClosedError: That is closed; nothing was sent.
        """
        if owner.closed:
            raise closed(owner.name)
        self._owner = owner
        self._context = context
        self._end: loops.Future | None = None
        self._stopped_by: InFlight | None = None

    def __enter__(self) -> Self:
        """Join the calls in flight."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A call needs a task to run in.")
        self._task: asyncio.Task[object] | None = task
        self._before = task.cancelling()
        self.loop = task.get_loop()
        for calls in self._owner.open_sets:
            calls.add(self)
        return self

    def stop(self, owner: InFlight) -> loops.Future:
        """Fail the call, from any thread; *owner* is what is closed.

        Returns:
            Done when it has left.
        """
        end = self._end = self._end or loops.new_future()
        if self.loop is loops.running():
            self._cancel(owner)
        elif self.loop.is_closed():
            self._leave()
        else:
            self.loop.call_soon_threadsafe(self._cancel, owner)
        return end

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave them; a close shows as `ClosedError`, all else passes without its frames."""
        task = self._task
        self._leave()
        if isinstance(error, MediaToolkitError) or not isinstance(error, Exception | None):
            error.__traceback__ = None
            error.__context__ = error.__cause__ = None
        if task is None or self._stopped_by is None:
            return
        # Where somebody else cancelled the task as well, that cancel must reach its source.
        is_ours = task.uncancel() <= self._before
        if is_ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            failure = self._stopped_by.failure()
            failure.provider = self._context.provider
            failure.may_have_been_billed = self._context.may_have_been_billed
            try:
                raise failure
            finally:
                failure.__context__ = None

    def _cancel(self, owner: InFlight) -> None:
        """Cancel the task, unless it has left meanwhile or is cancelled already."""
        if self._task is None:
            self._leave()
        elif self._stopped_by is None:
            self._stopped_by = owner
            self._task.cancel()

    def _leave(self) -> None:
        for calls in self._owner.open_sets:
            calls.discard(self)
        self._task = None
        if self._end is not None and not self._end.done():
            self._end.set_result(None)


over_sessions = InFlight("The session")
"""All calls over the sessions of this process."""


def closed(name: str) -> ClosedError:
    """Error for a use after the close."""
    return ClosedError(f"{name} is closed; make a new one.")
