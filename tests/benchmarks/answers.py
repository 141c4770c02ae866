"""What the benchmark's server says, made once: pictures as Gemini sends them, and files."""

import base64
import functools
import json
import math
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

_BLOCK = random.Random(7).randbytes(1 << 20)  # noqa: S311 - noise, no secret
_STEP = 1 << 18
_IDAT = 1 << 16  # what Pillow writes into one chunk


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        head: Status line and header fields.
        body: All of the body, or the block that is repeated up to `length`.
        length: Bytes of the body.
        delay: Seconds to wait before the first byte.
        gap: Seconds between the first piece and the rest.
    """

    head: bytes
    body: bytes
    length: int
    delay: float = 0.0
    gap: float = 0.0

    def pieces(self) -> Iterator[bytes | memoryview]:
        """What to write, piece by piece."""
        if self.gap:
            first, end, others = self.body.partition(b"\r\n\r\n")
            yield self.head + first + end
            yield others
            return
        if self.length == len(self.body) <= _STEP:
            yield self.head + self.body
            return
        yield self.head
        view = memoryview(self.body)
        if self.length == len(self.body):
            yield from (view[at : at + _STEP] for at in range(0, self.length, _STEP))
            return
        whole, rest = divmod(self.length, len(self.body))
        yield from repeat(view, whole)
        yield view[:rest]


@functools.cache
def picture_answer(size: int, delay: float) -> Answer:
    """A picture of about *size* bytes inside JSON, as `generateContent` gives it."""
    data = base64.b64encode(noise_png(size)).decode()
    part = {"inlineData": {"mimeType": "image/png", "data": data}}
    document = {
        "candidates": [
            {"content": {"parts": [part], "role": "model"}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 4,
            "candidatesTokenCount": 1290,
            "totalTokenCount": 1294,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
        },
        "modelVersion": "gemini-3.1-flash-image",
        "responseId": "benchmark",
    }
    body = json.dumps(document, indent=2).encode()
    return Answer(_head("application/json; charset=UTF-8", len(body)), body, len(body), delay)


@functools.cache
def speech_answer(gap: float) -> Answer:
    """Two seconds of sound in four events; the first at once, the others after *gap*."""
    sound = base64.b64encode(_BLOCK[:24_000]).decode()
    part = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": sound}}
    document = {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}]}
    body = b"".join(b"data: " + json.dumps(document).encode() + b"\r\n\r\n" for _ in range(4))
    return Answer(_head("text/event-stream", len(body)), body, len(body), gap=gap)


@functools.cache
def file_answer(size: int) -> Answer:
    """A file of *size* bytes of noise."""
    return Answer(_head("application/octet-stream", size), _BLOCK, size)


def text_answer(text: str, status: str = "200 OK") -> Answer:
    """A short answer."""
    body = text.encode()
    return Answer(_head("text/plain", len(body), status), body, len(body))


def noise_png(size: int) -> bytes:
    """A valid grey PNG of about *size* bytes: noise, stored without compression."""
    side = max(1, math.isqrt(size))
    noise = random.Random(size)  # noqa: S311 - noise, no secret
    rows = b"".join(b"\0" + noise.randbytes(side) for _ in range(side))
    packed = zlib.compress(rows, 0)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))]
    chunks += [(b"IDAT", packed[at : at + _IDAT]) for at in range(0, len(packed), _IDAT)]
    chunks += [(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _head(kind: str, length: int, status: str = "200 OK") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
