"""OpenRouter's own SDK against the simulator; and OpenAI's, where it works there, too."""

import base64
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import numpy as np
import openai
import pytest
from openrouter import components, errors
from PIL import Image

from mediatoolkit.media import Audio
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks

KEY = "a-key-of-tests"
DRAWER = "google/gemini-3.1-flash-image"
STREAMER = "openai/gpt-image-2.6-flare"
SPEAKER = "google/gemini-3.8-flash-tts"
FILMER = "google/veo-3.1"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("openrouter",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[Any]:
    async with sdks.openrouter(sim) as client:
        yield client


def picture(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def data_url(size: tuple[int, int] = (64, 64)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


async def test_the_sdk_draws_and_the_cost_is_the_bill(sdk: Any, sim: Simulator) -> None:
    answer = await sdk.images.generate_async(
        model=DRAWER,
        prompt="a blue square",
        n=2,
        resolution="1K",
        aspect_ratio="16:9",
        quality="low",
        background="opaque",
        output_format="webp",
        seed=7,
        session_id="s1",
        user="u1",
        provider={
            "only": ["google-ai-studio"],
            "allow_fallbacks": False,
            "options": {"openai": {"moderation": "low"}},
        },
    )

    assert [picture(each.b64_json).size for each in answer.data] == [(1360, 768)] * 2
    assert {each.media_type for each in answer.data} == {"image/webp"}
    assert answer.usage.completion_tokens == 2240
    assert Decimal(str(answer.usage.cost)) == sim.openrouter.meter.total == Decimal("0.067201")


async def test_the_sdk_sends_references(sdk: Any) -> None:
    part = {"type": "image_url", "image_url": {"url": data_url()}}
    answer = await sdk.images.generate_async(
        model=DRAWER, prompt="x", size="1024x768", input_references=[part]
    )

    assert picture(answer.data[0].b64_json).size == (1024, 768)
    assert answer.usage.prompt_tokens == 324


async def test_the_sdk_reads_the_stream(sdk: Any, sim: Simulator) -> None:
    stream = await sdk.images.generate_async(model=STREAMER, prompt="x", stream=True)
    events = [event async for event in stream]

    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert Decimal(str(events[-1].usage.cost)) == sim.openrouter.meter.total


async def test_a_model_that_does_not_stream_answers_at_once(sdk: Any) -> None:
    answer = await sdk.images.generate_async(model=DRAWER, prompt="x", stream=True)

    assert isinstance(answer, components.ImageGenerationResponse)


async def test_a_refusal_within_a_stream_is_an_ordinary_event(sdk: Any, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked("sexual"))
    stream = await sdk.images.generate_async(model=STREAMER, prompt="x", stream=True)
    events = [event async for event in stream]

    assert events[-1].error.code == "moderation_blocked"
    assert sim.openrouter.meter.total == 0


@pytest.mark.parametrize("form", ["pcm", "mp3"])
async def test_the_sdk_speaks_and_the_cost_is_asked_for_later(
    sdk: Any, sim: Simulator, form: str
) -> None:
    response = await sdk.tts.create_speech_async(
        model=SPEAKER,
        input=[{"text": "Hello.", "voice": "Kore"}, {"text": "Hi.", "voice": "Puck"}],
        response_format=form,
        instructions="calm",
        speed=1.1,
    )
    data = await response.aread()
    name = response.headers["X-Generation-Id"]
    generation = await sdk.generations.get_generation_async(id=name)

    if form == "pcm":
        assert response.headers["Content-Type"] == "audio/pcm;rate=24000;channels=1"
        assert np.frombuffer(data, "<i2").size / 24_000 == pytest.approx(0.48)
    else:
        assert response.headers["Content-Type"] == "audio/mpeg"
        assert Audio(data).seconds == pytest.approx(0.48, abs=0.03)
    assert Decimal(str(generation.data.total_cost)) == sim.openrouter.meter.total > 0


async def test_openais_sdk_speaks(sim: Simulator) -> None:
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=f"{sim.openrouter.url}/api/v1", max_retries=0
    ) as client:
        response = await client.audio.speech.create(
            model="mistralai/voxtral-mini-tts-3-0",
            input="hi",
            voice="voice_478",
            response_format="mp3",
        )
        body = {"model": DRAWER, "prompt": "x", "resolution": "1K"}
        answer: Any = await client.post("/images", body=body, cast_to=object)
        with pytest.raises(openai.NotFoundError):
            await client.images.generate(model=DRAWER, prompt="x")
        with pytest.raises(openai.BadRequestError, match="'style' breaks the rule 'unknown'"):
            await client.post("/images", body={**body, "style": "vivid"}, cast_to=object)

    assert response.content[:2] == b"\xff\xf3"
    assert picture(answer["data"][0]["b64_json"]).size == (1024, 1024)


async def test_the_sdk_films(sdk: Any, sim: Simulator) -> None:
    first = {"type": "image_url", "image_url": {"url": data_url()}, "frame_type": "first_frame"}
    job = await sdk.video_generation.generate_async(
        model=FILMER,
        prompt="waves",
        duration=4,
        resolution="720p",
        aspect_ratio="16:9",
        generate_audio=False,
        seed=7,
        frame_images=[first],
        input_references=[{"type": "image_url", "image_url": {"url": data_url()}}],
    )
    assert job.status == "pending"
    assert job.id.startswith("gen-vid-")
    assert job.polling_url == f"/api/v1/videos/{job.id}"
    assert sim.openrouter.meter.unfinished == Decimal("0.8")

    states = []
    while job.status not in {"completed", "failed"}:
        job = await sdk.video_generation.get_generation_async(job_id=job.id)
        states.append(job.status)
    film = await sdk.video_generation.get_video_content_async(job_id=job.id, index=0)

    assert states == ["pending", "in_progress", "completed"]
    assert is_mp4(await film.aread())
    assert job.unsigned_urls == [f"{sim.url}{job.polling_url}/content?index=0"]
    assert Decimal(str(job.usage.cost)) == sim.openrouter.meter.total == Decimal("0.8")


async def test_a_film_that_fails_says_so_in_a_text(sdk: Any, sim: Simulator) -> None:
    sim.then(faults.EndsAs("failed", message="Content policy violation"), at="start")
    job = await sdk.video_generation.generate_async(model=FILMER, prompt="x")
    for _ in range(3):
        job = await sdk.video_generation.get_generation_async(job_id=job.id)

    assert (job.status, job.error) == ("failed", "Content policy violation")
    with pytest.raises(errors.ConflictResponseError, match="not completed"):
        await sdk.video_generation.get_video_content_async(job_id=job.id, index=0)
    assert sim.openrouter.meter.total == sim.openrouter.meter.unfinished == 0


async def test_a_film_that_has_expired_is_gone(sdk: Any, sim: Simulator) -> None:
    job = await sdk.video_generation.generate_async(model=FILMER, prompt="x")
    sim.then(faults.EndsAs("expired"), at="poll")
    job = await sdk.video_generation.get_generation_async(job_id=job.id)

    assert job.status == "expired"
    with pytest.raises(errors.GoneResponseError):
        await sdk.video_generation.get_video_content_async(job_id=job.id, index=0)


async def test_a_download_that_leads_elsewhere_carries_no_key() -> None:
    running = Simulator(vendors=("openrouter",), key=KEY, detail=64, redirects=True)
    async with running as sim, sdks.openrouter(sim) as sdk:
        job = await sdk.video_generation.generate_async(model=FILMER, prompt="x")
        for _ in range(3):
            job = await sdk.video_generation.get_generation_async(job_id=job.id)
        film = await sdk.video_generation.get_video_content_async(job_id=job.id, index=0)

        assert is_mp4(await film.aread())
        assert not sim.leaks


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (
            faults.PromptBlocked("sexual"),
            errors.ForbiddenResponseError,
            "Your chosen model requires moderation and your input was flagged",
        ),
        (faults.Status(402), errors.PaymentRequiredResponseError, "Insufficient credits"),
        (faults.Status(429), errors.TooManyRequestsResponseError, "Rate limit exceeded"),
        (faults.Status(401), errors.UnauthorizedResponseError, "No auth credentials found"),
        (faults.Status(404), errors.NotFoundResponseError, "Not Found"),
    ],
    ids=["moderation", "credits", "rate", "key", "missing"],
)
async def test_the_sdk_names_the_error(
    sdk: Any,
    sim: Simulator,
    fault: faults.ApiFault,
    error: Any,
    message: str,
) -> None:
    sim.then(fault)

    with pytest.raises(error, match=message) as caught:
        await sdk.images.generate_async(model=DRAWER, prompt="x")

    metadata = caught.value.data.error.metadata
    if isinstance(fault, faults.PromptBlocked):
        assert metadata["reasons"] == ["sexual"]
        assert metadata["model_slug"] == DRAWER
    assert sim.openrouter.meter.total == 0


@pytest.mark.parametrize(
    "request_",
    [
        {"model": "acme/none", "prompt": "x"},
        {"model": SPEAKER, "prompt": "x"},
    ],
    ids=["unknown", "speaks"],
)
async def test_a_model_that_does_not_draw_is_not_found(sdk: Any, request_: Any) -> None:
    with pytest.raises(errors.NotFoundResponseError, match="No endpoints found"):
        await sdk.images.generate_async(**request_)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 11},
        {"size": "1024x1024", "aspect_ratio": "16:9"},
        {"size": "2K", "resolution": "1K"},
        {"size": "1024x1024", "resolution": "4K"},
        {"output_format": "jpeg", "background": "transparent"},
        {"input_references": [{"type": "image_url", "image_url": {"url": "no address"}}]},
    ],
    ids=["n", "size-aspect", "tiers", "size-tier", "transparent", "reference"],
)
async def test_a_request_that_contradicts_itself_is_refused(
    sdk: Any, sim: Simulator, fields: dict[str, Any]
) -> None:
    with pytest.raises(errors.BadRequestResponseError):
        await sdk.images.generate_async(model=DRAWER, prompt="x", **fields)

    assert sim.openrouter.meter.total == 0


async def test_an_unknown_voice_is_the_providers_word(sdk: Any) -> None:
    with pytest.raises(errors.BadRequestResponseError, match="Voice not supported") as caught:
        await sdk.tts.create_speech_async(model=SPEAKER, input="hi", voice="Nobody")

    assert '"provider_name": "Google AI Studio"' in caught.value.body


async def test_the_sdk_reads_the_catalog(sdk: Any) -> None:
    models = await sdk.images.list_models_async()
    offers = await sdk.images.list_model_endpoints_async(
        author="openai", slug="gpt-image-2.6-flare"
    )
    films = await sdk.video_generation.list_videos_models_async()
    credits_ = await sdk.credits.get_credits_async()

    assert [model.id for model in models.data] == [DRAWER, STREAMER]
    pricing = {entry.billable: entry.cost_usd for entry in offers.endpoints[0].pricing}
    assert pricing["output_image"] == 3e-5
    assert films.data[0].supported_durations == [4, 6, 8]
    assert credits_.data.total_usage == 0


async def test_one_request_too_many_says_when_to_come_again() -> None:
    running = Simulator(vendors=("openrouter",), key=KEY, detail=64, per_minute=1)
    async with running as sim, sdks.openrouter(sim) as sdk:
        await sdk.images.generate_async(model=DRAWER, prompt="x")
        with pytest.raises(errors.TooManyRequestsResponseError) as caught:
            await sdk.images.generate_async(model=DRAWER, prompt="x")

    assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
    assert caught.value.headers["X-RateLimit-Remaining"] == "0"
