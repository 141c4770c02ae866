"""Closing one transport."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mediatoolkit.call import Call
from mediatoolkit.errors import ClosedError
from mediatoolkit.transport import Limits, Transport, sessions
from tests.transport.server import Server, head, said, silence

Make = Callable[..., Transport]


async def post(transport: Transport) -> None:
    async with Call(10) as call:
        await transport.post("/x", {"a": 1}, call)


async def test_use_after_close_is_refused_without_a_request(
    server: Server, transport: Transport, tmp_path: Path
) -> None:
    await transport.close()
    await transport.close()

    with pytest.raises(ClosedError, match="acme client is closed"):
        await post(transport)
    with pytest.raises(ClosedError):
        async with Call(5) as call:
            await transport.get("/x", call)
    with pytest.raises(ClosedError):
        async with Call(5) as call:
            await transport.download(server.url, tmp_path / "f", call)
    assert server.connections == 0


@pytest.mark.parametrize("told", [b"", head(Content_Length=9)], ids=["waiting", "receiving"])
async def test_close_fails_what_is_in_flight_and_returns_at_once(
    server: Server, transport: Transport, told: bytes
) -> None:
    server.then(silence(told))
    tasks = [asyncio.create_task(post(transport)) for _ in range(3)]
    while len(server.requests) < 3:
        await asyncio.sleep(0.01)
    started = time.monotonic()

    await transport.close()

    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in results] == [ClosedError] * 3
    assert all(isinstance(each, ClosedError) and each.__context__ is None for each in results)
    assert time.monotonic() - started < 4


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
    assert not transport._flights._open


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
