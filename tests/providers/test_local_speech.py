"""The local voices as a client: sentence by sentence, exact captions, quick cancel."""

import asyncio
import sys
import threading
import traceback
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediatoolkit.errors import (
    ClosedError,
    DeadlineError,
    MissingExtraError,
    PromptError,
    UnknownModelError,
)
from mediatoolkit.media import Audio, Sound
from mediatoolkit.prompts import SpeechPrompt
from mediatoolkit.providers.local import LocalSpeechClient
from mediatoolkit.providers.local.speech import Speaking
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event
from tests.hearing import heard, words_of

STORY = SpeechPrompt("Hello world. The weather is nice today. It is raining in the city.")
LONG = SpeechPrompt("The quick brown fox jumps over the lazy dog. " * 200)


async def test_speech_is_understood() -> None:
    async with LocalSpeechClient() as client:
        audio = await client.generate("Hello world.")
    assert heard(audio.samples, audio.sample_rate) == ["hello", "world"]
    assert (audio.mime_type, audio.sample_rate, audio.channels) == ("audio/wav", 24_000, 1)


async def test_the_same_prompt_gives_the_same_bytes_also_side_by_side() -> None:
    async with LocalSpeechClient() as client:
        audios = await asyncio.gather(*(client.generate(STORY) for _ in range(4)))
    assert len({audio.data for audio in audios}) == 1


@pytest.mark.parametrize("voice", ["heart", "deep", "bright"])
async def test_the_loudest_sample_is_at_minus_1_dbfs(voice: str) -> None:
    async with LocalSpeechClient() as client:
        audio = await client.generate(SpeechPrompt(STORY.text, voice=voice))
    assert audio.peak == pytest.approx(-1, abs=0.01)
    assert -24 < audio.loudness < -12


async def test_captions_match_the_sound_and_live_in_the_file(tmp_path: Path) -> None:
    async with LocalSpeechClient() as client:
        audio = await client.generate(STORY)
    again = Audio.open(audio.save(tmp_path / "story.mp3"))
    assert again.captions == audio.captions
    for caption in again.captions:
        first, last = (round(at * again.sample_rate) for at in (caption.start, caption.end))
        part = again.samples[first:last]
        sounding = np.flatnonzero(np.abs(part[:, 0]) > 0.05)
        assert sounding[0] < 0.1 * again.sample_rate
        assert len(part) - sounding[-1] < 0.2 * again.sample_rate
        assert heard(part, again.sample_rate) == words_of(caption.text)


async def test_the_sound_says_who_spoke_it_and_how() -> None:
    async with LocalSpeechClient() as client:
        audio = await client.generate(SpeechPrompt("Hello 世界 my friend.", voice="deep"))
    record = audio.provenance
    assert record is not None
    assert (record.model, record.engine) == ("local/hibari", "local")
    assert record.options == {"voice": "deep"}
    assert record.notes["not_spoken"] == ["世界"]


async def test_a_dialogue_gives_each_line_to_its_voice() -> None:
    text = "Joe: Hello world.\nAnn: Hello world."
    prompt = SpeechPrompt(text, speakers={"Joe": "deep", "Ann": "heart"})
    async with LocalSpeechClient() as client:
        audio = await client.generate(prompt)
        alone = await client.generate(SpeechPrompt("Hello world.", voice="deep"))
    joe, ann = audio.captions
    assert joe.end == pytest.approx(alone.captions[0].end, abs=0.002)
    assert ann.end - ann.start != pytest.approx(joe.end - joe.start, abs=0.001)
    part = audio.samples[round(ann.start * 24_000) :]
    assert heard(part, 24_000) == ["hello", "world"]


async def test_the_first_sentence_is_there_before_the_last_is_begun() -> None:
    order: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Speaking):
            order.append(f"begins {event.what}")

    async with LocalSpeechClient() as client, CallContext(60, listener=listen) as context:
        async for sound in client.stream(STORY, context):
            order += [f"is there {sound.text}"]
    first, last = "Hello world.", "It is raining in the city."
    assert order[0] == f"begins {first}"
    assert order.index(f"is there {first}") < order.index(f"begins {last}")
    assert order[-1] == f"is there {last}"


async def test_the_next_sentence_is_made_while_the_first_is_heard() -> None:
    begun: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Speaking):
            begun.append(event.what)

    async with (
        LocalSpeechClient() as client,
        CallContext(60, listener=listen) as context,
        aclosing(client.stream(STORY, context)) as sounds,
    ):
        await anext(sounds)
        while len(begun) < 2:
            await asyncio.sleep(0.01)
    assert begun == ["Hello world.", "The weather is nice today."]


async def test_what_is_streamed_is_what_is_made() -> None:
    """But for one gain over the whole."""
    async with LocalSpeechClient() as client, CallContext(60) as context:
        sounds: list[Sound] = [sound async for sound in client.stream(STORY, context)]
        audio = await client.make(STORY, context)
    assert {(sound.sample_rate, sound.channels) for sound in sounds} == {(24_000, 1)}
    streamed = np.frombuffer(b"".join(sound.pcm for sound in sounds), "<i2").astype(float)
    whole = np.frombuffer(audio.sound().pcm, "<i2").astype(float)
    gain = np.abs(whole).max() / np.abs(streamed).max()
    assert np.abs(streamed * gain - whole).max() <= 2


async def test_progress_counts_up() -> None:
    shares: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Speaking):
            shares.append(event.fraction)

    async with LocalSpeechClient() as client, CallContext(60, listener=listen) as context:
        await client.make(STORY, context)
    assert shares == sorted(shares)
    assert len(set(shares)) == 3
    assert str(Speaking("Hello.", 0.4)) == "speaking"
    assert Speaking.name == "speaking", "as a deadline names the step it came in"


def at_work() -> bool:
    """Whether a thread of the voices is within the engine."""
    speakers = {
        thread.ident for thread in threading.enumerate() if thread.name.startswith("speaker")
    }
    frames = sys._current_frames()  # without those of closed clients that are just ending
    stacks = [frames[ident] for ident in speakers if ident in frames]
    files = {frame.filename for top in stacks for frame in traceback.extract_stack(top)}
    assert speakers
    return any("synthesis" in file for file in files)


async def test_cancelling_stops_the_voice() -> None:
    """When the cancel has come through, no worker thread speaks on."""
    async with LocalSpeechClient() as client:
        started = asyncio.Event()
        async with CallContext(60, listener=lambda _event: started.set()) as context:
            task = asyncio.create_task(client.make(LONG, context))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not at_work()


async def test_leaving_a_stream_stops_the_voice() -> None:
    async with LocalSpeechClient() as client, CallContext(60) as context:
        async with aclosing(client.stream(LONG, context)) as sounds:
            await anext(sounds)
        assert not at_work()


async def test_the_deadline_ends_a_speech() -> None:
    async with LocalSpeechClient() as client:
        with pytest.raises(DeadlineError, match=r"0\.05 s"):
            await client.generate(LONG, timeout=0.05)


async def test_a_closed_client_is_refused() -> None:
    client = LocalSpeechClient()
    await client.close()
    await client.close()
    with pytest.raises(ClosedError):
        await client.generate("Hello.")


async def test_closing_ends_a_stream_with_a_typed_error() -> None:
    client = LocalSpeechClient()
    async with CallContext(60) as context:
        sounds = client.stream(LONG, context)
        await anext(sounds)
        await client.close()
        with pytest.raises(ClosedError):
            _ = [sound async for sound in sounds]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"voice": "Kore"}, "heart, deep, bright"),
        ({"voice": "depe"}, "did you mean deep"),
        ({"style": "cheerful"}, "one style"),
        ({"seed": 1}, "sound the same each time: leave seed= out."),
        ({"language": "ja-JP"}, "speak en, de, es, fr, it"),
        ({"speed": 3}, r"0\.25 to 2"),
        ({"temperature": 1}, "no option temperature="),
    ],
)
async def test_what_the_voices_cannot_do_is_refused(options: dict[str, Any], words: str) -> None:
    async with LocalSpeechClient() as client:
        with pytest.raises(PromptError, match=words):
            await client.generate(SpeechPrompt.of("Hello.", **options))


@pytest.mark.parametrize("language", ["en", "en-US", "EN-gb"])
def test_english_by_any_name_is_taken(language: str) -> None:
    LocalSpeechClient().check(SpeechPrompt("Hello.", language=language))


def test_an_unknown_voice_in_a_dialogue_is_refused() -> None:
    prompt = SpeechPrompt("Joe: Hello.", speakers={"Joe": "Puck"})
    with pytest.raises(PromptError, match="no voice 'Puck'"):
        LocalSpeechClient().check(prompt)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="local/hibari"):
        LocalSpeechClient(model="kokoro")


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hibari", None)
    monkeypatch.setitem(sys.modules, "py_nanotts", None)
    async with LocalSpeechClient() as client:
        with pytest.raises(MissingExtraError, match="hibari-tts"):
            await client.generate("Hello.")


@pytest.mark.parametrize(
    ("options", "voice"),
    [
        ({"language": "de"}, "german"),
        ({"language": "fr-CA"}, "french"),
        ({"voice": "italian"}, "italian"),
        ({"voice": "spanish", "language": "es_MX"}, "spanish"),
    ],
)
async def test_other_languages_are_spoken_by_the_second_engine(
    options: dict[str, Any], voice: str
) -> None:
    text = "Hallo. Ciao!"
    async with LocalSpeechClient() as client:
        audio = await client.generate(SpeechPrompt(text, **options))
        named = await client.generate(SpeechPrompt(text, voice=voice))
    assert audio.data == named.data
    assert audio.provenance is not None
    assert audio.provenance.model == "local/pico"
    assert [caption.text for caption in audio.captions] == ["Hallo.", "Ciao!"]


async def test_the_second_engine_speaks_english_where_the_first_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    async with LocalSpeechClient() as client:
        audio = await client.generate("It is raining in the city.")
        british = await client.generate(SpeechPrompt("It is raining.", language="en-GB"))
    assert audio.provenance is not None
    assert audio.provenance.model == "local/pico"
    assert heard(audio.samples, audio.sample_rate) == words_of("It is raining in the city.")
    assert british.seconds > 0.5


async def test_a_dialogue_names_both_engines() -> None:
    speakers = {"Ann": "heart", "Hans": "german"}
    async with LocalSpeechClient() as client:
        audio = await client.generate(
            SpeechPrompt("Ann: Hello.\nHans: Guten Tag.", speakers=speakers)
        )
    assert audio.provenance is not None
    assert audio.provenance.model == "local/hibari"
    assert audio.provenance.notes["engines"] == ["hibari", "pico"]


async def test_the_second_engine_can_be_asked_for() -> None:
    async with LocalSpeechClient(model="pico") as client:
        audio = await client.generate("Hello world.")
        with pytest.raises(PromptError, match="no voice heart"):
            await client.generate(SpeechPrompt("Hello.", voice="heart"))
    assert audio.provenance is not None
    assert audio.provenance.model == "local/pico"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"language": "pt"}, "speak en, de, es, fr, it, not 'pt'"),
        ({"language": "de", "voice": "heart"}, "heart speaks en-US"),
    ],
)
async def test_a_language_nobody_speaks_is_refused(options: dict[str, Any], words: str) -> None:
    async with LocalSpeechClient() as client:
        with pytest.raises(PromptError, match=words):
            await client.generate(SpeechPrompt("Hello.", **options))
