"""Jobs and media in their cells: each is shown once, and an ending replaces its view in time.

`await mt.image(…)` as the last line of a cell would show its picture twice: in place of the job's
view, and as the value of the cell. IPython asks here before it shows a job or media.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from IPython import get_ipython

from mediatoolkit.media import Media, MediaList
from mediatoolkit.pricing.budget import Budget
from mediatoolkit.providers import keys
from mediatoolkit.runtime.job import Job, end_here
from mediatoolkit.transport.session import SessionRegistry, sessions
from mediatoolkit.widgets import kernel
from mediatoolkit.widgets.accessors import register_accessors
from mediatoolkit.widgets.grid import list_bundle
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.jobs_view import JobsView, handle_for
from mediatoolkit.widgets.kernel import Bundle, Cell, Kernel
from mediatoolkit.widgets.results import line_of, media_bundle, quiet

MOST_LINES = 20
"""Lines of jobs that are over, below `mt.jobs`."""


class JobsPanel:
    """What `mt.jobs` shows: a view of whatever runs, and a line for each job when all are over.

    Args:
        this: The kernel.
        cell: The execution that shows it.
        pending: Lines about what an earlier kernel has left behind.
    """

    def __init__(self, this: Kernel, cell: Cell, pending: Iterable[str]) -> None:
        """Show the lines."""
        self._kernel = this
        self._pending = list(pending)
        self._ended: list[str] = []
        self._handle = handle_for(cell)
        self._view = self._new_view(cell)
        data, metadata = self.ending([])
        self._handle.display(data, raw=True, metadata=metadata)

    def add(self, job: Job[Any]) -> None:
        """Show one more job; it brings the board back, which shows only what runs then."""
        with self._kernel.lock:
            if not self._view.is_live:
                self._ended = self._lines(self._view.jobs)
                self._view = self._new_view(self._view.cell)
            self._view.add(job)

    def ending(self, rows: list[JobRow], _error: BaseException | None = None) -> Bundle:
        """Make lines; the results are shown where they were asked for."""
        return quiet("\n".join([*self._lines(rows), *self._pending]) or "no jobs")

    def _lines(self, rows: list[JobRow]) -> list[str]:
        return [*self._ended, *map(line_of, rows)][-MOST_LINES:]

    def _new_view(self, cell: Cell) -> JobsView:
        return JobsView(self._kernel, cell, handle=self._handle, ending=self.ending)


def show(job: Job[Any]) -> None:
    """Show *job* in the running cell, beside what else was started there; from any thread.

    The view is live until all is over and is then replaced: by the result, by a message, or by
    one quiet line; several share a sheet. No widget stays in the notebook.
    """
    this = install()
    register_accessors()
    cell = this.cell()
    this.shown[job] = cell
    if job.done():
        JobsView(this, cell).show_over(job)
        return
    with this.lock:
        same = (view for view in this.views if view.cell == cell and view.shows_results)
        view = next(same, None) or JobsView(this, cell)
        view.add(job)
    if this.panel is not None:
        this.panel.add(job)


def show_jobs(jobs: Iterable[Job[Any]], pending: Iterable[str]) -> None:
    """Show *jobs*, and what is started later, in the running cell; only the last panel lives.

    Args:
        jobs: Those that run.
        pending: Lines about what an earlier kernel has left behind.
    """
    this = install()
    this.panel = JobsPanel(this, this.cell(), pending)
    for job in jobs:
        this.panel.add(job)


def install() -> Kernel:
    """Hook into this kernel; later calls change nothing."""
    this = kernel.here()
    if this is None:
        raise RuntimeError("There is no kernel to hook into.")
    kernel.warn_of_nesting()
    if not this.is_hooked:
        this.hook(close, on_cell_end=_end_cell, on_clear=_forget_shown)
        keys.asks_by(this.ask)
        formatters = get_ipython().display_formatter
        formatters.ipython_display_formatter.for_type(Media, _display_media)
        formatters.ipython_display_formatter.for_type(Job, _display_job)
        formatters.ipython_display_formatter.for_type(MediaList, _display_list)
        formatters.mimebundle_formatter.for_type(Media, media_bundle)
        formatters.mimebundle_formatter.for_type(MediaList, list_bundle)
        formatters.ipython_display_formatter.for_type(SessionRegistry, _display_sessions)
        formatters.ipython_display_formatter.for_type(Budget, _display_budget)
    return this


async def close() -> None:
    """Cancel every job of this loop, wait for their clean-up and views, and close its sessions."""
    await end_here()
    await views_settled()
    await sessions.close()


async def views_settled() -> None:
    """Wait until nothing on this loop tells a view of its jobs."""
    this, loop = kernel.here(), asyncio.get_running_loop()
    tickers = [view.tickers.get(loop) for view in this.views] if this else []
    running = [ticker for ticker in tickers if ticker is not None]
    if running:
        await asyncio.wait(running)


def _end_cell(result: object) -> None:
    """Put endings in place before a cell reports its own end; a saved notebook needs them there."""
    register_accessors()  # this cell may have imported pandas
    this = kernel.here()
    if this is None:
        return
    while this.late_updates:
        handle, (data, metadata) = this.late_updates.popitem()
        handle.update(data, raw=True, metadata=metadata)
    cell = this.cell()
    for view in list(this.views):
        if view.cell.id == cell.id:
            view.is_open = False
        view.settle(getattr(result, "error_in_exec", None))
        view.tell()  # of the jobs that came last, which the HTML is to name
    if this.budget_panel is not None:
        this.budget_panel.settle()
    if this.buttons is not None:
        this.buttons.save_panels()


def _forget_shown() -> None:
    """Begin a fresh view after a clear: the old one would bring back what it showed."""
    this = kernel.here()
    if this is None:
        return
    with this.lock:
        cell = this.cell()
        for view in [view for view in this.views if view.cell == cell]:
            view.is_open = view.shows_results = False
            view.settle()
        for shown in [shown for shown, where in this.shown.items() if where == cell]:
            del this.shown[shown]
        if this.budget_panel is not None:
            this.budget_panel.forget(cell)


def _display_media(media: Media) -> None:
    if not _are_shown([media]):
        raise NotImplementedError  # IPython's word for going on as usual


def _display_list(media_list: MediaList[Any]) -> None:
    if not _are_shown([item for item in media_list if isinstance(item, Media)]):
        raise NotImplementedError


def _are_shown(media: list[Media]) -> bool:
    """Whether the running cell shows them all already."""
    this = kernel.here()
    # Results of jobs that ended this very moment: their views have not heard of it.
    for view in list(this.views) if this else ():
        view.remember()
    if this is None or not media:
        return False
    return all(this.shown.get(each) == this.cell() for each in media)


def _display_job(job: Job[Any]) -> None:
    this = kernel.here()
    if this is None or this.shown.get(job) != this.cell():
        show(job)


def _display_sessions(registry: SessionRegistry) -> None:
    """Show a table that is kept up to date or, where no widget can be shown, one that is not."""
    if not kernel.shows_widgets():
        raise NotImplementedError
    from mediatoolkit.widgets.sessions import SessionPanel

    SessionPanel(registry)._ipython_display_()


def _display_budget(budget: Budget) -> None:
    """Show a table that follows the calls or, where no widget can be shown, one that does not."""
    this = kernel.here()
    if this is None or not kernel.shows_widgets():
        raise NotImplementedError
    from mediatoolkit.widgets.budget import panel_of

    panel_of(this, budget)._ipython_display_()
