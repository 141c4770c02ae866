"""The key of a request: a digest of everything that decides what comes back."""

import hashlib
import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary

from mediatoolkit.checks import is_number, is_whole, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Media

SCHEMA: Final = 1
"""Of keys and entries; under another number everything that was kept is a miss."""

MOST_TAKES: Final = 1_000_000
"""The largest number that `take=` may have."""

_DEEPEST = 50  # lists and mappings in each other


def checked_take(take: Any) -> int:
    """Return *take* as a whole number from 1.

    Raises:
        PromptError: It is something else.
    """
    if is_whole(take) and 1 <= take <= MOST_TAKES:
        return int(take)
    raise PromptError(
        f"take={quoted(take)} does not exist; take counts identical requests in whole numbers "
        f"from 1 to {MOST_TAKES:,}."
    )


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a request asks for; requests with equal keys ask for the same.

    Attributes:
        model: Model id, for lists and messages.
        request: SHA-256 of everything that decides what comes back, except the take.
        take: Which of several identical requests it is, from 1.
    """

    model: str
    request: str
    take: int = 1

    @classmethod
    def of(
        cls,
        *,
        kind: str,
        model: str,
        text: str,
        options: Mapping[str, object],
        inputs: Mapping[str, Media | Sequence[Media] | None] = MappingProxyType({}),
        previous: "Media | RequestKey | None" = None,
        seed: int | None = None,
        base_url: str | None = None,
        take: int = 1,
    ) -> "RequestKey":
        """Make the key of a request; blocks about 1 ms for each megabyte of *inputs*.

        Numbers that are equal count as the same, whatever their type. Text counts as it is, since
        other characters that look alike are another prompt.

        Args:
            kind: What is made, such as `"image"`.
            model: The resolved model id, `vendor/model`.
            text: The whole prompt.
            options: Every option that is sent, with its default where the user left it out, as
                plain values. One that is None is not sent.
            inputs: Media to start from, by its part in the request; several in their order.
            previous: What the request goes on from: known by its own key where it came through
                the cache, and by its content.
            seed: None where the vendor chooses.
            base_url: None for the vendor's own address.
            take: From 1.

        Raises:
            PromptError: An option holds what has no lasting form, such as an object.
        """
        document = {
            "schema": SCHEMA,
            "kind": kind,
            "model": model,
            "base_url": base_url,
            "text": text,
            "options": {name: value for name, value in options.items() if value is not None},
            "inputs": _digests_of(inputs),
            "previous": _identity_of(previous),
            "seed": seed,
        }
        return cls(model, _sha256(document), checked_take(take))

    @property
    def digest(self) -> str:
        """SHA-256 of the request and its take, in hexadecimal."""
        return _sha256([SCHEMA, self.request, self.take])

    def with_take(self, take: int) -> "RequestKey":
        """The same request as another take.

        Raises:
            PromptError: *take* is no whole number from 1.
        """
        return replace(self, take=checked_take(take))


def _digests_of(inputs: Mapping[str, Media | Sequence[Media] | None]) -> dict[str, list[str]]:
    listed = {
        name: [given] if isinstance(given, Media) else list(given or ())
        for name, given in inputs.items()
    }
    return {
        name: [each.content_digest() for each in media] for name, media in listed.items() if media
    }


def _identity_of(previous: "Media | RequestKey | None") -> list[str] | None:
    if previous is None:
        return None
    if isinstance(previous, RequestKey):
        return [previous.digest]
    source = kept(previous)
    # Its content too: after "refresh" another picture has the same key.
    return [*([source.key.digest] if source else []), previous.content_digest()]


def _sha256(value: object) -> str:
    line = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(line.encode("ascii")).hexdigest()


def _plain(value: object, level: int = 0) -> object:
    """Bring *value* into the one form in which it is written down.

    Raises:
        PromptError: It has none.
    """
    if level > _DEEPEST:
        raise PromptError(f"Options lie at most {_DEEPEST} lists deep; give flatter ones.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if is_number(value) or isinstance(value, Decimal):
        return _plain_number(value)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {str.__str__(name): _plain(part, level + 1) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, level + 1) for part in value]
    raise PromptError(
        f"A request with {type(value).__name__} in its options cannot be told from others; give "
        "text, numbers, lists or mappings by name, or leave the cache off: cache=False."
    )


def _plain_number(number: Any) -> int | float:
    """An int where it is whole, else the nearest float.

    Raises:
        PromptError: It is not finite, or beyond all use.
    """
    try:
        if not (is_whole(number) or math.isfinite(number)):
            raise OverflowError
        nearest = float(number)  # also a check of the size, before digits are spelled out
        plain: int | float = int(number) if number == int(number) else nearest
    except (ArithmeticError, ValueError) as error:
        raise PromptError(f"{quoted(number)} is no number that can be sent.") from error
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


@dataclass(frozen=True, slots=True)
class Kept:
    """How media that came through the cache was made.

    Attributes:
        key: What was asked for.
        created: UTC time at which it was kept, ISO 8601 to the second.
        cost: What it cost then, USD, or None where nobody knows.
        is_hit: It was there already, so nothing was sent.
    """

    key: RequestKey
    created: str
    cost: Decimal | None
    is_hit: bool


def kept(media: Media) -> Kept | None:
    """What the cache of this process knows of *media*, or None."""
    return known.get(media)


class _Known:
    """What came through the cache, as long as it is in use; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_media: WeakKeyDictionary[Media, Kept] = WeakKeyDictionary()

    def get(self, media: Media) -> Kept | None:
        with self._lock:
            return self._by_media.get(media)

    def add(self, media: Media, facts: Kept) -> None:
        with self._lock:
            self._by_media[media] = facts


known: Final = _Known()
"""What this process knows."""
