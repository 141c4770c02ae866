"""Speech to make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.prompts.base import FrozenMapping, Prompt, checked_text

SLOWEST, FASTEST = 0.25, 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeechPrompt(Prompt):
    """Text to say.

    Args:
        text: What to say; up to 100,000 characters.
        voice: A voice of the model, by name; left out, the model's usual one.
        style: How to say it, such as `"cheerful"`; never spoken.
        speed: 1 is the voice's own pace; from 0.25 to 4.
        language: BCP-47 tag such as `"en-US"`; left out, the model hears it from the text.
        speakers: Voices by name, for a dialogue: a line `Joe: Hello.` is said by Joe's voice.
            Not together with *voice*.
        options: What only some models take.

    Raises:
        PromptError: It cannot be sent as written.
    """

    voice: str | None = None
    style: str | None = None
    speed: float = 1.0
    language: str | None = None
    speakers: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[tuple[str | None, str]]:
        """What is said by whom: `(speaker, text)`; None where no line begins with a name."""
        said: list[tuple[str | None, str]] = []
        for line in self.text.splitlines():
            name, colon, words = line.partition(":")
            if colon and name.strip() in self.speakers:
                said.append((name.strip(), words.strip()))
            elif said and self.speakers:
                said[-1] = (said[-1][0], f"{said[-1][1]}\n{line}".strip())
            else:
                said.append((None, line))
        return said if self.speakers else [(None, self.text)]

    async def plain_options(self) -> dict[str, Any]:
        """All that was asked beside the text, as plain JSON, for a record of origin."""
        asked = {
            "voice": self.voice,
            "style": self.style,
            "speed": None if self.speed == 1.0 else self.speed,
            "language": self.language,
            "speakers": dict(self.speakers) or None,
            **self.options,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def _in_one_form(self) -> dict[str, Any]:
        return {
            "voice": _words("voice", self.voice),
            "style": _words("style", self.style),
            "speed": _speed(self.speed),
            "language": _words("language", self.language),
            "speakers": _speakers(self.speakers),
        }

    def _check_together(self) -> None:
        if self.voice and self.speakers:
            raise PromptError("Give either voice= or speakers=; in a dialogue each has its own.")
        if not self.speakers:
            return
        heard = {name for name, _ in self.lines()}
        if None in heard:
            raise PromptError(
                "In a dialogue every line begins with a speaker's name, as in 'Joe: Hello.'"
            )
        silent = sorted(set(self.speakers) - heard)
        if silent:
            raise PromptError(f"{silent[0]} has no line; begin one with '{silent[0]}:'.")


def _words(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > 1_000:
        raise PromptError(f"{name}={quoted(value)} is not a few words.")
    return checked_text(value).strip()


def _speed(speed: Any) -> float:
    if not is_number(speed):
        raise PromptError(f"speed={quoted(speed)} is not a number.")
    if not SLOWEST <= speed <= FASTEST:
        raise PromptError(
            f"speed={quoted(speed)} is not from {SLOWEST} to {FASTEST}; 1 is as usual."
        )
    return float(speed)


def _speakers(speakers: object) -> Mapping[str, str]:
    if not isinstance(speakers, Mapping):
        raise PromptError('speakers takes voices by name: speakers={"Joe": "Kore"}.')
    named: dict[str, str] = {}
    for given, voice in speakers.items():
        name, chosen = _words("speaker", given), _words("voice", voice)
        if name is None or chosen is None or ":" in name:
            raise PromptError("Each speaker has a name without a colon, and a voice.")
        named[name] = chosen
    return FrozenMapping(named)
