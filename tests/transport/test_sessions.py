"""Sessions: one per process and loop, closed in time, shown as a table."""

import asyncio
import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest

from mediatoolkit.errors import ClosedError, MediaToolkitError, UnsafeURLError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import SessionRegistry, Transport, sessions
from mediatoolkit.transport.session import PublicResolver
from tests.transport.server import Server, said, serving, silence

Make = Callable[..., Transport]


async def post(transport: Transport) -> None:
    async with CallContext(10) as context:
        await transport.post("/x", {"a": 1}, context)


async def test_one_loop_has_one_session_until_it_is_closed() -> None:
    registry = SessionRegistry()
    first = registry.session()

    assert registry.session() is first
    await registry.close()
    assert first.closed
    assert registry.session() is not first
    assert registry.opened == 2
    await registry.close()
    await registry.close()


async def test_a_session_has_no_cookies_no_environment_and_no_limit() -> None:
    registry = SessionRegistry()
    session = registry.session()

    assert not session.trust_env
    assert type(session.cookie_jar).__name__ == "DummyCookieJar"
    assert session.connector is not None
    assert session.connector.limit == 0
    await registry.close()


def test_a_loop_that_ends_takes_its_session_with_it() -> None:
    registry = SessionRegistry()

    async def use() -> object:
        return registry.session()

    session = asyncio.run(use())

    assert getattr(session, "closed", False)
    assert repr(registry) == "no open sessions"


def test_a_loop_closed_without_notice_leaves_no_warning() -> None:
    registry = SessionRegistry()

    async def use() -> None:
        async with serving() as server:
            server.then(said({}))
            async with registry.session().get(server.url) as response:
                await response.read()

    loops = [asyncio.new_event_loop() for _ in range(2)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for loop in loops:
            loop.run_until_complete(use())
            loop.close()
        asyncio.run(use())
        del loop, loops
        gc.collect()

    assert [str(each.message) for each in caught] == []


async def test_every_loop_has_its_own_session() -> None:
    registry = SessionRegistry()

    async def other() -> object:
        return registry.session()

    there = await asyncio.to_thread(asyncio.run, other())

    assert there is not registry.session()
    await registry.close()


async def test_a_fork_starts_anew() -> None:
    registry = SessionRegistry()
    registry.session()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        asyncio._set_running_loop(None)

        async def use() -> int:
            registry.session()
            return registry.opened

        os._exit(asyncio.run(use()))
    _, status = await asyncio.to_thread(os.waitpid, child, 0)

    assert os.waitstatus_to_exitcode(status) == 1
    await registry.close()


async def test_the_table_counts_per_origin(server: Server, other: Server, make: Make) -> None:
    server.then(said({}))
    other.then(said({}, 400))
    await post(make())
    await post(make())
    with pytest.raises(MediaToolkitError):
        await post(make(base_url=other.url))

    rows = {row.origin: row for row in sessions.rows()}

    first, second = rows[server.url], rows[other.url]
    assert (first.connections, first.in_flight, first.calls, first.errors) == (1, 0, 2, 0)
    assert first.received == 4
    assert (second.calls, second.errors) == (1, 1)
    assert f"{server.url}: 1 connections, 0 in flight, 2 calls, 4 bytes in, 0 errors" in repr(
        sessions
    )
    assert server.url in sessions._repr_html_()


async def test_the_table_escapes_and_says_when_it_is_empty() -> None:
    registry = SessionRegistry()
    assert repr(registry) == "no open sessions"
    assert "no open sessions" in registry._repr_html_()

    registry.stats(registry.session()).of("http://<b>:80").calls += 1

    assert "<b>" not in registry._repr_html_()
    await registry.close()


async def test_close_runs_every_hook_once_even_when_one_fails() -> None:
    registry = SessionRegistry()
    ran: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0)
        ran.append("async")

    def bad() -> None:
        ran.append("bad")
        raise ValueError("hook")

    registry.on_close(lambda: ran.append("plain"))
    registry.on_close(bad)
    registry.on_close(slow)
    session = registry.session()

    with pytest.raises(ValueError, match="hook"):
        await registry.close()
    await registry.close()

    assert sorted(ran) == ["async", "bad", "plain"]
    assert session.closed


async def test_a_hook_can_be_taken_back() -> None:
    registry = SessionRegistry()
    ran: list[int] = []
    take_back = registry.on_close(lambda: ran.append(1))

    take_back()
    take_back()
    await registry.close()

    assert ran == []


async def test_closing_the_registry_fails_what_is_in_flight(
    server: Server, transport: Transport
) -> None:
    server.then(silence())
    task = asyncio.create_task(post(transport))
    while not server.requests:
        await asyncio.sleep(0.01)

    await sessions.close()

    with pytest.raises(ClosedError):
        await task
    assert len(server.requests) == 1


async def test_after_the_registry_closed_a_transport_goes_on(
    server: Server, transport: Transport
) -> None:
    server.then(said({}))
    await post(transport)
    await sessions.close()

    await post(transport)

    assert len(server.requests) == 2


async def test_another_thread_can_close_a_running_loop() -> None:
    registry = SessionRegistry()
    session = registry.session()
    loop = asyncio.get_running_loop()

    assert await asyncio.to_thread(registry.close_from_thread, loop, 2.0)
    assert session.closed


def test_a_stopped_loop_can_be_closed_too() -> None:
    registry = SessionRegistry()
    loop = asyncio.new_event_loop()

    async def use() -> object:
        return registry.session()

    session = loop.run_until_complete(use())

    assert registry.close_from_thread(loop)
    assert getattr(session, "closed", False)
    loop.close()
    assert registry.close_from_thread(loop)


EXIT = """
import asyncio, sys
from mediatoolkit.transport import sessions
loop = asyncio.new_event_loop()
async def use():
    async with sessions.session().get(sys.argv[1]) as response:
        await response.read()
loop.run_until_complete(use())
asyncio.set_event_loop(loop)
"""


async def test_a_process_that_just_ends_warns_of_nothing(server: Server) -> None:
    server.then(said({}))

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-X", "dev", "-W", "error", "-c", EXIT, server.url],
        capture_output=True,
        text=True,
        check=False,
    )

    lines = [line for line in done.stderr.splitlines() if "event loop" not in line]
    assert done.returncode == 0
    assert not [line for line in lines if "session" in line or "transport" in line], done.stderr


async def test_a_name_with_a_private_address_is_not_resolved_for_strangers() -> None:
    with pytest.raises(UnsafeURLError, match="not public"):
        await PublicResolver().resolve("localhost", 80)


def test_importing_the_values_does_not_import_aiohttp() -> None:
    code = (
        "import sys; from mediatoolkit.runtime.context import Timeout;"
        "from mediatoolkit.transport import Retry, Limits, Secret;"
        "import mediatoolkit.transport.guard; sys.exit('aiohttp' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own code

    assert done.returncode == 0
