"""Messages of a WebSocket: read within caps and time, closed at once, the key kept at home."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import aiohttp
import pytest
from aiohttp import web

from mediatoolkit.errors import (
    AuthenticationError,
    ClosedError,
    DeadlineError,
    ProviderError,
    TooLargeError,
    TransportError,
    UnsafeURLError,
)
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.transport import Limits, Secret, Transport, sessions, websocket

KEY = "key-of-the-socket"
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


class Talker:
    """A server whose WebSocket says what a test scripts."""

    def __init__(self) -> None:
        """Say nothing yet."""
        self.requests: list[web.Request] = []
        self.is_left = asyncio.Event()
        self.talk: Talk | None = None
        self.status = 0
        self.location = ""
        self.url = ""

    async def respond(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.talk is None:
            return web.Response(status=self.status, headers={"Location": self.location})
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        try:
            await self.talk(socket)
            async for _ in socket:  # until the other side leaves
                pass
        finally:
            self.is_left.set()
        return socket


@pytest.fixture
async def talker() -> AsyncIterator[Talker]:
    talker = Talker()
    app = web.Application()
    app.router.add_get("/base/ws", talker.respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    talker.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield talker
    await sessions.close()
    await runner.cleanup()


@pytest.fixture
def transport(talker: Talker) -> Transport:
    return transport_to(talker)


def transport_to(talker: Talker, **options: object) -> Transport:
    return Transport(
        f"{talker.url}/base",
        provider="acme",
        secret=Secret(KEY, "ACME_KEY"),
        auth_header="x-acme-key",
        **options,  # type: ignore[arg-type]
    )


async def read(transport: Transport, seconds: float = 20.0) -> list[str | bytes]:
    async with (
        CallContext(seconds) as context,
        aclosing(transport.messages("/ws", context)) as all_,
    ):
        return [message async for message in all_]


def saying(*messages: str | bytes, code: int = 1000) -> Talk:
    async def talk(socket: web.WebSocketResponse) -> None:
        for message in messages:
            send = socket.send_str if isinstance(message, str) else socket.send_bytes
            await send(message)  # type: ignore[arg-type]
        await socket.close(code=code)

    return talk


async def silent(_socket: web.WebSocketResponse) -> None:
    """Say nothing, and stay."""


async def test_messages_come_in_order_until_the_server_says_good_bye(
    talker: Talker, transport: Transport
) -> None:
    talker.talk = saying("one", b"\x00\x01", "three")

    assert await read(transport) == ["one", b"\x00\x01", "three"]


async def test_the_key_and_the_query_go_along(talker: Talker, transport: Transport) -> None:
    talker.talk = saying()

    async with CallContext(20) as context:
        async for _ in transport.messages("/ws", context, query={"clientId": "a b"}):
            pass

    (request,) = talker.requests
    assert request.headers["x-acme-key"] == KEY
    assert request.query["clientId"] == "a b"


async def test_a_message_over_the_cap_is_not_read(talker: Talker) -> None:
    talker.talk = saying("small", "x" * 2000)

    with pytest.raises(TooLargeError, match=r"Limits\(image="):
        await read(transport_to(talker, limits=Limits(image=1000)))


async def test_all_messages_together_have_a_cap(talker: Talker) -> None:
    talker.talk = saying(*["x" * 400] * 4)

    with pytest.raises(TooLargeError):
        await read(transport_to(talker, limits=Limits(video=1000)))


async def test_the_number_of_messages_has_a_cap(
    talker: Talker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MOST_MESSAGES", 3)
    talker.talk = saying(*"abcd")

    with pytest.raises(TooLargeError):
        await read(transport)


async def test_the_deadline_ends_a_silence_and_closes_the_socket(
    talker: Talker, transport: Transport
) -> None:
    talker.talk = silent

    with pytest.raises(DeadlineError):
        await read(transport, 0.2)

    await asyncio.wait_for(talker.is_left.wait(), 60)


async def test_a_cancel_closes_the_socket(talker: Talker, transport: Transport) -> None:
    connected = asyncio.Event()

    async def talk(_socket: web.WebSocketResponse) -> None:
        connected.set()

    talker.talk = talk
    reading = asyncio.create_task(read(transport))
    await connected.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    await asyncio.wait_for(talker.is_left.wait(), 60)
    assert all(row.in_flight == 0 for row in sessions.rows())


async def test_a_reader_that_leaves_early_closes_the_socket(
    talker: Talker, transport: Transport
) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("first")

    talker.talk = talk
    async with CallContext(20) as context, aclosing(transport.messages("/ws", context)) as messages:
        assert await anext(messages) == "first"

    await asyncio.wait_for(talker.is_left.wait(), 60)


async def test_closing_the_transport_ends_the_reading(talker: Talker, transport: Transport) -> None:
    connected = asyncio.Event()

    async def talk(_socket: web.WebSocketResponse) -> None:
        connected.set()

    talker.talk = talk
    reading = asyncio.create_task(read(transport))
    await connected.wait()
    await transport.close()

    with pytest.raises(ClosedError):
        await reading


@pytest.mark.parametrize(
    ("status", "error", "family"),
    [
        (200, ProviderError, "protocol"),
        (401, AuthenticationError, "auth"),
        (503, ProviderError, "server"),
    ],
)
async def test_a_server_without_a_socket_is_a_typed_error(
    talker: Talker, transport: Transport, status: int, error: type[ProviderError], family: str
) -> None:
    talker.status = status

    with pytest.raises(error) as caught:
        await read(transport)

    assert (caught.value.status, caught.value.family) == (status, family)
    assert caught.value.provider == "acme"


async def test_a_redirect_is_not_followed(talker: Talker, transport: Transport) -> None:
    """Else the key would go to wherever it leads."""
    talker.status, talker.location = 302, f"{talker.url}/base/ws?again"

    with pytest.raises(ProviderError, match="Redirects are not followed"):
        await read(transport)

    assert len(talker.requests) == 1


@pytest.mark.parametrize("code", [1011, 4000])
async def test_a_server_that_closes_for_an_error_is_a_typed_error(
    talker: Talker, transport: Transport, code: int
) -> None:
    talker.talk = saying("one", code=code)

    with pytest.raises(TransportError, match=str(code)):
        await read(transport)


async def test_a_connection_that_breaks_is_a_typed_error(
    talker: Talker, transport: Transport
) -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("one")
        transport_of_socket = socket.get_extra_info("socket")
        assert transport_of_socket is not None
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()

    talker.talk = talk

    with pytest.raises(TransportError):
        await read(transport)


async def test_nobody_there_is_a_typed_error_without_the_key(talker: Talker) -> None:
    transport = Transport(
        "http://127.0.0.1:9", provider="acme", secret=Secret(KEY, "K"), timeout=Timeout(connect=2)
    )

    with pytest.raises(TransportError) as caught:
        await read(transport)

    assert KEY not in repr(caught.value)
    assert caught.value.__context__ is None
    assert not talker.requests


async def test_an_odd_path_is_refused(transport: Transport) -> None:
    async with CallContext(20) as context:
        with pytest.raises((UnsafeURLError, ValueError)):
            transport.messages("/../ws", context)


async def test_a_session_of_the_users_is_used_and_left_open(talker: Talker) -> None:
    talker.talk = saying("one")

    async with aiohttp.ClientSession() as session:
        assert await read(transport_to(talker, session=session)) == ["one"]
        assert not session.closed
