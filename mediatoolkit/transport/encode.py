"""A request document as one body of bytes, reference pictures spliced in as base64.

The body is made once, so a second try costs nothing; large pictures are encoded in a thread.
"""

import asyncio
import binascii
import itertools
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from mediatoolkit.errors import PromptError

try:
    import pybase64
except ImportError:  # some platforms have no wheel
    pybase64 = None  # type: ignore[assignment]

_IN_THREAD = 1 << 16
_STEP = 3 << 16  # bytes that the standard library encodes while it holds the GIL


async def encode(document: Mapping[str, Any]) -> bytes:
    """JSON of *document*; `bytes` values become standard base64 strings.

    Raises:
        PromptError: A value has no JSON. Nothing was sent.
    """
    found: list[bytes | bytearray | memoryview] = []
    marker = ""

    def keep(value: object) -> str:
        nonlocal marker
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"{type(value).__name__} has no JSON")
        marker = marker or secrets.token_hex(16)
        found.append(value)
        return marker

    problem = ""
    text = ""
    try:
        text = json.dumps(document, default=keep, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    if problem:
        raise PromptError(f"The request cannot be written as JSON: {problem}.")
    if not found:
        return text.encode()
    around = [part.encode() for part in text.split(marker)]
    if sum(map(len, found)) < _IN_THREAD:
        return _splice(around, found)
    return await asyncio.to_thread(_splice, around, found)


def _splice(around: list[bytes], media: list[bytes | bytearray | memoryview]) -> bytes:
    pairs = itertools.zip_longest(around, media)
    return b"".join(
        part
        for text, value in pairs
        for part in (text, *(_base64(value) if value is not None else ()))
    )


def _base64(value: bytes | bytearray | memoryview) -> Iterator[bytes]:
    if pybase64 is not None:
        yield pybase64.b64encode(value)
        return
    view = memoryview(value)
    for at in range(0, len(view), _STEP):
        yield binascii.b2a_base64(view[at : at + _STEP], newline=False)
