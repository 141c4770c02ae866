"""Hugging Face's own SDK against the simulated router: its own inference, fal, Replicate."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks

KEY = "hf_a-token-of-tests"
MODELS = {
    ("fal-ai", "text-to-image"): "fal-ai/flux/dev",
    ("fal-ai", "text-to-speech"): "fal-ai/kokoro",
    ("fal-ai", "text-to-video"): "fal-ai/ltx-video",
    ("replicate", "text-to-image"): "black-forest-labs/flux-schnell",
    ("replicate", "text-to-speech"): "acme/tts:0123abcd",
}

Client = Callable[..., Any]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("huggingface",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Client]:
    """Makes clients of the SDK."""
    async with sdks.huggingface(sim, MODELS) as make:
        yield make


def own(sim: Simulator, model: str) -> str:
    """The address of a model of the router's own inference."""
    return f"{sim.huggingface.url}/hf-inference/models/{model}"


async def call(method: Any, *values: Any, **options: Any) -> Any:
    """A method of the SDK, in a thread."""
    return await asyncio.to_thread(method, *values, **options)


class TestOwnInference:
    """What the router makes itself."""

    async def test_the_sdk_draws(self, sim: Simulator, client: Client) -> None:
        options = {
            "negative_prompt": "blur",
            "width": 96,
            "height": 64,
            "num_inference_steps": 4,
            "guidance_scale": 3.5,
            "seed": 1,
        }
        sdk = client(model=own(sim, "acme/flux"))
        pictures = [await call(sdk.text_to_image, "a fox", **options) for _ in range(2)]

        assert [(each.format, each.size) for each in pictures] == [("PNG", (96, 64))] * 2
        assert pictures[0].tobytes() == pictures[1].tobytes()
        assert sim.requests[0].key == KEY
        assert sim.requests[0].body == {"inputs": "a fox", "parameters": options}

    async def test_the_sdk_speaks(self, sim: Simulator, client: Client) -> None:
        data = await call(client(model=own(sim, "acme/tts")).text_to_speech, "Hello, you there.")

        with wave.open(io.BytesIO(data)) as sound:
            assert (sound.getframerate(), sound.getnchannels()) == (24_000, 1)
            assert 0.3 < sound.getnframes() / sound.getframerate() < 2

    async def test_the_sdk_edits(self, sim: Simulator, client: Client) -> None:
        file = io.BytesIO()
        Image.new("RGB", (64, 64), "red").save(file, "PNG")
        sdk = client(model=own(sim, "acme/kontext"))
        picture = await call(
            sdk.image_to_image,
            file.getvalue(),
            prompt="a fox",
            target_size={"width": 64, "height": 64},
        )
        red, green, _ = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))

        assert red > green + 40

    @pytest.mark.parametrize(
        ("fault", "status", "message"),
        [
            (faults.Status(503), 503, "Model is currently loading"),
            (faults.Status(429), 429, "Too Many Requests"),
            (faults.Status(402), 402, "You have exceeded your monthly included credits"),
            (faults.Status(404, message="No such model"), 404, "No such model"),
            (faults.Status(502, html=True), 502, "Bad Gateway"),
        ],
        ids=["503", "429", "402", "404", "html"],
    )
    async def test_the_sdk_names_the_error_and_never_asks_again(
        self,
        sim: Simulator,
        client: Client,
        fault: faults.Status,
        status: int,
        message: str,
    ) -> None:
        sim.then(fault)
        with pytest.raises(HfHubHTTPError, match=message) as caught:
            await call(client(model=own(sim, "acme/flux")).text_to_image, "a fox")

        assert caught.value.response.status_code == status
        if status == 503:
            assert caught.value.response.json()["estimated_time"] == 20
        assert len(sim.requests) == 1

    async def test_the_sdk_reads_a_list_of_errors(self, sim: Simulator, client: Client) -> None:
        sdk = client(model=own(sim, "acme/flux"))
        with pytest.raises(HfHubHTTPError, match=r"parameters\.width") as caught:
            await call(sdk.text_to_image, "a fox", width=0)

        assert isinstance(caught.value.response.json()["error"], list)

    async def test_a_wrong_token_is_refused(self, sim: Simulator, client: Client) -> None:
        sdk = client(model=own(sim, "acme/flux"), token="hf_another")
        with pytest.raises(HfHubHTTPError, match="Invalid username or password") as caught:
            await call(sdk.text_to_image, "a fox")

        assert caught.value.response.status_code == 401


class TestFal:
    """The route to fal."""

    async def test_the_sdk_draws_at_once(self, sim: Simulator, client: Client) -> None:
        sdk = client(provider="fal-ai")
        picture = await call(
            sdk.text_to_image, "a fox", model="me/text-to-image", width=96, height=64, seed=3
        )

        assert (picture.format, picture.size) == ("JPEG", (96, 64))
        first, second = sim.requests
        assert first.path == "/fal-ai/fal-ai/flux/dev"
        assert first.body["image_size"] == {"width": 96, "height": 64}
        assert (second.origin, second.key) == (sim.files_url, None)

    async def test_the_sdk_speaks(self, client: Client) -> None:
        sdk = client(provider="fal-ai")
        data = await call(sdk.text_to_speech, "Hello.", model="me/text-to-speech")

        assert data.startswith(b"RIFF")

    async def test_the_sdk_waits_in_the_queue_for_a_film(
        self, sim: Simulator, client: Client
    ) -> None:
        data = await call(
            client(provider="fal-ai").text_to_video, "a fox", model="me/text-to-video"
        )

        assert is_mp4(data)
        assert all(
            each.query["_subdomain"] == "queue"
            for each in sim.requests
            if each.origin == sim.huggingface.url
        )
        paths = [each.path.rpartition("/")[2] for each in sim.requests]
        assert paths[:4] == ["ltx-video", "status", "status", "status"]

    async def test_a_refusal_has_fals_words(self, sim: Simulator, client: Client) -> None:
        sim.then(faults.PromptBlocked())
        with pytest.raises(HfHubHTTPError) as caught:
            await call(client(provider="fal-ai").text_to_image, "x", model="me/text-to-image")

        assert caught.value.response.status_code == 422
        (detail,) = caught.value.response.json()["detail"]
        assert (detail["type"], detail["loc"]) == ("content_policy_violation", ["body", "prompt"])


class TestReplicate:
    """The route to Replicate."""

    async def test_the_sdk_draws(self, sim: Simulator, client: Client) -> None:
        sdk = client(provider="replicate")
        picture = await call(
            sdk.text_to_image, "a fox", model="me/text-to-image", width=96, height=64
        )

        assert picture.size == (96, 64)
        first, second = sim.requests
        assert first.path == "/replicate/v1/models/black-forest-labs/flux-schnell/predictions"
        assert first.headers["Prefer"] == "wait"
        assert first.body == {"input": {"prompt": "a fox", "width": 96, "height": 64}}
        assert (second.origin, second.key) == (sim.files_url, None)

    async def test_the_sdk_speaks_by_a_version(self, sim: Simulator, client: Client) -> None:
        sdk = client(provider="replicate")
        data = await call(sdk.text_to_speech, "Hello.", model="me/text-to-speech")

        assert data.startswith(b"RIFF")
        assert sim.requests[0].body == {"input": {"text": "Hello."}, "version": "0123abcd"}

    @pytest.mark.parametrize(
        "fault",
        [faults.EndsAs("processing"), faults.PromptBlocked(), faults.EndsAs("failed")],
        ids=["late", "refused", "failed"],
    )
    async def test_the_sdk_takes_everything_without_an_output_for_late(
        self, sim: Simulator, client: Client, fault: faults.ApiFault
    ) -> None:
        sim.then(fault)
        with pytest.raises(TimeoutError):
            await call(client(provider="replicate").text_to_image, "x", model="me/text-to-image")
