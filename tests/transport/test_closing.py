"""Closing one transport."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import ClosedError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Receiving, Retrying
from mediatoolkit.runtime.in_flight import over_sessions
from mediatoolkit.transport import Limits, Retry, Transport, sessions
from tests.transport.server import Seen, Server, body, head, said, silence

Make = Callable[..., Transport]
FILM = bytes(range(256)) * 40_000  # 10 MB


async def post(transport: Transport) -> None:
    async with CallContext(10) as context:
        await transport.post("/x", {"a": 1}, context)


async def test_use_after_close_is_refused_without_a_request(
    server: Server, transport: Transport, tmp_path: Path
) -> None:
    await transport.close()
    await transport.close()

    with pytest.raises(ClosedError, match="acme client is closed"):
        await post(transport)
    with pytest.raises(ClosedError):
        async with CallContext(5) as context:
            await transport.get("/x", context)
    with pytest.raises(ClosedError):
        async with CallContext(5) as context:
            await transport.download(server.url, tmp_path / "f", context)
    assert server.connections == 0


@pytest.mark.parametrize("told", [b"", head(Content_Length=9)], ids=["waiting", "receiving"])
async def test_close_fails_what_is_in_flight_and_returns_at_once(
    server: Server, transport: Transport, told: bytes
) -> None:
    server.then(silence(told))
    tasks = [asyncio.create_task(post(transport)) for _ in range(3)]
    while len(server.requests) < 3:
        await asyncio.sleep(0.01)

    await transport.close()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in results] == [ClosedError] * 3
    assert all(isinstance(each, ClosedError) and each.__context__ is None for each in results)
    assert not transport._in_flight._open


async def test_close_fails_what_waits_for_a_slot(server: Server, make: Make) -> None:
    server.then(silence())
    transport = make(limits=Limits(concurrency=1))
    tasks = [asyncio.create_task(post(transport)) for _ in range(2)]
    while not server.requests:
        await asyncio.sleep(0.01)

    await transport.close()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in results] == [ClosedError] * 2
    assert len(server.requests) == 1


async def test_close_reaches_a_call_on_another_loop(server: Server, transport: Transport) -> None:
    server.then(silence())
    elsewhere = asyncio.create_task(asyncio.to_thread(asyncio.run, post(transport)))
    while not server.requests:
        await asyncio.sleep(0.01)

    await transport.close()

    with pytest.raises(ClosedError):
        await elsewhere


async def test_a_cancel_by_the_user_stays_a_cancel(server: Server, transport: Transport) -> None:
    server.then(silence())
    task = asyncio.create_task(post(transport))
    while not server.requests:
        await asyncio.sleep(0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert not transport._in_flight._open


async def test_a_cancel_by_the_user_during_a_close_stays_a_cancel(
    server: Server, transport: Transport
) -> None:
    server.then(silence())
    task = asyncio.create_task(post(transport))
    while not server.requests:
        await asyncio.sleep(0.01)

    task.cancel()
    await transport.close()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_closing_one_leaves_the_session_to_the_others(server: Server, make: Make) -> None:
    server.then(said({}))
    first, second = make(), make()
    await post(first)
    async with first:
        pass

    await post(second)

    assert not sessions.session().closed
    assert server.connections == 1


HALF = head(Content_Length=2 * len(FILM)) + FILM
SITUATIONS: dict[str, tuple[Any, Callable[[Transport, CallContext, Path], Awaitable[object]]]] = {
    "waiting": (silence(), lambda line, context, _: line.post("/x", {}, context)),
    "receiving": (
        silence(head(Content_Length=9)),
        lambda line, context, _: line.get("/x", context),
    ),
    "a stream": (
        silence(head() + b"data: {}\n\ndata: {"),
        lambda line, context, _: line.post(
            "/x", {}, context, expect="events", sink=lambda _response: None
        ),
    ),
    "a pause": (said({}, 503), lambda line, context, _: line.post("/x", {}, context)),
    "a picture": (
        silence(head(Content_Length=99)),
        lambda line, context, _: line.fetch(f"{line.base_url}/x", context),
    ),
    "a small file": (
        silence(head(Content_Length=99)),
        lambda line, context, path: line.download(f"{line.base_url}/x", path, context),
    ),
    "a large file": (
        silence(HALF),
        lambda line, context, path: line.download(f"{line.base_url}/x", path, context),
    ),
}
TOLD = (Receiving, Retrying)


@pytest.mark.parametrize("close", [mt.close, sessions.close], ids=["mt", "sessions"])
@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_close_of_the_sessions_ends_whatever_is_in_flight(
    server: Server, make: Make, tmp_path: Path, name: str, close: Callable[[], Awaitable[None]]
) -> None:
    """Afterwards the same transport goes on with a new session."""
    reply, work = SITUATIONS[name]
    server.then(reply)
    transport = make(retry=Retry(base=1000, cap=1000))
    events: list[Event] = []

    async def use(seconds: float) -> object:
        async with CallContext(seconds, listener=events.append) as context:
            return await work(transport, context, tmp_path / "film.mp4")

    task = asyncio.create_task(use(10_000))
    while not (server.requests and (name == "waiting" or isinstance(events[-1], TOLD))):
        await asyncio.sleep(0.01)

    await close()

    assert not over_sessions._open
    with pytest.raises(ClosedError, match="was closed while this ran; ask again") as caught:
        await task
    is_paid = name in {"waiting", "a stream"}
    assert (caught.value.family, caught.value.may_have_been_billed) == ("closed", is_paid)
    assert caught.value.__context__ is None
    assert not list(tmp_path.iterdir())
    server.script.clear()
    events_come = body(b"data: {}\n\n", Content_Type="text/event-stream")
    server.then(events_come if name == "a stream" else body(b"{}"))
    assert await use(20)


async def test_a_close_of_the_sessions_ends_an_upload(make: Make) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def half_deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        begun.set()
        await over.wait()
        writer.transport.abort()

    async with await asyncio.start_server(half_deaf, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        transport = make(base_url=f"http://127.0.0.1:{port}")
        async with CallContext(60) as context:
            task = asyncio.create_task(transport.post("/x", {"a": "x" * 50_000_000}, context))
            await begun.wait()

            await sessions.close()

            with pytest.raises(ClosedError):
                await task
        over.set()


async def test_a_close_of_the_sessions_ends_what_waits_for_a_slot(
    server: Server, make: Make
) -> None:
    server.then(silence())
    transport = make(limits=Limits(concurrency=1))
    tasks = [asyncio.create_task(post(transport)) for _ in range(3)]
    while not server.requests:
        await asyncio.sleep(0.01)

    await asyncio.gather(sessions.close(), transport.close())

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in results] == [ClosedError] * 3
    assert len(server.requests) == 1


async def test_a_close_of_the_sessions_leaves_other_loops_alone(
    server: Server, transport: Transport
) -> None:
    ready = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> bool:
        await ready.wait()
        return await said({})(writer, seen)

    server.then(reply)
    elsewhere = asyncio.create_task(asyncio.to_thread(asyncio.run, post(transport)))
    while not server.requests:
        await asyncio.sleep(0.01)

    await sessions.close()

    ready.set()
    await elsewhere
