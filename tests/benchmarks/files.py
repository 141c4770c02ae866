"""The ways to bring a file to disk. Each imports what it needs only when it is used."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

_CHUNK = 1 << 16
_BLOCK = 1 << 20

FileWay = Callable[[str, list[Path]], Awaitable[None]]
"""Brings the file at an address to every one of the paths, at once if the way can."""


async def by_toolkit(url: str, paths: list[Path]) -> None:
    """`mt.download`."""
    import mediatoolkit as mt

    await asyncio.gather(*(mt.download(url, path) for path in paths))
    await mt.close()


async def by_aiohttp(url: str, paths: list[Path]) -> None:
    """With aiohttp and aiofiles, 64 kB at a time."""
    import aiofiles
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def one(path: Path) -> None:
            async with session.get(url) as response, aiofiles.open(path, "wb") as file:
                async for piece in response.content.iter_chunked(_CHUNK):
                    await file.write(piece)

        await asyncio.gather(*map(one, paths))


async def by_requests(url: str, paths: list[Path]) -> None:
    """One file after the other, 64 kB at a time."""
    import requests

    for path in paths:
        response = requests.get(url, stream=True, timeout=60)  # noqa: ASYNC210 - the old state
        with response, path.open("wb") as file:
            for piece in response.iter_content(_CHUNK):
                file.write(piece)


async def by_raw_socket(url: str, paths: list[Path]) -> None:
    """One file after the other, a megabyte at a time."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 0)
    buffer = memoryview(bytearray(_BLOCK))
    for path in paths:
        with socket.create_connection(address) as line, path.open("wb", buffering=0) as file:
            line.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
            filled = line.recv_into(buffer)
            head, _, start = bytes(buffer[:filled]).partition(b"\r\n\r\n")
            left = int(head.split(b"Content-Length: ")[1]) - file.write(start)
            while left:
                left -= file.write(buffer[: line.recv_into(buffer)])


FILE_WAYS: dict[str, FileWay] = {
    "download": by_toolkit,
    "base": by_aiohttp,
    "requests": by_requests,
    "raw": by_raw_socket,
}
