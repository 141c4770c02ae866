"""OpenRouter's pictures, speech and films, as recorded."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Partial, Sounding, Withdrawn, Working
from mediatoolkit.runtime.gather import Polling
from tests.media.clips import clip
from tests.test_prompts import picture
from tests.transport.server import Server, body, head, in_pieces, said, serving, silence

KEY = "sk-or-key-0123456789"
PICTURE = base64.b64encode(picture()).decode()
DATA_URL = f"data:image/png;base64,{PICTURE}"
DRAWN = {
    "created": 1_795_000_000,
    "data": [{"b64_json": PICTURE, "media_type": "image/png"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1120, "total_tokens": 1129, "cost": 0.0336},
}
PCM = struct.pack("<200h", *range(-1000, 1000, 10))
SOUND: dict[str, Any] = {
    "Content_Type": "audio/pcm;rate=22050;channels=1",
    "X_Generation_Id": "gen-tts-1",
}
JOB = "gen-vid-1795000000-abc"
JOB_URL = f"/api/v1/videos/{JOB}"
FILM = body(clip(), Content_Type="video/mp4")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def painter(server: Server) -> AsyncIterator[mt.OpenRouterImageClient]:
    async with mt.OpenRouterImageClient(KEY, base_url=f"{server.url}/api/v1") as client:
        yield client


@pytest.fixture
async def voice(server: Server) -> AsyncIterator[mt.OpenRouterSpeechClient]:
    async with mt.OpenRouterSpeechClient(KEY, base_url=f"{server.url}/api/v1") as client:
        yield client


@pytest.fixture
async def camera(server: Server) -> AsyncIterator[mt.OpenRouterVideoClient]:
    async with mt.OpenRouterVideoClient(KEY, base_url=f"{server.url}/api/v1") as client:
        client.polling = Polling(first=0.01, cap=0.01)
        yield client


def job(status: str, **fields: Any) -> dict[str, Any]:
    return {"id": JOB, "polling_url": "/api/v1/videos/gen-vid-1", "status": status, **fields}


async def test_a_picture_is_asked_for_at_images_and_says_what_it_cost(
    server: Server, painter: mt.OpenRouterImageClient
) -> None:
    server.then(said(DRAWN, X_Generation_Id="gen-img-1"))

    image = await painter.generate(
        mt.ImagePrompt("fox", size="1K", aspect="16:9", seed=7, references=[picture()])
    )

    assert server.requests[0].path == "/api/v1/images"
    assert server.requests[0].json == {
        "model": "google/gemini-3.1-flash-image",
        "prompt": "fox",
        "resolution": "1K",
        "aspect_ratio": "16:9",
        "seed": 7,
        "input_references": [{"type": "image_url", "image_url": {"url": DATA_URL}}],
    }
    assert image.provenance is not None
    assert image.provenance.request_id == "gen-img-1"
    assert image.provenance.usage["output"] == {"IMAGE": 1120}
    assert image.provenance.cost == {"usd": "0.0336", "basis": "told by the vendor"}


async def test_pixels_are_a_size(server: Server, painter: mt.OpenRouterImageClient) -> None:
    """And the smallest response that the vendor sends is enough."""
    server.then(said({"created": 1, "data": [{"b64_json": PICTURE}]}))

    await painter.generate(mt.ImagePrompt("fox", size="1024x768"))

    assert server.requests[0].json["size"] == "1024x768"
    assert "resolution" not in server.requests[0].json


async def test_unfinished_pictures_are_shown(
    server: Server, painter: mt.OpenRouterImageClient
) -> None:
    partial = f'{{"type":"image_generation.partial_image","b64_json":"{PICTURE}"}}'
    end = f'{{"type":"image_generation.completed","b64_json":"{PICTURE}","usage":{{"cost":0.02}}}}'
    events = f"data: {partial}\n\ndata: {end}\n\ndata: [DONE]\n\n".encode()
    server.then(body(events, Content_Type="text/event-stream"))
    seen: list[Event] = []

    async with CallContext(20, listener=seen.append) as context:
        image = await painter.make(mt.ImagePrompt("fox", options={"stream": True}), context)

    assert any(isinstance(event, Partial) for event in seen)
    assert image.provenance is not None
    assert image.provenance.usage == {"cost_usd": 0.02}


async def test_a_refusal_gives_the_vendors_reason(
    server: Server, painter: mt.OpenRouterImageClient
) -> None:
    metadata = {"reasons": ["sexual"], "flagged_input": "a bad ...", "provider_name": "OpenAI"}
    error = {"code": 403, "message": "your input was flagged", "metadata": metadata}
    server.then(said({"error": error, "user_id": "user_1"}, 403))

    with pytest.raises(mt.RefusalError, match="flagged") as caught:
        await painter.generate("fox")

    assert caught.value.reason == "sexual"
    assert len(server.requests) == 1


async def test_the_words_of_the_vendor_behind_the_gateway_are_passed_on(
    server: Server, painter: mt.OpenRouterImageClient
) -> None:
    metadata = {"provider_name": "Acme", "raw": '{"detail": "the model is on fire"}'}
    error = {"code": 400, "message": "Provider returned error", "metadata": metadata}
    server.then(said({"error": error}, 400))

    with pytest.raises(mt.ProviderError, match=r"returned error\. Acme: .*the model is on fire"):
        await painter.generate("fox")


async def test_credits_that_are_used_up_are_no_pause(
    server: Server, painter: mt.OpenRouterImageClient
) -> None:
    server.then(said({"error": {"code": 402, "message": "Insufficient credits"}}, 402))

    with pytest.raises(mt.RateLimitError) as caught:
        await painter.generate("fox")

    assert caught.value.quota_exhausted
    assert len(server.requests) == 1


async def test_speech_is_a_file_whose_cost_is_asked_for(
    server: Server, voice: mt.OpenRouterSpeechClient
) -> None:
    """Samples that come without a head become a WAV."""
    server.then(body(PCM, **SOUND), said({"data": {"total_cost": 0.00012}}))

    audio = await voice.generate(mt.SpeechPrompt("hi", voice="Kore", style="calm", speed=1.1))

    assert server.requests[0].json == {
        "model": "google/gemini-3.8-flash-tts",
        "input": "hi",
        "voice": "Kore",
        "instructions": "calm",
        "speed": 1.1,
        "response_format": "mp3",
    }
    assert server.requests[1].path == "/api/v1/generation?id=gen-tts-1"
    assert (audio.sound().pcm, audio.sample_rate) == (PCM, 22_050)
    assert audio.provenance is not None
    assert audio.provenance.request_id == "gen-tts-1"
    assert audio.provenance.cost == {"usd": "0.00012", "basis": "told by the vendor"}


@pytest.mark.parametrize("missing", ["record", "sum"])
async def test_speech_that_is_paid_for_is_not_lost_over_its_price(
    server: Server, voice: mt.OpenRouterSpeechClient, missing: str
) -> None:
    error = said({"error": {"code": 404, "message": "no such generation"}}, 404)
    server.then(body(PCM, **SOUND), error if missing == "record" else said({"data": {}}))

    audio = await voice.generate("hi")

    assert audio.sound().pcm == PCM
    assert audio.provenance is not None
    assert "cost_usd" not in audio.provenance.usage


async def test_a_price_that_does_not_come_in_time_is_not_waited_for(
    server: Server, voice: mt.OpenRouterSpeechClient
) -> None:
    """The deadline of the speech is farther than that of the question."""
    server.then(body(PCM, **SOUND), silence())

    audio = await voice.generate("hi", timeout=4)

    assert audio.sound().pcm == PCM


async def test_a_dialogue_is_a_list_of_turns(
    server: Server, voice: mt.OpenRouterSpeechClient
) -> None:
    server.then(body(PCM, **SOUND), said({}))

    await voice.generate(
        mt.SpeechPrompt("Joe: Hello.\nAnn: Hi.", speakers={"Joe": "Kore", "Ann": "Puck"})
    )

    assert server.requests[0].json["input"] == [
        {"text": "Hello.", "voice": "Kore"},
        {"text": "Hi.", "voice": "Puck"},
    ]


async def test_who_watches_hears_pieces_cut_anywhere(
    server: Server, voice: mt.OpenRouterSpeechClient
) -> None:
    fields = head(Content_Length=len(PCM), **SOUND)
    server.then(in_pieces(fields + PCM[:1], 1 << 16, PCM[1:]), said({}))
    heard: list[Event] = []

    async with CallContext(20, listener=heard.append) as context:
        audio = await voice.make(mt.SpeechPrompt("hi"), context)

    pieces = [event.pcm for event in heard if isinstance(event, Sounding)]
    assert b"".join(pieces) == PCM
    assert audio.sound().pcm == PCM
    assert server.requests[0].json["response_format"] == "pcm"


async def test_a_film_is_submitted_looked_after_and_fetched_with_the_key(
    server: Server, camera: mt.OpenRouterVideoClient
) -> None:
    server.then(
        said(job("pending"), 202),
        said(job("in_progress")),
        said(job("completed", usage={"cost": 0.8, "is_byok": False})),
        FILM,
    )
    seen: list[Event] = []
    prompt = mt.VideoPrompt.of(
        "waves",
        seconds=4,
        aspect="16:9",
        resolution="4k",
        image=picture(),
        last=picture(),
        references=[picture()],
        generate_audio=False,
    )

    async with CallContext(20, listener=seen.append) as context:
        film = await camera.make_billed(prompt, context)

    reference = {"type": "image_url", "image_url": {"url": DATA_URL}}
    assert server.requests[0].json == {
        "model": "google/veo-3.1",
        "prompt": "waves",
        "duration": 4,
        "aspect_ratio": "16:9",
        "resolution": "4K",
        "generate_audio": False,
        "frame_images": [
            {**reference, "frame_type": "first_frame"},
            {**reference, "frame_type": "last_frame"},
        ],
        "input_references": [reference],
    }
    paths = ["/api/v1/videos", JOB_URL, JOB_URL, f"{JOB_URL}/content?index=0"]
    assert [request.path for request in server.requests] == paths
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert "openrouter: in progress" in {str(event) for event in seen if isinstance(event, Working)}
    assert film.provenance is not None
    assert film.provenance.request_id == JOB
    assert film.provenance.usage == {"cost_usd": 0.8}


@pytest.mark.parametrize(
    ("words", "error"),
    [("Content policy violation", mt.RefusalError), ("The GPU melted", mt.ProviderError)],
    ids=["refused", "broken"],
)
async def test_a_film_that_failed_says_why_and_is_over(
    server: Server, camera: mt.OpenRouterVideoClient, words: str, error: type[mt.ProviderError]
) -> None:
    server.then(said(job("pending"), 202), said(job("failed", error=words)))

    async with CallContext(20) as context:
        with pytest.raises(error, match=words) as caught:
            await camera.make(mt.VideoPrompt("waves"), context)

    assert context.job_id is None
    assert caught.value.may_have_been_billed is (error is not mt.RefusalError)
    assert len(server.requests) == 2


async def test_a_film_whose_file_is_not_ready_is_looked_at_again(
    server: Server, camera: mt.OpenRouterVideoClient
) -> None:
    finished = said(job("completed"))
    server.then(
        said(job("pending"), 202), finished, said({"error": {"code": 409}}, 409), finished, FILM
    )

    film = await camera.generate(mt.VideoPrompt("waves"))

    assert film.data == clip()


async def test_a_film_whose_file_is_never_ready_is_an_error(
    server: Server, camera: mt.OpenRouterVideoClient
) -> None:
    finished = said(job("completed"))
    server.then(said(job("pending"), 202), *[finished, said({"error": {"code": 409}}, 409)] * 5)

    with pytest.raises(mt.ProviderError, match="409") as caught:
        await camera.generate(mt.VideoPrompt("waves"))

    assert caught.value.may_have_been_billed


async def test_a_word_that_is_not_known_is_looked_at_again(
    server: Server, camera: mt.OpenRouterVideoClient
) -> None:
    server.then(said(job("pending"), 202), said(job("dreaming")), said(job("completed")), FILM)

    assert (await camera.generate("waves")).mime_type == "video/mp4"


async def test_nobody_can_stop_a_film_so_a_cancel_asks_nobody(
    server: Server, camera: mt.OpenRouterVideoClient
) -> None:
    """The job is still named, so that its film can be fetched later."""
    server.then(said(job("pending"), 202), said(job("pending")))
    events: list[Event] = []
    looked = asyncio.Event()

    def hear(event: Event) -> None:
        events.append(event)
        if isinstance(event, Working):
            looked.set()

    context = CallContext(60, listener=hear)

    async def make() -> None:
        async with context:
            await camera.make(mt.VideoPrompt("waves"), context)

    task = asyncio.create_task(make())
    await looked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert events[-1] == Withdrawn(confirmed=False)
    assert context.job_id == JOB
    assert {request.method for request in server.requests[1:]} == {"GET"}


@pytest.mark.parametrize("job_id", ["../keys", "a/b", "", "a" * 201])
async def test_an_id_that_is_none_is_never_sent(
    server: Server, camera: mt.OpenRouterVideoClient, job_id: str
) -> None:
    provenance = await camera.provenance(mt.VideoPrompt("waves"))

    async with CallContext(20) as context:
        with pytest.raises(mt.PromptError, match="no id"):
            await camera.poll(job_id, provenance, context)

    assert not server.requests


async def test_a_submission_without_an_id_may_have_been_billed(
    server: Server, camera: mt.OpenRouterVideoClient
) -> None:
    server.then(said({"status": "pending"}, 202))

    with pytest.raises(mt.ProviderError, match="without a usable id") as caught:
        await camera.generate("waves")

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("mime_type", "data"), [("text/plain", b"sorry, not today"), ("audio/pcm", b"a")]
)
@pytest.mark.parametrize("verb", ["make", "stream_to"])
async def test_what_is_no_speech_is_never_heard(
    server: Server, verb: str, mime_type: str, data: bytes
) -> None:
    server.then(body(data, Content_Type=mime_type))
    heard: list[Any] = []
    give = [heard.append] if verb == "stream_to" else []

    async with mt.OpenRouterSpeechClient(KEY, base_url=server.url) as client:
        context = CallContext(10, listener=lambda _: None)
        with pytest.raises((mt.MediaError, mt.ProviderError)) as caught:
            await getattr(client, verb)(mt.SpeechPrompt("hi"), context, *give)

    assert caught.value.may_have_been_billed
    assert heard == []
