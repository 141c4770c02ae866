"""The voices of the local engines."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
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
        Voice("heart", "hibari", gain=1.7),
        Voice("deep", "hibari", pitch=0.62, body=0.88, pace=0.97, gain=0.95),
        Voice("bright", "hibari", pitch=1.14, body=1.05, pace=1.03, gain=1.55),
        Voice("american"),
        Voice("british", language="en-GB"),
        Voice("german", language="de-DE"),
        Voice("spanish", language="es-ES"),
        Voice("french", language="fr-FR"),
        Voice("italian", language="it-IT"),
    )
}
"""Hibari's are one that was recorded and two that are bent from it; Pico's are as they come."""


def speaks(voice: Voice, language: str) -> bool:
    """Whether *voice* speaks a language, whatever the country."""
    return voice.language.split("-")[0] == language.lower().replace("_", "-").split("-")[0]


def usual(language: str | None, engines: Iterable[str]) -> Voice | None:
    """The voice to take when none is named, or None where nobody speaks that language.

    Args:
        language: BCP-47 tag; left out, English.
        engines: Those to choose from. An exact tag such as `en-GB` counts among one engine's.
    """
    wanted = language or "en-US"
    for engine in engines:
        able = [one for one in VOICES.values() if one.engine == engine and speaks(one, wanted)]
        if able:
            return next((one for one in able if one.language.lower() == wanted.lower()), able[0])
    return None
