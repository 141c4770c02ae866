"""google-genai lets the simulated models speak, and looks at their voices."""

import asyncio
import io
import wave
from typing import Any

import pytest

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.sounds import Utterance, speak
from tests.conformance.conftest import QUIET, Sdk, errors, types

pytestmark = QUIET

MODEL = "gemini-3.8-flash-tts"
OLD = "gemini-2.5-flash-preview-tts"


def speaking(**speech: Any) -> Any:
    config = types.SpeechConfig(**speech) if speech else None
    return types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=config)


def voice(name: str) -> Any:
    prebuilt = types.PrebuiltVoiceConfig(voice_name=name)
    return types.VoiceConfig(prebuilt_voice_config=prebuilt)


def two(**voices: str) -> Any:
    """A configuration of several speakers."""
    speakers = [
        types.SpeakerVoiceConfig(speaker=speaker, voice_config=voice(name))
        for speaker, name in voices.items()
    ]
    several = types.MultiSpeakerVoiceConfig(speaker_voice_configs=speakers)
    return speaking(multi_speaker_voice_config=several)


def sound_of(response: Any) -> bytes:
    """The samples of a response."""
    (part,) = response.parts
    assert part.inline_data.mime_type == "audio/L16;codec=pcm;rate=24000"
    return bytes(part.inline_data.data)


async def test_one_voice_speaks(sdk: Sdk) -> None:
    config = speaking(voice_config=voice("Kore"), language_code="en-US")
    response = await sdk.generate(model=MODEL, contents="Hello there, you fox.", config=config)

    sound = sound_of(response)
    assert sound == speak([Utterance("Hello there, you fox.", "Kore")])
    assert response.candidates[0].finish_reason is types.FinishReason.STOP
    assert response.model_version == MODEL
    usage = response.usage_metadata
    assert usage.prompt_token_count == 6
    assert usage.candidates_token_count == -(-len(sound) // 2 * 25 // 24_000)
    (detail,) = usage.candidates_tokens_details
    assert detail.modality is types.MediaModality.AUDIO


@pytest.mark.parametrize("model", [MODEL, OLD])
async def test_two_speakers_take_turns(sdk: Sdk, model: str) -> None:
    response = await sdk.generate(
        model=model,
        contents="TTS the conversation:\nJoe: hi\nJane: hello",
        config=two(Joe="Kore", Jane="Puck"),
    )

    assert sound_of(response) == speak([Utterance("hi", "Kore"), Utterance("hello", "Puck")])


async def test_style_and_speaker_stand_beside_the_text(sdk: Sdk) -> None:
    parts = [
        types.Part(text="Hello there.", speech_metadata={"speaker": "Joe", "style": "cheerful"}),
        types.Part(text="Hi!", speech_metadata={"speaker": "Jane"}),
    ]
    config = two(Joe="Kore", Jane="Puck")
    response = await sdk.generate(model=MODEL, contents=parts, config=config)

    expected = speak([Utterance("Hello there.", "Kore", "cheerful"), Utterance("Hi!", "Puck")])
    assert sound_of(response) == expected


async def test_a_catalog_name_is_a_voice(sdk: Sdk) -> None:
    config = speaking(voice_config=types.VoiceConfig(voice="Puck"))
    response = await sdk.generate(model=MODEL, contents="Hello", config=config)

    assert sound_of(response) == speak([Utterance("Hello", "Puck")])


async def test_an_older_model_does_not_read_the_instruction_aloud(sdk: Sdk) -> None:
    config = speaking(voice_config=voice("Kore"))
    sounds = [
        sound_of(await sdk.generate(model=model, contents="Say cheerfully: hello", config=config))
        for model in (OLD, MODEL)
    ]

    assert sounds[0] == speak([Utterance("hello", "Kore")])
    assert sounds[1] == speak([Utterance("Say cheerfully: hello", "Kore")])


async def test_streamed_speech_comes_in_pieces(sdk: Sdk) -> None:
    *pieces, end = await sdk.stream(model=MODEL, contents="Hello there.", config=speaking())

    assert len(pieces) > 1
    assert b"".join(map(sound_of, pieces)) == speak([Utterance("Hello there.", "Kore")])
    assert end.candidates[0].finish_reason is types.FinishReason.STOP
    assert end.usage_metadata.candidates_token_count > 0


async def test_the_first_sound_is_heard_before_the_last_is_sent(sim: Simulator) -> None:
    gate = faults.Gate()
    sim.then(gate)
    sdk = Sdk(sim, "aio")
    stream: Any = await sdk.client.aio.models.generate_content_stream(
        model=MODEL, contents="Hello there.", config=speaking()
    )
    first = await anext(stream)
    second = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait({second}, timeout=0.1)
    gate.open()
    rest = [await second, *[chunk async for chunk in stream]]
    await sdk.close()

    assert sound_of(first)
    assert not done
    assert rest[-1].candidates[0].finish_reason is types.FinishReason.STOP


@pytest.mark.parametrize("form", ["wav", "endless_wav"])
async def test_speech_may_come_as_wav(sdk: Sdk, sim: Simulator, form: Any) -> None:
    sim.then(faults.SoundAs(form))
    response = await sdk.generate(model=MODEL, contents="Hello", config=speaking())

    (part,) = response.parts
    assert part.inline_data.mime_type == "audio/wav"
    with wave.open(io.BytesIO(part.inline_data.data)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24_000, 1, 2)
        assert sound.readframes(1 << 30) == speak([Utterance("Hello", "Kore")])


async def test_an_unknown_voice_is_refused(sdk: Sdk) -> None:
    with pytest.raises(errors.ClientError) as caught:
        await sdk.generate(model=MODEL, contents="x", config=speaking(voice_config=voice("Mickey")))

    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert "Mickey" in caught.value.message


async def test_voices_are_listed_page_by_page(sdk: Sdk) -> None:
    names: list[str] = []
    token: Any = None
    while token or not names:
        page = await sdk.call("voices.list", page_size=12, page_token=token)
        names += [each.id for each in page.voices]
        token = page.next_page_token

    assert len(names) == len(set(names)) == 30
    assert {"Kore", "Puck", "Zephyr", "Sulafat"} < set(names)


async def test_voices_are_filtered(sdk: Sdk) -> None:
    page = await sdk.call(
        "voices.list",
        gender=["female"],
        pitch=["low", "high"],
        language_code=["en-us"],
        region_code=["US"],
        accent=["american"],
        contexts=["News", "Narration", "Education"],
        persona=["warm", "bright", "firm", "lively", "calm"],
        type_=["prebuilt"],
        search="FEMALE VOICE",
    )

    assert 0 < len(page.voices) < 5
    for each in page.voices:
        assert (each.gender, each.language_code, each.accent) == ("female", "en-US", "American")
        assert each.pitch in {"low", "high"}
        assert each.type == "prebuilt"


async def test_a_voice_has_a_sample_to_hear(sdk: Sdk) -> None:
    voice = await sdk.call("voices.get", "Kore")

    assert (voice.id, voice.display_name, voice.gender) == ("Kore", "Kore", "female")
    assert voice.sample_audio.mime_type == "audio/wav"
