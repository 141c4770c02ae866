"""What a request may cost, and what it did cost."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal, localcontext
from typing import Any

from mediatoolkit.checks import is_whole
from mediatoolkit.media.cost import LARGEST_COST, Cost, dollars
from mediatoolkit.pricing.amounts import Facts, Range, number_of, word_of
from mediatoolkit.pricing.prices import PriceRow

_ZERO, _ONE = Decimal(0), Decimal(1)
_MOST_PLACES = 400  # a float has fewer; what has more fills a record with zeros
_STANDARD = frozenset({"standard", "default"})
_MEDIA = ("output_image_token", "output_audio_token", "output_video_token")


@contextlib.contextmanager
def _usual_digits() -> Iterator[None]:
    """Calculate with 28 digits, whatever the decimal context of the thread is.

    With the three digits that a notebook may have set, an upper price would be rounded down; with
    its trap for `Inexact`, media that is paid for would be lost. More digits than 28 may be more
    decimals than the budget takes.
    """
    with localcontext(Context(prec=28)):
        yield


@dataclass(frozen=True, slots=True, repr=False)
class Price:
    """US dollars, as a range.

    Attributes:
        low: The least, or None when nobody knows.
        high: The most, or None when nobody knows.
        basis: What it was reckoned from, in a few words.
        checked: Day on which the figures were compared with their sources, or None.
    """

    low: Decimal | None
    high: Decimal | None
    basis: str = ""
    checked: date | None = None

    @property
    def is_known(self) -> bool:
        """Whether there are figures; an unknown price is not 0."""
        return self.low is not None and self.high is not None

    def __repr__(self) -> str:
        """One line, such as `<Price $0.067, list price of 2026-11-28>`."""
        return f"<Price {self}, {self.basis}>" if self.basis else f"<Price {self}>"

    def __str__(self) -> str:
        """Such as `$0.067`, `$0.006 to $0.211`, `free` or `price unknown`."""
        if self.low is None or self.high is None:
            return "price unknown"
        if not self.high:
            return "free"
        low, high = dollars(self.low), dollars(self.high)
        return low if low == high else f"{low} to {high}"

    @_usual_digits()
    def __add__(self, other: Any) -> "Price":
        """What both cost together; unknown where one is. `sum(prices)` adds several."""
        if other == 0:
            return self
        if not isinstance(other, Price):
            return NotImplemented
        if None in (self.low, self.high, other.low, other.high):
            return other if self.is_known else self
        low, high = _plus((self.low, self.high), (other.low, other.high))  # type: ignore[arg-type]
        return replace(self, low=low, high=high)

    __radd__ = __add__

    @_usual_digits()
    def __mul__(self, count: Any) -> "Price":
        """What *count* of them cost, a whole number from 0."""
        if not is_whole(count) or count < 0:
            return NotImplemented
        if self.low is None or self.high is None:
            return self
        return replace(self, low=self.low * int(count), high=self.high * int(count))

    __rmul__ = __mul__

    def as_cost(self) -> Cost:
        """As what was paid; of a range, the most."""
        is_range = self.is_known and self.low != self.high
        return Cost(self.high, f"at most, {self.basis}" if is_range else self.basis)


FREE = Price(_ZERO, _ZERO, "made on this machine")
"""What the embedded engine costs."""


@_usual_digits()
def quote(row: PriceRow | None, facts: Facts) -> Price:
    """What a request costs before it is sent.

    The most is an upper bound: all that the facts leave open is taken at its dearest.

    Args:
        row: Of the model, or None where there is none.
        facts: Of the request. A missing fact means that the model decides.

    Raises:
        PromptError: A fact that is a number is negative, not finite, or no number.
    """
    if row is None:
        return Price(None, None, "no price is known for this model")
    copies, total = _copies(facts), (_ZERO, _ZERO)
    for unit in row.amount:
        part = _dollars_of(row, unit, facts, copies)
        if part is None:
            return _unknown(row, f"the price per {_spoken(unit)} is not known for this request")
        total = _plus(total, part)
    return _price(row, total, facts, _basis(row))


@_usual_digits()
def cost(row: PriceRow | None, usage: Mapping[str, Any], facts: Facts) -> Price:
    """What a finished request cost.

    What the vendor says, `usage["cost_usd"]`, is the truth. Else its tokens are priced by kind of
    media. Where it tells no kind, or a kind that has no price, the picture is not taken for text:
    it costs at least what the request takes by the row. Without tokens, the request alone counts.

    Args:
        row: Of the model, or None where there is none.
        usage: As `Provenance.usage` has it:
            `{"input": {"TEXT": 9}, "output": {"IMAGE": 1120, "TEXT": 398}, "thoughts": 0}`.
        facts: Of the request.

    Raises:
        PromptError: A fact that is a number is negative, not finite, or no number.
    """
    told = told_cost(usage.get("cost_usd"))
    if told is not None:
        return Price(told, told, "told by the vendor")
    if row is None:
        return Price(None, None, "no price is known for this model")
    taken, made = _counts(usage.get("input")), _counts(usage.get("output"))
    if not made or not any(unit.startswith("output_") for unit in row.per):
        return quote(row, facts)
    thoughts = _number(usage.get("thoughts"))
    named = sum(taken.values()) + sum(made.values()) + thoughts
    # What is billed and has no name, such as the use of a tool; without the input it may be that.
    nameless = max(_number(usage.get("total")) - named, 0) if taken else 0
    made["TEXT"] = made.get("TEXT", 0) + thoughts + nameless
    sides = (_input_cost(row, taken, facts), _output_cost(row, made, facts))
    total = (_ZERO, _ZERO)
    for side in sides:
        if side is None:
            return _unknown(row, "the vendor counts something that has no known price")
        total = _plus(total, side)
    return _price(row, total, facts, f"tokens by the vendor's count, {_basis(row)}")


def told_cost(value: object) -> Decimal | None:
    """What a vendor says that a call cost, in USD, or None where that is no sum of money."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        told = Decimal(str(value))
    except ArithmeticError:
        return None
    if not (told.is_finite() and 0 <= told < LARGEST_COST):
        return None
    places = -int(told.as_tuple().exponent)
    return told if places <= _MOST_PLACES else None


def _input_cost(row: PriceRow, counts: Mapping[str, int], facts: Facts) -> Range | None:
    """Cost of what went in; as the row has it where the vendor counted nothing."""
    if not counts:
        copies, units = _copies(facts), [unit for unit in row.amount if unit.startswith("input_")]
        ranges = [_dollars_of(row, unit, facts, copies) for unit in units]
    else:
        ranges = [
            _times(count, _rate(row, f"input_{kind.lower()}_token", "input_token", facts))
            for kind, count in counts.items()
        ]
    return _together(ranges)


def _output_cost(row: PriceRow, counts: dict[str, int], facts: Facts) -> Range | None:
    """Cost of what came out; never too low because a picture was counted as text."""
    media = next(filter(row.per.__contains__, _MEDIA), None)
    text = _rate(row, "output_text_token", media, facts)
    dearest = _rate(row, media or "output_text_token", None, facts)
    if text is None or dearest is None:
        return None
    priced = {kind: row.per.get(f"output_{kind.lower()}_token") for kind in counts}
    if media and not any(amount for kind, amount in priced.items() if kind != "TEXT"):
        pictures = row.amount[media].units(facts) if media in row.amount else None
        return _unsplit(sum(counts.values()), text, dearest, _times(_copies(facts), pictures))
    of_unknown_kind = (min(text[0], dearest[0]), max(text[1], dearest[1]))
    ranges = []
    for kind, amount in priced.items():
        rate = amount.units(facts) if amount else text if kind == "TEXT" else of_unknown_kind
        ranges.append(_times(counts[kind], rate))
    return _together(ranges)


def _unsplit(count: int, text: Range, rate: Range, media: Range | None) -> Range:
    """Cost of tokens of which nobody says how many are the media.

    Args:
        count: All of them.
        text: US dollars for one that is text.
        rate: US dollars for one that is the media.
        media: How many the media has by the row, or None.
    """
    tokens = Decimal(count)
    cheapest = tokens * min(text[0], rate[0])
    if media is None:
        return cheapest, tokens * max(text[1], rate[1])
    least, most = media
    if least > tokens:  # what was counted is something else, such as pictures
        return cheapest, most * rate[1]
    most = min(most, tokens)
    return (
        least * rate[0] + (tokens - least) * text[0],
        most * rate[1] + (tokens - most) * text[1],
    )


def _dollars_of(row: PriceRow, unit: str, facts: Facts, copies: Decimal) -> Range | None:
    """Cost of all units of one kind that a request takes."""
    units, rate = row.amount[unit].units(facts), row.per[unit].units(facts)
    if units is None or rate is None:
        return None
    # Several pictures of one request may be billed the prompt once or each time.
    least = _ONE if unit.startswith("input_") else copies
    return units[0] * rate[0] * least, units[1] * rate[1] * copies


def _copies(facts: Facts) -> Decimal:
    number = number_of(facts, "count")
    return number[1] if number else _ONE


def _rate(row: PriceRow, unit: str, other: str | None, facts: Facts) -> Range | None:
    amount = row.per.get(unit) or row.per.get(other or "")
    return amount.units(facts) if amount else None


def _price(row: PriceRow, total: Range, facts: Facts, basis: str) -> Price:
    """Price in the lane that was asked for."""
    lane = word_of(facts, "service_tier")
    if lane is None or lane in _STANDARD:
        return Price(*total, basis, row.checked)
    factor = row.lanes[lane].units(facts) if lane in row.lanes else None
    if factor is None:
        return _unknown(row, f"the price of service_tier={lane!r} is not known")
    low, high = total[0] * factor[0], total[1] * factor[1]
    return Price(low, high, f"{basis}, {lane}", row.checked)


def _unknown(row: PriceRow, basis: str) -> Price:
    return Price(None, None, basis, row.checked)


def _basis(row: PriceRow) -> str:
    return f"list price of {row.checked}"


def _counts(side: object) -> dict[str, int]:
    """Tokens by kind of media, in capitals; a record may say anything."""
    if not isinstance(side, Mapping):
        return {}
    counts: dict[str, int] = {}
    for kind, count in side.items():
        if tokens := _number(count):
            counts[str(kind).upper()] = counts.get(str(kind).upper(), 0) + tokens
    return counts


def _number(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _times(count: int | Decimal, one: Range | None) -> Range | None:
    if not count:
        return _ZERO, _ZERO
    return one and (count * one[0], count * one[1])


def _plus(one: Range, other: Range) -> Range:
    return one[0] + other[0], one[1] + other[1]


def _together(ranges: list[Range | None]) -> Range | None:
    total = (_ZERO, _ZERO)
    for each in ranges:
        if each is None:
            return None
        total = _plus(total, each)
    return total


def _spoken(unit: str) -> str:
    return unit.replace("_", " ")
