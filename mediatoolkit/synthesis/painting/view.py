"""What every layer of a picture needs to know."""

import zlib
from dataclasses import dataclass

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.inks import Palette
from mediatoolkit.synthesis.painting.words import Scene


@dataclass(frozen=True)
class View:
    """A scene on its canvas.

    Attributes:
        canvas: The sheet.
        scene: What the prompt asks for.
        inks: The palette of its mood.
        horizon: Row of the horizon in pixels.
        light: Column and row of sun or moon in pixels.
        seeds: Seed and prompt as numbers.
    """

    canvas: Canvas
    scene: Scene
    inks: Palette
    horizon: float
    light: tuple[float, float]
    seeds: tuple[int, int]

    def rng(self, layer: str) -> np.random.Generator:
        """Randomness of its own for each layer, so that layers do not disturb each other."""
        return np.random.default_rng([*self.seeds, zlib.crc32(layer.encode())])

    @property
    def night(self) -> bool:
        """Whether lights shine and stars are out."""
        return self.scene.time == "night" or "space" in self.scene.places

    @property
    def unit(self) -> int:
        """The shorter side in pixels."""
        return self.canvas.unit
