"""Everything of Jupyter: what a cell shows while a job runs and after it has ended.

The rest of the package uses the names below alone, and imports this only inside IPython, so that a
script or a worker loads no Jupyter; a terminal loads no widgets.

`kernel.py` is the kernel around the cells and all that is remembered of its pages; `cells.py` says
which cell shows what. `jobs_view.py` is the list of jobs of one cell, a `JobRow` (`job_row.py`)
each, drawn by `board.py` or, where no widget can be shown, by `text_board.py`, until what
`results.py` makes takes its place. A widget is a `Panel` (`page.py`) with its traits, and beside it
the scripts and the style for the browser, without a build step.
"""

from collections.abc import Iterable
from typing import Any

from IPython import get_ipython
from IPython.terminal.interactiveshell import TerminalInteractiveShell

from mediatoolkit.runtime.job import Job, register_display
from mediatoolkit.widgets import kernel

__all__ = ["install", "show", "show_jobs"]


def show(job: Job[Any]) -> None:
    """Show *job* in the running cell: live in a kernel's front end, as a line in a terminal."""
    if kernel.here() is not None:
        from mediatoolkit.widgets import cells

        cells.show(job)
    elif isinstance(get_ipython(), TerminalInteractiveShell):
        from mediatoolkit.widgets import terminal

        terminal.show(job)


def show_jobs(jobs: Iterable[Job[Any]], pending: Iterable[str]) -> bool:
    """Show several jobs, and lines about those that an earlier kernel left behind.

    Returns:
        Whether there is a page to show them on.
    """
    if kernel.here() is None:
        return False
    from mediatoolkit.widgets import cells

    cells.show_jobs(jobs, pending)
    return True


def install() -> None:
    """Show the jobs of calls that start several, and hook into this kernel, if it is one.

    Later calls change nothing.
    """
    register_display(show)
    if kernel.here() is not None:
        from mediatoolkit.widgets import cells

        cells.install()
