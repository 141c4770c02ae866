"""ElevenLabs: what goes over the wire, words and their times, voices, and what its errors mean."""

import base64
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.media import Sound
from mediatoolkit.providers.elevenlabs_models import MODELS, VoiceId
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Sounding
from tests.media.drawn import bare_mp3
from tests.transport.server import Reply, Server, body, head, in_pieces, said, serving

KEY = "xi-key-of-the-tests"
GEORGE, ALICE = "JBFqnCBsd6RMkjVDRZzb", "Xb7hH8MSUJpSbSDYk0k2"
HEADERS: dict[str, Any] = {
    "request_id": "req-el-1",
    "character_cost": "11",
    "history_item_id": "hist-1",
}
PCM = bytes(range(256)) * 200


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as vendor:
        yield vendor


@pytest.fixture
async def client(server: Server) -> AsyncIterator[mt.ElevenLabsSpeechClient]:
    async with speaker(server) as eleven:
        yield eleven


def speaker(server: Server, **options: Any) -> mt.ElevenLabsSpeechClient:
    return mt.ElevenLabsSpeechClient(KEY, base_url=server.url, **options)


def sound(data: bytes | None = None, content_type: str = "audio/mpeg", **fields: Any) -> Reply:
    return body(bare_mp3() if data is None else data, Content_Type=content_type, **HEADERS | fields)


def aligned(text: str, *, turns: list[int] | None = None, step: float = 0.1) -> dict[str, Any]:
    """As the vendor has it: each character has its times."""
    times = [round(place * step, 3) for place in range(len(text) + 1)]
    alignment = {
        "characters": list(text),
        "character_start_times_seconds": times[:-1],
        "character_end_times_seconds": times[1:],
    }
    segments = [{"voice_id": GEORGE, "character_start_index": place} for place in turns or []]
    data = base64.b64encode(bare_mp3()).decode()
    return {"audio_base64": data, "alignment": alignment, "voice_segments": segments}


def spoken(text: str, **options: Any) -> Reply:
    return said(aligned(text, **options), **HEADERS)


def wrong(status: int, detail: Any, **fields: Any) -> Reply:
    return said({"detail": detail}, status, **fields)


def place(server: Server, number: int = -1) -> str:
    return server.requests[number].path


async def test_a_text_is_the_sdks_field_by_field(server: Server) -> None:
    """Recorded from elevenlabs 2.78.0; settings that are left out are not named by ours."""
    server.then(sound())
    prompt = mt.SpeechPrompt.of(
        "Hello there",
        voice=GEORGE,
        speed=1.1,
        language="en-US",
        seed=5,
        stability=0.5,
        use_speaker_boost=True,
        similarity_boost=0.75,
        style_exaggeration=0.0,
        output_format="mp3_44100_128",
        captions=False,
    )

    async with speaker(server, model="eleven_flash_v2_5") as client:
        audio = await client.generate(prompt)

    request = server.requests[0]
    assert request.method == "POST"
    assert request.path == f"/v1/text-to-speech/{GEORGE}?output_format=mp3_44100_128"
    assert request.headers["xi-api-key"] == KEY
    assert request.json == {
        "text": "Hello there",
        "model_id": "eleven_flash_v2_5",
        "language_code": "en",
        "voice_settings": {
            "stability": 0.5,
            "use_speaker_boost": True,
            "similarity_boost": 0.75,
            "style": 0.0,
            "speed": 1.1,
        },
        "seed": 5,
    }
    record = audio.provenance
    assert record
    assert (record.request_id, record.seed, record.usage) == ("req-el-1", 5, {"credits": 11})
    assert record.notes == {"history-item-id": "hist-1"}
    assert audio.mime_type == "audio/mpeg"


async def test_each_word_has_a_caption(server: Server, client: mt.ElevenLabsSpeechClient) -> None:
    """From the first of its characters to the last, with its stops, as it was written."""
    server.then(spoken("Once upon a time…"))

    audio = await client.generate("Once upon a time…")

    assert place(server) == f"/v1/text-to-speech/{GEORGE}/with-timestamps"
    assert server.requests[0].json == {"text": "Once upon a time…", "model_id": "eleven_v4"}
    assert audio.captions.to_plain() == [
        [0.0, 0.4, "Once"],
        [0.5, 0.9, "upon"],
        [1.0, 1.1, "a"],
        [1.2, 1.7, "time…"],
    ]


@pytest.mark.parametrize(
    ("model", "words"),
    [("eleven_v3", ["So,", "no."]), ("eleven_flash_v2_5", ["[laughs", "loud]", "So,", "no."])],
)
async def test_tags_are_no_words_where_nobody_hears_them(
    server: Server, model: str, words: list[str]
) -> None:
    """Older models read them out."""
    server.then(spoken("[laughs loud] So, no."))

    async with speaker(server, model=model) as client:
        audio = await client.generate("[laughs loud] So, no.")

    assert [caption.text for caption in audio.captions] == words


@pytest.mark.parametrize(
    "alignment",
    [
        None,
        {},
        {"characters": list("hi")},
        {
            "characters": ["h", None],
            "character_start_times_seconds": [0, 1],
            "character_end_times_seconds": [1, 2],
        },
        {
            "characters": list("hi"),
            "character_start_times_seconds": [0],
            "character_end_times_seconds": [1],
        },
        {
            "characters": list("hi"),
            "character_start_times_seconds": ["0", "1"],
            "character_end_times_seconds": [-1, -2],
        },
        [1, 2],
    ],
    ids=["null", "empty", "no times", "no letter", "too few", "no numbers", "list"],
)
async def test_what_is_paid_is_not_lost_over_its_times(
    server: Server, client: mt.ElevenLabsSpeechClient, alignment: Any
) -> None:
    """Then there are no captions, but the sound is there."""
    server.then(said({**aligned("hi"), "alignment": alignment}))

    audio = await client.generate("hi")

    assert not audio.captions
    assert audio.seconds > 0.2


async def test_what_is_paid_is_not_lost_over_its_turns(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    segments = [{"character_start_index": place} for place in (-3, 10**30, True, "1")]
    server.then(said({**aligned("hi"), "voice_segments": segments}))

    assert (await client.generate("hi")).data


async def test_a_turn_begins_at_a_character_of_the_vendors(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    """Which may be several letters here, such as one with two accents."""
    alignment = {
        "characters": ["e\u0323\u0302", "h", "y", "o"],
        "character_start_times_seconds": [0, 0.1, 0.2, 0.3],
        "character_end_times_seconds": [0.1, 0.2, 0.3, 0.4],
    }
    segments = [{"character_start_index": place} for place in (0, 2)]
    document = {**aligned(""), "alignment": alignment, "voice_segments": segments}
    server.then(said(document))

    audio = await client.generate("whatever")

    spoken = [(caption.start, caption.end, caption.text) for caption in audio.captions]
    assert spoken == [(0, 0.2, "e\u0323\u0302h"), (0.2, 0.4, "yo")]


async def test_a_dialogue_is_the_sdks_field_by_field(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    """And its last word of one turn is not the first of the next."""
    server.then(spoken("Hi [laughs]Hey you", turns=[0, 11]))
    prompt = mt.SpeechPrompt.of(
        "Joe: Hi [laughs]\nJane: Hey you",
        speakers={"Joe": GEORGE, "Jane": ALICE},
        language="en",
        stability=0.5,
        similarity_boost=0.7,
        seed=7,
    )

    audio = await client.generate(prompt)

    assert place(server) == "/v1/text-to-dialogue/with-timestamps"
    assert server.requests[0].json == {
        "inputs": [
            {"text": "Hi [laughs]", "voice_id": GEORGE},
            {"text": "Hey you", "voice_id": ALICE},
        ],
        "model_id": "eleven_v4",
        "language_code": "en",
        "settings": {"stability": 0.5, "similarity": 0.7},
        "seed": 7,
    }
    assert [caption.text for caption in audio.captions] == ["Hi", "Hey", "you"]


async def test_words_of_two_turns_are_two_without_a_blank_between(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    server.then(spoken("Hi.Hey.", turns=[0, 3]))

    audio = await client.generate(
        mt.SpeechPrompt("Joe: Hi.\nJane: Hey.", speakers={"Joe": GEORGE, "Jane": ALICE})
    )

    assert audio.captions.to_plain() == [[0.0, 0.3, "Hi."], [0.3, 0.7, "Hey."]]


async def test_a_style_is_a_tag_that_is_not_in_the_captions(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    server.then(spoken("[cheerful] Hello."))

    audio = await client.generate(mt.SpeechPrompt("Hello.", style="cheerful"))

    assert server.requests[0].json["text"] == "[cheerful] Hello."
    assert [caption.text for caption in audio.captions] == ["Hello."]
    assert audio.provenance
    assert audio.provenance.prompt == "Hello."


async def test_a_sound_is_the_sdks_field_by_field(server: Server) -> None:
    """Recorded from elevenlabs 2.78.0, which names no model."""
    server.then(sound())

    async with speaker(server, model="eleven_text_to_sound_v3") as client:
        audio = await client.generate(
            mt.SpeechPrompt.of("dog barking", seconds=2, prompt_influence=0.3, loop=False)
        )

    assert place(server) == "/v1/sound-generation"
    assert server.requests[0].json == {
        "text": "dog barking",
        "model_id": "eleven_text_to_sound_v3",
        "duration_seconds": 2,
        "prompt_influence": 0.3,
        "loop": False,
    }
    assert audio.provenance
    assert audio.provenance.model == "elevenlabs/eleven_text_to_sound_v3"


async def test_music_is_the_sdks_field_by_field(server: Server) -> None:
    """Recorded from elevenlabs 2.78.0, which names no model."""
    server.then(body(bare_mp3(), Content_Type="audio/mpeg", song_id="song-1"))

    async with speaker(server, model="music_v2") as client:
        audio = await client.generate(
            mt.SpeechPrompt.of("lofi", seconds=10, output_format="auto", enable_logging=False)
        )

    assert place(server) == "/v1/music?output_format=auto&enable_logging=false"
    assert server.requests[0].json == {
        "prompt": "lofi",
        "model_id": "music_v2",
        "music_length_ms": 10_000,
    }
    assert audio.provenance
    assert audio.provenance.notes == {"song-id": "song-1"}
    assert audio.provenance.usage == {}


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("music_v9", "/v1/music"),
        ("eleven_text_to_sound_v9", "/v1/sound-generation"),
        ("eleven_v9", f"/v1/text-to-speech/{GEORGE}/with-timestamps"),
    ],
)
async def test_a_newer_model_takes_what_its_family_does(
    server: Server, model: str, path: str
) -> None:
    server.then(spoken("hi") if "speech" in path else sound())

    async with speaker(server, model=model) as client:
        await client.generate("hi")
        with pytest.raises(mt.PromptError):
            client.check(mt.SpeechPrompt.of("hi", seconds=700))

    assert place(server) == path


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("eleven_v3", {"previous_text": "Before."}, "eleven_v4 and the v2 models"),
        ("eleven_v3", {"next_text": "After."}, "eleven_v4 and the v2 models"),
        ("eleven_v4", {"speed": 0.6}, "0.7 to 1.2"),
        ("eleven_v4", {"speed": 1.3}, "0.7 to 1.2"),
        ("eleven_v4", {"seed": -1}, "seed"),
        ("eleven_v4", {"stability": 1.1}, "stability"),
        ("eleven_v4", {"output_format": "mp3_44100_129"}, "mp3_44100_128"),
        ("eleven_v4", {"output_format": 7}, "output_format"),
        ("eleven_v4", {"captions": "no"}, "captions takes bool"),
        ("eleven_v4", {"voice": "George of Rome"}, r"voices\(\)"),
        ("eleven_v4", {"voice": "../models"}, r"voices\(\)"),
        ("eleven_v4", {"seconds": 4}, "no option seconds="),
        ("eleven_flash_v2", {"language": "de"}, "leave language= out"),
        ("eleven_multilingual_v2", {"style": "cheerful"}, "eleven_v4"),
        ("music_v1", {"seconds": 2}, "3 to 600 seconds"),
        ("music_v1", {"output_format": "pcm_44100"}, "output_format"),
        ("music_v1", {"voice": GEORGE}, "takes no voice"),
        ("eleven_text_to_sound_v2", {"seconds": 31}, "0.5 to 30 seconds"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
async def test_what_a_model_does_not_take_is_never_sent(
    server: Server, model: str, options: dict[str, Any], words: str
) -> None:
    async with speaker(server, model=model) as client:
        with pytest.raises(mt.PromptError, match=words):
            await client.generate(mt.SpeechPrompt.of("hi", **options))

    assert not server.requests


@pytest.mark.parametrize(
    "options", [{"speed": 1.1}, {"style_exaggeration": 0.5}, {"previous_text": "Before."}]
)
async def test_a_dialogue_takes_less(
    server: Server, client: mt.ElevenLabsSpeechClient, options: dict[str, Any]
) -> None:
    prompt = mt.SpeechPrompt.of("A: Hi.\nB: Hey.", speakers={"A": GEORGE, "B": ALICE}, **options)

    with pytest.raises(mt.PromptError, match="dialogues take no"):
        await client.generate(prompt)

    assert not server.requests


async def test_a_dialogue_has_ten_voices(client: mt.ElevenLabsSpeechClient) -> None:
    names = [f"Voice{number}" for number in range(11)]
    text = "\n".join(f"{name}: Hi." for name in names)

    client.check(mt.SpeechPrompt(text, speakers=dict.fromkeys(names, GEORGE)))
    with pytest.raises(mt.PromptError, match="10 voices"):
        client.check(mt.SpeechPrompt(text, speakers={name: name for name in names}))


async def test_bare_samples_become_a_wav(server: Server, client: mt.ElevenLabsSpeechClient) -> None:
    """A half sample at the end is left out."""
    server.then(sound(PCM + b"\0", "audio/pcm"))
    prompt = mt.SpeechPrompt.of("hi", output_format="pcm_16000", captions=False)

    audio = await client.generate(prompt)

    assert (audio.mime_type, audio.sample_rate, audio.channels) == ("audio/wav", 16_000, 1)
    assert audio.sound().pcm == PCM


async def test_bare_samples_come_with_their_times(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    document = aligned("hi") | {"audio_base64": base64.b64encode(PCM).decode()}
    server.then(said(document))

    audio = await client.generate(mt.SpeechPrompt.of("hi", output_format="pcm_24000"))

    assert audio.sound().pcm == PCM
    assert audio.captions.to_plain() == [[0.0, 0.2, "hi"]]


async def test_speech_is_heard_while_it_is_made(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    """In a bare format and without captions; the whole is what was heard."""
    fields = head(Content_Type="audio/pcm", Content_Length=len(PCM), **HEADERS)
    server.then(in_pieces(fields + PCM, 1_001))
    heard: list[bytes] = []

    def hear(event: Event) -> None:
        if isinstance(event, Sounding):
            heard.append(event.pcm)

    prompt = mt.SpeechPrompt.of("hi", output_format="pcm_24000", captions=False)
    async with CallContext(60, listener=hear) as context:
        audio = await client.make(prompt, context)

    assert place(server) == f"/v1/text-to-speech/{GEORGE}/stream?output_format=pcm_24000"
    assert len(heard) > 1
    assert b"".join(heard) == audio.sound().pcm == PCM


async def streamed(client: mt.ElevenLabsSpeechClient, prompt: mt.SpeechPrompt) -> list[Sound]:
    pieces: list[Sound] = []
    client.check(prompt)
    async with CallContext(60) as context:
        usage = await client.stream_to(prompt, context, pieces.append)
    assert usage == {"credits": 11}
    return pieces


@pytest.mark.parametrize(
    ("form", "rate"), [(None, 24_000), ("mp3_44100_128", 24_000), ("pcm_8000", 8_000)]
)
async def test_a_stream_is_of_bare_samples(
    server: Server, client: mt.ElevenLabsSpeechClient, form: str | None, rate: int
) -> None:
    """Whatever file was asked for, since a part of one cannot be heard."""
    server.then(sound(PCM, "application/octet-stream"))
    options = {"output_format": form} if form else {}

    pieces = await streamed(client, mt.SpeechPrompt.of("hi", **options))

    assert place(server) == f"/v1/text-to-speech/{GEORGE}/stream?output_format=pcm_{rate}"
    assert b"".join(piece.pcm for piece in pieces) == PCM
    assert {piece.sample_rate for piece in pieces} == {rate}


async def test_a_dialogue_is_streamed(server: Server, client: mt.ElevenLabsSpeechClient) -> None:
    server.then(sound(PCM, "audio/pcm"))

    await streamed(client, mt.SpeechPrompt("A: Hi.\nB: Hey.", speakers={"A": GEORGE, "B": ALICE}))

    assert place(server) == "/v1/text-to-dialogue/stream?output_format=pcm_24000"


async def test_music_comes_in_one_piece(server: Server) -> None:
    server.then(sound())

    async with speaker(server, model="music_v1") as client:
        (piece,) = await streamed(client, mt.SpeechPrompt("lofi"))

    assert piece.seconds > 0.2


@pytest.mark.parametrize(
    "reply",
    [sound(b"", "audio/pcm"), said({"detail": "odd"}), sound(b"Odd.", "text/plain")],
    ids=["nothing", "json", "text"],
)
async def test_what_is_no_sound_is_never_heard(
    server: Server, client: mt.ElevenLabsSpeechClient, reply: Reply
) -> None:
    server.then(reply)

    with pytest.raises((mt.ProviderError, mt.MediaError)) as caught:
        await streamed(client, mt.SpeechPrompt("hi"))

    assert caught.value.may_have_been_billed
    assert caught.value.provider == "elevenlabs"
    assert len(server.requests) == 1


@pytest.mark.parametrize("form", ["pcm_24000", "mp3_44100_128"])
async def test_an_empty_file_may_have_been_billed(
    server: Server, client: mt.ElevenLabsSpeechClient, form: str
) -> None:
    server.then(sound(b""))

    with pytest.raises(mt.MediaError) as caught:
        await client.generate(mt.SpeechPrompt.of("hi", output_format=form, captions=False))

    assert caught.value.may_have_been_billed
    assert caught.value.provider == "elevenlabs"


LONG = "".join(f"This is the sentence number {number:04}. " for number in range(200))


async def test_a_long_text_is_spoken_in_parts(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    """Each as long as the model takes; captions are moved to where they are heard."""
    server.then(spoken("One two.", step=0.01), spoken("Three.", step=0.01))

    audio = await client.generate(LONG)

    texts = [request.json["text"] for request in server.requests]
    assert "".join(texts) == LONG
    assert [len(text) <= 5_000 for text in texts] == [True, True]
    assert audio.mime_type == "audio/wav"
    assert [caption.text for caption in audio.captions] == ["One", "two.", "Three."]
    assert all(first.start < second.start for first, second in pairwise(audio.captions))
    assert audio.provenance
    assert audio.provenance.usage == {"credits": 22}
    assert audio.provenance.prompt == LONG


async def test_a_long_text_is_one_request_for_a_model_that_takes_it(server: Server) -> None:
    server.then(spoken("hi"))

    async with speaker(server, model="eleven_flash_v2_5") as client:
        await client.generate(LONG)

    assert len(server.requests) == 1


async def test_a_long_text_is_quoted_and_streamed_in_parts(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    server.then(sound(PCM, "audio/pcm"))
    prompt = mt.SpeechPrompt(LONG)
    pieces: list[Sound] = []

    async with CallContext(60) as context:
        usage = await client.stream_to(prompt, context, pieces.append)

    assert usage == {"credits": 22}
    assert b"".join(piece.pcm for piece in pieces) == PCM * 2
    assert len(client.quotes(prompt)) == len(server.requests) == 2


async def test_the_first_part_was_billed_when_the_second_fails(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    server.then(spoken("One."), wrong(400, {"status": "odd", "message": "No."}))

    with pytest.raises(mt.ProviderError, match="No") as caught:
        await client.generate(LONG)

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 2


async def test_what_joins_parts_is_missed_before_anything_is_sent(
    server: Server, client: mt.ElevenLabsSpeechClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bare samples need nothing to be joined."""
    monkeypatch.setitem(__import__("sys").modules, "av", None)

    with pytest.raises(mt.MissingExtraError):
        await client.generate(LONG)

    assert not server.requests
    client.check(mt.SpeechPrompt.of(LONG, output_format="pcm_24000"))


@pytest.mark.parametrize(
    ("status", "detail", "kind", "words"),
    [
        (401, {"status": "invalid_api_key", "message": "Invalid API key"}, "Authentication", "KEY"),
        (403, {"status": "x", "message": "No access."}, "Authentication", "Creator plan"),
        (404, {"status": "voice_not_found", "message": "No such voice."}, "Provider", "voices"),
        (400, {"status": "voice_not_found", "message": "No such voice."}, "Provider", "voices"),
        (404, {"code": "model_not_found", "message": "No such model."}, "ModelNotFound", "eleven"),
        (400, {"status": "max_character_limit_exceeded", "message": "Long."}, "Provider", "Long"),
        (400, {"status": "content_policy", "message": "Not this."}, "Refusal", "Not this"),
        (402, {"status": "payment_required", "message": "Pay."}, "RateLimit", "Pay"),
        (409, "Conflict of two", "Provider", "Conflict of two"),
        (
            422,
            [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": {}}],
            "Provider",
            "body.text Field required",
        ),
        (422, [], "Provider", "422"),
        (422, [{"loc": 7, "msg": None}], "Provider", "422"),
        (400, None, "Provider", "400"),
    ],
    ids=lambda value: str(value) if isinstance(value, (int, str)) else None,
)
async def test_an_error_says_what_to_do(
    server: Server, status: int, detail: Any, kind: str, words: str
) -> None:
    server.then(wrong(status, detail, request_id="req-el-9"))

    async with speaker(server) as client:
        with pytest.raises(mt.ProviderError, match=words) as caught:
            await client.generate("hi")

    assert type(caught.value).__name__ == f"{kind}Error"
    assert (caught.value.status, caught.value.request_id) == (status, "req-el-9")
    assert not caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_a_quota_that_is_used_up_is_no_wrong_key(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    """Although the status is the same, 401."""
    message = "This request exceeds your quota of 10000. You have 3 credits remaining."
    server.then(wrong(401, {"status": "quota_exceeded", "message": message}))

    with pytest.raises(mt.RateLimitError, match="3 credits remaining") as caught:
        await client.generate("hi")

    assert caught.value.quota_exhausted
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (
            {
                "type": "rate_limit_error",
                "code": "concurrent_limit_exceeded",
                "status": "too_many_concurrent_requests",
                "message": "Too many concurrent requests.",
            },
            r"mt\.Limits",
        ),
        ({"status": "system_busy", "message": "We are busy."}, "servers are busy"),
    ],
    ids=["parallel", "busy"],
)
async def test_both_kinds_of_429_are_asked_again_after_the_pause(
    server: Server, detail: dict[str, str], words: str
) -> None:
    busy = wrong(429, detail, retry_after="0")
    server.then(busy, spoken("hi"))
    async with speaker(server) as client:
        await client.generate("hi")
    assert len(server.requests) == 2

    server.then(busy)
    server.script.popleft()
    async with speaker(server, retry=mt.Retry(attempts=1)) as client:
        with pytest.raises(mt.RateLimitError, match=words) as caught:
            await client.generate("hi")
    assert not caught.value.quota_exhausted


async def test_credits_have_two_names(server: Server, client: mt.ElevenLabsSpeechClient) -> None:
    """And may be no number at all, which loses nothing."""
    data = bare_mp3()
    replies: list[dict[str, Any]] = [
        {"x_character_count": "7"},
        {"character_cost": "1.5"},
        {"character_cost": "many"},
        {},
    ]
    server.then(*(body(data, Content_Type="audio/mpeg", **fields) for fields in replies))

    records = [
        (await client.generate(mt.SpeechPrompt.of("hi", captions=False))).provenance
        for _ in replies
    ]

    usages = [record.usage for record in records if record]
    assert usages == [{"credits": 7}, {"credits": 1.5}, {}, {}]


VOICE = {
    "voice_id": GEORGE,
    "name": "George",
    "category": "premade",
    "labels": {"accent": "british", "age": None},
    "description": "Warm.",
    "preview_url": "https://example.invalid/p.mp3",
}


async def test_voices_are_listed_page_by_page(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    """Only the id is sure to be there."""
    server.then(
        said({"voices": [VOICE], "has_more": True, "next_page_token": "t/2"}),
        said({"voices": [{"voice_id": ALICE}, {"name": "Nobody"}], "next_page_token": None}),
    )

    voices = await client.voices(search="geo", category="premade")

    assert [(voice.voice_id, voice.name, voice.category) for voice in voices] == [
        (GEORGE, "George", "premade"),
        (ALICE, ALICE, ""),
    ]
    assert voices[0].facts == {"accent": "british", "description": "Warm."}
    asked = [request.path for request in server.requests]
    assert asked[0] == "/v2/voices?page_size=100&search=geo&category=premade"
    assert asked[1] == f"{asked[0]}&next_page_token=t%2F2"


async def test_a_voice_can_be_heard_before_it_is_chosen(server: Server) -> None:
    """The key stays with the vendor."""
    async with serving() as storage:
        storage.then(body(bare_mp3(), Content_Type="audio/mpeg"))
        server.then(said({"voices": [{**VOICE, "preview_url": f"{storage.url}/p.mp3"}]}))
        async with speaker(server, trusted_origins=(storage.url,)) as client:
            (voice,) = await client.voices()
            audio = await client.preview(voice)

    assert audio.seconds > 0.2
    assert KEY not in str(storage.requests[0].headers)


async def test_a_voice_without_a_sample_says_so(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    server.then(said({"voices": [{"voice_id": ALICE}]}))
    (voice,) = await client.voices()

    with pytest.raises(mt.ProviderError, match="no sample"):
        await client.preview(voice)


async def test_an_agent_makes_music_as_it_speaks(server: Server) -> None:
    """The rules, the files and the record are those of every client."""
    server.then(sound())

    async with mt.VoiceAgent(speaker(server, model="music_v2_5")) as agent:
        audio = await agent.generate("lofi beats", seconds=10)

    assert audio.provenance
    assert audio.provenance.model == "elevenlabs/music_v2_5"
    assert audio.provenance.options == {"seconds": 10}


def test_each_model_says_what_it_takes() -> None:
    models = {info.model_id.partition("/")[2]: info for info in mt.ElevenLabsSpeechClient.models()}

    assert next(iter(models)) == "eleven_v4"
    assert models.keys() == MODELS.keys()
    assert "seconds" in models["music_v1"].takes
    assert "voice" not in models["eleven_text_to_sound_v2"].takes
    assert isinstance(models["eleven_v3"].capabilities.speakers, VoiceId)


async def test_a_preview_is_of_a_voice_that_was_listed(
    server: Server, client: mt.ElevenLabsSpeechClient
) -> None:
    with pytest.raises(mt.PromptError, match="not str"):
        await client.preview(GEORGE)  # type: ignore[arg-type]

    assert not server.requests
