"""A pandas table of models; importing this imports pandas."""

from typing import Any

import pandas as pd

from mediatoolkit.verbs.listing import WIDEST, Table

_MOST = 300  # rows that a page shows


class ModelFrame(pd.DataFrame):  # type: ignore[misc]
    """A DataFrame with a line a row on a page, whose dollar signs begin no formula there.

    A page shows all its rows, and leaves out columns in which there is nothing.
    """

    @property
    def _constructor(self) -> Any:
        return ModelFrame

    def _repr_html_(self) -> Any:
        if self.columns.nlevels > 1 or not 0 < len(self) <= _MOST:
            no_formula = ("display.html.use_mathjax", False)
            with pd.option_context(*no_formula):
                return super()._repr_html_()
        columns = [("", [_text(name) for name in self.index])]
        columns += [(str(name), [*map(_text, self.iloc[:, n])]) for n, name in enumerate(self)]
        head, texts = zip(*(column for column in columns if any(column[1])), strict=True)
        return Table(head, zip(*texts, strict=True), widest=WIDEST)._repr_html_()


def _text(value: object) -> str:
    """A cell; what is missing is empty."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        return f"{value:%Y-%m-%d}"
    return str(value)
