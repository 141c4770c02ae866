"""All jobs of the kernel in one place: what `mt.jobs` shows."""

from collections.abc import Iterable
from typing import Any

from IPython.display import DisplayHandle

from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.board.place import Place
from mediatoolkit.widgets.outputs.ending import line_of, quiet
from mediatoolkit.widgets.page import Bundle
from mediatoolkit.widgets.shown import Cell

MOST = 20
"""Lines of jobs that are over."""


class JobsPanel(Place):
    """Whatever runs, wherever it was started; a line for each job when all is over.

    Args:
        cell: Where it stands.
        pending: Lines about what an earlier kernel has left behind.
    """

    def __init__(self, cell: Cell, pending: Iterable[str]) -> None:
        """Show the lines."""
        super().__init__(cell)
        self.is_open = False
        self._pending = list(pending)
        self._over: list[str] = []
        data, metadata = self._lines()
        self._handle = DisplayHandle()
        self._handle.display(data, raw=True, metadata=metadata)

    def add(self, job: Job[Any]) -> None:
        """One more job; it brings the board back, which shows only what runs then."""
        with self._lock:
            if not self.is_live:
                self._over = self._told_of()
                self._reports.clear()
                self._told.clear()
            super().add(job)

    def ending(self, told: BaseException | None = None) -> Bundle:
        """Lines; the results are shown where they were asked for."""
        del told
        return self._lines()

    def remember(self) -> None:
        """No result is shown here."""

    def _lines(self) -> Bundle:
        return quiet("\n".join([*self._told_of(), *self._pending]) or "no jobs")

    def _told_of(self) -> list[str]:
        return [*self._over, *map(line_of, self.jobs)][-MOST:]
