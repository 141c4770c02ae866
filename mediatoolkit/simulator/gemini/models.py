"""Which models the simulated Gemini serves, and what each accepts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

VERBS = ("generateContent", "streamGenerateContent")
CLASSIC_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
LONG_ASPECTS = ("1:4", "4:1", "1:8", "8:1")
_SIDE = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}


@dataclass(frozen=True, slots=True)
class Model:
    """One model.

    Attributes:
        id: Without `models/`.
        title: For people.
        makes: The modality of its results.
        verbatim: Reads every word aloud, so that style and speaker stand beside the text.
        aspects: Accepted `aspectRatio`.
        tokens: Image tokens one picture costs, by accepted `imageSize`.
        methods: What it can be asked for.
    """

    id: str
    title: str
    makes: Literal["IMAGE", "AUDIO", "VIDEO"] = "IMAGE"
    verbatim: bool = False
    aspects: tuple[str, ...] = CLASSIC_ASPECTS
    tokens: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({"1K": 1120, "2K": 1120, "4K": 2000})
    )
    methods: tuple[str, ...] = VERBS

    @property
    def draws(self) -> bool:
        """Whether its results are pictures."""
        return self.makes == "IMAGE"

    def listing(self) -> dict[str, Any]:
        """What `GET /models/{id}` says."""
        return {
            "name": f"models/{self.id}",
            "version": "001",
            "displayName": self.title,
            "description": f"{self.title}, simulated on loopback",
            "inputTokenLimit": 65536,
            "outputTokenLimit": 32768,
            "supportedGenerationMethods": list(self.methods),
            "temperature": 1,
            "topP": 0.95,
            "topK": 64,
            "maxTemperature": 2,
            "thinking": True,
        }


# The long formats belong to the "newer models"; taken here as all but 3-pro and flash-lite.
_NEWER = CLASSIC_ASPECTS + LONG_ASPECTS
_FLASH_TOKENS = MappingProxyType({"1K": 1120, "2K": 1680, "4K": 2520})
_SMALL_ONLY = MappingProxyType({"1K": 1120})
_SMALL_TOO = MappingProxyType({"512": 747, **_FLASH_TOKENS})


def _speaker(model_id: str, title: str, *, verbatim: bool) -> Model:
    return Model(model_id, title, "AUDIO", verbatim, (), MappingProxyType({}))


def _filmer(model_id: str, title: str) -> Model:
    """Serves the Interactions API only: generateContent gives 404."""
    return Model(
        model_id, title, "VIDEO", aspects=("16:9", "9:16"), tokens=MappingProxyType({}), methods=()
    )


def _drawer(model_id: str, title: str, tokens: Mapping[str, int]) -> Model:
    return Model(model_id, title, aspects=_NEWER, tokens=tokens)


MODELS = (
    Model("gemini-3.1-flash-lite-image", "Gemini 3.1 Flash Lite Image", tokens=_SMALL_ONLY),
    _drawer("gemini-3.1-flash-image", "Gemini 3.1 Flash Image", _SMALL_TOO),
    Model("gemini-3-pro-image", "Gemini 3 Pro Image"),
    _drawer("gemini-nano-banana-2.1", "Nano Banana 2.1", _FLASH_TOKENS),
    _speaker("gemini-3.8-flash-tts", "Gemini 3.8 Flash TTS", verbatim=True),
    _speaker("gemini-3.8-flash-lite-tts", "Gemini 3.8 Flash Lite TTS", verbatim=True),
    _speaker("gemini-3.1-flash-tts-preview", "Gemini 3.1 Flash TTS Preview", verbatim=False),
    _speaker("gemini-2.5-flash-preview-tts", "Gemini 2.5 Flash Preview TTS", verbatim=False),
    _speaker("gemini-2.5-pro-preview-tts", "Gemini 2.5 Pro Preview TTS", verbatim=False),
    _filmer("gemini-omni-1.1-flash", "Gemini Omni 1.1 Flash"),
    _filmer("gemini-omni-1.2-flash", "Gemini Omni 1.2 Flash"),
)

RETIRED = ("gemini-2.5-flash-image", "imagen-4.0-generate-001", "gemini-omni-flash-preview")


def further(model_id: str) -> Model:
    """A model no table knows, under the loosest rules of the family its name tells."""
    if "tts" in model_id:
        return _speaker(model_id, model_id, verbatim=True)
    if "omni" in model_id:
        return _filmer(model_id, model_id)
    return _drawer(model_id, model_id, _SMALL_TOO)


def pixels(aspect: float, size: str) -> tuple[int, int]:
    """Width and height of an answer.

    The area is that of a square of 512, 1024, 2048 or 4096 pixels, the sides are multiples of 16.
    The real service has a table of its own, which differs by a few pixels.
    """
    side = _SIDE[size] // 16
    return round(side * math.sqrt(aspect)) * 16, round(side / math.sqrt(aspect)) * 16


def ratio(aspect: str) -> float:
    """Width over height of `"16:9"`."""
    width, height = aspect.split(":")
    return int(width) / int(height)
