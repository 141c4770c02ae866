"""Everything of Jupyter: what a cell shows while a job runs and after it has ended.

The rest of the package uses the names below alone, and imports this only inside IPython, so that a
script or a worker loads no Jupyter; a terminal loads no widgets.

`kernel.py` is the kernel around the cells and all that is remembered of its pages; `cells.py` says
which cell shows what, and `cell_runs.py` which run of a cell asks. `jobs_view.py` is the list of
jobs of one cell, a `JobRow` (`job_row.py`) each, drawn by `board.py` or, where no widget can be
shown, by `text_board.py`, until what `results.py` makes takes its place. `first_bar.py` stands
there while all these load. A widget is a `Panel` (`page.py`) with its traits, and beside it the
scripts and the style for the browser, without a build step.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from IPython import get_ipython

if TYPE_CHECKING:
    from mediatoolkit.runtime.job import Job
    from mediatoolkit.widgets.accessors import Start

__all__ = ["install", "show", "show_jobs"]


def show(job: "Job[Any]") -> None:
    """Show *job* in the running cell: live in a kernel's front end, as a line in a terminal."""
    if _is_kernel():
        from mediatoolkit.widgets import cells

        cells.show(job)
    elif _is_terminal():
        from mediatoolkit.widgets import terminal

        terminal.show(job)


def show_jobs(jobs: Iterable["Job[Any]"], pending: Iterable[str]) -> bool:
    """Show several jobs, and lines about those that an earlier kernel left behind.

    Returns:
        Whether there is a page to show them on.
    """
    if not _is_kernel():
        return False
    from mediatoolkit.widgets import cells

    cells.show_jobs(jobs, pending)
    return True


def install(start_table: "Start") -> None:
    """Show the jobs of calls that start several, and hook into this IPython and its kernel.

    Later calls change nothing.

    Args:
        start_table: Starts the runs of `df.media.image` and its like.
    """
    from mediatoolkit.runtime.job import register_display
    from mediatoolkit.widgets import cell_runs

    register_display(show)
    cell_runs.install()
    if _is_kernel():
        from mediatoolkit.widgets import accessors, cells

        accessors.register_start(start_table)
        cells.install()


def _is_kernel() -> bool:
    return getattr(get_ipython(), "kernel", None) is not None


def _is_terminal() -> bool:
    """Whether a person types in IPython's terminal, which is never imported for that."""
    terminal = sys.modules.get("IPython.terminal.interactiveshell")
    return terminal is not None and isinstance(get_ipython(), terminal.TerminalInteractiveShell)
