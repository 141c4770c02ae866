"""The values that prompts take: their types, and the one form that each is brought into."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from mediatoolkit.checks import is_number, is_whole, quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image, Video

if TYPE_CHECKING:
    import os
    from typing import BinaryIO


MAX_TEXT = 100_000  # characters
LARGEST_SEED = 2**32 - 1
SLOWEST_SPEECH, FASTEST_SPEECH = 0.25, 4.0
LONGEST_FILM = 600.0  # seconds

# Line breaks and tabs are text; the other control characters and lone surrogates are accidents.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ASPECT = re.compile(r"[1-9]\d?:[1-9]\d?")
_TIER = re.compile(r"512|[124]K")
PIXELS = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})")
_SQUARE = re.compile(r"[1-9]\d{0,4}")
_RESOLUTION = re.compile(r"(360|480|720|1080)p|4k")


Size: TypeAlias = str | int | tuple[int, int]
"""A tier such as `"1K"`, or pixels: `"1024x768"`, `(1024, 768)`, or one number for a square."""

VideoLike: TypeAlias = "Video | bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO"
"""What a film is read from: bytes and open files hold a whole file, text is a path."""


class FrozenMapping(dict[str, Any]):
    """A mapping that never changes, and that can be copied, pickled and hashed."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("A prompt is never changed; make another: Prompt.of(prompt, seed=7).")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as a whole dictionary, since items cannot be added afterwards."""
        return type(self), (dict(self),)

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash the names alone, as values may be lists."""
        return hash(frozenset(self))


def checked_text(text: object) -> str:
    """Return *text*, which can be sent as it is.

    Raises:
        PromptError: It is no text, empty, too long, or has control characters.
    """
    if not isinstance(text, str):
        raise PromptError(f"A prompt is text, not {type(text).__name__}.")
    if not text.strip():
        raise PromptError("The prompt is empty; say what to make.")
    if len(text) > MAX_TEXT:
        raise PromptError(f"The prompt has {len(text):,} characters; {MAX_TEXT:,} are the most.")
    bad = _NOT_TEXT.search(text)
    if bad:
        raise PromptError(
            f"The prompt holds the control character U+{ord(bad[0]):04X} at position {bad.start()};"
            " remove it."
        )
    return text


def is_single(value: object) -> bool:
    """Whether *value* is a single picture, although it can be iterated over."""
    return isinstance(value, (str, bytes, bytearray, memoryview)) or any(
        hasattr(value, name) for name in ("__array__", "read")
    )


def checked_options(options: object) -> Mapping[str, Any]:
    """Return *options*, which are values by name."""
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise PromptError('options takes values by name: options={"temperature": 1.0}.')
    return options


def checked_aspect(aspect: object) -> str:
    """Return *aspect*, which is width to height, such as `"16:9"`."""
    if not isinstance(aspect, str) or not _ASPECT.fullmatch(aspect):
        raise PromptError(
            f'aspect={quoted(aspect)} is not a ratio; give width to height, as "16:9".'
        )
    return aspect


def checked_seed(seed: Any) -> int:
    """Return *seed* as a whole number from 0 to `LARGEST_SEED`."""
    if not is_whole(seed) or not 0 <= seed <= LARGEST_SEED:
        raise PromptError(f"seed={quoted(seed)} is not a whole number from 0 to {LARGEST_SEED:,}.")
    return int(seed)


def checked_pictures(references: object) -> tuple[Image, ...]:
    """Read reference pictures; blocks when they are files."""
    if is_single(references) or not isinstance(references, Iterable):
        raise PromptError("references takes a list of pictures: references=[picture].")
    return tuple(
        checked_picture(f"reference {number}", picture)
        for number, picture in enumerate(references, start=1)
    )


def checked_picture(noun: str, value: object) -> Image:
    """Read the picture that *value* holds; *noun* names it in errors."""
    try:
        return Image.of(value)
    except MediaError as error:
        raise MediaError(f"The {noun} cannot be used. {error}") from error


def checked_film(value: object) -> Video:
    """Read a film that another goes on from; blocks when it is a file."""
    try:
        return value if isinstance(value, Video) else Video.of(value)
    except MediaError as error:
        raise MediaError(f"The previous film cannot be used. {error}") from error


def check_mask(mask: Image, references: tuple[Image, ...]) -> None:
    """Check that *mask* has a picture to mask, and its size."""
    if not references:
        raise PromptError("A mask needs the picture it masks: give it as references=[picture].")
    first = references[0]
    if (mask.width, mask.height) != (first.width, first.height):
        raise PromptError(
            f"The mask has {mask.width}×{mask.height} pixels, its picture "
            f"{first.width}×{first.height}; they must be equal."
        )


def normal_size(size: object) -> str:
    """Return *size* as a tier or as `"WIDTHxHEIGHT"`."""
    text = size.strip() if isinstance(size, str) else _sides(size)
    if _TIER.fullmatch(text.upper()):
        return text.upper()
    if _SQUARE.fullmatch(text):  # a command line passes numbers as text
        text = f"{text}x{text}"
    match = PIXELS.fullmatch(text.lower())
    if not match:
        raise PromptError(
            f'size={quoted(size)} is not a size; give "512", "1K", "2K", "4K", or pixels as '
            '"1024x768".'
        )
    return "512" if text == "512x512" else f"{match[1]}x{match[2]}"


def _sides(size: object) -> str:
    """`"WIDTHxHEIGHT"` of two whole numbers, or of one for a square; else nothing."""
    sides = size if isinstance(size, (list, tuple)) else (size, size)
    if [is_whole(side) for side in sides] != [True, True]:
        return ""
    return "x".join(quoted(int(side)) for side in sides)


def few_words(name: str, value: object) -> str:
    """Return the value of the keyword *name*: at most 1,000 characters, no blanks around it."""
    if not isinstance(value, str) or not value.strip() or len(value) > 1_000:
        raise PromptError(f"{name}={quoted(value)} is not a few words.")
    return checked_text(value).strip()


def checked_speed(speed: Any) -> float:
    """Return *speed* as a number from 0.25 to 4."""
    if not is_number(speed):
        raise PromptError(f"speed={quoted(speed)} is not a number.")
    if not SLOWEST_SPEECH <= speed <= FASTEST_SPEECH:
        raise PromptError(
            f"speed={quoted(speed)} is not from {SLOWEST_SPEECH} to {FASTEST_SPEECH}; "
            "1 is as usual."
        )
    return float(speed)


def checked_speakers(speakers: object) -> Mapping[str, str]:
    """Return voices by speaker."""
    if not isinstance(speakers, Mapping):
        raise PromptError('speakers takes voices by name: speakers={"Joe": "Kore"}.')
    voices: dict[str, str] = {}
    for key, value in speakers.items():
        if key is None or value is None or ":" in str(key):
            raise PromptError("Each speaker has a name without a colon, and a voice.")
        voices[few_words("speaker", key)] = few_words("voice", value)
    return FrozenMapping(voices)


def checked_seconds(seconds: Any) -> float:
    """Return the length of a film, above 0 and up to 600 s."""
    if not is_number(seconds):
        raise PromptError(f"seconds={quoted(seconds)} is not a number.")
    if not 0 < seconds <= LONGEST_FILM:
        raise PromptError(f"seconds={quoted(seconds)} is not above 0 and up to {LONGEST_FILM:g}.")
    return float(seconds)


def checked_resolution(resolution: object) -> str:
    """Return *resolution*, such as `"720p"`, in lower case."""
    if not isinstance(resolution, str) or not _RESOLUTION.fullmatch(resolution.lower()):
        raise PromptError(
            f'resolution={quoted(resolution)} is none of "360p", "480p", "720p", "1080p", "4k".'
        )
    return resolution.lower()
