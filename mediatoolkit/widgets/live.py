"""Jobs in their cells: where each is shown, and when its ending takes the place of its view."""

from collections.abc import Iterable
from typing import Any

from IPython.display import display

from mediatoolkit.runtime.job import Job, end_here
from mediatoolkit.transport.session import sessions
from mediatoolkit.widgets import kernel, nested, shown
from mediatoolkit.widgets.board.jobs_panel import JobsPanel
from mediatoolkit.widgets.board.place import Place, places, settled, unheard
from mediatoolkit.widgets.outputs.ending import ending

_panels: list[JobsPanel] = []


def show(job: Job[Any]) -> None:
    """Show *job* in the running cell, beside what else was started there; from any thread.

    The view is live until all is over and is then replaced: by the result, by a message, or by
    one quiet line; several share a sheet. No widget stays in the notebook.
    """
    install()
    cell = shown.this_cell()
    shown.remember(job, cell)
    if job.done():
        data, metadata = ending(job)
        display(data, raw=True, metadata=metadata)
    else:
        places.setdefault(cell, Place(cell)).add(job)
        for panel in _panels:
            panel.add(job)


def show_jobs(jobs: Iterable[Job[Any]], pending: Iterable[str]) -> None:
    """Show *jobs*, and what is started later, in the running cell; only the last panel lives.

    Args:
        jobs: Those that run.
        pending: Lines about what an earlier kernel has left behind.
    """
    install()
    panel = JobsPanel(shown.this_cell(), pending)
    _panels[:] = [panel]
    for job in jobs:
        panel.add(job)


def install() -> None:
    """Hook into this kernel; later calls change nothing."""
    nested.warn_of_nesting()
    if kernel.install(close, on_cell_end=_settle):
        shown.install(show, catch_up=_remember_finished)


async def close() -> None:
    """Cancel every job of this loop, wait for their clean-up and views, and close its sessions."""
    await end_here()
    await settled()
    await sessions.close()


def _remember_finished() -> None:
    for place in list(places.values()):
        place.remember()


def _settle(result: object) -> None:
    """Put endings in place before a cell reports its own end; a saved notebook needs them there."""
    told = getattr(result, "error_in_exec", None)
    cell = shown.this_cell()
    while unheard:
        handle, (data, metadata) = unheard.pop(0)
        handle.update(data, raw=True, metadata=metadata)
    for place in list(places.values()):
        if place.cell == cell:
            place.is_open = False
        place.settle(told)
    for panel in _panels:
        panel.settle()
