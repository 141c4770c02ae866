"""The body of a request: JSON with pictures spliced in as base64, or a form with files.

A body is made once, so a second attempt costs nothing; large ones are made in a thread.
"""

import asyncio
import binascii
import itertools
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mediatoolkit.errors import PromptError

try:
    import pybase64
except ImportError:  # it has no wheel for some platforms
    pybase64 = None  # type: ignore[assignment]

Bytes = bytes | bytearray | memoryview

_IN_THREAD = 1 << 16
_JSON = "application/json"
_STEP = 3 << 16  # bytes that the standard library encodes while it holds the GIL


class EncodedBody(NamedTuple):
    """A body that is ready to be sent, as often as it takes."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class DataURL:
    """A value in a JSON document: `data:<mime_type>;base64,` and *data* as base64."""

    mime_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Json:
    """A body of JSON.

    Attributes:
        document: What is sent. `bytes` values become base64 strings, a `DataURL` becomes one with
            its head; neither is ever one large `str`.
    """

    document: Mapping[str, Any] = field(repr=False)

    async def encoded(self) -> EncodedBody:
        """Write it down.

        Raises:
            PromptError: A value has no JSON. Nothing was sent.
        """
        media: list[Bytes] = []
        marker = ""

        def keep(value: object) -> str:
            nonlocal marker
            head = ""
            if isinstance(value, DataURL):
                head, value = f"data:{value.mime_type};base64,", value.data
            if not isinstance(value, (bytes, bytearray, memoryview)):
                raise TypeError(f"{type(value).__name__} has no JSON")
            marker = marker or secrets.token_hex(16)
            media.append(value)
            return head + marker

        problem = ""
        text = ""
        try:
            text = json.dumps(self.document, default=keep, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            problem = str(error)
        if problem:
            raise PromptError(f"The request cannot be written as JSON: {problem}.")
        if not media:
            return EncodedBody(text.encode(), _JSON)
        around = [part.encode() for part in text.split(marker)]
        if sum(map(len, media)) < _IN_THREAD:
            return EncodedBody(_splice(around, media), _JSON)
        return EncodedBody(await asyncio.to_thread(_splice, around, media), _JSON)


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a form.

    Attributes:
        name: Field of the form; the same name may come again, as in `"image[]"`.
        file_name: Such as `"fox.png"`; some vendors go by its end.
        mime_type: Such as `"image/png"`.
        data: The file.
    """

    name: str
    file_name: str
    mime_type: str
    data: Bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Multipart:
    """A body of `multipart/form-data` (RFC 7578): first the text fields, then the files.

    Attributes:
        fields: Names and texts, in order; they are sent without a content type.
        files: The files, in order.
    """

    fields: Mapping[str, str] | Sequence[tuple[str, str]] = field(repr=False)
    files: Sequence[FilePart] = ()

    async def encoded(self) -> EncodedBody:
        """Write it down; large files are copied in a thread."""
        boundary = secrets.token_hex(16)
        pairs = self.fields.items() if isinstance(self.fields, Mapping) else self.fields
        pieces: list[Bytes] = []
        for name, text in pairs:
            pieces += (_part_head(boundary, name), text.encode("utf-8", "replace"), b"\r\n")
        for file in self.files:
            head = _part_head(boundary, file.name, file.file_name, file.mime_type)
            pieces += (head, file.data, b"\r\n")
        pieces.append(f"--{boundary}--\r\n".encode())
        is_large = sum(map(len, pieces)) >= _IN_THREAD
        content = await asyncio.to_thread(b"".join, pieces) if is_large else b"".join(pieces)
        return EncodedBody(content, f"multipart/form-data; boundary={boundary}")


@dataclass(frozen=True, slots=True)
class Raw:
    """A body that is sent as it is.

    Attributes:
        content: The bytes.
        content_type: Such as `"application/jsonl"`.
    """

    content: bytes = field(repr=False)
    content_type: str

    async def encoded(self) -> EncodedBody:
        """It is written down already."""
        return EncodedBody(self.content, self.content_type)


Body = Json | Multipart | Raw


def _part_head(boundary: str, name: str, file_name: str = "", mime_type: str = "") -> bytes:
    """Return the head of one part, with quotes and line breaks as in WHATWG HTML."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"'
    if mime_type:
        head += f'; filename="{_escaped(file_name)}"\r\nContent-Type: {_escaped(mime_type)}'
    return f"{head}\r\n\r\n".encode()


def _escaped(text: str) -> str:
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _splice(around: list[bytes], media: list[Bytes]) -> bytes:
    pairs = itertools.zip_longest(around, media)
    return b"".join(
        part
        for text, value in pairs
        for part in (text, *(_base64(value) if value is not None else ()))
    )


def _base64(value: Bytes) -> Iterator[bytes]:
    if pybase64 is not None:
        yield pybase64.b64encode(value)
        return
    view = memoryview(value)
    for at in range(0, len(view), _STEP):
        yield binascii.b2a_base64(view[at : at + _STEP], newline=False)
