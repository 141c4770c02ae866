"""Large bodies that are received past aiohttp's parser, and come out like any other."""

import asyncio
import errno
import gzip
import os
import random
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mediatoolkit.errors import ClosedError, DeadlineError, StorageError, TransportError
from mediatoolkit.runtime.context import CallContext, Listener, Timeout
from mediatoolkit.runtime.events import Event, Receiving
from mediatoolkit.transport import Transport, download, downloads, sessions, takeover
from mediatoolkit.transport.downloads import OpenResponse
from mediatoolkit.transport.retry import FailedAttempt
from mediatoolkit.transport.spool import Spool
from tests.deadline import cut_short
from tests.transport.server import (
    Reply,
    Seen,
    Server,
    body,
    hang_up,
    head,
    in_pieces,
    raw,
    reset,
    said,
    serving,
    silence,
)

Make = Callable[..., Transport]
Intake = takeover._Intake
FILM = random.Random(3).randbytes(20_000_003)  # noqa: S311 - noise, no secret
TAG = '"v1"'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that must hold nothing but the finished film, if that."""
    made = tmp_path / "out"
    made.mkdir()
    yield made
    assert {each.name for each in made.iterdir()} <= {"film.mp4"}
    assert not takeover._intakes


@pytest.fixture
def intakes(monkeypatch: pytest.MonkeyPatch) -> list[Intake]:
    """Every take-over there is, in order."""
    found: list[Intake] = []
    enter = Intake.__enter__

    def entered(self: Intake) -> Intake:
        found.append(self)
        return enter(self)

    monkeypatch.setattr(Intake, "__enter__", entered)
    return found


@pytest.fixture(params=["plain", "tls"])
async def line(request: Any, make: Make) -> AsyncIterator[tuple[Server, Transport]]:
    """A server and a transport to it."""
    if request.param == "plain":
        async with serving() as server:
            yield server, make(base_url=server.url)
        return
    pem = Path(__file__).with_name("loopback.pem")  # good for 127.0.0.1 and nothing else
    hears = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    hears.load_cert_chain(pem)
    trusts = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=pem))
    async with serving(hears) as server, aiohttp.ClientSession(connector=trusts) as session:
        yield server, make(base_url=server.url, session=session)


async def bring(
    transport: Transport, folder: Path, *, seconds: float = 30, listener: Listener | None = None
) -> bytes:
    async with CallContext(seconds, listener=listener) as context:
        path = await transport.download(f"{transport.base_url}/film", folder / "film.mp4", context)
    return path.read_bytes()


def parts(folder: Path) -> list[Path]:
    """Files that have begun to come."""
    return [each for each in folder.glob(".*.part") if each.stat().st_size]


async def until_parts(folder: Path) -> None:
    while not parts(folder):
        await asyncio.sleep(0.01)


def ranged(cut: int, ending: Callable[[bytes], Reply]) -> Reply:
    """A file server whose answers end so after *cut* bytes."""

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> bool:
        asked = seen.headers.get("range")
        at = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        fields: dict[str, Any] = {"ETag": TAG, "Content_Length": len(FILM) - at}
        if at:
            fields["Content_Range"] = f"bytes {at}-{len(FILM) - 1}/{len(FILM)}"
        said = head(206 if at else 200, **fields) + FILM[at : at + cut]
        return await (raw(said) if at + cut >= len(FILM) else ending(said))(writer, seen)

    return reply


async def test_a_connection_is_lent_and_given_back(
    line: tuple[Server, Transport], folder: Path, intakes: list[Intake]
) -> None:
    """Fails when aiohttp's or asyncio's behaviour moves: see what `takeover` says it needs."""
    server, transport = line
    server.then(body(FILM), body(FILM[::-1]), said({"n": 1}), body(FILM), said({"n": 2}))

    assert await bring(transport, folder) == FILM
    assert await bring(transport, folder) == FILM[::-1]
    async with CallContext(5) as context:
        assert (await transport.post("/x", {}, context)).document == {"n": 1}
    assert await bring(transport, folder) == FILM
    async with CallContext(5) as context:
        assert (await transport.post("/x", {}, context)).document == {"n": 2}

    assert len(intakes) == 3
    assert server.connections == 1


@pytest.mark.parametrize("size", [1, 1 << 10, 1 << 16, 1 << 22, 1 << 26])
async def test_what_came_with_the_head_is_not_lost(
    server: Server, make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """It is in aiohttp's hands then: read, or held back unparsed, or all there already."""
    open_at_once = downloads.open_url

    async def open_url(*args: Any) -> OpenResponse | FailedAttempt:
        response = await open_at_once(*args)
        await asyncio.sleep(0.1)
        return response

    monkeypatch.setattr(downloads, "open_url", open_url)
    server.then(body(FILM))

    async with aiohttp.ClientSession(read_bufsize=size) as session:
        assert await bring(make(session=session), folder) == FILM


async def test_progress_counts_every_byte(
    server: Server, transport: Transport, folder: Path, intakes: list[Intake]
) -> None:
    heard: list[Event] = []
    server.then(in_pieces(head(Content_Length=len(FILM)) + FILM, 100_000))

    await bring(transport, folder, listener=heard.append)

    steps = [event.received for event in heard if isinstance(event, Receiving)]
    assert steps == sorted(steps)
    assert sessions.stats(transport._session()).of(f"{server.url}").received == len(FILM)
    assert len(intakes) == 1


@pytest.mark.parametrize("ending", [hang_up, reset], ids=["cut", "reset"])
async def test_a_lost_connection_is_mended_from_where_it_was(
    line: tuple[Server, Transport],
    folder: Path,
    intakes: list[Intake],
    ending: Callable[[bytes], Reply],
) -> None:
    server, transport = line
    server.then(ranged(6_000_000, ending))

    assert await bring(transport, folder) == FILM
    asked = [seen.headers.get("range") for seen in server.requests]
    if ending is hang_up:
        assert asked == [None, *(f"bytes={at}000000-" for at in (6, 12, 18))]
    assert len(intakes) == 3  # of 20, 14 and 8 MB; 2 MB are too few


@pytest.mark.parametrize("ending", [hang_up, reset], ids=["cut", "reset"])
async def test_what_never_arrives_whole_leaves_nothing(
    line: tuple[Server, Transport],
    folder: Path,
    intakes: list[Intake],
    ending: Callable[[bytes], Reply],
) -> None:
    server, transport = line
    server.then(ending(head(Content_Length=len(FILM)) + FILM[:-1]))

    with pytest.raises(TransportError, match="cut short"):
        await bring(transport, folder)

    assert len(server.requests) == len(intakes) == 4
    assert not list(folder.iterdir())


async def test_silence_ends_it_where_a_read_time_out_is_set(
    server: Server, make: Make, folder: Path, intakes: list[Intake]
) -> None:
    server.then(silence(head(Content_Length=len(FILM)) + FILM[:-1]))
    transport = make(timeout=Timeout(read=0.2))

    with pytest.raises(DeadlineError, match=r"stayed silent for 0\.2 s"):
        await bring(transport, folder)

    assert intakes
    assert not list(folder.iterdir())


async def test_a_read_time_out_does_not_end_what_is_only_slow(
    server: Server, make: Make, folder: Path, intakes: list[Intake]
) -> None:
    """Its clock starts again with every piece, and aiohttp's own has stopped."""

    async def slowly(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(head(Content_Length=len(FILM)))
        for at in range(0, len(FILM), 1_000_000):
            writer.write(FILM[at : at + 1_000_000])
            await asyncio.sleep(0.1)
        return True

    server.then(slowly, body(b""))
    transport = make(timeout=Timeout(read=1))

    assert await bring(transport, folder) == FILM
    assert await bring(transport, folder) == b""
    assert len(server.requests) == 2
    assert len(intakes) == server.connections == 1


def endless(gone: asyncio.Event) -> Reply:
    """Sends a body that is never whole; tells when the other side has closed."""

    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(head(Content_Length=1 << 30))
        try:
            while True:
                writer.write(FILM[:10_000])
                await writer.drain()
                await asyncio.sleep(0.001)
        except ConnectionError:
            gone.set()
            return False

    return reply


async def test_a_cancel_closes_the_connection_and_removes_the_file(
    line: tuple[Server, Transport], folder: Path, intakes: list[Intake]
) -> None:
    server, transport = line
    gone = asyncio.Event()
    server.then(endless(gone))
    task = asyncio.create_task(bring(transport, folder))
    await until_parts(folder)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not list(folder.iterdir())
    await asyncio.wait_for(gone.wait(), 60)
    assert intakes


async def test_a_session_that_is_closed_meanwhile_does_not_wait(
    server: Server, make: Make, folder: Path, intakes: list[Intake]
) -> None:
    """Its close waits until the protocol has heard that the connection is gone."""
    server.then(endless(asyncio.Event()))
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(bring(make(session=session), folder))
        await until_parts(folder)

        await asyncio.wait_for(session.close(), 60)

        with pytest.raises(ClosedError):
            await task
    assert intakes


async def test_the_deadline_closes_the_connection_and_removes_the_file(
    server: Server, transport: Transport, folder: Path, intakes: list[Intake]
) -> None:
    gone = asyncio.Event()
    server.then(endless(gone))

    with pytest.raises(DeadlineError) as caught:
        await cut_short(
            lambda context: transport.download(server.url, folder / "film.mp4", context),
            lambda _call: parts(folder),
        )

    assert caught.value.stage == "receiving"
    assert not list(folder.iterdir())
    await asyncio.wait_for(gone.wait(), 60)
    assert intakes


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ZeroDivisionError])
def test_what_a_listener_raises_passes_unchanged(
    folder: Path, intakes: list[Intake], fault: type[BaseException]
) -> None:
    """Ctrl-C too comes to light there, in the middle of the body."""

    def stop(event: Event) -> None:
        if isinstance(event, Receiving) and event.received > 2_000_000:
            raise fault

    async def work() -> None:
        async with serving() as server:
            server.then(in_pieces(head(Content_Length=1 << 30) + FILM * 20, 1_000_000))
            async with CallContext(30, listener=stop) as context:
                await download(server.url, folder / "film.mp4", context)

    with pytest.raises(fault):
        asyncio.run(work())
    assert intakes
    assert not list(folder.iterdir())


async def test_a_surplus_is_neither_written_nor_taken_for_the_next_answer(
    line: tuple[Server, Transport], folder: Path, intakes: list[Intake]
) -> None:
    server, transport = line
    server.then(body(FILM + b"HTTP/1.1 200 OK\r\n\r\n", Content_Length=len(FILM)), said({}))

    assert await bring(transport, folder) == FILM
    async with CallContext(5) as context:
        await transport.post("/x", {}, context)

    assert intakes
    assert server.connections == 2


async def test_a_server_that_closes_after_the_body_is_no_fault(
    line: tuple[Server, Transport], folder: Path, intakes: list[Intake]
) -> None:
    server, transport = line
    server.then(hang_up(head(Content_Length=len(FILM)) + FILM), said({}))

    assert await bring(transport, folder) == FILM
    async with CallContext(5) as context:
        await transport.post("/x", {}, context)
    assert len(intakes) == 1


@pytest.mark.parametrize(
    "reply",
    [
        body(gzip.compress(FILM, 0), Content_Encoding="gzip"),
        raw(head(Transfer_Encoding="chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(FILM), FILM)),
        hang_up(head() + FILM),
    ],
    ids=["packed", "in chunks", "without a length"],
)
async def test_what_needs_a_parser_is_never_taken_over(
    server: Server, transport: Transport, folder: Path, intakes: list[Intake], reply: Reply
) -> None:
    server.then(reply)

    assert await bring(transport, folder) == FILM
    assert not intakes


async def test_what_another_session_unpacks_is_never_taken_over(
    server: Server, make: Make, folder: Path, intakes: list[Intake]
) -> None:
    server.then(body(gzip.compress(FILM, 0), Content_Encoding="gzip"))

    async with aiohttp.ClientSession() as session:
        assert await bring(make(session=session), folder) == FILM
    assert not intakes


async def test_a_slow_disk_stops_the_sender(
    server: Server,
    transport: Transport,
    folder: Path,
    intakes: list[Intake],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory is bounded: with all buffers full nothing more is read."""
    ready = asyncio.Event()
    put = Spool._write_batch

    async def later(self: Spool, *given: Any) -> None:
        await ready.wait()
        await put(self, *given)

    monkeypatch.setattr(Spool, "_write_batch", later)
    server.then(body(FILM))
    task = asyncio.create_task(bring(transport, folder))
    while not intakes or intakes[0]._filling is not None:
        await asyncio.sleep(0.01)

    assert intakes[0]._buffer_count == 3
    assert not intakes[0]._transport.is_reading()
    ready.set()
    assert await task == FILM


async def test_a_full_disk_is_a_storage_error_and_closes_the_connection(
    server: Server,
    transport: Transport,
    folder: Path,
    intakes: list[Intake],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    gone = asyncio.Event()
    monkeypatch.setattr(Spool, "_write_batch", full)
    server.then(endless(gone))

    with pytest.raises(StorageError, match="No space left"):
        await bring(transport, folder)

    assert len(server.requests) == len(intakes) == 1
    assert not list(folder.iterdir())
    await asyncio.wait_for(gone.wait(), 60)


async def test_many_at_once_do_not_mix(
    server: Server, transport: Transport, tmp_path: Path, intakes: list[Intake]
) -> None:
    async def one(number: int) -> None:
        async with CallContext(30) as context:
            path = await transport.download(server.url, tmp_path / str(number), context)
        assert path.read_bytes() == FILM

    server.then(body(FILM))
    await asyncio.gather(*map(one, range(6)))

    assert len(intakes) == 6
