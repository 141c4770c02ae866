"""How many units a request takes: a small language for the rows of `prices.json`.

An amount is one of these, and may hold others:

| JSON | means |
|---|---|
| `1120`, `"0.0672"` | so many |
| `[390, 1500]` | from, to |
| `{"by": "size", "1K": 1120, "2K": 1680, "else": [1120, 1680]}` | by a fact that is a word |
| `{"per": "seconds", "each": 5792}` | for each of a fact that is a number |
| `{"per": "pixels", "each": 1, "block": 1048576, "beyond": 1}` | for each started block of it |
| `{"grid": 48}` | OpenAI's rule for a picture of so many patches on its longer side |
| `{"sum": [1000, {"per": "images", "each": 100}]}` | all together |

`"else"` holds when the fact is missing or `"auto"`, and the vendor's model decides. Without it
the amount is unknown then, as it is for a word that is not listed. `"plus"` beside `"per"` is added
once. How many pictures or seconds go in is 0 when nobody says, as nothing goes in then.

The bytes of a text lie between its characters and four times as many, so that one fact stands in
for the other.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import PromptError

Facts: TypeAlias = Mapping[str, "str | int | float | Decimal"]
"""What a checked prompt asks for, such as `{"size": "1K", "bytes": 40}`."""

Range: TypeAlias = tuple[Decimal, Decimal]
"""The least and the most."""

ABSENT = frozenset({"count", "input_images", "input_seconds", "partial_images"})
"""Facts that are a number even when nobody gives them: one picture is made, nothing goes in."""

_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,18})?", re.ASCII)
_NAME = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_PIXELS = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", re.ASCII)
_ASPECT = re.compile(r"([1-9]\d{0,1}):([1-9]\d{0,1})", re.ASCII)
_SIDES = {"512": 512, "1k": 1024, "2k": 2048}
_DEEPEST = 8
_LARGEST_FACT = Decimal(10**12)
_ZERO, _ONE = Decimal(0), Decimal(1)
_BYTES = Decimal(4)  # of the longest character in UTF-8


class Amount(Protocol):
    """A number of units that follows from the facts of a request."""

    def units(self, facts: Facts, /) -> Range | None:
        """The least and the most, or None where nobody knows.

        Raises:
            PromptError: A fact that is a number is negative, not finite, or no number.
        """


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same for every request.

    Attributes:
        low: The least.
        high: The most.
    """

    low: Decimal
    high: Decimal

    def units(self, _facts: Facts, /) -> Range | None:
        """Both."""
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class ByFact:
    """One amount for each word that a fact may be.

    Attributes:
        fact: Its name.
        cases: By word, in small letters.
        otherwise: When the fact is missing or `"auto"`; None where that leaves it unknown.
    """

    fact: str
    cases: Mapping[str, Amount]
    otherwise: Amount | None

    def units(self, facts: Facts, /) -> Range | None:
        """Those of the case, and None for a word that is not listed."""
        word = word_of(facts, self.fact)
        amount = self.cases.get(word) if word else self.otherwise
        return amount.units(facts) if amount else None


@dataclass(frozen=True, slots=True)
class PerFact:
    """So many for each of a fact that is a number.

    Attributes:
        fact: Its name.
        each: For one.
        plus: Once.
        otherwise: When the fact is missing; None where that leaves it unknown.
        block: What counts as one; None counts fractions, too. A started block is whole.
        beyond: Blocks that are not counted.
    """

    fact: str
    each: Amount
    plus: Amount
    otherwise: Amount | None
    block: int | None = None
    beyond: int = 0

    def units(self, facts: Facts, /) -> Range | None:
        """The fact times each, and what comes on top."""
        number = number_of(facts, self.fact)
        if number is None:
            return self.otherwise.units(facts) if self.otherwise else None
        least, most = map(self._counted, number)
        each, plus = self.each.units(facts), self.plus.units(facts)
        if each is None or plus is None:
            return None
        return least * each[0] + plus[0], most * each[1] + plus[1]

    def _counted(self, number: Decimal) -> Decimal:
        if self.block is None:
            return number
        return Decimal(max(math.ceil(number / self.block) - self.beyond, 0))


@dataclass(frozen=True, slots=True)
class Grid:
    """Tokens of a picture by OpenAI's rule, from `gpt-image-2` on.

    The longer side has a fixed number of patches by quality, the shorter one its share of it,
    rounded. Their product is scaled by the number of pixels, so that a long picture is cheaper
    than a square one. The rule is that of the calculator in OpenAI's documents; it gives the
    published price of 1024×1024 at each quality and fal's list for six sizes to the token. Whether
    half a patch counts is told in both ways, so that it is a range then.

    Attributes:
        side: Patches of the longer side.
    """

    side: Amount

    def units(self, facts: Facts, /) -> Range | None:
        """Tokens of the size, or of all usual sizes when the model chooses."""
        side = self.side.units(facts)
        sizes = _sizes(facts)
        if side is None or not sizes:
            return None
        least, most = map(int, side)
        return (
            Decimal(min(_grid_tokens(least, size, half=0) for size in sizes)),
            Decimal(max(_grid_tokens(most, size, half=1) for size in sizes)),
        )


@dataclass(frozen=True, slots=True)
class Sum:
    """Several amounts together.

    Attributes:
        parts: The amounts.
    """

    parts: tuple[Amount, ...]

    def units(self, facts: Facts, /) -> Range | None:
        """Their sum, or None where one of them is unknown."""
        low = high = _ZERO
        for part in self.parts:
            units = part.units(facts)
            if units is None:
                return None
            low, high = low + units[0], high + units[1]
        return low, high


def parse_amount(value: object, place: str, depth: int = 0) -> Amount:
    """Read an amount.

    Args:
        value: As JSON has it.
        place: Where it stands, for the message.
        depth: How many amounts it lies in.

    Raises:
        PromptError: It is none of the forms above.
    """
    if depth > _DEEPEST:
        raise PromptError(f"{place} has more than {_DEEPEST} amounts inside each other.")
    if isinstance(value, list):
        return _range(value, place)
    if isinstance(value, dict):
        return _object(value, place, depth)
    number = decimal_of(value, place)
    return Fixed(number, number)


def decimal_of(value: object, place: str) -> Decimal:
    """Read a number that is exact: an integer, or a decimal as text.

    Raises:
        PromptError: It is something else, such as a fraction that JSON cannot keep exactly.
    """
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise PromptError(
            f'{place} is {quoted(value)}, not a whole number or a decimal in quotes such as "0.06".'
        )
    return Decimal(text)


def word_of(facts: Facts, name: str) -> str | None:
    """A fact as a word in small letters; None when it is missing, empty or `"auto"`."""
    word = str(facts.get(name, "")).strip().casefold()
    return None if word in {"", "auto", "none"} else word


def number_of(facts: Facts, name: str) -> Range | None:
    """A fact as a number; None when it is missing and nothing follows from that.

    Raises:
        PromptError: It is negative, not finite, or no number.
    """
    value = facts.get(name)
    if value is None:
        return _stand_in(facts, name)
    number = None
    if type(value) is int:
        number = Decimal(value)
    elif isinstance(value, Decimal) or is_number(value):
        number = Decimal(str(value))
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = Decimal(value)
    if number is None or not number.is_finite() or not 0 <= number < _LARGEST_FACT:
        raise PromptError(f"{name} is a number from 0, not {quoted(value)}.")
    return number, number


def _stand_in(facts: Facts, name: str) -> Range | None:
    if name in ABSENT:
        return (_ONE, _ONE) if name == "count" else (_ZERO, _ZERO)
    if name == "bytes" and facts.get("characters") is not None:
        characters = number_of(facts, "characters")
        return characters and (characters[0], characters[1] * _BYTES)
    if name == "characters" and facts.get("bytes") is not None:
        octets = number_of(facts, "bytes")
        return octets and (octets[0] / _BYTES, octets[1])
    if name == "pixels" and (sizes := _sizes(facts)) and word_of(facts, "size"):
        pixels = Decimal(sizes[0][0] * sizes[0][1])
        return pixels, pixels
    return None


def _range(value: list[object], place: str) -> Fixed:
    if len(value) != 2:
        raise PromptError(f"{place} has {len(value)} numbers, not two: the least and the most.")
    low, high = (decimal_of(each, place) for each in value)
    if low > high:
        raise PromptError(f"{place} goes from {low} down to {high}; write the least first.")
    return Fixed(low, high)


def _object(value: dict[str, object], place: str, depth: int) -> Amount:
    for key, parse in _FORMS.items():
        if key in value:
            return parse(value, place, depth + 1)
    forms = ", ".join(f'"{key}"' for key in _FORMS)
    raise PromptError(f"{place} has none of {forms}.")


def _by_fact(value: dict[str, object], place: str, depth: int) -> Amount:
    cases = {
        word.casefold(): parse_amount(amount, f"{place}, {word!r},", depth)
        for word, amount in value.items()
        if word != "by"
    }
    otherwise = cases.pop("else", None)
    if not cases:
        raise PromptError(f"{place} lists no case.")
    return ByFact(_fact(value["by"], place), cases, otherwise)


def _per_fact(value: dict[str, object], place: str, depth: int) -> Amount:
    _check_keys(value, {"per", "each", "plus", "else", "block", "beyond"}, place)
    otherwise = value.get("else")
    return PerFact(
        _fact(value["per"], place),
        parse_amount(value.get("each", 1), f'{place}, "each",', depth),
        parse_amount(value.get("plus", 0), f'{place}, "plus",', depth),
        None if otherwise is None else parse_amount(otherwise, f'{place}, "else",', depth),
        _whole(value.get("block"), place, 1) if "block" in value else None,
        _whole(value.get("beyond", 0), place, 0),
    )


def _grid(value: dict[str, object], place: str, depth: int) -> Amount:
    _check_keys(value, {"grid"}, place)
    return Grid(parse_amount(value["grid"], f'{place}, "grid",', depth))


def _sum(value: dict[str, object], place: str, depth: int) -> Amount:
    _check_keys(value, {"sum"}, place)
    parts = value["sum"]
    if not isinstance(parts, list) or not parts:
        raise PromptError(f'{place}: "sum" holds a list of amounts, not {quoted(parts)}.')
    return Sum(tuple(parse_amount(part, place, depth) for part in parts))


_FORMS: dict[str, Callable[[dict[str, Any], str, int], Amount]] = {
    "by": _by_fact,
    "per": _per_fact,
    "grid": _grid,
    "sum": _sum,
}


def _check_keys(value: dict[str, object], known: set[str], place: str) -> None:
    unknown = sorted(value.keys() - known)
    if unknown:
        raise PromptError(f"{place} has {quoted(unknown[0])}, which means nothing there.")


def _fact(name: object, place: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PromptError(f"{place} names the fact {quoted(name)}; its name is small letters.")
    return name


def _whole(value: object, place: str, least: int) -> int:
    if type(value) is not int or not least <= value <= 10**12:
        raise PromptError(f"{place} has {quoted(value)}, not a whole number from {least}.")
    return value


def _sizes(facts: Facts) -> list[tuple[int, int]]:
    """Width and height that the facts may mean; none when a word is no size.

    A tier has the area of its square, in the shape that is asked for.
    """
    word, aspect = word_of(facts, "size"), _ASPECT.fullmatch(str(facts.get("aspect", "")))
    pixels = _PIXELS.fullmatch(word or "")
    if pixels:
        return [(int(pixels[1]), int(pixels[2]))]
    if not (word or aspect):
        return [(1024, 1024), (1536, 1024)]  # the sizes of `auto`, and one of them turned
    side = _SIDES.get(word or "1k")
    if side is None:
        return []
    ratio = math.sqrt(int(aspect[1]) / int(aspect[2])) if aspect else 1.0
    return [(round(side / 16 * ratio) * 16, round(side / 16 / ratio) * 16)]


def _grid_tokens(patches: int, size: tuple[int, int], *, half: int) -> int:
    """Tokens of a picture; *half* is what half a patch of the shorter side counts, 0 or 1."""
    longer, shorter = max(size), min(size)
    across = (2 * patches * shorter + longer - 1 + half) // (2 * longer)
    return -(-patches * across * (2_000_000 + longer * shorter) // 4_000_000)
