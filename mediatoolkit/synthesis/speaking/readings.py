"""How numbers and signs are read in English: `"3½ m²"` becomes `"3 and one half square meters"`.

The voices say whole and decimal numbers, ordinals, times and most dates themselves; this module
spells out the signs that they drop or misread, with the words of `readings.toml`. Where a spelling
has two meanings, its form decides:

- A comma before exactly three digits groups thousands (`1,000`), before another number of digits
  it is a decimal comma (`12,5`). A point before three digits is a decimal point (`$1.000`), unless
  a comma or another group follows, or it is money that is written so: euros, and what has its
  currency behind (`1.000 €`).
- `m` behind a bare number is meters, behind money it is millions; `m²` alone is square meters.
- `20s` are twenties, `25s` and `20 s` seconds.
- `5 - 3` is a range, or a difference where the text has an equals sign; `5−3` is a difference.
"""

# ruff: noqa: RUF001, RUF002 - signs that look like others are what this is about

import re
import unicodedata
from collections.abc import Callable, Iterable

from mediatoolkit.synthesis.tables import load

_N = r"\d+(?:[.,]\d+)*"
_COMMA_GROUPS = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2}|\d+,(?:\d\d?|\d{4,})")
_POINT_GROUP = re.compile(r"\d{1,3}\.\d{3}")

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉₊₋"
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"

_TABLES = load(__package__, "readings.toml")
_PARTS, _DECADES, _MONTHS = map(_TABLES.words, ("parts", "decades", "months"))
_POINT_GROUPS = frozenset(_TABLES.words("point_groups"))
_MONEY = _TABLES.lists("money")
_CURRENCIES = {sign: names for signs, names in _MONEY.items() for sign in signs.split()}
_SCALE_OF = {name: name for name in _TABLES.section("scales")} | _TABLES.meanings("scales")
_UNITS = _TABLES.meanings("units")
_PER = _UNITS | _TABLES.meanings("per")
_PLURALS = _TABLES.texts("plurals")
_WORD_OF = _TABLES.meanings("signs")


def _any(words: Iterable[str]) -> str:
    """A pattern for one of *words*, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_SIGN = f"(?:{_any(_CURRENCIES)})"
_SYMBOL = f"(?:{_any(sign for sign in _CURRENCIES if not sign.isalpha())})"
_SCALE = rf"(?:\s?(?i:{_any(word for word in _SCALE_OF if len(word) > 1)})|[kKmMbBtT])(?![^\W_])"
_UNTIL = rf"(?:\s?[-–—]\s?(?:{_SIGN})?({_N}))?"
_THOUSANDS = (
    r"(?:(?:['’\u00a0\u2009\u202f]\d{3})+|(?: \d{3}){2,}| 000"
    rf"|(?: \d{{3}})+(?=(?:[.,]\d\d?)?\s?{_SIGN}))"
)
_COINS = _any({name for names in _MONEY.values() for name in names[:2]})
_LENGTHS = "km|m|cm|mm|mi|ft"
_AMOUNT = rf"(?:\d+ ?)?[{_VULGAR}]|{_N}[{_RAISED}]*"
_UNIT = f"(?:{_any(_UNITS)})"
_POWER = r"(?:[²³]|\^?[23](?!\d))"
_PER_WHAT = rf"(?:\s?/\s?({_any(_PER)})({_POWER})?(?![^\W_]))?"
_SINGLE = frozenset(["1", *_VULGAR])
_HEAD = r"(?<![\w.,])"
"""Where a number begins: not within a word or another number."""


def readable(text: str, left_out: list[str]) -> str:
    """*text* with words for what the voices misread; marks of footnotes go to *left_out*."""

    def raised(mark: re.Match[str]) -> str:
        exponent = unicodedata.normalize("NFKC", mark[0])
        base = _BASE.search(mark.string, 0, mark.start())
        if base and exponent != "1":
            return _power(exponent)
        left_out.append(mark[0])
        return ""

    for pattern, words in _NUMBERS:
        text = pattern.sub(words, text)
    text = _EXPONENT.sub(raised, text)
    for pattern, words in _LETTERS_AND_SIGNS:
        text = pattern.sub(words, text)
    return text


def neutral(text: str, left_out: list[str]) -> str:
    """*text* for a voice that has other words: only what would be misread is taken apart or out."""

    def without(mark: re.Match[str]) -> str:
        left_out.append(mark[0])
        return ""

    return _EXPONENT.sub(without, re.sub(rf"(?<=\d)(?=[{_VULGAR}])", " ", text))


def _number(digits: str, *, grouped: bool = False) -> str:
    """*digits* with a decimal point, and commas where they were grouped.

    Args:
        digits: As written.
        grouped: A point before three digits groups, as where a currency stands behind.
    """
    if _COMMA_GROUPS.fullmatch(digits):
        whole, _, rest = digits.replace(",", "").partition(".")
    elif _DECIMAL_COMMA.fullmatch(digits) or (grouped and _POINT_GROUP.fullmatch(digits)):
        whole, _, rest = digits.replace(".", "").partition(",")
    else:
        return digits
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def _grouped(number: str) -> str:
    """The number with commas, since it is read as a year without them."""
    whole, point, rest = number.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.isdecimal() and len(whole) > 3 else number


def _decimal(match: re.Match[str]) -> str:
    """A zero at the end is said: `3.10` is another version than `3.1`."""
    digits = _number(match[0])
    whole, _, rest = digits.partition(".")
    return f"{whole} point {' '.join(rest)}" if rest.endswith("0") and rest.isdecimal() else digits


def _in_front(match: re.Match[str]) -> str:
    return _money(match[1], match[2], match[3], match[4], grouped=match[1] in _POINT_GROUPS)


def _behind(match: re.Match[str]) -> str:
    return _money(match[3], match[1], None, match[2], grouped=True)


def _money(sign: str, amount: str, most: str | None, scale: str | None, *, grouped: bool) -> str:
    amount = _grouped(_number(amount, grouped=grouped))
    singular, plural, *small = _CURRENCIES[sign]
    if scale or most:
        until = f" to {_number(most, grouped=grouped)}" if most else ""
        times = f" {_SCALE_OF[scale.strip().casefold()]}" if scale else ""
        return f"{amount}{until}{times} {plural}"
    whole, _, rest = amount.partition(".")
    if rest.strip("0") and (len(rest) != 2 or not small):
        return f"{amount} {plural}"
    words = []
    if int(whole.replace(",", "")) or not rest.strip("0"):
        words.append(f"{whole} {singular if whole == '1' else plural}")
    if rest.strip("0"):
        words.append(f"{int(rest)} {small[0] if rest == '01' else small[1]}")
    return " and ".join(words)


def _apiece(match: re.Match[str]) -> str:
    return f"{match[1]} per {_raised(_PER.get(match[2], match[2]), match[3])}"


def _area(match: re.Match[str]) -> str:
    per, unit, power = match.groups()
    name = _UNITS[unit]
    return f"{per}{_raised(name, power)}" if per else _raised(_PLURALS.get(name, f"{name}s"), power)


def _spaced(match: re.Match[str]) -> str:
    """Thousands that are set apart by spaces or, in Switzerland, by ticks."""
    whole, _, rest = match[0].replace(",", ".").partition(".")
    whole = "".join(filter(str.isdecimal, whole))
    return f"{int(whole):,}" + (f".{rest}" if rest else "")


def _greek(match: re.Match[str]) -> str:
    return f" {unicodedata.name(match[0]).rpartition(' ')[2].lower()} "


def _unit(match: re.Match[str]) -> str:
    amount, hyphen, unit, power, per, per_power = match.groups()
    name = _UNITS[unit]
    if amount not in _SINGLE and hyphen != "-":
        name = _PLURALS.get(name, name if name.endswith(("hertz", "bar")) else f"{name}s")
    quantity = f"{_grouped(_number(amount))} {_raised(name, power)}"
    return f"{quantity} per {_raised(_PER[per], per_power)}" if per else quantity


def _raised(unit: str, power: str | None) -> str:
    """Square meters, but seconds squared."""
    if not power:
        return unit
    square, squared = ("square", "squared") if power[-1] in "2²" else ("cubic", "cubed")
    length = unit.removesuffix("s").endswith(("meter", "mile", "foot", "feet", "yard"))
    return f"{square} {unit}" if length else f"{unit} {squared}"


def _power(exponent: str) -> str:
    exponent = exponent.replace("−", "-")
    if exponent in ("2", "3"):
        return " squared" if exponent == "2" else " cubed"
    if exponent[-1] in "+-":  # of an ion
        return f" {exponent[:-1]} {'plus' if exponent[-1] == '+' else 'minus'} "
    return f" to the power of {exponent.lstrip('+').replace('-', 'minus ')}"


def _scientific(match: re.Match[str]) -> str:
    return f"{match[1]} times 10{_power(match[2])}"


def _vulgar(match: re.Match[str]) -> str:
    return _fraction(match[1], *unicodedata.normalize("NFKC", match[2]).split("⁄"))


def _slashed(match: re.Match[str]) -> str:
    whole, part, slash, parts = match.groups()
    usual = 2 <= int(parts) <= 10 or (whole and int(parts) in (12, 16, 32, 64))
    if slash == "⁄" or (0 < int(part) < int(parts) and usual):
        return _fraction(whole, part, parts)
    return match[0]


def _fraction(whole: str | None, part: str, parts: str) -> str:
    number = int(parts)
    if 2 <= number <= 10:
        name = _PARTS[number - 2]
        plural = "halves" if number == 2 else f"{name}s"
        words = f"one {name}" if part == "1" else f"{part} {plural}"
    else:
        words = f"{part} over {parts}"
    return f"{whole} and {words} " if whole else f"{words} "


def _formula(match: re.Match[str]) -> str:
    """Letter by letter, as `H₂O` is read; a word of small letters stays one."""
    plain = unicodedata.normalize("NFKC", match[0])
    pieces = re.findall(r"[A-Z][a-z]?|[a-z]+|\d+|.", plain)
    return " ".join(
        " ".join(piece.upper()) if piece[0].isupper() or len(piece) == 1 else piece
        for piece in pieces
    )


def _date(match: re.Match[str]) -> str:
    day, month, year = map(int, match.groups())
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match[0]
    return f"{day} {_MONTHS[month - 1]} {year}"


def _decade(match: re.Match[str]) -> str:
    return f"{match[1] or ''} {_DECADES[int(match[2]) - 1]}"


def _dotted(match: re.Match[str]) -> str:
    return match[1] if _number(match[1]) != match[1] else match[1].replace(".", " point ")


def _difference(match: re.Match[str]) -> str:
    return " minus " if "=" in match.string else " to "


def _rules(
    *rules: tuple[str, str | Callable[[re.Match[str]], str]],
) -> tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]:
    return tuple((re.compile(pattern), words) for pattern, words in rules)


_NUMBERS = _rules(
    (r"[\uff01-\uff5e]", lambda match: unicodedata.normalize("NFKC", match[0])),
    (rf"{_HEAD}\d{{1,3}}{_THOUSANDS}(?:[.,]\d\d?)?(?!\d|[.,]\d)", _spaced),
    (r"[\u00a0\u2000-\u200a\u202f]", " "),
    (r"μ(?=[A-Za-z]\b)", "µ"),
    (r"℃", "°C"),
    (r"℉", "°F"),
    (r"№\s?", "number "),
    # numbers with points and slashes in them
    (r"(?<![\w./])(\d\d?)\.(\d\d?)\.(\d{4})(?!\w|\.\d)", _date),
    (r"(?<![\w.,])v(?=\d+\.\d)", "version "),
    (rf"{_HEAD}(\d+(?:\.\d+){{2,}})(?!\w|[.,]\d)", _dotted),
    (r"(?<=version )(\d+\.\d+)(?!\w|[.,]\d)", _dotted),
    (r"(?<![\w.,])['’]?(\d\d)?([1-9])0s(?!\w)", _decade),
    (r"(?<![\w.,])100s(?= of )", "hundreds"),
    (r"(?<![\w.,])1,?000s(?= of )", "thousands"),
    (r"(?<![\w.,])(1\d)00s(?!\w)", r"\1 hundreds"),
    (r"(?<![\w.,])2000s(?!\w)", "2 thousands"),
    (rf"{_HEAD}24/7(?![\w/])", "24 7"),
    (
        rf"([{_RAISED}]+)⁄([{_LOWERED}]+)",
        lambda match: unicodedata.normalize("NFKC", f" {match[0]}"),
    ),
    (rf"{_HEAD}(\d+(?:\.\d+)?)[eE]([+\-−]?\d+)(?!\w)", _scientific),
    (rf"(?<!\^\()(?:(?<=[\s(])|^)[-−](?={_SYMBOL}?\.?\d)", "minus "),
    # ranges, differences, proportions
    (rf"({_SYMBOL})({_N}[kKmMbBtT])[-–—](?=\d)", r"\1\2 to \1"),
    (
        rf"({_N}(?:\s?(?:%|‰|°[CF]?|{_SIGN}|{_UNIT})|[kKmMbBtT]n?))\s?[-–—]\s?(?={_SYMBOL}?\d)",
        r"\1 to ",
    ),
    (rf"(?<![\w.,/$€£¥–-])({_N})(?:\s?–\s?|—)(?=\d)", r"\1 to "),
    (rf"(?<![\w.,/$€£¥-])({_N})-(?={_N}\s?(?:[%‰°]|(?:{_UNIT}|{_SIGN})(?![^\W_])))", r"\1 to "),
    (r"(?<![\w.,/$€£¥-])(?!\d{3}-\d{4})(\d{1,4})-(?=\d{1,4}(?![\w-]|[.,]\d))", r"\1 to "),
    (r"(?<=\d) - (?=\d)", _difference),
    (r"(?<![\w:.,])(\d+):(?=(?:\d|\d{3,})(?![\w:]))", r"\1 to "),
    # money, before the letters behind it can be units
    (
        rf"(?<!\w)(?:(?<!\d\s)|(?={_SIGN}\d))({_SIGN})\s?({_N}){_UNTIL}({_SCALE})?(?!\w)",
        _in_front,
    ),
    (rf"{_HEAD}({_N})({_SCALE})?\s?({_SIGN})(?!\w)", _behind),
    (_SYMBOL, lambda match: f" {_CURRENCIES[match[0]][0]} "),
    (rf"\b({_COINS})\s*/\s?([^\W\d_]+)({_POWER})?", _apiece),
    # degrees, feet and inches, units
    (
        r"(\d+)°\s?(\d+)\s?[′'](?:\s?(\d+)\s?[″\"])?",
        lambda match: (
            f"{match[1]} degrees {match[2]} minutes" + (f" {match[3]} seconds" if match[3] else "")
        ),
    ),
    (r"(?<!\w)(\d+)\s?['′’]\s?(\d{1,2})\s?[\"″”]", r"\1 feet \2 inches"),
    (r"(?<=\d)\s?″", " inches"),
    (r"(?<=\d)\s?′", " feet"),
    (rf"{_HEAD}1\s?°\s?(?=[CF]?(?!\w))", "1 degree "),
    (r"(?<=\d)\s?°\s?(?=[CF](?!\w))", " degrees "),
    (r"(?<=degree )C(?!\w)|(?<=degrees )C(?!\w)", "Celsius"),
    (r"(?<=degree )F(?!\w)|(?<=degrees )F(?!\w)", "Fahrenheit"),
    (rf"{_HEAD}({_AMOUNT})([ -]?)({_UNIT})({_POWER})?{_PER_WHAT}(?![^\W_])", _unit),
    (rf"(?<!\w)(per )?({_LENGTHS})([²³])", _area),
    (rf"(?:(\d+)[ -]?)?([{_VULGAR}])", _vulgar),
    (r"(?<![\w./,])(?:(\d+)[ -])?(\d{1,3})([/⁄])(\d{1,3})(?![\w/]|[.,]\d)", _slashed),
    (r"\s?%", " percent"),
)

_EXPONENT = re.compile(rf"[{_RAISED}]+")
_BASE = re.compile(rf"(?:(?<![^\W\d_])[^\W\d_]{{1,2}}|[\d){_LOWERED}])\Z")
"""What has an exponent; behind a word or a full stop stands the number of a footnote."""

_LETTERS_AND_SIGNS = _rules(
    (r"(?<=[\w)\]])\^[({]?([+\-−]?[^\W_]+)[)}]?", lambda match: _power(match[1])),
    (rf"[A-Za-z\d()]*[{_LOWERED}][A-Za-z\d(){_LOWERED}]*", _formula),
    (r"(?<![Ͱ-Ͽ])[Α-Ωα-ω](?![Ͱ-Ͽ])", _greek),
    (r"\bCO2\b", "C O 2"),
    (r"\b([A-J])[#♯](?!\w)", r"\1 sharp"),
    (r"\b([A-G])♭", r"\1 flat"),
    (r"(?<=[A-Za-z])\+\+", " plus plus"),
    (r"(?<![\w&#/])#(?=\d+(?!\w))", "number "),
    (r"(?<![\w&#/])#(?=\w)", "hashtag "),
    (r"(?<=\d)(?<!\b0)\s?[x×]\s?(?=\d)", lambda match: " times " if "×" in match[0] else " by "),
    (r"(?<=[\w)])\s?\*\s?(?=\d)|(?<=\d)\s?\*\s?(?=[\w(])", " times "),
    (r"~\s?(?=\d)", "about "),
    (rf"({_any(_WORD_OF)})", lambda match: f" {_WORD_OF[match[1]]} "),
    (r"(?<=\S)\s*={1,3}\s*(?=\S)", " equals "),
    (r"(?<=\S)\s*<\s*(?=\S)|<\s?(?=\d)", " less than "),
    (r"(?<=\S)\s*>\s*(?=\S)|>\s?(?=\d)", " greater than "),
    (rf"{_HEAD}{_N}(?!\w|[.,]\d)", _decimal),
)
