"""One place on a page: the jobs of one cell, live on a board first, then how they ended."""

import asyncio
import contextlib
import contextvars
import math
import threading
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from IPython.display import DisplayHandle

from mediatoolkit.call import Partial
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.job import Job
from mediatoolkit.media import Media
from mediatoolkit.progress import Progress, State
from mediatoolkit.widgets import controls, shown
from mediatoolkit.widgets.ending import Bundle, ending, result_of
from mediatoolkit.widgets.rows import Row, Wish, began_of, row_of
from mediatoolkit.widgets.sheet import sheet
from mediatoolkit.widgets.shown import Cell
from mediatoolkit.widgets.sounding import SoundQueue
from mediatoolkit.widgets.thumbs import small
from mediatoolkit.widgets.view import View, view_of

UPDATES_PER_SECOND = 10
KERNEL_UPDATES_PER_SECOND = 150
MORE = 30.0  # seconds that a click adds

places: dict[Cell, "Place"] = {}
"""Those on which something runs, or may be added to."""


class Entry:
    """One job of a place, and what is to be told of it."""

    def __init__(self, job: Job[Any], *, is_heard: bool) -> None:
        """Hold *job*; its sound goes to the page if it *is_heard*."""
        self.job = job
        self.sounds = SoundQueue()
        self._began = began_of(job.progress)
        self._is_heard = is_heard
        self._picture: bytes | None = None

    def hear(self, progress: Progress) -> None:
        """Keep what *progress* brings beside words."""
        if self._is_heard:
            self.sounds.hear(progress.event)
        if isinstance(progress.event, Partial):
            self._picture = progress.event.data

    def row(self, *, among_others: bool) -> Row:
        """How it stands, for the page."""
        if among_others and self.job.progress.state is State.DONE:
            self._picture = small(result_of(self.job))
        return row_of(self.job, began=self._began, picture=self._picture)


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
        self._entries: dict[str, Entry] = {}
        self._lock = threading.RLock()
        self._handle: DisplayHandle | None = None
        self._view: View | None = None
        self._told: set[str] = set()
        self._followers: dict[asyncio.AbstractEventLoop, _Follower] = {}

    @property
    def jobs(self) -> list[Job[Any]]:
        """In the order in which they came."""
        return [entry.job for entry in list(self._entries.values())]

    @property
    def is_live(self) -> bool:
        """Whether the board is on the page."""
        return self._view is not None

    @property
    def heartbeat(self) -> float:
        """Seconds after which the view is told again although nothing happened."""
        return self._view.heartbeat if self._view else math.inf

    def is_over(self) -> bool:
        """Whether all that was started here is."""
        return all(job.done() for job in self.jobs)

    def add(self, job: Job[Any]) -> None:
        """One more job; brings the board back where the others are over already."""
        if job in self.jobs:
            return
        is_heard = not any(job in place.jobs for place in places.values())
        with self._lock:
            name = str(len(self._entries) + 1)
            self._put(name, Entry(job, is_heard=is_heard))

    def ending(self, told: BaseException | None = None) -> Bundle:
        """How it ended; *told* is the error that the cell tells of itself."""
        jobs = self.jobs
        if len(jobs) > 1:
            return sheet(jobs, told=told, retry=self._retry)
        [job] = jobs
        return ending(job, told=told, retry=self._retry)

    def settle(self, told: BaseException | None = None, bundle: Bundle | None = None) -> bool:
        """Replace the view, if there is one; another job brings the board back.

        Args:
            told: As in `ending`.
            bundle: What `ending` gave already.

        Returns:
            Whether all is over; not when another job has come meanwhile.
        """
        with self._lock:
            if not self.is_over():
                return False
            if not self.is_open and places.get(self.cell) is self:
                del places[self.cell]
            view, self._view = self._view, None
            if view is not None and self._handle is not None:
                for follower in self._followers.values():
                    follower.stop()
                self.remember()
                self._play_out(view)
                self._replace(view, self._handle, bundle or self.ending(told))
            return True

    def remember(self) -> None:
        """The results are shown in this cell, or about to be."""
        for job in self.jobs:
            if job.progress.state is State.DONE:
                shown.remember(result_of(job), self.cell)

    def follower(self, loop: asyncio.AbstractEventLoop) -> "_Follower":
        """Who tells the page of the jobs on *loop*."""
        return self._followers.setdefault(loop, _Follower(self, loop))

    def tell(self) -> int:
        """Send what is new; returns in how many messages."""
        with self._lock:
            if self._view is None:
                return 0
            names, self._told = self._told, set()
            self._view.tell(self._rows(names))
            sounding = [(name, entry) for name, entry in self._entries.items() if entry.sounds]
            for name, entry in sounding:
                self._view.sound(name, entry.sounds.take())
                if entry.sounds:
                    self.follower(entry.job.loop).news.set()
            return 1 + len(sounding)

    def _put(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry
        self._told.add(name)
        if self._view is None:
            self._open()
        entry.job.before_over(self._prepare)
        self._watch(name, entry)

    def _open(self) -> None:
        is_first = self._handle is None
        handle = self._handle = self._handle or DisplayHandle()
        self._view = view_of(self._rows(self._entries), self._grant, handle.update)
        show: Callable[[object], object] = handle.display if is_first else handle.update
        show(self._view)

    def _replace(self, view: View, handle: DisplayHandle, bundle: Bundle) -> None:
        data, metadata = bundle
        if self.cell.is_click:  # nothing that a click shows can be replaced later
            view.ending = data.get("text/html") or f"<pre>{escape(data['text/plain'])}</pre>"
        else:
            handle.update(data, raw=True, metadata=metadata)
            view.close()

    def _rows(self, names: Iterable[str]) -> dict[str, Row]:
        several = len(self._entries) > 1
        return {name: self._entries[name].row(among_others=several) for name in names}

    def _watch(self, name: str, entry: Entry) -> None:
        """Follow a job on its own loop, for good: whoever watches answers for a failure."""

        def hear(progress: Progress) -> None:
            with self._lock:
                entry.hear(progress)
                self._told.add(name)
            self.follower(entry.job.loop).news.set()

        entry.job.watch(hear)
        entry.job.when_begun(lambda job: self.follower(job.loop).begin())

    def _play_out(self, view: View) -> None:
        for name, entry in self._entries.items():
            if entry.job.progress.state is State.DONE:
                for piece in entry.sounds.rest():
                    view.sound(name, piece)
            else:
                view.hush(name)

    def _grant(self, wish: Wish, name: str | None) -> None:
        """A click, in whatever thread it arrives."""
        for each, entry in list(self._entries.items()):
            if name not in {None, each}:
                continue
            if wish is Wish.CANCEL:
                entry.job.cancel()
            elif wish is Wish.EXTEND:
                entry.job.extend(MORE)
            elif entry.job.done():
                self._try_again(entry.job)

    def _retry(self, job: Job[Any]) -> str:
        title = f"Retry {job.label[:60]}"
        return controls.button("Retry", lambda: self._try_again(job), title=title)

    def _try_again(self, job: Job[Any]) -> None:
        """Start the work of *job* anew; the new job takes its row."""
        with self._lock:
            found = [name for name, entry in self._entries.items() if entry.job is job]
            for name in found:
                places[self.cell] = self
                self._put(name, Entry(job.again(), is_heard=True))

    async def _prepare(self, result: object) -> None:
        """Make the preview in a thread, so that the loop is free when the view is replaced."""
        if isinstance(result, Media):
            with contextlib.suppress(MediaToolkitError):  # what cannot be shown is still the result
                await asyncio.to_thread(result.preview)
                if len(self._entries) > 1:
                    await asyncio.to_thread(small, result)


class _Follower:
    """Tells the page of the jobs of one loop, on that loop."""

    def __init__(self, place: Place, loop: asyncio.AbstractEventLoop) -> None:
        self.news = asyncio.Event()
        self._place = place
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Tell of a job that has come, and follow what may come of it."""
        self.news.set()
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(
                self._follow(),
                name="mediatoolkit view",
                context=contextvars.Context(),  # what it shows then belongs to the cell that runs
                # just then, and what executes notebooks without a browser listens to no other
            )

    def stop(self) -> None:
        """End, from any thread; the caller may be this very task, which returns soon."""
        task, self._task = self._task, None
        if task is not None and not task.done() and task is not _current_task():
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
                self._loop.call_soon_threadsafe(task.cancel)

    async def wait(self) -> None:
        """Until nothing is followed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _follow(self) -> None:
        place = self._place
        while True:
            while not all(job.done() for job in place.jobs if job.loop is self._loop):
                await self._tell_on_news()
            if (place.is_open and len(place.jobs) > 1) or not place.is_over():
                place.tell()
                return  # until another job comes, the cell ends, or the last loop is done
            if place.settle(bundle=await asyncio.to_thread(place.ending)):
                return

    async def _tell_on_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._place.heartbeat):
                await self.news.wait()
        self.news.clear()
        jobs = self._place.jobs
        if len(jobs) > 1 or not jobs[0].done():  # how one ended is told by what replaces it
            await asyncio.sleep(_pause() * self._place.tell())


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return None


def _pause() -> float:
    """Seconds between two updates of one view."""
    return max(1 / UPDATES_PER_SECOND, len(places) / KERNEL_UPDATES_PER_SECOND)


async def settled() -> None:
    """Wait until nothing is followed on this loop."""
    loop = asyncio.get_running_loop()
    followers = [place.follower(loop) for place in list(places.values())]
    await asyncio.gather(*(follower.wait() for follower in followers), return_exceptions=True)
