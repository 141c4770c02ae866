"""What the form offers, and what it asks for, between the page's words and Python's."""

from collections.abc import Mapping, Sequence
from typing import Any

from mediatoolkit.errors import PromptError
from mediatoolkit.media import Image
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.registry import models

KINDS: dict[str, type[Client[Any, Any]]] = {
    "image": ImageClient,
    "speech": SpeechClient,
    "video": VideoClient,
}
"""Kinds of media, by the verbs that make them."""

_NUMBERS: dict[str, type[int] | type[float]] = {
    "seed": int,
    "seconds": float,
    "speed": float,
    "timeout": float,
}
_WORDS = frozenset(
    {"aspect", "language", "model", "narration", "resolution", "size", "style", "voice"}
)


def offered() -> dict[str, list[dict[str, Any]]]:
    """What can be chosen now, by kind, as plain JSON."""
    return {kind: [_plain(model) for model in models(client)] for kind, client in KINDS.items()}


def keywords(
    kind: str, settings: Mapping[str, object], pictures: Sequence[Image]
) -> dict[str, Any]:
    """What the verb of *kind* takes.

    Args:
        kind: As in `KINDS`.
        settings: What stands in the form, as text; what is empty is left out.
        pictures: What it starts from; of a film, the first is its first picture.

    Raises:
        PromptError: Something that is no number stands where a number belongs.
    """
    given = {name: str(value).strip() for name, value in settings.items() if value is not None}
    asked: dict[str, Any] = {name: given[name] for name in _WORDS & given.keys() if given[name]}
    for name, number in _NUMBERS.items():
        if given.get(name):
            asked[name] = _number(name, given[name], number)
    rest = list(pictures)
    if rest and kind == "video":
        asked["image"] = rest.pop(0)
    if rest:
        asked["references"] = rest
    return asked


def _plain(model: Any) -> dict[str, Any]:
    return {
        "model": model.model_id,
        "reason": model.reason,
        "choices": {name: list(values) for name, values in model.choices.items()},
        "takes": sorted(model.takes),
    }


def _number(name: str, text: str, number: type[int] | type[float]) -> float:
    try:
        return number(text)
    except ValueError:
        kind = "a whole number" if number is int else "a number"
        failure = PromptError(f"{name}={text[:40]!r} is not {kind}; correct it, or leave it empty.")
    raise failure
