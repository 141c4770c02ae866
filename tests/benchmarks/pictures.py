"""The ways to ask for a picture. Each imports what it needs only when it is used."""

import abc
import asyncio
import base64
import json
import selectors
import socket
import tempfile
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import aiohttp

KEY = "benchmark"
PROMPT = "a red fox under the stars"
_DOCUMENT = {
    "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
    "generationConfig": {"responseModalities": ["IMAGE"]},
}
_START = 1 << 14
_HEADERS = {"x-goog-api-key": KEY}


class PictureWay(abc.ABC):
    """One way to get pictures of one size from the server.

    Args:
        server: Its address.
        size: Bytes of a picture.
        delay: Seconds until it begins to arrive.
        folder: Where pictures are kept, by a way that keeps them; empty for the temporary folder.
    """

    sessions: ClassVar[str] = "aiohttp.ClientSession"
    """Class whose instances are its sessions, or empty."""

    def __init__(self, server: str, size: int, delay: float = 0.0, folder: str = "") -> None:
        """Open nothing yet."""
        self.server = server
        self.folder = folder
        self.model = f"gemini-bench-{size}-{round(delay * 1000)}"
        self.url = f"{server}/v1/models/{self.model}:generateContent"
        self.stack = AsyncExitStack()

    @abc.abstractmethod
    async def open(self) -> None:
        """Import the library and make what all calls share."""

    @abc.abstractmethod
    async def one(self) -> bytes:
        """Get one picture."""

    async def many(self, count: int) -> list[bytes]:
        """Get *count* pictures at once, if the way can; blocking calls follow one another."""
        return await asyncio.gather(*(self.one() for _ in range(count)))

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what was opened."""
        await self.stack.aclose()


class Client(PictureWay):
    async def open(self) -> None:
        import mediatoolkit as mt

        made = mt.GeminiImageClient(api_key=KEY, base_url=self.server, model=self.model)
        self.maker: mt.GeminiImageClient | mt.ImageGenAgent
        self.maker = await self.stack.enter_async_context(made)
        self.stack.push_async_callback(mt.close)

    async def one(self) -> bytes:
        return (await self.maker.generate(PROMPT)).data


class Agent(Client):
    async def open(self) -> None:
        await super().open()
        import mediatoolkit as mt

        assert isinstance(self.maker, mt.GeminiImageClient)
        self.maker = mt.ImageGenAgent(self.maker, store=self.store())

    def store(self) -> str | None:
        """The folder that pictures are kept in, or None."""
        return None


class AgentWithStore(Agent):
    def store(self) -> str | None:
        return self.stack.enter_context(tempfile.TemporaryDirectory(dir=self.folder or None))


class SharedSession(PictureWay):
    async def open(self) -> None:
        import aiohttp

        self.session = await self.stack.enter_async_context(aiohttp.ClientSession())

    async def one(self) -> bytes:
        return await _posted(self.session, self.url)


class SessionPerCall(PictureWay):
    async def open(self) -> None:
        from aiohttp import ClientSession

        self.session = ClientSession

    async def one(self) -> bytes:
        async with self.session() as session:
            return await _posted(session, self.url)


class Requests(PictureWay):
    sessions = "requests.Session"

    async def open(self) -> None:
        import requests

        self.post = requests.post

    async def one(self) -> bytes:
        response = self.post(self.url, json=_DOCUMENT, headers=_HEADERS, timeout=60)
        return _picture_in(response.json())


class RawSocket(PictureWay):
    sessions = ""

    async def open(self) -> None:
        import pybase64

        self.decode = pybase64.b64decode
        parts = urlsplit(self.url)
        self.address = (parts.hostname or "", parts.port or 0)
        body = json.dumps(_DOCUMENT).encode()
        self.request = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nx-goog-api-key: {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.line = self.stack.enter_context(socket.create_connection(self.address))
        self.buffer = bytearray(_START)

    async def one(self) -> bytes:
        self.line.sendall(self.request)
        reading = _Reading(self.buffer)
        while not reading.take(self.line):
            pass
        return reading.picture(self.decode)

    async def many(self, count: int) -> list[bytes]:
        pictures: list[bytes] = []
        with selectors.DefaultSelector() as ready:
            for _ in range(count):
                line = socket.create_connection(self.address)
                line.sendall(self.request)
                ready.register(line, selectors.EVENT_READ, _Reading(bytearray(_START)))
            while ready.get_map():
                for key, _ in ready.select():
                    if key.data.take(key.fileobj):
                        pictures.append(key.data.picture(self.decode))
                        ready.unregister(key.fileobj)
                        key.fileobj.close()  # type: ignore[union-attr]  # a socket
        return pictures


class _Reading:
    """An answer on its way into one buffer, which grows to fit."""

    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer
        self.filled = 0
        self.length = -1

    def take(self, line: socket.socket) -> bool:
        """Read once; returns whether all has come."""
        count = line.recv_into(memoryview(self.buffer)[self.filled :])
        if not count:
            raise ConnectionResetError
        self.filled += count
        if self.length < 0:
            self._begin()
        return self.filled == self.length

    def _begin(self) -> None:
        end = self.buffer.index(b"\r\n\r\n") + 4
        head = bytes(self.buffer[:end])
        self.length = end + int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        if self.length > len(self.buffer):
            self.buffer.extend(bytes(self.length - len(self.buffer)))

    def picture(self, decode: Any) -> bytes:
        start = self.buffer.index(b'"data": "') + 9
        picture: bytes = decode(memoryview(self.buffer)[start : self.buffer.index(b'"', start)])
        return picture


async def _posted(session: "aiohttp.ClientSession", url: str) -> bytes:
    async with session.post(url, json=_DOCUMENT, headers=_HEADERS) as response:
        return _picture_in(await response.json())


def _picture_in(document: Any) -> bytes:
    return base64.b64decode(document["candidates"][0]["content"]["parts"][0]["inlineData"]["data"])


PICTURE_WAYS: dict[str, type[PictureWay]] = {
    "client": Client,
    "agent": Agent,
    "store": AgentWithStore,
    "base": SharedSession,
    "per call": SessionPerCall,
    "requests": Requests,
    "raw": RawSocket,
}
