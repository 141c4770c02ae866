"""Width and height of a film."""

from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError

SMALLEST, LARGEST = 64, 1920
"""Pixels of a side."""
SHORTER_SIDES = {"360p": 360, "480p": 480, "720p": 720, "1080p": 1080}
USUAL = "720p"
WIDE = 16 / 9
USUAL_SHAPES = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")

_WIDEST = 21 / 9


def shaped(ratio: float, resolution: str | None = None) -> tuple[int, int]:
    """Width and height, even, of a shape and a resolution.

    Args:
        ratio: Width to height; a film is at the most 21 to 9, or 9 to 21.
        resolution: One of `SHORTER_SIDES`; left out, the usual one.
    """
    shorter = SHORTER_SIDES[resolution or USUAL]
    ratio = min(_WIDEST, max(1 / _WIDEST, ratio))
    wide, high = (shorter * ratio, shorter) if ratio >= 1 else (shorter, shorter / ratio)
    fit = min(1.0, LARGEST / max(wide, high))
    return _even(wide * fit), _even(high * fit)


def film_size(size: object) -> tuple[int, int]:
    """Width and height, even, of what people write.

    Args:
        size: `"720p"`, `"1280x720"` or `(width, height)`.

    Raises:
        PromptError: It is none of these, or out of range.
    """
    sides: Any = size
    if isinstance(size, str):
        text = size.strip().lower().replace("×", "x")
        if text in SHORTER_SIDES:
            return shaped(WIDE, text)
        sides = text.split("x")
    try:
        width, height = (int(side) for side in sides)
    except (TypeError, ValueError, OverflowError):
        width = height = 0
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise PromptError(
            f'size={quoted(size)} is no size of a film: give "720p", or "1280x720" with sides from '
            f"{SMALLEST} to {LARGEST} pixels."
        )
    return _even(width), _even(height)


def _even(side: float) -> int:
    return 2 * round(side / 2)
