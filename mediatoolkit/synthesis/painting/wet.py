"""Wet finishes: watercolour and oil."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import BAND, Band, Canvas
from mediatoolkit.synthesis.painting.inks import PAPER
from mediatoolkit.synthesis.painting.texture import Field, Noise, box_blur, smooth
from mediatoolkit.synthesis.painting.view import View


def watercolour(view: View) -> None:
    """Pigment that runs to the edge of each wash, settles in the paper and leaves it in places."""
    canvas, rng = view.canvas, view.rng("wash")
    _waver(view, rng)
    edge = _edges(view)
    pool = Noise(rng, canvas.shape, view.unit * 0.22, octaves=5, gain=0.6)
    tooth = Noise(rng, canvas.shape, max(2.0, view.unit / 260), octaves=2)
    for band in canvas.bands():
        settle = pool.rows(band.start, band.stop) - 0.5
        paper = tooth.rows(band.start, band.stop) - 0.5
        strength = 0.84 + 0.62 * settle + 0.16 * paper + _doubled(edge, band)
        bloom = 0.45 * smooth(0.18, 0.32, settle)
        for plane, bare in zip(canvas.planes, PAPER, strict=True):
            rows = plane[band.start : band.stop]
            density = np.clip(bare - rows, -0.02, 1) * strength * (1 - bloom)
            rows[:] = np.clip(bare - density - 0.015 * np.abs(paper), 0, 1)


def _waver(view: View, rng: np.random.Generator) -> None:
    """Move every outline a little, as a wet brush does."""
    canvas = view.canvas
    across = Noise(rng, canvas.shape, view.unit * 0.05, octaves=4)
    down = Noise(rng, canvas.shape, view.unit * 0.05, octaves=4)
    far = view.unit * 0.022
    columns, source = np.arange(canvas.width), canvas.planes.copy()
    for band in canvas.bands():
        rows = np.arange(band.start, band.stop)[:, None]
        y = rows + ((down.rows(band.start, band.stop) - 0.5) * far).astype(np.intp)
        x = columns + ((across.rows(band.start, band.stop) - 0.5) * far).astype(np.intp)
        y, x = np.clip(y, 0, canvas.height - 1), np.clip(x, 0, canvas.width - 1)
        for plane, before in zip(canvas.planes, source, strict=True):
            plane[band.start : band.stop] = before[y, x]


def _edges(view: View) -> Field:
    """Where pigment gathers: on the darker side of each edge, at half the size."""
    tone = _half_tone(view.canvas)
    blurred = _blur(view.canvas, tone, max(1, round(view.unit / 460)))
    return np.asarray(np.clip((blurred - tone) * 3.2, -0.05, 0.4), np.float32)


def _half_tone(canvas: Canvas) -> Field:
    """Lightness of every other pixel of every other row."""
    red, green, blue = canvas.planes[:, ::2, ::2]
    canvas.tick()
    return np.asarray(0.3 * red + 0.59 * green + 0.11 * blue, np.float32)


def _blur(canvas: Canvas, tone: Field, radius: int) -> Field:
    for _ in range(2):
        tone = box_blur(tone, radius)
        canvas.tick()
    return tone


def _doubled(half: Field, band: Band) -> Field:
    """The rows of a band out of a field of half the size."""
    rows = half[band.start // 2 : (band.stop + 1) // 2].repeat(2, 0)[: band.stop - band.start]
    return np.asarray(rows.repeat(2, 1)[:, : band.grain.shape[1]], np.float32)


def oil(view: View) -> None:
    """Strokes along the forms, with the ridges that bristles leave."""
    canvas, rng = view.canvas, view.rng("brush")
    step_x, step_y = _flow(view, rng)
    bristles = rng.random(canvas.shape, dtype=np.float32)
    canvas.tick()
    source = canvas.planes.copy()
    coarse = Noise(rng, canvas.shape, view.unit * 0.03, octaves=2)
    for band in canvas.bands():
        rows = np.s_[band.start : band.stop]
        along = _doubled(step_x, band), _doubled(step_y, band)
        ridge = _along(bristles, band, along, reach=7, stride=1.6) - 0.5
        tint = (coarse.rows(band.start, band.stop) - 0.5) * 0.1
        light = np.clip(ridge * 0.85 + tint, -0.16, 0.16)
        for plane, before in zip(canvas.planes, source, strict=True):
            smear = _along(before, band, along, reach=3, stride=view.unit / 420)
            paint = np.clip(smear * (1 + light * 1.15) + light * 0.12, 0, 1)
            plane[rows] = np.round(paint * 63) / 63  # finer steps would only swell the file


def _flow(view: View, rng: np.random.Generator) -> tuple[Field, Field]:
    """Unit steps along the forms: beside edges parallel to them, elsewhere in slow swirls.

    The two fields have half the size of the canvas.
    """
    tone = _blur(view.canvas, _half_tone(view.canvas), max(1, round(view.unit / 260)))
    swirl = Noise(rng, tone.shape, view.unit * 0.17, octaves=2, stretch=1.6)
    weak = np.float32(4.9 / view.unit)
    step_x, step_y = np.empty_like(tone), np.empty_like(tone)
    for start in range(0, len(tone), BAND):
        stop = min(start + BAND, len(tone))
        above, under = max(0, start - 1), min(len(tone), stop + 1)
        across = np.gradient(tone[start:stop], axis=1)
        down = np.gradient(tone[above:under], axis=0)[start - above :][: stop - start]
        angle = (swirl.rows(start, stop) - 0.5) * 7
        x, y = weak * np.cos(angle) - down, weak * np.sin(angle) + across
        size = np.hypot(x, y) + np.float32(1e-6)
        step_x[start:stop], step_y[start:stop] = x / size, y / size
        view.canvas.tick()
    return step_x, step_y


def _along(
    source: Field, band: Band, steps: tuple[Field, Field], *, reach: int, stride: float
) -> Field:
    """Mean of the source at points along the flow through each pixel of a band."""
    height, width = source.shape
    step_x, step_y = steps
    total = np.zeros_like(step_x)
    for k in range(-reach, reach + 1):
        x = np.clip(band.x + step_x * np.float32(k * stride), 0, width - 1).astype(np.intp)
        y = np.clip(band.y + step_y * np.float32(k * stride), 0, height - 1).astype(np.intp)
        total += source[y, x]
    return np.asarray(total / (2 * reach + 1), np.float32)
