"""Which cell has shown what, so that a picture appears once.

`await mt.image(…)` as the last line of a cell would show its picture twice: in place of the job's
view, and as the value of the cell. IPython asks here before it shows a job or media.
"""

from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

from IPython import get_ipython

from mediatoolkit.job import Job
from mediatoolkit.media import Media

_cells: WeakKeyDictionary[object, str] = WeakKeyDictionary()


def this_cell() -> str:
    """Id of the execution that runs in this context."""
    parent = get_ipython().get_parent()
    return cast("str", parent.get("header", parent).get("msg_id", ""))


def remember(thing: object, cell: str) -> None:
    """*thing* is shown in the execution *cell*."""
    if isinstance(thing, (Job, Media)):
        _cells[thing] = cell


def is_shown_here(thing: object) -> bool:
    """Whether this very execution shows it already; a later one may show it again."""
    return _cells.get(thing) == this_cell()


def install(show: Callable[[Job[Any]], None], *, catch_up: Callable[[], None]) -> None:
    """Have IPython ask here first.

    Args:
        show: Displays a job.
        catch_up: Remembers the results of jobs that ended this very moment.
    """

    def display_media(media: Media) -> None:
        catch_up()
        if not is_shown_here(media):
            raise NotImplementedError  # IPython's word for going on as usual

    def display_job(job: Job[Any]) -> None:
        if not is_shown_here(job):
            show(job)

    printers = get_ipython().display_formatter.ipython_display_formatter
    printers.for_type(Media, display_media)
    printers.for_type(Job, display_job)
