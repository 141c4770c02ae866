"""The sheet that inks are printed on, band by band, its grain, and smooth noise."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Values = npt.NDArray[np.floating[Any]] | npt.NDArray[np.bool_]
"""What a field may be computed from."""

TILE = 256
"""Side of the grain tile in pixels; bands are a divisor of it high."""


def smooth(low: float, high: float, x: Values) -> Field:
    """Rise from 0 at `low` to 1 at `high` without a kink; falls when `low` is the larger."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def box_blur(field: Field, radius: int) -> Field:
    """Mean over a square of side `2 * radius + 1`, edges repeated."""
    if radius < 1:
        return field
    side = 2 * radius + 1
    for _ in range(2):
        padded = np.pad(field, [(radius + 1, radius), (0, 0)], mode="edge")
        total = np.cumsum(padded, axis=0, dtype=np.float64)
        field = ((total[side:] - total[:-side]) / side).astype(np.float32).T
    return field


def grain_tile(rng: np.random.Generator, size: float) -> Field:
    """A tile of even, fine grain.

    Args:
        rng: Source of randomness.
        size: Diameter of one grain in pixels, from 1.

    Returns:
        Array of shape `(TILE, TILE)` whose values are spread evenly over 0 to 1 and hold no
        large patches, so that a threshold prints an even stipple.
    """
    white = rng.random((TILE, TILE), dtype=np.float32)
    fine = _wrap_blur(white, 0.42 * size)
    speckle = fine - _wrap_blur(white, 1.6 * size)
    rank = np.empty(TILE * TILE, np.float32)
    rank[np.argsort(speckle, axis=None, kind="stable")] = np.linspace(
        0, 1, TILE * TILE, dtype=np.float32
    )
    return rank.reshape(TILE, TILE)


def ordered_tile() -> Field:
    """A tile of the 4 by 4 threshold matrix of old screens (Bayer 1973)."""
    matrix = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
    return np.tile((matrix + np.float32(0.5)) / np.float32(16), (TILE // 4, TILE // 4))


def _wrap_blur(tile: Field, sigma: float) -> Field:
    """Gaussian blur of a tile that repeats."""
    reach = int(3 * sigma + 1)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma * sigma)).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        blurred = np.zeros_like(tile)
        for shift, tap in enumerate(taps, -reach):
            blurred += tap * np.roll(tile, shift, axis)
        tile = blurred
    return tile


def _spline(
    length: int, cell: float, offset: float
) -> tuple[npt.NDArray[np.intp], list[Field], int]:
    """Grid index and the four cubic B-spline weights of every pixel of one axis."""
    at = (np.arange(length, dtype=np.float64) / cell) + offset
    index = np.floor(at).astype(np.intp)
    t = (at - index).astype(np.float32)
    weights = [
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    ]
    return index, [np.asarray(w, np.float32) for w in weights], int(index[-1]) + 4


class Noise:
    """A smooth random field over a canvas: value noise in octaves, values 0 to 1.

    Args:
        rng: Source of randomness.
        shape: Height and width of the canvas in pixels.
        cell: Size of the largest lumps in pixels.
        octaves: How many times finer lumps are added, each half as large.
        gain: Strength of one octave relative to the one before.
        stretch: How much wider than tall the lumps are.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        cell: float,
        *,
        octaves: int = 4,
        gain: float = 0.5,
        stretch: float = 1.0,
    ) -> None:
        """Draw the grids of all octaves."""
        height, width = shape
        self._width = width
        self._octaves = []
        power, amplitude = 0.0, 1.0
        for octave in range(octaves):
            size = max(cell / 2**octave, 1.0)
            rows, row_weights, grid_height = _spline(height, size, rng.random())
            columns, column_weights, grid_width = _spline(width, size * stretch, rng.random())
            grid = rng.random((grid_height, grid_width), dtype=np.float32) - np.float32(0.5)
            wide = sum(
                grid[:, columns + k] * weight for k, weight in enumerate(column_weights)
            ) * np.float32(amplitude)
            self._octaves.append((rows, row_weights, np.asarray(wide, np.float32)))
            power += amplitude**2
            amplitude *= gain
        # One spline octave deviates by 0.138; the sum is scaled to deviate by 0.2.
        self._scale = np.float32(0.2 / 0.138 / power**0.5)

    def rows(self, start: int, stop: int) -> Field:
        """The field in canvas rows `start` to `stop`, shape `(stop - start, width)`."""
        total = np.zeros((stop - start, self._width), np.float32)
        for rows, weights, wide in self._octaves:
            for k, weight in enumerate(weights):
                total += wide[rows[start:stop] + k] * weight[start:stop, None]
        return np.asarray(np.clip(total * self._scale + np.float32(0.5), 0, 1), np.float32)


def wander(rng: np.random.Generator, length: int, cell: float, *, octaves: int = 6) -> Field:
    """A smooth random line of `length` values, 0 to 1, with bends about `cell` long."""
    line = Noise(rng, (1, length), cell, octaves=octaves).rows(0, 1)
    return np.asarray(line[0], np.float32)


PAPER = 0.94
"""Tone of a sheet before anything is printed on it; a picture covers all of it."""

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
        self.planes = np.full((3, height, width), PAPER, np.float32)
        self._contrast = {"dots": 5.0, "ordered": 99.0, "smooth": 0.0}[shading]
        tile = (
            ordered_tile() if shading == "ordered" else grain_tile(rng, max(1.0, self.unit / 900))
        )
        self._grain = np.tile(tile, (1, width // TILE + 1))[:, :width]
        self._x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)

    def upper(self, height: int) -> "Canvas":
        """The upper rows as a sheet of its own; what is printed there is printed here."""
        part = copy(self)
        part.height, part.unit = height, min(self.width, height)
        part.planes = self.planes[:, :height]
        return part

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

    def windows(self, reach: int) -> Iterator[tuple[Band, int, Field]]:
        """Walk over all rows, with a copy of what was printed about them.

        Args:
            reach: How many rows more a window has on each side.

        Yields:
            A band, the first row of its window, and the window as planes.
        """
        above = self.planes[:, :0]
        for band in self.bands():
            first = band.start - above.shape[1]
            below = self.planes[:, band.start : band.stop + reach]
            window = np.concatenate([above, below], axis=1)
            yield band, first, window
            above = window[:, max(0, band.stop - first - reach) : band.stop - first]

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
