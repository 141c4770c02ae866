"""Answers that come as server-sent events: handed on as they come, never asked for twice."""

import asyncio
import base64
import json
from typing import Any

import pytest

from mediatoolkit.errors import DeadlineError, ProviderError, TransportError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.transport import Response, StreamEnded, Transport
from tests.transport.server import Seen, Server, body, head, raw, said, silence

PATH = "/v1/speak:stream"


def event(number: int) -> bytes:
    data = base64.b64encode(bytes([number]) * 9).decode()
    return f"data: {json.dumps({'n': number, 'data': data})}\r\n\r\n".encode()


def stream(*parts: bytes) -> Any:
    return body(b"".join(parts), Content_Type="text/event-stream")


async def speak(transport: Transport, context: CallContext) -> list[tuple[int, bytes]]:
    heard: list[tuple[int, bytes]] = []

    def hear(answer: Response) -> None:
        heard.append((answer.document["n"], answer.media_bytes(answer.document["data"])))

    await transport.post(PATH, {}, context, expect="events", sink=hear, query={"alt": "sse"})
    return heard


async def test_every_event_is_handed_on_with_its_media(
    server: Server, transport: Transport
) -> None:
    server.then(stream(event(1), event(2), b"data: [DONE]\n\n"))
    async with CallContext(5) as context:
        assert await speak(transport, context) == [(1, b"\1" * 9), (2, b"\2" * 9)]
    assert server.requests[0].path == f"{PATH}?alt=sse"


async def test_the_first_event_comes_before_the_last_is_sent(
    server: Server, transport: Transport
) -> None:
    """The server sends its last event only when the first one was heard."""
    heard = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, _: Seen) -> bool:
        writer.write(head(Content_Length=len(event(1) + event(2))) + event(1))
        await heard.wait()
        writer.write(event(2))
        return True

    server.then(reply)
    async with CallContext(5) as context:
        numbers: list[int] = []

        def hear(answer: Response) -> None:
            numbers.append(answer.document["n"])
            heard.set()

        await transport.post(PATH, {}, context, expect="events", sink=hear)
    assert numbers == [1, 2]


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b'data: {"error": "no"}\n\n'])
async def test_nothing_behind_the_last_event_is_waited_for(
    server: Server, transport: Transport, end: bytes
) -> None:
    """The listener knows that it is the last one; the server says nothing more, nor hangs up."""

    def hear(answer: Response) -> None:
        if answer.document["n"] == 2:
            raise StreamEnded

    server.then(silence(head(Content_Length=9999) + event(1) + event(2) + end))
    async with CallContext(5) as context:
        await transport.post(PATH, {}, context, expect="events", sink=hear)

    assert len(server.requests) == 1


async def test_a_mark_of_the_end_is_the_end(server: Server, transport: Transport) -> None:
    server.then(silence(head(Content_Length=9999) + event(1) + b"data: [DONE]\n\n"))

    async with CallContext(5) as context:
        assert await speak(transport, context) == [(1, b"\1" * 9)]


async def test_a_stream_that_ended_leaves_its_connection_to_the_next(
    server: Server, transport: Transport
) -> None:
    def hear(_: Response) -> None:
        raise StreamEnded

    server.then(stream(event(1), b"data: [DONE]\n\n"))
    async with CallContext(5) as context:
        for _ in range(3):
            await transport.post(PATH, {}, context, expect="events", sink=hear)

    assert server.connections == 1


@pytest.mark.parametrize("code", [True, -5, 200, 302, 10**9])
async def test_a_code_that_is_no_status_of_an_error_is_none(
    server: Server, transport: Transport, code: int
) -> None:
    error = {"error": {"code": code, "message": "no"}}
    server.then(stream(f"data: {json.dumps(error)}\n\n".encode()))
    async with CallContext(5) as context:
        with pytest.raises(ProviderError) as caught:
            await speak(transport, context)

    assert caught.value.status == 200
    assert "base_url" not in str(caught.value)


async def test_an_error_between_events_is_the_providers(
    server: Server, transport: Transport
) -> None:
    error = {"error": {"code": 503, "message": "overloaded"}}
    server.then(stream(event(1), f"data: {json.dumps(error)}\n\n".encode()))
    async with CallContext(5) as context:
        with pytest.raises(ProviderError) as caught:
            await speak(transport, context)
    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_an_error_may_be_a_text(server: Server, transport: Transport) -> None:
    server.then(stream(b'data: {"error": "too long"}\n\n'))

    with pytest.raises(ProviderError) as caught:
        async with CallContext(20) as context:
            await speak(transport, context)

    assert caught.value.may_have_been_billed


async def test_json_in_place_of_a_stream_is_its_only_event(
    server: Server, transport: Transport
) -> None:
    """Some models of a vendor do not stream; what they send is paid all the same."""
    server.then(said({"n": 1, "data": base64.b64encode(b"ab").decode()}))

    async with CallContext(20) as context:
        assert await speak(transport, context) == [(1, b"ab")]


async def test_a_stream_that_is_cut_is_never_asked_for_again(
    server: Server, transport: Transport
) -> None:
    server.then(raw(head(Content_Length=500) + event(1), stays=False), stream(event(1)))
    async with CallContext(5) as context:
        with pytest.raises(TransportError) as caught:
            await speak(transport, context)
    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_a_stream_that_was_refused_is_asked_for_again(
    server: Server, transport: Transport
) -> None:
    server.then(said({}, 503), stream(event(1)))
    async with CallContext(5) as context:
        assert len(await speak(transport, context)) == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("content", [b"", b": nothing\n\n", b"data: {\n\n"])
async def test_a_stream_without_an_event_is_an_error(
    server: Server, transport: Transport, content: bytes
) -> None:
    server.then(stream(content))
    async with CallContext(5) as context:
        with pytest.raises(ProviderError):
            await speak(transport, context)


async def test_the_deadline_ends_a_stream(server: Server, transport: Transport) -> None:
    server.then(silence())
    with pytest.raises(DeadlineError):
        async with CallContext(0.2) as context:
            await speak(transport, context)


@pytest.mark.parametrize("expect", ["events", "pieces"])
async def test_a_vendor_that_does_not_stream_is_read_all_the_same(
    server: Server, transport: Transport, expect: Any
) -> None:
    """One document came instead of events or pieces; it may have been billed, so it counts."""
    server.then(said({"n": 1, "data": base64.b64encode(b"\1" * 9).decode()}))
    heard: list[bytes] = []

    def hear(answer: Response) -> None:
        heard.append(answer.media_bytes(answer.document["data"]))

    async with CallContext(5) as context:
        await transport.post(PATH, {}, context, expect=expect, sink=hear)

    assert heard == [b"\1" * 9]


async def test_a_vendor_may_send_events_instead_of_pieces(
    server: Server, transport: Transport
) -> None:
    server.then(stream(event(1), event(2)))
    heard: list[int] = []

    async with CallContext(5) as context:
        await transport.post(
            PATH,
            {},
            context,
            expect="pieces",
            sink=lambda answer: heard.append(answer.document["n"]),
        )

    assert heard == [1, 2]


async def test_a_vendor_may_send_pieces_of_sound_instead_of_events(
    server: Server, transport: Transport
) -> None:
    server.then(body(b"\1\2", Content_Type="audio/pcm"))
    heard: list[bytes] = []

    async with CallContext(5) as context:
        await transport.post(
            PATH, {}, context, expect="events", sink=lambda answer: heard.append(answer.content)
        )

    assert heard == [b"\1\2"]


async def test_an_error_in_the_place_of_a_stream_is_raised(
    server: Server, transport: Transport
) -> None:
    server.then(said({"error": {"code": 500, "message": "broken"}}))

    async with CallContext(5) as context:
        with pytest.raises(ProviderError) as caught:
            await transport.post(PATH, {}, context, expect="events", sink=lambda _answer: None)

    assert caught.value.may_have_been_billed
