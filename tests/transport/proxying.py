"""A real proxy on loopback, the only one that knows where some names lead."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.transport.server import head

NAMES = Path(__file__).with_name("names.pem")


def names_context() -> ssl.SSLContext:
    """What a server needs to speak TLS as vendor.example or files.example."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(NAMES)
    return context


@dataclass
class ProxyServer:
    """Forwards plain requests, and tunnels those that ask for it.

    Attributes:
        ports: Where on loopback the names lead.
        login: `user:password` that it insists on, or None.
        refusals: Raw answers to give first, one a request, in place of forwarding.
        lines: First lines of what came in.
        heads: Whole heads of what came in.
        writers: Of all connections, to both sides.
    """

    ports: Mapping[str, int]
    login: str | None = None
    refusals: list[bytes] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = text.split("\r\n")
        self.lines.append(lines[0])
        self.heads.append(text)
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        if self.refusals:
            writer.write(self.refusals.pop(0))
            return True
        if self.login is not None and not self._is_known(text):
            writer.write(head(407, Content_Length=0, Proxy_Authenticate="Basic"))
            return True
        method, target, _ = lines[0].split(" ")
        if method == "CONNECT":
            await self._tunnel(target, reader, writer)
            return False
        name, _, path = target.removeprefix("http://").partition("/")
        kept = [line for line in lines[1:] if not line.lower().startswith("proxy-authorization:")]
        start = "\r\n".join([f"{method} /{path} HTTP/1.1", *kept])
        return await self._forward(name, start.encode() + body, writer)

    def _is_known(self, text: str) -> bool:
        pair = base64.b64encode((self.login or "").encode()).decode()
        return f"Proxy-Authorization: Basic {pair}\r\n" in text

    async def _open(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = name.partition(":")
        number = self.ports[host] if host in self.ports else int(port)
        source, sink = await asyncio.open_connection("127.0.0.1", number)
        self.writers.append(sink)
        return source, sink

    async def _forward(self, name: str, request: bytes, writer: asyncio.StreamWriter) -> bool:
        source, sink = await self._open(name)
        try:
            sink.write(request)
            start = await source.readuntil(b"\r\n\r\n")
            writer.write(start)
            lines = start.decode().split("\r\n")[1:-2]
            fields = dict(line.lower().split(": ", 1) for line in lines)
            await _pump(source, writer, int(fields.get("content-length", 0)))
        finally:
            sink.close()
        return True

    async def _tunnel(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        source, sink = await self._open(name)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        outward = asyncio.ensure_future(_pump(reader, sink))
        try:
            await _pump(source, writer)
        finally:
            outward.cancel()
            await asyncio.gather(outward, return_exceptions=True)
            sink.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close at once, and wait until that is done."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int | None = None
) -> None:
    while size is None or size > 0:
        piece = await reader.read(65536 if size is None else min(size, 65536))
        if not piece:
            break
        size = None if size is None else size - len(piece)
        writer.write(piece)
        await writer.drain()


@contextlib.asynccontextmanager
async def proxying(
    ports: Mapping[str, int], tls: ssl.SSLContext | None = None
) -> AsyncIterator[ProxyServer]:
    proxy = ProxyServer(ports, scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.writers.append(writer)
        tasks.add(asyncio.ensure_future(proxy.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*map(_closed, proxy.writers))
