"""Rows that a vendor makes as batches, at half price and within a day."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, NamedTuple

from mediatoolkit.errors import DeadlineError, MediaToolkitError, RefusalError
from mediatoolkit.media import Media
from mediatoolkit.providers.batches import BatchClient, BatchProgress
from mediatoolkit.providers.jobs import DENIALS, PollAgain
from mediatoolkit.runs.making import name_in
from mediatoolkit.runs.work import Executor, Outcome, RowMaker, RowRequest, RowStatus
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.gather import Polling

_READ_WITHIN = 3_600.0  # seconds for all results of one batch, which may be gigabytes
_CANCEL_WITHIN = 4.0  # seconds in which a vendor is asked to stop
_POLL_WITHIN = 60.0  # seconds for one poll
_UPLOAD_WITHIN = 900.0  # seconds that a batch of 100 MB has, beyond those of one row
_ALL = 1 << 30


class _Collected(NamedTuple):
    """A batch that is collected, and the rows that are left in it."""

    name: str
    left: Sequence[RowRequest]


_News = Outcome | _Collected | BaseException | None
"""How a row has ended; a batch that is collected; what ended everything; or the end."""


class BatchExecutor(Executor):
    """Hands rows over to the vendor of a run's first client, and collects what it made.

    The vendor's name for a batch is written down before it is polled, so that a later session can
    collect it.

    Args:
        polling: How often each batch is polled.
    """

    chunk = _ALL
    slots = 1
    needs_reservation = True
    writes_intents = True
    is_one_request = True

    def __init__(self, polling: Polling | None = None) -> None:
        """Hand over nothing yet."""
        self._polling = polling or Polling(first=5, cap=60)
        self._at_vendor: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def check(self, maker: RowMaker, values: Mapping[str, Any]) -> None:
        """Refuse a row that the vendor takes in no batch."""
        super().check(maker, values)
        maker.check_batch(values)

    def upper(self, maker: RowMaker, values: Mapping[str, Any]) -> Decimal | None:
        """The most that a row may cost in a batch."""
        return maker.batch_upper(values)

    async def open(self, maker: RowMaker, concurrency: int) -> None:  # noqa: ARG002 - the vendor's
        """Make sure that the vendor takes batches."""
        self._client = maker.batch_client()
        self._maker = maker

    def make(self, rows: Sequence[RowRequest]) -> AsyncIterator[Outcome]:
        """Hand over *rows* in as few batches as the vendor takes, and collect them all."""
        return self._outcomes(rows)

    def collect(self, name: str, rows: Sequence[RowRequest]) -> AsyncIterator[Outcome]:
        """Collect the batch *name* of an earlier session."""
        return self._outcomes(rows, name)

    async def close(self) -> None:
        """Ask the vendor to stop, and collect nothing more.

        The batches stay in the ledger, so that a later session collects what was made. Where the
        kernel ends, the vendor is told nothing, and goes on.
        """
        names, self._at_vendor = self._at_vendor, set()
        for task in self._tasks:
            task.cancel()
        if not loops.process.is_ending:
            await asyncio.gather(*map(self._cancel, names))

    async def _outcomes(
        self, rows: Sequence[RowRequest], name: str | None = None
    ) -> AsyncIterator[Outcome]:
        news: asyncio.Queue[_News] = asyncio.Queue()
        work = self._hand_over(rows, news) if name is None else self._collect(name, rows, news)
        task = asyncio.create_task(self._ending(work, news))
        self._tasks.add(task)
        try:
            while (each := await news.get()) is not None:
                if isinstance(each, BaseException):
                    raise each
                if isinstance(each, Outcome):
                    yield each
                elif self.journal is not None:  # all outcomes of that batch are taken by now
                    await self.journal.write_batch(each.name, each.left)
        finally:
            self._tasks.discard(task)
            task.cancel()

    async def _ending(self, work: Any, news: "asyncio.Queue[_News]") -> None:
        """Do *work*, and tell its end."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whoever takes the outcomes raises it
            news.put_nowait(error)
        finally:
            news.put_nowait(None)

    async def _hand_over(self, rows: Sequence[RowRequest], news: "asyncio.Queue[_News]") -> None:
        """Hand over one batch after the other, while those before are collected."""
        tasks: list[asyncio.Task[None]] = []
        tasks.append(asyncio.create_task(self._submit_all(rows, news, tasks)))
        try:
            while pending := [task for task in tasks if not task.done()]:
                await asyncio.wait(pending)  # one that fails keeps none of the others
            for task in tasks:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _submit_all(
        self,
        rows: Sequence[RowRequest],
        news: "asyncio.Queue[_News]",
        tasks: list[asyncio.Task[None]],
    ) -> None:
        """Hand over *rows*; a task for each batch, among *tasks*, collects it."""
        by_key = {f"r{row.number}": row for row in rows}
        left = dict(by_key)
        refused: list[tuple[str, MediaToolkitError]] = []
        batches = self._client.batches_of(self._prompts(by_key, refused))

        def refuse() -> None:
            while refused:
                key, error = refused.pop()
                news.put_nowait(_failed(left.pop(key), error))

        try:
            while prompts := await asyncio.to_thread(next, batches, None):
                refuse()
                inside = [left.pop(key) for key in prompts]
                name = await self._submit(prompts, inside, news)
                if name is not None:
                    tasks.append(asyncio.create_task(self._collect(name, inside, news)))
            refuse()
        finally:
            for row in left.values():  # not sent, so that the next session makes them
                news.put_nowait(Outcome(row.number, RowStatus.WAITING))

    def _prompts(
        self, rows: Mapping[str, RowRequest], refused: list[tuple[str, MediaToolkitError]]
    ) -> Iterator[tuple[str, Any]]:
        """The prompt of each row, with its key; one that cannot be made is *refused*; blocks."""
        for key, row in rows.items():
            try:
                prompt = self._maker.prompt(row.values)
            except MediaToolkitError as error:
                refused.append((key, error))
            else:
                yield key, prompt

    async def _submit(
        self, prompts: Mapping[str, Any], rows: Sequence[RowRequest], news: "asyncio.Queue[_News]"
    ) -> str | None:
        """Hand over one batch, and write down its name; None where the vendor did not take it."""
        if self.journal is not None:
            await self.journal.write_intents(rows)
        try:
            async with self._maker.context(_UPLOAD_WITHIN) as context:
                name: str = await self._client.submit_batch(prompts, context)
        except MediaToolkitError as error:
            for row in rows:
                news.put_nowait(_failed(row, error))
            return None
        self._at_vendor.add(name)
        if self.journal is not None:
            await self.journal.write_batch(name, rows)
        return name

    async def _collect(
        self, name: str, rows: Sequence[RowRequest], news: "asyncio.Queue[_News]"
    ) -> None:
        """Wait until the batch is over, and read what it brought."""
        self._at_vendor.add(name)
        try:
            await self._polling.until(_Polls(self._client, name))
        except MediaToolkitError:
            self._at_vendor.discard(name)  # it goes on, and a later session collects it
            raise
        self._at_vendor.discard(name)
        by_key = {f"r{row.number}": row for row in rows}
        unread: list[tuple[str, MediaToolkitError]] = []
        prompts = await asyncio.to_thread(lambda: dict(self._prompts(by_key, unread)))
        async with CallContext(_READ_WITHIN) as context:
            results = self._client.batch_results(name, prompts, context)
            async with aclosing(results):
                async for key, result in results:
                    news.put_nowait(await self._outcome(by_key[key], result))
        # What started from a file that is gone stays in the batch until the file is back.
        news.put_nowait(_Collected(name, [by_key[key] for key, _ in unread]))

    async def _outcome(self, row: RowRequest, result: Media | MediaToolkitError) -> Outcome:
        if isinstance(result, MediaToolkitError):
            return _failed(row, result)
        media = await self._maker.store.put(result)
        usd = media.cost.usd if media.cost else None
        file = await name_in(self._maker.store, media)
        return Outcome(row.number, RowStatus.DONE, media, file, usd, attempts=1)

    async def _cancel(self, name: str) -> None:
        """Ask the vendor to stop; what it does not hear goes on, and is collected later."""
        try:
            async with CallContext(_CANCEL_WITHIN) as context:
                await self._client.cancel_batch(name, context)
        except MediaToolkitError:
            return


class _Polls:
    """One poll of a batch after the other, with the denials that are counted between them."""

    def __init__(self, client: BatchClient[Any, Any], name: str) -> None:
        self._client = client
        self._name = name
        self._denials = 0

    async def __call__(self) -> BatchProgress | None:
        """How the batch has ended, or None while it goes on."""
        try:
            async with CallContext(_POLL_WITHIN) as context:
                progress = await self._client.poll_batch(self._name, context)
        except DeadlineError:
            return None
        except PollAgain as again:
            self._denials = self._denials + 1 if again.denial else 0
            if again.denial is not None and self._denials >= DENIALS:
                raise again.denial from None
            return None
        self._denials = 0
        return progress if progress.is_over else None


def _failed(row: RowRequest, error: MediaToolkitError) -> Outcome:
    is_unclear = error.may_have_been_billed and not isinstance(error, RefusalError)
    status = RowStatus.UNCLEAR if is_unclear else RowStatus.FAILED
    unclear = row.cap or Decimal(0) if is_unclear else Decimal(0)
    return Outcome(row.number, status, unclear=unclear, attempts=1, error=error)
