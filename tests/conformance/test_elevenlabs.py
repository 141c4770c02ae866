"""ElevenLabs' own SDK against the simulator. It validates next to nothing, so the tests do."""

import base64
import io
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from elevenlabs import AsyncElevenLabs, DialogueInput, UnprocessableEntityError, VoiceSettings
from elevenlabs.core.api_error import ApiError

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.sounds import Utterance, speak, times
from tests.conformance import sdks
from tests.conformance.replay import recorded, shape

KEY = "a-key-of-tests"
GEORGE, ALMA = "JBFqnCBsd6RMkjVDRZzb", "SimVoice0000000Alma1"
TEXT = "Hello there, you fox."


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("elevenlabs",), key=KEY) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[AsyncElevenLabs]:
    async with sdks.elevenlabs(sim) as client:
        yield client


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_the_sdk_speaks_pcm(sdk: AsyncElevenLabs) -> None:
    sound = await joined(sdk.text_to_speech.convert(GEORGE, text=TEXT, output_format="pcm_24000"))

    assert sound == speak([Utterance(TEXT, GEORGE)])


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
async def test_the_sdk_speaks_wav(sdk: AsyncElevenLabs, rate: int) -> None:
    convert: Any = sdk.text_to_speech.convert
    data = await joined(convert(GEORGE, text=TEXT, output_format=f"wav_{rate}"))

    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (rate, 1, 2)
        assert sound.readframes(sound.getnframes()) == speak([Utterance(TEXT, GEORGE)], rate)


@pytest.mark.parametrize("form", ["mp3_22050_32", "mp3_24000_48", "mp3_44100_128", "mp3_44100_192"])
async def test_the_sdk_speaks_mp3(sdk: AsyncElevenLabs, form: Any) -> None:
    av = pytest.importorskip("av")
    data = await joined(sdk.text_to_speech.convert(GEORGE, text=TEXT, output_format=form))

    rate, kbits = map(int, form.split("_")[1:])
    with av.open(io.BytesIO(data), format="mp3") as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.codec_context.bit_rate) == (rate, kbits * 1000)
        frames = sum(frame.samples for frame in container.decode(audio=0))
    assert frames / rate == pytest.approx(len(speak([Utterance(TEXT, GEORGE)])) / 48_000, abs=0.03)


async def test_a_faster_voice_needs_less_time(sdk: AsyncElevenLabs) -> None:
    sounds = [
        await joined(
            sdk.text_to_speech.convert(
                GEORGE,
                text=TEXT,
                output_format="pcm_24000",
                voice_settings=VoiceSettings(speed=speed),
            )
        )
        for speed in (1.0, 1.2)
    ]

    assert len(sounds[0]) / len(sounds[1]) == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize(
    ("model", "cost"), [("eleven_v3", 21), ("eleven_flash_v2_5", 11), (None, 21)]
)
async def test_the_head_tells_credits_and_parallel_requests(
    sdk: AsyncElevenLabs, sim: Simulator, model: str | None, cost: int
) -> None:
    options = {"model_id": model} if model else {}
    raw: Any = sdk.text_to_speech.with_raw_response
    async with raw.convert(GEORGE, text=TEXT, **options) as response:
        await joined(response.data)
        headers = response.headers

    assert headers["content-type"] == "audio/mpeg"
    assert headers["character-cost"] == str(cost)
    assert headers["current-concurrent-requests"] == "1"
    assert headers["maximum-concurrent-requests"] == "5"
    assert headers["request-id"]
    assert headers["history-item-id"]
    (bill,) = sim.elevenlabs.meter.records
    assert bill.units == {"credit": cost}
    assert (await sdk.user.subscription.get()).character_count == cost


async def test_a_stream_brings_the_same_sound_in_pieces(sdk: AsyncElevenLabs) -> None:
    pieces = [
        piece
        async for piece in sdk.text_to_speech.stream(GEORGE, text=TEXT, output_format="pcm_24000")
    ]

    assert len(pieces) > 1
    assert b"".join(pieces) == speak([Utterance(TEXT, GEORGE)])


async def test_a_streamed_wav_does_not_know_its_length(sdk: AsyncElevenLabs) -> None:
    stream: Any = sdk.text_to_speech.stream
    data = await joined(stream(GEORGE, text=TEXT, output_format="wav_24000"))

    assert data[4:8] == data[40:44] == b"\xff\xff\xff\xff"
    assert data[44:] == speak([Utterance(TEXT, GEORGE)])


@pytest.mark.parametrize("text", [TEXT, "  Two  spaces. \n"], ids=["plain", "spaces"])
async def test_every_letter_has_its_time(sdk: AsyncElevenLabs, text: str) -> None:
    answer = await sdk.text_to_speech.convert_with_timestamps(
        GEORGE, text=text, output_format="pcm_24000"
    )

    assert base64.b64decode(answer.audio_base_64) == speak([Utterance(text, GEORGE)])
    for alignment in (answer.alignment, answer.normalized_alignment):
        assert alignment
        assert alignment.characters == list(text)
        assert list(zip(*_spans(alignment), strict=True)) == times(text)


def _spans(alignment: Any) -> tuple[list[float], list[float]]:
    return alignment.character_start_times_seconds, alignment.character_end_times_seconds


async def test_a_stream_with_times_continues_them(sdk: AsyncElevenLabs) -> None:
    text = "One two three four five six. Seven eight nine."
    pieces = [
        piece
        async for piece in sdk.text_to_speech.stream_with_timestamps(
            GEORGE, text=text, output_format="pcm_24000"
        )
    ]

    assert len(pieces) == 3
    sound = b"".join(base64.b64decode(piece.audio_base_64) for piece in pieces)
    assert sound == speak([Utterance(text, GEORGE)])
    alignments = [piece.alignment for piece in pieces if piece.alignment]
    assert "".join("".join(each.characters) for each in alignments) == text
    starts = [start for each in alignments for start in each.character_start_times_seconds]
    assert starts == [start for start, _ in times(text)]


INPUTS = [
    DialogueInput(text="Hi [laughs]", voice_id=GEORGE),
    DialogueInput(text="Hey", voice_id=ALMA),
]


async def test_a_dialogue_takes_turns(sdk: AsyncElevenLabs) -> None:
    expected = speak([Utterance("Hi [laughs]", GEORGE), Utterance("Hey", ALMA)])
    dialogue = sdk.text_to_dialogue
    sound = await joined(dialogue.convert(inputs=INPUTS, output_format="pcm_24000"))
    streamed = await joined(dialogue.stream(inputs=INPUTS, output_format="pcm_24000"))
    timed = await dialogue.convert_with_timestamps(inputs=INPUTS, output_format="pcm_24000")

    assert sound == streamed == base64.b64decode(timed.audio_base_64) == expected
    assert timed.alignment
    assert "".join(timed.alignment.characters) == "Hi [laughs]Hey"
    first, second = timed.voice_segments
    assert (first.voice_id, first.dialogue_input_index) == (GEORGE, 0)
    assert (second.voice_id, second.dialogue_input_index) == (ALMA, 1)
    assert (first.character_start_index, first.character_end_index) == (0, 11)
    assert (second.character_start_index, second.character_end_index) == (11, 14)
    assert first.end_time_seconds <= second.start_time_seconds
    assert second.start_time_seconds == timed.alignment.character_start_times_seconds[11]


async def test_a_streamed_dialogue_tells_its_turns_once(sdk: AsyncElevenLabs) -> None:
    pieces = [
        piece
        async for piece in sdk.text_to_dialogue.stream_with_timestamps(
            inputs=[DialogueInput(text="One two three four five.", voice_id=GEORGE), *INPUTS]
        )
    ]

    turns = [turn.dialogue_input_index for piece in pieces for turn in piece.voice_segments]
    assert turns == [0, 1, 2]


async def test_a_sound_has_its_length(sdk: AsyncElevenLabs) -> None:
    sound = await joined(
        sdk.text_to_sound_effects.convert(
            text="dog barking", duration_seconds=2.5, output_format="pcm_44100"
        )
    )

    assert len(sound) == 2 * 110_250
    assert any(sound)


async def test_music_has_its_length(sdk: AsyncElevenLabs, sim: Simulator) -> None:
    sound = await joined(
        sdk.music.compose(prompt="lofi", music_length_ms=4000, output_format="pcm_16000")
    )

    assert len(sound) == 2 * 64_000
    (bill,) = sim.elevenlabs.meter.records
    assert bill.model == "music_v1"


async def test_music_comes_with_its_plan(sdk: AsyncElevenLabs) -> None:
    song = await sdk.music.compose_detailed(prompt="lofi", music_length_ms=3000)

    plan = song.json["composition_plan"]
    assert plan["positive_global_styles"] == ["lofi"]
    assert [section["duration_ms"] for section in plan["sections"]] == [3000]
    assert song.filename == "song.mp3"
    assert song.audio.startswith(b"\xff\xfb")
    assert song.song_id


async def test_a_plan_can_be_played(sdk: AsyncElevenLabs) -> None:
    plan = await sdk.music.composition_plan.create(prompt="lofi", music_length_ms=3000)
    sound = await joined(sdk.music.stream(composition_plan=plan, output_format="pcm_8000"))

    assert len(sound) == 2 * 24_000


async def test_voices_come_page_by_page(sdk: AsyncElevenLabs) -> None:
    names: list[str | None] = []
    token = None
    while token or not names:
        page = await sdk.voices.search(page_size=5, next_page_token=token)
        names += [voice.name for voice in page.voices]
        assert page.total_count == 12
        assert page.has_more == bool(page.next_page_token)
        token = page.next_page_token

    assert len(set(names)) == len(names) == 12
    assert names == [voice.name for voice in (await sdk.voices.get_all()).voices]


async def test_voices_are_searched_and_heard(sdk: AsyncElevenLabs) -> None:
    page = await sdk.voices.search(search="geo", category="premade", sort="name")
    (voice,) = page.voices
    same = await sdk.voices.get(GEORGE)

    assert voice == same
    assert (voice.voice_id, voice.name, voice.category) == (GEORGE, "George", "premade")
    assert voice.labels
    assert voice.labels["accent"] == "british"
    assert voice.preview_url
    async with aiohttp.ClientSession() as http, http.get(voice.preview_url) as response:
        assert response.content_type == "audio/mpeg"
        assert (await response.read()).startswith(b"\xff\xfb")


async def test_models_are_a_bare_list(sdk: AsyncElevenLabs) -> None:
    models = {model.model_id: model for model in await sdk.models.list()}

    flash = models["eleven_flash_v2_5"]
    assert flash.maximum_text_length_per_request == 40_000
    assert flash.model_rates
    assert flash.model_rates.character_cost_multiplier == 0.5
    assert flash.languages
    assert flash.languages[0].language_id == "en"
    assert "eleven_v3" in models


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (faults.Status(401, quota=1), 401, "invalid_api_key"),
        (faults.Status(429, quota=0), 401, "quota_exceeded"),
        (faults.Status(403), 403, "missing_permissions"),
        (faults.Status(429), 429, "too_many_concurrent_requests"),
        (faults.Status(429, word="system_busy"), 429, "system_busy"),
        (faults.PromptBlocked(), 403, "content_against_policy"),
        (faults.Status(500), 500, "internal_server_error"),
    ],
    ids=["401", "quota", "403", "429", "busy", "policy", "500"],
)
async def test_the_sdk_names_the_error(
    sdk: AsyncElevenLabs, sim: Simulator, fault: faults.ApiFault, code: int, status: str
) -> None:
    sim.then(fault)

    with pytest.raises(ApiError) as caught:
        await joined(sdk.text_to_speech.convert(GEORGE, text="hi"))

    assert caught.value.status_code == code
    assert caught.value.body["detail"]["status"] == status
    assert not sim.meter.records
    assert len(sim.requests) == 1


async def test_a_wrong_key_is_refused(sim: Simulator) -> None:
    sdk = AsyncElevenLabs(api_key="another", base_url=sim.elevenlabs.url)
    with pytest.raises(ApiError) as caught:
        await sdk.models.list()
    await sdk._client_wrapper.httpx_client.httpx_client.aclose()

    expected = {"status": "invalid_api_key", "message": "Invalid API key"}
    assert (caught.value.status_code, caught.value.body) == (401, {"detail": expected})


@pytest.mark.parametrize(
    ("options", "kind", "loc"),
    [
        ({"text": ""}, "string_too_short", ["body", "text"]),
        ({"text": "x", "seed": -1}, "greater_than_equal", ["body", "seed"]),
        ({"text": "x", "output_format": "mp3"}, "literal_error", ["query", "output_format"]),
        (
            {"text": "x", "voice_settings": VoiceSettings(speed=2)},
            "less_than_equal",
            ["body", "voice_settings", "speed"],
        ),
        ({"text": "x", "previous_request_ids": list("abcd")}, "too_long", None),
    ],
    ids=["empty", "seed", "format", "speed", "ids"],
)
async def test_what_does_not_fit_is_named(
    sdk: AsyncElevenLabs, options: dict[str, Any], kind: str, loc: list[str] | None
) -> None:
    with pytest.raises(UnprocessableEntityError) as caught:
        await joined(sdk.text_to_speech.convert(GEORGE, **options))

    (problem,) = caught.value.body["detail"]
    assert problem["type"] == kind
    assert problem["loc"] == (loc or ["body", "previous_request_ids"])
    assert problem["msg"]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "value_error"),
        ({"prompt": "x", "composition_plan": {"sections": []}}, "value_error"),
        ({"prompt": "x", "seed": 1}, "value_error"),
        ({"prompt": "x", "music_length_ms": 1000}, "greater_than_equal"),
        ({"composition_plan": {}}, "missing"),
    ],
    ids=["nothing", "both", "seed", "length", "plan"],
)
async def test_music_takes_a_prompt_or_a_plan(
    sdk: AsyncElevenLabs, options: dict[str, Any], kind: str
) -> None:
    with pytest.raises(UnprocessableEntityError) as caught:
        await joined(sdk.music.compose(**options))

    assert caught.value.body["detail"][0]["type"] == kind


@pytest.mark.parametrize("inputs", [[], [{"text": " ", "voice_id": GEORGE}]], ids=["none", "space"])
async def test_a_dialogue_has_words(sdk: AsyncElevenLabs, inputs: Any) -> None:
    with pytest.raises(UnprocessableEntityError):
        await joined(sdk.text_to_dialogue.convert(inputs=inputs))


async def test_a_missing_field_is_named_as_recorded(sim: Simulator) -> None:
    headers = {"xi-api-key": KEY}
    url = f"{sim.elevenlabs.url}/v1/text-to-speech/{GEORGE}"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, json={}) as response,
    ):
        document = await response.json()

    problem = {"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": {}}
    assert (response.status, document) == (422, {"detail": [problem]})


@pytest.mark.parametrize(
    ("voice", "options", "code", "status"),
    [
        ("nobody", {}, 404, "voice_not_found"),
        (GEORGE, {"model_id": "eleven_v0"}, 400, "model_not_found"),
        (GEORGE, {"model_id": "eleven_v3", "next_text": "y"}, 400, "invalid_parameters"),
        (GEORGE, {"text": "x" * 10_001}, 400, "max_character_limit_exceeded"),
    ],
    ids=["voice", "model", "next_text", "length"],
)
async def test_what_no_schema_says_is_refused(
    sdk: AsyncElevenLabs, voice: str, options: dict[str, Any], code: int, status: str
) -> None:
    with pytest.raises(ApiError) as caught:
        await joined(sdk.text_to_speech.convert(voice, **{"text": "x", **options}))

    assert caught.value.status_code == code
    assert caught.value.body["detail"]["status"] == status


async def tts(sdk: AsyncElevenLabs) -> None:
    settings = VoiceSettings(
        stability=0.5, use_speaker_boost=True, similarity_boost=0.75, style=0.0, speed=1.0
    )
    await joined(
        sdk.text_to_speech.convert(
            GEORGE,
            text="Hello there",
            model_id="eleven_multilingual_v2",
            language_code="en",
            output_format="mp3_44100_128",
            seed=5,
            voice_settings=settings,
        )
    )
    await joined(sdk.text_to_speech.convert(GEORGE, text="hi"))


async def tts_stream(sdk: AsyncElevenLabs) -> None:
    await joined(sdk.text_to_speech.stream(GEORGE, text="hi", output_format="pcm_24000"))


async def timestamps(sdk: AsyncElevenLabs) -> None:
    await sdk.text_to_speech.convert_with_timestamps(GEORGE, text="hi")
    async for _ in sdk.text_to_speech.stream_with_timestamps(GEORGE, text="hi"):
        pass


async def dialogue(sdk: AsyncElevenLabs) -> None:
    await joined(sdk.text_to_dialogue.convert(inputs=INPUTS))


async def sfx_music(sdk: AsyncElevenLabs) -> None:
    effects = sdk.text_to_sound_effects
    await joined(
        effects.convert(text="dog barking", loop=False, duration_seconds=2, prompt_influence=0.3)
    )
    await joined(sdk.music.compose(prompt="lofi", music_length_ms=10_000))


async def catalog(sdk: AsyncElevenLabs) -> None:
    await sdk.voices.get_all()
    await sdk.voices.search(page_size=1, search="geo")
    await sdk.voices.search()
    await sdk.voices.get(GEORGE)
    await sdk.models.list()


CALLS: dict[str, Callable[[AsyncElevenLabs], Awaitable[None]]] = {
    each.__name__: each for each in (tts, tts_stream, timestamps, dialogue, sfx_music, catalog)
}


@pytest.mark.parametrize("name", CALLS)
async def test_the_sdk_sends_what_was_recorded(
    sdk: AsyncElevenLabs, sim: Simulator, name: str
) -> None:
    await CALLS[name](sdk)

    sent = [shape(request, "Content-Type") for request in sim.requests]
    assert sent == recorded(f"elevenlabs.{name}", "Content-Type")
