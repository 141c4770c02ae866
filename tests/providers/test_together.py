"""Together's pictures, speech and films, as recorded."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.media.containers import wav
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Sounding
from mediatoolkit.runtime.gather import Polling
from tests.media.clips import clip
from tests.test_prompts import picture
from tests.transport.server import Reply, Server, body, said, serving

KEY = "together-key-0123456789"
PICTURE = base64.b64encode(picture()).decode()
DATA_URL = f"data:image/png;base64,{PICTURE}"
DRAWN = {
    "id": "nz-1",
    "object": "list",
    "model": "black-forest-labs/FLUX.2-pro",
    "data": [{"index": 0, "type": "b64_json", "b64_json": PICTURE}],
}
PCM = bytes(range(240)) * 10
TONE = wav.wrapped(PCM, sample_rate=44_100, channels=1)
FILM = body(clip(), Content_Type="video/mp4")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def painter(server: Server) -> AsyncIterator[mt.TogetherImageClient]:
    async with mt.TogetherImageClient(KEY, base_url=server.url) as client:
        yield client


@pytest.fixture
async def voice(server: Server) -> AsyncIterator[mt.TogetherSpeechClient]:
    async with mt.TogetherSpeechClient(KEY, base_url=server.url) as client:
        yield client


@pytest.fixture
async def camera(server: Server) -> AsyncIterator[mt.TogetherVideoClient]:
    async with mt.TogetherVideoClient(KEY, base_url=server.url) as client:
        client.polling = Polling(first=0.01, cap=0.01)
        yield client


def chunk(samples: bytes) -> bytes:
    b64 = base64.b64encode(samples).decode()
    document = {"object": "audio.tts.chunk", "model": "m", "b64": b64}
    return f"data: {json.dumps(document)}\n\n".encode()


def stream(*events: bytes) -> Reply:
    return body(b"".join(events), Content_Type="text/event-stream")


def job(status: str, **fields: Any) -> dict[str, Any]:
    document = {"id": "019a-1", "object": "video", "status": status}
    return {**document, "created_at": "2026-11-29T00:00:00Z", "seconds": "4", **fields}


async def watched(
    voice: mt.TogetherSpeechClient, prompt: mt.SpeechPrompt
) -> tuple[mt.Audio, bytes]:
    """The speech, and the samples that were heard before it was whole."""
    heard: list[Event] = []
    async with CallContext(20, listener=heard.append) as context:
        audio = await voice.make(prompt, context)
    return audio, b"".join(event.pcm for event in heard if isinstance(event, Sounding))


async def test_a_picture_has_width_and_height_and_comes_as_base64(
    server: Server, painter: mt.TogetherImageClient
) -> None:
    server.then(said(DRAWN, X_Request_Id="r1"))

    image = await painter.generate(
        mt.ImagePrompt("fox", size="1K", aspect="16:9", seed=7, options={"steps": 20})
    )

    assert server.requests[0].path == "/v1/images/generations"
    assert server.requests[0].json == {
        "model": "black-forest-labs/FLUX.2-pro",
        "prompt": "fox",
        "width": 1360,
        "height": 768,
        "seed": 7,
        "steps": 20,
        "response_format": "base64",
    }
    assert image.data == picture()
    assert image.provenance is not None
    assert image.provenance.request_id == "r1"


async def test_a_picture_at_an_address_is_fetched_as_well(
    server: Server, painter: mt.TogetherImageClient
) -> None:
    at_address = {**DRAWN, "data": [{"index": 0, "type": "url", "url": "/shrt/x"}]}
    server.then(said(at_address), body(picture(), Content_Type="image/png"))

    image = await painter.generate("fox")

    assert image.data == picture()
    assert server.requests[1].path == "/shrt/x"
    assert image.provenance is not None
    assert image.provenance.request_id == "nz-1"


@pytest.mark.parametrize(
    ("count", "field", "value"),
    [(1, "image_url", DATA_URL), (2, "reference_images", [DATA_URL] * 2)],
)
async def test_one_reference_is_edited_and_several_guide(
    server: Server, painter: mt.TogetherImageClient, count: int, field: str, value: Any
) -> None:
    server.then(said(DRAWN))

    await painter.generate(mt.ImagePrompt("fox", references=[picture()] * count))

    request = server.requests[0].json
    assert request[field] == value
    assert len({"image_url", "reference_images"} & request.keys()) == 1


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "invalid_api_key", mt.AuthenticationError),
        (402, "insufficient_balance", mt.RateLimitError),
        (404, "model_not_available", mt.ModelNotFoundError),
        (422, "nsfw_content", mt.RefusalError),
        (429, "insufficient_quota", mt.RateLimitError),
    ],
)
async def test_an_error_is_typed_by_its_status_and_code(
    server: Server,
    painter: mt.TogetherImageClient,
    status: int,
    code: str,
    error: type[mt.ProviderError],
) -> None:
    document = {"message": "as recorded", "type": "invalid_request_error", "code": code}
    server.then(said({"id": "r", "error": document}, status))

    with pytest.raises(error, match="as recorded") as caught:
        await painter.generate("fox")

    assert caught.value.status == status
    assert len(server.requests) == 1


async def test_a_service_at_capacity_is_asked_again(
    server: Server, painter: mt.TogetherImageClient
) -> None:
    """It says so with a page, below the rate that is allowed."""
    busy = body(b"<html>busy</html>", 503, Content_Type="text/html", Retry_After_Ms="20")
    server.then(busy, said(DRAWN))

    await painter.generate("fox")

    assert len(server.requests) == 2


async def test_speech_is_a_file_with_a_voice_of_the_model(
    server: Server, voice: mt.TogetherSpeechClient
) -> None:
    server.then(body(TONE, Content_Type="audio/wav"))

    audio = await voice.generate(mt.SpeechPrompt("hi", options={"response_format": "wav"}))

    assert server.requests[0].path == "/v1/audio/speech"
    assert server.requests[0].json == {
        "model": "hexgrad/Kokoro-82M",
        "input": "hi",
        "voice": "af_alloy",
        "response_format": "wav",
    }
    assert audio.data == TONE


async def test_a_model_without_a_usual_voice_needs_one(server: Server) -> None:
    async with mt.TogetherSpeechClient(KEY, base_url=server.url, model="acme/talk") as voice:
        with pytest.raises(mt.PromptError, match="needs voice="):
            await voice.generate("hi")

    assert not server.requests


async def test_the_voices_of_the_model_are_listed(
    server: Server, voice: mt.TogetherSpeechClient
) -> None:
    kokoro = {"model": "hexgrad/Kokoro-82M", "voices": [{"id": "1", "name": "af_alloy"}]}
    other = {"model": "cartesia/sonic-3", "voices": [{"id": "2", "name": "friendly sidekick"}]}
    server.then(said({"data": [other, kokoro]}))

    assert await voice.voices() == ["af_alloy"]
    assert server.requests[0].path == "/v1/voices"


async def test_who_watches_hears_chunks_as_they_come(
    server: Server, voice: mt.TogetherSpeechClient
) -> None:
    server.then(stream(chunk(PCM[:101]), chunk(PCM[101:]), b"data: [DONE]\n\n"))

    audio, heard = await watched(voice, mt.SpeechPrompt("hi"))

    assert heard == audio.sound().pcm == PCM
    assert audio.sample_rate == 24_000
    request = server.requests[0].json
    assert (request["stream"], request["response_format"]) == (True, "raw")
    assert (request["response_encoding"], request["sample_rate"]) == ("pcm_s16le", 24_000)


async def test_the_rate_that_is_asked_for_is_the_rate_of_the_samples(
    server: Server, voice: mt.TogetherSpeechClient
) -> None:
    """And a stream may end without a word, or come as bare bytes."""
    server.then(stream(chunk(PCM)), body(PCM, Content_Type="audio/pcm"))
    prompt = mt.SpeechPrompt("hi", options={"sample_rate": 44_100})

    for audio, heard in [await watched(voice, prompt), await watched(voice, prompt)]:
        assert heard == audio.sound().pcm == PCM
        assert audio.sample_rate == 44_100


@pytest.mark.parametrize("name", ["event: error\n", ""], ids=["named", "nameless"])
async def test_an_error_in_a_stream_is_raised(
    server: Server, voice: mt.TogetherSpeechClient, name: str
) -> None:
    error = {"error": {"message": "boom", "type": "server_error"}}
    server.then(stream(chunk(PCM), f"{name}data: {json.dumps(error)}\n\n".encode()))

    with pytest.raises(mt.ProviderError, match="boom") as caught:
        await watched(voice, mt.SpeechPrompt("hi"))

    assert caught.value.may_have_been_billed


async def test_a_stream_without_sound_is_no_speech(
    server: Server, voice: mt.TogetherSpeechClient
) -> None:
    server.then(stream(b'data: {"type": "conversation.created"}\n\n', b"data: [DONE]\n\n"))

    with pytest.raises(mt.ProviderError, match="before the end") as caught:
        await watched(voice, mt.SpeechPrompt("hi"))

    assert caught.value.may_have_been_billed


async def test_a_bit_rate_is_that_of_an_mp3(server: Server, voice: mt.TogetherSpeechClient) -> None:
    with pytest.raises(mt.PromptError, match="response_format"):
        await voice.generate(mt.SpeechPrompt("hi", options={"bit_rate": 64_000}))

    assert not server.requests


async def test_a_film_says_what_it_cost_and_lies_behind_a_short_link(
    server: Server, camera: mt.TogetherVideoClient
) -> None:
    outputs = {"cost": 0.28, "video_url": f"{server.url}/shrt/x"}
    server.then(
        said(job("in_progress")), said(job("queued")), said(job("completed", outputs=outputs)), FILM
    )

    film = await camera.generate(
        mt.VideoPrompt(
            "waves",
            seconds=4,
            aspect="16:9",
            resolution="720p",
            seed=7,
            image=picture(),
            references=[picture()],
            options={"fps": 24},
        )
    )

    assert server.requests[0].path == "/v2/videos"
    assert server.requests[0].json == {
        "model": "google/veo-3.1",
        "prompt": "waves",
        "seconds": "4",
        "ratio": "16:9",
        "resolution": "720p",
        "seed": 7,
        "fps": 24,
        "media": {
            "frame_images": [{"input_image": DATA_URL, "frame": "first"}],
            "reference_images": [DATA_URL],
        },
    }
    assert [request.path for request in server.requests[1:]] == [
        "/v2/videos/019a-1",
        "/v2/videos/019a-1",
        "/shrt/x",
    ]
    assert film.provenance is not None
    assert film.provenance.usage == {"cost_usd": 0.28}


async def test_a_film_that_is_refused_is_a_refusal(
    server: Server, camera: mt.TogetherVideoClient
) -> None:
    error = {"message": "Content policy", "code": "moderation"}
    server.then(said(job("queued")), said(job("failed", error=error, outputs=None)))

    with pytest.raises(mt.RefusalError, match="Content policy") as caught:
        await camera.generate("waves")

    assert caught.value.reason == "moderation"


async def test_a_film_without_an_address_may_have_been_billed(
    server: Server, camera: mt.TogetherVideoClient
) -> None:
    server.then(said(job("queued")), said(job("completed", outputs=None)))

    with pytest.raises(mt.ProviderError, match="no address") as caught:
        await camera.generate("waves")

    assert caught.value.may_have_been_billed
