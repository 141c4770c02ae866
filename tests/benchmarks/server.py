"""A loopback server that is never the slow side; runs in a process of its own.

POST …/gemini-bench-{bytes}-{milliseconds}:generateContent   a picture, after that time
POST …/gemini-bench-tts-{milliseconds}:stream…               speech, its rest after that time
GET  /files/{bytes}                                          a file
GET  /connections                                            how many asked for either
"""

import asyncio
import contextlib
import gc
import re
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.answers import (
    Answer,
    file_answer,
    picture_answer,
    speech_answer,
    text_answer,
)
from tests.benchmarks.measure import stay_on_one_core

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PICTURE = re.compile(rb"/gemini-bench-(\d+)-(\d+):generateContent")
_SPEECH = re.compile(rb"/gemini-bench-tts-(\d+):streamGenerateContent")
_FILE = re.compile(rb"/files/(\d+) ")


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run the server; gives its address."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}"  # it ends with its standard input


class Served(asyncio.Protocol):
    """One connection. No pipelining: the next request comes after the answer."""

    connections = 0

    def __init__(self) -> None:
        """Wait for a request."""
        self._asked = bytearray()
        self._pieces: Iterator[bytes | memoryview] = iter(())
        self._paused = False
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        end = self._asked.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._asked[:end])
        length = _LENGTH.search(head)
        if len(self._asked) >= end + 4 + (int(length[1]) if length else 0):
            self._asked.clear()
            self._answer(self._choose(head))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    def _choose(self, head: bytes) -> Answer:
        if head.startswith(b"GET /connections "):
            return text_answer(str(Served.connections))
        if not self._counted:
            self._counted = True
            Served.connections += 1
        if found := _PICTURE.search(head):
            return picture_answer(int(found[1]), int(found[2]) / 1000)
        if found := _SPEECH.search(head):
            return speech_answer(int(found[1]) / 1000)
        if found := _FILE.search(head):
            return file_answer(int(found[1]))
        return text_answer("not here", "404 Not Found")

    def _answer(self, answer: Answer) -> None:
        self._pieces = answer.pieces()
        if answer.gap:
            self._transport.write(next(self._pieces))
            asyncio.get_running_loop().call_later(answer.gap, self._pump)
        elif answer.delay:
            asyncio.get_running_loop().call_later(answer.delay, self._pump)
        else:
            self._pump()

    def _pump(self) -> None:
        while not self._paused:
            piece = next(self._pieces, None)
            if piece is None or self._transport.is_closing():
                return
            self._transport.write(piece)


async def serve() -> None:
    """Say the port, then serve until standard input ends."""
    stay_on_one_core()
    gc.disable()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Served, "127.0.0.1", 0, backlog=2048)
    done = asyncio.Event()
    loop.add_reader(sys.stdin, done.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()


if __name__ == "__main__":
    asyncio.run(serve())
