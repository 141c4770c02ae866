"""OpenAI's own SDK, with its strict validation, against the simulator."""

import base64
import io
from collections.abc import AsyncIterator

import openai
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from tests.conformance import sdks

MODEL = "gpt-image-2.5-flare"
KEY = "a-key-of-tests"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("openai",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with sdks.openai(sim) as client:
        yield client


def png(mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (64, 64)).save(file, "PNG")
    return file.getvalue()


async def test_the_sdk_draws(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.images.generate(
        model=MODEL, prompt="a blue square", size="1536x864", quality="low", output_format="webp"
    )

    assert answer.data
    picture = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or "")))
    assert picture.size == (1536, 864)
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


async def test_the_sdk_edits_with_references_and_a_mask(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.images.edit(
        model=MODEL,
        prompt="make it green",
        image=[("a.png", png(), "image/png"), ("b.png", png(), "image/png")],
        mask=("mask.png", png("RGBA"), "image/png"),
        n=2,
    )

    assert answer.data
    assert len(answer.data) == 2


@pytest.mark.parametrize("partial_images", [0, 2])
async def test_the_sdk_reads_the_stream(sdk: openai.AsyncOpenAI, partial_images: int) -> None:
    stream = await sdk.images.generate(
        model=MODEL, prompt="x", stream=True, partial_images=partial_images
    )
    kinds = [event.type async for event in stream]

    assert kinds == [
        *["image_generation.partial_image"] * partial_images,
        "image_generation.completed",
    ]


async def test_the_sdk_reads_a_streamed_edit(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.images.edit(
        model=MODEL, prompt="x", image=("a.png", png(), "image/png"), stream=True, partial_images=1
    )

    assert [event.type async for event in stream] == [
        "image_edit.partial_image",
        "image_edit.completed",
    ]


async def test_the_sdk_lists_the_models(sdk: openai.AsyncOpenAI) -> None:
    models = {model.id: model.shutdown_date async for model in sdk.models.list()}

    assert models[MODEL] is None
    assert models["gpt-image-1.5"] == "2026-12-01"
    assert (await sdk.models.retrieve(MODEL)).owned_by == "openai"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (faults.PromptBlocked("sexual"), openai.BadRequestError, "moderation_blocked"),
        (faults.Status(429), openai.RateLimitError, "rate_limit_exceeded"),
        (faults.Status(429, quota=0), openai.RateLimitError, "insufficient_quota"),
        (faults.Status(500), openai.InternalServerError, None),
        (faults.Status(502, html=True), openai.InternalServerError, None),
    ],
    ids=["moderation", "rate", "quota", "500", "html"],
)
async def test_the_sdk_names_the_error(
    sdk: openai.AsyncOpenAI,
    sim: Simulator,
    fault: faults.ApiFault,
    error: type[openai.APIStatusError],
    code: str | None,
) -> None:
    sim.then(fault)

    with pytest.raises(error) as caught:
        await sdk.images.generate(model=MODEL, prompt="x")

    assert caught.value.code == code
    if not getattr(fault, "html", False):
        assert caught.value.request_id


async def test_the_sdk_hears_of_a_refusal_within_a_stream(
    sdk: openai.AsyncOpenAI, sim: Simulator
) -> None:
    sim.then(faults.PromptBlocked("sexual"))

    with pytest.raises(openai.APIError) as caught:
        async for _ in await sdk.images.generate(model=MODEL, prompt="x", stream=True):
            pass

    assert caught.value.code == "moderation_blocked"
