"""Faults in how the bytes travel: the same for every vendor and for the file host."""

import asyncio
import gzip
import zlib
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache
from typing import ClassVar, Literal

from mediatoolkit.simulator.http import JSON, Connection, HttpResponse, Respond, split

_PIECE = 64 << 10  # bytes of a large body that are written at once


class NetworkFault(ABC):
    """Base of the faults that change how the bytes travel.

    Attributes:
        loses_response: A generation is made, and billed, although nothing of it is sent.
    """

    __slots__ = ()
    loses_response: ClassVar[bool] = False

    @abstractmethod
    async def send(self, connection: Connection, respond: Respond) -> None:
        """Send what *respond* brings over *connection*, or break the connection."""


@dataclass(frozen=True, slots=True)
class Silence(NetworkFault):
    """The request is taken and never answered; the connection stays open."""

    loses_response: ClassVar[bool] = True

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Wait."""
        await connection.hang()


@dataclass(frozen=True, slots=True)
class Latency(NetworkFault):
    """The whole response comes after *seconds*."""

    seconds: float

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Wait before sending."""
        response = await respond()
        await asyncio.sleep(self.seconds)
        await connection.send(response)


@dataclass(frozen=True, slots=True)
class SlowHead(NetworkFault):
    """The status line and headers arrive in ten pieces spread over *seconds*."""

    seconds: float

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Write the head by hand, then the body at once."""
        response = await respond()
        head = _head(response)
        for piece in split(head, (-(-len(head) // 10),) * 10):
            connection.raw(piece)
            await asyncio.sleep(self.seconds / 10)
        connection.raw(response.body)
        connection.close()


@dataclass(frozen=True, slots=True)
class SlowBody(NetworkFault):
    """The head and half of the body arrive at once, the rest after *seconds*."""

    seconds: float

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Pause halfway."""
        response = await respond()
        await connection.send(response, (len(response.body) // 2,), self.seconds)


@dataclass(frozen=True, slots=True)
class Trickle(NetworkFault):
    """The body arrives bit by bit.

    Attributes:
        pieces: Into how many pieces the body is cut.
        seconds: Over how long they are spread.
    """

    _: KW_ONLY
    pieces: int = 10
    seconds: float = 1.0

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Pause after each piece."""
        response = await respond()
        size = -(-len(response.body) // self.pieces)
        await connection.send(response, (size,) * self.pieces, self.seconds / self.pieces)


@dataclass(frozen=True, slots=True)
class Gate(NetworkFault):
    """The response stops after its first *pieces* until the gate is opened.

        gate = Gate()
        sim.then(gate)
        ...  # the first event of the stream arrives, and no other
        gate.open()

    Attributes:
        pieces: How many events of a stream pass; 0 holds back the head too, as does a response
            that is no stream. Such a body would be complete to the client, which would send its
            next request on a connection that nobody reads.
    """

    pieces: int = 1
    _opened: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    def open(self) -> None:
        """Let the rest pass, and whatever meets this gate later; call it in the loop's thread."""
        self._opened.set()

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Send the first pieces, wait, send the rest."""
        response = await respond()
        first = split(response.body, response.cuts)[: self.pieces] if response.cuts else []
        if not first:
            await self._opened.wait()
        writer = await connection.open(response, len(response.body))
        for piece in first:
            await writer.write(piece)
        await self._opened.wait()
        await writer.write(response.body[sum(map(len, first)) :])
        await connection.finish(writer)


@dataclass(frozen=True, slots=True)
class CutBeforeHead(NetworkFault):
    """The connection is closed without one byte of response, *after* seconds."""

    loses_response: ClassVar[bool] = True

    after: float = 0.0

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Close."""
        await asyncio.sleep(self.after)
        connection.close()


@dataclass(frozen=True, slots=True)
class Reset(NetworkFault):
    """The connection is reset (RST) without one byte of response, *after* seconds."""

    loses_response: ClassVar[bool] = True

    after: float = 0.0

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Reset."""
        await asyncio.sleep(self.after)
        connection.reset()


@dataclass(frozen=True, slots=True)
class CutBody(NetworkFault):
    """The connection breaks after *after_bytes* of the promised body: closed, or reset (RST)."""

    after_bytes: int = 100
    _: KW_ONLY
    reset: bool = False

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Promise all, send a part."""
        response = await respond()
        writer = await connection.open(response, len(response.body))
        await writer.write(response.body[: self.after_bytes])
        if self.reset:
            await asyncio.sleep(0.05)  # a reset may overtake bytes the peer has not read yet
            connection.reset()
        else:
            connection.close()


@dataclass(frozen=True, slots=True)
class Truncated(NetworkFault):
    """Well-formed HTTP whose body ends halfway; its length header agrees with it."""

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Send half as if it were all."""
        response = await respond()
        half = response.body[: len(response.body) // 2]
        await connection.send(HttpResponse(half, response.status, response.headers))


@dataclass(frozen=True, slots=True)
class WrongLength(NetworkFault):
    """The length header promises *extra* bytes that never come; the connection stays open."""

    extra: int = 10

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Promise more than there is."""
        response = await respond()
        writer = await connection.open(response, len(response.body) + self.extra)
        await writer.write(response.body)
        await connection.hang()


@dataclass(frozen=True, slots=True)
class MalformedChunk(NetworkFault):
    """A chunked body whose second chunk size is no number; the connection stays open."""

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Send one good chunk, then a bad one."""
        response = await respond()
        writer = await connection.open(HttpResponse(b"", response.status, response.headers), None)
        await writer.write(response.body[:20])
        await asyncio.sleep(0.05)  # the head is read before the bad chunk arrives
        connection.raw(b"ZZZ\r\n" + response.body[20:40] + b"\r\n")
        await connection.hang()


@dataclass(frozen=True, slots=True)
class MalformedHead(NetworkFault):
    """A status line that is not HTTP."""

    loses_response: ClassVar[bool] = True

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Send noise and close."""
        connection.raw(b"ICY 2OO fine\r\n\x00\x01\r\n\r\n")
        connection.close()


@dataclass(frozen=True, slots=True)
class Redirect(NetworkFault):
    """Another address is named instead of a response."""

    to: str
    status: int = 302

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Name it."""
        await connection.send(HttpResponse(b"", self.status, {"Location": self.to}))


@dataclass(frozen=True, slots=True)
class TooLarge(NetworkFault):
    """A JSON body of *size* bytes, all of them spaces.

    Attributes:
        size: Bytes sent.
        declared: Whether a `Content-Length` tells so beforehand.
    """

    loses_response: ClassVar[bool] = True

    size: int
    _: KW_ONLY
    declared: bool = False

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Send spaces as fast as the peer reads them."""
        writer = await connection.open(
            HttpResponse(b"", headers=JSON), self.size if self.declared else None
        )
        for start in range(0, self.size, _PIECE):
            await writer.write(b" " * min(_PIECE, self.size - start))
        await connection.finish(writer)


@dataclass(frozen=True, slots=True)
class GzipBomb(NetworkFault):
    """A small gzip body that unpacks to *size* bytes."""

    loses_response: ClassVar[bool] = True

    size: int = 256 << 20

    async def send(self, connection: Connection, _respond: Respond) -> None:
        """Send packed spaces."""
        packed = await asyncio.to_thread(_packed_spaces, self.size)
        await connection.send(HttpResponse(packed, headers=JSON | {"Content-Encoding": "gzip"}))


@dataclass(frozen=True, slots=True)
class BadGzip(NetworkFault):
    """A gzip body with a wrong check sum, one that ends early, or one that is no gzip."""

    kind: Literal["crc", "truncated", "noise"] = "crc"

    async def send(self, connection: Connection, respond: Respond) -> None:
        """Pack the response badly."""
        response = await respond()
        body = _bad_gzip(response.body, self.kind)
        headers = {**response.headers, "Content-Encoding": "gzip"}
        await connection.send(HttpResponse(body, response.status, headers))


def _head(response: HttpResponse) -> bytes:
    fields = {**response.headers, "Content-Length": str(len(response.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {response.status} Slow", *(f"{k}: {v}" for k, v in fields.items())]
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
