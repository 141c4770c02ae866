"""What to make: immutable, validated descriptions.

What no model could understand is refused here; what one vendor does not take is refused by that
vendor's client, also before anything is sent.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Self

from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image

Size = str | int | tuple[int, int]

LONGEST_TEXT = 100_000
LARGEST_SEED = 2**32 - 1

# Line breaks and tabs are text; the other control characters and lone surrogates are accidents.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_TIER = re.compile(r"512|[124]K")
_PIXELS = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})")
_ASPECT = re.compile(r"[1-9]\d?:[1-9]\d?")

@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePrompt:
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

    text: str = field(kw_only=False)
    size: Size | None = None
    aspect: str | None = None
    seed: int | None = None
    references: Sequence[Any] = ()
    mask: Any = None
    previous: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check and bring into one form."""
        for name, value in (
            ("text", _text(self.text)),
            ("size", _size(self.size)),
            ("aspect", _aspect(self.aspect)),
            ("seed", _seed(self.seed)),
            ("references", _pictures(self.references)),
            ("mask", _optional("mask", self.mask)),
            ("previous", _optional("previous picture", self.previous)),
            ("options", MappingProxyType(dict(self.options))),
        ):
            object.__setattr__(self, name, value)
        self._check_together()

    @classmethod
    def of(cls, prompt: "str | ImagePrompt", **options: Any) -> Self:
        """Make a prompt of a text and keywords; unknown keywords become `options`.

        An `ImagePrompt` is taken as it is, with the keywords laid over it. Blocks when there are
        pictures to read.
        """
        known = {one.name for one in fields(cls)}
        given = {name: options.pop(name) for name in tuple(options) if name in known}
        if isinstance(prompt, ImagePrompt):
            given = {name: getattr(prompt, name) for name in known} | given
        else:
            given["text"] = prompt
        given["options"] = {**given.get("options", {}), **options}
        return cls(**{name: value for name, value in given.items() if value is not None})

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


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise PromptError(f"A prompt is text, not {type(text).__name__}.")
    if not text.strip():
        raise PromptError("The prompt is empty; say what to see.")
    if len(text) > LONGEST_TEXT:
        raise PromptError(
            f"The prompt has {len(text):,} characters; {LONGEST_TEXT:,} are the most."
        )
    bad = _NOT_TEXT.search(text)
    if bad:
        raise PromptError(
            f"The prompt holds the control character U+{ord(bad[0]):04X} at position {bad.start()};"
            " remove it."
        )
    return text


def _size(size: object) -> str | None:
    if size is None:
        return None
    if isinstance(size, int) and not isinstance(size, bool):
        written = f"{size}x{size}"
    elif isinstance(size, tuple) and len(size) == 2:
        written = f"{size[0]}x{size[1]}"
    else:
        written = str(size).strip()
    if _TIER.fullmatch(written.upper()):
        return written.upper()
    match = _PIXELS.fullmatch(written.lower())
    if not match:
        raise PromptError(
            f'size={size!r} is not a size; give "512", "1K", "2K", "4K", or pixels as "1024x768".'
        )
    return "512" if written == "512x512" else f"{match[1]}x{match[2]}"


def _aspect(aspect: object) -> str | None:
    if aspect is None:
        return None
    if not isinstance(aspect, str) or not _ASPECT.fullmatch(aspect):
        raise PromptError(f'aspect={aspect!r} is not a ratio; give width to height, as "16:9".')
    return aspect


def _seed(seed: object) -> int | None:
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise PromptError(f"seed={seed!r} is not a whole number from 0 to {LARGEST_SEED:,}.")
    return seed


def _pictures(things: object) -> tuple[Image, ...]:
    if isinstance(things, (str, bytes)) or not isinstance(things, Iterable):
        raise PromptError("references takes a list of pictures: references=[picture].")
    return tuple(
        _picture(f"reference {number}", thing) for number, thing in enumerate(things, start=1)
    )


def _optional(what: str, thing: object) -> Image | None:
    return None if thing is None else _picture(what, thing)


def _picture(what: str, thing: object) -> Image:
    try:
        return Image.of(thing)
    except MediaError as error:
        failure = MediaError(f"The {what} cannot be used. {error}")
    raise failure
