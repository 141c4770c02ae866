"""Pictures to make."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Image
from mediatoolkit.prompts.base import (
    Prompt,
    checked_aspect,
    checked_seed,
    optional_picture,
    pictures,
)

_TIER = re.compile(r"512|[124]K")
_PIXELS = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})")
_SQUARE = re.compile(r"[1-9]\d{0,4}")

Size = str | int | tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePrompt(Prompt):
    """A picture to make.

    Args:
        text: What to see; up to 100,000 characters.
        size: A tier (`"512"`, `"1K"`, `"2K"`, `"4K"`), or pixels: `"1024x768"`, `(1024, 768)`, or
            one number for a square. Left out, the model decides.
        aspect: Width to height, such as `"16:9"`. Not together with pixels.
        seed: 0 to 4,294,967,295. Left out, every picture is another one.
        references: Pictures to start from: `Image`, bytes, path, Pillow image or array.
        mask: White where the first reference may change, in its size.
        previous: A picture that this prompt goes on from, with all that was said before.
        options: What only some models take, such as `temperature`; each client checks its own.

    What is given in other forms is brought into one: `size` is a tier or `"WIDTHxHEIGHT"`,
    `references` a tuple of `Image`, `mask` and `previous` an `Image`.

    Raises:
        PromptError: It cannot be sent as written.
        MediaError: A reference, mask or previous picture is no picture we take.
    """

    size: Size | None = None
    aspect: str | None = None
    seed: int | None = None
    references: Sequence[Any] = ()
    mask: Any = None
    previous: Any = None

    @property
    def pixels(self) -> tuple[int, int] | None:
        """Width and height when `size` is in pixels, else None."""
        match = _PIXELS.fullmatch(str(self.size))
        return (int(match[1]), int(match[2])) if match else None

    @property
    def tier(self) -> str | None:
        """`"512"`, `"1K"`, `"2K"` or `"4K"` when `size` is a tier, else None."""
        return None if self.size is None or self.pixels else str(self.size)

    async def plain_options(self) -> dict[str, Any]:
        """All that was asked beside text and seed, as plain JSON, for a record of origin.

        Pictures stand in it by the first digits of their digest.
        """
        pictures = {"references": self.references, "mask": self.mask, "previous": self.previous}
        given = {name: thing for name, thing in pictures.items() if thing}
        marks = await asyncio.to_thread(_marks, given) if given else {}
        asked = {"size": self.size, "aspect": self.aspect, **marks, **self.options}
        return {name: value for name, value in asked.items() if value is not None}

    def _in_one_form(self) -> dict[str, Any]:
        return {
            "size": _size(self.size),
            "aspect": checked_aspect(self.aspect),
            "seed": checked_seed(self.seed),
            "references": pictures(self.references),
            "mask": optional_picture("mask", self.mask),
            "previous": optional_picture("previous picture", self.previous),
        }

    def _check_together(self) -> None:
        if self.pixels and self.aspect:
            raise PromptError(
                f"size={self.size!r} already says the shape; leave aspect out, or give a tier "
                'such as size="1K".'
            )
        if self.mask is None:
            return
        if not self.references:
            raise PromptError("A mask needs the picture it masks: give it as references=[picture].")
        first = self.references[0]
        if (self.mask.width, self.mask.height) != (first.width, first.height):
            raise PromptError(
                f"The mask has {self.mask.width}×{self.mask.height} pixels, its picture "
                f"{first.width}×{first.height}; they must be equal."
            )


def _marks(pictures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [_mark(one) for one in thing] if isinstance(thing, tuple) else _mark(thing)
        for name, thing in pictures.items()
    }


def _mark(picture: Image) -> str:
    return picture.digest()[:16]


def _size(size: object) -> str | None:
    if size is None:
        return None
    written = size.strip() if isinstance(size, str) else _as_sides(size)
    if _TIER.fullmatch(written.upper()):
        return written.upper()
    if _SQUARE.fullmatch(written):  # a command line has no other numbers than these
        written = f"{written}x{written}"
    match = _PIXELS.fullmatch(written.lower())
    if not match:
        raise PromptError(
            f'size={quoted(size)} is not a size; give "512", "1K", "2K", "4K", or pixels as '
            '"1024x768".'
        )
    return "512" if written == "512x512" else f"{match[1]}x{match[2]}"


def _as_sides(size: object) -> str:
    """`"WIDTHxHEIGHT"` of two whole numbers, or of one for a square; else nothing."""
    sides = size if isinstance(size, (list, tuple)) else (size, size)
    if [is_whole(side) for side in sides] != [True, True]:
        return ""
    return "x".join(quoted(int(side)) for side in sides)
