"""Words set in type: in lines that fill a box well, as a mask of ink."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import manimgx_fonts
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mediatoolkit.synthesis.painting.outlines import Mask

_FONT = Path(manimgx_fonts.__file__).with_name("NotoSans[wght].ttf")
_BOLD = 700
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
"""Scripts of the font whose letters need no shaping."""
_LEADING = 1.2
_LONGEST = 10_000  # characters that are set; far fewer find room
_ELLIPSIS = "\u2026"


@dataclass(frozen=True)
class SetType:
    """Words as they are set.

    Attributes:
        mask: The letters from 0 to 255, cropped to their ink.
        left_out: Words that found no room or that the font cannot show.
    """

    mask: Mask
    left_out: tuple[str, ...]


def set_in_type(
    text: str,
    box: tuple[float, float],
    sizes: tuple[float, float],
    *,
    left: bool = False,
    crisp: bool = False,
) -> SetType:
    """Set a text as large as a box allows; at the smallest size, what is too much is left out.

    Args:
        text: Lines of words.
        box: Width and height in pixels.
        sizes: Smallest and largest size of the letters in pixels.
        left: Whether lines begin at the left; else they are centred.
        crisp: Whether a pixel is either ink or none, as on an old screen.
    """
    lines, hidden = _showable(text)
    size = _largest(lines, box, sizes)
    count = _fitting(lines, size, box)
    cut = [word for line in lines for word in line][count:]
    rows = _balanced(_first(lines, count), size, box[0])
    return SetType(_drawn(rows, _font(size), left=left, crisp=crisp), (*hidden, *cut))


def _showable(text: str) -> tuple[list[list[str]], list[str]]:
    """The words that the font can show, line by line, and the others."""
    lines = [line.split() for line in unicodedata.normalize("NFC", text[:_LONGEST]).splitlines()]
    shown = [[word for word in line if all(map(_has_letter, word))] for line in lines]
    hidden = [word for line in lines for word in line if not all(map(_has_letter, word))]
    return [line for line in shown if line], hidden


@lru_cache(maxsize=1024)
def _has_letter(character: str) -> bool:
    """Whether the font draws a character as it should look."""
    name, font = unicodedata.name(character, ""), _font(32)
    if unicodedata.category(character)[0] == "L" and not name.startswith(_SCRIPTS):
        return False
    missing = bytes(font.getmask("\U0010ffff"))
    return bool(name) and bytes(font.getmask(character)) != missing


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Raqm would kern, but is not on every machine, and the same seed gives the same pixels.
    font = ImageFont.truetype(_FONT, size, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([_BOLD])
    return font


@lru_cache(maxsize=4096)
def _width(text: str, size: int) -> float:
    return _font(size).getlength(text)


def _rows(lines: Sequence[Sequence[str]], size: int, width: float) -> list[str]:
    """The words in rows no wider than *width*, as far as single words allow."""
    rows = []
    for line in lines:
        row, long = line[0], _width(line[0], size)
        for word in line[1:]:
            longer = long + _width(" ", size) + _width(word, size)
            if longer <= width:
                row, long = f"{row} {word}", longer
            else:
                rows.append(row)
                row, long = word, _width(word, size)
        rows.append(row)
    return rows


def _fits(lines: Sequence[Sequence[str]], size: int, box: tuple[float, float]) -> bool:
    if any(_width(word, size) > box[0] for line in lines for word in line):
        return False
    return len(_rows(lines, size, box[0])) * size * _LEADING <= box[1]


def _largest(
    lines: Sequence[Sequence[str]], box: tuple[float, float], sizes: tuple[float, float]
) -> int:
    """The largest size at which the lines fit, or the smallest of all."""
    small = max(1, round(sizes[0]))
    large = max(small, round(sizes[1]))
    while small < large:
        size = (small + large + 1) // 2
        small, large = (size, large) if _fits(lines, size, box) else (small, size - 1)
    return small


def _fitting(lines: Sequence[Sequence[str]], size: int, box: tuple[float, float]) -> int:
    """How many of the first words fit; all of them are tried first."""
    low, high = 0, sum(map(len, lines))
    middle = high
    while low < high:
        fits = _fits(_first(lines, middle), size, box)
        low, high = (middle, high) if fits else (low, middle - 1)
        middle = (low + high + 1) // 2
    return low


def _first(lines: Sequence[Sequence[str]], count: int) -> list[list[str]]:
    """The first words of some lines, with an ellipsis where there are more."""
    first: list[list[str]] = []
    for line in lines:
        part = list(line[: max(0, count)])
        count -= len(line)
        if part:
            first.append(part)
    if count < 0 and first:
        first[-1][-1] += _ELLIPSIS
    return first


def _balanced(lines: Sequence[Sequence[str]], size: int, width: float) -> list[str]:
    """Rows of about the same length, no more of them than the width needs."""
    rows = _rows(lines, size, width)
    low, high = max((_width(word, size) for line in lines for word in line), default=0), width
    while high - low > size / 4:
        middle = (low + high) / 2
        narrow = _rows(lines, size, middle)
        low, high = (low, middle) if len(narrow) == len(rows) else (middle, high)
    return _rows(lines, size, high)


def _drawn(rows: Sequence[str], font: ImageFont.FreeTypeFont, *, left: bool, crisp: bool) -> Mask:
    size = int(font.size)
    widths = [font.getlength(row) for row in rows]
    wide, step = max(widths, default=0), round(size * _LEADING)
    sheet = Image.new("L", (round(wide) + 2 * size, step * len(rows) + size))
    pen = ImageDraw.Draw(sheet)
    pen.fontmode = "1" if crisp else "L"
    for number, (row, width) in enumerate(zip(rows, widths, strict=True)):
        x: float = size + (0 if left else round((wide - width) / 2))
        # Letter by letter, because a long line of large ones would hold the interpreter for long.
        for letter in row:
            pen.text((x, size + step * number), letter, 255, font, anchor="ls")
            x += font.getlength(letter)
    return np.asarray(sheet.crop(sheet.getbbox() or (0, 0, 1, 1)))
