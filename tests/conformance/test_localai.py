"""OpenAI's SDK pointed at a LocalAI server."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from mediatoolkit.media import Audio
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("localai",), detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with sdks.openai(sim, "localai") as client:
        yield client


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    return file.getvalue()


async def fetch(url: str) -> bytes:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).content


async def test_a_picture_lies_at_an_address_unless_base64_is_asked_for(
    sdk: openai.AsyncOpenAI, sim: Simulator
) -> None:
    extra = {"step": 15, "seed": 7}
    linked = await sdk.images.generate(
        model="painter", prompt="a fox|red", n=2, size="256x256", extra_body=extra
    )
    inline = await sdk.images.generate(
        prompt="a fox|blue",
        size="256x256",
        response_format="b64_json",
        extra_body={**extra, "file": base64.b64encode(png()).decode(), "any_other": 1},
    )

    assert linked.data
    assert inline.data
    urls = [each.url or "" for each in linked.data]
    assert all(url.startswith(f"{sim.localai.url}/generated-images/") for url in urls)
    assert Image.open(io.BytesIO(await fetch(urls[0]))).size == (256, 256)
    assert base64.b64decode(inline.data[0].b64_json or "") != await fetch(urls[0])
    assert sim.localai.meter.total == 0
    assert len(sim.localai.meter.records) == 2


async def test_the_sdk_speaks(sdk: openai.AsyncOpenAI) -> None:
    wav = await sdk.audio.speech.create(
        model="speaker", input="Hello there.", voice="any", response_format="wav"
    )
    mp3 = await sdk.audio.speech.create(
        model="speaker", input="Hello there.", voice="any", response_format="mp3"
    )

    assert Audio(wav.content).seconds == pytest.approx(0.4)
    assert Audio(mp3.content).seconds == pytest.approx(0.4, abs=0.03)


async def test_streamed_speech_promises_four_gigabytes(sdk: openai.AsyncOpenAI) -> None:
    async with sdk.audio.speech.with_streaming_response.create(
        model="speaker", input="Hello there.", voice="any", extra_body={"stream": True}
    ) as response:
        pieces = [piece async for piece in response.iter_bytes()]

    data = b"".join(pieces)
    assert (data[:4], data[4:8], data[40:44]) == (b"RIFF", b"\xff" * 4, b"\xff" * 4)
    assert (len(data) - 44) / 2 / 24_000 == pytest.approx(0.4)


async def test_the_address_of_a_film_is_relative(sdk: openai.AsyncOpenAI, sim: Simulator) -> None:
    picture = base64.b64encode(png()).decode()
    body = {"model": "filmer", "prompt": "waves", "start_image": picture, "width": 64, "height": 48}
    answer: Any = await sdk.post(
        "/video", body={**body, "num_frames": 24, "fps": 24}, cast_to=object
    )

    (film,) = answer["data"]
    assert film["url"].startswith("/generated-videos/")
    assert is_mp4(await fetch(sim.localai.url + film["url"]))


async def test_the_sdk_lists_the_models(sdk: openai.AsyncOpenAI) -> None:
    listed: Any = await sdk.get("/models", cast_to=object)
    able: Any = await sdk.get("/models/capabilities", cast_to=object)

    assert [model["id"] for model in listed["data"]] == ["painter", "speaker", "filmer"]
    assert able["data"][1]["output_modalities"] == ["audio"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"model": "none"}, 404), ({"size": "auto"}, 500), ({"n": 11}, 500)],
    ids=["model", "size", "n"],
)
async def test_bad_input_is_the_servers_fault(
    sdk: openai.AsyncOpenAI, fields: dict[str, Any], status: int
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.images.generate(**{"prompt": "x", **fields})

    assert caught.value.status_code == status
    assert caught.value.response.json()["error"]["code"] == status
    assert caught.value.request_id is None


async def test_there_is_no_policy_and_no_rate(sdk: openai.AsyncOpenAI, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked(), faults.Status(503, message="loading the model"))
    answer = await sdk.images.generate(prompt="x", size="256x256")

    assert answer.data
    with pytest.raises(openai.InternalServerError, match="loading the model"):
        await sdk.images.generate(prompt="x", size="256x256")
