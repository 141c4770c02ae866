"""How many calls of one transport run at once, on one session."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mediatoolkit.call import Call, Queued
from mediatoolkit.transport.policy import Limits

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

    from mediatoolkit.transport.session import Ledger


class Desk:
    """One transport's business with one session, hence on one loop.

    Attributes:
        tally: Line of the origin in the registry's table.
        bucket: Pace of the session's retries.
    """

    def __init__(self, limits: Limits, ledger: "Ledger", origin: str) -> None:
        """Open with every slot free."""
        self.tally = ledger.tally(origin)
        self.bucket = ledger.bucket
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._pace = _pace(limits.per_second)

    @contextlib.asynccontextmanager
    async def slot(self, call: Call) -> AsyncIterator[None]:
        """Hold one slot, waited for where all are taken."""
        if self._slots.locked():
            call.report(Queued())
        async with self._slots:
            tally = self.tally
            tally.calls += 1
            tally.in_flight += 1
            try:
                yield
            finally:
                tally.in_flight -= 1

    async def turn(self, call: Call) -> None:
        """Wait until one more request may start."""
        if self._pace is None:
            return
        if not self._pace.has_capacity():
            call.report(Queued())
        await self._pace.acquire()


def _pace(per_second: float | None) -> "AsyncLimiter | None":
    if per_second is None:
        return None
    from aiolimiter import AsyncLimiter

    return AsyncLimiter(1, 1 / per_second)  # one at a time: a larger rate lets bursts through
