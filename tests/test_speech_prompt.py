"""Prompts for speech: what can be said, and in which words the rest is refused."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.errors import PromptError
from mediatoolkit.prompts import SpeechPrompt


def test_left_out_is_none() -> None:
    prompt = SpeechPrompt("Hello.")
    assert (prompt.voice, prompt.style, prompt.speed, prompt.language) == (None, None, 1.0, None)
    assert prompt.lines() == [(None, "Hello.")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"speed": 0}, "speed=0"),
        ({"speed": -1}, "from 0.25 to 4"),
        ({"speed": 4.1}, "from 0.25 to 4"),
        ({"speed": float("nan")}, "from 0.25 to 4"),
        ({"speed": "fast"}, "not a number"),
        ({"speed": True}, "not a number"),
        ({"voice": ""}, "voice=''"),
        ({"voice": 7}, "voice=7"),
        ({"style": "x" * 2_000}, "few words"),
        ({"language": " "}, "language"),
        ({"speakers": "Joe"}, "voices by name"),
        ({"speakers": {"Joe": None}}, "and a voice"),
        ({"speakers": {"J:e": "Kore"}}, "without a colon"),
        ({"speakers": {"Joe": "Kore"}}, "begins with a speaker's name"),
        ({"speakers": {"Joe": "Kore"}, "voice": "Puck"}, "either voice= or speakers="),
    ],
)
def test_what_cannot_be_said_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        SpeechPrompt("Hello.", **options)


@pytest.mark.parametrize("text", ["", " \n", "x" * 100_001, "a \x00"])
def test_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PromptError):
        SpeechPrompt(text)


def test_lines_go_to_their_speakers() -> None:
    text = "Joe: Hello.\nHow are you?\nAnn : Fine: thanks."
    prompt = SpeechPrompt(text, speakers={"Joe": "Kore", "Ann": "Puck"})
    assert prompt.lines() == [("Joe", "Hello.\nHow are you?"), ("Ann", "Fine: thanks.")]


def test_a_speaker_without_a_line_is_refused() -> None:
    with pytest.raises(PromptError, match="Ann has no line"):
        SpeechPrompt("Joe: Hello.", speakers={"Joe": "Kore", "Ann": "Puck"})


async def test_only_what_was_asked_is_recorded() -> None:
    assert await SpeechPrompt("Hello.").plain_options() == {}
    asked = SpeechPrompt.of("Hello.", voice=" Kore ", speed=2, stability=0.5)
    assert await asked.plain_options() == {"voice": "Kore", "speed": 2.0, "stability": 0.5}


def test_a_prompt_cannot_be_changed() -> None:
    prompt = SpeechPrompt("Joe: Hello.", speakers={"Joe": "Kore"})
    with pytest.raises(TypeError):
        prompt.speakers["Joe"] = "Puck"  # type: ignore[index]


@given(st.text(), st.floats(allow_nan=True))
def test_every_text_and_speed_is_taken_or_refused_with_a_typed_error(
    text: str, speed: float
) -> None:
    with contextlib.suppress(PromptError):
        assert SpeechPrompt(text, speed=speed).text.encode()
