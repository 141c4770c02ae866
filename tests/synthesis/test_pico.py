"""The second speech model: understood, the same every time, gone when it is no longer wanted."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mediatoolkit.errors import MissingExtraError
from mediatoolkit.synthesis.speaking import engines
from mediatoolkit.synthesis.speaking.voices import VOICES
from tests.hearing import heard, words_of

RATE = 24_000
SENTENCES = (
    "Hello world.",
    "It is raining in the city.",
    "The weather is nice today.",
    "Once upon a time there was a red fox who lived under the stars.",
)
GERMAN = "Der rote Fuchs schläft im Wald."


def say(text: str, voice: str = "american", speed: float = 1.0) -> npt.NDArray[np.float32]:
    return engines.speak_with_pico(text, VOICES[voice], speed=speed, rate=RATE, pause=lambda: None)


def test_english_is_mostly_understood() -> None:
    spoken = [set(words_of(sentence)) for sentence in SENTENCES]
    known = sum(
        len(words & set(heard(say(sentence), RATE)))
        for words, sentence in zip(spoken, SENTENCES, strict=True)
    )
    assert known >= 0.8 * sum(map(len, spoken))


@pytest.mark.parametrize(
    "voice", [known.name for known in VOICES.values() if known.engine == "pico"]
)
def test_every_voice_has_a_sound_of_its_own_and_does_not_clip(voice: str) -> None:
    sound = say(GERMAN, voice)
    assert 1 < len(sound) / RATE < 5
    assert 0.2 < np.abs(sound).max() < 0.99
    if voice != "german":
        assert not np.array_equal(sound, say(GERMAN, "german"))


def test_the_same_words_always_sound_the_same_also_side_by_side() -> None:
    """Within one process the package gives another sound the second time."""
    first = say(GERMAN, "german")
    with ThreadPoolExecutor(3) as threads:
        others = list(threads.map(lambda voice: say(GERMAN, voice), ["french", "german", "german"]))
    assert np.array_equal(others[1], first)
    assert np.array_equal(others[2], first)


def test_a_pause_that_raises_ends_the_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class EnoughError(Exception):
        """What a caller raises to stop."""

    looks: list[int] = []

    def enough() -> None:
        looks.append(len(looks))
        if len(looks) > 2:
            raise EnoughError

    monkeypatch.setattr(engines, "_SAY", "while True: pass")
    with pytest.raises(EnoughError):
        engines.speak_with_pico("Hello.", VOICES["american"], speed=1.0, rate=RATE, pause=enough)
    assert "while True: pass" not in running()


def running() -> str:
    """The commands of all processes on this machine."""
    commands = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(place.read_bytes().replace(b"\0", b" ").decode(errors="ignore"))
        except OSError:
            continue
    return "\n".join(commands)


def test_marks_in_the_text_are_no_orders() -> None:
    assert len(say('<speed level="20">Hello world')) < 5 * RATE


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py_nanotts", None)
    with pytest.raises(MissingExtraError, match=r"py-nanotts.*mediatoolkit\[local\]"):
        say("Hello.")
