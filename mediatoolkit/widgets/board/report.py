"""One job among those of a place: what the page is told of it."""

from typing import Any

from mediatoolkit.runtime.events import Partial, Progress, State
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.board.rows import Row, began_of, row_of
from mediatoolkit.widgets.board.sounding import SoundQueue
from mediatoolkit.widgets.outputs.ending import over
from mediatoolkit.widgets.outputs.held import Over, Told


class Report:
    """What is to be told of one job: words, the picture so far, and sound.

    Attributes:
        has_ended: The end was heard, which comes a moment after the job is done.
    """

    has_ended = False

    def __init__(self, job: Job[Any], *, is_heard: bool) -> None:
        """Hold *job*; its sound goes to the page if it *is_heard*."""
        self.job: Told = job
        self.sounds = SoundQueue()
        self._began = began_of(job.progress)
        self._is_heard = is_heard
        self._picture: bytes | None = None

    def hear(self, progress: Progress) -> None:
        """Keep what *progress* brings beside words."""
        self.has_ended = progress.state is not State.RUNNING
        if self._is_heard:
            self.sounds.hear(progress.event)
        if isinstance(progress.event, Partial):
            self._picture = progress.event.data

    def row(self, *, among_others: bool) -> Row:
        """How it stands, for the page."""
        if among_others and self.job.progress.state is State.DONE:
            kept = over(self.job)
            self._picture = kept.jpeg if kept else None
        return row_of(self.job, began=self._began, picture=self._picture)

    def let_go(self, *, all_media: bool) -> None:
        """Hold a result that lies in a file no longer; only what is small, or *all media*."""
        if isinstance(self.job, Over) or self.job.progress.state is not State.DONE:
            return
        kept = over(self.job)
        if kept is not None and kept.media.is_in_file and (kept.jpeg or all_media):
            self.job = kept
