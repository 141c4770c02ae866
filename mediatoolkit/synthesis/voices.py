"""The voices of the local engine: one that was recorded, and two that are bent from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """How a voice differs from the one the model was trained on.

    Attributes:
        name: As in `voice="deep"`.
        pitch: Factor on the melody.
        body: Factor on the resonances: below 1 a larger body, above 1 a smaller one.
        pace: Factor on the speed.
        gain: What makes all voices equally loud.
    """

    name: str
    pitch: float
    body: float
    pace: float
    gain: float


DEFAULT = "heart"
VOICES = {
    voice.name: voice
    for voice in (
        Voice("heart", pitch=1.0, body=1.0, pace=1.0, gain=1.7),
        Voice("deep", pitch=0.62, body=0.88, pace=0.97, gain=0.95),
        Voice("bright", pitch=1.14, body=1.05, pace=1.03, gain=1.55),
    )
}
