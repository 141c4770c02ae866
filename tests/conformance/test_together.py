"""Together's own SDK, with its strict validation, against the simulator; and OpenAI's."""

import base64
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import together
from PIL import Image

from mediatoolkit.media import Audio
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks

KEY = "a-key-of-tests"
DRAWER = "black-forest-labs/FLUX.2-pro"
SPEAKER = "hexgrad/Kokoro-82M"
STREAMER = "canopylabs/orpheus-3b-0.1-ft"
FINE_SPEAKER = "cartesia/sonic-3"
FILMER = "google/veo-3.1"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("together",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[together.AsyncTogether]:
    async with sdks.together(sim) as client:
        yield client


def data_url() -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


async def test_the_sdk_draws(sdk: together.AsyncTogether, sim: Simulator) -> None:
    answer = await sdk.images.generate(
        model=DRAWER,
        prompt="a blue square",
        width=1024,
        height=768,
        steps=20,
        n=2,
        seed=7,
        negative_prompt="red",
        guidance_scale=3.5,
        output_format="png",
        response_format="base64",
        image_url=data_url(),
        reference_images=["https://example.com/y.png"],
        image_loras=[{"path": "https://example.com/lora", "scale": 1.0}],
        disable_safety_checker=False,
    )

    assert (answer.object, answer.model) == ("list", DRAWER)
    assert [each.index for each in answer.data] == [0, 1]
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(each.b64_json)))
        for each in answer.data
        if each.type == "b64_json"
    ]
    assert [(picture.format, picture.size) for picture in pictures] == [("PNG", (1024, 768))] * 2
    assert sim.together.meter.total == Decimal("0.03") * 1024 * 768 * 2 / 1_000_000


async def test_a_picture_lies_at_an_address_unless_base64_is_asked_for(
    sdk: together.AsyncTogether, sim: Simulator
) -> None:
    answer = await sdk.images.generate(model=DRAWER, prompt="x")
    (picture,) = answer.data

    assert picture.type == "url"
    async with httpx.AsyncClient() as client:
        data = (await client.get(picture.url)).content
    assert Image.open(io.BytesIO(data)).format == "JPEG"
    assert not sim.leaks


async def test_openais_sdk_draws_and_speaks(sim: Simulator) -> None:
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=f"{sim.together.url}/v1", max_retries=0
    ) as client:
        extra = {"width": 512, "height": 256, "steps": 4, "response_format": "base64"}
        answer = await client.images.generate(model=DRAWER, prompt="x", n=1, extra_body=extra)
        speech = await client.audio.speech.create(
            model=SPEAKER, input="Hello there.", voice="af_alloy", response_format="mp3"
        )

    assert answer.data
    picture = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or "")))
    assert picture.size == (512, 256)
    assert Audio(speech.content).seconds == pytest.approx(0.4, abs=0.03)


async def test_the_sdk_speaks(sdk: together.AsyncTogether, sim: Simulator) -> None:
    wav = await sdk.audio.speech.create(
        model=SPEAKER, input="Hello there.", voice="af_bella(2)+af_heart(1)"
    )
    mp3 = await sdk.audio.speech.create(
        model=FINE_SPEAKER,
        input="hi",
        voice="friendly sidekick",
        response_format="mp3",
        sample_rate=44_100,
        bit_rate=128_000,
        language="en",
        extra_params={"pronunciation_dict": ["omg/oh my god"]},
    )

    assert Audio(await wav.read()).sample_rate == 24_000
    assert Audio(await mp3.read()).sample_rate == 44_100
    assert sim.together.meter.total == Decimal("0.000048") + Decimal("0.00013")


@pytest.mark.parametrize(
    ("model", "voice", "encoding", "form"),
    [
        (STREAMER, "tara", "pcm_f32le", "<i2"),
        (FINE_SPEAKER, "friendly sidekick", "pcm_f32le", "<f4"),
        (FINE_SPEAKER, "friendly sidekick", "pcm_s16le", "<i2"),
    ],
    ids=["orpheus", "floats", "integers"],
)
async def test_the_sdk_streams_samples(
    sdk: together.AsyncTogether, model: str, voice: str, encoding: Any, form: str
) -> None:
    stream = await sdk.audio.speech.create(
        model=model,
        input="Hello there.",
        voice=voice,
        response_format="raw",
        response_encoding=encoding,
        stream=True,
    )
    chunks = [chunk async for chunk in stream]

    assert {(chunk.object, chunk.model) for chunk in chunks} == {("audio.tts.chunk", model)}
    assert len(chunks) >= 2
    data = b"".join(base64.b64decode(chunk.b64) for chunk in chunks)
    assert np.frombuffer(data, form).size == 24_000 * 0.4


async def test_the_sdk_lists_the_voices(sdk: together.AsyncTogether) -> None:
    answer = await sdk.audio.voices.list()

    voices = {each.model: [voice.name for voice in each.voices] for each in answer.data}
    assert voices[STREAMER] == ["tara"]
    assert "af_alloy" in voices[SPEAKER]


async def test_the_sdk_films(sdk: together.AsyncTogether, sim: Simulator) -> None:
    job = await sdk.videos.create(
        model=FILMER,
        prompt="waves",
        seconds="4",
        width=1280,
        height=720,
        resolution="720p",
        ratio="16:9",
        fps=24,
        steps=20,
        seed=7,
        guidance_scale=8,
        output_format="MP4",
        output_quality=20,
        negative_prompt="text",
        generate_audio=False,
        media={
            "frame_images": [{"input_image": data_url(), "frame": "first"}],
            "reference_images": ["https://example.com/r.png"],
        },
    )
    assert (job.status, job.size, job.seconds) == ("in_progress", "1280x720", "4")
    assert sim.together.meter.unfinished == 1

    polls = 0
    while job.status == "in_progress":
        job = await sdk.videos.retrieve(job.id)
        polls += 1

    assert polls == 3
    assert job.outputs
    assert job.outputs.cost == sim.together.meter.total == 1
    async with httpx.AsyncClient(follow_redirects=True) as client:
        response = await client.get(job.outputs.video_url)
    assert is_mp4(response.content)
    assert len(response.history) == 1


async def test_a_cost_in_cents_breaks_the_typed_schema(
    sdk: together.AsyncTogether, sim: Simulator
) -> None:
    """As the example of the vendor's documents does."""
    job = await sdk.videos.create(model=FILMER, prompt="x", seconds="6")
    async with sdks.together(sim, strict=False) as lax:
        while job.status == "in_progress":
            job = await lax.videos.retrieve(job.id)

    assert job.outputs
    assert job.outputs.cost == 1.5
    with pytest.raises(together.APIResponseValidationError):
        await sdk.videos.retrieve(job.id)


async def test_a_film_that_fails_says_why_and_costs_nothing(
    sdk: together.AsyncTogether, sim: Simulator
) -> None:
    sim.then(faults.EndsAs("failed", message="Content policy", code="moderation"), at="start")
    job = await sdk.videos.create(model=FILMER, prompt="x", seconds="4")
    while job.status == "in_progress":
        job = await sdk.videos.retrieve(job.id)

    assert job.status == "failed"
    assert job.error
    assert (job.error.code, job.error.message) == ("moderation", "Content policy")
    assert sim.together.meter.total == sim.together.meter.unfinished == 0


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (faults.Status(401), together.AuthenticationError, "invalid_api_key"),
        (faults.Status(402), together.APIStatusError, "insufficient_balance"),
        (faults.Status(403), together.PermissionDeniedError, None),
        (faults.PromptBlocked(), together.UnprocessableEntityError, "nsfw_content"),
        (faults.Status(429), together.RateLimitError, None),
        (faults.Status(503), together.InternalServerError, None),
    ],
    ids=["key", "balance", "forbidden", "moderation", "rate", "capacity"],
)
async def test_the_sdk_names_the_error(
    sdk: together.AsyncTogether, sim: Simulator, fault: faults.ApiFault, error: Any, code: Any
) -> None:
    sim.then(fault)

    with pytest.raises(error) as caught:
        await sdk.images.generate(model=DRAWER, prompt="x")

    assert caught.value.body["error"]["code"] == code
    assert caught.value.body["id"].startswith("req-")
    assert sim.together.meter.total == 0


async def test_an_unknown_model_is_not_available(sdk: together.AsyncTogether) -> None:
    with pytest.raises(together.NotFoundError, match="Unable to access model m") as caught:
        await sdk.images.generate(model="m", prompt="x")

    body: Any = caught.value.body
    assert body["error"]["code"] == "model_not_available"


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": "mp3", "stream": True},
        {"response_format": "wav", "response_encoding": "pcm_s16le"},
        {"response_format": "wav", "bit_rate": 64_000},
        {"voice": "nobody"},
        {"extra_body": {"instructions": "calm"}},
    ],
    ids=["stream", "encoding", "bits", "voice", "unknown"],
)
async def test_what_does_not_fit_is_refused(
    sdk: together.AsyncTogether, sim: Simulator, fields: Any
) -> None:
    with pytest.raises(together.BadRequestError):
        await sdk.audio.speech.create(
            **{"model": FINE_SPEAKER, "input": "hi", "voice": "friendly sidekick", **fields}
        )

    assert sim.together.meter.total == 0


async def test_the_sdk_comes_again_when_it_may() -> None:
    """As in the recording, a paid POST is repeated after the wait that the vendor names."""
    running = Simulator(vendors=("together",), key=KEY, detail=64)
    async with running as sim, sdks.together(sim) as client:
        sdk = client.with_options(max_retries=2)
        sim.then(faults.Status(429, retry_after_ms=1), faults.Status(429, retry_after_ms=1))
        await sdk.images.generate(model=DRAWER, prompt="x")

        assert len(sim.requests) == 3
        assert len(sim.together.meter.records) == 1
