"""Which models the simulated Gemini serves, and what each accepts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

CLASSIC_ASPECTS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
LONG_ASPECTS = ("1:4", "4:1", "1:8", "8:1")
_SIDE = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}


@dataclass(frozen=True, slots=True)
class Model:
    """One picture model.

    Attributes:
        id: Without `models/`.
        title: For people.
        aspects: Accepted `aspectRatio`.
        tokens: Image tokens one picture costs, by accepted `imageSize`.
        methods: What it can be asked for.
    """

    id: str
    title: str
    aspects: tuple[str, ...] = CLASSIC_ASPECTS
    tokens: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({"1K": 1120, "2K": 1120, "4K": 2000})
    )
    methods: tuple[str, ...] = ("generateContent", "streamGenerateContent")

    @property
    def draws(self) -> bool:
        """Whether it serves `generateContent`."""
        return "generateContent" in self.methods

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


# The long formats belong to the "newer models"; taken here as all but 3-pro.
_NEWER = CLASSIC_ASPECTS + LONG_ASPECTS
_FLASH_TOKENS = MappingProxyType({"1K": 1120, "2K": 1680, "4K": 2520})

MODELS = (
    Model("gemini-3.1-flash-lite-image", "Gemini 3.1 Flash Lite Image", _NEWER, _FLASH_TOKENS),
    Model(
        "gemini-3.1-flash-image",
        "Gemini 3.1 Flash Image",
        _NEWER,
        MappingProxyType({"512": 747, **_FLASH_TOKENS}),
    ),
    Model("gemini-3-pro-image", "Gemini 3 Pro Image"),
    Model("gemini-nano-banana-2.1", "Nano Banana 2.1", _NEWER, _FLASH_TOKENS),
    # Serves the Interactions API only: generateContent gives 404.
    Model("gemini-omni-1.1-flash", "Gemini Omni 1.1 Flash", methods=()),
)

RETIRED = ("gemini-2.5-flash-image", "imagen-4.0-generate-001", "gemini-omni-flash-preview")


def further(model_id: str) -> Model:
    """A model no table knows, under the loosest rules."""
    return Model(model_id, model_id, _NEWER, MappingProxyType({"512": 747, **_FLASH_TOKENS}))


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
