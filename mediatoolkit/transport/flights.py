"""Calls in flight: a close can end them, and nothing that leaves them shows a request."""

import asyncio
from types import TracebackType
from typing import Self

from mediatoolkit.errors import ClosedError, MediaToolkitError
from mediatoolkit.transport.session import CLOSE_WITHIN


class Flights:
    """All calls of one transport, on whatever loop they run.

    Args:
        name: Who is closed, for the message.
    """

    def __init__(self, name: str) -> None:
        """Nothing is in flight."""
        self.name = name
        self.closed = False
        self._open: set[Flight] = set()
        self._empty: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def begin(self) -> "Flight":
        """One more call, as a context manager.

        Raises:
            ClosedError: After `end`; nothing was sent.
        """
        if self.closed:
            raise closed(self.name)
        return Flight(self)

    async def end(self) -> None:
        """Fail every call with `ClosedError`; waits until they are gone, at most 4 s."""
        self.closed = True
        if not self._open:
            return
        loop, empty = asyncio.get_running_loop(), asyncio.Event()
        self._empty = (loop, empty)
        for flight in list(self._open):
            flight.stop(loop)
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await empty.wait()
        except TimeoutError:
            return

    def enter(self, flight: "Flight") -> None:
        """Add *flight*."""
        self._open.add(flight)

    def leave(self, flight: "Flight") -> None:
        """Remove *flight*, and wake a close that waits for the last one."""
        self._open.discard(flight)
        if self._empty is not None and not self._open:
            loop, empty = self._empty
            if not loop.is_closed():
                loop.call_soon_threadsafe(empty.set)


class Flight:
    """One call. On the way out, what is raised loses the frames that hold headers.

    A fault in our own code keeps them: it is to be found, and the key is hidden there too.
    """

    __slots__ = ("_before", "_flights", "_loop", "_stopped", "_task")

    def __init__(self, flights: Flights) -> None:
        """Belong to *flights*."""
        self._flights = flights
        self._stopped = False

    def __enter__(self) -> Self:
        """Join the others."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A call needs a task to run in.")
        self._task = task
        self._loop = task.get_loop()
        self._before = task.cancelling()
        self._flights.enter(self)
        return self

    def stop(self, here: asyncio.AbstractEventLoop) -> None:
        """Fail the call, from a close that runs on the loop *here*."""
        self._stopped = True
        if self._loop is here:
            self._task.cancel()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the others; a close shows as `ClosedError`, all else passes without its frames."""
        self._flights.leave(self)
        if isinstance(error, MediaToolkitError) or not isinstance(error, Exception | None):
            error.__traceback__ = None
            error.__context__ = error.__cause__ = None
        if not self._stopped:
            return
        ours = self._task.uncancel() <= self._before
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            failure = closed(self._flights.name)
            try:
                raise failure
            finally:
                failure.__context__ = None


def closed(name: str) -> ClosedError:
    """Error for what happens after a close."""
    return ClosedError(f"{name} is closed; make a new one.")
