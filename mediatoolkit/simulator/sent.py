"""Faults in how the bytes travel: the same for every vendor and for the file host."""

import asyncio
import gzip
import zlib
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Literal

from mediatoolkit.simulator.wire import Answer, Ask, Line, split

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_PIECE = 64 << 10


class Sent(ABC):
    """Base of the faults that change how the bytes travel."""

    __slots__ = ()

    @abstractmethod
    async def send(self, line: Line, ask: Ask) -> None:
        """Send what *ask* answers over *line*, or break the line."""


@dataclass(frozen=True, slots=True)
class Silence(Sent):
    """The request is taken and never answered; the connection stays open."""

    async def send(self, line: Line, _ask: Ask) -> None:
        """Wait."""
        await line.hang()


@dataclass(frozen=True, slots=True)
class Latency(Sent):
    """The whole answer comes after *seconds*."""

    seconds: float

    async def send(self, line: Line, ask: Ask) -> None:
        """Ask, wait, send."""
        answer = await ask()
        await asyncio.sleep(self.seconds)
        await line.send(answer)


@dataclass(frozen=True, slots=True)
class SlowHead(Sent):
    """Status line and headers arrive in ten pieces spread over *seconds*."""

    seconds: float

    async def send(self, line: Line, ask: Ask) -> None:
        """Write the head by hand, then the body at once."""
        answer = await ask()
        head = _head(answer)
        for piece in split(head, (-(-len(head) // 10),) * 10):
            line.raw(piece)
            await asyncio.sleep(self.seconds / 10)
        line.raw(answer.body)
        line.close()


@dataclass(frozen=True, slots=True)
class SlowBody(Sent):
    """The head and half of the body arrive at once, the rest after *seconds*."""

    seconds: float

    async def send(self, line: Line, ask: Ask) -> None:
        """Pause halfway."""
        answer = await ask()
        await line.send(answer, (len(answer.body) // 2,), self.seconds)


@dataclass(frozen=True, slots=True)
class Trickle(Sent):
    """The body arrives bit by bit.

    Attributes:
        pieces: Into how many pieces the body is cut.
        seconds: Over how long they are spread.
    """

    _: KW_ONLY
    pieces: int = 10
    seconds: float = 1.0

    async def send(self, line: Line, ask: Ask) -> None:
        """Pause after each piece."""
        answer = await ask()
        size = -(-len(answer.body) // self.pieces)
        await line.send(answer, (size,) * self.pieces, self.seconds / self.pieces)


@dataclass(frozen=True, slots=True)
class CutBeforeHead(Sent):
    """The connection is closed without one byte of answer, *after* seconds."""

    after: float = 0.0

    async def send(self, line: Line, _ask: Ask) -> None:
        """Close."""
        await asyncio.sleep(self.after)
        line.close()


@dataclass(frozen=True, slots=True)
class Reset(Sent):
    """The connection is reset (RST) without one byte of answer, *after* seconds."""

    after: float = 0.0

    async def send(self, line: Line, _ask: Ask) -> None:
        """Reset."""
        await asyncio.sleep(self.after)
        line.reset()


@dataclass(frozen=True, slots=True)
class CutBody(Sent):
    """The connection breaks after *after_bytes* of the promised body: closed, or reset (RST)."""

    after_bytes: int = 100
    _: KW_ONLY
    reset: bool = False

    async def send(self, line: Line, ask: Ask) -> None:
        """Promise all, send a part."""
        answer = await ask()
        response = await line.open(answer, len(answer.body))
        await response.write(answer.body[: self.after_bytes])
        if self.reset:
            await asyncio.sleep(0.05)  # a reset may overtake bytes the peer has not read yet
            line.reset()
        else:
            line.close()


@dataclass(frozen=True, slots=True)
class Truncated(Sent):
    """Well-formed HTTP whose body ends halfway; its length header agrees with it."""

    async def send(self, line: Line, ask: Ask) -> None:
        """Send half as if it were all."""
        answer = await ask()
        half = answer.body[: len(answer.body) // 2]
        await line.send(Answer(half, answer.status, answer.headers))


@dataclass(frozen=True, slots=True)
class WrongLength(Sent):
    """The length header promises *extra* bytes that never come; the connection stays open."""

    extra: int = 10

    async def send(self, line: Line, ask: Ask) -> None:
        """Promise more than there is."""
        answer = await ask()
        response = await line.open(answer, len(answer.body) + self.extra)
        await response.write(answer.body)
        await line.hang()


@dataclass(frozen=True, slots=True)
class TooLarge(Sent):
    """A JSON body of *size* bytes, all of them spaces.

    Attributes:
        size: Bytes sent.
        declared: Whether a `Content-Length` tells so beforehand.
    """

    size: int
    _: KW_ONLY
    declared: bool = False

    async def send(self, line: Line, _ask: Ask) -> None:
        """Send spaces as fast as the peer reads them."""
        response = await line.open(Answer(b"", headers=_JSON), self.size if self.declared else None)
        for start in range(0, self.size, _PIECE):
            await response.write(b" " * min(_PIECE, self.size - start))
        await line.finish(response)


@dataclass(frozen=True, slots=True)
class GzipBomb(Sent):
    """A small gzip body that unpacks to *size* bytes."""

    size: int = 256 << 20

    async def send(self, line: Line, _ask: Ask) -> None:
        """Send packed spaces."""
        packed = await asyncio.to_thread(_packed_spaces, self.size)
        await line.send(Answer(packed, headers=_JSON | {"Content-Encoding": "gzip"}))


@dataclass(frozen=True, slots=True)
class BadGzip(Sent):
    """A gzip body with a wrong check sum, one that ends early, or one that is no gzip."""

    kind: Literal["crc", "truncated", "noise"] = "crc"

    async def send(self, line: Line, ask: Ask) -> None:
        """Pack the answer badly."""
        answer = await ask()
        body = _bad_gzip(answer.body, self.kind)
        headers = {**answer.headers, "Content-Encoding": "gzip"}
        await line.send(Answer(body, answer.status, headers))


@dataclass(frozen=True, slots=True)
class MalformedChunk(Sent):
    """A chunked body whose second chunk size is no number; the connection stays open."""

    async def send(self, line: Line, ask: Ask) -> None:
        """Send one good chunk, then a bad one."""
        answer = await ask()
        response = await line.open(Answer(b"", answer.status, answer.headers), None)
        await response.write(answer.body[:20])
        await asyncio.sleep(0.05)  # the head is read before the bad chunk arrives
        line.raw(b"ZZZ\r\n" + answer.body[20:40] + b"\r\n")
        await line.hang()


@dataclass(frozen=True, slots=True)
class MalformedHead(Sent):
    """A status line that is not HTTP."""

    async def send(self, line: Line, _ask: Ask) -> None:
        """Send noise and close."""
        line.raw(b"ICY 2OO fine\r\n\x00\x01\r\n\r\n")
        line.close()


@dataclass(frozen=True, slots=True)
class Redirect(Sent):
    """Another address is named instead of an answer."""

    to: str
    status: int = 302

    async def send(self, line: Line, _ask: Ask) -> None:
        """Name it."""
        await line.send(Answer(b"", self.status, {"Location": self.to}))


def _head(answer: Answer) -> bytes:
    fields = {**answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} Slow", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@lru_cache(maxsize=2)
def _packed_spaces(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1 << 20)
    whole, rest = divmod(size, len(block))
    packed = [packer.compress(block) for _ in range(whole)]
    return b"".join([*packed, packer.compress(block[:rest]), packer.flush()])


def _bad_gzip(body: bytes, kind: str) -> bytes:
    good = gzip.compress(body, 1)
    match kind:
        case "crc":
            return good[:-8] + bytes(byte ^ 0xFF for byte in good[-8:-4]) + good[-4:]
        case "truncated":
            return good[: len(good) // 2]
        case _:
            return b"this is no gzip at all"
