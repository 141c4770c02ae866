"""Servers of one's own, each of which speaks a little differently."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from tests.deadline import run_out
from tests.providers.test_openai import form
from tests.test_prompts import picture
from tests.transport.server import Server, body, said, serving, silence

PICTURE = base64.b64encode(picture()).decode()
LOCALAI = {"created": 1, "id": "7f", "data": [{"url": "/generated-images/b64.png"}]}
VLLM = {
    "created": 1,
    "data": [{"b64_json": PICTURE, "url": None, "revised_prompt": None}],
    "output_format": "png",
    "size": "1024x1024",
    "cot_output": None,
}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[mt.OpenAICompatibleImageClient]:
    async with mt.OpenAICompatibleImageClient(base_url=f"{server.url}/v1") as own:
        yield own


async def test_a_server_is_asked_without_a_key_and_for_base64(
    client: mt.OpenAICompatibleImageClient, server: Server
) -> None:
    """The model is left to it."""
    server.then(said(VLLM))

    image = await client.generate("a fox")

    (seen,) = server.requests
    assert "authorization" not in seen.headers
    assert seen.path == "/v1/images/generations"
    assert seen.json == {"prompt": "a fox", "response_format": "b64_json"}
    assert image.data == picture()
    assert image.cost
    assert image.cost.usd == 0
    assert image.provenance
    assert image.provenance.model == "openai-compatible/default"


async def test_a_picture_may_be_its_own_address(
    client: mt.OpenAICompatibleImageClient, server: Server
) -> None:
    server.then(said({"data": [{"url": f"data:image/png;base64,{PICTURE}"}]}))

    image = await client.generate("a fox")

    assert image.data == picture()
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["data:image/png;base64,!!", "data:text/html,<p>", "data:"])
async def test_an_address_that_is_no_picture_is_an_error(
    client: mt.OpenAICompatibleImageClient, server: Server, url: str
) -> None:
    server.then(said({"data": [{"url": url}]}))

    with pytest.raises(mt.MediaToolkitError) as caught:
        await client.generate("a fox")

    assert caught.value.may_have_been_billed


async def test_a_picture_may_stand_at_a_relative_address(
    client: mt.OpenAICompatibleImageClient, server: Server
) -> None:
    """LocalAI's way, where it is not asked for base64."""
    server.then(said(LOCALAI), body(picture(), Content_Type="image/png"))

    image = await client.generate("a fox")

    assert image.data == picture()
    assert server.requests[1].path == "/generated-images/b64.png"
    assert image.provenance
    assert image.provenance.request_id == "7f"


async def test_what_a_server_adds_is_sent_as_it_calls_it(server: Server) -> None:
    server.then(said(VLLM))
    prompt = mt.ImagePrompt.of(
        "a fox",
        size="2K",
        aspect="16:9",
        seed=7,
        negative_prompt="red",
        num_inference_steps=4,
        guidance_scale=3.5,
    )
    async with mt.OpenAICompatibleImageClient(
        "own-key-0123", base_url=f"{server.url}/v1", model="Qwen/Qwen-Image"
    ) as client:
        await client.generate(prompt)

    assert server.requests[0].headers["authorization"] == "Bearer own-key-0123"
    assert server.requests[0].json == {
        "model": "Qwen/Qwen-Image",
        "prompt": "a fox",
        "size": "2728x1536",
        "seed": 7,
        "response_format": "b64_json",
        "negative_prompt": "red",
        "num_inference_steps": 4,
        "guidance_scale": 3.5,
    }


async def test_an_edit_is_a_form_as_openai_has_it(
    client: mt.OpenAICompatibleImageClient, server: Server
) -> None:
    server.then(said(VLLM))

    await client.generate(mt.ImagePrompt("now red", references=[picture()]))

    (seen,) = server.requests
    assert seen.path == "/v1/images/edits"
    assert [name for name, *_ in form(seen)] == ["prompt", "response_format", "image"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"error": {"code": 500, "message": "no backend", "type": ""}}, "no backend"),
        ({"detail": "size must be WxH"}, "size must be WxH"),
        ({"detail": [{"loc": ["body", "n"], "msg": "too many", "type": "x"}]}, "body: n: too many"),
    ],
    ids=["LocalAI", "FastAPI", "fields"],
)
async def test_bad_input_may_be_called_a_fault_of_the_server(
    client: mt.OpenAICompatibleImageClient, server: Server, document: Any, words: str
) -> None:
    """It is not sent again: it would take as long to fail once more."""
    server.then(said(document, 500))

    with pytest.raises(mt.ProviderError, match=words) as caught:
        await client.generate("a fox")

    assert caught.value.status == 500
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "1001x1001"}, "multiples of 8"),
        ({"num_inference_steps": 0}, "from 1 to"),
        ({"negative_prompt": 7}, "takes str"),
        ({"no_such": 1}, "has no option no_such="),
    ],
)
async def test_what_no_server_takes_is_never_sent(
    client: mt.OpenAICompatibleImageClient, server: Server, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(mt.PromptError, match=words):
        await client.generate(mt.ImagePrompt.of("a fox", **options))

    assert server.requests == []


async def test_the_address_comes_from_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without one, the server is not among those that can be used."""
    monkeypatch.delenv("OPENAI_COMPATIBLE_BASE_URL", raising=False)
    assert not mt.OpenAICompatibleImageClient.has_key()
    (info,) = mt.OpenAICompatibleImageClient.models()
    assert "OPENAI_COMPATIBLE_BASE_URL" in info.reason

    server.then(said(VLLM))
    monkeypatch.setenv("OPENAI_COMPATIBLE_BASE_URL", f"{server.url}/v1")
    assert mt.OpenAICompatibleImageClient.has_key()
    async with mt.OpenAICompatibleImageClient() as client:
        await client.generate("a fox")

    assert len(server.requests) == 1


async def test_a_key_that_is_not_accepted_is_named(
    client: mt.OpenAICompatibleImageClient, server: Server
) -> None:
    """What to set is in the message."""
    server.then(said({"error": {"message": "Unauthorized"}}, status=401))

    with pytest.raises(mt.AuthenticationError, match="OPENAI_COMPATIBLE_API_KEY"):
        await client.generate("a fox")


async def test_nobody_pays_for_what_is_lost(
    client: mt.OpenAICompatibleImageClient, server: Server
) -> None:
    """The server may have done the work, which costs nothing, so no bill is spoken of."""
    server.then(silence())

    async with mt.ImageGenAgent(client) as agent:
        job = agent.start("a fox")
        await run_out(job, lambda: server.requests)
        with pytest.raises(mt.DeadlineError) as caught:
            await job

    assert caught.value.may_have_been_billed
    assert caught.value.is_free
    assert "bill" not in str(caught.value)


async def test_a_quota_that_is_used_up_is_never_tried_again(
    server: Server, client: mt.OpenAICompatibleImageClient
) -> None:
    """As a gateway of one's own passes it on, in OpenAI's words."""
    error = {"message": "You exceeded your quota.", "type": "insufficient_quota"}
    server.then(said({"error": error}, 429))

    with pytest.raises(mt.RateLimitError, match="no quota left") as caught:
        await client.generate("a fox")

    assert caught.value.quota_exhausted
    assert len(server.requests) == 1
