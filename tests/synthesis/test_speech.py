"""Speech of the local engine: understood, timed to the sample, even in level."""

import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediatoolkit.errors import MissingExtraError, PromptError
from mediatoolkit.media.loudness import loudness
from mediatoolkit.synthesis.speaking.speech import LOUDEST, check, dialogue, left_out, speak
from mediatoolkit.synthesis.speaking.voices import VOICES
from tests.hearing import heard, words_of

SENTENCES = (
    "Hello world.",
    "The weather is nice today.",
    "She opened the door and looked outside.",
    "It is raining in the city.",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_heart_is_understood_word_for_word(sentence: str) -> None:
    (spoken,) = speak(sentence)
    assert heard(spoken.samples, spoken.sample_rate) == words_of(sentence)


@pytest.mark.parametrize("voice", ["deep", "bright"])
def test_the_other_voices_are_understood(voice: str) -> None:
    known = sum(
        len(set(heard(spoken.samples, spoken.sample_rate)) & set(words_of(spoken.text)))
        for spoken in speak(" ".join(SENTENCES), voice=voice)
    )
    assert known >= sum(len(set(words_of(sentence))) for sentence in SENTENCES) / 2


def test_the_voices_differ_in_pitch() -> None:
    def pitch(voice: str) -> float:
        (spoken,) = speak("Hello world, how are you all today?", voice=voice)
        power = np.abs(np.fft.rfft(spoken.samples, 1 << 18)) ** 2
        echo = np.fft.irfft(power)[60:400]
        return spoken.sample_rate / (60 + int(echo.argmax()))

    assert pitch("deep") < 0.8 * pitch("heart") < 0.8 * pitch("bright")


def test_each_sentence_comes_with_its_words_and_times() -> None:
    spoken = list(speak("\n".join(SENTENCES)))
    assert [sentence.text for sentence in spoken] == list(SENTENCES)
    whole = np.concatenate([sentence.samples for sentence in spoken])
    rate = spoken[0].sample_rate
    assert spoken[0].start == 0
    for sentence, after in pairwise(spoken):
        assert sentence.end < after.start
        silence = whole[round(sentence.end * rate) : round(after.start * rate)]
        assert len(silence) > 0.2 * rate
        assert not silence.any()
    for sentence in spoken:
        words = np.abs(whole[round(sentence.start * rate) : round(sentence.end * rate)])
        sounding = np.flatnonzero(words > 0.02 * words.max())
        assert sounding[0] < 0.1 * rate, "the words begin where the caption does"
        assert len(words) - sounding[-1] < 0.2 * rate


def test_sentences_meet_without_a_click() -> None:
    for spoken in speak(" ".join(SENTENCES)):
        words = round((spoken.end - spoken.start) * spoken.sample_rate)
        assert spoken.samples[0] == spoken.samples[words - 1] == 0


def test_a_paragraph_makes_a_longer_pause_than_a_sentence() -> None:
    first, second, third = speak("Hello. Hello.\n\nHello.")
    assert third.start - second.end > 1.5 * (second.start - first.end)


def test_all_voices_are_equally_loud_and_none_too_loud() -> None:
    levels = []
    for voice in VOICES:
        samples = np.concatenate([part.samples for part in speak(" ".join(SENTENCES), voice=voice)])
        assert np.abs(samples).max() <= LOUDEST
        levels.append(loudness([samples[:, None]], 24_000))
    assert max(levels) - min(levels) < 3


def test_the_same_seed_gives_the_same_sound() -> None:
    first, again, other = (next(speak("Hello world.", seed=seed)).samples for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0])
def test_speed_changes_how_long_it_takes(speed: float) -> None:
    (usual,), (changed,) = speak(SENTENCES[2]), speak(SENTENCES[2], speed=speed)
    assert usual.end / changed.end == pytest.approx(speed, rel=0.25)


def test_progress_comes_before_each_sentence_and_can_end_the_work() -> None:
    class EnoughError(Exception):
        """What a caller raises to stop."""

    calls: list[tuple[str, float]] = []

    def progress(what: str, fraction: float) -> None:
        calls.append((what, fraction))
        if len(calls) == 3:
            raise EnoughError

    speaking = speak(" ".join(SENTENCES), progress=progress)
    assert [next(speaking).text, next(speaking).text] == list(SENTENCES[:2])
    with pytest.raises(EnoughError):
        next(speaking)
    assert [what for what, _ in calls] == list(SENTENCES[:3])
    fractions = [fraction for _, fraction in calls]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] < 1


def test_a_dialogue_changes_voices() -> None:
    deep, heart = dialogue([("deep", "Hello world."), ("heart", "Hello world.")])
    assert heart.start > deep.end
    assert len(deep.samples) != len(heart.samples)


@pytest.mark.parametrize(
    "text", ["日本の山", "Привет, мир", "🎉", "...", "Привет мир hello", "١٢٣"]
)
def test_text_that_is_not_english_is_refused(text: str) -> None:
    with pytest.raises(PromptError, match="Latin letters"):
        speak(text)


def test_letters_that_nobody_can_say_are_refused() -> None:
    with pytest.raises(PromptError, match="no way to say"):
        list(speak("\N{LATIN LETTER BILABIAL PERCUSSIVE}"))


def test_foreign_words_are_left_out_and_named() -> None:
    text = "My friend 世界 says hello, café."
    (spoken,) = speak(text)
    assert spoken.text == text
    assert left_out(text) == ["世界"]


@pytest.mark.parametrize(
    ("voice", "words"), [("Heart", "did you mean heart"), ("kore", "heart, deep, bright")]
)
def test_an_unknown_voice_is_refused(voice: str, words: str) -> None:
    with pytest.raises(PromptError, match=words):
        speak("Hello.", voice=voice)


@pytest.mark.parametrize("speed", [0, -1, 0.2, 2.5, float("nan")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(PromptError, match=r"0\.25 to 2"):
        speak("Hello.", speed=speed)


@pytest.mark.parametrize("package", ["hibari", "onnxruntime"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r'pip install "mediatoolkit\[local\]"'):
        check([("heart", "Hello.")], 1.0)


def test_a_sentence_without_an_end_is_spoken_in_parts() -> None:
    parts = list(speak("word " * 200))
    assert len(parts) > 3
    assert "".join(part.text for part in parts).count("word") == 200


@pytest.mark.parametrize("text", ["x" * 1_000, "1234567890" * 10, "1,000,000,000,000,000,000"])
def test_odd_words_are_spoken_all_the_same(text: str) -> None:
    assert sum(len(spoken.samples) for spoken in speak(text)) > 24_000


@given(st.text(alphabet="aB1 .,$%'-/:()[]€½é\n", min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_text_is_spoken_or_refused_with_a_typed_error(text: str) -> None:
    try:
        spoken = list(speak(text))
    except PromptError:
        return
    assert all(np.isfinite(part.samples).all() for part in spoken)
