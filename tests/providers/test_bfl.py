"""Black Forest Labs: the address to poll, what is moderated, what it costs, what a stop leaves."""

import base64
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.jobs import DENIALS
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Withdrawn
from mediatoolkit.runtime.gather import Polling
from tests.deadline import run_out
from tests.providers.queue_calls import (
    FOX,
    KEY,
    client_of,
    events_of,
    kept,
    paid,
    stopped,
    works,
)
from tests.test_prompts import picture
from tests.transport.server import Reply, Server, body, said, serving

JOB = "v1/get_result?id=t-1"
PENDING = said({"id": "t-1", "status": "Pending", "result": None})
PICTURE = body(picture(), Content_Type="image/png")
RAW = base64.b64encode(picture()).decode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


def begun(server: Server, **more: Any) -> Reply:
    return said({"id": "t-1", "polling_url": f"{server.url}/{JOB}", **more})


def state(status: str, **more: Any) -> Reply:
    return said({"id": "t-1", "status": status, "result": None, **more})


def ready(server: Server, **more: Any) -> Reply:
    result = {"sample": f"{server.url}/sample.png?sig=x", "prompt": "x", "seed": 9, **more}
    return state("Ready", result=result)


async def test_a_picture_is_polled_where_bfl_says(server: Server) -> None:
    """With the key in the header of its own, and with its price in cents."""
    busy = state("Pending", progress=0.25)
    server.then(begun(server, cost=4.5, output_mp=1.0), PENDING, busy, ready(server), PICTURE)

    async with client_of(mt.BFLImageClient, server) as client:
        image, events = await events_of(client, mt.ImagePrompt("x", size="2K", aspect="16:9"))

    begin, poll, _, _, _ = server.requests
    assert (begin.method, begin.path) == ("POST", "/v1/flux-2-pro")
    assert begin.headers["x-key"] == KEY
    assert "authorization" not in begin.headers
    assert begin.json == {"prompt": "x", "width": 2560, "height": 1440}
    assert (poll.method, poll.path) == ("GET", f"/{JOB}")
    assert works(events) == [("bfl: working", None), ("bfl: working", 0.25)]
    record = image.provenance
    assert (record.request_id, record.seed) == ("t-1", 9)
    assert record.usage == {"cost_usd": 0.045}


async def test_what_bfl_says_it_costs_is_what_it_cost(server: Server, tmp_path: Path) -> None:
    """Also where another process comes back for the picture."""
    server.then(begun(server, cost=4.5), PENDING)
    async with client_of(mt.BFLImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        job = agent.start(FOX)
        await run_out(job, lambda: len(server.requests) > 2)
        with pytest.raises(mt.DeadlineError):
            await job
    (job_id,) = kept(tmp_path)
    assert job_id == f"{JOB}#cost=4.5"

    server.then(ready(server), PICTURE)
    server.script.popleft()
    async with client_of(mt.BFLImageClient, server) as client:
        image = await mt.ImageGenAgent(client, store=tmp_path).resume(job_id)

    assert image.provenance
    assert image.provenance.cost
    assert image.provenance.cost["usd"] == "0.045"
    assert (paid(server), kept(tmp_path)) == (1, [])


async def test_a_stop_is_not_confirmed(server: Server) -> None:
    """BFL cannot be asked to stop, so the picture can be fetched later."""
    server.then(begun(server), PENDING)

    async with client_of(mt.BFLImageClient, server) as client:
        client.polling = Polling(first=60, cap=60)
        assert await stopped(client, FOX) == Withdrawn(confirmed=False)

    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bfl.ai.evil.example/v1/get_result?id=t-1",
        "https://evil.example/.bfl.ai?id=t-1",
        "https://evil.example:443@api.bfl.ai/v1/get_result?id=t-1",
        "http://api.eu.bfl.ai/v1/get_result?id=t-1",
        "https://evilbfl.ai/v1/get_result?id=t-1",
        "https://[api.bfl.ai/v1/get_result?id=t-1",
    ],
)
async def test_the_key_goes_to_hosts_of_bfl_alone(server: Server, url: str) -> None:
    """Neither a submit nor a record on disk leads it elsewhere."""
    server.then(begun(server, polling_url=url))
    async with client_of(mt.BFLImageClient, server) as client:
        with pytest.raises(mt.ProviderError, match="not its own") as caught:
            await client.generate(FOX)
        assert caught.value.may_have_been_billed

        async with CallContext(5) as context:
            with pytest.raises((mt.ProviderError, mt.PromptError)):
                await client.poll(url, await client.provenance(FOX), context)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://api.us1.bfl.ai/v1/get_result?id=t-1",
        "https://api.eu.bfl.ai/v1/get_result?id=t-1",
    ],
)
def test_regional_hosts_are_bfls(url: str) -> None:
    """The polling address may be at any of them."""
    client = mt.BFLImageClient(KEY)

    transport, path, query = client.transport_at(url)

    assert (transport.base_url, path, query) == (
        url.removesuffix(f"/{JOB}"),
        "/v1/get_result",
        {"id": "t-1"},
    )


@pytest.mark.parametrize("status", ["Request Moderated", "Content Moderated"])
async def test_what_is_moderated_is_a_refusal(server: Server, tmp_path: Path, status: str) -> None:
    """With its reasons."""
    reasons = {"Moderation Reasons": ["Derivative Works Filter", "Violence"]}
    server.then(begun(server), state(status, details=reasons))

    async with client_of(mt.BFLImageClient, server) as client:
        agent = mt.ImageGenAgent(client, store=tmp_path)
        with pytest.raises(mt.RefusalError, match="Derivative Works Filter, Violence") as caught:
            await agent.generate(FOX)

    assert caught.value.reason == status
    assert kept(tmp_path) == []


@pytest.mark.parametrize("status", ["Error", "Failed"])
async def test_what_failed_may_have_been_billed(server: Server, status: str) -> None:
    """And is over."""
    server.then(begun(server), state(status, details={"error": "out of paint"}))

    async with client_of(mt.BFLImageClient, server) as client:
        with pytest.raises(mt.ProviderError, match="out of paint") as caught:
            await client.generate(FOX)

    assert caught.value.may_have_been_billed


async def test_a_task_that_is_not_known_yet_is_polled_again(server: Server) -> None:
    """Only one that stays unknown is given up."""
    unknown = state("Task not found")
    server.then(begun(server), *[unknown] * (DENIALS - 1), ready(server), PICTURE)
    async with client_of(mt.BFLImageClient, server) as client:
        await client.generate(FOX)

        server.then(begun(server), unknown)
        server.script.popleft()
        with pytest.raises(mt.ProviderError, match="does not know the picture") as caught:
            await client.generate(FOX)
    assert caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("model", "options", "fields"),
    [
        ("flux-2-pro", {"references": [picture()]}, {"input_image": RAW}),
        (
            "flux-2-max",
            {"references": [picture()] * 3, "seed": 5, "safety_tolerance": 0},
            {
                "input_image": RAW,
                "input_image_2": RAW,
                "input_image_3": RAW,
                "seed": 5,
                "safety_tolerance": 0,
            },
        ),
        ("flux-2-flex", {"steps": 50, "guidance": 2.5}, {"steps": 50, "guidance": 2.5}),
        (
            "flux-pro-1.1-ultra",
            {"aspect": "21:9", "raw": True},
            {"aspect_ratio": "21:9", "raw": True},
        ),
        ("flux-kontext-pro", {"references": [picture()]}, {"input_image": RAW}),
        ("flux-pro-1.1", {"size": "512"}, {"width": 512, "height": 512}),
    ],
)
async def test_each_model_gets_its_fields(
    server: Server, model: str, options: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Pictures as bare base64."""
    server.then(begun(server), ready(server), PICTURE)

    async with client_of(mt.BFLImageClient, server, model=model) as client:
        await client.generate(mt.ImagePrompt.of("x", **options))

    assert server.requests[0].json == {"prompt": "x", **fields}


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("flux-2-pro", {"size": (1000, 1000)}, "multiples of 16"),
        ("flux-2-pro", {"size": (48, 64)}, "64×64"),
        ("flux-2-pro", {"size": (2064, 2048)}, "4 megapixels"),
        ("flux-2-pro", {"safety_tolerance": 6}, "safety_tolerance"),
        ("flux-2-pro", {"steps": 4}, "no option steps"),
        ("flux-2-pro", {"references": [picture()] * 9}, "at most 8"),
        ("flux-2-flex", {"guidance": 1}, "1.5 to 10"),
        ("flux-pro-1.1-ultra", {"size": "1K"}, 'aspect="16:9"'),
    ],
)
async def test_what_bfl_does_not_take_is_never_sent(
    server: Server, model: str, options: dict[str, Any], words: str
) -> None:
    """It says what BFL takes."""
    async with client_of(mt.BFLImageClient, server, model=model) as client:
        with pytest.raises(mt.PromptError, match=words):
            await client.generate(mt.ImagePrompt.of("x", **options))
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (
            403,
            {"error": "Forbidden", "message": "Not authenticated"},
            mt.AuthenticationError,
            "Not",
        ),
        (402, {"detail": "Insufficient credits"}, mt.RateLimitError, "no quota left"),
        (
            422,
            {"detail": [{"loc": ["body", "width"], "msg": "must be a multiple of 16"}]},
            mt.ProviderError,
            "width: must be a multiple of 16",
        ),
        (429, {"error": "Too many", "retry_after": 90}, mt.RateLimitError, "Too many"),
    ],
)
async def test_an_error_says_what_to_do(
    server: Server, status: int, document: Any, error: type[mt.ProviderError], words: str
) -> None:
    """In each of the envelopes; a wait that is too long is not begun."""
    server.then(said(document, status))

    async with client_of(mt.BFLImageClient, server) as client:
        with pytest.raises(error, match=words) as caught:
            await client.generate(FOX, timeout=60)

    assert not caught.value.may_have_been_billed
    assert len(server.requests) == 1
    assert caught.value.retry_after == (90 if status == 429 else None)


@pytest.mark.parametrize(
    ("model", "options", "cost"),
    [
        ("flux-2-pro", {"size": "1K"}, "0.03"),
        ("flux-2-pro", {"size": (2048, 2048)}, "0.075"),
        ("flux-2-klein-4b", {"size": "1K", "references": [picture()]}, "0.015"),
        ("flux-kontext-max", {"aspect": "1:1"}, "0.08"),
    ],
)
async def test_prices_follow_the_size(
    server: Server, model: str, options: dict[str, Any], cost: str
) -> None:
    """And the pictures that go in."""
    async with client_of(mt.BFLImageClient, server, model=model) as client:
        assert client.quote(mt.ImagePrompt.of("x", **options)).high == Decimal(cost)
