"""How the rows of a run stand, as a table and as rows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mediatoolkit.media import Media
from mediatoolkit.media.lazy import lazy_media
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.runs.rows import Rows
from mediatoolkit.runs.work import Outcome, RowMaker, RowStatus

COLUMNS = ("media", "status", "usd", "seconds", "tries", "error")
"""What a table has beside the columns of its rows."""

_TOOK = "took"  # stands for `seconds` where that is a keyword, as it is for films
_HALF = re.compile("[\ud800-\udfff]")  # a letter that pandas' texts cannot hold
_NUMBERS = frozenset({bool, int, float})
_HAVE_NONE = frozenset({RowStatus.FAILED, RowStatus.UNCLEAR})


@dataclass(frozen=True, slots=True)
class RunRow(Mapping[Any, Any]):
    """One row of a run that has ended; `row["animal"]` is a column of it.

    Attributes:
        index: Its label in the table.
        media: What was made, or None.
        status: `"done"`, `"failed"`, `"unclear"` or `"waiting"`.
        usd: What it has cost, in USD; of an unclear row the most; None is unknown.
        seconds: How long it took.
        tries: How often it was sent.
        error: Why it has no media, or None.
        columns: The row as it was given.
    """

    index: Any
    media: Media | None
    status: str
    usd: float | None
    seconds: float
    tries: int
    error: Exception | None
    columns: dict[Any, Any] = field(repr=False)

    def __getitem__(self, name: Any) -> Any:
        """A column of the row."""
        return self.columns[name]

    def __iter__(self) -> Iterator[Any]:
        """Names of the columns."""
        return iter(self.columns)

    def __len__(self) -> int:
        """How many columns."""
        return len(self.columns)


class Results:
    """The outcomes of all rows of a run; safe to read from any thread.

    Attributes:
        rows: As they were given.
        maker: What makes them.
        outcomes: How each has ended, or None.
        done: How many have media.
        failed: How many have none, billed or not.
        spent: What all have cost, in USD, and what may have been billed beside that; rows of the
            run that are not given now included.
    """

    def __init__(self, rows: Rows, maker: RowMaker) -> None:
        """Begin with none that has ended."""
        self.rows = rows
        self.maker = maker
        self.outcomes: list[Outcome | None] = [None] * len(rows)
        self.done = self.failed = 0
        self.spent = ZERO

    def put(self, number: int, outcome: Outcome | None) -> None:
        """Note how a row stands; media that lies in a file is let go of."""
        earlier = self.outcomes[number]
        if earlier is not None:
            self._count(earlier, -1)
        if outcome is not None:
            if outcome.file:
                outcome.media = None
            self._count(outcome, 1)
        self.outcomes[number] = outcome

    def media(self, number: int) -> Media | None:
        """What was made of a row; it is read when it is first used."""
        outcome = self.outcomes[number]
        if outcome is None:
            return None
        if outcome.media is not None or not outcome.file:
            return outcome.media
        store, name = self.maker.store, outcome.file
        read = partial(store.read, name)
        return lazy_media(self.maker.media_type, read, partial(store.path_of, name))

    def row(self, number: int) -> RunRow:
        """One row with how it stands."""
        outcome = self.outcomes[number] or Outcome(number, RowStatus.WAITING)
        return RunRow(
            self.rows.index[number],
            self.media(number),
            outcome.status.value,
            _dollars(outcome),
            outcome.seconds,
            outcome.attempts,
            outcome.error,
            self.rows.row(number),
        )

    def numbers(self, *statuses: RowStatus) -> Iterator[int]:
        """The rows with one of *statuses*, in their order."""
        for number, outcome in enumerate(self.outcomes):
            status = RowStatus.WAITING if outcome is None else outcome.status
            if status in statuses:
                yield number

    def table(self) -> Any:
        """A DataFrame with the index of the rows, or a list of dicts where there is no pandas."""
        numbers = range(len(self.rows))
        outcomes = self._columns()
        if find_spec("pandas") is None:
            columns = {**self.rows.columns, **outcomes}
            return [
                {name: column[number] for name, column in columns.items()} for number in numbers
            ]
        given = self.rows.frame
        if given is None:
            given = _frame(self.rows.columns, self.rows.index)
        frame = _frame(outcomes, given.index)
        kept = given[[name for name in given.columns if name not in outcomes]]
        table = import_module("pandas").concat([kept, frame], axis="columns")
        return table.rename_axis(columns=given.columns.name)

    @property
    def seconds_column(self) -> str:
        """Says how long a row took: `seconds`, or `took` where that is a keyword."""
        return _TOOK if "seconds" in self.maker.keywords else "seconds"

    def _columns(self) -> dict[str, list[Any]]:
        rows = [
            outcome or Outcome(at, RowStatus.WAITING) for at, outcome in enumerate(self.outcomes)
        ]
        return {
            "media": [self.media(number) for number in range(len(rows))],
            "status": [row.status.value for row in rows],
            "usd": [_dollars(row) for row in rows],
            self.seconds_column: [row.seconds for row in rows],
            "tries": [row.attempts for row in rows],
            "error": [row.error for row in rows],
        }

    def _count(self, outcome: Outcome, step: int) -> None:
        self.done += step * (outcome.status is RowStatus.DONE)
        self.failed += step * (outcome.status in _HAVE_NONE)
        self.spent += step * outcome.cost


def _frame(columns: Mapping[Any, list[Any]], index: Any) -> Any:
    """A DataFrame whose cells are what they were; pandas makes NaN of None in most columns."""
    pandas = import_module("pandas")
    series = {
        name: pandas.Series(values, index, float if name == "usd" else _dtype(values))
        for name, values in columns.items()
    }
    return pandas.DataFrame(series, index=index)


def _dtype(values: list[Any]) -> Any:
    """None, where pandas finds a type that holds them as they are; else that of any object."""
    kinds = {*map(type, values)}
    if kinds == {str}:
        return object if any(map(_HALF.search, values)) else None
    return None if len(kinds) == 1 and kinds <= _NUMBERS else object


def _dollars(outcome: Outcome) -> float | None:
    """What a row has cost, or may have cost at most."""
    if outcome.status is RowStatus.DONE:
        return None if outcome.usd is None else float(outcome.usd)
    return float(outcome.unclear)
