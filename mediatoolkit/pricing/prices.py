"""Prices of the vendors' models, as rows of `prices.json`.

The file is an object of three entries: `made`, the day it was made; `sources`, the short names of
the pages and tables that the figures come from; `rows`, one row for each model and span of days.

| in a row | holds |
|---|---|
| `model` | model id, `vendor/model` |
| `from`, `until` | first day, and first day after; null where there is none |
| `per` | US dollars for one unit, by unit; an amount (`amounts.py`), as it may depend on facts |
| `amount` | units that a request takes, by unit; one that is not listed is in `cost` alone |
| `lanes` | what the price is multiplied with in a service tier: `{"batch": "0.5"}` |
| `shutdown` | day on which the vendor stops serving the model, or null |
| `checked` | day on which somebody compared the row with its sources |
| `sources`, `agree` | where the figures come from; how many sources agree on them |
| `note` | what the figures do not say, such as where sources disagree; may be left out |

Units of tokens are `input_token` (text, and every kind without a unit of its own) and
`input_image_token`, `output_text_token` (thinking, too), `output_image_token`,
`output_audio_token`, `output_video_token`. Other units are words of the row: `image`, `second`,
`character`, `first_megapixel`.
"""

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.pricing.amounts import Amount, parse_amount

if TYPE_CHECKING:
    import os

LARGEST = 1 << 20
"""Bytes of a file of prices."""

_FILE = Path(__file__).with_name("prices.json")
_MODEL = re.compile(r"[\w.-]{1,40}/[\w./-]{1,160}", re.ASCII)
_UNIT = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SNAPSHOT = re.compile(r"-\d{4}-\d\d-\d\d$", re.ASCII)
_NEEDED = frozenset({"model", "per", "amount", "checked", "sources", "agree"})
_KNOWN = _NEEDED | {"from", "until", "lanes", "shutdown", "note"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """What one model costs in a span of days.

    Attributes:
        model: Model id, `vendor/model`.
        starts: First day, or None.
        ends: First day on which it no longer holds, or None.
        per: US dollars for one unit, by unit.
        amount: Units that a request takes, by unit.
        lanes: What the price is multiplied with, by service tier.
        shutdown: Day on which the vendor stops serving the model, or None while none is announced.
        checked: Day on which somebody compared the row with its sources.
        sources: Short names, which the file spells out.
        agree: How many sources agree.
        note: What the figures do not say, or empty.
    """

    model: str
    per: Mapping[str, Amount]
    amount: Mapping[str, Amount]
    checked: date
    sources: tuple[str, ...]
    agree: int
    starts: date | None = None
    ends: date | None = None
    lanes: Mapping[str, Amount] = field(default_factory=dict)
    shutdown: date | None = None
    note: str = ""

    def holds_on(self, day: date) -> bool:
        """Whether *day* is in the span."""
        return (self.starts or day) <= day and (self.ends is None or day < self.ends)

    @classmethod
    def of(cls, entry: object, place: str, sources: Iterable[str]) -> "PriceRow":
        """Read a row.

        Args:
            entry: As JSON has it.
            place: Where it stands, for the message.
            sources: Short names that the file spells out.

        Raises:
            PromptError: An entry is missing, unknown, or not what it has to be.
        """
        row = _checked_keys(entry, place, _NEEDED, _KNOWN)
        model = row["model"]
        if not isinstance(model, str) or not _MODEL.fullmatch(model):
            raise PromptError(f"{place} has the model {quoted(model)}, not vendor/model.")
        place = f"{place}, {model},"
        per = _amounts(row["per"], f'{place} "per"')
        amount = _amounts(row["amount"], f'{place} "amount"')
        if not per:
            raise PromptError(f'{place} has no price in "per".')
        if unpriced := sorted(amount.keys() - per.keys()):
            raise PromptError(f'{place} takes {quoted(unpriced[0])}, which "per" has no price for.')
        starts, ends = _day(row, "from", place), _day(row, "until", place)
        if starts and ends and starts >= ends:
            raise PromptError(f"{place} ends on {ends}, before it starts on {starts}.")
        checked = _day(row, "checked", place)
        if checked is None:
            raise PromptError(f'{place} says no day in "checked".')
        return cls(
            model=model,
            starts=starts,
            ends=ends,
            per=per,
            amount=amount,
            lanes=_amounts(row.get("lanes", {}), f'{place} "lanes"'),
            shutdown=_day(row, "shutdown", place),
            checked=checked,
            sources=_names(row["sources"], place, sources),
            agree=_count(row["agree"], place),
            note=_text(row.get("note", ""), f'{place} "note"'),
        )


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of a file, by model."""

    made: date
    listed: list[PriceRow]
    rows: Mapping[str, tuple[PriceRow, ...]]


class Prices:
    """The rows of the file that comes with this package, and of those that were given.

    The file is read when a price is asked for, some milliseconds, and never from a network.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        self._table: _Table | None = None
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[PriceRow]:
        """All rows, a model's own in the order of their days."""
        for rows in self._loaded().rows.values():
            yield from rows

    def __len__(self) -> int:
        """How many rows there are."""
        return sum(map(len, self._loaded().rows.values()))

    @property
    def made(self) -> date:
        """The day on which the newest file was made."""
        return self._loaded().made

    def find(self, model_id: str, day: date | None = None) -> PriceRow | None:
        """The row of a model, or None where there is none.

        Args:
            model_id: `vendor/model`. A snapshot such as `gpt-image-2-2026-04-21` costs what its
                model does, where it has no row of its own.
            day: Left out, today in UTC.
        """
        rows = self._loaded().rows
        own = rows.get(model_id) or rows.get(_SNAPSHOT.sub("", model_id), ())
        day = day or datetime.now(UTC).date()
        return next((row for row in own if row.holds_on(day)), None)

    def update(self, path: "str | os.PathLike[str]", *, alone: bool = False) -> None:
        """Lay another file of prices over the rows that there are, or put it in their place.

        A model that the file has keeps none of its earlier rows; the other models keep theirs.
        When the file is refused, everything stays as it was.

        Args:
            path: A file as `prices.json` is.
            alone: Whether only the rows of the file are left.

        Raises:
            StorageError: It cannot be read.
            PromptError: It is broken, an entry is wrong, or it is older than what is there.
        """
        from mediatoolkit.runtime.files import path_of, read_file

        place = path_of(path)
        table = _parse(read_file(place, largest=LARGEST), quoted(place.name))
        with self._lock:
            current = self._table or _bundled()
            if table.made < current.made:
                raise PromptError(
                    f"{quoted(place.name)} was made on {table.made}, the prices that are in use on "
                    f"{current.made}; get a newer file."
                )
            rows = table.rows if alone else {**current.rows, **table.rows}
            self._table = replace(table, rows=MappingProxyType(dict(rows)))

    def _loaded(self) -> _Table:
        table = self._table
        if table is None:
            with self._lock:
                table = self._table = self._table or _bundled()
        return table


prices = Prices()
"""The prices that every quote and budget of this process reads."""


def _bundled() -> _Table:
    return _parse(_FILE.read_bytes(), _FILE.name)


def parse(data: bytes, name: str) -> list[PriceRow]:
    """The rows of a file, in its order.

    Raises:
        PromptError: Any entry of the file is wrong.
    """
    return _parse(data, name).listed


def _parse(data: bytes, name: str) -> _Table:
    """Read a whole file; any wrong entry refuses all of it.

    Raises:
        PromptError: Names the entry.
    """
    try:
        document = json.loads(data, parse_float=_no_fraction, parse_constant=_no_fraction)
    except RecursionError as error:
        raise PromptError(f"{name} has too many brackets inside each other.") from error
    except PromptError:
        raise
    except ValueError as error:  # also bytes that are no UTF-8
        raise PromptError(f"{name} is no JSON: {error}.") from error
    needed = frozenset({"made", "sources", "rows"})
    content = _checked_keys(document, name, needed, needed)
    made, sources, entries = _day(content, "made", name), content["sources"], content["rows"]
    if made is None or not isinstance(sources, dict) or not isinstance(entries, list):
        raise PromptError(f'{name} needs a day in "made", names in "sources", a list in "rows".')
    listed = [
        PriceRow.of(entry, f"{name}: row {number}", sources)
        for number, entry in enumerate(entries, 1)
    ]
    if not listed:
        raise PromptError(f"{name} has no row.")
    return _Table(made, listed, MappingProxyType(_by_model(listed, name)))


def _no_fraction(text: str) -> NoReturn:
    raise PromptError(f'{text[:40]} has to be a decimal in quotes, as in "0.06".')


def _by_model(rows: Iterable[PriceRow], name: str) -> dict[str, tuple[PriceRow, ...]]:
    """The rows of each model in the order of their days, of which no two have one in common."""
    models: dict[str, list[PriceRow]] = {}
    for row in rows:
        models.setdefault(row.model, []).append(row)
    for own in models.values():
        own.sort(key=lambda row: row.starts or date.min)
        for earlier, later in pairwise(own):
            if not (earlier.ends and later.starts and earlier.ends <= later.starts):
                raise PromptError(f"{name} has two rows of {later.model} for the same day.")
    return {model: tuple(own) for model, own in models.items()}


def _checked_keys(
    value: object, place: str, needed: frozenset[str], known: frozenset[str]
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PromptError(f"{place} is no object.")
    if missing := sorted(needed - value.keys()):
        raise PromptError(f"{place} has no {quoted(missing[0])}.")
    if unknown := sorted(value.keys() - known):
        raise PromptError(f"{place} has {quoted(unknown[0])}, which means nothing there.")
    return value


def _amounts(value: object, place: str) -> Mapping[str, Amount]:
    if not isinstance(value, dict) or not all(map(_UNIT.fullmatch, value)):
        raise PromptError(f"{place} is no object whose names are small letters.")
    amounts = {unit: parse_amount(amount, f"{place}, {unit},") for unit, amount in value.items()}
    return MappingProxyType(amounts)


def _day(row: Mapping[str, object], name: str, place: str) -> date | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PromptError(f'{place} "{name}" is {quoted(value)}, not a day such as "2026-11-28".')


def _names(value: object, place: str, known: Iterable[str]) -> tuple[str, ...]:
    names = value if isinstance(value, list) else []
    strange = [name for name in names if not (isinstance(name, str) and name in known)]
    if not names or strange:
        raise PromptError(f'{place} names {quoted(strange or value)}, which "sources" does not.')
    return tuple(names)


def _count(value: object, place: str) -> int:
    if type(value) is not int or not 0 < value < 100:
        raise PromptError(f'{place} "agree" is {quoted(value)}, not a whole number above 0.')
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise PromptError(f"{place} is {quoted(value)}, not text.")
    return value
