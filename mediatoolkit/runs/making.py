"""One row from its request to its outcome, in whatever process."""

import asyncio
import contextlib
import time
from contextlib import AbstractContextManager
from decimal import Decimal

from mediatoolkit.errors import JobCancelled, MediaToolkitError, RefusalError
from mediatoolkit.media import Media
from mediatoolkit.pricing.budget import budget
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.runs.work import Outcome, RowMaker, RowRequest, RowStatus
from mediatoolkit.runtime.events import Event, Retrying
from mediatoolkit.store import Store

_STOPPED = "The run was stopped while this row was being made."


class RowInProgress:
    """One row while it is made.

    Attributes:
        request: What is asked for.
        context: Of its call.
    """

    def __init__(self, maker: RowMaker, request: RowRequest) -> None:
        """Send nothing yet."""
        self.request = request
        self.context = maker.context(request.more_seconds)
        self.context.listener = self._hear
        self._maker = maker
        self._retries = 0
        self._started = time.monotonic()

    async def make(self) -> Outcome:
        """Wait until the vendor takes requests, make the row, and return how it has ended.

        A cancel passes through; `stopped` says how the row stands then.
        """
        try:
            await self._maker.ready()
            self._started = time.monotonic()
            with _within(self.request.cap):
                async with self.context as context:
                    values, take = self.request.values, self.request.take
                    media = await self._maker.make(values, take, context)
        except Exception as error:  # noqa: BLE001 - a failed row is a value, whatever failed
            return self._failed(error)
        return await self._done(media)

    def stopped(self) -> Outcome:
        """How the row stands when it was cancelled."""
        if self.context.may_have_been_billed:
            outcome = self._outcome(RowStatus.UNCLEAR)
            outcome.error = JobCancelled(_STOPPED, may_have_been_billed=True)
            return outcome
        return Outcome(self.request.number, RowStatus.WAITING, unclear=self.context.unclear)

    async def _done(self, media: Media) -> Outcome:
        outcome = self._outcome(RowStatus.DONE)
        outcome.media = media
        outcome.file = await name_in(self._maker.store, media)
        outcome.usd = ZERO if media.cached else media.cost.usd if media.cost else None
        return outcome

    def _failed(self, error: Exception) -> Outcome:
        is_billed = isinstance(error, MediaToolkitError) and error.may_have_been_billed
        is_unclear = is_billed and not isinstance(error, RefusalError)
        is_unclear |= self.context.spent > 0  # it was made, and not kept
        outcome = self._outcome(RowStatus.UNCLEAR if is_unclear else RowStatus.FAILED)
        outcome.error = error
        return outcome

    def _outcome(self, status: RowStatus) -> Outcome:
        seconds = round(time.monotonic() - self._started, 3)  # as a ledger has it
        attempts, unclear = 1 + self._retries, self.context.unclear
        if status is not RowStatus.DONE:
            unclear += self.context.spent
        number = self.request.number
        return Outcome(number, status, unclear=unclear, seconds=seconds, attempts=attempts)

    def _hear(self, event: Event) -> None:
        self._retries += isinstance(event, Retrying)


async def name_in(store: Store, media: Media) -> str:
    """The name of *media* in its *store*."""
    if media.path is not None:
        return media.path.name
    return await asyncio.to_thread(store.name_of, media)


def _within(cap: Decimal | None) -> AbstractContextManager[object]:
    return contextlib.nullcontext() if cap is None else budget.cap(cap)
