"""Speech and films of servers of one's own, which differ more than their pictures do."""

import base64
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.media.containers import wav
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Sounding, Working
from mediatoolkit.runtime.gather import Polling
from tests.media.clips import clip
from tests.test_prompts import picture
from tests.transport.server import Server, body, head, in_pieces, said, serving

PCM = bytes(range(240)) * 10
TONE = wav.wrapped(PCM, sample_rate=22_050, channels=1)
ENDLESS = TONE[:4] + b"\xff" * 4 + TONE[8:40] + b"\xff" * 4 + TONE[44:]
FILM = body(clip(), Content_Type="video/mp4")
NO_PATH = said({"detail": "Not Found"}, 404)
MADE = {"created": 1, "id": "x", "data": [{"url": "/generated-videos/b64123.mp4"}]}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def voice(server: Server) -> AsyncIterator[mt.OpenAICompatibleSpeechClient]:
    async with mt.OpenAICompatibleSpeechClient(base_url=f"{server.url}/v1", model="tts") as client:
        yield client


@pytest.fixture
async def camera(server: Server) -> AsyncIterator[mt.OpenAICompatibleVideoClient]:
    async with mt.OpenAICompatibleVideoClient(base_url=f"{server.url}/v1", model="wan") as client:
        client.polling = Polling(first=0.01, cap=0.01)
        yield client


def job(status: str, **fields: Any) -> dict[str, Any]:
    return {"id": "video_1", "object": "video", "status": status, **fields}


async def test_speech_is_a_wav_whose_head_is_not_believed(
    server: Server, voice: mt.OpenAICompatibleSpeechClient
) -> None:
    server.then(body(ENDLESS, Content_Type="audio/x-wav"))

    audio = await voice.generate(mt.SpeechPrompt("hi", voice="vivian", style="calm", language="en"))

    assert server.requests[0].path == "/v1/audio/speech"
    assert server.requests[0].json == {
        "model": "tts",
        "input": "hi",
        "voice": "vivian",
        "instructions": "calm",
        "language": "en",
        "response_format": "wav",
    }
    assert "authorization" not in server.requests[0].headers
    assert audio.sound().pcm == PCM
    assert str(audio.cost) == "free"


@pytest.mark.parametrize(
    ("length", "behind"),
    [(2, b""), (1000, b""), (None, b"LIST" + struct.pack("<I", 80) + bytes(80))],
    ids=["2 bytes", "1000 bytes", "a chunk"],
)
async def test_sound_behind_what_the_head_knows_of_is_kept(
    server: Server, voice: mt.OpenAICompatibleSpeechClient, length: int | None, behind: bytes
) -> None:
    """As of a server that counts its first block alone; a chunk that follows is no sound."""
    data = bytearray(wav.wrapped(PCM, sample_rate=24_000, channels=1))
    if length is not None:
        struct.pack_into("<I", data, 4, 36 + length)
        struct.pack_into("<I", data, 40, length)
    server.then(body(bytes(data) + behind, Content_Type="audio/wav"))

    audio = await voice.generate("hi")

    assert audio.sound().pcm == PCM


@pytest.mark.parametrize("size", [20, 44, 45])
async def test_a_stream_without_a_sample_is_an_error(
    server: Server, voice: mt.OpenAICompatibleSpeechClient, size: int
) -> None:
    server.then(body(ENDLESS[:size], Content_Type="audio/wav"))

    with pytest.raises(mt.ProviderError, match="before the end of the speech") as caught:
        await voice.stream_to(mt.SpeechPrompt("hi"), CallContext(10), list[Any]().append)
    assert caught.value.may_have_been_billed


async def test_a_file_that_cannot_be_heard_may_have_been_billed(
    server: Server, voice: mt.OpenAICompatibleSpeechClient
) -> None:
    server.then(body(b"\xff\xfb\x90\x00" + bytes(4000), Content_Type="audio/mpeg"))

    with pytest.raises(mt.MediaError) as caught:
        await voice.stream_to(mt.SpeechPrompt("hi"), CallContext(10), list[Any]().append)
    assert caught.value.may_have_been_billed


async def test_a_wav_is_heard_while_it_is_made(
    server: Server, voice: mt.OpenAICompatibleSpeechClient
) -> None:
    fields = head(Content_Type="audio/wav", Content_Length=len(ENDLESS))
    server.then(in_pieces(fields + ENDLESS[:51], 1 << 16, ENDLESS[51:]))

    async with mt.VoiceAgent(voice) as agent:
        sounds = [sound async for sound in agent.stream("hi")]

    assert b"".join(sound.pcm for sound in sounds) == PCM
    assert {sound.sample_rate for sound in sounds} == {22_050}
    assert server.requests[0].json["stream"] is True


async def test_a_server_may_stream_events_instead(
    server: Server, voice: mt.OpenAICompatibleSpeechClient
) -> None:
    """As OpenAI has them, with what was used up in the last one."""
    parts = [ENDLESS[:44], ENDLESS[44:999], ENDLESS[999:]]
    events: list[dict[str, Any]] = [
        {"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()} for part in parts
    ]
    usage = {"input_tokens": 5, "output_tokens": 20, "total_tokens": 25}
    events.append({"type": "speech.audio.done", "usage": usage})
    lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]
    server.then(body(b"".join(lines), Content_Type="text/event-stream"))

    heard: list[bytes] = []
    async with CallContext(20) as context:
        used = await voice.stream_to(
            mt.SpeechPrompt("hi"), context, lambda sound: heard.append(sound.pcm)
        )

    assert b"".join(heard) == PCM
    assert used == {"input": {"TEXT": 5}, "output": {"AUDIO": 20}, "total": 25}


async def test_a_server_that_cannot_stream_is_not_asked_to_by_who_watches(
    server: Server, voice: mt.OpenAICompatibleSpeechClient
) -> None:
    server.then(body(TONE, Content_Type="audio/wav"))
    seen: list[Event] = []

    async with CallContext(20, listener=seen.append) as context:
        audio = await voice.make(mt.SpeechPrompt("hi"), context)

    assert audio.data == TONE
    assert "stream" not in server.requests[0].json
    assert not any(isinstance(event, Sounding) for event in seen)


async def test_a_film_is_made_in_the_background_by_openais_protocol(
    server: Server, camera: mt.OpenAICompatibleVideoClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.then(
        said(job("queued", progress=0)),
        said(job("in_progress", progress=40), openai_poll_after_ms=60),
        said(job("completed", progress=100)),
        FILM,
    )
    seen: list[Event] = []
    waits: list[float | None] = []
    prompt = mt.VideoPrompt.of("a fox", seconds=4, resolution="720p", aspect="9:16", fps=24)

    async with CallContext(20, listener=seen.append) as context:
        poll = camera.poll

        async def look(*arguments: Any) -> Any:
            film = await poll(*arguments)
            waits.append(context.poll_after)
            return film

        monkeypatch.setattr(camera, "poll", look)
        film = await camera.make(prompt, context)

    request = server.requests[0]
    assert request.path == "/v1/videos"
    assert request.headers["content-type"].startswith("multipart/form-data")
    fields = (("prompt", "a fox"), ("seconds", "4"), ("size", "720x1280"), ("fps", "24"))
    for name, value in fields:
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in request.body
    assert [request.path for request in server.requests[1:]] == [
        "/v1/videos/video_1",
        "/v1/videos/video_1",
        "/v1/videos/video_1/content",
    ]
    assert waits == [0.06, None]
    assert Working("openai-compatible", "in progress", 0.4) in seen
    assert film.provenance is not None
    assert film.provenance.request_id == "video_1"


async def test_the_first_picture_goes_along_as_a_file(
    server: Server, camera: mt.OpenAICompatibleVideoClient
) -> None:
    server.then(said(job("queued")), said(job("completed")), FILM)

    await camera.generate(mt.VideoPrompt("a fox", image=picture()))

    body_sent = server.requests[0].body
    assert b'name="input_reference"; filename="input_reference.png"' in body_sent
    assert picture() in body_sent


async def test_a_stop_deletes_the_job(
    server: Server, camera: mt.OpenAICompatibleVideoClient
) -> None:
    server.then(said({"id": "video_1", "object": "video.deleted", "deleted": True}))

    async with CallContext(20) as context:
        assert await camera.cancel("video_1", context)

    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/v1/videos/video_1")


@pytest.mark.parametrize(
    "url",
    ["/generated-videos/b64123.mp4", "http://localai:8080/generated-videos/b64123.mp4"],
    ids=["relative", "the server's own notion of its host"],
)
async def test_a_server_without_a_queue_makes_the_film_at_once(
    server: Server, camera: mt.OpenAICompatibleVideoClient, url: str
) -> None:
    server.then(NO_PATH, said({**MADE, "data": [{"url": url}]}), FILM)

    film = await camera.generate(
        mt.VideoPrompt.of("a fox", seconds=2, resolution="480p", image=picture(), step=20)
    )

    assert [request.path for request in server.requests] == [
        "/v1/videos",
        "/v1/video",
        "/generated-videos/b64123.mp4",
    ]
    assert server.requests[1].json == {
        "model": "wan",
        "prompt": "a fox",
        "seconds": "2",
        "width": 854,
        "height": 480,
        "start_image": base64.b64encode(picture()).decode(),
        "response_format": "url",
        "step": 20,
    }
    assert film.mime_type == "video/mp4"
    assert str(film.cost) == "free"


async def test_a_server_without_a_queue_is_remembered(
    server: Server, camera: mt.OpenAICompatibleVideoClient
) -> None:
    server.then(NO_PATH, said(MADE), FILM, said(MADE), FILM)

    await camera.generate("a fox")
    await camera.generate("a fox")

    paths = [request.path for request in server.requests if request.method == "POST"]
    assert paths == ["/v1/videos", "/v1/video", "/v1/video"]


async def test_what_both_paths_do_not_know_is_told_as_the_first_says_it(
    server: Server, camera: mt.OpenAICompatibleVideoClient
) -> None:
    no_model = said({"error": {"message": "The model wan does not exist", "code": 404}}, 404)
    server.then(no_model, NO_PATH)

    with pytest.raises(mt.ModelNotFoundError, match="wan does not exist"):
        await camera.generate("a fox")


@pytest.mark.parametrize("url", ["", "/../etc/passwd", "/a/..", None])
async def test_an_address_that_is_none_is_not_fetched(
    server: Server, camera: mt.OpenAICompatibleVideoClient, url: str | None
) -> None:
    server.then(NO_PATH, said({**MADE, "data": [{"url": url}]}))

    with pytest.raises(mt.ProviderError, match="no address"):
        await camera.generate("a fox")

    assert len(server.requests) == 2


async def test_a_pause_that_is_longer_than_the_time_left_is_not_waited_for(
    server: Server, camera: mt.OpenAICompatibleVideoClient
) -> None:
    """The job goes on, and its film can be fetched later."""
    server.then(said(job("queued")), said(job("in_progress"), openai_poll_after_ms=4_000_000))

    with pytest.raises(mt.DeadlineError, match=r"asks to wait 4000 s .* job video_1") as caught:
        await camera.generate("a fox", timeout=3600)

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 2
