"""Short texts drawn into pictures, in whatever script they are written."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from mediatoolkit.checks import visible

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

LEADING = 1.3
"""From line to line, as a share of the size of the letters."""

_FIRST, _LAST = ("",), ("Symbols", "Emoji")
"""What is tried before and behind the script of a letter: `NotoSans` and this."""

_OF_THE_SYSTEM = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
    "YuGothM.ttc",
    "msyh.ttc",
    "malgun.ttf",
)
"""Fonts of Chinese, Japanese and Korean, which no package here brings along."""

_LONGEST = 500  # characters
_ELLIPSIS = "…"
_JOINED = "\u200d\ufe0f\ufe0e"
_NOWHERE = "\U0010ffff"


def lines_of(text: str, size: int, width: float, most: int) -> list[str]:
    """*text* in lines no wider than *width*; at most *most*, the last of which may be cut.

    Args:
        text: Words; where they are too long, they are broken.
        size: Of the letters, pixels.
        width: Pixels.
        most: Lines.
    """
    lines = [""]
    for word in visible(text, _LONGEST, one_line=True).split():
        for part in _broken(word, size, width):
            longer = f"{lines[-1]} {part}".strip()
            if lines[-1] and width_of(longer, size) > width:
                lines.append(part)
            else:
                lines[-1] = longer
    if len(lines) <= most:
        return lines
    last = f"{lines[most - 1]} {lines[most]}"
    while last and width_of(last + _ELLIPSIS, size) > width:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip() + _ELLIPSIS]


@lru_cache(4096)
def width_of(text: str, size: int) -> float:
    """How wide *text* is drawn on one line, pixels."""
    return sum(_font(file, size).getlength(run) for file, run in _runs(text))


def draw(
    pen: "ImageDraw.ImageDraw", at: tuple[float, float], text: str, size: int, ink: str
) -> None:
    """Draw one line.

    Args:
        pen: Draws it.
        at: Its left end, and the middle of its height, pixels.
        text: Words.
        size: Of the letters, pixels.
        ink: Colour.
    """
    x, y = at
    baseline = y + 0.36 * size
    for file, run in _runs(text):
        font = _font(file, size)
        pen.text((x, baseline), run, ink, font, anchor="ls")
        x += font.getlength(run)


def _broken(word: str, size: int, width: float) -> Iterator[str]:
    part = ""
    for letter in word:
        if part and width_of(part + letter, size) > width:
            yield part
            part = ""
        part += letter
    yield part


@lru_cache(2048)
def _runs(text: str) -> tuple[tuple[str, str], ...]:
    """Parts of *text* that one font shows, each with the file of that font."""
    files: list[str] = []
    for letter in text:
        # Marks and blanks are shown by the font of what they follow.
        follows = letter.isspace() or letter in _JOINED or unicodedata.category(letter)[0] == "M"
        files.append(files[-1] if files and follows else _file_for(letter))
    pairs = groupby(zip(files, text, strict=True), key=lambda pair: pair[0])
    return tuple((file, "".join(letter for _, letter in pairs_)) for file, pairs_ in pairs)


@lru_cache(2048)
def _file_for(letter: str) -> str:
    """The first font that has the letter; one that draws a box where none has."""
    script = unicodedata.name(letter, "").split(" ")[0].title()
    own = [_noto(name) for name in (*_FIRST, script, *_LAST)]
    candidates = [file for file in (*own, *_OF_THE_SYSTEM) if _is_there(file)]
    return next((file for file in candidates if _has(file, letter)), own[0])


def _noto(script: str) -> str:
    import manimgx_fonts

    family = "NotoEmoji" if script == "Emoji" else f"NotoSans{script}"
    return str(Path(manimgx_fonts.__file__).with_name(f"{family}[wght].ttf"))


@lru_cache(256)
def _is_there(file: str) -> bool:
    try:
        _font(file, 32)
    except OSError:
        return False
    return True


def _has(file: str, letter: str) -> bool:
    font = _font(file, 32)
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NOWHERE))


@lru_cache(128)
def _font(file: str, size: int) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(file, size)
