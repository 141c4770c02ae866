"""ElevenLabs' own SDK and our client send equal requests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from elevenlabs import AsyncElevenLabs, DialogueInput, VoiceSettings

import mediatoolkit as mt
from mediatoolkit.simulator import Simulator
from tests.conformance import sdks

KEY = "a-key-of-tests"
GEORGE, ALMA = "JBFqnCBsd6RMkjVDRZzb", "SimVoice0000000Alma1"
Theirs = Callable[[AsyncElevenLabs], Awaitable[object]]


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


async def spoken(sdk: AsyncElevenLabs) -> object:
    settings = VoiceSettings(
        stability=0.5, similarity_boost=0.7, style=0.1, use_speaker_boost=True, speed=1.1
    )
    return await joined(
        sdk.text_to_speech.convert(
            GEORGE,
            text="hi",
            model_id="eleven_v3",
            language_code="en",
            seed=5,
            output_format="mp3_44100_64",
            voice_settings=settings,
            apply_text_normalization="off",
            enable_logging=False,
        )
    )


async def timed(sdk: AsyncElevenLabs) -> object:
    return await sdk.text_to_speech.convert_with_timestamps(
        GEORGE, text="hi", model_id="eleven_v4", previous_text="one", next_text="two"
    )


async def dialogue(sdk: AsyncElevenLabs) -> object:
    inputs = [DialogueInput(text="Hi", voice_id=GEORGE), DialogueInput(text="Ho", voice_id=ALMA)]
    settings: Any = {"stability": 0.5}
    convert = sdk.text_to_dialogue.convert
    return await joined(convert(inputs=inputs, model_id="eleven_v3", seed=1, settings=settings))


async def sound(sdk: AsyncElevenLabs) -> object:
    model: Any = "eleven_text_to_sound_v2"
    return await joined(
        sdk.text_to_sound_effects.convert(
            text="dog", duration_seconds=2, prompt_influence=0.3, loop=False, model_id=model
        )
    )


async def music(sdk: AsyncElevenLabs) -> object:
    return await joined(
        sdk.music.compose(
            prompt="lofi",
            music_length_ms=10_000,
            model_id="music_v1",
            force_instrumental=True,
            sign_with_c_2_pa=True,
        )
    )


SPOKEN = mt.SpeechPrompt.of(
    "hi",
    voice=GEORGE,
    language="en-US",
    seed=5,
    output_format="mp3_44100_64",
    stability=0.5,
    similarity_boost=0.7,
    style_exaggeration=0.1,
    use_speaker_boost=True,
    speed=1.1,
    apply_text_normalization="off",
    enable_logging=False,
    captions=False,
)
TIMED = mt.SpeechPrompt.of("hi", previous_text="one", next_text="two")
SPEAKERS = {"Joe": GEORGE, "Alma": ALMA}
DIALOGUE = mt.SpeechPrompt.of(
    "Joe: Hi\nAlma: Ho", speakers=SPEAKERS, seed=1, stability=0.5, captions=False
)
SOUND = mt.SpeechPrompt.of("dog", seconds=2, prompt_influence=0.3, loop=False)
MUSIC = mt.SpeechPrompt.of("lofi", seconds=10, force_instrumental=True, sign_with_c2pa=True)


@pytest.mark.parametrize(
    ("theirs", "model", "prompt"),
    [
        (spoken, "eleven_v3", SPOKEN),
        (timed, "eleven_v4", TIMED),
        (dialogue, "eleven_v3", DIALOGUE),
        (sound, "eleven_text_to_sound_v2", SOUND),
        (music, "music_v1", MUSIC),
    ],
    ids=["speech", "timed", "dialogue", "sound", "music"],
)
async def test_ours_and_theirs_are_equal(
    sim: Simulator, sdk: AsyncElevenLabs, theirs: Theirs, model: str, prompt: mt.SpeechPrompt
) -> None:
    """In path, query, body and key."""
    await theirs(sdk)
    url = sim.elevenlabs.url
    async with mt.ElevenLabsSpeechClient(KEY, base_url=url, model=model) as client:
        await client.generate(prompt)

    their, our = sim.requests
    assert (our.method, our.path, our.body) == (their.method, their.path, their.body)
    assert dict(our.query) == dict(their.query)
    assert our.headers["xi-api-key"] == their.headers["xi-api-key"] == KEY
