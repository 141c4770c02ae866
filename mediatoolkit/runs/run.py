"""A run: a live, awaitable handle on many generations with one name."""

import asyncio
import contextlib
import os
import re
import time
import unicodedata
from collections import deque
from collections.abc import AsyncGenerator, Hashable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediatoolkit.checks import meaning, quoted
from mediatoolkit.errors import PromptError, StorageError
from mediatoolkit.media import Image
from mediatoolkit.media.cost import dollars
from mediatoolkit.runs.driver import Driver, Plan
from mediatoolkit.runs.export import table_bytes, write_table
from mediatoolkit.runs.results import Results, RunRow
from mediatoolkit.runs.sheet import sheet_of
from mediatoolkit.runs.work import RowStatus
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import RowsEnded
from mediatoolkit.runtime.files import target_of
from mediatoolkit.runtime.job import Job, display, start_job

if TYPE_CHECKING:
    from mediatoolkit.runs.reconcile import Changed
    from mediatoolkit.runtime import loops

_NAME = re.compile(r"[^\W_][\w .-]{0,99}")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)  # on Windows
_MOST_BYTES = 240  # of a file name in most systems, which count bytes
_FOREVER = 9e8  # seconds; the clock of a run stands still: each row has a deadline of its own
_NEWS_EVERY = 0.1  # seconds
_WINDOW = 60  # seconds over which the rate is measured
_FAULTY = frozenset({RowStatus.FAILED})
_DOUBTFUL = frozenset({RowStatus.FAILED, RowStatus.UNCLEAR})


class Run(Job[Any]):
    """Many generations with a name, a table and a ledger; `start_many` returns it.

        run = agent.start_many(rows, run="posters", cap=40)
        table = await run

    Awaiting it gives the table: a DataFrame with the index and columns of the rows, and beside
    them `media`, `status`, `usd`, `seconds`, `tries` and `error`; a list of dicts where pandas is
    not installed. A row that fails is a value in it. `async for row in run` yields each row as it
    ends, first those that had ended before.

    What is finished stays finished: the same rows under the same name go on where the run stood,
    also in another process and after a crash.

    Attributes:
        name: Under which it goes on.
        label: Its name and how many rows it has.
    """

    def __init__(self, plan: Plan) -> None:
        """Start."""
        self.name = plan.name
        self._plan = plan
        self._results = Results(plan.rows, plan.maker)
        self._driver = Driver(plan, self._results, self._hear)
        self._ended: list[int] = []
        self._is_known = self._is_changed = False
        self._ends: deque[tuple[float, int]] = deque()
        self._told = self._paused_until = 0.0
        self._listeners: set[tuple[loops.Loop, asyncio.Event]] = set()
        count = len(plan.rows)
        label = f"{plan.name}: {count:,} {'row' if count == 1 else 'rows'}"
        super().__init__(self._make_rows, CallContext(_FOREVER), label=label)
        self.on_done(lambda _run: self._wake())

    @property
    def table(self) -> Any:
        """The table as it is now, a DataFrame or a list of dicts; rows that wait are in it."""
        return self._results.table()

    @property
    def folder(self) -> Path | str:
        """Where its ledger and `table.csv` lie."""
        return self._plan.maker.store.run_folder(self.name)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are `done`, `failed`, `unclear` and `waiting`."""
        done, failed = self._results.done, self._results.failed
        unclear = sum(1 for _ in self._results.numbers(RowStatus.UNCLEAR)) if failed else 0
        waiting = len(self._plan.rows) - done - failed
        return {"done": done, "failed": failed - unclear, "unclear": unclear, "waiting": waiting}

    def rows(self, *statuses: str, most: int | None = None) -> list[RunRow]:
        """The rows with one of these statuses, in their order, such as `run.rows("failed")`.

        Args:
            statuses: `"done"`, `"failed"`, `"unclear"` or `"waiting"`.
            most: How many at most; left out, all.

        Raises:
            PromptError: There is no such status.
        """
        known = {status.value: status for status in RowStatus if status is not RowStatus.SENT}
        wanted = [meaning(str(status), known, "run.rows") for status in statuses]
        numbers = self._results.numbers(*wanted)
        return [self._results.row(number) for number in islice(numbers, most)]

    @property
    def spent(self) -> float:
        """What it has cost in all its sessions, in USD, with what may have been billed."""
        return float(self._results.spent)

    def retry(self, *, unclear: bool = False) -> "Run":
        """Make again the rows that have failed, and make those that were not sent.

        A run that still goes on, or has nothing left to make, is returned itself.

        Args:
            unclear: Also the rows that may have been billed; they may be paid twice.
        """
        if isinstance(self._next, Run):
            return self._next.retry(unclear=unclear)
        again = _DOUBTFUL if unclear else _FAULTY
        if not self.done() or not self._has_left(again):
            return self
        # Rows that were gone already are gone still, which is no reason to refuse.
        changed: Changed = "add" if self._plan.changed else None
        run = self._next = Run(replace(self._plan, changed=changed, again=again))
        for hook in self._retry_hooks:
            hook(run)
        return run

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the table as it is now, with the paths of its media; blocks.

        Args:
            path: A name that ends in `.csv`, `.jsonl` or `.parquet`. A file of that name is
                replaced.

        Returns:
            Where it is.

        Raises:
            StorageError: It could not be written, or has another ending.
            MissingExtraError: Parquet needs a package that is not installed.
        """
        target = target_of(path)
        write_table(self._results, target)
        return target

    async def asave(self, path: str | os.PathLike[str]) -> Path:
        """Do as `save`, without blocking the loop."""
        return await asyncio.to_thread(self.save, path)

    def sheet(self, *, rows: Hashable, columns: Hashable) -> Job[Image]:
        """Draw a contact sheet of the results so far, with headings.

        Args:
            rows: The column whose values are the rows of the sheet, such as `"animal"`.
            columns: The column whose values are its columns, such as `"season"`.

        Returns:
            A job: it shows the sheet in its cell, and awaiting it gives the picture.

        Raises:
            PromptError: There is no such column.
        """
        work = sheet_of(self._results, rows, columns)

        async def draw(_context: CallContext) -> Image:
            return await asyncio.to_thread(work)

        label = f"contact sheet of {self.name}"
        return start_job(lambda: Job(draw, CallContext(300), label=label), then=display)

    def __aiter__(self) -> AsyncGenerator[RunRow]:
        """Each row as it ends, first those that had ended before; what ends the run is raised."""
        return self._rows_as_they_end()

    async def _rows_as_they_end(self) -> AsyncGenerator[RunRow]:
        at, news = 0, asyncio.Event()
        listener = (asyncio.get_running_loop(), news)
        self._listeners.add(listener)
        try:
            while True:
                news.clear()
                is_over = self.done()
                while at < len(self._ended):
                    yield self._results.row(self._ended[at])
                    at += 1
                if is_over:
                    break
                await news.wait()
        finally:
            self._listeners.discard(listener)
        await self  # raises what has ended it

    def __repr__(self) -> str:
        """One line."""
        return f"<Run {self.name!r} {self._state().value}: {self._news()}>"

    async def _make_rows(self, context: CallContext) -> Any:
        context.way_back = f"What is done is kept: start_many(…, run={self.name!r}) goes on."
        with context.pause():
            end_of_pauses = self._plan.maker.on_pause(self._hear_pause)
            try:
                await self._driver.run()
            finally:
                end_of_pauses()
                context.report(self._news())
                await asyncio.to_thread(self._write_down)
        context.report(self._news())
        return await asyncio.to_thread(self._results.table)

    def _write_down(self) -> None:
        """Write the table beside the ledger, from which it can be made anew."""
        store, place = self._plan.maker.store, f"runs/{self.name}/table.csv"
        if self._is_changed or (self._is_known and not store.holds(place)):
            with contextlib.suppress(StorageError):  # the ledger has all of it
                store.keep_table(self.name, table_bytes(self._results, ".csv"))

    def _extend(self, seconds: float) -> None:
        """Give each row more time: those that are being made, and those that follow."""
        self._driver.more_seconds += seconds
        self._driver.executor.extend(seconds)

    def _has_left(self, again: frozenset[RowStatus]) -> bool:
        left = {RowStatus.WAITING, *again}
        return any(each is None or each.status in left for each in self._results.outcomes)

    def _hear(self, number: int | None) -> None:
        """Take the news of one row, or that the ledger is read."""
        now = time.monotonic()
        if number is None:
            self._is_known = True
            self._ended = self._driver.has_ended()
        else:
            self._is_changed = True
            self._ended.append(number)
        self._wake()
        if now - self._told >= _NEWS_EVERY or number is None:
            self._told = now
            self._ends.append((now, len(self._ended)))
            while now - self._ends[0][0] > _WINDOW:
                self._ends.popleft()
            self._call.report(self._news())

    def _hear_pause(self, seconds: float) -> None:
        """Say that the vendor asked for a pause; called in whatever thread."""
        self._paused_until = time.monotonic() + seconds

        def tell() -> None:
            if not self.done():
                self._call.report(self._news())

        self.loop.call_soon_threadsafe(tell)

    def _news(self) -> RowsEnded:
        results, total = self._results, len(self._plan.rows)
        per_second = 0.0
        if len(self._ends) > 1:
            (first, before), (last, after) = self._ends[0], self._ends[-1]
            per_second = (after - before) / (last - first) if last > first else 0.0
        left = total - results.done - results.failed
        pause = self._paused_until - time.monotonic()
        return RowsEnded(
            results.done,
            results.failed,
            total,
            per_minute=60 * per_second if left else 0.0,
            spent=dollars(results.spent) if results.spent else "",
            left=left / per_second if per_second and left else None,
            note=f"paused for {pause:.0f} s" if pause > 0.5 and left else "",
        )

    def _wake(self) -> None:
        for loop, news in list(self._listeners):
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.set)


def checked_name(name: object) -> str:
    """The name of a run, which is also the name of its folder.

    Raises:
        PromptError: It cannot be one.
    """
    if isinstance(name, str):
        name = unicodedata.normalize("NFC", name)  # else it is two folders, or one, by the system
        letters = "".join(each for each in name if not unicodedata.category(each).startswith("M"))
        is_name = _NAME.fullmatch(letters) and not name.endswith((".", " "))
        if is_name and len(name.encode()) <= _MOST_BYTES and not _RESERVED.match(name):
            return name
    raise PromptError(
        f"run takes a name of letters, digits, '_', '-', '.' and blanks, up to 100, without a "
        f"slash; it begins with a letter or digit. {quoted(name)} is none."
    )
