"""The budget as a table: one row a model, their sum, and what is left."""

from html import escape
from typing import TYPE_CHECKING

from mediatoolkit.checks import visible
from mediatoolkit.errors import BudgetError
from mediatoolkit.pricing.accounts import Sums, total
from mediatoolkit.pricing.dollars import at_least, at_most

if TYPE_CHECKING:
    from mediatoolkit.pricing.budget import Budget

_HEAD = ["model", "calls", "spent", "reserved", "unclear"]
_LISTED = 5  # unclear calls
_NO_FORMULA = 'class="mathjax_ignore tex2jax_ignore"'  # which two dollar signs are to a page


def to_text(budget: "Budget") -> str:
    """Plain text, in columns."""
    rows, notes = _rows(budget), _notes(budget)
    if not rows:
        return "\n".join(["nothing spent", *notes])
    columns = zip(_HEAD, *rows, strict=True)
    first, *widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join([name.ljust(first), *map(str.rjust, cells, widths)])
        for name, *cells in [_HEAD, *rows]
    ]
    return "\n".join([*lines, *notes])


def to_html(budget: "Budget") -> str:
    """A table that does not change."""
    rows = "".join(f"<tr>{_cells('td', row)}</tr>" for row in _rows(budget))
    notes = "".join(f"<p {_NO_FORMULA}>{escape(note)}</p>" for note in _notes(budget))
    if not rows:
        return f"<p>nothing spent</p>{notes}"
    head = f"<thead><tr>{_cells('th', _HEAD)}</tr></thead>"
    return f"<table {_NO_FORMULA}>{head}<tbody>{rows}</tbody></table>{notes}"


def _cells(tag: str, texts: list[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _rows(budget: "Budget") -> list[list[str]]:
    rows = [(visible(row.model_id, 80, one_line=True), Sums(*row[1:])) for row in budget.rows()]
    if rows:
        rows.append(("in all", total(sums for _name, sums in rows)))
    return [
        [name, f"{sums.calls:,}", *map(at_most, (sums.spent, sums.reserved, sums.unclear))]
        for name, sums in rows
    ]


def _notes(budget: "Budget") -> list[str]:
    """The limit, and what the table does not say."""
    notes = [_limit(budget)]
    if budget.unpriced:
        notes.append(f"calls of unknown price, which are in no sum: {budget.unpriced:,}")
    unclear = budget.unclear_calls()
    notes += [f"unclear {call}" for call in unclear[:_LISTED]]
    if len(unclear) > _LISTED:
        notes.append(f"and {len(unclear) - _LISTED:,} more that are unclear")
    if unclear:
        notes.append(f"mt.budget.release({unclear[0].id}) gives back what was not billed")
    return notes


def _limit(budget: "Budget") -> str:
    try:
        limit, left = budget.limit, budget.left
    except BudgetError as error:  # of the environment; to look is no reason to fail
        return str(error)
    if limit is None or left is None:
        return "no limit"
    return f"limit {at_least(limit)}, left {at_least(left)}"
