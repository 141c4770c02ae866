"""Prompt in, picture out."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediatoolkit.synthesis.painting import png, words
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.composition import compose
from mediatoolkit.synthesis.painting.proofs import Proofs, Show
from mediatoolkit.synthesis.painting.setting import look_at
from mediatoolkit.synthesis.painting.styles import finish, grain_of

SIDES = range(64, 1537)
"""Widths and heights in pixels that can be painted."""


@dataclass(frozen=True)
class Painting:
    """A finished picture.

    Attributes:
        pixels: Array of shape `(height, width, 3)`, red, green and blue from 0 to 255.
        understood: Words of the prompt that shaped it.
        unknown: Words of the prompt that the painter does not know.
    """

    pixels: npt.NDArray[np.uint8]
    understood: tuple[str, ...]
    unknown: tuple[str, ...]

    def png(self) -> bytes:
        """The picture as a PNG file."""
        return png.encode(self.pixels)


def ignore(stage: str, fraction: float) -> None:
    """Take no notice of progress."""


def paint(
    text: str,
    *,
    width: int,
    height: int,
    seed: int,
    progress: Callable[[str, float], None] = ignore,
    proof: Show | None = None,
) -> Painting:
    """Paint what a text describes; the same text, seed and size give the same pixels.

    Texts that differ in their colours only give the same composition.

    Args:
        text: What to paint. English words and emoji are understood, anything gives a picture.
        width: Pixels across, 64 to 1536.
        height: Pixels down, 64 to 1536.
        seed: Any whole number; another seed gives another picture of the same scene.
        progress: Called many times a second with the name of the current step and the share
            of the work that is done, 0 to 1, never less than before. What it raises stops the
            painting and passes through.
        proof: Called at most twice a second with a small JPEG of the picture as it is so far and
            the share of the work that is done.

    Raises:
        ValueError: The text is empty or a side is out of range.
    """
    if not text:
        raise ValueError("There is nothing to paint: the text is empty.")
    if width not in SIDES or height not in SIDES:
        raise ValueError(
            f"A side has {SIDES.start} to {SIDES.stop - 1} pixels, not {width}x{height}."
        )
    scene = words.read(text)
    clock = _Clock(progress)
    seeds = (seed % 2**64, zlib.crc32(words.essence(text).encode("utf-8", "replace")))
    # Pixel art is painted small, so that its figures are drawn for the pixels they get.
    cell = max(1, round(min(width, height) / 132)) if scene.style == "pixel" else 1
    canvas = Canvas(
        -(-width // cell),
        -(-height // cell),
        np.random.default_rng(seeds),
        clock.tick,
        shading=grain_of(scene.style),
    )
    if proof is not None:
        clock.proofs = Proofs(canvas, proof)
    view = look_at(scene, canvas, seeds)
    steps = [*compose(view), *finish(view)]
    for index, (stage, work) in enumerate(steps):
        clock.enter(stage, index / (len(steps) + 1), (index + 1) / (len(steps) + 1))
        work()
    clock.enter("pull", len(steps) / (len(steps) + 1), 1.0)
    pixels = _pull(canvas, cell, height, width)
    progress("done", 1.0)
    return Painting(pixels, scene.understood, scene.unknown)


class _Clock:
    """Turns ticks of work into a fraction that never falls."""

    def __init__(self, progress: Callable[[str, float], None]) -> None:
        self._progress = progress
        self._stage, self._start, self._end, self._ticks = "words", 0.0, 0.0, 0
        self.proofs: Proofs | None = None

    def enter(self, stage: str, start: float, end: float) -> None:
        """Begin a stage that runs from one fraction to another."""
        self._stage, self._start, self._end, self._ticks = stage, start, end, 0
        self._tell(start)

    def tick(self) -> None:
        """One more piece of the stage is done; how many there will be is not known."""
        self._ticks += 1
        share = 1 - 1 / (1 + self._ticks / 60)
        self._tell(self._start + (self._end - self._start) * share)

    def _tell(self, fraction: float) -> None:
        self._progress(self._stage, fraction)
        if self.proofs is not None:
            self.proofs.pull(fraction)


def _pull(canvas: Canvas, cell: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """The inks as bytes, each canvas pixel `cell` wide."""
    pixels = np.empty((height, width, 3), np.uint8)
    for band in canvas.bands():
        rows = np.s_[band.start * cell : band.stop * cell]
        for channel, plane in enumerate(canvas.planes):
            inked = np.clip(plane[band.start : band.stop] * 255 + np.float32(0.5), 0, 255)
            large = inked.astype(np.uint8).repeat(cell, 0).repeat(cell, 1)
            pixels[rows, :, channel] = large[: len(pixels[rows]), :width]
    return pixels
