"""One place on a page: the jobs of one cell, live on a board first, then how they ended."""

import asyncio
import contextlib
import math
import threading
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from IPython.display import DisplayHandle

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.events import Progress, State
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import kernel, shown
from mediatoolkit.widgets.board.follower import Follower, heard
from mediatoolkit.widgets.board.report import Report
from mediatoolkit.widgets.board.rows import Row, Wish
from mediatoolkit.widgets.board.view import View, view_of
from mediatoolkit.widgets.outputs import controls
from mediatoolkit.widgets.outputs.ending import ending, result_of
from mediatoolkit.widgets.outputs.held import Over, Told
from mediatoolkit.widgets.outputs.sheet import sheet
from mediatoolkit.widgets.outputs.thumbs import small
from mediatoolkit.widgets.page import Bundle
from mediatoolkit.widgets.shown import Cell

UPDATES_PER_SECOND = 10
KERNEL_UPDATES_PER_SECOND = 150
MORE = 30.0  # seconds that a click adds
FEW = 9  # results that a place holds in memory; of more, its sheet shows small pictures

places: dict[Cell, "Place"] = {}
"""Those on which something runs, or may be added to."""

unheard: list[tuple[DisplayHandle, Bundle]] = []
"""Endings between two cells: what executes notebooks without a browser listens during cells."""


class Place:
    """From the first event of the first job to the ending of the last.

    Jobs of different loops may share it: each loop has a follower, and a lock guards the rest.

    Args:
        cell: Where it stands.

    Attributes:
        is_open: More jobs may come, so several stay on the board.
    """

    def __init__(self, cell: Cell) -> None:
        """Nothing is shown before the first job."""
        self.cell = cell
        self.is_open = not cell.is_click
        self._reports: dict[str, Report] = {}
        self._lock = threading.RLock()
        self._handle: DisplayHandle | None = None
        self._view: View | None = None
        self._told: set[str] = set()
        self._followers: dict[loops.Loop, Follower] = {}

    @property
    def jobs(self) -> list[Told]:
        """In the order in which they came."""
        return [report.job for report in list(self._reports.values())]

    @property
    def is_live(self) -> bool:
        """Whether the board is on the page."""
        return self._view is not None

    def is_over(self) -> bool:
        """Whether all that was started here is."""
        return all(job.done() for job in self.jobs)

    def add(self, job: Job[Any]) -> None:
        """One more job; brings the board back where the others are over already."""
        if job in self.jobs:
            return
        is_heard = not any(job in place.jobs for place in places.values())
        with self._lock:
            name = str(len(self._reports) + 1)
            self._put(name, job, is_heard=is_heard)

    def ending(self, told: BaseException | None = None) -> Bundle:
        """How it ended; *told* is the error that the cell tells of itself."""
        jobs = self.jobs
        if len(jobs) > 1:
            return sheet(jobs, told=told, retry=self._retry)
        [job] = jobs
        return ending(job, told=told, retry=self._retry)

    def settle(
        self, told: BaseException | None = None, made: tuple[list[Told], Bundle] | None = None
    ) -> bool:
        """Replace the view, if there is one; another job brings the board back.

        Args:
            told: As in `ending`.
            made: What `ending` gave already, and of which jobs.

        Returns:
            Whether all is over; not when another job has come meanwhile.
        """
        with self._lock:
            if not self.is_over() or (made and made[0] != self.jobs):
                return False
            if not self.is_open and places.get(self.cell) is self:
                del places[self.cell]
            view, self._view = self._view, None
            if view is not None and self._handle is not None:
                for follower in self._followers.values():
                    follower.stop()
                self.remember()
                self._play_out(view)
                self._replace(view, self._handle, made[1] if made else self.ending(told))
            if not self.is_open:
                self._let_go(all_media=True)
            return True

    def remember(self) -> None:
        """The results are shown in this cell, or about to be."""
        for job in self.jobs:
            if isinstance(job, Over):
                shown.remember(job.media.alive(), self.cell)
            elif job.progress.state is State.DONE:
                shown.remember(result_of(job), self.cell)

    def follower(self, loop: loops.Loop) -> Follower:
        """Who tells the page of the jobs on *loop*."""
        with self._lock:
            if loop not in self._followers:
                self._followers[loop] = Follower(loop, self._follow)
            return self._followers[loop]

    def tell(self) -> int:
        """Send what is new; returns in how many messages."""
        with self._lock:
            if self._view is None:
                return 0
            names, self._told = self._told, set()
            messages = self._view.tell(self._rows(names))
            sounding = [(name, report) for name, report in self._reports.items() if report.sounds]
            for name, report in sounding:
                self._view.sound(name, report.sounds.take())
                if report.sounds:
                    self.follower(report.job.loop).news.set()
            return messages + len(sounding)

    def _put(self, name: str, job: Job[Any], *, is_heard: bool) -> None:
        report = self._reports[name] = Report(job, is_heard=is_heard)
        self._told.add(name)
        if self._view is None:
            self._open()
        job.on_result(self._prepare)
        self._watch(name, report, job)

    def _open(self) -> None:
        is_first = self._handle is None
        handle = self._handle = self._handle or DisplayHandle()
        self._view = view_of(self._rows(self._reports), self._grant, handle.update)
        show: Callable[[object], object] = handle.display if is_first else handle.update
        show(self._view)

    def _replace(self, view: View, handle: DisplayHandle, bundle: Bundle) -> None:
        data, metadata = bundle
        stays = self.cell.is_click or view.was_reloaded  # nothing can be replaced there
        if stays:
            view.ending = data.get("text/html") or f"<pre>{escape(data['text/plain'])}</pre>"
        if not self.cell.is_click:
            handle.update(data, raw=True, metadata=metadata)
            if not (view.is_seen or kernel.cell_runs.is_set()):
                unheard.append((handle, bundle))
        if not stays:
            view.close()

    def _rows(self, names: Iterable[str]) -> dict[str, Row]:
        several = len(self._reports) > 1
        return {name: self._reports[name].row(among_others=several) for name in names}

    def _watch(self, name: str, report: Report, job: Job[Any]) -> None:
        """Follow a job on its own loop, for good: whoever watches answers for a failure."""

        def hear(progress: Progress) -> None:
            with self._lock:
                report.hear(progress)
                if self._reports.get(name) is not report:
                    return  # its row is another job's by now
                self._told.add(name)
                if progress.state is State.DONE and len(self._reports) > FEW:
                    self._let_go(all_media=False)
            self.follower(job.loop).news.set()

        job.subscribe(hear)
        job.on_start(lambda job: self.follower(job.loop).begin())

    def _let_go(self, *, all_media: bool) -> None:
        for report in self._reports.values():
            report.let_go(all_media=all_media)

    async def _follow(self, follower: Follower) -> None:
        while True:
            while self._expects_news(follower.loop):
                await self._tell_on_news(follower.news)
            if (self.is_open and len(self.jobs) > 1) or not self.is_over():
                self.tell()
                return  # until another job comes, the cell ends, or the last loop is done
            jobs = self.jobs
            if self.settle(made=(jobs, await asyncio.to_thread(self.ending))):
                return

    def _expects_news(self, loop: loops.Loop) -> bool:
        reports = list(self._reports.values())
        return not all(report.has_ended for report in reports if report.job.loop is loop)

    async def _tell_on_news(self, news: asyncio.Event) -> None:
        view = self._view
        await heard(news, view.heartbeat if view else math.inf)
        jobs = self.jobs
        if len(jobs) > 1 or not jobs[0].done():  # how one ended is told by what replaces it
            await asyncio.sleep(_pause() * self.tell())

    def _play_out(self, view: View) -> None:
        for name, report in self._reports.items():
            if report.job.progress.state is State.DONE:
                for piece in report.sounds.rest():
                    view.sound(name, piece)
            else:
                view.hush(name)

    def _grant(self, wish: Wish, name: str | None) -> None:
        """A click, in whatever thread it arrives."""
        for each, report in list(self._reports.items()):
            job = report.job
            if name not in {None, each} or isinstance(job, Over):
                continue
            if wish is Wish.CANCEL:
                job.cancel()
            elif wish is Wish.EXTEND:
                job.extend(MORE)
            elif job.done():
                self._try_again(job)

    def _retry(self, job: Job[Any]) -> str:
        title = f"Retry {visible(job.label, 60)}"
        return controls.button("Retry", lambda: self._try_again(job), title=title)

    def _try_again(self, job: Job[Any]) -> None:
        """Start the work of *job* anew; the new job takes its row."""
        with self._lock:
            found = [name for name, report in self._reports.items() if report.job is job]
            for name in found:
                places[self.cell] = self
                self._put(name, job.retry(), is_heard=True)

    async def _prepare(self, result: object) -> None:
        """Make the preview in a thread, so that the loop is free when the view is replaced."""
        if isinstance(result, Media):
            with contextlib.suppress(MediaToolkitError):  # what cannot be shown is still the result
                await asyncio.to_thread(result.preview)
                await asyncio.to_thread(small, result)


def _pause() -> float:
    """Seconds between two updates of one view."""
    return max(1 / UPDATES_PER_SECOND, len(places) / KERNEL_UPDATES_PER_SECOND)


async def settled() -> None:
    """Wait until nothing is followed on this loop."""
    loop = asyncio.get_running_loop()
    followers = [place.follower(loop) for place in list(places.values())]
    await asyncio.gather(*(follower.wait() for follower in followers), return_exceptions=True)
