"""The finish: what makes a picture a poster, a linocut, an ink drawing, pixel art."""

from collections.abc import Callable
from functools import partial

import numpy as np

from mediatoolkit.synthesis.painting import wet
from mediatoolkit.synthesis.painting.canvas import BAND, Band, Ink
from mediatoolkit.synthesis.painting.inks import COLOURS, PAPER, ink, mix
from mediatoolkit.synthesis.painting.texture import Field, Noise, smooth, wander
from mediatoolkit.synthesis.painting.view import View

Step = tuple[str, Callable[[], None]]

_INK = ink("191b24")
_SECOND = {"sunset": "e0914a", "dawn": "e8a878", "night": "5f86b8"}
"""The linocut's flat colour by time of day."""


def finish(view: View) -> list[Step]:
    """The last steps, by the style of the scene; the house style is the poster."""
    style = view.scene.style or "poster"
    work = {
        "poster": [("print", poster)],
        "linocut": [("carving", linocut), ("paper", margin)],
        "watercolour": [("wash", wet.watercolour), ("paper", margin)],
        "oil": [("brush", wet.oil)],
        "ink": [("ink", wash_drawing), ("paper", margin), ("seal", seal)],
        "pixel": [("pixels", few_colours)],
    }[style]
    return [(stage, partial(step, view)) for stage, step in work]


def grain_of(style: str) -> str:
    """How a canvas shades in this style: `dots`, `smooth` or `ordered`."""
    return {"": "dots", "poster": "dots", "pixel": "ordered"}.get(style, "smooth")


def poster(view: View) -> None:
    """Paper shows through in specks where the ink is worn."""
    canvas = view.canvas
    worn = Noise(view.rng("worn"), canvas.shape, view.unit * 0.5, octaves=3)

    def specks(band: Band) -> Field:
        thin = worn.rows(band.start, band.stop)
        return smooth(0.007, 0.0, band.grain + 0.012 * (1 - thin)) * 0.6

    canvas.lay(PAPER, specks)


def _tone(view: View, band: Band) -> Field:
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


def _range_of(view: View) -> tuple[float, float]:
    """The tones between which most of the picture lies."""
    sample = view.canvas.planes[:, ::7, ::7].mean(0)
    low, high = np.quantile(sample, (0.06, 0.9))
    return float(low), float(max(high, low + 0.2))


def _fill(view: View, band: Band, colour: Ink) -> None:
    view.canvas.over(band, colour, np.ones_like(band.grain))


def linocut(view: View) -> None:
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


def wash_drawing(view: View) -> None:
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


def seal(view: View) -> None:
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


def margin(view: View) -> None:
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


def few_colours(view: View) -> None:
    """Fewer steps per ink, as on an old screen."""
    canvas = view.canvas
    for band in canvas.bands():
        for plane in canvas.planes:
            rows = plane[band.start : band.start + BAND]
            rows[:] = np.round(np.clip((rows - 0.5) * 1.08 + 0.52, 0, 1) * 9) / 9
