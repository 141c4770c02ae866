"""Rows below a head, as plain text and on a page."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final, Generic, TypeVar, overload

from mediatoolkit.checks import visible

R = TypeVar("R", bound=tuple[Any, ...])

WIDEST: Final = 60
"""Characters of a cell of a wide table in plain text."""

_ONE_LINE = 48  # characters that stand in a page as they are, such as a model id


class Table(Sequence[R], Generic[R]):
    """Rows below a head; read-only, and shown as plain text and as HTML.

    Args:
        head: Names of the columns.
        rows: As many cells in each as in *head*.
        widest: Most characters of a cell in plain text; a longer one loses its end there. With it,
            a page shows the beginning of a long one as well, and the whole under the pointer.
    """

    def __init__(
        self, head: Iterable[str], rows: Iterable[R], *, widest: int | None = None
    ) -> None:
        """Keep the rows."""
        self.head = tuple(head)
        self._rows = tuple(rows)
        self._widest = widest

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> "Table[R]": ...

    def __getitem__(self, index: int | slice) -> "R | Table[R]":
        """Return a row, or a table of several."""
        if isinstance(index, slice):
            return Table(self.head, self._rows[index], widest=self._widest)
        return self._rows[index]

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def __repr__(self) -> str:
        """Columns side by side."""
        rows = ([visible(cell, self._widest) for cell in row] for row in self._texts())
        lines = [self.head, *rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        )
        return "\n".join(line.rstrip() for line in padded)

    def _repr_html_(self) -> str:
        is_cut = self._widest is not None
        head = _html_row("th", self.head, is_cut=is_cut)
        body = "".join(_html_row("td", row, is_cut=is_cut) for row in self._texts())
        # Without these classes, a page takes two dollar signs for a formula.
        table = '<table class="mathjax_ignore tex2jax_ignore">'
        return f"{table}<thead>{head}</thead><tbody>{body}</tbody></table>"

    def _texts(self) -> list[list[str]]:
        return [["" if cell is None else str(cell) for cell in row] for row in self._rows]


def _html_row(tag: str, texts: Iterable[str], *, is_cut: bool) -> str:
    return f"<tr>{''.join(_html_cell(tag, text, is_cut=is_cut) for text in texts)}</tr>"


def _html_cell(tag: str, text: str, *, is_cut: bool) -> str:
    style, title, text = "text-align:left", "", escape(text)
    if is_cut or len(text) <= _ONE_LINE:
        style += ";white-space:nowrap"
    if is_cut and len(text) > _ONE_LINE:
        style += ";max-width:20em;overflow:hidden;text-overflow:ellipsis"
        title = f' title="{text}"'
    return f'<{tag} style="{style}"{title}>{text}</{tag}>'
