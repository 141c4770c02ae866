"""The sheet that inks are printed on, band by band."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediatoolkit.synthesis.painting.texture import TILE, Field, Values, grain_tile, ordered_tile

BAND = 32
"""Rows per band: small enough for the processor's cache and for a prompt stop."""

Ink = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Band:
    """A few rows of the canvas.

    Attributes:
        start: First row.
        stop: Row after the last.
        y: Row centres in pixels, shape `(rows, 1)`.
        x: Column centres in pixels, shape `(1, width)`.
        grain: Even grain from 0 to 1, shape `(rows, width)`.
        contrast: How hard the grain splits a soft coverage into dots; 0 leaves it soft.
    """

    start: int
    stop: int
    y: Field
    x: Field
    grain: Field
    contrast: float

    def stipple(self, alpha: Values) -> Field:
        """Turn a soft coverage into dots of full ink, as a screen does."""
        return dots(alpha, self.grain, self.contrast)


def dots(alpha: Values, grain: Field, contrast: float) -> Field:
    """Split a soft coverage into dots by a grain; a contrast of 0 leaves it soft."""
    if not contrast:
        return np.asarray(np.clip(np.broadcast_to(alpha, grain.shape), 0, 1), np.float32)
    return np.asarray(np.clip((alpha - grain) * contrast + 0.5, 0, 1), np.float32)


class Canvas:
    """Planes of red, green and blue from 0 to 1, shape `(3, height, width)`.

    Args:
        width: Pixels across.
        height: Pixels down.
        rng: Source of the grain.
        shading: `dots` of even grain, `ordered` dots, or `smooth`.
        tick: Called after each band; may raise to stop the painting.
    """

    def __init__(
        self,
        width: int,
        height: int,
        rng: np.random.Generator,
        tick: Callable[[], None],
        *,
        shading: str = "dots",
    ) -> None:
        """Take a blank sheet."""
        self.width = width
        self.height = height
        self.unit = min(width, height)
        self.tick = tick
        self.planes = np.zeros((3, height, width), np.float32)
        self._contrast = {"dots": 5.0, "ordered": 99.0, "smooth": 0.0}[shading]
        tile = (
            ordered_tile() if shading == "ordered" else grain_tile(rng, max(1.0, self.unit / 900))
        )
        self._grain = np.tile(tile, (1, width // TILE + 1))[:, :width]
        self._x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width

    def bands(self, top: float = 0, bottom: float | None = None) -> Iterator[Band]:
        """Walk over the rows from `top` to `bottom`; each step is a point to stop at."""
        end = self.height if bottom is None else min(self.height, int(np.ceil(bottom)))
        for start in range(max(0, int(top)) // BAND * BAND, end, BAND):
            yield self.band(start)
            self.tick()

    def band(self, start: int) -> Band:
        """The band that begins at row `start`, a multiple of `BAND`."""
        stop = min(start + BAND, self.height)
        y = np.arange(start, stop, dtype=np.float32)[:, None] + np.float32(0.5)
        grain = self._grain[start % TILE : start % TILE + stop - start]
        return Band(start, stop, y, self._x, grain, self._contrast)

    def over(self, band: Band, ink: Ink, alpha: Values) -> None:
        """Lay one ink over a band where `alpha` is 1."""
        for plane, value in zip(self.planes, ink, strict=True):
            rows = plane[band.start : band.stop]
            rows += (value - rows) * alpha

    def lay(
        self,
        ink: Ink,
        cover: Callable[[Band], Values],
        top: float = 0,
        bottom: float | None = None,
    ) -> None:
        """Print one ink over all rows from `top` to `bottom`."""
        for band in self.bands(top, bottom):
            self.over(band, ink, cover(band))

    def stamp(self, ink: Ink, mask: Values, left: int, top: int) -> None:
        """Print one ink through a small mask whose corner lies at `left`, `top`."""
        height, width = mask.shape
        x0, x1 = max(0, left), min(self.width, left + width)
        y0, y1 = max(0, top), min(self.height, top + height)
        if x0 >= x1:
            return
        for start in range(y0, y1, BAND):
            stop = min(start + BAND, y1)
            part = mask[start - top : stop - top, x0 - left : x1 - left]
            for plane, value in zip(self.planes, ink, strict=True):
                area = plane[start:stop, x0:x1]
                area += (value - area) * part
            self.tick()

    def stipple_at(self, alpha: Values, left: int, top: int) -> Field:
        """Stipple a small mask whose corner lies at `left`, `top`."""
        rows = (np.arange(alpha.shape[0]) + top) % TILE
        columns = (np.arange(alpha.shape[1]) + left) % TILE % self._grain.shape[1]
        return dots(alpha, self._grain[rows][:, columns], self._contrast)
