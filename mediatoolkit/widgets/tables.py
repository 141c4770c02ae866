"""Tables of pandas with their media as thumbnails, where the user has imported pandas."""

import re
import sys
from html import escape
from typing import Any

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media, is_in_memory
from mediatoolkit.runtime.events import State
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.kernel import Bundle

MOST = 200
"""Thumbnails in one table; what is beyond is text."""

_MARK = "\ue000{}\ue001"  # letters for private use, which pandas takes for text
_MARKS = re.compile("\ue000([0-9]+)\ue001")


def is_table(thing: object) -> bool:
    """Whether it is a DataFrame."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(thing, pandas.DataFrame)


def is_column(thing: object) -> bool:
    """Whether it is a Series or an Index."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(thing, (pandas.Series, pandas.Index))


def table_bundle(table: Any) -> Bundle:
    """Show a DataFrame, as long as pandas would show it."""
    import pandas as pd

    rows, columns = pd.get_option("display.max_rows"), pd.get_option("display.max_columns")
    html = to_html(table, max_rows=rows, max_cols=columns)
    return {"text/html": html, "text/plain": repr(table)}, {}


def to_html(table: Any, **options: Any) -> str:
    """Return *table* as HTML with its media as thumbnails; every other text is escaped."""
    import pandas as pd

    table = table.to_frame() if is_column(table) else table
    thumbnails: list[str] = []

    def mark(value: object) -> str:
        html = _cell(value) if len(thumbnails) < MOST else None
        if html is None:
            return _text(value)
        thumbnails.append(html)
        return _MARK.format(len(thumbnails) - 1)

    columns = (table.iloc[:, number] for number in range(table.shape[1]))
    formatters = [mark if _has_media(column) else None for column in columns]
    # pandas escapes what it is given, so the thumbnails take their places afterwards; in one pass,
    # since the words of one may hold the mark of another.
    no_formula = ("display.html.use_mathjax", False)  # which two dollar signs are to a page
    with pd.option_context(*no_formula):
        html: str = table.to_html(**{**options, "escape": True, "formatters": formatters})
    known = {_MARK.format(number): thumbnail for number, thumbnail in enumerate(thumbnails)}
    return _MARKS.sub(lambda mark: known.get(mark[0], ""), html)


def _has_media(column: Any) -> bool:
    return column.dtype == object and any(isinstance(value, (Media, Job)) for value in column)


def _text(value: object) -> str:
    """What stands for *value* without a thumbnail; for that alone no file is read."""
    if isinstance(value, Media) and value.path and not is_in_memory(value):
        return f"<{type(value).__name__} {value.path.name}>"
    return str(value)


def _cell(value: object) -> str | None:
    """HTML of media, or of what came of a job; None of anything else."""
    if isinstance(value, Media):
        return value._repr_html_()
    if not isinstance(value, Job):
        return None
    progress = value.progress
    if progress.state is State.DONE:
        try:
            result = JobRow(value).result()
        except MediaToolkitError as error:
            return escape(str(error))
        return result._repr_html_() if isinstance(result, Media) else escape(str(result))
    cause = f" ({type(progress.error).__name__})" if progress.state is State.FAILED else ""
    return escape(f"{value.label}: {progress.state.value}{cause}")
