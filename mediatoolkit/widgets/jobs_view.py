"""The jobs of one cell on its page: live on a board while they run, then how they ended."""

import asyncio
import contextlib
import contextvars
import math
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.display import DisplayHandle

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.runs.run import Run
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.events import Progress, State
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import first_bar, kernel, results
from mediatoolkit.widgets.ending_handle import EndingHandle
from mediatoolkit.widgets.job_row import Action, JobRow, Row
from mediatoolkit.widgets.kernel import Bundle, Cell, Kernel
from mediatoolkit.widgets.run_summary import RunSummary
from mediatoolkit.widgets.text_board import TextBoard

if TYPE_CHECKING:
    from mediatoolkit.widgets.board import Board
    from mediatoolkit.widgets.kept_endings import KeptEndings
    from mediatoolkit.widgets.output_handle import OutputHandle

    Handle = DisplayHandle | OutputHandle

UPDATES_PER_SECOND = 10
KERNEL_UPDATES_PER_SECOND = 150
MOST_SOUND_AT_END = 1_000_000  # bytes; what is beyond is in the player that follows
MORE = 30.0  # seconds that a click adds
FEW = 9  # results that a view holds in memory; of more, its sheet shows small pictures

KERNEL_ENDED = "The kernel ended; run the cell again."

Ending = Callable[[list[JobRow], BaseException | None], Bundle]


def handle_for(cell: Cell) -> "Handle":
    """What shows something in *cell* and can replace it there."""
    if cell.outputs or (cell.is_click and kernel.shows_widgets()):
        from mediatoolkit.widgets.output_handle import OutputHandle, capturing

        return OutputHandle(capturing(cell.id))
    return DisplayHandle()


def kept_endings_of(this: Kernel) -> "KeptEndings":
    """The endings of *this* that stand in widgets."""
    from mediatoolkit.widgets.kept_endings import KeptEndings

    if this.kept_endings is None:
        this.kept_endings = KeptEndings()
    return this.kept_endings


class JobsView:
    """A list of jobs: a ticker tells a board what has changed, and an ending replaces the board.

    Args:
        kernel: Where it is shown.
        cell: The execution that shows it.
        handle: What it takes the place of; left out, the view is displayed anew.
        ending: Makes the ending of the rows and the error that the cell itself shows; left out,
            the results are the ending.

    Attributes:
        cell: The execution that shows it.
        is_open: More jobs may come, so several stay on the board when they are over.
        is_live: Whether the board is on the page.
        tickers: The tasks that tell the board of the jobs on their loop; a cell that blocks for a
            job stops its own loop, so each loop has a ticker while a job of the view runs there.
    """

    def __init__(
        self,
        kernel: Kernel,
        cell: Cell,
        *,
        handle: "Handle | None" = None,
        ending: Ending | None = None,
    ) -> None:
        """Show nothing before the first job."""
        self.cell = cell
        self.is_open = not cell.is_click and ending is None
        self.shows_results = ending is None
        self.tickers: dict[loops.Loop, asyncio.Task[None]] = {}
        self._kernel = kernel
        self._ending = ending or self._results
        self._handle = handle
        self._rows: dict[str, JobRow] = {}
        self._over: dict[str, JobRow] = {}
        self._board: Board | TextBoard | None = None
        self._updated = -math.inf
        self._cell_error: BaseException | None = None

    @property
    def is_live(self) -> bool:
        """Whether the board is on the page."""
        return self._board is not None

    @property
    def is_over(self) -> bool:
        """Whether all jobs are."""
        return all(row.is_over for row in self.jobs)

    @property
    def jobs(self) -> list[JobRow]:
        """The rows in the order in which the jobs came."""
        return list(self._all().values())

    def add(self, job: Job[Any]) -> None:
        """Show one more job; it brings the board back where the others are over already."""
        with self._kernel.lock:
            shown = {row.job for view in self._kernel.views for row in view.jobs}
            if job not in {row.job for row in self.jobs}:
                self._put(self._new_name(), job, is_heard=job not in shown)

    def show_over(self, job: Job[Any]) -> None:
        """Show how *job*, which is over, has ended; this is all that the view shows."""
        self.is_open = False
        row = self._rows["1"] = JobRow(job)
        job.on_retry(partial(self._put, "1", is_heard=True))
        data, metadata = self._ending([row], None)
        self._handle = handle_for(self.cell)
        self._handle.display(data, raw=True, metadata=metadata)

    def rows(self) -> tuple[dict[str, Row], dict[str, bytes]]:
        """What the page is to be told now: the rows that have changed, and their pictures."""
        rows, pictures = {}, {}
        for name, row in self._rows.items():
            if row.is_changed:
                row.is_changed = False
                rows[name] = row.words()
                is_done_among_others = len(self._rows) > 1 and row.progress.state is State.DONE
                picture = row.preview if is_done_among_others else row.picture
                if picture is not None:
                    pictures[name] = picture
        return rows, pictures

    def tell(self) -> int:
        """Tell the board what has changed; returns in how many messages."""
        with self._kernel.lock:
            board = self._board
            if board is None:
                return 0
            (rows, pictures), messages = self.rows(), 0
            if rows or time.monotonic() >= self._updated + board.heartbeat:
                self._updated = time.monotonic()
                messages = board.tell(rows, pictures)
            for name, row in self._rows.items():
                if row.sounds:
                    board.sound(name, row.take_sound())
                    messages += 1
            return messages

    def settle(self, error: BaseException | None = None) -> None:
        """Put the ending in place now if all is over; *error* is shown by the cell itself."""
        with self._kernel.lock:
            self._cell_error = error
            if self.is_over and not self._is_left_to_ticker():
                self.replace(self._ending(self.jobs, error) if self._board else None)

    def _is_left_to_ticker(self) -> bool:
        """Whether files have to be read for the ending, which a ticker does in a thread.

        A program that executes notebooks shows no page, and has to have the ending now.
        """
        if self._board is None or not self._board.is_seen:
            return False
        running = {loop for loop, ticker in self.tickers.items() if not ticker.done()}
        unread = [row.job for row in self.jobs if isinstance(row.job, Run) and not row.summary]
        return any(run.loop in running for run in unread)

    def replace(self, bundle: Bundle | None) -> None:
        """Put *bundle* in the place of the board, if there is one; all jobs are over."""
        board, self._board = self._board, None
        self.remember()
        if board is not None and self._handle is not None and bundle is not None:
            # One of them may be the caller, which returns before it can be cancelled.
            for loop, ticker in self.tickers.items():
                with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
                    loop.call_soon_threadsafe(ticker.cancel)
            self.tickers = {}
            self._show_ending(board, self._handle, bundle)
        if not self.is_open:
            if self in self._kernel.views:
                self._kernel.views.remove(self)
            for row in self.jobs:
                row.let_go(all_media=True)

    def remember(self) -> None:
        """Note that the results are shown in this cell, or about to be."""
        for row in self.jobs if self.shows_results else ():
            if row.is_over and row.progress.state is State.DONE:
                result = row.media.alive() if row.media else row.result()
                if isinstance(result, Media):
                    self._kernel.shown[result] = self.cell

    def act(self, action: Action, name: str | None) -> None:
        """Do what a click asks of the row *name*, or of all; in whatever thread it arrives."""
        for key, row in list(self._rows.items()):
            job = row.job
            if name not in {None, key} or job is None:
                continue
            if action is Action.CANCEL:
                job.cancel()
            elif action is Action.EXTEND:
                job.extend(MORE)
            else:
                job.retry()

    async def another(self, row: JobRow) -> None:
        """Ask for one more of what *row* shows; what stands in the cell stays above the board."""
        job = row.start_another()
        if job is None:
            return
        above = "" if self.is_live else await asyncio.to_thread(self._html)
        with self._kernel.lock:
            self._kernel.shown[job] = self.cell
            self._put(self._new_name(), job, is_heard=True, above=above)
        if self._kernel.panel is not None:
            self._kernel.panel.add(job)

    def _html(self) -> str:
        """How all jobs ended."""
        data, _ = self._ending(self.jobs, None)
        return str(data.get("text/html", ""))

    def _all(self) -> dict[str, JobRow]:
        return {**self._over, **self._rows}

    def _new_name(self) -> str:
        return str(len(self._all()) + 1)

    def _put(self, name: str, job: Job[Any], *, is_heard: bool, above: str = "") -> None:
        """Show *job* as the row *name*; unless the board is there, below the HTML *above*."""
        with self._kernel.lock:
            if self._board is None:
                rows = self._all()
                self._over, self._rows = (rows, {}) if above else ({}, rows)
            row = self._rows[name] = JobRow(job, is_heard=is_heard)
            if self._board is None:
                self._open(above)
        job.on_retry(partial(self._put, name, is_heard=is_heard))
        job.on_result(partial(self._prepare, row))
        # For good: whoever subscribes answers for a failure that nobody awaits.
        job.subscribe(partial(self._hear, row))
        job.on_start(self._follow)

    def _open(self, above: str) -> None:
        for row in self._rows.values():
            row.is_changed = True
        is_replaceable = not (self.cell.is_click or self.cell.outputs)
        first = first_bar.take(self.cell.id) if is_replaceable else None
        is_first = self._handle is None and first is None
        shows_progress = first_bar.shows_progress()
        handle = self._handle = (
            self._handle
            or first
            or (handle_for(self.cell) if shows_progress else EndingHandle(self._kernel, self.cell))
        )
        self._updated = time.monotonic()
        if self not in self._kernel.views:
            self._kernel.views.append(self)
        if shows_progress and kernel.shows_widgets():
            from mediatoolkit.widgets.board import Board

            self._board = Board(self.act, *self.rows())
            self._board.above = above
        else:
            self._board = TextBoard(self.rows()[0])
        self._board.show_in(handle, is_new=is_first)

    async def _prepare(self, row: JobRow, result: object) -> None:
        """Make the preview in a thread, so that the loop is free when the board is replaced."""
        # What cannot be shown is the result nevertheless.
        with contextlib.suppress(MediaToolkitError):
            if isinstance(result, Media):
                await asyncio.to_thread(results.prepare, row, result)
            elif isinstance(row.job, Run):
                row.summary = await asyncio.to_thread(RunSummary.of, row.job)

    def _hear(self, row: JobRow, progress: Progress) -> None:
        with self._kernel.lock:
            row.hear(progress)
            if progress.state is State.DONE and len(self._rows) > FEW:
                for other in self.jobs:
                    other.let_go(all_media=False)

    def _follow(self, job: Job[Any]) -> None:
        """Start a ticker on the loop of *job*, unless one runs there."""
        with self._kernel.lock:
            ticker = self.tickers.get(job.loop)
            if ticker is None or ticker.done():
                # Without a context, what the ticker shows belongs to the cell that runs just then,
                # and a program that executes notebooks listens to no other.
                self.tickers[job.loop] = job.loop.create_task(
                    self._tick(job.loop), name="mediatoolkit view", context=contextvars.Context()
                )

    async def _tick(self, loop: loops.Loop) -> None:
        messages = 1
        while True:
            while any(row.runs_on(loop) for row in list(self._rows.values())):
                views = len(self._kernel.views)
                # A server drops what comes too fast, so all views of a kernel share its messages.
                pause = max(1 / UPDATES_PER_SECOND, views / KERNEL_UPDATES_PER_SECOND)
                await asyncio.sleep(pause * max(1, messages))
                # The end of a single job is shown by what replaces the board.
                if len(self._rows) > 1 or not self.is_over:
                    messages = self.tell()
            if not self.is_over or (self.is_open and len(self._rows) > 1):
                self.tell()
                return  # until another job comes, the cell ends, or the last loop is done
            rows = self.jobs
            bundle = await asyncio.to_thread(self._ending, rows, self._cell_error)
            with self._kernel.lock:
                if rows == self.jobs and self.is_over:
                    self.replace(bundle)
                    return

    def _show_ending(self, board: "Board | TextBoard", handle: "Handle", bundle: Bundle) -> None:
        for name, row in self._rows.items():
            sent = 0
            while row.sounds and row.progress.state is State.DONE and sent < MOST_SOUND_AT_END:
                piece = row.take_sound()
                sent += len(piece.pcm)
                board.sound(name, piece)
            if row.progress.state is not State.DONE:
                board.stop_sound(name)
        data, metadata = {**bundle[0]}, bundle[1]
        handle.update(data, raw=True, metadata=metadata)
        self._kernel.late_updates.pop(handle, None)  # the board, told between two cells
        if not (board.is_seen or self._kernel.is_busy):
            self._kernel.late_updates[handle] = bundle
        if not isinstance(handle, DisplayHandle):
            kept_endings_of(self._kernel).keep(handle, data)
        elif board.is_seen and not isinstance(board, TextBoard):
            kept_endings_of(self._kernel).keep(board, data)
            board.end(data, metadata)
            return
        board.close()

    def _results(self, rows: list[JobRow], error: BaseException | None) -> Bundle:
        for row in rows:
            if isinstance(row.job, Run) and row.summary is None:
                row.summary = RunSummary.of(row.job)
        done = [row for row in rows if row.progress.state is State.DONE]
        if self._kernel.is_ending and len(done) < len(rows):
            return results.with_line(self._results(done, error) if done else None, KERNEL_ENDED)
        how: dict[str, Any] = {"error": error, "retry": Job.retry, "another": self.another}
        if len(rows) > 1:
            return results.contact_sheet(rows, **how)
        return results.result_bundle(rows[0], **how)
