"""What comes in and what goes out: a request, an answer, and the line between them."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Purpose = Literal["start", "poll", "cancel", "delete", "download", "storage", "list"]
"""What a request is for: to start a generation, to look after it, to cancel or delete it, to fetch
its file from the vendor or from the host the vendor leads to, or to look something up."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        method: Upper case.
        path: Decoded, without the query.
        query: Decoded; reading a repeated name gives its first value.
        headers: As received; reading ignores case.
        body: Parsed JSON; the bytes when they are no JSON; None when there are none.
        origin: The origin that was asked, `sim.url` or `sim.files_url`.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    origin: str

    def values(self, name: str) -> list[str]:
        """Every value of *name* in the query, in order."""
        return [value for key, value in self.query.items() if key == name]

    @property
    def key(self) -> str | None:
        """The vendor key that came along, by header or query, or None."""
        return self.headers.get("x-goog-api-key") or self.query.get("key")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer before it is sent.

    Attributes:
        body: The whole body.
        cuts: Sizes in bytes of the pieces a stream sends; empty sends the body at once.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()


Ask = Callable[[], Awaitable[Answer]]


class Line:
    """The connection of one request, ready to carry an answer or to break.

    Attributes:
        broken: Whether this side broke the connection on purpose.
        complete: Whether a whole answer was sent.
        response: What aiohttp is to finish the request with.
    """

    def __init__(self, request: web.BaseRequest) -> None:
        """Take the line of *request*."""
        self._request = request
        self.broken = False
        self.complete = False
        self.response: web.StreamResponse = web.Response()

    async def send(self, answer: Answer, cuts: tuple[int, ...] = (), pause: float = 0.0) -> None:
        """Send *answer* completely, its body cut into pieces with *pause* seconds between."""
        response = await self.open(answer, len(answer.body))
        first, *rest = split(answer.body, cuts or answer.cuts)
        await response.write(first)
        for piece in rest:
            await asyncio.sleep(pause)
            await response.write(piece)
        await self.finish(response)

    async def open(self, answer: Answer, length: int | None) -> web.StreamResponse:
        """Send the head, promising *length* bytes, or an unknown number of chunks for None."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        if length is None:
            response.enable_chunked_encoding()
        else:
            response.content_length = length
        self.response = response
        await response.prepare(self._request)
        return response

    async def finish(self, response: web.StreamResponse) -> None:
        """End the body."""
        await response.write_eof()
        self.complete = True

    def raw(self, data: bytes) -> None:
        """Send bytes past the HTTP writer."""
        if self._request.transport is not None:
            self._request.transport.write(data)

    def close(self) -> None:
        """Close the connection after what was sent."""
        self.broken = True
        if self._request.transport is not None:
            self._request.transport.close()

    def reset(self) -> None:
        """Reset the connection: the peer sees RST."""
        self.broken = True
        transport = self._request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    async def hang(self) -> None:
        """Say nothing more until the peer leaves or the simulator closes."""
        await asyncio.get_running_loop().create_future()


def split(body: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    """Cut *body* at *sizes*; what is left is the last piece. At least one piece comes back."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(body[start : start + size])
        start += size
    return [piece for piece in (*pieces, body[start:]) if piece] or [b""]
