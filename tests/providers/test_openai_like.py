"""What vendors that speak as OpenAI does have in common, by one that is small."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.capabilities import Capabilities, ModelInfo, Number, Taken
from mediatoolkit.providers.openai_like import OpenAILikeImageClient, at_most, data_urls
from mediatoolkit.runtime.events import Partial, Progress
from tests.test_prompts import picture
from tests.transport.server import Server, body, hang_up, head, said, serving

KEY = "acme-key-0123456789"
PICTURE = base64.b64encode(picture()).decode()
DATA_URL = f"data:image/png;base64,{PICTURE}"


class AcmeImageClient(OpenAILikeImageClient):
    """All that a vendor has to say."""

    provider = "acme"
    label = "Acme"
    key_names = ("ACME_API_KEY",)
    default_base_url = "https://acme.example/v1"
    edit_path = None
    catalog = (
        ModelInfo(
            "acme/brush",
            Capabilities(
                aspect=Taken(),
                references=Taken(),
                previous=Taken(),
                options={"partial_images": Number(0, 3, whole=True)},
                together=(at_most(2),),
            ),
        ),
    )

    def fields(self, prompt: mt.ImagePrompt) -> dict[str, Any]:
        pictures = data_urls(prompt)
        return {**super().fields(prompt), "aspect": prompt.aspect, "pictures": pictures or None}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AcmeImageClient]:
    async with AcmeImageClient(KEY, base_url=f"{server.url}/v1") as acme:
        yield acme


async def test_a_vendor_says_its_fields_and_nothing_more(
    client: AcmeImageClient, server: Server
) -> None:
    """What is left out is not sent; pictures stand in the JSON, at the same address."""
    server.then(said({"data": [{"b64_json": PICTURE}]}))

    await client.generate("a fox")
    await client.generate(mt.ImagePrompt("as here", aspect="2:3", references=[picture()]))

    assert [request.path for request in server.requests] == ["/v1/images/generations"] * 2
    assert [request.json for request in server.requests] == [
        {"model": "brush", "prompt": "a fox"},
        {"model": "brush", "prompt": "as here", "aspect": "2:3", "pictures": [DATA_URL]},
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"b64_json": PICTURE, "media_type": "image/png"},
        {"b64_json": PICTURE, "mime_type": "image/jpeg", "url": None},
        {"url": "/files/fox.png", "b64_json": None},
        {"url": "files/fox.png", "b64_json": ""},
        {"url": "{server}/files/fox.png", "type": "url"},
    ],
    ids=["base64", "wrong type", "absolute path", "relative path", "address"],
)
async def test_a_picture_comes_as_base64_or_at_an_address(
    client: AcmeImageClient, server: Server, entry: dict[str, Any]
) -> None:
    """Its bytes tell its type, whatever the vendor calls it."""
    url = entry.get("url")
    entry = {**entry, "url": url and url.replace("{server}", server.url)}
    server.then(said({"data": [entry]}), body(picture(), Content_Type="image/png"))

    image = await client.generate("a fox")

    assert (image.data, image.mime_type) == (picture(), "image/png")
    if url:
        base = "/v1/files" if url.startswith("files") else "/files"
        assert (server.requests[1].method, server.requests[1].path) == ("GET", f"{base}/fox.png")
        assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"


async def test_a_picture_at_a_foreign_private_address_is_not_fetched(
    client: AcmeImageClient, server: Server
) -> None:
    """It is paid all the same."""
    async with serving() as other:
        server.then(said({"data": [{"url": f"{other.url}/fox.png"}]}))
        with pytest.raises(mt.UnsafeURLError) as caught:
            await client.generate("a fox")

    assert caught.value.may_have_been_billed
    assert other.requests == []


async def test_the_record_has_what_the_vendor_tells(
    client: AcmeImageClient, server: Server
) -> None:
    """The count of a chat, what it cost, what was drawn instead, and a name for the call."""
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 1129,
        "completion_tokens_details": {"image_tokens": 1120},
        "total_tokens": 1138,
        "cost": 0.0336,
    }
    entry = {"b64_json": PICTURE, "revised_prompt": "a red fox"}
    server.then(said({"id": "nz-1", "data": [entry], "usage": usage}))

    image = await client.generate("a fox")

    record = image.provenance
    assert record
    assert record.usage == {
        "input": {"TEXT": 9},
        "output": {"IMAGE": 1120, "TEXT": 9},
        "total": 1138,
        "cost_usd": 0.0336,
    }
    assert image.cost
    assert str(image.cost.usd) == "0.0336"
    assert record.request_id == "nz-1"
    assert record.notes == {"revised_prompt": "a red fox"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"error": {"message": "No brush.", "code": 400}}, "No brush."),
        ({"error": "No brush", "code": "no_brush"}, "No brush."),
        ({"object": "error", "message": "No brush", "code": "7"}, "No brush."),
        ({"detail": "No brush"}, "No brush."),
        ({"detail": [{"loc": ["body", "size"], "msg": "bad"}]}, "body: size: bad."),
        ({"detail": [1]}, "status 400"),
        ({"detail": [{"loc": 7, "msg": 8}]}, "status 400"),
        ([], "status 400"),
    ],
)
async def test_an_error_has_one_of_several_shapes(
    client: AcmeImageClient, server: Server, document: Any, words: str
) -> None:
    server.then(said(document, 400))

    with pytest.raises(mt.ProviderError) as caught:
        await client.generate("a fox")

    assert words in str(caught.value)
    assert not caught.value.may_have_been_billed


async def test_an_error_may_be_plain_text(client: AcmeImageClient, server: Server) -> None:
    server.then(body(b"no such brush", 400, Content_Type="text/plain"))

    with pytest.raises(mt.ProviderError, match="no such brush"):
        await client.generate("a fox")


@pytest.mark.parametrize(
    ("document", "words"),
    [({"error": {"message": "Busy."}}, "Busy."), ({"data": []}, "without a picture")],
)
async def test_a_success_without_a_picture_may_be_billed(
    client: AcmeImageClient, server: Server, document: Any, words: str
) -> None:
    server.then(said(document))

    with pytest.raises(mt.ProviderError, match=words) as caught:
        await client.generate("a fox")

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


def events(*documents: Any) -> bytes:
    lines = [f"data: {json.dumps(document)}\n\n" for document in documents]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


async def test_events_without_names_are_seen_as_they_come(
    client: AcmeImageClient, server: Server
) -> None:
    """The type stands in the data."""
    unfinished = {"type": "image_generation.partial_image", "b64_json": PICTURE}
    finished = {"type": "image_generation.completed", "b64_json": PICTURE, "usage": {"cost": 1}}
    server.then(body(events(unfinished, finished), Content_Type="text/event-stream"))
    seen: list[Partial] = []

    def look(progress: Progress) -> None:
        if isinstance(progress.event, Partial):
            seen.append(progress.event)

    async with mt.ImageGenAgent(client) as agent:
        job = agent.start("a fox", partial_images=1)
        job.subscribe(look)
        image = await job

    assert image.data == picture()
    assert image.cost
    assert image.cost.usd == 1
    assert len(seen) == 1
    assert server.requests[0].json["stream"] is True


async def test_a_picture_whose_stream_is_cut_behind_it_costs_what_it_says(
    client: AcmeImageClient, server: Server
) -> None:
    finished = {"type": "image_generation.completed", "b64_json": PICTURE, "usage": {"cost": 1}}
    promised = head(Content_Type="text/event-stream", Content_Length=10**6)
    server.then(hang_up(promised + f"data: {json.dumps(finished)}\n\n".encode()))
    before, unclear = mt.budget.spent, mt.budget.unclear

    await client.generate(mt.ImagePrompt("a fox", options={"partial_images": 1}))

    assert mt.budget.spent - before == 1
    assert mt.budget.unclear == unclear


async def test_a_model_that_does_not_stream_sends_the_whole(
    client: AcmeImageClient, server: Server
) -> None:
    server.then(said({"created": 1, "data": [{"b64_json": PICTURE}]}))

    image = await client.generate(mt.ImagePrompt.of("a fox", partial_images=1))

    assert image.data == picture()


async def test_too_many_pictures_are_never_sent(client: AcmeImageClient, server: Server) -> None:
    """The previous one is one of them."""
    previous = mt.Image(picture())

    with pytest.raises(mt.PromptError, match="up to 2 pictures, not 3"):
        await client.generate(
            mt.ImagePrompt("a fox", previous=previous, references=[picture()] * 2)
        )

    assert server.requests == []
