"""Which cell has shown what, so that a picture appears once.

`await mt.image(…)` as the last line of a cell would show its picture twice: in place of the job's
view, and as the value of the cell. IPython asks here before it shows a job or media.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from IPython import get_ipython

from mediatoolkit.media import Media
from mediatoolkit.runtime.job import Job
from mediatoolkit.transport.session import SessionRegistry
from mediatoolkit.widgets import frontend
from mediatoolkit.widgets.outputs import shown_media
from mediatoolkit.widgets.page import Bundle


@dataclass(frozen=True, slots=True)
class Cell:
    """One execution, of a cell or of what a click started.

    Attributes:
        id: Of the message that asked for it.
        is_click: No cell runs; what is shown then cannot be replaced later.
    """

    id: str
    is_click: bool = False


_cells: WeakKeyDictionary[object, Cell] = WeakKeyDictionary()


def this_cell() -> Cell:
    """The execution that runs in this context."""
    parent = get_ipython().get_parent()
    header = parent.get("header", parent)
    return Cell(header.get("msg_id", ""), header.get("msg_type") == "comm_msg")


def remember(thing: object, cell: Cell) -> None:
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

    formatter = get_ipython().display_formatter
    formatter.ipython_display_formatter.for_type(Media, display_media)
    formatter.ipython_display_formatter.for_type(Job, display_job)
    formatter.mimebundle_formatter.for_type(Media, shown_media.bundle)
    formatter.mimebundle_formatter.for_type(SessionRegistry, _panel)


def _panel(registry: SessionRegistry, **_kwargs: object) -> Bundle:
    """A table that lives, or where no widget can be shown, one that stands."""
    if not frontend.shows_widgets():
        return {"text/html": registry._repr_html_(), "text/plain": repr(registry)}, {}
    from mediatoolkit.widgets.session_panel import SessionPanel

    return SessionPanel(registry)._repr_mimebundle_()
