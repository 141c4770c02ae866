"""OpenAI: what goes over the wire, what comes back, and every way in which it says no."""

import base64
import io
import json
from collections.abc import AsyncIterator
from email import message_from_bytes
from typing import Any

import numpy as np
import PIL.Image
import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.events import Partial, Progress
from tests.test_prompts import picture
from tests.transport.server import Seen, Server, raw, said, serving

pytestmark = pytest.mark.filterwarnings("ignore:openai/.* end:FutureWarning")

KEY = "sk-test-0123456789"
PICTURE = base64.b64encode(picture()).decode()
USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 2},
    "output_tokens": 272,
    "output_tokens_details": {"image_tokens": 272, "text_tokens": 0},
    "total_tokens": 284,
}
ANSWER = {"created": 1795000000, "data": [{"b64_json": PICTURE}], "usage": USAGE}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Answers every prompt with one small picture."""
    async with serving() as one:
        one.then(said(ANSWER, x_request_id="req_1"))
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[mt.OpenAIImageClient]:
    async with mt.OpenAIImageClient(KEY, base_url=f"{server.url}/v1") as openai:
        yield openai


def form(seen: Seen) -> list[tuple[Any, ...]]:
    """Name, file name, content type and content of every part, by the parser of mail."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + seen.body).get_payload()
    assert isinstance(parts, list)
    return [
        (
            str(part.get_param("name", header="content-disposition")),  # type: ignore[union-attr]
            part.get_filename(),  # type: ignore[union-attr]
            part.get("content-type"),  # type: ignore[union-attr]
            part.get_payload(decode=True),  # type: ignore[union-attr]
        )
        for part in parts
    ]


async def test_a_text_becomes_a_picture_with_its_origin(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    image = await client.generate(mt.ImagePrompt.of("a red fox", size="1024x1024", quality="low"))
    record = image.provenance
    assert record is not None
    assert (image.mime_type, image.data) == ("image/png", picture())
    assert (record.model, record.engine) == ("openai/gpt-image-2.6-sunburst", "openai")
    assert record.options == {"size": "1024x1024", "quality": "low"}
    assert record.usage == {
        "input": {"TEXT": 10, "IMAGE": 2},
        "output": {"IMAGE": 272},
        "total": 284,
    }
    assert record.request_id == "req_1"
    (seen,) = server.requests
    assert (seen.method, seen.path) == ("POST", "/v1/images/generations")
    assert seen.headers["authorization"] == f"Bearer {KEY}"


async def test_a_request_is_the_sdks_field_by_field(server: Server) -> None:
    """Named differences: one picture is the vendor's default, and nobody is identified."""
    async with mt.OpenAIImageClient(
        KEY, base_url=f"{server.url}/v1", model="gpt-image-2.5-flare"
    ) as client:
        prompt = mt.ImagePrompt.of(
            "a blue square",
            size="1536x864",
            background="opaque",
            moderation="low",
            output_compression=80,
            output_format="webp",
            quality="low",
        )
        await client.generate(prompt)
    assert server.requests[0].json == {
        "model": "gpt-image-2.5-flare",
        "prompt": "a blue square",
        "background": "opaque",
        "moderation": "low",
        "output_compression": 80,
        "output_format": "webp",
        "quality": "low",
        "size": "1536x864",
    }


async def test_an_edit_is_a_form_with_texts_first_and_files_last(server: Server) -> None:
    """As the SDK sends it; named difference: each file has a name and a type of its own."""
    mask = np.zeros((picture_size()[1], picture_size()[0]), np.uint8)
    mask[: len(mask) // 2] = 255
    async with mt.OpenAIImageClient(
        KEY, base_url=f"{server.url}/v1", model="gpt-image-1.5"
    ) as client:
        prompt = mt.ImagePrompt.of(
            "x",
            references=[picture(), picture()],
            mask=mask,
            input_fidelity="high",
            output_format="jpeg",
        )
        await client.generate(prompt)
    (seen,) = server.requests
    assert seen.path == "/v1/images/edits"
    *texts, first, second, drawn = form(seen)
    assert {name: content.decode() for name, _, _, content in texts} == {
        "model": "gpt-image-1.5",
        "prompt": "x",
        "input_fidelity": "high",
        "output_format": "jpeg",
    }
    assert all((file, kind) == (None, None) for _, file, kind, _ in texts)
    assert first == second == ("image[]", "image.png", "image/png", picture())
    assert drawn[:3] == ("mask", "mask.png", "image/png")
    alpha = np.asarray(PIL.Image.open(io.BytesIO(drawn[3])).getchannel("A"))
    assert np.array_equal(alpha == 0, mask == 255), "transparent is what may change"


def picture_size() -> tuple[int, int]:
    return PIL.Image.open(io.BytesIO(picture())).size


async def test_one_picture_has_the_plain_name_and_the_previous_one_comes_first(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    first = await client.generate("a fox")
    await client.generate(mt.ImagePrompt("now red", previous=first))
    other = picture((9, 9))
    await client.generate(mt.ImagePrompt("as here", previous=first, references=[other]))
    single, several = form(server.requests[1]), form(server.requests[2])
    assert [name for name, *_ in single] == ["model", "prompt", "image"]
    assert [content for name, *_, content in several if name == "image[]"] == [first.data, other]


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ({}, None),
        ({"size": "1K"}, "1024x1024"),
        ({"size": "512"}, "512x512"),
        ({"aspect": "16:9"}, "1360x768"),
        ({"size": "2K", "aspect": "3:2"}, "2512x1680"),
    ],
)
async def test_a_tier_and_a_shape_become_pixels(
    client: mt.OpenAIImageClient, server: Server, shape: dict[str, str], size: str | None
) -> None:
    """In multiples of 16, with the area of the tier's square."""
    await client.generate(mt.ImagePrompt.of("a fox", **shape))
    assert server.requests[0].json.get("size") == size


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "1000x1000"}, "multiples of 16"),
        ({"size": "3200x1024"}, "up to 3:1"),
        ({"size": "4096x2048"}, "3840×2160"),
        ({"size": "4K"}, '"1K"'),
        ({"seed": 7}, "takes no seed"),
        ({"quality": "best"}, "auto, low, medium, high, xhigh, max"),
        ({"background": "transparent", "output_format": "jpeg"}, '"png" or "webp"'),
        ({"output_compression": 50}, '"jpeg" or "webp"'),
        ({"output_compression": 101, "output_format": "jpeg"}, "from 0 to 100"),
        ({"partial_images": 4}, "from 0 to 3"),
        ({"references": [picture()] * 17}, "at most 16 references"),
        ({"style": "vivid"}, "has no option style="),
        ({"text": "x" * 32_001}, "32,000"),
    ],
)
async def test_what_openai_does_not_take_is_refused_before_it_is_sent(
    client: mt.OpenAIImageClient, server: Server, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(mt.PromptError, match=words):
        await client.generate(mt.ImagePrompt.of(options.pop("text", "a fox"), **options))
    assert server.requests == []


def event(kind: str, **fields: Any) -> bytes:
    document = {"type": kind, "b64_json": PICTURE, **fields}
    return f"event: {kind}\ndata: {json.dumps(document)}\n\n".encode()


def stream(*events: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    content = b"".join(events)
    return head + f"Content-Length: {len(content)}\r\n\r\n".encode() + content


async def test_unfinished_pictures_are_seen_and_the_finished_one_is_kept(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    parts = [event("image_generation.partial_image", partial_image_index=n) for n in (0, 1)]
    server.script.clear()
    server.then(raw(stream(*parts, event("image_generation.completed", usage=USAGE))))
    seen: list[Partial] = []

    def look(progress: Progress) -> None:
        if isinstance(progress.event, Partial):
            seen.append(progress.event)

    async with mt.ImageGenAgent(client) as agent:
        job = agent.start("a fox", partial_images=2)
        job.subscribe(look)
        image = await job
    assert image.data == picture()
    assert image.provenance
    assert image.provenance.usage["total"] == 284
    assert len(seen) == 2
    assert server.requests[0].json["stream"] is True
    assert server.requests[0].json["partial_images"] == 2


async def test_no_unfinished_pictures_are_no_stream(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    """The vendor refuses a number of them, be it 0, where nothing is streamed."""
    await client.generate(mt.ImagePrompt.of("a fox", partial_images=0))

    assert server.requests[0].json.keys() == {"model", "prompt"}


async def test_a_stream_without_its_last_event_is_no_picture(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    server.script.clear()
    server.then(raw(stream(event("image_generation.partial_image", partial_image_index=0))))
    with pytest.raises(mt.ProviderError, match="without its last event") as caught:
        await client.generate(mt.ImagePrompt.of("a fox", partial_images=1))
    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_an_error_within_a_stream_is_typed(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    error = {"message": "Not this.", "type": "image_generation_user_error"}
    event = {"type": "error", "error": {**error, "code": "moderation_blocked"}}
    server.script.clear()
    server.then(raw(stream(f"event: error\ndata: {json.dumps(event)}\n\n".encode())))
    with pytest.raises(mt.RefusalError) as caught:
        await client.generate(mt.ImagePrompt.of("a fox", partial_images=1))
    assert caught.value.reason == "moderation_blocked"


def refused(message: str, code: str | None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


async def test_a_refusal_carries_the_vendors_code_and_words(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    words = "Your request was rejected by the safety system. safety_violations=[sexual]."
    server.script.clear()
    kind = "image_generation_user_error"
    server.then(said(refused(words, "moderation_blocked", kind), 400, x_request_id="req_2"))
    with pytest.raises(mt.RefusalError, match=r"safety_violations=\[sexual\]") as caught:
        await client.generate("a fox")
    assert (caught.value.reason, caught.value.request_id) == ("moderation_blocked", "req_2")
    assert not caught.value.may_have_been_billed
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
async def test_an_empty_account_is_never_asked_again(
    client: mt.OpenAIImageClient, server: Server, code: str
) -> None:
    server.script.clear()
    server.then(said(refused("You exceeded your current quota.", code), 429))
    with pytest.raises(mt.RateLimitError, match="no quota left") as caught:
        await client.generate("a fox")
    assert caught.value.quota_exhausted
    assert len(server.requests) == 1


async def test_the_wait_in_milliseconds_is_obeyed(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    server.script.clear()
    fields = {"Retry_After_Ms": "20", "Retry_After": "3600"}
    server.then(said(refused("Slow down.", "rate_limit_exceeded"), 429, **fields), said(ANSWER))
    await client.generate("a fox")
    assert len(server.requests) == 2


async def test_the_vendor_may_say_that_asking_again_is_useless(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    server.script.clear()
    server.then(said(refused("No.", "server_error"), 500, x_should_retry="false"))
    with pytest.raises(mt.ProviderError, match=r"OpenAI answered 500: No\."):
        await client.generate("a fox")
    assert len(server.requests) == 1


async def test_a_bad_key_and_a_retired_model_say_what_to_do(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    server.script.clear()
    server.then(said(refused("Incorrect API key.", "invalid_api_key"), 401))
    with pytest.raises(mt.AuthenticationError, match="Set OPENAI_API_KEY"):
        await client.generate("a fox")
    server.script.clear()
    server.then(said(refused("The model was retired.", "model_not_found"), 404))
    with pytest.raises(mt.ModelNotFoundError, match=r"Live ones: gpt-image-2\.6-sunburst"):
        await client.generate("a fox")


async def test_an_answer_without_a_picture_may_be_billed(
    client: mt.OpenAIImageClient, server: Server
) -> None:
    documents: list[Any] = [{}, {"data": []}, {"data": [{}]}, {"data": [{"b64_json": None}]}, []]
    for document in documents:
        server.script.clear()
        server.then(said(document))
        with pytest.raises(mt.ProviderError) as caught:
            await client.generate("a fox")
        assert caught.value.may_have_been_billed
    assert len(server.requests) == 5


def test_a_missing_key_lists_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(mt.AuthenticationError, match="OPENAI_API_KEY in the environment"):
        mt.OpenAIImageClient()


async def test_key_and_address_come_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    async with mt.OpenAIImageClient() as client:
        await client.generate("a fox")
    assert server.requests[0].path == "/v1/images/generations"
