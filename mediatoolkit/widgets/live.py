"""The jobs of one cell in one place of its page: a live board first, then how they ended."""

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Iterable
from functools import partial
from html import escape
from typing import Any

from IPython.display import DisplayHandle, display

from mediatoolkit.call import Partial
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.job import Job, Progress, State
from mediatoolkit.media import Media
from mediatoolkit.transport.session import sessions
from mediatoolkit.widgets import kernel, shown
from mediatoolkit.widgets.board import Board, Row, Wish, began_of, row_of
from mediatoolkit.widgets.ending import Bundle, ending, result_of
from mediatoolkit.widgets.sheet import sheet, small
from mediatoolkit.widgets.shown import Cell
from mediatoolkit.widgets.sounding import SoundQueue

UPDATES_PER_SECOND = 10
KERNEL_UPDATES_PER_SECOND = 150
HEARTBEAT = 30.0  # seconds; a hub stops a kernel that is silent for ten minutes
MORE = 30.0  # seconds that a click adds

_places: dict[tuple[Cell, asyncio.AbstractEventLoop], "_Place"] = {}


def show(job: Job[Any]) -> None:
    """Show *job* in the running cell, beside what else was started there.

    The view is live until all is over and is then replaced: by the result, by a message, or by
    one quiet line; several share a sheet. No widget stays in the notebook.
    """
    if kernel.install(close, on_cell_end=_settle_all):
        shown.install(show, catch_up=_remember_finished)
    cell = shown.this_cell()
    shown.remember(job, cell)
    if job.done():
        data, metadata = ending(job)
        display(data, raw=True, metadata=metadata)
        return
    place = _places.get((cell, job.loop))
    if place is None:
        place = _places[cell, job.loop] = _Place(cell, job.loop)
    place.add(job)


async def close() -> None:
    """Cancel every job that is shown, wait for their clean-up, and close this loop's sessions."""
    places = _here()
    for place in places:
        place.cancel()
    await asyncio.gather(*(place.over() for place in places), return_exceptions=True)
    await sessions.close()


def _here() -> list["_Place"]:
    loop = asyncio.get_running_loop()
    return [place for place in list(_places.values()) if place.loop is loop]


def _remember_finished() -> None:
    for place in list(_places.values()):
        place.remember()


def _settle_all(result: object) -> None:
    """Put endings in place before a cell reports its own end; a saved notebook needs them there."""
    told = getattr(result, "error_in_exec", None)
    cell = shown.this_cell()
    for place in list(_places.values()):
        if place.cell == cell:
            place.is_open = False
        if place.is_over():
            place.settle(place.ending(told) if place.is_live else None)


class _Entry:
    """One job of a place."""

    def __init__(self, job: Job[Any]) -> None:
        self.job = job
        self.began = began_of(job.progress)
        self.is_heard = not any(job in place.jobs for place in _places.values())
        self.sounds = SoundQueue()
        self.picture: bytes | None = None

    def row(self, *, among_others: bool) -> Row:
        if among_others and self.job.progress.state is State.DONE:
            self.picture = small(result_of(self.job))
        return row_of(self.job, began=self.began, picture=self.picture)

    def hear(self, progress: Progress) -> None:
        if self.is_heard:
            self.sounds.hear(progress.event)
        if isinstance(progress.event, Partial):
            self.picture = progress.event.data


class _Place:
    """From the first event of the first job to the ending of the last.

    A lock guards it: the cell's thread adds jobs and settles at the cell's end, while jobs that
    block that thread go on, and are shown, on a loop of their own.

    Attributes:
        cell: Where it stands.
        loop: That of its jobs.
        is_open: More jobs may come, so several stay on the board.
    """

    def __init__(self, cell: Cell, loop: asyncio.AbstractEventLoop) -> None:
        self.cell = cell
        self.loop = loop
        self.is_open = not cell.is_click
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.RLock()
        self._handle: DisplayHandle | None = None
        self._view: Board | None = None
        self._told: set[str] = set()
        self._news = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @property
    def jobs(self) -> list[Job[Any]]:
        return [entry.job for entry in self._entries.values()]

    def add(self, job: Job[Any]) -> None:
        """One more job; brings the board back where the others are over already."""
        with self._lock:
            if job in self.jobs:
                return
            name, entry = str(len(self._entries) + 1), _Entry(job)
            self._entries[name] = entry
            if self._view is None:
                self._open()
            else:
                self._view.tell(self._rows([name]))
        job.before_over(self._prepare)
        self._watch(name, entry)

    @property
    def is_live(self) -> bool:
        """Whether the board is on the page."""
        return self._view is not None

    def is_over(self) -> bool:
        """Whether all that was started here is."""
        return all(job.done() for job in self.jobs)

    def cancel(self) -> None:
        for job in self.jobs:
            job.cancel()

    async def over(self) -> None:
        """Wait until every job has cleaned up and the view is replaced."""
        if self._following is not None:
            await asyncio.wait([self._following])

    def ending(self, told: BaseException | None = None) -> Bundle:
        """How it ended; *told* is the error that the cell tells of itself."""
        jobs = self.jobs
        if len(jobs) > 1:
            return sheet(jobs, told=told)
        return ending(jobs[0], told=told is not None and told is jobs[0].progress.error)

    def settle(self, bundle: Bundle | None) -> bool:
        """Replace the view, if there is one, by *bundle*; another job brings the board back.

        Returns:
            Whether it is replaced; not when another job has come meanwhile.
        """
        with self._lock:
            view, handle = self._view, self._handle
            if not self.is_over():
                return False
            if not self.is_open:
                _places.pop((self.cell, self.loop), None)
            if view is None or handle is None or bundle is None:
                return True
            self._view = None
            self._stop_following()
            self.remember()
            self._play_out(view)
            data, metadata = bundle
            if self.cell.is_click:
                view.ending = data.get("text/html") or f"<pre>{escape(data['text/plain'])}</pre>"
            else:
                handle.update(data, raw=True, metadata=metadata)
                view.close()
            return True

    def remember(self) -> None:
        """The results are shown in this cell, or about to be."""
        for job in self.jobs:
            if job.done() and job.progress.state is State.DONE:
                shown.remember(result_of(job), self.cell)

    def _open(self) -> None:
        self._view = Board(self._grant, self._rows(self._entries))
        if self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display(self._view)
        else:
            self._handle.update(self._view)

    def _grant(self, wish: Wish, name: str | None) -> None:
        """A click, in whatever thread it arrives."""
        entries = list(self._entries.values()) if name is None else [self._entries[name]]
        for entry in entries:
            if wish is Wish.CANCEL:
                entry.job.cancel()
            elif wish is Wish.EXTEND:
                entry.job.extend(MORE)

    def _watch(self, name: str, entry: _Entry) -> None:
        """Follow a job for good: whoever watches answers for a failure."""

        def hear(progress: Progress) -> None:
            entry.hear(progress)
            self._told.add(name)
            self._news.set()

        entry.job.watch(hear)
        self.loop.call_soon_threadsafe(self._follow_on)

    def _follow_on(self) -> None:
        if self._following is None or self._following.done():
            self._following = self.loop.create_task(
                self._follow(),
                name="mediatoolkit view",
                context=contextvars.Context(),  # what it shows then belongs to the cell that runs
                # just then, and what executes notebooks without a browser listens to no other
            )

    def _stop_following(self) -> None:
        """Another task follows what may come; this one may be the caller, which returns soon."""
        task, self._following = self._following, None
        if task is not None and not task.done() and task is not _current_task():
            self.loop.call_soon_threadsafe(task.cancel)

    async def _follow(self) -> None:
        while True:
            while not self.is_over():
                await self._hear_news()
            if self.is_open and len(self.jobs) > 1:
                return  # until another job comes, or the cell ends
            if self.settle(await asyncio.to_thread(self.ending)):
                return

    async def _hear_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT):
                await self._news.wait()
        self._news.clear()
        if len(self.jobs) > 1 or not self.is_over():  # how one ended is told by what replaces it
            await asyncio.sleep(_pause() * self._tell())

    def _tell(self) -> int:
        """Send what is new; returns in how many messages."""
        with self._lock:
            view = self._view
            if view is None:
                return 0
            names, self._told = self._told, set()
            view.tell(self._rows(names))
            sounding = [(n, entry) for n, entry in self._entries.items() if entry.sounds]
            for name, entry in sounding:
                view.sound(name, entry.sounds.take())
                if entry.sounds:
                    self._news.set()
            return 1 + len(sounding)

    def _rows(self, names: Iterable[str]) -> dict[str, Row]:
        several = len(self._entries) > 1
        return {name: self._entries[name].row(among_others=several) for name in names}

    def _play_out(self, view: Board) -> None:
        for name, entry in self._entries.items():
            if entry.job.progress.state is State.DONE:
                for piece in entry.sounds.rest():
                    view.sound(name, piece)
            else:
                view.hush(name)

    async def _prepare(self, result: object) -> None:
        """Make the preview in a thread, so that the loop is free when the view is replaced."""
        if isinstance(result, Media):
            with contextlib.suppress(MediaToolkitError):  # what cannot be shown is still the result
                await asyncio.to_thread(partial(_preview, result, among_others=len(self.jobs) > 1))


def _preview(media: Media, *, among_others: bool) -> None:
    media.preview()
    if among_others:
        small(media)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return None


def _pause() -> float:
    """Seconds between two updates of one view."""
    return max(1 / UPDATES_PER_SECOND, len(_places) / KERNEL_UPDATES_PER_SECOND)
