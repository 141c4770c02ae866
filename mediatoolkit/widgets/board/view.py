"""Which view this front end can show: a board, or text."""

from collections.abc import Callable, Mapping
from typing import Protocol, cast

from mediatoolkit.runtime.events import Sounding
from mediatoolkit.widgets import frontend
from mediatoolkit.widgets.board.plain import PlainBoard
from mediatoolkit.widgets.board.rows import Row, Wish


class View(Protocol):
    """Shows the jobs of one cell while they run.

    Attributes:
        heartbeat: Seconds after which it is told again although nothing happened.
        ending: HTML that takes the place of the rows, where nothing can replace the whole view.
        is_seen: Whether a page shows it.
        was_reloaded: Whether the page knows of no place to put an ending into.
    """

    heartbeat: float
    ending: str
    is_seen: bool
    was_reloaded: bool

    def tell(self, rows: Mapping[str, Row]) -> int:
        """Show what is new in *rows*; returns in how many messages."""

    def sound(self, name: str, piece: Sounding) -> None:
        """Let a piece of speech be heard after those before it."""

    def hush(self, name: str) -> None:
        """End what sounds."""

    def close(self) -> None:
        """Leave the page."""


def view_of(
    rows: Mapping[str, Row],
    wished: Callable[[Wish, str | None], None],
    replace: Callable[[object], object],
) -> View:
    """A view of *rows*, to be displayed; widgets are imported only where they are shown.

    Args:
        rows: Every row by its name.
        wished: Called with a wish and the name of a row, or None for all of them.
        replace: Shows the view anew in its place.
    """
    if not frontend.shows_widgets():
        return PlainBoard(rows, replace)
    from mediatoolkit.widgets.board.widget import Board

    return cast("View", Board(wished, rows))
