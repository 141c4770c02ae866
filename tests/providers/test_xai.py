"""xAI: pictures and films, flat errors, and moderation in each of its forms."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Working
from mediatoolkit.runtime.gather import Polling
from tests.media.clips import clip
from tests.test_prompts import picture
from tests.transport.server import Server, body, said, serving

KEY = "xai-key-0123456789"
PICTURE = base64.b64encode(picture()).decode()
DATA_URL = f"data:image/png;base64,{PICTURE}"


def drawn(**fields: Any) -> dict[str, Any]:
    entry = {"b64_json": PICTURE, "mime_type": "image/png", "respect_moderation": True, **fields}
    return {"data": [entry], "usage": {"cost_in_usd_ticks": 200_000_000}}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[mt.XAIImageClient]:
    async with mt.XAIImageClient(KEY, base_url=f"{server.url}/v1") as xai:
        yield xai


@pytest.fixture
async def films(server: Server) -> AsyncIterator[mt.XAIVideoClient]:
    async with mt.XAIVideoClient(KEY, base_url=f"{server.url}/v1") as xai:
        xai.polling = Polling(first=0.01, cap=0.01)
        yield xai


async def test_a_picture_is_asked_for_as_the_sdk_does(
    client: mt.XAIImageClient, server: Server
) -> None:
    """Named differences: one picture is the vendor's default, and it comes as base64."""
    sdk = {
        "model": "grok-imagine-image-2.0",
        "prompt": "a blue square",
        "n": 1,
        "aspect_ratio": "16:9",
        "resolution": "1k",
        "quality": "low",
    }
    server.then(said(drawn(revised_prompt="")))

    image = await client.generate(
        mt.ImagePrompt.of("a blue square", aspect="16:9", size="1K", quality="low")
    )

    (seen,) = server.requests
    assert (seen.method, seen.path) == ("POST", "/v1/images/generations")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert {**seen.json, "n": 1} == {**sdk, "response_format": "b64_json"}
    assert image.data == picture()
    assert image.cost
    assert str(image.cost.usd) == "0.0200000000"
    assert image.provenance
    assert image.provenance.usage == {"cost_usd": "0.0200000000"}


async def test_an_edit_is_json_with_one_picture_or_several(
    client: mt.XAIImageClient, server: Server
) -> None:
    """The previous picture comes first."""
    server.then(said(drawn()))
    first = await client.generate(mt.ImagePrompt("now red", references=[picture()]))
    other = picture((9, 9))

    await client.generate(mt.ImagePrompt("join them", previous=first, references=[other]))

    one, several = server.requests
    assert one.path == several.path == "/v1/images/edits"
    assert one.json["image"] == {"type": "image_url", "url": DATA_URL}
    assert "images" not in one.json
    urls = [DATA_URL, f"data:image/png;base64,{base64.b64encode(other).decode()}"]
    assert several.json["images"] == [{"url": url} for url in urls]
    assert "image" not in several.json


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("grok-imagine-image-2.0", {"size": "1024x1024"}, "takes no pixels"),
        ("grok-imagine-image-2.0", {"size": "4K"}, "1K, 2K"),
        ("grok-imagine-image-2.0", {"seed": 7}, "takes no seed"),
        ("grok-imagine-image-2.0", {"aspect": "7:5"}, "has no aspect"),
        ("grok-imagine-image-2.0", {"quality": "high"}, "low or medium"),
        ("grok-imagine-image-2.0", {"references": [picture()] * 6}, "at most 5 references"),
        ("grok-imagine-image", {"references": [picture()] * 4}, "at most 3 references"),
        ("grok-imagine-image", {"quality": "low"}, "has no option quality="),
    ],
)
async def test_what_xai_does_not_take_is_never_sent(
    client: mt.XAIImageClient, server: Server, model: str, options: dict[str, Any], words: str
) -> None:
    client.model = model

    with pytest.raises(mt.PromptError, match=words):
        await client.generate(mt.ImagePrompt.of("a fox", **options))

    assert server.requests == []


def refused(words: str, code: str = "Client specified an invalid argument") -> dict[str, Any]:
    return {"code": code, "error": words}


REJECTED = refused("Generated image rejected by content moderation.")
USAGE = {"cost_in_usd_ticks": 200_000_000}


@pytest.mark.parametrize(
    ("status", "document", "is_billed"),
    [
        (200, {"data": [{"url": "", "respect_moderation": False}], "usage": USAGE}, True),
        (200, {"data": [], "usage": USAGE}, True),
        (200, {"data": [], "usage": {"cost_in_usd_ticks": 0}}, False),
        (400, REJECTED, False),
        (400, refused("Content moderated", "imagine:content-moderated"), False),
        (403, refused("Content violates usage guidelines"), False),
    ],
    ids=["empty slot", "no slot", "unpaid slot", "400", "code", "403"],
)
async def test_moderation_of_a_picture_is_a_refusal_and_final(
    client: mt.XAIImageClient, server: Server, status: int, document: Any, *, is_billed: bool
) -> None:
    server.then(said(document, status))

    with pytest.raises(mt.RefusalError, match="Say it differently") as caught:
        await client.generate("a fox")

    assert caught.value.reason == "content_moderation"
    assert caught.value.may_have_been_billed is is_billed
    assert len(server.requests) == 1


async def test_what_a_refusal_cost_is_booked(client: mt.XAIImageClient, server: Server) -> None:
    server.then(said({"data": [], "usage": USAGE}))
    before = mt.budget.spent

    with pytest.raises(mt.RefusalError):
        await client.generate("a fox")

    assert float(mt.budget.spent - before) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("status", "words", "error"),
    [
        (400, "Incorrect API key provided: xa***ey.", mt.AuthenticationError("Set XAI_API_KEY")),
        (401, "no key", mt.AuthenticationError("Set XAI_API_KEY")),
        (403, "Your team has used all credits", mt.RateLimitError("no quota left")),
        (404, "The model m does not exist.", mt.ModelNotFoundError("Live ones: grok-imagine")),
        (400, "prompt is too long", mt.ProviderError("xAI answered 400: prompt is too long.")),
    ],
    ids=["wrong key", "no key", "no credits", "no model", "other"],
)
async def test_a_flat_error_is_typed_and_final(
    client: mt.XAIImageClient,
    server: Server,
    status: int,
    words: str,
    error: mt.ProviderError,
) -> None:
    server.then(said(refused(words), status))

    with pytest.raises(type(error), match=str(error)) as caught:
        await client.generate("a fox")

    assert caught.value.status == status
    assert not caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_a_quota_that_is_used_up_is_final(client: mt.XAIImageClient, server: Server) -> None:
    server.then(said(refused("Nothing is left.", "insufficient_quota"), 429))

    with pytest.raises(mt.RateLimitError, match="no quota left"):
        await client.generate("a fox")

    assert len(server.requests) == 1


async def test_too_many_requests_are_sent_again(client: mt.XAIImageClient, server: Server) -> None:
    busy = refused("Too many requests for team ...", "Some resource has been exhausted")
    server.then(said(busy, 429, Retry_After="0.01"), said(drawn()))

    await client.generate("a fox")

    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (429, "Too many requests for this API key."),
        (503, "Content moderation is overloaded."),
        (500, "Cannot look up the API key."),
    ],
)
async def test_what_passes_is_sent_again_whatever_it_names(
    client: mt.XAIImageClient, server: Server, status: int, words: str
) -> None:
    server.then(said(refused(words), status, Retry_After="0.01"), said(drawn()))

    await client.generate("a fox")

    assert len(server.requests) == 2


STARTED = said({"request_id": "d97415a1-1"})


def done(server: Server, **fields: Any) -> dict[str, Any]:
    video = {"url": f"{server.url}/x.mp4", "duration": 1, "respect_moderation": True}
    return {
        "status": "done",
        "video": video,
        "usage": {"cost_in_usd_ticks": 8_400_000_000},
        **fields,
    }


async def test_a_film_is_submitted_polled_and_fetched_at_once(
    films: mt.XAIVideoClient, server: Server
) -> None:
    """A poll may be answered with 202 and nothing, or with how far it is."""
    pending = {"status": "pending", "progress": 40}
    film = body(clip(), Content_Type="video/mp4")
    server.then(
        STARTED, body(b"", 202), said(pending, 202), said(pending), said(done(server)), film
    )
    events: list[Event] = []

    async with CallContext(60, listener=events.append) as context:
        video = await films.make_billed(
            mt.VideoPrompt("waves", seconds=6, aspect="16:9", resolution="720p", image=picture()),
            context,
        )

    start, *polls, _ = server.requests
    assert (start.method, start.path) == ("POST", "/v1/videos/generations")
    assert start.json == {
        "model": "grok-imagine-video-1.5",
        "prompt": "waves",
        "duration": 6,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "image": {"url": DATA_URL},
    }
    assert {(poll.method, poll.path) for poll in polls} == {("GET", "/v1/videos/d97415a1-1")}
    assert video.data == clip()
    assert video.provenance
    assert video.provenance.request_id == "d97415a1-1"
    assert video.cost
    assert float(video.cost.usd or 0) == pytest.approx(0.84)
    assert {event.fraction for event in events if isinstance(event, Working)} == {0.4}


async def test_an_old_answer_says_no_status(films: mt.XAIVideoClient, server: Server) -> None:
    old = done(server)
    del old["status"]
    server.then(STARTED, said(old), body(clip(), Content_Type="video/mp4"))

    video = await films.generate(mt.VideoPrompt("waves", references=[picture()], seconds=2))

    assert video.data == clip()
    assert server.requests[0].json["reference_images"] == [{"url": DATA_URL}]


EMPTY = {"url": "", "duration": 0, "respect_moderation": False}
VIDEO_REJECTED = {**REJECTED, "usage": {"cost_in_usd_ticks": 2_500_000_000}}
BLOCKED = {"code": "invalid_argument", "message": "Input blocked by moderation"}


@pytest.mark.parametrize(
    ("status", "document", "usd"),
    [
        (400, VIDEO_REJECTED, 0.25),
        (400, refused("Content moderated", "imagine:content-moderated"), 0),
        (200, {"status": "done", "video": EMPTY}, 0),
        (200, {"status": "failed", "error": BLOCKED}, 0),
    ],
    ids=["billed", "code", "empty", "input"],
)
async def test_moderation_of_a_film_is_a_refusal_at_the_first_poll(
    films: mt.XAIVideoClient, server: Server, status: int, document: Any, usd: float
) -> None:
    """What the vendor says that it cost is booked."""
    server.then(STARTED, said(document, status))
    before = mt.budget.spent

    with pytest.raises(mt.RefusalError) as caught:
        await films.generate(mt.VideoPrompt("waves", seconds=1))

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 2
    assert float(mt.budget.spent - before) == pytest.approx(usd)


@pytest.mark.parametrize("video", [{}, {"url": None}, {"url": 5, "respect_moderation": True}])
async def test_a_film_without_an_address_is_no_refusal(
    films: mt.XAIVideoClient, server: Server, video: Any
) -> None:
    """Nobody says that it was moderated, so other words would not help."""
    server.then(STARTED, said({"status": "done", "video": video}))

    with pytest.raises(mt.ProviderError, match="named no address") as caught:
        await films.generate(mt.VideoPrompt("waves", seconds=1))

    assert caught.value.family == "protocol"
    assert caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"status": "expired"}, r"\(expired\): no further word"),
        ({"status": "failed", "error": {"code": "internal", "message": "Oops"}}, "Oops"),
    ],
)
async def test_a_film_that_ends_without_a_film_is_an_error(
    films: mt.XAIVideoClient, server: Server, document: Any, words: str
) -> None:
    server.then(STARTED, said(document))

    with pytest.raises(mt.ProviderError, match=words) as caught:
        await films.generate("waves")

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 2


async def test_a_poll_that_tells_nothing_is_repeated(
    films: mt.XAIVideoClient, server: Server
) -> None:
    """An unknown word, a busy server, a job that is not known yet."""
    odd = [said({"status": "thinking"}), said({}), said({}, 500), said(refused("Not found"), 404)]
    film = body(clip(), Content_Type="video/mp4")
    server.then(STARTED, *odd, said(done(server)), film)

    video = await films.generate("waves", timeout=60)

    assert video.data == clip()


async def test_a_key_that_is_revoked_ends_the_polls(
    films: mt.XAIVideoClient, server: Server
) -> None:
    server.then(STARTED, said(refused("Incorrect API key provided."), 400))

    with pytest.raises(mt.AuthenticationError) as caught:
        await films.generate("waves")

    assert caught.value.may_have_been_billed, "the film goes on"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("grok-imagine-video", {"resolution": "1080p"}, "480p or 720p"),
        ("grok-imagine-video-1.5", {"seconds": 16}, "1 to 15 whole seconds"),
        ("grok-imagine-video-1.5", {"seconds": 2.5}, "1 to 15 whole seconds"),
        ("grok-imagine-video-1.5", {"image": picture(), "last": picture()}, "how it ends"),
        ("grok-imagine-video-1.5", {"previous": clip()}, "as image="),
        ("grok-imagine-video-1.5", {"aspect": "21:9"}, "has no aspect"),
    ],
)
async def test_a_film_that_xai_does_not_make_is_never_sent(
    films: mt.XAIVideoClient, server: Server, model: str, options: dict[str, Any], words: str
) -> None:
    films.model = model

    with pytest.raises(mt.PromptError, match=words):
        await films.generate(mt.VideoPrompt.of("waves", **options))

    assert server.requests == []


@pytest.mark.parametrize("job_id", [None, "", "../../keys", "a b", 7])
async def test_an_id_that_cannot_be_one_is_an_error(
    films: mt.XAIVideoClient, server: Server, job_id: Any
) -> None:
    server.then(said({"request_id": job_id}))

    with pytest.raises(mt.ProviderError, match="without a usable id") as caught:
        await films.generate("waves")

    assert caught.value.may_have_been_billed
