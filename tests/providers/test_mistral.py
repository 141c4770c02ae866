"""Speech by Mistral, as recorded: JSON with base64, named events, samples that are floats."""

import base64
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.media.containers import wav
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Sounding
from tests.transport.server import Reply, Server, body, said, serving

KEY = "mistral-key-0123456789"
TONE = wav.wrapped(bytes(range(240)) * 10, sample_rate=22_050, channels=1)
SPOKEN = {"audio_data": base64.b64encode(TONE).decode()}
FLOATS = (0.0, 0.5, -0.5, 1.0, -1.0, 2.0)
INTEGERS = (0, 16_384, -16_384, 32_767, -32_767, 32_767)
DONE: dict[str, Any] = {"usage": {"prompt_tokens": 12, "completion_tokens": 60, "total_tokens": 72}}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def client(server: Server) -> AsyncIterator[mt.MistralSpeechClient]:
    async with mt.MistralSpeechClient(KEY, base_url=server.url) as mistral:
        yield mistral


def event(kind: str, *, named: bool = True, **fields: Any) -> bytes:
    head = f"event: {kind}\n" if named else ""
    data = str({"type": kind, **fields}).replace("'", '"')
    return f"{head}data: {data}\n\n".encode()


def stream(*events: bytes) -> Reply:
    return body(b"".join(events), Content_Type="text/event-stream")


def delta(samples: bytes, **options: Any) -> bytes:
    return event("speech.audio.delta", audio_data=base64.b64encode(samples).decode(), **options)


async def test_the_whole_is_json_with_base64(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    server.then(said(SPOKEN, X_Request_Id="r1"))

    audio = await client.generate(mt.SpeechPrompt("hi", voice="voice_478"))

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/audio/speech")
    assert server.requests[0].json == {
        "model": "voxtral-mini-tts-3-0",
        "input": "hi",
        "voice_id": "voice_478",
        "response_format": "mp3",
        "stream": False,
    }
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert (audio.sample_rate, audio.data[:4]) == (22_050, b"RIFF")
    assert audio.provenance is not None
    assert audio.provenance.request_id == "r1"


@pytest.mark.parametrize("events_are", ["named", "nameless"])
async def test_who_watches_hears_floats_as_they_come(
    server: Server, client: mt.MistralSpeechClient, events_are: str
) -> None:
    """A delta may end within a sample, and events need no names."""
    floats, named = struct.pack("<6f", *FLOATS), events_are == "named"
    events = [delta(floats[:7], named=named), delta(floats[7:], named=named)]
    server.then(stream(*events, event("speech.audio.done", named=named, **DONE)))
    heard: list[Event] = []

    async with CallContext(20, listener=heard.append) as context:
        audio = await client.make(mt.SpeechPrompt("hi"), context)

    pieces = [each.pcm for each in heard if isinstance(each, Sounding)]
    assert struct.unpack("<6h", b"".join(pieces)) == INTEGERS
    assert len(pieces) == 2
    assert audio.sound().pcm == b"".join(pieces)
    assert audio.sample_rate == 24_000
    assert audio.provenance is not None
    assert audio.provenance.usage == {"input": {"TEXT": 12}, "output": {"AUDIO": 60}, "total": 72}
    request = server.requests[0].json
    assert (request["response_format"], request["stream"]) == ("pcm", True)


async def test_who_asks_for_a_file_gets_one(server: Server, client: mt.MistralSpeechClient) -> None:
    """Also where somebody watches the call."""
    server.then(said(SPOKEN))

    async with CallContext(20, listener=lambda _event: None) as context:
        prompt = mt.SpeechPrompt("hi", options={"response_format": "wav"})
        audio = await client.make(prompt, context)

    assert audio.data == TONE
    assert server.requests[0].json["stream"] is False


async def test_a_stream_without_its_last_event_is_no_speech(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    server.then(stream(delta(bytes(8))))

    with pytest.raises(mt.ProviderError, match="before the end") as caught:
        async with mt.VoiceAgent(client) as agent:
            _ = [sound async for sound in agent.stream("hi")]

    assert caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_what_breaks_behind_the_last_event_takes_no_speech(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    """All of it came, and is paid for."""
    failure = b'event: error\ndata: {"error": "boom"}\n\n'
    server.then(stream(delta(bytes(8)), event("speech.audio.done", **DONE), failure))

    async with mt.VoiceAgent(client) as agent:
        sounds = [sound async for sound in agent.stream("hi")]

    assert b"".join(sound.pcm for sound in sounds) == bytes(4)


async def test_an_event_that_is_an_error_is_raised(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    failure = b'event: error\ndata: {"object": "error", "message": "boom", "code": "3000"}\n\n'
    server.then(stream(delta(bytes(8)), failure))

    with pytest.raises(mt.ProviderError, match="boom") as caught:
        async with mt.VoiceAgent(client) as agent:
            _ = [sound async for sound in agent.stream("hi")]

    assert caught.value.may_have_been_billed


async def test_json_instead_of_a_stream_is_heard_all_at_once(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    server.then(said(SPOKEN))

    async with mt.VoiceAgent(client) as agent:
        sounds = [sound async for sound in agent.stream("hi")]

    assert b"".join(sound.pcm for sound in sounds) == bytes(range(240)) * 10


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((401, {"detail": "Unauthorized"}), mt.AuthenticationError, "Unauthorized"),
        (
            (403, {"message": "Input rejected", "type": "content_moderation", "code": "1930"}),
            mt.RefusalError,
            "Input rejected",
        ),
        (
            (404, {"message": "Voice not found", "type": "not_found", "code": "1901"}),
            mt.ProviderError,
            "does not know the voice",
        ),
        (
            (400, {"message": "No model x", "type": "invalid_model", "code": "1500"}),
            mt.ModelNotFoundError,
            "voxtral-mini-tts-3-0",
        ),
        (
            (422, {"detail": [{"loc": ["body", "input"], "msg": "Field required"}]}),
            mt.ProviderError,
            "Field required",
        ),
    ],
    ids=["key", "moderation", "voice", "model", "field"],
)
async def test_an_error_body_is_understood(
    server: Server,
    client: mt.MistralSpeechClient,
    answer: tuple[int, Any],
    error: type[mt.ProviderError],
    words: str,
) -> None:
    status, document = answer
    server.then(said(document, status))

    with pytest.raises(error, match=words) as caught:
        await client.generate("hi")

    assert caught.value.status == status
    assert not caught.value.may_have_been_billed
    assert len(server.requests) == 1


async def test_a_recording_lends_its_voice(server: Server, client: mt.MistralSpeechClient) -> None:
    """It goes out as base64, and stands in the record by its digest."""
    server.then(said(SPOKEN))
    recording = mt.Audio(TONE)

    audio = await client.generate(mt.SpeechPrompt("hi", options={"ref_audio": recording}))

    assert server.requests[0].json["ref_audio"] == SPOKEN["audio_data"]
    assert audio.provenance is not None
    assert audio.provenance.options == {"ref_audio": recording.digest()[:16]}


@pytest.mark.parametrize(
    "options",
    [
        {"ref_audio": "voice.wav"},
        {"ref_audio": mt.Audio(TONE), "voice": "voice_478"},
        {"style": "cheerful"},
        {"speed": 2.0},
        {"expressiveness": 0.5},
        {"response_format": "pcm"},
    ],
    ids=["path", "two voices", "style", "speed", "expressiveness", "format"],
)
async def test_what_cannot_be_said_is_never_sent(
    server: Server, client: mt.MistralSpeechClient, options: Any
) -> None:
    with pytest.raises(mt.PromptError):
        await client.generate(mt.SpeechPrompt.of("hi", **options))

    assert not server.requests


async def test_voices_are_listed_page_by_page(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    sheila = {"id": "voice_478", "name": "Sheila", "languages": ["en"], "gender": "female"}
    marie = {"id": "voice_9", "name": "Marie", "languages": None, "description": None}
    server.then(
        said({"data": [sheila], "next_page_token": "t2"}),
        said({"data": [marie], "next_page_token": None}),
        body(TONE, Content_Type="audio/wav"),
    )

    voices = await client.voices(language="en")
    preview = await client.preview(voices[0])

    assert [(voice.id, voice.name, voice.languages) for voice in voices] == [
        ("voice_478", "Sheila", ("en",)),
        ("voice_9", "Marie", ()),
    ]
    assert voices[0].facts == {"gender": "female"}
    assert preview.data == TONE
    assert [request.path for request in server.requests] == [
        "/v2/audio/voices?page_size=100&language=en",
        "/v2/audio/voices?page_size=100&language=en&page_token=t2",
        "/v1/audio/voices/voice_478/sample",
    ]


async def test_a_filter_that_is_none_is_refused(
    server: Server, client: mt.MistralSpeechClient
) -> None:
    with pytest.raises(mt.PromptError, match="accent"):
        await client.voices(accent="scottish")
    for name in ("../keys", 5, None, b"voice"):
        with pytest.raises(mt.PromptError, match="no id"):
            await client.preview(name)  # type: ignore[arg-type]

    assert not server.requests


@pytest.mark.parametrize("languages", [5, True, "en", {"en": 1}, None])
async def test_languages_of_another_shape_are_left_out(
    server: Server, client: mt.MistralSpeechClient, languages: Any
) -> None:
    server.then(said({"data": [{"id": "v1", "name": "Vera", "languages": languages}]}))

    (voice,) = await client.voices()

    assert (voice.id, voice.languages) == ("v1", ())
