"""OpenAI's side: what it takes, what it refuses, and that its answers are those on record."""

import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults

KEY = "a-key-of-tests"
FOX = {"model": "gpt-image-2.5-flare", "prompt": "a red fox"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("openai",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def session(sim: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(sim.openai.url, headers=headers) as opened:
        yield opened


async def post(session: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Any]:
    async with session.post(f"/v1/images/{path}", **body) as response:
        return response.status, json.loads(await response.read())


def png(size: tuple[int, int] = (64, 64), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


def form(*files: tuple[str, bytes, str], **fields: str) -> aiohttp.FormData:
    payload = aiohttp.FormData()
    for name, value in fields.items():
        payload.add_field(name, value)
    for name, data, mime_type in files:
        payload.add_field(name, data, filename="picture", content_type=mime_type)
    return payload


async def test_a_picture_has_the_ordered_size_and_form(session: aiohttp.ClientSession) -> None:
    order = {**FOX, "size": "1536x864", "output_format": "webp", "quality": "low"}

    status, answer = await post(session, "generations", json=order)

    picture = Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"])))
    assert (status, picture.size, picture.format) == (200, (1536, 864), "WEBP")
    assert (answer["size"], answer["output_format"], answer["quality"]) == (
        "1536x864",
        "webp",
        "low",
    )


async def test_usage_counts_what_is_drawn(session: aiohttp.ClientSession) -> None:
    _, answer = await post(session, "generations", json={**FOX, "quality": "low"})
    _, four = await post(session, "generations", json={**FOX, "quality": "low", "n": 4})

    assert answer["usage"]["output_tokens"] == 196
    assert four["usage"]["output_tokens"] == 4 * 196
    assert len(four["data"]) == 4


async def test_a_transparent_background_can_be_seen_through(session: aiohttp.ClientSession) -> None:
    _, answer = await post(session, "generations", json={**FOX, "background": "transparent"})

    picture = Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"])))
    assert picture.mode == "RGBA"
    assert picture.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"size": "1000x1000"}, "size"),
        ({"size": "1600x320"}, "size"),
        ({"model": "gpt-image-1.5", "size": "1536x864"}, "size"),
        ({"model": "gpt-image-2", "quality": "max"}, "quality"),
        ({"background": "transparent", "output_format": "jpeg"}, "background"),
        ({"output_compression": 50}, "output_compression"),
        ({"partial_images": 2}, "partial_images"),
        ({"n": 11}, "n"),
        ({"response_format": "b64_json"}, "response_format"),
        ({"prompt": 7}, "prompt"),
    ],
)
async def test_what_the_model_does_not_take_is_named(
    session: aiohttp.ClientSession, change: dict[str, Any], param: str
) -> None:
    status, answer = await post(session, "generations", json={**FOX, **change})

    assert status == 400
    assert answer["error"]["param"] == param
    assert answer["error"]["type"] == "invalid_request_error"


async def test_a_model_that_is_gone_is_not_found(session: aiohttp.ClientSession) -> None:
    status, answer = await post(session, "generations", json={**FOX, "model": "dall-e-3"})

    assert (status, answer["error"]["code"]) == (404, "model_not_found")


async def test_an_edit_takes_several_pictures_and_a_mask(session: aiohttp.ClientSession) -> None:
    files = [("image[]", png(), "image/png")] * 2
    mask = ("mask", png(mode="RGBA"), "image/png")

    status, answer = await post(session, "edits", data=form(*files, mask, **FOX, n="2"))

    assert (status, len(answer["data"])) == (200, 2)
    assert answer["usage"]["input_tokens_details"]["image_tokens"] > 0


@pytest.mark.parametrize(
    ("file", "param"),
    [
        (("image", b"no picture", "image/png"), "image"),
        (("image", png(), "application/octet-stream"), "image"),
        (("mask", png((32, 32), "RGBA"), "image/png"), "mask"),
        (("picture", png(), "image/png"), "picture"),
    ],
)
async def test_a_file_that_does_not_fit_is_named(
    session: aiohttp.ClientSession, file: tuple[str, bytes, str], param: str
) -> None:
    files = [("image[]", png(), "image/png"), file]

    status, answer = await post(session, "edits", data=form(*files, **FOX))

    assert (status, answer["error"]["param"]) == (400, param)


async def test_a_stream_brings_partial_pictures_and_then_the_whole(
    session: aiohttp.ClientSession,
) -> None:
    order = {**FOX, "stream": True, "partial_images": 2}

    async with session.post("/v1/images/generations", json=order) as response:
        text = await response.text()

    names = [line.removeprefix("event: ") for line in text.splitlines() if "event: " in line]
    assert names == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert response.content_type == "text/event-stream"


async def test_the_safety_system_refuses_as_recorded(
    session: aiohttp.ClientSession, sim: Simulator
) -> None:
    sim.then(faults.PromptBlocked("sexual"))

    status, answer = await post(session, "generations", json=FOX)

    assert (status, answer["error"]) == (
        400,
        {
            "message": "Your request was rejected by the safety system. "
            "safety_violations=[sexual].",
            "type": "image_generation_user_error",
            "param": None,
            "code": "moderation_blocked",
        },
    )


async def test_a_429_says_when_to_ask_again_or_that_nothing_is_left(
    session: aiohttp.ClientSession, sim: Simulator
) -> None:
    sim.then(
        faults.Status(429, retry_after="5", retry_after_ms=300, should_retry=True),
        faults.Status(429, quota=0),
    )

    async with session.post("/v1/images/generations", json=FOX) as response:
        headers, first = response.headers, await response.json()
    _, second = await post(session, "generations", json=FOX)

    assert (headers["retry-after-ms"], headers["Retry-After"]) == ("300", "5")
    assert headers["x-should-retry"] == "true"
    assert first["error"]["code"] == "rate_limit_exceeded"
    assert second["error"]["code"] == "insufficient_quota"


async def test_a_wrong_key_is_quoted_without_its_middle(session: aiohttp.ClientSession) -> None:
    wrong = {"Authorization": "Bearer loop-and-key"}

    async with session.get("/v1/models", headers=wrong) as response:
        answer = await response.json()

    assert response.status == 401
    assert answer["error"]["message"] == "Incorrect API key provided: loop***key."


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/audio/speech", "/v1/responses"])
async def test_what_is_not_played_says_so(session: aiohttp.ClientSession, path: str) -> None:
    async with session.post(path, json={}) as response:
        answer = await response.json()

    assert response.status == 501
    assert path in answer["error"]["message"]


@pytest.mark.parametrize("flaw", ["escaped_base64", "bad_base64"])
async def test_a_picture_is_spoilt_in_what_is_sent(
    session: aiohttp.ClientSession, sim: Simulator, flaw: Literal["escaped_base64", "bad_base64"]
) -> None:
    sim.then(faults.BadPicture(flaw))

    async with session.post("/v1/images/generations", json=FOX) as response:
        text = await response.text()

    data = json.loads(text)["data"][0]["b64_json"]
    assert ("\\/" in text) == (flaw == "escaped_base64")
    assert ("!" in data) == (flaw == "bad_base64")
    assert response.headers["x-request-id"].startswith("req_")
