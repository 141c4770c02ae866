"""A small picture of sound: its peaks, and within them how much is going on."""

from typing import TYPE_CHECKING, Any

from mediatoolkit.media.sound.arrays import mixed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

_INK = (84, 132, 204)  # seen on a white page and on a black one
_PEAK, _BODY = 0.5, 1.0


def draw(
    parts: "Iterable[tuple[int, npt.NDArray[np.float32]]]", frames: int, width: int, height: int
) -> "npt.NDArray[np.uint8]":
    """RGBA pixels, transparent around the wave; its largest peak touches the edge.

    Args:
        parts: Of the sound, at least one: each the frame at which it begins, and its samples
            `(frames, channels)`. Columns without any are drawn like the next one.
        frames: How many there are in all.
        width: Pixels.
        height: Pixels.
    """
    import numpy as np

    high, low, body = _columns(parts, frames, width)
    largest = max(high.max(), -low.min(), 1e-4)
    cover = np.maximum(
        _PEAK * _covered(high / largest, low / largest, height),
        _BODY * _covered(body / largest, -body / largest, height),
    )
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = _INK
    pixels[..., 3] = np.rint(cover * 255)
    return pixels


def _columns(parts: Any, frames: int, width: int) -> tuple[Any, Any, Any]:
    """The highest, the lowest and the usual sample in each column of the picture."""
    import numpy as np

    edges = np.linspace(0, frames, width + 1).astype(int)
    high, low = np.full(width, -np.inf), np.full(width, np.inf)
    energy, counts = np.zeros(width), np.zeros(width)
    for at, block in parts:
        mono, end = mixed(block), at + len(block)
        first = np.searchsorted(edges, at)
        first -= edges[first] > at
        touched = slice(first, np.searchsorted(edges[:-1], end))
        starts = np.maximum(edges[:-1][touched] - at, 0)
        high[touched] = np.maximum(high[touched], np.maximum.reduceat(mono, starts))
        low[touched] = np.minimum(low[touched], np.minimum.reduceat(mono, starts))
        energy[touched] += np.add.reduceat(mono.astype(np.float64) ** 2, starts)
        counts[touched] += np.diff(starts, append=len(mono))
    heard = np.flatnonzero(high >= low)
    drawn = heard[np.searchsorted(heard[:-1], np.arange(width))]
    body = np.sqrt(energy / np.maximum(counts, 1))
    return high[drawn], low[drawn], body[drawn]


def _covered(high: Any, low: Any, height: int) -> Any:
    """How much of each pixel lies between two curves, which are at least a thin line apart."""
    import numpy as np

    half = height / 2
    top = np.minimum(half - high * half, half - 0.5)
    bottom = np.maximum(half - low * half, half + 0.5)
    rows = np.arange(height)[:, None]
    return np.clip(np.minimum(bottom, rows + 1) - np.maximum(top, rows), 0, 1)
