"""Calls against a server that behaves."""

import asyncio
import base64
import codecs
import contextlib
import gzip
import json
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from mediatoolkit.errors import (
    AuthenticationError,
    ClosedError,
    DeadlineError,
    MediaError,
    PromptError,
    ProviderError,
    TooLargeError,
    TransportError,
    UnsafeURLError,
)
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Connecting, Event, Queued, Receiving, Retrying, Waiting
from mediatoolkit.transport import Limits, Secret, Transport, sessions
from tests.transport.conftest import KEY
from tests.transport.server import (
    PIXELS,
    Server,
    body,
    head,
    in_pieces,
    picture,
    picture_document,
    raw,
    said,
    silence,
)

Make = Callable[..., Transport]
FOX = {"prompt": "a red fox"}


async def test_a_post_brings_the_picture_and_the_document(
    server: Server, transport: Transport
) -> None:
    server.then(said(picture_document(), X_Request_Id="r-7"))

    async with CallContext(5) as context:
        answer = await transport.post("/v1/draw:now", FOX, context)

    reference = answer.document["parts"][0]["inlineData"]["data"]
    assert answer.media_bytes(reference) == PIXELS
    assert answer.document["id"] == "r1"
    assert (answer.status, answer.request_id, answer.headers["x-request-id"]) == (200, "r-7", "r-7")
    assert context.may_have_been_billed, (
        "the work is done; what becomes of it later is another matter"
    )
    seen = server.requests[0]
    assert (seen.method, seen.path, seen.json) == ("POST", "/v1/draw:now", FOX)


async def test_the_request_carries_key_and_name_and_asks_for_no_packing(
    server: Server, transport: Transport
) -> None:
    server.then(said({}))

    async with CallContext(5) as context:
        await transport.post("/x", FOX, context, headers={"X-More": "yes"})

    fields = server.requests[0].headers
    assert fields["x-acme-key"] == KEY
    assert fields["user-agent"].startswith("mediatoolkit/")
    assert fields["accept-encoding"] == "identity"
    assert fields["content-type"] == "application/json"
    assert fields["x-more"] == "yes"
    assert "cookie" not in fields


async def test_a_get_sends_its_query(server: Server, make: Make) -> None:
    server.then(said({"state": "done"}))
    transport = make(base_url=server.url + "/prefix/", auth_prefix="Bearer ")

    async with CallContext(5) as context:
        answer = await transport.get("/jobs/7", context, query={"a": "b c"})

    assert answer.document == {"state": "done"}
    assert server.requests[0].path == "/prefix/jobs/7?a=b+c"
    assert server.requests[0].headers["x-acme-key"] == f"Bearer {KEY}"


async def test_reference_pictures_travel_as_base64(server: Server, transport: Transport) -> None:
    server.then(said({}))
    pixels = PIXELS * 2000  # larger than any single write

    async with CallContext(10) as context:
        await transport.post("/x", {"parts": [{"data": pixels}]}, context)

    sent = server.requests[0].json["parts"][0]["data"]
    assert base64.b64decode(sent, validate=True) == pixels


@pytest.mark.parametrize("size", [1, 100, 65_536])
async def test_an_answer_in_pieces_or_chunks_is_the_same(
    server: Server, transport: Transport, size: int
) -> None:
    content = json.dumps(picture_document()).encode()
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(content[at : at + size]), content[at : at + size])
        for at in range(0, len(content), size)
    )
    server.then(
        in_pieces(head(Content_Length=len(content)) + content, size),
        in_pieces(head(Transfer_Encoding="chunked") + chunks + b"0\r\n\r\n", 1000),
    )

    for _ in range(2):
        async with CallContext(10) as context:
            answer = await transport.post("/x", FOX, context)
        assert answer.media_bytes(answer.document["parts"][0]["inlineData"]["data"]) == PIXELS


async def test_a_large_picture_arrives_whole(server: Server, transport: Transport) -> None:
    pixels = PIXELS * 2730  # 8 MB
    content = json.dumps(picture_document(pixels)).encode()
    server.then(in_pieces(head(Content_Length=len(content)) + content, 65_536))

    async with CallContext(20) as context:
        answer = await transport.post("/x", FOX, context)

    assert answer.media_bytes(answer.document["parts"][0]["inlineData"]["data"]) == pixels


async def test_the_call_hears_what_happens(server: Server, transport: Transport) -> None:
    server.then(picture())
    heard: list[Event] = []

    async with CallContext(5, listener=heard.append) as context:
        await transport.post("/x", FOX, context)

    assert [type(event) for event in heard] == [Connecting, Waiting, Receiving]


async def test_thousand_calls_open_one_session_and_no_more_connections_than_slots(
    server: Server, make: Make
) -> None:
    server.then(said({}))
    transport = make(limits=Limits(concurrency=8))
    before = sessions.opened
    heard: list[Event] = []

    async def one() -> None:
        async with CallContext(100, listener=heard.append) as context:
            await transport.post("/x", FOX, context)

    await asyncio.gather(*(one() for _ in range(1000)))

    assert sessions.opened - before == 1
    assert len(server.requests) == 1000
    assert server.connections <= 8
    assert any(isinstance(event, Queued) for event in heard)


async def test_a_rate_spaces_the_requests(server: Server, make: Make) -> None:
    server.then(said({}))
    transport = make(limits=Limits(per_second=20))
    started = time.monotonic()

    for _ in range(4):
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)

    assert time.monotonic() - started > 0.1


PLAIN = json.dumps(picture_document()).encode()
PACKED = gzip.compress(PLAIN)
PAID = {
    "gzip": ("gzip", PACKED),
    "gzip in upper case, and nothing more": ("GZIP, identity", PACKED),
    "gzip of several members": ("gzip", gzip.compress(PLAIN[:99]) + gzip.compress(PLAIN[99:])),
    "gzip with padding": ("gzip", PACKED + bytes(500_000)),
    "gzip with rubbish": ("x-gzip", PACKED + b"tail"),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "deflate without its frame": ("deflate", zlib.compress(PLAIN, wbits=-15)),
    "deflate not packed at all": ("deflate", zlib.compress(PLAIN, 0, wbits=-15)),
    "deflate with padding": ("deflate", zlib.compress(PLAIN) + bytes(9)),
    "gzip that is called deflate": ("deflate", PACKED),
    "gzip that a proxy has unpacked": ("gzip", PLAIN),
    "deflate that is called gzip": ("gzip", zlib.compress(PLAIN)),
    "a mark": ("", codecs.BOM_UTF8 + PLAIN),
    "a packed mark": ("gzip", gzip.compress(codecs.BOM_UTF8 + PLAIN)),
    "UTF-16 with a mark": ("", PLAIN.decode().encode("utf-16")),
    "UTF-16, little end": ("", PLAIN.decode().encode("utf-16-le")),
    "UTF-16, big end": ("", PLAIN.decode().encode("utf-16-be")),
    "UTF-32 with a mark": ("", PLAIN.decode().encode("utf-32")),
    "UTF-32": ("", PLAIN.decode().encode("utf-32-be")),
}


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
@pytest.mark.parametrize(("encoding", "content"), PAID.values(), ids=PAID.keys())
async def test_a_whole_answer_is_read_however_it_is_wrapped(
    server: Server, transport: Transport, encoding: str, content: bytes, size: int
) -> None:
    """It has been paid for."""
    fields: dict[str, Any] = {"Content_Length": len(content)}
    if encoding:
        fields["Content_Encoding"] = encoding
    start = len(content) if size > 1 else 200
    server.then(in_pieces(head(**fields) + content[:start], size, content[start:]))

    async with CallContext(20) as context:
        answer = await transport.post("/x", FOX, context)

    assert answer.media_bytes(answer.document["parts"][0]["inlineData"]["data"]) == PIXELS
    assert answer.document["id"] == "r1"


async def test_a_stream_may_begin_with_a_mark(server: Server, transport: Transport) -> None:
    server.then(body(codecs.BOM_UTF8 + b"data: 1\n\n", Content_Type="text/event-stream"))
    documents: list[object] = []

    async with CallContext(20) as context:
        await transport.post(
            "/x",
            FOX,
            context,
            expect="events",
            sink=lambda answer: documents.append(answer.document),
        )

    assert documents == [1]


DAMAGED = {
    "no trailer": ("gzip", PACKED[:-8]),
    "cut trailer": ("gzip", PACKED[:-1]),
    "wrong checksum": ("gzip", PACKED[:-8] + b"\0" * 8),
    "garbage": ("gzip", b"\x1f\x8bgzip"),
    "nothing": ("gzip", b""),
    "cut second member": ("gzip", PACKED + PACKED[:-9]),
    "cut deflate": ("deflate", zlib.compress(PLAIN)[:-1]),
    "cut deflate without its frame": ("deflate", zlib.compress(PLAIN, wbits=-15)[:-1]),
}


@pytest.mark.parametrize(("encoding", "content"), DAMAGED.values(), ids=DAMAGED.keys())
async def test_a_damaged_packed_answer_is_refused(
    server: Server, transport: Transport, encoding: str, content: bytes
) -> None:
    server.then(body(content, Content_Encoding=encoding))

    with pytest.raises(TransportError, match="damaged") as caught:
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_an_unknown_packing_is_refused(server: Server, transport: Transport) -> None:
    server.then(body(b"?", Content_Encoding="br"))

    with pytest.raises(TransportError, match="not asked for"):
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)


BOMBS = {
    "members": gzip.compress(b"") * 5000,
    "media": gzip.compress(b'{"data":""},' * 5000),
    "text": gzip.compress(b"[" + b"[],\n" * 2_000_000),
    "values": gzip.compress(b"[" + b"1," * 500_000 + b"1]"),
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS.keys())
async def test_an_answer_of_too_many_parts_is_not_read_further(
    server: Server, transport: Transport, content: bytes
) -> None:
    server.then(body(content, Content_Encoding="gzip"))

    with pytest.raises(TooLargeError, match=r"more than .* not read further") as caught:
        async with CallContext(60) as context:
            await transport.post("/x", FOX, context)

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_a_signature_may_weigh_more_than_its_picture(
    server: Server, transport: Transport
) -> None:
    """A picture of 4K is signed with tens of megabytes, which go back with the next turn."""
    document = picture_document(PIXELS * 1000)
    signature = base64.b64encode(bytes(range(255)) * 120_000).decode()
    document["parts"] += [{"thoughtSignature": signature}, {"thoughtSignature": "short"}]
    server.then(said(document))

    async with CallContext(60) as context:
        answer = await transport.post("/x", FOX, context)

    assert answer.media_bytes(answer.document["parts"][0]["inlineData"]["data"]) == PIXELS * 1000
    assert [part["thoughtSignature"] for part in answer.document["parts"][1:]] == [
        signature,
        "short",
    ]


async def test_a_bomb_is_not_unpacked(server: Server, make: Make) -> None:
    server.then(
        body(gzip.compress(b'{"a": "' + b"a" * 50_000_000 + b'"}'), Content_Encoding="gzip")
    )
    transport = make(limits=Limits(json=1_000_000))

    with pytest.raises(TooLargeError):
        async with CallContext(20) as context:
            await transport.post("/x", FOX, context)


@pytest.mark.parametrize(
    "reply",
    [
        silence(head(Content_Length=1_000_001)),
        silence(head(Transfer_Encoding="chunked") + b"f4241\r\n" + b"a" * 1_000_001),
        raw(head(Connection="close") + b"a" * 1_000_001, stays=False),
    ],
    ids=["declared", "chunked", "until close"],
)
async def test_an_answer_over_its_cap_is_not_read(server: Server, make: Make, reply: Any) -> None:
    server.then(reply)
    transport = make(limits=Limits(json=1_000_000))

    with pytest.raises(TooLargeError, match="Limits") as caught:
        async with CallContext(10) as context:
            await transport.post("/x", FOX, context)

    assert caught.value.may_have_been_billed
    assert caught.value.provider == "acme"


async def test_bad_base64_may_have_been_billed(server: Server, transport: Transport) -> None:
    server.then(said({"data": "no!"}))

    with pytest.raises(MediaError) as caught:
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)

    assert caught.value.may_have_been_billed
    assert caught.value.provider == "acme"
    assert len(server.requests) == 1


async def test_an_answer_that_is_not_json_is_a_protocol_error(
    server: Server, transport: Transport
) -> None:
    server.then(body(b"<html>", Content_Type="text/html", X_Request_Id="r-8"))

    with pytest.raises(ProviderError) as caught:
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)

    error = caught.value
    assert (error.family, error.status, error.request_id) == ("protocol", 200, "r-8")
    assert error.may_have_been_billed


async def test_a_field_without_text_is_no_media(server: Server, transport: Transport) -> None:
    server.then(said({"data": None, "d\u0061ta2": 1}))

    async with CallContext(5) as context:
        answer = await transport.post("/x", FOX, context)

    with pytest.raises(ProviderError) as caught:
        answer.media_bytes(answer.document["data"])
    assert caught.value.family == "protocol"


async def test_a_field_whose_name_is_escaped_is_still_media(
    server: Server, transport: Transport
) -> None:
    server.then(body(b'{"d\\u0061ta": "QUFB"}'))

    async with CallContext(5) as context:
        answer = await transport.post("/x", FOX, context)

    assert answer.media_bytes(answer.document["data"]) == b"AAA"


@pytest.mark.parametrize(
    "path", ["", "x", "/a b", "/a/../b", "/..", "/a?b", "/a\n", "/a#b", "//", "/\\"]
)
async def test_a_path_that_is_none_is_refused_before_sending(
    server: Server, transport: Transport, path: str
) -> None:
    with pytest.raises(PromptError):
        async with CallContext(5) as context:
            await transport.post(path, FOX, context)

    assert server.connections == 0


async def test_no_cookie_is_kept(server: Server, transport: Transport) -> None:
    server.then(said({}, Set_Cookie="id=7"))

    for _ in range(2):
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)

    assert "cookie" not in server.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(
    server: Server, other: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(said({}))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)

    async with CallContext(5) as context:
        await transport.post("/x", FOX, context)

    assert other.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_call_is_not_followed(
    server: Server, other: Server, transport: Transport, status: int
) -> None:
    server.then(body(b"", status, Location=other.url + "/steal"))

    with pytest.raises(ProviderError, match="base_url=") as caught:
        async with CallContext(5) as context:
            await transport.post("/x", FOX, context)

    assert caught.value.status == status
    assert (len(server.requests), other.connections) == (1, 0)


async def test_a_foreign_session_is_used_and_left_open(server: Server, make: Make) -> None:
    server.then(picture(), said({}, 401))
    before = sessions.opened
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        transport = make(session=session)
        async with CallContext(5) as context:
            answer = await transport.post("/x", FOX, context)
        with pytest.raises(AuthenticationError):
            async with CallContext(5) as context:
                await transport.post("/x", FOX, context)
        await transport.close()

        assert answer.media_bytes("media-0") == PIXELS
        assert not session.closed
    assert sessions.opened == before


async def test_a_closed_foreign_session_is_refused(server: Server, make: Make) -> None:
    session = aiohttp.ClientSession()
    await session.close()

    with pytest.raises(ClosedError, match="session="):
        async with CallContext(5) as context:
            await make(session=session).post("/x", FOX, context)

    assert server.connections == 0


async def test_a_foreign_session_of_another_loop_is_refused(server: Server, make: Make) -> None:
    async with aiohttp.ClientSession() as session:
        transport = make(session=session)

        async def elsewhere() -> None:
            async with CallContext(5) as context:
                await transport.post("/x", FOX, context)

        with pytest.raises(TransportError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, elsewhere())

    assert server.connections == 0


@pytest.mark.parametrize("base_url", ["api.acme.com", "http://u:p@x", "http://x/?k=1", ""])
def test_a_bad_base_url_is_refused_when_the_client_is_made(base_url: str) -> None:
    with pytest.raises(UnsafeURLError):
        Transport(base_url, provider="acme", secret=Secret(KEY, "K"))


async def test_tls_is_not_given_up_for_plain_text(make: Make) -> None:
    def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(400))
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(
            TransportError, match=rf"No safe connection to 127.0.0.1:{port}"
        ) as caught:
            async with CallContext(5) as context:
                await make(base_url=f"https://127.0.0.1:{port}").post("/x", FOX, context)

    assert not caught.value.may_have_been_billed


async def test_a_connection_that_takes_too_long_is_tried_again(make: Make) -> None:
    """Nobody accepts, and those who wait for it are as many as may."""
    heard: list[Event] = []
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - its only argument
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with pytest.raises(DeadlineError, match=r"Timeout\(connect=") as caught:
            async with CallContext(60, listener=heard.append) as context:
                await make(base_url=url, timeout=Timeout(connect=0.1)).post("/x", FOX, context)

    assert sum(isinstance(event, Retrying) for event in heard) == 3
    assert not caught.value.may_have_been_billed


async def test_a_fault_in_a_listener_stays_visible(server: Server, transport: Transport) -> None:
    server.then(picture())

    def faulty(event: Event) -> None:
        if isinstance(event, Receiving):
            raise KeyError("fault")

    with pytest.raises(KeyError, match="fault") as caught:
        async with CallContext(5, listener=faulty) as context:
            await transport.post("/x", FOX, context)

    assert caught.traceback[-1].name == "faulty"
