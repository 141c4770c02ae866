"""OpenAI's SDK pointed at a vLLM-omni server, whose films are OpenAI's retired protocol."""

import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from mediatoolkit.media import Audio
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks

# OpenAI's own service of films has ended; the SDK says so with every call.
pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API:DeprecationWarning")
DRAWER, SPEAKER, FILMER = "acme/painter", "acme/speaker", "acme/filmer"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("vllm",), detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[Any]:
    """Untyped on purpose: a server has models and voices of its own."""
    async with sdks.openai(sim, "vllm") as client:
        yield client


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    return file.getvalue()


async def test_the_sdk_draws_in_base64(sdk: Any) -> None:
    answer = await sdk.images.generate(
        model=DRAWER,
        prompt="a fox",
        n=2,
        size="1024x1024",
        output_format="webp",
        extra_body={"num_inference_steps": 20, "negative_prompt": "red", "seed": 7, "other": 1},
    )

    pictures = [Image.open(io.BytesIO(base64.b64decode(each.b64_json))) for each in answer.data]
    assert [(picture.format, picture.size) for picture in pictures] == [("WEBP", (1024, 1024))] * 2
    assert (answer.data[0].url, answer.usage) == (None, None)
    assert (answer.output_format, answer.size) == ("webp", "1024x1024")


async def test_the_sdk_edits_by_a_form(sdk: Any) -> None:
    answer = await sdk.images.edit(
        model=DRAWER,
        prompt="make it green",
        image=[("a.png", png(), "image/png"), ("b.png", png(), "image/png")],
        size="1024x1024",
        extra_body={"guidance_scale": "3.5"},
    )

    assert answer.data[0].b64_json


@pytest.mark.parametrize("form", ["wav", "mp3"])
async def test_the_sdk_speaks(sdk: Any, form: str) -> None:
    response = await sdk.audio.speech.create(
        model=SPEAKER,
        input="Hello there.",
        voice="vivian",
        instructions="calm",
        response_format=form,
        extra_body={"task_type": "CustomVoice", "language": "en"},
    )

    assert Audio(response.content).seconds == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("way", ["sse", "audio"])
async def test_the_sdk_streams(sdk: Any, way: str) -> None:
    async with sdk.audio.speech.with_streaming_response.create(
        model=SPEAKER,
        input="Hello there.",
        voice="vivian",
        response_format="pcm",
        stream_format=way,
        extra_body={"stream": True},
    ) as response:
        body = await response.read()
    if way == "sse":
        lines = body.decode().replace("\r\n", "\n").strip().split("\n\n")
        events = [json.loads(line.partition("data: ")[2]) for line in lines]
        assert events[-1]["type"] == "speech.audio.done"
        assert events[-1]["usage"]["total_tokens"] > 0
        body = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])

    assert np.frombuffer(body, "<i2").size == 24_000 * 0.4


async def test_the_sdk_films_and_waits(sdk: Any, sim: Simulator) -> None:
    job = await sdk.videos.create(
        model=FILMER,
        prompt="waves",
        seconds="4",
        size="1280x720",
        input_reference=("ref.png", png(), "image/png"),
    )
    states = [(job.status, job.progress)]
    while job.status != "completed":
        job = await sdk.videos.retrieve(job.id)
        states.append((job.status, job.progress))
    film = await sdk.videos.download_content(job.id, variant="video")

    assert states == [("queued", 0), ("queued", 33), ("in_progress", 66), ("completed", 100)]
    assert (job.seconds, job.size, job.model) == ("4", "1280x720", FILMER)
    assert is_mp4(film.content)
    assert [each.id async for each in sdk.videos.list()] == [job.id]
    assert sim.vllm.meter.total == 0


async def test_a_film_is_cancelled_by_deleting_it(sdk: Any) -> None:
    job = await sdk.videos.create(model=FILMER, prompt="waves")
    gone = await sdk.videos.delete(job.id)

    assert (gone.id, gone.deleted) == (job.id, True)
    with pytest.raises(openai.NotFoundError):
        await sdk.videos.retrieve(job.id)


async def test_a_film_that_fails_says_why(sdk: Any, sim: Simulator) -> None:
    sim.then(faults.EndsAs("failed", code="500", message="out of memory"), at="start")
    job = await sdk.videos.create(model=FILMER, prompt="waves")
    while job.status != "failed":
        job = await sdk.videos.retrieve(job.id)

    assert (job.error.code, job.error.message) == ("500", "out of memory")
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.videos.download_content(job.id)
    assert caught.value.response.json() == {"detail": f"Video {job.id} is not completed"}


async def test_a_film_comes_at_once(sdk: Any) -> None:
    body = {"prompt": "x", "num_frames": 12, "fps": 24, "width": 64, "height": 48}
    response: httpx.Response = await sdk.post("/videos/sync", body=body, cast_to=httpx.Response)

    assert response.headers["Content-Type"] == "video/mp4"
    assert is_mp4(response.content)


async def test_the_sdk_lists_models_and_voices(sdk: Any) -> None:
    voices = await sdk.get("/audio/voices", cast_to=object)

    assert [model.id async for model in sdk.models.list()] == [DRAWER, SPEAKER, FILMER]
    assert voices == {"voices": ["vivian"]}


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ({"model": "none"}, 404, {"error": {"type": "NotFoundError", "param": "model"}}),
        ({"n": 11}, 422, {"detail": [{"type": "maximum", "loc": ["body", "n"]}]}),
        ({"extra_body": {"response_format": "file"}}, 501, {}),
    ],
    ids=["model", "n", "file"],
)
async def test_errors_come_in_two_forms(
    sdk: Any, fields: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.images.generate(**{"prompt": "x", **fields})

    assert caught.value.status_code == status
    told = caught.value.response.json()
    assert body.get("error", {}).items() <= told.get("error", {}).items()
    if "detail" in body:
        assert body["detail"][0].items() <= told["detail"][0].items()


async def test_an_error_of_the_server_has_a_detail(sdk: Any, sim: Simulator) -> None:
    sim.then(faults.Status(503, message="the engine is dead"))

    with pytest.raises(openai.InternalServerError) as caught:
        await sdk.images.generate(prompt="x")

    assert caught.value.response.json() == {"detail": "the engine is dead"}
