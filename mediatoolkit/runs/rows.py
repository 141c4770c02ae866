"""The rows of a run as they were given: checked, and known by what they ask for."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from mediatoolkit.checks import is_number, is_whole, quoted, visible
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.habits import keyword_hint
from mediatoolkit.media import Image, Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.runtime.job import Job

MOST = 10_000_000
"""Rows of one run, at most."""

_LISTED = 10  # rows that an error names
_DIGITS = 16  # of a digest, in an id: 64 bits
_SIMPLE: Final = frozenset({str, int, float, bool, type(None)})
_encode: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class RowId(NamedTuple):
    """What a ledger knows a row by.

    Attributes:
        id: Unique in its run.
        content: All that is asked for, as JSON.
    """

    id: str
    content: str


class Rows:
    """Rows as columns, which no later change of the table reaches.

    Args:
        rows: A DataFrame, or mappings.
        keywords: Columns that go into the request; all others travel along.
        common: Keywords for every row that has none of its own.

    Attributes:
        columns: Names and values; a row without a value has None.
        index: A label for each row: of the DataFrame, or its number.
        frame: A copy of the DataFrame they came from, or None.
        takes: Which of the identical rows each is, from 1; none before `identify`.
        ids: What a ledger knows each row by; none before `identify`.

    Raises:
        PromptError: It is no table of prompts; names what is wrong, and the rows by their index.
    """

    def __init__(
        self, rows: object, keywords: Collection[str], common: Mapping[str, Any] | None = None
    ) -> None:
        """Copy the columns and check their shape; `identify` and `check` look at each row."""
        self.frame: Any = None
        if _is_frame(rows):
            self.columns, self.index = _columns_of_frame(rows)
            self.frame = _copy_of(rows)
        else:
            self.columns, self.index = _columns_of_mappings(rows)
        self._keywords = [name for name in self.columns if name in keywords]
        for name in self._keywords:
            self.columns[name] = [
                value.copy() if type(value) is list else value for value in self.columns[name]
            ]
        self._common = dict(common or {})
        self._check_shape(keywords)
        self.ids: list[RowId] = []
        self.takes: list[int] = []

    def __len__(self) -> int:
        """How many."""
        return len(self.index)

    def values(self, number: int) -> dict[str, Any]:
        """The keywords of one row; what is None is left out."""
        own = {name: self.columns[name][number] for name in self._keywords}
        return {**self._common, **{name: each for name, each in own.items() if each is not None}}

    def row(self, number: int) -> dict[Any, Any]:
        """All columns of one row."""
        return {name: column[number] for name, column in self.columns.items()}

    def identify(self) -> None:
        """Find out what a ledger knows each row by; blocks, some 20 µs a row.

        Raises:
            PromptError: A row has no lasting form, or the id of another.
        """
        if self.ids:
            return
        self.ids, self.takes = self._identified()

    def check(
        self, check: Callable[[Mapping[str, Any]], None], numbers: Iterable[int] | None = None
    ) -> None:
        """Refuse all rows where *check* refuses one; blocks, some 20 µs a row.

        Args:
            check: Raises what is wrong with the keywords of a row.
            numbers: Of the rows that are looked at; left out, all.

        Raises:
            PromptError: Lists the first ten by their index.
        """
        faults: dict[str, list[int]] = {}
        for number in range(len(self)) if numbers is None else numbers:
            try:
                check(self.values(number))
            except MediaToolkitError as error:
                faults.setdefault(str(error), []).append(number)
        self._refuse(faults)

    def _check_shape(self, keywords: Collection[str]) -> None:
        if not self.index:
            raise PromptError("There are no rows; give a DataFrame or a list of dicts.")
        if len(self) > MOST:
            raise PromptError(f"A run takes up to {MOST:,} rows, not {len(self):,}.")
        if "prompt" not in self.columns:
            names = ", ".join(quoted(name) for name in list(self.columns)[:20])
            near = [*get_close_matches("prompt", map(str, self.columns), n=1), *_text_columns(self)]
            advice = f' Rename it: rows.rename(columns={{"{near[0]}": "prompt"}}).' if near else ""
            raise PromptError(
                f'The rows have no column "prompt"; their columns are {names}.{advice}'
            )
        for name in self._common:
            if name not in keywords:
                hint = keyword_hint(name, sorted(keywords))
                raise PromptError(f"start_many has no keyword {name}=; {hint}")
        self._refuse(self._missing())

    def _missing(self) -> dict[str, list[int]]:
        """Cells that are NaN, by what is to be said of them."""
        faults: dict[str, list[int]] = {}
        for name in self._keywords:
            numbers = [at for at, value in enumerate(self.columns[name]) if is_nan(value)]
            if numbers:
                text = f"{name} is NaN; fill it in, or use None for what is left out"
                faults[text] = numbers
        empty = [at for at, value in enumerate(self.columns["prompt"]) if value is None]
        if empty:
            faults["prompt is None"] = empty
        return faults

    def _refuse(self, faults: Mapping[str, Sequence[int]]) -> None:
        if faults:
            raise refusal_of(faults, self.index, "cannot be made")

    def _identified(self) -> tuple[list[RowId], list[int]]:
        """What each row asks for; identical rows count as takes, unless they have ids."""
        known: dict[int, object] = {}
        contents = [self._content(number, known) for number in range(len(self))]
        seen: Counter[str] = Counter()
        takes = []
        for content in contents:
            seen[content] += 1
            takes.append(seen[content])
        if "id" in self.columns and "id" not in self._keywords:
            return self._given_ids(contents), takes
        ids = []
        for content, take in zip(contents, takes, strict=True):
            digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
            ids.append(RowId(digest if take == 1 else f"{digest}-{take}", content))
        return ids, takes

    def _given_ids(self, contents: Sequence[str]) -> list[RowId]:
        names = self.columns["id"]
        unfit = [
            at for at, name in enumerate(names) if not (isinstance(name, str) or is_whole(name))
        ]
        self._refuse({"id is neither a text nor a whole number": unfit} if unfit else {})
        first: dict[str, int] = {}
        faults: dict[str, list[int]] = {}
        for at, name in enumerate(map(str, names)):
            if name in first:
                text = f"id {quoted(name)} is that of row {self.index[first[name]]} already"
                faults.setdefault(text, []).append(at)
            first.setdefault(name, at)
        self._refuse(faults)
        return [RowId(str(name), content) for name, content in zip(names, contents, strict=True)]

    def _content(self, number: int, known: dict[int, object]) -> str:
        try:
            return _encode(_plain(self.values(number), known))
        except MediaToolkitError as error:
            self._refuse({str(error): [number]})
            raise


def refusal_of(
    faults: Mapping[str, Sequence[int]], index: Sequence[Any], problem: str
) -> PromptError:
    """The error that lists the first ten rows with faults by their labels.

    Args:
        faults: Numbers of rows, by what is wrong with them.
        index: The label of each row.
        problem: What all of them have in common, such as `cannot be made`.
    """
    named = [(number, text) for text, numbers in faults.items() for number in numbers]
    by_text: dict[str, list[str]] = {}
    for number, text in sorted(named)[:_LISTED]:
        label = visible(str(index[number]), 40, one_line=True)
        by_text.setdefault(visible(text, 160, one_line=True).rstrip("."), []).append(label)
    listed = "; ".join(
        f"{'row' if len(labels) == 1 else 'rows'} {', '.join(labels)}: {text}"
        for text, labels in by_text.items()
    )
    count = len({number for number, _ in named})
    more = f"; and {count - _LISTED:,} more" if count > _LISTED else ""
    return PromptError(
        f"{count:,} of {len(index):,} rows {problem}, so nothing was sent: {listed}{more}."
    )


def _text_columns(rows: "Rows") -> list[str]:
    """Columns that hold nothing but text."""
    return [
        str(name)
        for name, column in rows.columns.items()
        if all(isinstance(value, str) for value in column)
    ]


def _is_frame(rows: object) -> bool:
    """Whether it is a DataFrame, of pandas or like it; pandas is not imported for that."""
    return all(hasattr(rows, name) for name in ("columns", "index", "iloc"))


def _columns_of_frame(frame: Any) -> tuple[dict[Any, list[Any]], list[Any]]:
    names = list(frame.columns)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise PromptError(f"The table has two columns called {quoted(twice[0])}; rename one.")
    columns = {name: list(map(plain_number, frame[name].tolist())) for name in names}
    return columns, frame.index.tolist()


def _copy_of(frame: Any) -> Any:
    copy = frame.copy()
    copy.index, copy.columns = frame.index.copy(), frame.columns.copy()  # their names are mutable
    return copy


def _columns_of_mappings(rows: object) -> tuple[dict[Any, list[Any]], list[Any]]:
    if callable(getattr(rows, "to_dicts", None)):  # a DataFrame of polars
        rows = rows.to_dicts()  # type: ignore[attr-defined]
    if isinstance(rows, (str, Mapping, Prompt)) or not isinstance(rows, Iterable):
        raise PromptError(
            "start_many takes a DataFrame or a list of dicts with a prompt in each, not "
            f"{type(rows).__name__}."
        )
    columns: dict[Any, list[Any]] = {}
    count = 0
    for count, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            raise PromptError(
                f"Row {count - 1} is no mapping but {type(row).__name__}; "
                'give {"prompt": …} for each row.'
            )
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column += [None] * (count - 1 - len(column))
            column.append(plain_number(value))
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    return columns, list(range(count))


def plain_number(value: Any) -> Any:
    """NumPy's numbers as Python's own, which JSON takes; anything else as it is."""
    if type(value) in _SIMPLE:
        return value
    if is_number(value) and type(value) not in {int, float} and callable(getattr(value, "item", 0)):
        return value.item()
    return value


def is_nan(value: object) -> bool:
    """Whether it is NaN, or what pandas has in its place."""
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}


def _plain(value: object, known: dict[int, object]) -> object:
    """*value* as JSON that is the same in another process.

    Args:
        value: Anything.
        known: Forms of what has to be read through for them, by identity.

    Raises:
        PromptError: It has no such form.
    """
    if type(value) in _SIMPLE or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Prompt):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    match value:
        case Media():
            return {"media": value.content_digest()}
        case Mapping():
            return {str(name): _plain(each, known) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each, known) for each in value]
    if id(value) not in known:
        known[id(value)] = _digested(value)
    return known[id(value)]


def _digested(value: object) -> object:
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Iterator):
        raise PromptError("an iterator can be read only once; give a list")
    if isinstance(value, Job):
        raise PromptError("a job is no media yet; await it, and give what it makes")
    try:
        return {"media": Image.of(value).content_digest()}
    except MediaToolkitError:
        name = type(value).__name__
        raise PromptError(f"{name} is neither text, a number, media nor a file") from None
