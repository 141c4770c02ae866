"""Grain and smooth noise, sampled one band of rows at a time."""

from typing import Any

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Values = npt.NDArray[np.floating[Any]] | npt.NDArray[np.bool_]
"""What may be given where a field is computed from."""

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
