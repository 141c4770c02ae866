"""What pandas offers for the media in its tables: `df.media` and `series.media`.

They are there once a cell has ended that imported pandas, or when a job is shown after that. In the
very cell that imports pandas, `mt.show(df)` does the same.
"""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import PromptError, UnknownNameError
from mediatoolkit.widgets import tables
from mediatoolkit.widgets.grid import show

if TYPE_CHECKING:
    from mediatoolkit.runs.run import Run

Start = Callable[..., "Run"]
"""Starts a run of a kind of media, of a DataFrame, by a template or None, with options."""

_starts: list[Start] = []


class MediaAccessor:
    """What `df.media` and `series.media` are: the media in a table, and runs of its rows.

    The table of a run has a column of that name, so all else that is asked of `df.media` is asked
    of the column: `table.media[0]`, `table.media.map(…)`.

    Args:
        table: The DataFrame or Series.
    """

    def __init__(self, table: Any) -> None:
        """Look at nothing yet."""
        self._table = table

    def image(self, template: str | None = None, **options: Any) -> "Run":
        """Make a picture of each row: `run = df.media.image("a {animal} in {season}")`.

        Args:
            template: The prompt, with names of columns in braces; left out, the column `prompt`,
                or the texts of the Series.
            options: `model`, and as of `agent.start_many`: `run`, `cap`, `rate`, `size`, …

        Returns:
            A run, which shows itself: await it for the table.

        Raises:
            PromptError: A row cannot be made as asked; nothing was sent.
        """
        return self._start("image", template, options)

    def speech(self, template: str | None = None, **options: Any) -> "Run":
        """Make speech of each row, as `image` makes pictures."""
        return self._start("speech", template, options)

    def video(self, template: str | None = None, **options: Any) -> "Run":
        """Make a film of each row, as `image` makes pictures."""
        return self._start("video", template, options)

    def show(self, **options: Any) -> None:
        """Show a DataFrame with its media as thumbnails, or a Series as a grid.

        Args:
            options: For a Series, as of `mt.show`: `columns`, `labels`.
        """
        show(self._table, **options)

    def to_html(self, **options: Any) -> str:
        """Return the table as HTML with its media as thumbnails; every other text is escaped.

        Args:
            options: As of `DataFrame.to_html`, without `escape` and `formatters`.
        """
        return tables.to_html(self._table, **options)

    def __getattr__(self, name: str) -> Any:
        """What the column `media` has."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._column(), name)

    def __getitem__(self, key: Any) -> Any:
        """A cell of the column `media`, or a part of it."""
        return self._column()[key]

    def __iter__(self) -> Iterator[Any]:
        """The cells of the column `media`."""
        return iter(self._column())

    def __len__(self) -> int:
        """How many rows the table has."""
        return len(self._table)

    def __repr__(self) -> str:
        """Return what stands in the column `media`, where there is one."""
        return repr(self._column()) if self._has_column() else f"<media of {len(self)} rows>"

    def _column(self) -> Any:
        if not self._has_column():
            raise UnknownNameError(
                'This table has no column "media"; its .media has image, speech, video, show and '
                "to_html."
            )
        return self._table["media"]

    def _has_column(self) -> bool:
        return tables.is_table(self._table) and "media" in self._table.columns

    def _start(self, kind: str, template: str | None, options: dict[str, Any]) -> "Run":
        if not _starts:
            raise PromptError("Type mt.image once, which loads what starts runs; then try again.")
        table = self._table
        if tables.is_column(table):
            table = table.to_frame(name="prompt" if template is None else table.name)
        return _starts[-1](kind, table, template, **options)


def register_start(start: Start) -> None:
    """Have `df.media.image` and its like call *start*."""
    _starts.append(start)


def register_accessors() -> None:
    """Give DataFrame and Series their `media`, where pandas is imported; else do nothing."""
    pandas = sys.modules.get("pandas")
    extensions = getattr(getattr(pandas, "api", None), "extensions", None)
    if extensions is None or pandas is None:
        return
    if not hasattr(pandas.DataFrame, "media"):
        extensions.register_dataframe_accessor("media")(MediaAccessor)
    if not hasattr(pandas.Series, "media"):
        extensions.register_series_accessor("media")(MediaAccessor)
