"""A job in its cell: a live view first, and in the same place how it ended."""

import asyncio
import contextlib
import contextvars
from typing import Any

from IPython.display import DisplayHandle, display

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.job import Job, Progress, State
from mediatoolkit.media import Media
from mediatoolkit.transport.session import sessions
from mediatoolkit.widgets import kernel, shown
from mediatoolkit.widgets.ending import Bundle, ending, result_of
from mediatoolkit.widgets.progress import JobView
from mediatoolkit.widgets.sounding import SoundQueue

UPDATES_PER_SECOND = 10
KERNEL_UPDATES_PER_SECOND = 150
HEARTBEAT = 30.0  # seconds; a hub stops a kernel that is silent for ten minutes

_running: set["_Live"] = set()


def show(job: Job[Any]) -> None:
    """Show *job* in the running cell; call it on the job's own loop.

    The view is live until the job is over and is then replaced: by the result, by a message, or by
    one quiet line. No widget stays in the notebook.
    """
    if kernel.install(close, on_cell_end=_settle_all):
        shown.install(show, catch_up=_remember_finished)
    cell = shown.this_cell()
    shown.remember(job, cell)
    if job.done():
        data, metadata = ending(job)
        display(data, raw=True, metadata=metadata)
    else:
        job.before_over(_prepare)
        _running.add(_Live(job, cell))


async def _prepare(result: object) -> None:
    """Make the preview in a thread, so that the loop is free when the view is replaced."""
    if isinstance(result, Media):
        with contextlib.suppress(MediaToolkitError):  # what cannot be shown is still the result
            await asyncio.to_thread(result.preview)


async def close() -> None:
    """Cancel every job that is shown, wait for their clean-up, and close this loop's sessions."""
    lives = _here()
    for live in lives:
        live.job.cancel()
    await asyncio.gather(*(live.task for live in lives), return_exceptions=True)
    await sessions.close()


def _here() -> list["_Live"]:
    loop = asyncio.get_running_loop()
    return [live for live in _running if live.job.loop is loop]


def _remember_finished() -> None:
    for live in _here():
        live.remember()


def _settle_all(result: object) -> None:
    """Put endings in place before a cell reports its own end; a saved notebook needs them there."""
    raised = getattr(result, "error_in_exec", None)
    for live in _here():
        if live.job.done():
            told = raised is not None and raised is live.job.progress.error
            live.settle(ending(live.job, told=told))


class _Live:
    """One job on one page of the notebook, from the first event to the ending."""

    def __init__(self, job: Job[Any], cell: str) -> None:
        self.job = job
        self._cell = cell
        self._news = asyncio.Event()
        self._sounds = SoundQueue()
        self._is_heard = not any(live.job is job for live in _running)  # a second view is silent
        self._view = JobView(job)
        self._place = DisplayHandle()
        self._place.display(self._view)
        job.watch(self._hear)  # for good: whoever watches answers for a failure
        self.task = asyncio.create_task(
            self._follow(),
            name="mediatoolkit view",
            context=contextvars.Context(),  # what it shows then belongs to the cell that runs just
            # then, and what executes notebooks without a browser listens to no other
        )

    def settle(self, bundle: Bundle) -> None:
        """Replace the view by *bundle*, once."""
        if self not in _running:
            return
        _running.discard(self)
        self.remember()
        if self.job.progress.state is State.DONE:
            for piece in self._sounds.rest():
                self._view.sound(piece)
        else:
            self._view.hush()
        data, metadata = bundle
        self._place.update(data, raw=True, metadata=metadata)
        self._view.close()
        if asyncio.current_task() is not self.task:
            self.task.cancel()

    def remember(self) -> None:
        """The result is shown in this job's cell, or about to be."""
        if self.job.progress.state is State.DONE:
            shown.remember(result_of(self.job), self._cell)

    def _hear(self, progress: Progress) -> None:
        self._news.set()
        if self._is_heard:
            self._sounds.hear(progress.event)

    async def _follow(self) -> None:
        while not self.job.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._news.wait()
            self._news.clear()
            if not self.job.done():  # what it ended with is told by what replaces the view
                await asyncio.sleep(_pause() * self._tell())
        self.settle(await asyncio.to_thread(ending, self.job))

    def _tell(self) -> int:
        """Send what is new; returns in how many messages."""
        self._view.tell(self.job.progress)
        if not self._sounds:
            return 1
        self._view.sound(self._sounds.take())
        if self._sounds:
            self._news.set()
        return 2


def _pause() -> float:
    """Seconds between two updates of one view."""
    return max(1 / UPDATES_PER_SECOND, len(_running) / KERNEL_UPDATES_PER_SECOND)
