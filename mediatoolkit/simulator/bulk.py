"""Faults in the size and the packing of a body."""

import asyncio
import gzip
import zlib
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Literal

from mediatoolkit.simulator.sent import Sent
from mediatoolkit.simulator.wire import Answer, Ask, Line

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_PIECE = 64 << 10


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
