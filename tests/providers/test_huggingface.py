"""Hugging Face: its own inference, and what it routes to fal and Replicate."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Retrying, Withdrawn
from mediatoolkit.runtime.gather import Polling
from tests.deadline import run_out
from tests.media.clips import clip
from tests.media.samples import sound
from tests.providers.queue_calls import FOX, KEY, client_of, kept, paid, stopped
from tests.test_prompts import picture
from tests.transport.server import Reply, Server, body, said, serving

JOB = "fal-ai/fal-ai/wan/requests/r-1"
PICTURE = body(picture(), Content_Type="image/png")
URI = "data:image/png;base64," + base64.b64encode(picture()).decode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


async def test_a_model_of_the_hub_answers_with_the_picture(server: Server) -> None:
    """Field by field as the SDK asks it."""
    server.then(PICTURE)
    prompt = mt.ImagePrompt.of(
        "a blue square",
        size=(64, 64),
        seed=1,
        negative_prompt="blur",
        num_inference_steps=4,
        guidance_scale=3.5,
    )

    async with client_of(mt.HuggingFaceImageClient, server, model="acme/demo") as client:
        image = await client.generate(prompt)

    (request,) = server.requests
    assert request.path == "/hf-inference/models/acme/demo"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept"] == "image/png"
    assert request.json == {
        "inputs": "a blue square",
        "parameters": {
            "negative_prompt": "blur",
            "height": 64,
            "width": 64,
            "num_inference_steps": 4,
            "guidance_scale": 3.5,
            "seed": 1,
        },
    }
    assert image.data == picture()
    assert image.provenance
    assert image.provenance.model == "huggingface/acme/demo"


async def test_speech_of_the_hub(server: Server) -> None:
    """Also with the maker in the name."""
    server.then(body(sound("wav", "pcm_s16le"), Content_Type="audio/wav"))

    async with client_of(mt.HuggingFaceSpeechClient, server, model="hf-inference/tts") as client:
        audio = await client.generate("hello")

    (request,) = server.requests
    assert request.path == "/hf-inference/models/tts"
    assert request.json == {"inputs": "hello", "parameters": {}}
    assert audio.seconds > 0.1


async def test_a_picture_is_routed_to_fal(server: Server) -> None:
    """Field by field as the SDK asks it."""
    server.then(said({"images": [{"url": f"{server.url}/img.png"}]}), PICTURE)

    async with client_of(mt.HuggingFaceImageClient, server) as client:
        image = await client.generate(mt.ImagePrompt("x", size=(64, 64)))

    begin, media = server.requests
    assert begin.path == "/fal-ai/fal-ai/flux/dev"
    assert begin.json == {"prompt": "x", "image_size": {"width": 64, "height": 64}}
    assert media.path == "/img.png"
    assert image.provenance
    assert image.provenance.notes == {"made_by": "fal-ai"}


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("acme/draw", "/replicate/v1/models/acme/draw/predictions", None),
        ("acme/draw:abc", "/replicate/v1/predictions", "abc"),
    ],
)
async def test_a_picture_is_routed_to_replicate(
    server: Server, model: str, path: str, version: str | None
) -> None:
    """Which holds its answer back until it has one."""
    output = [f"{server.url}/out.png"]
    server.then(said({"id": "p1", "status": "processing", "output": output}, 201), PICTURE)

    async with client_of(
        mt.HuggingFaceImageClient, server, model=f"huggingface/replicate/{model}"
    ) as client:
        await client.generate(mt.ImagePrompt("x", seed=1))

    begin = server.requests[0]
    assert begin.path == path
    assert begin.headers["prefer"] == "wait"
    assert begin.json.get("version") == version
    assert begin.json["input"] == {"prompt": "x", "seed": 1}


async def test_speech_is_routed_with_its_text(server: Server) -> None:
    """In `text`."""
    speech = body(sound("wav", "pcm_s16le"), Content_Type="audio/wav")
    file = f"{server.url}/out.wav"
    server.then(
        said({"id": "p1", "status": "succeeded", "output": file}, 201),
        speech,
        said({"audio": {"url": file}}),
        speech,
    )

    for model in ("replicate/acme/speak", "fal-ai/acme/speak"):
        async with client_of(mt.HuggingFaceSpeechClient, server, model=model) as client:
            await client.generate("hello")

    assert server.requests[0].json == {"input": {"text": "hello"}}
    assert server.requests[2].json == {"text": "hello"}


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        ({"status": "failed", "error": "NSFW content detected"}, mt.RefusalError, "NSFW"),
        ({"status": "failed", "error": "no memory"}, mt.ProviderError, "failed.: no memory"),
        ({"status": "starting"}, mt.ProviderError, "waits for it no longer"),
    ],
)
async def test_a_route_to_replicate_without_a_result(
    server: Server, document: dict[str, Any], error: type[mt.ProviderError], words: str
) -> None:
    """Nobody can come back for it there."""
    server.then(said({"id": "p1", "output": None, **document}, 201))

    async with client_of(mt.HuggingFaceImageClient, server, model="replicate/a/b") as client:
        with pytest.raises(error, match=words) as caught:
            await client.generate(FOX)

    assert caught.value.may_have_been_billed is not isinstance(caught.value, mt.RefusalError)
    assert len(server.requests) == 1


async def test_a_model_that_is_loaded_is_asked_again_in_time(server: Server) -> None:
    """After as long as Hugging Face estimates, whatever the header says."""
    loading = {"error": "Model demo is currently loading", "estimated_time": 0.2}
    server.then(said(loading, 503, Retry_After="1"), PICTURE)
    events: list[Event] = []

    async with (
        client_of(mt.HuggingFaceImageClient, server, model="acme/demo") as client,
        CallContext(60, listener=events.append) as context,
    ):
        await client.make(FOX, context)

    (again,) = (event for event in events if isinstance(event, Retrying))
    assert 0.2 <= again.seconds < 0.8
    assert len(server.requests) == 2


async def test_a_model_that_loads_too_long_is_an_error_at_once(server: Server) -> None:
    """The message has the words of Hugging Face, the error the seconds."""
    loading = {"error": "Model demo is currently loading", "estimated_time": 90.0}
    server.then(said(loading, 503))

    async with client_of(mt.HuggingFaceImageClient, server, model="acme/demo") as client:
        with pytest.raises(mt.ProviderError, match="currently loading") as caught:
            await client.generate(FOX, timeout=30)

    assert caught.value.retry_after == 90
    assert not caught.value.may_have_been_billed


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (401, {"error": "Invalid username or password."}, mt.AuthenticationError, "HF_TOKEN"),
        (404, {"error": ["Model not found", "Try another"]}, mt.ModelNotFoundError, "found; Try"),
        (429, {"error": "Too many"}, mt.RateLimitError, "Too many"),
        (402, {"error": "You have exceeded your credits"}, mt.RateLimitError, "no quota left"),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "flagged", "type": "content_policy_violation"}]},
            mt.RefusalError,
            "flagged",
        ),
    ],
)
async def test_an_error_says_what_to_do(
    server: Server, status: int, document: Any, error: type[mt.ProviderError], words: str
) -> None:
    """In the envelope of Hugging Face, or of the provider."""
    server.then(said(document, status))

    async with client_of(
        mt.HuggingFaceImageClient, server, model="acme/demo", retry=mt.Retry(attempts=1)
    ) as client:
        with pytest.raises(error, match=words):
            await client.generate(FOX)


def begun() -> Reply:
    url = "https://queue.fal.run/fal-ai/wan/requests/r-1"
    return said({"status": "IN_QUEUE", "request_id": "r-1", "response_url": url})


WORKS = said({"status": "IN_PROGRESS", "logs": None}, 202)
DONE = said({"status": "COMPLETED", "logs": None})


async def test_a_film_goes_through_fals_queue(server: Server) -> None:
    """Below the router, with the router's key."""
    film = said({"video": {"url": f"{server.url}/out.mp4"}})
    server.then(begun(), WORKS, DONE, film, body(clip(), Content_Type="video/mp4"))

    async with client_of(
        mt.HuggingFaceVideoClient, server, model="huggingface/fal-ai/fal-ai/wan/v2/text-to-video"
    ) as client:
        video = await client.generate(mt.VideoPrompt("waves", image=picture(), seed=2))

    paths = [(request.method, request.path) for request in server.requests]
    assert paths == [
        ("POST", "/fal-ai/fal-ai/wan/v2/text-to-video?_subdomain=queue"),
        ("GET", f"/{JOB}/status?logs=true&_subdomain=queue"),
        ("GET", f"/{JOB}/status?logs=true&_subdomain=queue"),
        ("GET", f"/{JOB}?_subdomain=queue"),
        ("GET", "/out.mp4"),
    ]
    assert server.requests[0].json == {"prompt": "waves", "seed": 2, "image_url": URI}
    assert video.provenance
    assert video.provenance.request_id == "r-1"


@pytest.mark.parametrize("url", ["http://[", "", "fal-ai", 5])
async def test_a_film_without_a_usable_address_is_typed(server: Server, url: Any) -> None:
    """It has been paid, so that is said."""
    server.then(said({"status": "IN_QUEUE", "response_url": url}))
    async with client_of(mt.HuggingFaceVideoClient, server, model="fal-ai/fal-ai/wan") as client:
        with pytest.raises(mt.ProviderError, match="without an address") as caught:
            await client.generate("waves")
    assert caught.value.may_have_been_billed


async def test_a_film_is_stopped_and_come_back_for(server: Server, tmp_path: Path) -> None:
    """The job's id is its path below the router."""
    kind, model = mt.HuggingFaceVideoClient, "fal-ai/fal-ai/wan/v2"
    server.then(begun(), WORKS, said({"status": "CANCELLATION_REQUESTED"}, 202))
    async with client_of(kind, server, model=model) as client:
        client.polling = Polling(first=60, cap=60)
        assert await stopped(client, mt.VideoPrompt("waves")) == Withdrawn(confirmed=False)
    assert server.requests[-1].path == f"/{JOB}/cancel?_subdomain=queue"

    server.then(begun(), WORKS)
    server.script.popleft()
    async with client_of(kind, server, model=model) as client:
        job = mt.VideoGenAgent(client, store=tmp_path).start("waves")
        await run_out(job, lambda: len(server.requests) > 5)
        with pytest.raises(mt.DeadlineError):
            await job
    assert kept(tmp_path) == [JOB]

    film = said({"video": {"url": f"{server.url}/out.mp4"}})
    server.then(DONE, film, body(clip(), Content_Type="video/mp4"))
    server.script.popleft()
    async with client_of(kind, server, model=model) as client:
        await mt.VideoGenAgent(client, store=tmp_path).resume(JOB)
    assert (paid(server), kept(tmp_path)) == (2, [])


def test_a_film_of_another_maker_is_refused() -> None:
    """It says which way there is."""
    with pytest.raises(mt.PromptError, match="huggingface/fal-ai/…"):
        mt.HuggingFaceVideoClient(KEY, model="acme/film")
