"""A loopback server that answers exactly what a test scripts, faults included."""

import asyncio
import base64
import contextlib
import json
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

PIXELS = bytes(range(256)) * 12


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    arrived: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Reply = Callable[[asyncio.StreamWriter, Seen], Awaitable[bool]]
"""Writes an answer; returns whether the connection stays open."""


@dataclass
class Server:
    """Answers with what was scripted, one reply a request, the last one for ever."""

    port: int = 0
    scheme: str = "http"
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    script: deque[Reply] = field(default_factory=deque, repr=False)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def then(self, *replies: Reply) -> None:
        self.script.extend(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(method, path, headers, body)
        self.requests.append(seen)
        reply = self.script[0] if len(self.script) == 1 else self.script.popleft()
        stays = await reply(writer, seen)
        await writer.drain()
        return stays


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        tasks.add(task)

        def over(done: asyncio.Task[None]) -> None:
            tasks.discard(done)
            writer.close()

        task.add_done_callback(over)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def head(status: int = 200, **fields: Any) -> bytes:
    lines = [f"HTTP/1.1 {status} Said"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def body(content: bytes, status: int = 200, **fields: Any) -> Reply:
    fields = {"Content_Type": "application/json", "Content_Length": len(content)} | fields
    return raw(head(status, **fields) + content)


def said(document: Any, status: int = 200, **fields: Any) -> Reply:
    return body(json.dumps(document).encode(), status, **fields)


def picture(pixels: bytes = PIXELS) -> Reply:
    return said(picture_document(pixels))


def picture_document(pixels: bytes = PIXELS) -> dict[str, Any]:
    data = base64.b64encode(pixels).decode()
    return {"parts": [{"inlineData": {"mimeType": "image/png", "data": data}}], "id": "r1"}


def raw(data: bytes, *, stays: bool = True) -> Reply:
    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(data)
        return stays

    return reply


def in_pieces(data: bytes, size: int, rest: bytes = b"") -> Reply:
    """Send *data* piece by piece, and the *rest* at once."""

    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(rest)
        return True

    return reply


def hang_up(data: bytes = b"", after: float = 0.0) -> Reply:
    """Close, at once or after a while, with *data* said before."""

    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(after)
        return False

    return reply


def reset(data: bytes = b"") -> Reply:
    """Abort the connection."""

    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return False

    return reply


def silence(data: bytes = b"") -> Reply:
    """Say *data* and then nothing more, with the connection open."""

    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(data)
        await asyncio.Event().wait()
        return False

    return reply
