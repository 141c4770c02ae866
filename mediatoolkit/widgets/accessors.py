"""What pandas offers for the media in its tables: `df.media` and `series.media`.

They are there once a cell has ended that imported pandas, or when a job is shown after that. In the
very cell that imports pandas, `mt.show(df)` does the same.
"""

import sys
from typing import Any

from mediatoolkit.widgets import tables
from mediatoolkit.widgets.grid import show


class MediaAccessor:
    """What `df.media` and `series.media` are: the media in a table.

    Args:
        table: The DataFrame or Series.
    """

    def __init__(self, table: Any) -> None:
        """Look at nothing yet."""
        self._table = table

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
