"""ElevenLabs's speech, sounds and music pass the contract of every client."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import ClassVar

import pytest

import mediatoolkit as mt
from mediatoolkit.simulator import Simulator
from mediatoolkit.testing import HttpSpeechClientContract, SimulatedVendor

KEY = "key-of-the-contract"
ALMA = "SimVoice0000000Alma1"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with mt.Simulator(vendors=("elevenlabs",), key=KEY, detail=64) as simulator:
        yield simulator


class OfElevenLabs(HttpSpeechClientContract):
    client_type = mt.ElevenLabsSpeechClient

    @pytest.fixture
    async def vendor(self, sim: Simulator) -> SimulatedVendor:
        return SimulatedVendor(sim)


class TestSpeech(OfElevenLabs):
    pass


class TestOlderSpeech(OfElevenLabs):
    options: ClassVar = {"model": "eleven_flash_v2"}


class TestSounds(OfElevenLabs):
    options: ClassVar = {"model": "eleven_text_to_sound_v3"}


class TestMusic(OfElevenLabs):
    options: ClassVar = {"model": "music_v2_5"}
    tells_usage = False


def speaker(sim: Simulator, model: str | None = None) -> mt.ElevenLabsSpeechClient:
    url, files = sim.url, (sim.files_url,)
    return mt.ElevenLabsSpeechClient(KEY, base_url=url, model=model, trusted_origins=files)


async def test_captions_are_the_words_in_the_order_they_are_heard(sim: Simulator) -> None:
    async with speaker(sim) as client:
        audio = await client.generate("Once upon a time, there was a fox.")

    assert [caption.text for caption in audio.captions] == [
        *("Once", "upon", "a", "time,", "there", "was", "a", "fox.")
    ]
    assert all(first.end <= second.start for first, second in pairwise(audio.captions))
    assert 0 <= audio.captions[0].start < audio.captions[-1].end <= audio.seconds


async def test_the_plain_way_has_the_same_sound_and_no_captions(sim: Simulator) -> None:
    async with speaker(sim) as client:
        timed = await client.generate("A red fox.")
        plain = await client.generate(mt.SpeechPrompt.of("A red fox.", captions=False))

    assert plain.data == timed.data
    assert timed.captions
    assert not plain.captions


@pytest.mark.parametrize("form", ["mp3_44100_64", "wav_16000", "pcm_22050"])
async def test_every_format_is_read(sim: Simulator, form: str) -> None:
    async with speaker(sim) as client:
        audio = await client.generate(mt.SpeechPrompt.of("A red fox.", output_format=form))

    assert audio.sample_rate == int(form.split("_")[1])
    assert audio.seconds > 0.2


async def test_a_dialogue_has_captions_over_both_voices(sim: Simulator) -> None:
    async with speaker(sim, "eleven_v3") as client:
        prompt = mt.SpeechPrompt(
            "Joe: Hello.\nAlma: Who is there?",
            speakers={"Joe": "JBFqnCBsd6RMkjVDRZzb", "Alma": ALMA},
        )
        audio = await client.generate(prompt)

    assert [caption.text for caption in audio.captions] == ["Hello.", "Who", "is", "there?"]


@pytest.mark.parametrize(
    ("model", "seconds"), [("eleven_text_to_sound_v2", 2.5), ("music_v1", 4.0)]
)
async def test_sounds_and_music_are_as_long_as_asked(
    sim: Simulator, model: str, seconds: float
) -> None:
    async with speaker(sim, model) as client, mt.VoiceAgent(client) as agent:
        audio = await agent.generate("rain on a roof", seconds=seconds)

    assert audio.seconds == pytest.approx(seconds, abs=0.1)


async def test_a_voice_is_listed_heard_and_spoken_with(sim: Simulator) -> None:
    async with speaker(sim) as client:
        voices = await client.voices(search="Alma")
        sample = await client.preview(voices[0])
        audio = await client.generate(mt.SpeechPrompt("A red fox.", voice=voices[0].voice_id))

    assert [voice.voice_id for voice in voices] == [ALMA]
    assert sample.seconds > 0.2
    assert audio.seconds > 0.2


async def test_a_voice_that_is_not_there_is_named(sim: Simulator) -> None:
    async with speaker(sim) as client:
        with pytest.raises(mt.ProviderError, match=r"mt\.ElevenLabsSpeechClient\(\)\.voices"):
            await client.generate(mt.SpeechPrompt("A red fox.", voice="Nobody"))


async def test_a_run_speaks_and_plays(sim: Simulator) -> None:
    """Each row may have options of its own."""
    async with speaker(sim, "music_v1") as client, mt.VoiceAgent(client) as agent:
        rows = [{"prompt": "rain", "seconds": 3}, {"prompt": "wind", "seconds": 4}]
        table = await agent.start_many(rows)

    assert [round(audio.seconds) for audio in table["media"]] == [3, 4]
