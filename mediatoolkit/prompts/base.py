"""What every prompt is, and the checks that several kinds share.

What no model could understand is refused here; what one vendor does not take is refused by that
vendor's client, also before anything is sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image, Media

LONGEST_TEXT = 100_000
LARGEST_SEED = 2**32 - 1

# Line breaks and tabs are text; the other control characters and lone surrogates are accidents.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ASPECT = re.compile(r"[1-9]\d?:[1-9]\d?")


class FrozenMapping(dict[str, Any]):
    """A mapping that stays as it is, and can be copied, pickled and hashed."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("A prompt is never changed; make another: Prompt.of(prompt, seed=7).")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        """Made of a dictionary, since it cannot be filled afterwards."""
        return type(self), (dict(self),)

    def __hash__(self) -> int:  # type: ignore[override]
        """By the names alone, as values may be lists."""
        return hash(frozenset(self))


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

    text: str = field(kw_only=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check and bring into one form."""
        whole = {"text": checked_text(self.text), "options": _options(self.options)}
        for name, value in {**whole, **self._in_one_form()}.items():
            object.__setattr__(self, name, value)
        self._check_together()

    @classmethod
    def of(cls, prompt: "str | Prompt", **options: Any) -> Self:
        """Make a prompt of a text and keywords; unknown keywords become `options`.

        A prompt is taken as it is, with the keywords laid over it. Keywords that are None count
        as left out. Blocks when there are files to read.
        """
        if isinstance(prompt, Prompt) and not isinstance(prompt, cls):
            raise PromptError(f"This takes a {cls.__name__}, not a {type(prompt).__name__}.")
        known = cls.__dataclass_fields__
        asked = {name: value for name, value in options.items() if value is not None}
        given = {name: asked.pop(name) for name in tuple(asked) if name in known}
        if isinstance(prompt, Prompt):
            given = {name: getattr(prompt, name) for name in known} | given
        else:
            given["text"] = prompt
        if asked:
            given["options"] = {**_options(given.get("options", {})), **asked}
        return cls(**given)

    def __eq__(self, other: object) -> bool:
        """Whether both ask for the same."""
        if type(other) is not type(self):
            return NotImplemented
        return all(
            _content(getattr(self, name)) == _content(getattr(other, name))
            for name in self.__dataclass_fields__
        )

    def __hash__(self) -> int:
        """The same for equal prompts."""
        return hash(tuple(_content(getattr(self, name)) for name in self.__dataclass_fields__))

    async def plain_options(self) -> dict[str, Any]:
        """All that was asked beside text and seed, as plain JSON, for a record of origin.

        Pictures and films stand in it by the first digits of their digest.
        """
        return dict(self.options)

    def _in_one_form(self) -> dict[str, Any]:
        """The checked values of the fields that a kind of prompt adds."""
        return {}

    def _check_together(self) -> None:
        """Refuse what does not go together."""


def _content(value: object) -> object:
    """What a value is compared by: media by its bytes, as another copy of it is another object."""
    if isinstance(value, Media):
        return type(value), value.data
    return tuple(map(_content, value)) if isinstance(value, tuple) else value


def checked_text(text: object) -> str:
    """Text that can be sent as it is."""
    if not isinstance(text, str):
        raise PromptError(f"A prompt is text, not {type(text).__name__}.")
    if not text.strip():
        raise PromptError("The prompt is empty; say what to make.")
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


def _options(options: object) -> Mapping[str, Any]:
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise PromptError('options takes values by name: options={"temperature": 1.0}.')
    return FrozenMapping(options)


def checked_aspect(aspect: object) -> str | None:
    """Width to height, such as `"16:9"`."""
    if aspect is None:
        return None
    if not isinstance(aspect, str) or not _ASPECT.fullmatch(aspect):
        raise PromptError(
            f'aspect={quoted(aspect)} is not a ratio; give width to height, as "16:9".'
        )
    return aspect


def checked_seed(seed: Any) -> int | None:
    """A whole number from 0 to `LARGEST_SEED`."""
    if seed is None:
        return None
    if not is_whole(seed) or not 0 <= seed <= LARGEST_SEED:
        raise PromptError(f"seed={quoted(seed)} is not a whole number from 0 to {LARGEST_SEED:,}.")
    return int(seed)


def is_single(thing: object) -> bool:
    """Whether *thing* is one picture, although it may be iterated over."""
    return isinstance(thing, (str, bytes, bytearray, memoryview)) or any(
        hasattr(thing, name) for name in ("__array__", "read")
    )


def pictures(things: object) -> tuple[Image, ...]:
    """Reference pictures of whatever they are given as."""
    if is_single(things) or not isinstance(things, Iterable):
        raise PromptError("references takes a list of pictures: references=[picture].")
    return tuple(
        _picture(f"reference {number}", thing) for number, thing in enumerate(things, start=1)
    )


def optional_picture(what: str, thing: object) -> Image | None:
    """A picture of whatever it is given as; *what* names it in errors."""
    return None if thing is None else _picture(what, thing)


def _picture(what: str, thing: object) -> Image:
    try:
        return Image.of(thing)
    except MediaError as error:
        failure = MediaError(f"The {what} cannot be used. {error}")
    raise failure
