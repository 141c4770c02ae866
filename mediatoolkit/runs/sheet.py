"""The contact sheet of a run: one column of its rows down, another one across."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Image, Media
from mediatoolkit.runs.results import Results


def sheet_of(results: Results, rows: Hashable, columns: Hashable) -> Callable[[], Image]:
    """What draws the sheet; it blocks, so it is for a thread.

    Args:
        results: Of the run.
        rows: The column whose values head the rows of the sheet.
        columns: The column whose values head its columns.

    Raises:
        PromptError: There is no such column.
    """
    down, across = _texts(results, rows), _texts(results, columns)
    row_heads, column_heads = list(dict.fromkeys(down)), list(dict.fromkeys(across))

    def draw() -> Image:
        from mediatoolkit.media.contact_sheet import contact_sheet

        cells: dict[tuple[str, str], list[Media | str]] = {}
        for number, place in enumerate(zip(down, across, strict=True)):
            cells.setdefault(place, []).append(_cell(results, number))
        return contact_sheet(cells, row_heads, column_heads)

    return draw


def _texts(results: Results, name: Hashable) -> Sequence[str]:
    columns = results.rows.columns
    if name not in columns:
        known = ", ".join(quoted(each) for each in list(columns)[:20])
        raise PromptError(f"The rows have no column {quoted(name)}; they have {known}.")
    return [_text(value) for value in columns[name]]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _cell(results: Results, number: int) -> Media | str:
    row = results.row(number)
    if row.media is not None:
        return row.media
    return type(row.error).__name__ if row.error is not None else row.status
