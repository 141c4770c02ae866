"""Requests in a shape in which they can be compared: flat, media as digests, ids left out."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from mediatoolkit.simulator.http import Request

_COMPARED = re.compile(r"x-fal-|prefer$|cancel-after$", re.IGNORECASE)
_IDS = re.compile(r"(requests|predictions|videos|files)/[\w-]{2,}")
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d+")
_DATA_URL = re.compile(r"data:([\w/+.-]+);base64,(.*)", re.DOTALL)
_LEAST = 60
"""Letters of base64 from which on a text is taken for media."""


def flat(request: Request, key: str) -> dict[str, Any]:
    """What *request* says, by the names of its parts, such as `"body.image_size.width"`.

    Of its head, the field with the *key* is there, and those that say how the vendor is to work.
    """
    head = {
        f"head.{name.lower()}": value.replace(key, "KEY")
        for name, value in request.headers.items()
        if _COMPARED.match(name) or key in value
    }
    query = {f"query.{name}": value for name, value in request.query.items()}
    path = {"method": request.method, "path": _IDS.sub(r"\1/ID", request.path)}
    return {**path, **head, **query, **dict(_leaves("body", request.body))}


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """The names of the parts in which two requests differ."""
    missing = object()
    names = one.keys() | other.keys()
    return {name for name in names if one.get(name, missing) != other.get(name, missing)}


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}", item)
    elif isinstance(value, list) and value and hasattr(value[0], "mime_type"):
        for part in value:
            yield f"{name}.{part.name}", _digest(part.data)
            yield f"{name}.{part.name}.filename", part.filename
            yield f"{name}.{part.name}.type", part.mime_type
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(f"{name}.{number}", item)
    else:
        yield name, _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    found = _DATA_URL.fullmatch(value)
    if found:
        return f"{found[1]} {_digest(base64.b64decode(found[2]))}"
    if len(value) >= _LEAST:
        try:
            return _digest(base64.b64decode(value, validate=True))
        except binascii.Error:
            pass
    return _IDS.sub(r"\1/ID", _LOOPBACK.sub("ORIGIN", value))


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()[:12]}"
