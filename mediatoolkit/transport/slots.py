"""How many calls of one transport run at once, on one session."""

import asyncio
from typing import TYPE_CHECKING

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Queued
from mediatoolkit.transport.policy import Limits

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

    from mediatoolkit.transport.session import Ledger


class Desk:
    """One transport's business with one session, hence on one loop.

    Attributes:
        tally: Line of the origin in the registry's table.
        bucket: Pace of the session's retries.
        pace: Lets requests start evenly, or None.
    """

    def __init__(self, limits: Limits, ledger: "Ledger", origin: str) -> None:
        """Open with every slot free."""
        self.tally = ledger.tally(origin)
        self.bucket = ledger.bucket
        self._slots = asyncio.Semaphore(limits.concurrency)
        self.pace = _pace(limits.per_second)

    async def enter(self, context: CallContext) -> None:
        """Take a slot, waiting for one where all are taken; `leave` gives it back."""
        if self._slots.locked():
            context.report(Queued())
        await self._slots.acquire()
        self.tally.calls += 1
        self.tally.in_flight += 1

    def leave(self) -> None:
        """Give the slot back."""
        self.tally.in_flight -= 1
        self._slots.release()

    async def turn(self, context: CallContext) -> None:
        """Wait until one more request may start."""
        if self.pace is None:
            return
        if not self.pace.has_capacity():
            context.report(Queued())
        await self.pace.acquire()


def _pace(per_second: float | None) -> "AsyncLimiter | None":
    if per_second is None:
        return None
    from aiolimiter import AsyncLimiter

    return AsyncLimiter(1, 1 / per_second)  # one at a time: a larger rate lets bursts through
