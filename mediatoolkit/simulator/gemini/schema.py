"""Strict reading of request bodies: shapes as data, both spellings, a path for each complaint.

A shape is a function of a value and its path that returns the normalised value (camelCase keys,
bytes decoded) or raises `InvalidError`. It is stricter than protobuf JSON in one point: a number
written as text is refused, since no client should send one.
"""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any, str], Any]

_BASE64 = re.compile(r"[A-Za-z0-9+/]*|[A-Za-z0-9_-]*")
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1."


class InvalidError(Exception):
    """A request that the service refuses as INVALID_ARGUMENT.

    Attributes:
        field: Path of the field at fault, in snake_case as the service writes it; may be empty.
    """

    def __init__(self, message: str, path: str = "") -> None:
        """Keep the sentence and the path."""
        super().__init__(message)
        self.field = path


def message(**fields: Shape) -> Shape:
    """An object with these fields and no other; keys may be camelCase or snake_case."""

    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _mistyped(value, path, "an object")
        found: dict[str, Any] = {}
        for key, item in value.items():
            name = _camel(key)
            if name not in fields:
                raise _unknown(key, path)
            if name in found:
                raise InvalidError(f'Invalid JSON payload received. "{key}" is given twice.', path)
            if item is not None:
                found[name] = fields[name](item, _join(path, name))
        return found

    return read


def record(**fields: Shape) -> Shape:
    """An object with these fields and no other, spelled just so."""

    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _mistyped(value, path, "an object")
        for key in value:
            if key not in fields:
                raise _unknown(key, path)
        return {
            key: fields[key](item, _join(path, key))
            for key, item in value.items()
            if item is not None
        }

    return read


def tagged(**shapes: Shape) -> Shape:
    """An object whose `type` tells which of *shapes* the rest has."""

    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _mistyped(value, path, "an object")
        kind = value.get("type")
        if kind not in shapes:
            raise _mistyped(kind, _join(path, "type"), " | ".join(shapes))
        rest = {key: item for key, item in value.items() if key != "type"}
        return {"type": kind, **shapes[kind](rest, path)}

    return read


def repeated(shape: Shape) -> Shape:
    """A list."""

    def read(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _mistyped(value, path, "a list")
        return [shape(item, f"{path}[{index}]") for index, item in enumerate(value)]

    return read


def string(value: Any, path: str) -> str:
    """Text."""
    if not isinstance(value, str):
        raise _mistyped(value, path, "TYPE_STRING")
    return value


def boolean(value: Any, path: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _mistyped(value, path, "TYPE_BOOL")
    return value


def integer(low: int = -(2**31), high: int = 2**31 - 1) -> Shape:
    """A whole number from *low* to *high*; `40.0` counts, the official SDK sends it."""

    def read(value: Any, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mistyped(value, path, "TYPE_INT32")
        if value % 1 or not -(2**31) <= value < 2**31:
            raise _mistyped(value, path, "TYPE_INT32")
        _within(value, path, low, high)
        return int(value)

    return read


def number(low: float, high: float) -> Shape:
    """A number from *low* to *high*."""

    def read(value: Any, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mistyped(value, path, "TYPE_FLOAT")
        _within(value, path, low, high)
        return float(value)

    return read


def enum(type_name: str, *words: str) -> Shape:
    """One of *words*, letter by letter."""

    def read(value: Any, path: str) -> str:
        if value not in words:
            raise _mistyped(value, path, _TYPE + type_name)
        return str(value)

    return read


def data(value: Any, path: str) -> bytes:
    """Base64 of either alphabet, with or without padding."""
    text = string(value, path)
    bare = text.rstrip("=")
    if not _BASE64.fullmatch(bare) or len(bare) % 4 == 1 or len(text) - len(bare) > 2:
        sample = f'Base64 decoding failed for "{text[:40]}"'
        raise InvalidError(f"Invalid value at '{path}' (TYPE_BYTES), {sample}", path)
    padded = bare + "=" * (-len(bare) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"))


def anything(value: Any, _path: str) -> Any:
    """What the simulator does not look into."""
    return value


def _join(path: str, name: str) -> str:
    snake = re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), name)
    return f"{path}.{snake}" if path else snake


def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _unknown(key: str, path: str) -> InvalidError:
    place = f" at '{path}'" if path else ""
    return InvalidError(
        f'Invalid JSON payload received. Unknown name "{key}"{place}: Cannot find field.', path
    )


def _mistyped(value: Any, path: str, wanted: str) -> InvalidError:
    shown = f'"{value}"' if isinstance(value, str) else repr(value)
    return InvalidError(f"Invalid value at '{path}' ({wanted}), {shown[:60]}", path)


def _within(value: float, path: str, low: float, high: float) -> None:
    if not low <= value <= high:
        name = path.rpartition(".")[2]
        raise InvalidError(
            f"* GenerateContentRequest.{path}: {name} must be in the range [{low}, {high}].", path
        )
