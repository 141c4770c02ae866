"""What to make: immutable, validated descriptions.

What no model could understand is refused here; what one vendor does not take is refused by that
vendor's client, also before anything is sent.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypedDict

from mediatoolkit.errors import PromptError
from mediatoolkit.media import Image, ImageLike, Media, Video
from mediatoolkit.prompts.values import (
    LARGEST_SEED,
    MAX_TEXT,
    PIXELS,
    FrozenMapping,
    Size,
    VideoLike,
    check_mask,
    checked_aspect,
    checked_film,
    checked_options,
    checked_picture,
    checked_pictures,
    checked_resolution,
    checked_seconds,
    checked_seed,
    checked_speakers,
    checked_speed,
    checked_text,
    few_words,
    is_single,
    normal_size,
)

__all__ = [
    "LARGEST_SEED",
    "MAX_TEXT",
    "ImageOptions",
    "ImagePrompt",
    "Prompt",
    "Size",
    "SpeechOptions",
    "SpeechPrompt",
    "VideoLike",
    "VideoOptions",
    "VideoPrompt",
    "checked_text",
    "is_single",
]

_NOT_RECORDED = frozenset({"text", "seed", "options"})  # a provenance has fields for them


def _content(value: object) -> object:
    """What a value is compared by; for media its bytes, since two objects may hold the same."""
    if isinstance(value, Media):
        return type(value), value.data
    return tuple(map(_content, value)) if isinstance(value, tuple) else value


def _is_media(value: object) -> bool:
    return isinstance(value, Media)


def _digested(media: Mapping[str, Any]) -> dict[str, Any]:
    """The beginning of each digest; several pictures become a list."""
    return {
        name: [item.digest()[:16] for item in value]
        if isinstance(value, tuple)
        else value.digest()[:16]
        for name, value in media.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prompt:
    """Something to make.

    Args:
        text: What it is about; up to 100,000 characters.
        options: What only some models take; each client checks its own.

    Raises:
        PromptError: It cannot be sent as written.

    Prompts are equal when they ask for the same; media in them then has the same bytes.
    """

    media_fields = frozenset[str]()
    """Keywords whose values may be files to read, or jobs that make media."""

    text: str = field(kw_only=False)
    options: Mapping[str, Any] = field(default_factory=FrozenMapping)

    _normal = MappingProxyType[str, Callable[[Any], Any]]({})
    """How the fields that a kind of prompt adds are checked, and brought into one form."""

    def __post_init__(self) -> None:
        """Check every value and normalize it."""
        checked_text(self.text)
        if type(self.options) is not FrozenMapping:
            object.__setattr__(self, "options", FrozenMapping(checked_options(self.options)))
        for name, normal in self._normal.items():
            value = getattr(self, name)
            if value is not self.__dataclass_fields__[name].default:
                object.__setattr__(self, name, normal(value))
        self._check_together()

    @classmethod
    def of(cls, prompt: "str | Prompt", **options: Any) -> Self:
        """Make a prompt of a text and keywords; unknown keywords become `options`.

        A prompt is taken as it is, with the keywords laid over it. Keywords that are None count
        as left out. Blocks when there are files to read.
        """
        fields = cls.__dataclass_fields__
        values: dict[str, Any] = {"text": prompt}
        if isinstance(prompt, Prompt):
            if not isinstance(prompt, cls):
                raise PromptError(f"This takes a {cls.__name__}, not a {type(prompt).__name__}.")
            values = {name: getattr(prompt, name) for name in fields}
        unknown: dict[str, Any] = {}
        for name, value in options.items():
            if value is not None:
                (values if name in fields else unknown)[name] = value
        if unknown:
            values["options"] = {**checked_options(values.get("options", {})), **unknown}
        return cls(**values)

    @property
    def extent(self) -> tuple[Hashable, ...]:
        """How much is asked for; with the same extent, one model takes about the same time."""
        return ()

    @property
    def inputs(self) -> dict[str, tuple[Media, ...]]:
        """The media that it starts from, by keyword; what has none is missing."""
        values = {name: self._value(name) for name in self.media_fields}
        listed = {
            name: value if isinstance(value, tuple) else (value,) for name, value in values.items()
        }
        return {
            name: media for name, media in listed.items() if all(map(_is_media, media)) and media
        }

    @property
    def facts(self) -> dict[str, str | int | float]:
        """What its price depends on, by the names that `pricing` knows.

        Options that are a word or a number are among them, such as `quality`. What is missing is
        left to the model.
        """
        options = self.options.items()
        plain = {name: value for name, value in options if type(value) in {str, int, float}}
        text = {"characters": len(self.text), "bytes": len(self.text.encode())}
        own = {name: value for name, value in self._own_facts().items() if value is not None}
        return plain | text | own

    def __eq__(self, other: object) -> bool:
        """Whether both ask for the same."""
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _content(getattr(self, name)) == _content(getattr(other, name))
            for name in self.__dataclass_fields__
        )

    def __hash__(self) -> int:
        """Hash equal prompts alike."""
        return hash(tuple(_content(getattr(self, name)) for name in self.__dataclass_fields__))

    async def plain_options(self) -> dict[str, Any]:
        """Return all values but text and seed, as plain JSON for a provenance.

        Media stands in it by the first 16 digits of its digest; what was left out is missing.
        """
        values: dict[str, Any] = {}
        media: dict[str, Any] = {}
        for name, attribute in self.__dataclass_fields__.items():
            value = getattr(self, name)
            if name not in _NOT_RECORDED and value and value != attribute.default:
                (media if isinstance(value, (Media, tuple)) else values)[name] = value
        for name, value in self.options.items():
            if value is not None:
                (media if _is_media(value) else values)[name] = value
        if media:
            values |= await asyncio.to_thread(_digested, media)
        return values

    def _value(self, name: str) -> Any:
        return getattr(self, name, None) or self.options.get(name)

    def _own_facts(self) -> dict[str, Any]:
        """The facts that a kind of prompt adds; None where the model decides."""
        return {}

    def _check_together(self) -> None:
        """Refuse what does not go together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePrompt(Prompt):
    """A picture to make.

    Args:
        text: What to see; up to 100,000 characters.
        size: A tier (`"512"`, `"1K"`, `"2K"`, `"4K"`), or pixels: `"1024x768"`, `(1024, 768)`, or
            one number for a square. Each model takes some of these. Left out, the model decides.
        aspect: Width to height, such as `"16:9"`. Not together with pixels.
        seed: 0 to 4,294,967,295. Left out, every picture is different.
        references: Pictures to start from: `Image`, bytes, path, Pillow image or array.
        mask: White where the first reference may change, in its size.
        previous: A picture that this prompt goes on from, with the whole conversation before it.
        options: What only some models take, such as `temperature`; each client checks its own.

    Values are normalized: `size` to a tier or `"WIDTHxHEIGHT"`, `references` to a tuple of
    `Image`, `mask` and `previous` to an `Image`.

    Raises:
        PromptError: It cannot be sent as written.
        MediaError: A reference, mask or previous picture is no picture we take.
    """

    media_fields = frozenset({"references", "mask", "previous"})

    size: Size | None = None
    aspect: str | None = None
    seed: int | None = None
    references: tuple[Image, ...] = ()
    mask: Image | None = None
    previous: Image | None = None

    _normal = MappingProxyType(
        {
            "size": normal_size,
            "aspect": checked_aspect,
            "seed": checked_seed,
            "references": checked_pictures,
            "mask": partial(checked_picture, "mask"),
            "previous": partial(checked_picture, "previous picture"),
        }
    )

    if TYPE_CHECKING:  # what the constructor takes is wider than what its attributes hold

        def __init__(  # noqa: D107 - the class says it
            self,
            text: str,
            *,
            size: Size | None = None,
            aspect: str | None = None,
            seed: int | None = None,
            references: Iterable[ImageLike] = (),
            mask: ImageLike | None = None,
            previous: ImageLike | None = None,
            options: Mapping[str, Any] = ...,
        ) -> None: ...

    @property
    def extent(self) -> tuple[Hashable, ...]:
        """Its size, its shape, and how many pictures it starts from."""
        return self.size, self.aspect, len(self.references), self.mask is not None

    @property
    def pixels(self) -> tuple[int, int] | None:
        """Width and height when `size` is in pixels, else None."""
        match = PIXELS.fullmatch(str(self.size))
        return (int(match[1]), int(match[2])) if match else None

    @property
    def tier(self) -> str | None:
        """`"512"`, `"1K"`, `"2K"` or `"4K"` when `size` is a tier, else None."""
        return None if self.size is None or self.pixels else str(self.size)

    def _own_facts(self) -> dict[str, Any]:
        pictures = (*self.references, self.mask, self.previous)
        return {
            "size": self.size,
            "aspect": self.aspect,
            "input_images": sum(picture is not None for picture in pictures),
        }

    def _check_together(self) -> None:
        if self.aspect and self.pixels:
            raise PromptError(
                f"size={self.size!r} already says the shape; leave aspect out, or give a tier "
                'such as size="1K".'
            )
        if self.mask is not None:
            check_mask(self.mask, self.references)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeechPrompt(Prompt):
    """Text to say.

    Args:
        text: What to say; up to 100,000 characters.
        voice: A voice of the model, by name; left out, the model's usual one.
        style: How to say it, such as `"cheerful"`; never spoken.
        speed: 1 is the voice's own pace; from 0.25 to 4.
        language: BCP-47 tag such as `"en-US"`; left out, the model hears it from the text.
        speakers: Voices by name, for a dialogue: a line `Joe: Hello.` is said by Joe's voice.
            Not together with *voice*.
        options: What only some models take.

    Raises:
        PromptError: It cannot be sent as written.
    """

    media_fields = frozenset({"ref_audio"})

    voice: str | None = None
    style: str | None = None
    speed: float = 1.0
    language: str | None = None
    speakers: Mapping[str, str] = field(default_factory=dict)

    _normal = MappingProxyType(
        {
            "voice": partial(few_words, "voice"),
            "style": partial(few_words, "style"),
            "speed": checked_speed,
            "language": partial(few_words, "language"),
            "speakers": checked_speakers,
        }
    )

    @property
    def extent(self) -> tuple[Hashable, ...]:
        """Its voices, and its length within a factor of two."""
        return self.voice, len(self.speakers), self.speed, len(self.text).bit_length()

    def lines(self) -> list[tuple[str | None, str]]:
        """Return who says what, as `(speaker, text)`; None where no line begins with a name."""
        if not self.speakers:
            return [(None, self.text)]
        lines: list[tuple[str | None, str]] = []
        for line in self.text.splitlines():
            name, colon, words = line.partition(":")
            if colon and name.strip() in self.speakers:
                lines.append((name.strip(), words.strip()))
            elif lines:
                lines[-1] = (lines[-1][0], f"{lines[-1][1]}\n{line}".strip())
            else:
                lines.append((None, line))
        return lines

    def _own_facts(self) -> dict[str, Any]:
        sent = f"{self.text}{self.style or ''}"
        return {"characters": len(sent), "bytes": len(sent.encode()), "speed": self.speed}

    def _check_together(self) -> None:
        if self.voice and self.speakers:
            raise PromptError("Give either voice= or speakers=; in a dialogue each has its own.")
        if not self.speakers:
            return
        names = {name for name, _ in self.lines()}
        if None in names:
            raise PromptError(
                "In a dialogue every line begins with a speaker's name, as in 'Joe: Hello.'"
            )
        silent = sorted(set(self.speakers) - names)
        if silent:
            raise PromptError(f"{silent[0]} has no line; begin one with '{silent[0]}:'.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoPrompt(Prompt):
    """A film to make.

    Args:
        text: What happens; up to 100,000 characters.
        image: The first picture: `Image`, bytes, path, Pillow image or array.
        last: The last picture.
        references: Pictures of what is to be seen.
        previous: A film that this one goes on from.
        seconds: How long, above 0 and up to 600; left out, the model decides.
        aspect: Width to height, such as `"16:9"`.
        resolution: `"360p"`, `"480p"`, `"720p"`, `"1080p"` or `"4k"`.
        seed: 0 to 4,294,967,295. Left out, every film is different.
        options: What only some models take.

    Values are normalized: `image` and `last` to an `Image`, `references` to a tuple of `Image`,
    `previous` to a `Video`.

    Raises:
        PromptError: It cannot be sent as written.
        MediaError: A picture is no picture we take.
    """

    media_fields = frozenset({"image", "last", "narration", "previous", "references"})

    image: Image | None = None
    last: Image | None = None
    references: tuple[Image, ...] = ()
    previous: Video | None = None
    seconds: float | None = None
    aspect: str | None = None
    resolution: str | None = None
    seed: int | None = None

    _normal = MappingProxyType(
        {
            "image": partial(checked_picture, "first picture"),
            "last": partial(checked_picture, "last picture"),
            "references": checked_pictures,
            "previous": checked_film,
            "seconds": checked_seconds,
            "aspect": checked_aspect,
            "resolution": checked_resolution,
            "seed": checked_seed,
        }
    )

    if TYPE_CHECKING:  # what the constructor takes is wider than what its attributes hold

        def __init__(  # noqa: D107 - the class says it
            self,
            text: str,
            *,
            image: ImageLike | None = None,
            last: ImageLike | None = None,
            references: Iterable[ImageLike] = (),
            previous: VideoLike | None = None,
            seconds: float | None = None,
            aspect: str | None = None,
            resolution: str | None = None,
            seed: int | None = None,
            options: Mapping[str, Any] = ...,
        ) -> None: ...

    @property
    def extent(self) -> tuple[Hashable, ...]:
        """Its length, its size, its shape, and whether it starts from what is there."""
        starts = self.image is not None, len(self.references), self.previous is not None
        return self.seconds, self.resolution, self.aspect, *starts, len(self.text).bit_length()

    def _own_facts(self) -> dict[str, Any]:
        pictures = (*self.references, self.image, self.last)
        return {
            "seconds": self.seconds,
            "resolution": self.resolution,
            "aspect": self.aspect,
            "input_images": sum(picture is not None for picture in pictures),
            "input_seconds": self.previous.seconds if self.previous else 0,
        }

    def _check_together(self) -> None:
        if self.last is not None and self.image is None:
            raise PromptError("A last picture needs a first one: give image= too.")
        if self.previous is not None and (self.image is not None or self.references):
            raise PromptError("A film that goes on from previous= takes no other pictures.")


class ImageOptions(TypedDict, total=False):
    """Keywords that only some picture models take; a vendor may know more of them."""

    previous: ImageLike
    background: str
    include_thoughts: bool
    media_resolution: str
    output_format: str
    quality: str
    safety: Mapping[str, str]
    service_tier: str
    system: str
    temperature: float
    thinking: str
    thinking_budget: int
    top_k: int
    top_p: float


class SpeechOptions(TypedDict, total=False):
    """Keywords for speech beyond those of `mt.speech`; a vendor may know more of them."""

    language: str
    speakers: Mapping[str, str]
    temperature: float


class VideoOptions(TypedDict, total=False):
    """Keywords for films beyond those of `mt.video`; a vendor may know more of them."""

    aspect: str
    captions: bool
    last: ImageLike
    narration: object
    previous: VideoLike
    references: Iterable[ImageLike]
    resolution: str
    seed: int
