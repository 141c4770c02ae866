"""Calls against a server that fails: what is sent again, and what never is."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mediatoolkit.errors import (
    AuthenticationError,
    DeadlineError,
    ModelNotFoundError,
    ProviderError,
    RateLimitError,
    RefusalError,
    TransportError,
)
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.events import Connecting, Event, Retrying
from mediatoolkit.transport import ErrorResponse, Retry, Transport, error_by_status
from mediatoolkit.transport.policy import RETRYABLE
from tests.deadline import cut_short
from tests.transport.conftest import KEY
from tests.transport.server import (
    Server,
    body,
    hang_up,
    head,
    picture,
    raw,
    reset,
    said,
    silence,
)

Make = Callable[..., Transport]
FOX = {"prompt": "a red fox"}
CUT = head(Content_Length=1000) + b'{"a": "'


async def post(transport: Transport, seconds: float = 10, **options: Any) -> Any:
    async with CallContext(seconds, **options) as context:
        return await transport.post("/x", FOX, context)


@pytest.mark.parametrize("status", sorted(RETRYABLE))
async def test_a_status_that_says_nothing_was_delivered_is_tried_again(
    server: Server, transport: Transport, status: int
) -> None:
    server.then(said({}, status), said({}, status), picture())
    heard: list[Event] = []

    await post(transport, listener=heard.append)

    assert len(server.requests) == 3
    assert [e.attempt for e in heard if isinstance(e, Retrying)] == [2, 3]
    assert server.requests[0].body == server.requests[2].body


@pytest.mark.parametrize("status", sorted(RETRYABLE))
async def test_four_tries_are_the_most(server: Server, transport: Transport, status: int) -> None:
    server.then(said({}, status))

    with pytest.raises(ProviderError) as caught:
        await post(transport)

    assert len(server.requests) == 4
    assert caught.value.status == status
    assert not caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("status", "kind", "family"),
    [
        (400, ProviderError, "request"),
        (401, AuthenticationError, "auth"),
        (403, AuthenticationError, "auth"),
        (404, ModelNotFoundError, "request"),
        (409, ProviderError, "request"),
        (413, ProviderError, "request"),
        (422, ProviderError, "request"),
        (501, ProviderError, "server"),
    ],
)
async def test_any_other_refusal_is_one_request(
    server: Server, transport: Transport, status: int, kind: type[ProviderError], family: str
) -> None:
    server.then(said({"error": "no"}, status, X_Request_Id="r-1"))

    with pytest.raises(kind) as caught:
        await post(transport)

    error = caught.value
    assert len(server.requests) == 1
    assert (error.family, error.status, error.request_id) == (family, status, "r-1")
    assert error.provider == "acme"
    assert not error.may_have_been_billed


@pytest.mark.parametrize("status", [201, 202, 204, 206])
async def test_success_is_exactly_200_unless_the_client_says_more(
    server: Server, transport: Transport, status: int
) -> None:
    server.then(body(b"", status))

    with pytest.raises(ProviderError) as caught:
        await post(transport)

    assert len(server.requests) == 1
    assert caught.value.may_have_been_billed


async def test_a_rate_limit_carries_the_wait_of_the_header(server: Server, make: Make) -> None:
    server.then(said({}, 429, Retry_After="9"))

    with pytest.raises(RateLimitError) as caught:
        await post(make(), seconds=5)

    assert caught.value.retry_after == 9
    assert len(server.requests) == 1, "the wait exceeds the time left"


async def test_the_wait_of_the_body_is_obeyed(server: Server, make: Make) -> None:
    def read(refusal: ErrorResponse) -> ProviderError:
        return RateLimitError("slow down", retry_after=refusal.document["wait"])

    server.then(said({"wait": 0.3}, 429), picture())
    started = time.monotonic()

    await post(make(read_error=read))

    assert time.monotonic() - started >= 0.3


async def test_a_used_up_quota_is_not_tried_again(server: Server, make: Make) -> None:
    def read(refusal: ErrorResponse) -> ProviderError:
        return RateLimitError("per day", quota_exhausted=True, status=refusal.status)

    server.then(said({}, 429))

    with pytest.raises(RateLimitError):
        await post(make(read_error=read))

    assert len(server.requests) == 1


async def test_a_refusal_of_the_content_is_never_tried_again(server: Server, make: Make) -> None:
    def read(refusal: ErrorResponse) -> ProviderError:
        return RefusalError("blocked", reason="SAFETY", status=refusal.status)

    server.then(said({}, 500))

    with pytest.raises(RefusalError):
        await post(make(read_error=read))

    assert len(server.requests) == 1


async def test_the_provider_reads_a_capped_body_and_shows_it_masked(
    server: Server, make: Make
) -> None:
    facts: list[ErrorResponse] = []

    def read(refusal: ErrorResponse) -> ProviderError:
        facts.append(refusal)
        return error_by_status(refusal, f"said {refusal.text}")

    server.then(said({"error": {"message": f"bad key {KEY}"}}, 400))

    with pytest.raises(ProviderError) as caught:
        await post(make(read_error=read))

    assert facts[0].document["error"]["message"] == f"bad key {KEY}"
    assert facts[0].safe_text(facts[0].document["error"]["message"]) == "bad key [key]"
    assert KEY not in f"{facts[0]!r} {caught.value}"


@pytest.mark.parametrize(
    "reply",
    [
        body(b"<html>gateway", 502, Content_Type="text/html"),
        body(b"\xff\xfe", 502),
        body(b"x" * 300_000, 502),
        hang_up(head(502, Content_Length=1000) + b"half"),
        body(b"[[]]", 502, Content_Encoding="gzip"),
    ],
    ids=["html", "not text", "large", "cut", "not gzip"],
)
async def test_the_status_counts_whatever_the_body_is(
    server: Server, transport: Transport, reply: Any
) -> None:
    server.then(reply, reply, picture())

    await post(transport)

    assert len(server.requests) == 3


async def test_a_connection_that_was_never_made_is_tried_again(make: Make) -> None:
    heard: list[Event] = []

    with socket.socket() as deaf:  # nobody else can take its port meanwhile
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        with pytest.raises(TransportError, match=f"127.0.0.1:{port}.*refused") as caught:
            await post(make(base_url=f"http://127.0.0.1:{port}"), listener=heard.append)

    assert sum(isinstance(event, Retrying) for event in heard) == 3
    assert not caught.value.may_have_been_billed


async def test_a_server_that_does_not_speak_tls_is_not_waited_for_twice(make: Make) -> None:
    """It waits for a request, and takes the greeting for the start of one."""
    connections = 0

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as plain:
        url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        with pytest.raises(DeadlineError, match="Is this https") as caught:
            await post(make(base_url=url, timeout=Timeout(connect=0.5)), seconds=60)

    assert connections == 1
    assert not caught.value.may_have_been_billed


async def test_a_stale_pooled_connection_is_replaced(server: Server, transport: Transport) -> None:
    """The server closes after its answer without saying so."""
    server.then(hang_up(head(Content_Length=2) + b"{}"), picture())

    await post(transport)
    await post(transport)

    assert len(server.requests) == 2


@pytest.mark.parametrize("reply", [hang_up(), reset()], ids=["closed", "reset"])
async def test_a_post_closed_at_once_without_a_byte_is_tried_again(
    server: Server, transport: Transport, reply: Any
) -> None:
    server.then(reply, picture())

    await post(transport)

    assert len(server.requests) == 2


class Impolite(threading.Thread):
    """A server that closes its first connection when it is told to, and counts what it was sent."""

    def __init__(self) -> None:
        """Start to listen."""
        super().__init__(daemon=True)
        self.bodies: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._end, self._ended = threading.Event(), threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.start()

    def run(self) -> None:
        with self._listener:
            for _ in range(2):
                connection, _ = self._listener.accept()
                with connection, connection.makefile("rb") as lines:
                    fields = b"".join(iter(lines.readline, b"\r\n")).lower()
                    length = int(fields.split(b"content-length:")[1].split()[0])
                    self.bodies.append(len(lines.read(length)))
                    connection.sendall(head(Content_Length=2) + b"{}")
                    self._end.wait()
                self._ended.set()

    def end(self) -> None:
        """Close, and come back when that has left this side."""
        self._end.set()
        self._ended.wait()


@pytest.mark.parametrize("size", [10, 20_000, 2_000_000])
async def test_a_connection_that_closes_as_a_request_is_written_brought_nothing(
    make: Make, size: int
) -> None:
    """It was chosen from the pool; what the write then meets comes in several wrappers."""
    server = Impolite()
    transport = make(base_url=server.url)
    events: list[Event] = []

    def listener(event: Event) -> None:
        events.append(event)
        if isinstance(event, Connecting):
            server.end()

    await post(transport)
    async with CallContext(60, listener=listener) as context:
        answer = await transport.post("/x", {"a": "x" * size}, context)

    assert answer.document == {}
    assert [type(event) for event in events].count(Retrying) == 1
    assert len(server.bodies) == 2, "of the try that was lost, nothing came"


FINAL = {
    "closed late": hang_up(after=1.2),
    "half a status line": hang_up(b"HTTP/1"),
    "half a head": hang_up(b"HTTP/1.1 200 OK\r\nContent-"),
    "reset in the head": reset(b"HTTP/1.1 200 OK\r\nContent-"),
    "cut body": hang_up(CUT),
    "reset in the body": reset(CUT),
    "cut chunks": hang_up(head(Transfer_Encoding="chunked") + b"10\r\nabc"),
    "not http": hang_up(b"\x15\x03\x01 what?\r\n\r\n"),
    "truncated json": raw(head(Connection="close") + b'{"a": "', stays=False),
}


@pytest.mark.parametrize("reply", FINAL.values(), ids=FINAL.keys())
async def test_a_paid_post_in_doubt_is_final_and_says_so(
    server: Server, transport: Transport, reply: Any
) -> None:
    server.then(reply)

    with pytest.raises((TransportError, ProviderError), match="pay twice") as caught:
        await post(transport)

    assert len(server.requests) == 1
    assert caught.value.may_have_been_billed


async def test_a_read_timeout_of_a_post_is_final(server: Server, make: Make) -> None:
    server.then(silence())

    with pytest.raises(DeadlineError, match=r"silent.*Timeout") as caught:
        await post(make(timeout=Timeout(read=0.2)))

    assert len(server.requests) == 1
    assert caught.value.may_have_been_billed
    assert caught.value.stage == "waiting"


async def test_a_call_may_be_less_patient_than_its_client(
    server: Server, transport: Transport
) -> None:
    server.then(silence())
    with pytest.raises(DeadlineError, match=r"silent for 0\.2 s") as caught:
        async with context_for(Timeout(total=20, read=0.2), Timeout()) as context:
            await transport.post("/x", {"a": 1}, context)
    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("told", "stage"),
    [(b"", "waiting"), (head(Content_Length=100), "receiving")],
    ids=["silent", "head only"],
)
async def test_the_deadline_of_a_post_is_final(
    server: Server, transport: Transport, told: bytes, stage: str
) -> None:
    server.then(silence(told))

    with pytest.raises(DeadlineError) as caught:
        await cut_short(
            lambda context: transport.post("/x", FOX, context),
            lambda context: server.requests and context.event.name == stage,
        )

    assert caught.value.stage == stage
    assert len(server.requests) == 1
    assert caught.value.may_have_been_billed
    assert caught.value.__context__ is None


async def test_a_malformed_chunk_size_after_the_head_ends_with_the_deadline(
    server: Server, transport: Transport
) -> None:
    async def reply(writer: asyncio.StreamWriter, _: Any) -> bool:
        writer.write(head(Transfer_Encoding="chunked"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"zz\r\nabc\r\n")
        await asyncio.Event().wait()
        return False

    server.then(reply)

    with pytest.raises(TransportError) as caught:
        await post(transport, seconds=1)

    assert len(server.requests) == 1
    assert caught.value.may_have_been_billed


async def test_who_accepts_the_doubt_gets_another_try(server: Server, make: Make) -> None:
    server.then(hang_up(CUT), picture())

    await post(make(retry=Retry(base=0.001, ambiguous=True)))

    assert len(server.requests) == 2


async def test_a_doubt_of_an_earlier_try_stays_in_the_error(server: Server, make: Make) -> None:
    server.then(hang_up(CUT), said({}, 400))

    with pytest.raises(ProviderError) as caught:
        await post(make(retry=Retry(base=0.001, ambiguous=True)))

    assert caught.value.status == 400
    assert caught.value.may_have_been_billed


@pytest.mark.parametrize("reply", [hang_up(CUT), hang_up(), reset(CUT)])
async def test_a_get_is_tried_again_after_any_loss(
    server: Server, transport: Transport, reply: Any
) -> None:
    server.then(reply, reply, picture())

    async with CallContext(10) as context:
        await transport.get("/x", context)

    assert server.requests[-1].method == "GET"


async def test_a_post_that_nobody_bills_is_tried_again_after_any_loss(
    server: Server, transport: Transport
) -> None:
    server.then(hang_up(CUT), said({}))

    async with CallContext(10) as context:
        await transport.post("/cancel", {}, context, paid=False)

    assert len(server.requests) == 2


async def test_the_pause_ends_with_the_deadline_not_after_it(server: Server, make: Make) -> None:
    server.then(said({}, 503))

    with pytest.raises(ProviderError) as caught:
        await post(make(retry=Retry(base=1e8, cap=1e8)), seconds=60)

    assert caught.value.status == 503
    assert len(server.requests) == 1


async def test_a_cancel_ends_the_call_and_its_connection(
    server: Server, transport: Transport
) -> None:
    gone = asyncio.Event()

    async def reply(writer: asyncio.StreamWriter, _: Any) -> bool:
        writer.write(head(Content_Length=10_000))
        while not writer.transport.is_closing():
            writer.write(b" ")  # only a write notices that the other side is gone
            await asyncio.sleep(0.01)
        gone.set()
        return False

    server.then(reply)
    task = asyncio.create_task(post(transport))
    while not server.requests:
        await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(gone.wait(), 60)
    assert len(server.requests) == 1
