"""The finish: what makes a picture a poster, a linocut, an ink drawing, a wash, pixel art."""

from functools import partial

import numpy as np

from mediatoolkit.synthesis.painting.canvas import (
    BAND,
    Band,
    Canvas,
    Field,
    Ink,
    Noise,
    box_blur,
    smooth,
    wander,
)
from mediatoolkit.synthesis.painting.palettes import COLOURS, PAPER, ink, mix
from mediatoolkit.synthesis.painting.setting import SceneView, Step

_INK = ink("191b24")
_SECOND = {"sunset": "e0914a", "dawn": "e8a878", "night": "5f86b8"}
"""The linocut's flat colour by time of day."""


def finish(view: SceneView) -> list[Step]:
    """The last steps, by the style of the scene; the house style is the poster."""
    style = view.scene.style or "poster"
    steps = {
        "poster": [("print", poster)],
        "linocut": [("carving", linocut), ("paper", margin)],
        "watercolour": [("wash", watercolour), ("paper", margin)],
        "oil": [("brush", oil)],
        "ink": [("ink", wash_drawing), ("paper", margin), ("seal", seal)],
        "pixel": [("pixels", few_colours)],
    }[style]
    return [(step, partial(work, view)) for step, work in steps]


def grain_of(style: str) -> str:
    """How a canvas shades in this style: `dots`, `smooth` or `ordered`."""
    return {"": "dots", "poster": "dots", "pixel": "ordered"}.get(style, "smooth")


def poster(view: SceneView) -> None:
    """Paper shows through in specks where the ink is worn."""
    canvas = view.canvas
    worn = Noise(view.rng("worn"), canvas.shape, view.unit * 0.5, octaves=3)

    def specks(band: Band) -> Field:
        thin = worn.rows(band.start, band.stop)
        return smooth(0.007, 0.0, band.grain + 0.012 * (1 - thin)) * 0.6

    canvas.lay(PAPER, specks)


def _tone(view: SceneView, band: Band) -> Field:
    """Lightness of a band, 0 to 1."""
    red, green, blue = (plane[band.start : band.stop] for plane in view.canvas.planes)
    return np.asarray(0.3 * red + 0.59 * green + 0.11 * blue, np.float32)


def _like(planes: Field, colour: Ink | None) -> Field:
    """Where a band has the hue of a colour, 0 to 1."""
    if colour is None or np.ptp(colour) < 0.2:
        return np.zeros(planes.shape[1:], np.float32)
    hue = (colour - colour.mean()) / np.linalg.norm(colour - colour.mean())
    grey = planes.mean(0)
    vivid = sum((plane - grey) * part for plane, part in zip(planes, hue, strict=True))
    size = np.sqrt(sum((plane - grey) ** 2 for plane in planes)) + np.float32(1e-3)
    return smooth(0.9, 0.96, vivid / size) * smooth(0.1, 0.2, vivid)


def _range_of(view: SceneView) -> tuple[float, float]:
    """The tones between which most of the picture lies."""
    sample = view.canvas.planes[:, ::7, ::7].mean(0)
    low, high = np.quantile(sample, (0.06, 0.9))
    return float(low), float(max(high, low + 0.2))


def _fill(view: SceneView, band: Band, colour: Ink) -> None:
    view.canvas.over(band, colour, np.ones_like(band.grain))


def linocut(view: SceneView) -> None:
    """A black key block over one flat colour; tone is cut as lines of changing width."""
    canvas = view.canvas
    rng = view.rng("carving")
    bend = Noise(rng, canvas.shape, view.unit * 0.3, octaves=2)
    chatter = Noise(rng, canvas.shape, view.unit * 0.02, octaves=2, stretch=3)
    period = max(4.0, view.unit / 88)
    named = [COLOURS[c] for c in view.scene.colours]
    low, high = _range_of(view)
    coloured = [t.colour for t in view.scene.things if t.colour]
    figure = COLOURS[coloured[0]] if coloured else None
    second = named[0] if named else ink(_SECOND.get(view.scene.time, "6fa3a8"))
    for band in canvas.bands():
        tone = np.clip((_tone(view, band) - low) / (high - low), 0, 1) * np.float32(0.9)
        chroma = np.max(canvas.planes[:, band.start : band.stop], 0) - np.min(
            canvas.planes[:, band.start : band.stop], 0
        )
        rough = chatter.rows(band.start, band.stop) - 0.5
        wave = (
            band.y / period + (bend.rows(band.start, band.stop) - 0.5) * view.unit * 0.28 / period
        )
        groove = 0.5 + 0.5 * np.cos(wave * np.float32(2 * np.pi))
        own = _like(canvas.planes[:, band.start : band.stop], figure)
        tone = np.clip(tone + 0.5 * own, 0, 0.8)
        depth = smooth(0.16, 0.66, tone + rough * 0.14)
        cut = np.clip((depth * 1.12 - groove) * period * 0.42 + 0.5, 0, 1)
        cut *= smooth(0.1, 0.16, tone + rough * 0.05)
        cut = np.maximum(cut, smooth(0.72, 0.8, tone + rough * 0.1))
        under = smooth(0.12, 0.2, chroma) * smooth(0.9, 0.8, tone)
        _fill(view, band, PAPER)
        canvas.over(band, second, under)
        if figure is not None:
            canvas.over(band, figure, own)
        canvas.over(band, _INK, 1 - cut)
        canvas.over(band, PAPER, smooth(0.012, 0.004, band.grain) * 0.8)


def wash_drawing(view: SceneView) -> None:
    """Four dilutions of black ink that soak into paper."""
    canvas = view.canvas
    soak = Noise(view.rng("soak"), canvas.shape, view.unit * 0.12, octaves=5)
    for band in canvas.bands():
        dark = np.clip(1.22 * (1 - _tone(view, band)) - 0.04, 0, 1)
        lumps = soak.rows(band.start, band.stop) - 0.5
        wet_dark = dark + 0.16 * lumps
        wash = sum(0.22 * smooth(low, low + 0.07, wet_dark) for low in (0.24, 0.42, 0.58, 0.74))
        wash = np.asarray(wash * (0.94 + 0.22 * lumps), np.float32) + 0.12 * smooth(0.8, 0.9, dark)
        colours = [np.array(p[band.start : band.stop]) for p in canvas.planes]
        red = smooth(0.2, 0.4, colours[0] - 0.5 * colours[1] - 0.5 * colours[2])
        _fill(view, band, mix(PAPER, ink("e8dcc0"), 0.35))
        canvas.over(band, ink("b5382a"), 0.5 * red)
        canvas.over(band, _INK, np.clip(wash, 0, 1))


def seal(view: SceneView) -> None:
    """A red seal in a lower corner, where Far Eastern ink drawings are signed."""
    canvas, rng = view.canvas, view.rng("seal")
    side = max(4, round(view.unit * 0.055))
    mark = np.ones((side, side), np.float32)
    thin = max(1, side // 9)
    for at in range(2 * thin, side - 2 * thin, 2 * thin):
        start = int(rng.integers(thin, side // 2))
        mark[at : at + thin, start : side - thin * int(rng.integers(1, 4))] = 0
    left = (
        round(canvas.width * 0.9 - side)
        if view.light[0] < canvas.width / 2
        else round(canvas.width * 0.1)
    )
    canvas.stamp(ink("b5382a"), mark * np.float32(0.92), left, round(canvas.height * 0.9 - side))


def margin(view: SceneView) -> None:
    """Bare paper around the picture, with an uneven edge."""
    canvas, rng = view.canvas, view.rng("margin")
    edge = view.unit * 0.035

    def uneven(length: int) -> Field:
        fine = wander(rng, length, view.unit * 0.05, octaves=4) - 0.5
        return np.asarray(edge + view.unit * 0.012 * fine, np.float32)

    left, right = uneven(canvas.height), uneven(canvas.height)
    top, bottom = uneven(canvas.width), uneven(canvas.width)

    def bare(band: Band) -> Field:
        rows = np.s_[band.start : band.stop, None]
        inside = np.minimum(band.x - left[rows], canvas.width - band.x - right[rows])
        inside = np.minimum(inside, np.minimum(band.y - top, canvas.height - band.y - bottom))
        return np.asarray(np.clip(0.5 - inside, 0, 1), np.float32)

    canvas.lay(PAPER, bare)


def few_colours(view: SceneView) -> None:
    """Fewer steps per ink, as on an old screen."""
    canvas = view.canvas
    for band in canvas.bands():
        for plane in canvas.planes:
            rows = plane[band.start : band.start + BAND]
            rows[:] = np.round(np.clip((rows - 0.5) * 1.08 + 0.52, 0, 1) * 9) / 9


def watercolour(view: SceneView) -> None:
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


def _waver(view: SceneView, rng: np.random.Generator) -> None:
    """Move every outline a little, as a wet brush does."""
    canvas = view.canvas
    across = Noise(rng, canvas.shape, view.unit * 0.05, octaves=4)
    down = Noise(rng, canvas.shape, view.unit * 0.05, octaves=4)
    far = view.unit * 0.022
    columns = np.arange(canvas.width)
    for band, first, before in canvas.windows(round(far)):
        rows = np.arange(band.start, band.stop)[:, None]
        y = rows + ((down.rows(band.start, band.stop) - 0.5) * far).astype(np.intp)
        x = columns + ((across.rows(band.start, band.stop) - 0.5) * far).astype(np.intp)
        y, x = np.clip(y, 0, canvas.height - 1) - first, np.clip(x, 0, canvas.width - 1)
        for plane, source in zip(canvas.planes, before, strict=True):
            plane[band.start : band.stop] = source[y, x]


def _edges(view: SceneView) -> Field:
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


def oil(view: SceneView) -> None:
    """Strokes along the forms, with the ridges that bristles leave."""
    canvas, rng = view.canvas, view.rng("brush")
    step_x, step_y = _flow(view, rng)
    bristles = rng.random(canvas.shape, dtype=np.float32)
    canvas.tick()
    coarse = Noise(rng, canvas.shape, view.unit * 0.03, octaves=2)
    stride = view.unit / 420
    for band, first, before in canvas.windows(round(3 * stride) + 2):
        rows = np.s_[band.start : band.stop]
        along = _doubled(step_x, band), _doubled(step_y, band)
        ridge = _along(bristles, band, along, reach=7, stride=1.6) - 0.5
        tint = (coarse.rows(band.start, band.stop) - 0.5) * 0.1
        light = np.clip(ridge * 0.85 + tint, -0.16, 0.16)
        for plane, source in zip(canvas.planes, before, strict=True):
            smear = _along(source, band, along, reach=3, stride=stride, first=first)
            paint = np.clip(smear * (1 + light * 1.15) + light * 0.12, 0, 1)
            plane[rows] = np.round(paint * 63) / 63  # finer steps would only swell the file


def _flow(view: SceneView, rng: np.random.Generator) -> tuple[Field, Field]:
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
    source: Field,
    band: Band,
    steps: tuple[Field, Field],
    *,
    reach: int,
    stride: float,
    first: int = 0,
) -> Field:
    """Mean of the source, whose first row is *first*, along the flow through a band's pixels."""
    height, width = source.shape
    step_x, step_y = steps
    total = np.zeros_like(step_x)
    for k in range(-reach, reach + 1):
        x = np.clip(band.x + step_x * np.float32(k * stride), 0, width - 1).astype(np.intp)
        y = np.clip(band.y + step_y * np.float32(k * stride) - first, 0, height - 1).astype(np.intp)
        total += source[y, x]
    return np.asarray(total / (2 * reach + 1), np.float32)
