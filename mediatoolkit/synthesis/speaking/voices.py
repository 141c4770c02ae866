"""The voices of the local engines."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalVoice:
    """Who speaks, and how the sound is bent.

    Attributes:
        name: As in `voice="deep"`.
        engine: The model it belongs to, `"hibari"` or `"pico"`.
        language: BCP-47 tag of what it speaks.
        pitch: Factor on the melody.
        body: Factor on the resonances: below 1 a larger body, above 1 a smaller one.
        pace: Factor on the speed.
        gain: What makes all voices equally loud.
    """

    name: str
    engine: str = "pico"
    language: str = "en-US"
    pitch: float = 1.0
    body: float = 1.0
    pace: float = 1.0
    gain: float = 0.7


PACKAGES = {"hibari": ("hibari", "onnxruntime"), "pico": ("py_nanotts",)}
"""What each engine needs, the better engine first."""
DEFAULT = "heart"
VOICES = {
    voice.name: voice
    for voice in (
        LocalVoice("heart", "hibari", gain=1.7),
        LocalVoice("deep", "hibari", pitch=0.62, body=0.88, pace=0.97, gain=0.95),
        LocalVoice("bright", "hibari", pitch=1.14, body=1.05, pace=1.03, gain=1.55),
        LocalVoice("american"),
        LocalVoice("british", language="en-GB"),
        LocalVoice("german", language="de-DE"),
        LocalVoice("spanish", language="es-ES"),
        LocalVoice("french", language="fr-FR"),
        LocalVoice("italian", language="it-IT"),
    )
}
"""One voice of Hibari was recorded, two are bent from it; those of Pico are as they come."""


def speaks(voice: LocalVoice, language: str) -> bool:
    """Whether *voice* speaks a language, whatever the country."""
    return voice.language.split("-")[0] == language.lower().replace("_", "-").split("-")[0]


def usual(language: str | None, engines: Iterable[str]) -> LocalVoice | None:
    """The voice to take when none is named, or None where no voice speaks that language.

    Args:
        language: BCP-47 tag; left out, English.
        engines: Those to choose from, the better one first. Among the voices of an engine, an exact
            tag such as `en-GB` is preferred.
    """
    tag = language or "en-US"
    for engine in engines:
        able = [voice for voice in VOICES.values() if voice.engine == engine and speaks(voice, tag)]
        if able:
            exact = (voice for voice in able if voice.language.lower() == tag.lower())
            return next(exact, able[0])
    return None
