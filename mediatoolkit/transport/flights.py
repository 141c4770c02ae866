"""Calls in flight: a close can end them, and nothing that leaves them shows a request."""

import asyncio
from types import TracebackType
from typing import Self

from mediatoolkit import loops
from mediatoolkit.call import Call
from mediatoolkit.errors import ClosedError, MediaToolkitError

CLOSE_WITHIN = 4.0
"""Seconds that a close waits at most."""


class Flights:
    """Calls that are ended by the same close, on whatever loop they run.

    Args:
        name: Who is closed, for the message.
        among: Flights that these are a part of.
    """

    def __init__(self, name: str, among: "Flights | None" = None) -> None:
        """Nothing is in flight."""
        self.name = name
        self.closed = False
        self._among = among
        self._open: set[Flight] = set()

    def begin(self, call: Call) -> "Flight":
        """One more part of *call*, as a context manager.

        Raises:
            ClosedError: After `end`; nothing was sent.
        """
        if self.closed:
            raise closed(self.name)
        return Flight(self, call)

    async def end(self) -> None:
        """Fail every call with `ClosedError`, and all later ones; waits as `stop`."""
        self.closed = True
        await self.stop()

    async def stop(self, loop: loops.Loop | None = None) -> None:
        """Fail every call with `ClosedError`; waits until they are gone, at most 4 s.

        Args:
            loop: Where they run; left out, anywhere.
        """
        flights = [flight for flight in list(self._open) if loop in (None, flight.loop)]
        ends = [asyncio.wrap_future(flight.stop(self)) for flight in flights]
        if ends:
            _, late = await asyncio.wait(ends, timeout=CLOSE_WITHIN)
            for end in late:
                end.cancel()

    def failure(self) -> ClosedError:
        """What a stopped call raises."""
        if self.closed:
            return closed(self.name)
        return ClosedError(f"{self.name} was closed while this ran; ask again.")

    def enter(self, flight: "Flight") -> None:
        """Add *flight*."""
        self._open.add(flight)
        if self._among is not None:
            self._among.enter(flight)

    def leave(self, flight: "Flight") -> None:
        """Remove *flight*."""
        self._open.discard(flight)
        if self._among is not None:
            self._among.leave(flight)


class Flight:
    """One call. On the way out, what is raised loses the frames that hold headers.

    A fault in our own code keeps them: it is to be found, and the key is hidden there too.

    Attributes:
        loop: Where it runs, once it is entered.
    """

    __slots__ = ("_before", "_call", "_end", "_flights", "_stopped_by", "_task", "loop")

    def __init__(self, flights: Flights, call: Call) -> None:
        """Belong to *flights*."""
        self._flights = flights
        self._call = call
        self._end: loops.Over | None = None
        self._stopped_by: Flights | None = None

    def __enter__(self) -> Self:
        """Join the others."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A call needs a task to run in.")
        self._task: asyncio.Task[object] | None = task
        self._before = task.cancelling()
        self.loop = task.get_loop()
        self._flights.enter(self)
        return self

    def stop(self, flights: Flights) -> loops.Over:
        """Fail the call, from any thread; *flights* are closed.

        Returns:
            Done when it has left.
        """
        end = self._end = self._end or loops.over()
        if self.loop is loops.running():
            self._cancel(flights)
        elif self.loop.is_closed():
            self._leave()
        else:
            self.loop.call_soon_threadsafe(self._cancel, flights)
        return end

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the others; a close shows as `ClosedError`, all else passes without its frames."""
        task = self._task
        self._leave()
        if isinstance(error, MediaToolkitError) or not isinstance(error, Exception | None):
            error.__traceback__ = None
            error.__context__ = error.__cause__ = None
        if task is None or self._stopped_by is None:
            return
        is_ours = task.uncancel() <= self._before
        if is_ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            failure = self._stopped_by.failure()
            failure.provider = self._call.provider
            failure.may_have_been_billed = self._call.may_have_been_billed
            try:
                raise failure
            finally:
                failure.__context__ = None

    def _cancel(self, flights: Flights) -> None:
        """Cancel the task, unless it has left meanwhile or is cancelled already."""
        if self._task is None:
            self._leave()
        elif self._stopped_by is None:
            self._stopped_by = flights
            self._task.cancel()

    def _leave(self) -> None:
        self._flights.leave(self)
        self._task = None
        if self._end is not None and not self._end.done():
            self._end.set_result(None)


over_sessions = Flights("The session")
"""All that is in flight over the sessions of this process."""


def closed(name: str) -> ClosedError:
    """Error for what happens after a close."""
    return ClosedError(f"{name} is closed; make a new one.")
