"""Requests in a shape in which they can be compared: flat, media as digests, ids left out."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mediatoolkit.simulator.http import FormPart, Request

_COMPARED = re.compile(r"x-fal-|prefer$|cancel-after$", re.IGNORECASE)
_IDS = re.compile(r"(requests|predictions|videos|files)/[\w-]{2,}")
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\w+")
_DATA_URL = re.compile(r"data:([\w/+.-]+);base64,(.*)", re.DOTALL)
_RECORDED = re.compile(r"<base64 \d+ chars>")
_DIGEST = re.compile(r"sha256:[0-9a-f]+")
_LEAST = 60
"""Letters of base64 from which on a text is taken for media."""

Flat = dict[str, Any]
"""What a request says, by the names of its parts, such as `"body.image_size.width"`.

Of its head, the field with the key is there, and those that say how the vendor is to work.
"""


def flat(request: Request, key: str) -> Flat:
    """A request that came in with *key*."""
    headers = {name: value.replace(key, "KEY") for name, value in request.headers.items()}
    return _flat(request.method, request.path, request.query, headers, request.body)


def flat_recording(request: Mapping[str, Any]) -> Flat:
    """A request of a recording."""
    return _flat(*(request[name] for name in ("method", "path", "query", "headers", "body")))


def without_digests(request: Flat) -> Flat:
    """*request* as a recording has it, which tells of media alone that they were there."""
    return {
        name: _DIGEST.sub("MEDIA", value) if isinstance(value, str) else value
        for name, value in request.items()
    }


def differences(one: Flat, other: Flat) -> set[str]:
    """The names of the parts in which two requests differ."""
    missing = object()
    names = one.keys() | other.keys()
    return {name for name in names if one.get(name, missing) != other.get(name, missing)}


def _flat(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any
) -> Flat:
    head = {
        f"head.{name.lower()}": value
        for name, value in headers.items()
        if _COMPARED.match(name) or "KEY" in value
    }
    place = {"method": method, "path": _IDS.sub(r"\1/ID", path)}
    asked = {f"query.{name}": value for name, value in query.items()}
    return {**place, **head, **asked, **dict(_leaves("body", body))}


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, FormPart):
        yield f"{name}.{value.name}.filename", value.filename
        yield f"{name}.{value.name}.type", value.mime_type
        yield f"{name}.{value.name}", _digest(value.data)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{name}.{key}", item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            is_part = isinstance(item, FormPart)  # which has a name of its own
            yield from _leaves(name if is_part else f"{name}.{number}", item)
    else:
        yield name, _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    value = _RECORDED.sub("MEDIA", value)
    found = _DATA_URL.fullmatch(value)
    if found:
        return f"{found[1]} {_media(found[2])}"
    place = _IDS.sub(r"\1/ID", _LOOPBACK.sub("ORIGIN", value))
    return _media(place) if len(place) >= _LEAST else place


def _media(text: str) -> str:
    """A digest of what *text* holds, or the text itself."""
    try:
        return text if text == "MEDIA" else _digest(base64.b64decode(text, validate=True))
    except binascii.Error:
        return text


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()[:12]}"
