"""What a vendor may send and say: methods, bodies, successes, and the meaning of its headers."""

import contextlib
import email.message
import json
from collections.abc import Callable
from typing import Any

import pytest

from mediatoolkit.errors import MediaToolkitError, ProviderError, RateLimitError, TooLargeError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Retrying
from mediatoolkit.transport import (
    DataURL,
    Dialect,
    ErrorResponse,
    FilePart,
    Json,
    Limits,
    Multipart,
    Response,
    Secret,
    Transport,
    error_by_status,
)
from tests.transport.conftest import KEY
from tests.transport.server import PIXELS, Server, body, hang_up, head, in_pieces, said

Make = Callable[..., Transport]
FOX = {"prompt": "a red fox"}
FORM = Multipart(
    [("model", "fox-2"), ("n", "1")],
    [
        FilePart("image[]", "a.png", "image/png", PIXELS * 100),
        FilePart("image[]", "b.webp", "image/webp", PIXELS),
    ],
)


async def post(transport: Transport, document: Any = FOX, **options: Any) -> Response:
    async with CallContext(10) as context:
        return await transport.post("/x", document, context, **options)


# What is sent


async def test_a_form_arrives_whole_and_arrives_again_with_another_try(
    server: Server, transport: Transport
) -> None:
    server.then(said({}, 503), hang_up(), said({}))

    await post(transport, FORM)

    assert len(server.requests) == 3
    assert len({request.body for request in server.requests}) == 1
    request = server.requests[-1]
    fields = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(fields + request.body).get_payload()
    assert [part.get_payload(decode=True) for part in parts] == [
        b"fox-2",
        b"1",
        PIXELS * 100,
        PIXELS,
    ]
    assert [part.get_filename() for part in parts] == [None, None, "a.png", "b.webp"]


async def test_a_form_that_may_have_been_billed_is_not_sent_again(
    server: Server, transport: Transport
) -> None:
    server.then(hang_up(head(Content_Length=100) + b"{"), said({}))

    with pytest.raises(MediaToolkitError) as caught:
        await post(transport, FORM)

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_a_document_may_hold_data_urls(server: Server, transport: Transport) -> None:
    server.then(said({}))

    await post(transport, Json({"image": DataURL("image/png", b"\x89PNG")}))

    assert server.requests[0].json == {"image": "data:image/png;base64,iVBORw=="}


async def test_a_put_and_a_delete_are_sent_again_after_any_loss(
    server: Server, transport: Transport
) -> None:
    cut = hang_up(b"HTTP/1")
    server.then(cut, said({}, 202), cut, body(b"", 204), said({}))

    async with CallContext(10) as context:
        cancelled = await transport.put("/jobs/7/cancel", None, context, ok={202})
        deleted = await transport.delete("/jobs/7", context, ok={204})
        await transport.put("/jobs/8", {"a": 1}, context, query={"b": "c"})
        assert not context.may_have_been_billed

    assert (cancelled.status, cancelled.document) == (202, {})
    assert (deleted.status, deleted.document) == (204, None)
    assert [request.method for request in server.requests] == ["PUT"] * 2 + ["DELETE"] * 2 + ["PUT"]
    assert server.requests[-1].path == "/jobs/8?b=c"
    assert server.requests[-1].json == {"a": 1}


async def test_an_accepted_job_may_have_no_word_yet(server: Server, transport: Transport) -> None:
    """An empty body of another success is no answer."""
    server.then(body(b"", 202), body(b"", 200))

    async with CallContext(20) as context:
        running = await transport.get("/jobs/7", context, ok={200, 202})
        with pytest.raises(ProviderError):
            await transport.get("/jobs/7", context, ok={200, 202})

    assert (running.status, running.document) == (202, None)


# What comes back


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_success_is_what_the_client_says(
    server: Server, transport: Transport, status: int
) -> None:
    server.then(said({"id": "p7"}, status))

    response = await post(transport, ok={200, 201, 202})

    assert (response.status, response.document) == (status, {"id": "p7"})


async def test_a_status_that_is_none_of_the_successes_may_have_been_billed(
    server: Server, transport: Transport
) -> None:
    server.then(said({}, 200))

    with pytest.raises(ProviderError) as caught:
        await post(transport, ok={201})

    assert caught.value.may_have_been_billed


async def test_bytes_come_as_they_are(server: Server, transport: Transport) -> None:
    sound = PIXELS * 1000
    fields = head(Content_Type="audio/mpeg", Content_Length=len(sound), X_Request_Id="r-9")
    server.then(in_pieces(fields + sound, 65_536))

    response = await post(transport, expect="bytes")

    assert response.content == sound
    assert response.document is None
    assert (response.headers["content-type"], response.request_id) == ("audio/mpeg", "r-9")
    assert "sound" not in repr(response)
    assert server.requests[0].headers["accept"] == "*/*"


async def test_bytes_have_a_cap(server: Server, make: Make) -> None:
    server.then(body(b"x" * 1001, Content_Type="audio/mpeg"))

    with pytest.raises(TooLargeError, match="Limits") as caught:
        await post(make(limits=Limits(json=1000)), expect="bytes")

    assert caught.value.may_have_been_billed


async def test_a_page_for_people_is_no_sound(server: Server, transport: Transport) -> None:
    server.then(body(b"<html>Sign in</html>", Content_Type="text/html; charset=utf-8"))

    with pytest.raises(ProviderError, match="HTML page") as caught:
        await post(transport, expect="bytes")

    assert caught.value.family == "protocol"


async def test_an_event_has_a_name_beside_its_document(
    server: Server, transport: Transport
) -> None:
    lines = (
        b'event: partial\ndata: {"n": 1}\n\n'
        b'data: {"n": 2}\nevent: first\nevent: completed\n\n'
        b'event: of an event without data\n\ndata: {"n": 3}\n\n'
    )
    server.then(in_pieces(head(Content_Length=len(lines)) + lines, 5))
    events: list[tuple[str, int]] = []

    await post(
        transport,
        expect="events",
        sink=lambda response: events.append((response.event, response.document["n"])),
    )

    assert events == [("partial", 1), ("completed", 2), ("", 3)]


@pytest.mark.parametrize("options", [{"expect": "events"}, {"sink": print}], ids=str)
async def test_events_need_somebody_who_takes_them(
    server: Server, transport: Transport, options: Any
) -> None:
    with pytest.raises(TypeError, match="belong together"):
        await post(transport, **options)

    assert server.connections == 0


# What the vendor's headers mean


async def pauses_of(transport: Transport) -> list[float]:
    """Pauses before further tries, seconds; the call may fail in the end."""
    events: list[Event] = []
    async with CallContext(60, listener=events.append) as context:
        with contextlib.suppress(ProviderError):
            await transport.post("/x", FOX, context)
    return [event.seconds for event in events if isinstance(event, Retrying)]


async def test_a_vendor_says_which_statuses_pass(server: Server, make: Make) -> None:
    server.then(said({}, 409), said({}, 599), said({}))
    transport = make(dialect=Dialect(retryable=frozenset({409, 599})))

    assert len(await pauses_of(transport)) == 2
    server.then(said({}, 503))
    assert await pauses_of(transport) == []


async def test_a_pause_in_milliseconds_counts_more_than_seconds(server: Server, make: Make) -> None:
    asks = {"Retry_After_Ms": "30.5", "Retry_After": "50"}
    server.then(said({}, 429, **asks), said({}, 503, **asks), said({}))

    pauses = await pauses_of(make(dialect=Dialect(retry_after_ms=("retry-after-ms",))))

    assert [0.0305 <= pause < 0.04 for pause in pauses] == [True, True]


async def test_a_pause_that_cannot_be_read_leaves_it_to_the_seconds(
    server: Server, make: Make
) -> None:
    server.then(said({}, 429, Retry_After_Ms="soon", Retry_After="0"), said({}))

    assert len(await pauses_of(make(dialect=Dialect(retry_after_ms=("retry-after-ms",))))) == 1


@pytest.mark.parametrize(
    ("status", "word", "tries"),
    [(503, "false", 1), (400, "true", 2), (503, "perhaps", 2), (201, "true", 1), (401, "true", 1)],
)
async def test_a_header_may_overrule_the_status(
    server: Server, make: Make, status: int, word: str, tries: int
) -> None:
    """But not what may have been billed, nor what another try does not mend."""
    server.then(said({}, status, X_Should_Retry=word), said({}))

    await pauses_of(make(dialect=Dialect(should_retry=("x-should-retry",))))

    assert len(server.requests) == tries


async def test_a_vendor_may_know_an_error_that_never_passes(server: Server, make: Make) -> None:
    def is_final(response: ErrorResponse) -> bool:
        return bool(response.document["error"]["code"] == "insufficient_quota")

    server.then(said({"error": {"code": "insufficient_quota"}}, 429))

    with pytest.raises(RateLimitError):
        await post(make(dialect=Dialect(is_final=is_final)))

    assert len(server.requests) == 1


async def test_a_vendor_names_its_calls_in_a_header_of_its_own(server: Server, make: Make) -> None:
    names = {"X_Request_Id": "gateway", "X_Fox_Id": "fox-7"}
    server.then(said({}, 200, **names), said({}, 400, **names))
    transport = make(dialect=Dialect(request_id=("x-fox-id",)))

    assert (await post(transport)).request_id == "fox-7"
    with pytest.raises(ProviderError) as caught:
        await post(transport)
    assert caught.value.request_id == "fox-7"


# The key


@pytest.mark.parametrize("key", ["P", "k", "x", "Day"])
async def test_a_short_key_damages_no_word(server: Server, make: Make, key: str) -> None:
    """Of the vendor's, so that they are understood, nor of ours."""
    server.then(said({"error": {"quota": "PerDay", "message": "ask PerDay"}}, 429))

    def read_error(response: ErrorResponse) -> ProviderError:
        error = response.document["error"]
        return RateLimitError(
            f"{response.safe_text(error['message'])}: ask again tomorrow.",
            quota_exhausted=error["quota"] == "PerDay",
        )

    with pytest.raises(RateLimitError) as caught:
        await post(make(secret=Secret(key, "K"), read_error=read_error))

    assert caught.value.quota_exhausted
    assert str(caught.value).startswith("ask PerDay: ask again tomorrow.")


async def test_a_key_inside_the_vendors_words_does_not_keep_them_from_being_read(
    server: Server, make: Make
) -> None:
    """The body is parsed as it came; only what is shown is masked."""
    server.then(said({"error": {"message": f"{KEY} is used up"}, KEY: 1}, 400))

    def read_error(response: ErrorResponse) -> ProviderError:
        assert response.document[KEY] == 1
        error = error_by_status(response, response.document["error"]["message"])
        error.request_id = f"of {KEY}"
        return error

    with pytest.raises(ProviderError) as caught:
        await post(make(read_error=read_error))

    assert str(caught.value).startswith("[key] is used up")
    assert caught.value.request_id == "of [key]"


async def test_an_error_that_was_cut_is_read_as_far_as_it_came(server: Server, make: Make) -> None:
    """Vendors echo what they were sent, pictures included, behind their words."""
    read: list[Any] = []

    def read_error(response: ErrorResponse) -> ProviderError:
        read.append(response.document)
        return error_by_status(response)

    document = {"detail": [{"loc": ["body", 1], "msg": 'no "\\fox', "input": "A" * 50}, {"a": {}}]}
    text = json.dumps(document)
    start = head(422, Content_Length=len(text))
    transport = make(read_error=read_error)
    for size in range(1, len(text) + 1):
        server.script.clear()
        server.then(hang_up(start + text[:size].encode()))
        with pytest.raises(ProviderError):
            await post(transport)

    assert (read[0], read[-1]) == ({}, document)
    words = [each["detail"][0]["msg"] for each in read[text.index(', "input"') :]]
    assert words == ['no "\\fox'] * len(words)


async def test_of_an_error_that_is_long_the_beginning_is_read(server: Server, make: Make) -> None:
    """Also where all of it comes at once."""
    server.then(body(b"no such fox " * 10_000, 422, Content_Type="text/plain"))
    with pytest.raises(ProviderError, match="no such fox no such fox"):
        await post(make())
