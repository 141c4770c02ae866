"""HTTP on loopback: what comes in, what goes out, and the server in between."""

import asyncio
import contextlib
import json
import re
import socket
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, web

JSON = {"Content-Type": "application/json; charset=utf-8"}
HTML = {"Content-Type": "text/html"}
_HOST = "127.0.0.1"
_KEY_FIELDS = ("x-goog-api-key", "xi-api-key", "x-key")
_DISPOSITION = re.compile(r';\s*(name|filename)="([^"]*)"')
_BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?([^";]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a multipart form.

    Attributes:
        name: Of the field, as it came, `image[]` included.
        data: The bytes.
        filename: Of a file, else None.
        mime_type: The part's own `Content-Type`, or None.
    """

    name: str
    data: bytes = field(repr=False)
    filename: str | None = None
    mime_type: str | None = None

    @property
    def text(self) -> str:
        """The bytes as UTF-8."""
        return self.data.decode()


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        method: Upper case.
        path: Decoded, without the query.
        query: Decoded; reading a repeated name gives its first value.
        headers: As received; reading ignores case.
        body: Parsed JSON; a list of `FormPart` for a multipart form; the bytes when they are
            neither; None when there are none.
        data: The bytes of the body.
        origin: The origin that was asked, such as `sim.url` or `sim.files_url`.
        arrived: When it was read, by the monotonic clock, seconds.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    data: bytes = field(repr=False)
    origin: str
    arrived: float = field(default_factory=time.monotonic, compare=False)

    def values(self, name: str) -> list[str]:
        """Every value of *name* in the query, in order."""
        return [value for key, value in self.query.items() if key == name]

    @property
    def key(self) -> str | None:
        """The vendor key that came along, by header or query, or None."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        bearer = token if scheme.lower() in {"bearer", "key", "basic"} else None
        field = next(filter(None, map(self.headers.get, _KEY_FIELDS)), None)
        return field or bearer or self.query.get("key")


class Talk(ABC):
    """What this side does over one WebSocket."""

    @abstractmethod
    def messages(self) -> AsyncGenerator[str | bytes]:
        """What is sent, each when it comes; the socket is closed after the last one."""

    @abstractmethod
    def hear(self, message: str | bytes) -> None:
        """Take what the peer sends."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One response before it is sent.

    Attributes:
        body: The whole body.
        cuts: Sizes in bytes of the pieces a stream sends; empty sends the body at once.
        talk: The connection becomes a WebSocket for this instead of carrying a body.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()
    talk: Talk | None = None


Respond = Callable[[], Awaitable[HttpResponse]]


def json_response(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A response that carries *document*."""
    return HttpResponse(json.dumps(document).encode(), status, {**JSON, **(headers or {})})


def event_stream(events: Iterable[tuple[str, str]], newline: str) -> HttpResponse:
    """Server-sent events, each a name, which may be empty, and its data."""
    pieces = [
        f"{f'event: {name}{newline}' if name else ''}data: {data}{newline * 2}".encode()
        for name, data in events
    ]
    headers = {"Content-Type": "text/event-stream"}
    return HttpResponse(b"".join(pieces), 200, headers, tuple(map(len, pieces)))


class Connection:
    """The connection of one request, ready to carry a response or to break.

    Attributes:
        broken: Whether this side broke the connection on purpose.
        complete: Whether a whole response was sent.
        response: What aiohttp is to finish the request with.
    """

    def __init__(self, request: web.BaseRequest, log: "TrafficLog") -> None:
        """Take the connection of *request*."""
        self._request = request
        self._log = log
        self.broken = False
        self.complete = False
        self.response: web.StreamResponse = web.Response()

    async def send(
        self, response: HttpResponse, cuts: tuple[int, ...] = (), pause: float = 0.0
    ) -> None:
        """Send *response* completely, its body cut into pieces with *pause* seconds between."""
        if response.talk is not None:
            await self._converse(response.talk)
            return
        writer = await self.open(response, len(response.body))
        first, *rest = split(response.body, cuts or response.cuts)
        await writer.write(first)
        for piece in rest:
            await asyncio.sleep(pause)
            await writer.write(piece)
        await self.finish(writer)

    async def open(self, response: HttpResponse, length: int | None) -> web.StreamResponse:
        """Send the head, promising *length* bytes, or an unknown number of chunks for None."""
        writer = web.StreamResponse(status=response.status, headers=response.headers)
        if length is None:
            writer.enable_chunked_encoding()
        else:
            writer.content_length = length
        self.response = writer
        await writer.prepare(self._request)
        return writer

    async def finish(self, writer: web.StreamResponse) -> None:
        """End the body."""
        await writer.write_eof()
        self.complete = True

    async def _converse(self, talk: Talk) -> None:
        """Turn the connection into a WebSocket, and talk until either side closes it."""
        socket = web.WebSocketResponse()
        self.response = socket
        await socket.prepare(self._request)
        speaking = asyncio.create_task(_speak(socket, talk))
        self._log.sockets.add(self)
        try:
            async for message in socket:
                talk.hear(message.data)
        finally:
            # At once: a peer that has closed may hang up before the rest is done.
            self.complete = socket.close_code not in {None, WSCloseCode.ABNORMAL_CLOSURE}
            self._log.sockets.discard(self)
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

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
            # Lingering for 0 seconds makes the system send RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    async def hang(self) -> None:
        """Say nothing more until the peer leaves or the simulator closes."""
        await asyncio.get_running_loop().create_future()


async def _speak(socket: web.WebSocketResponse, talk: Talk) -> None:
    messages = talk.messages()
    with contextlib.suppress(ConnectionError):
        async with contextlib.aclosing(messages):
            async for message in messages:
                if isinstance(message, str):
                    await socket.send_str(message)
                else:
                    await socket.send_bytes(message)
        await socket.close()


def split(body: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    """Cut *body* at *sizes*; what is left is the last piece. At least one piece comes back."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(body[start : start + size])
        start += size
    return [piece for piece in (*pieces, body[start:]) if piece] or [b""]


@dataclass(eq=False, slots=True)
class TrafficLog:
    """What happened at all origins of one simulator, and the WebSockets that are open."""

    requests: list[Request] = field(default_factory=list)
    aborted: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    sockets: set[Connection] = field(default_factory=set)


class HttpServer:
    """An HTTP server on a port of 127.0.0.1.

    Args:
        serve: Carries out one request.
        log: Where requests and broken ones are noted.
    """

    def __init__(
        self, serve: Callable[[Connection, Request], Awaitable[None]], log: TrafficLog
    ) -> None:
        """Prepare; `listen` opens the port."""
        self._serve = serve
        self._log = log
        self._running: dict[asyncio.Task[Any], object] = {}  # and the connection of each
        self._server = _CountingServer(self._take, log)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.2)
        self.url = ""

    @property
    def connections(self) -> int:
        """How many connections peers hold, or left with a request that is not cleared away."""
        return len(self._server.open.union(self._running.values()))

    async def listen(self, port: int) -> None:
        """Open *port*; 0 lets the system choose."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _HOST, port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.url = f"http://{_HOST}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """End every request and connection, free the port."""
        tasks, self._running = self._running, {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._runner.cleanup()

    async def _take(self, incoming: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler always runs in one
        self._running[task] = incoming.protocol
        connection = Connection(incoming, self._log)
        try:
            with contextlib.suppress(ConnectionError):
                await self._carry_out(connection, incoming)
        finally:
            # A peer that leaves is counted; a request that `close` ended is not.
            if not (connection.complete or connection.broken) and task in self._running:
                self._log.aborted += 1
            self._running.pop(task, None)
            self._log.changed.set()
        return connection.response

    async def _carry_out(self, connection: Connection, incoming: web.BaseRequest) -> None:
        data = await incoming.content.read()
        request = Request(
            method=incoming.method,
            path=incoming.path,
            query=incoming.query,
            headers=incoming.headers,
            body=_parsed(data, incoming.headers.get("Content-Type", "")),
            data=data,
            origin=self.url,
        )
        self._log.requests.append(request)
        self._log.changed.set()
        await self._serve(connection, request)


class _CountingServer(web.Server):
    """aiohttp's server, with its connections counted the moment they come and go."""

    def __init__(self, serve: Any, log: TrafficLog) -> None:
        super().__init__(serve, handler_cancellation=True, access_log=None)
        self.open: set[object] = set()
        self._log = log

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.open.add(handler)
        self._log.changed.set()

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.open.discard(handler)
        self._log.changed.set()


def _parsed(data: bytes, content_type: str) -> Any:
    """A form, JSON, the bytes when they are neither, or None when there are none."""
    if not data:
        return None
    boundary = _BOUNDARY.match(content_type)
    if boundary is not None:
        return _form_parts(data, boundary[1].encode())
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data


def _form_parts(data: bytes, boundary: bytes) -> list[FormPart]:
    """The parts of a form between its boundaries; RFC 7578."""
    parts = []
    for section in (b"\r\n" + data).split(b"\r\n--" + boundary)[1:-1]:
        head, _, body = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = dict(line.partition(": ")[::2] for line in head.decode().split("\r\n"))
        headers = {name.lower(): value for name, value in headers.items()}
        names = dict(_DISPOSITION.findall(headers.get("content-disposition", "")))
        mime_type = headers.get("content-type")
        parts.append(FormPart(names.get("name", ""), body, names.get("filename"), mime_type))
    return parts
