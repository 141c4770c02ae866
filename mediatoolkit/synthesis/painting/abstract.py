"""Abstract pictures: bands of ink that roll like waves under a disc."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band, Field, Ink, smooth, wander
from mediatoolkit.synthesis.painting.land import below
from mediatoolkit.synthesis.painting.palettes import COLOURS, PAPER, ink, lightness, mix
from mediatoolkit.synthesis.painting.setting import SceneView


def colours(view: SceneView) -> list[Ink]:
    """The prompt's colours, each in a darker and a lighter tone, or those of the mood."""
    named = [COLOURS[c] for c in (*view.scene.colours, *view.scene.tints.values())]
    if not named:
        inks = view.inks
        named = [inks.top, inks.disc, inks.middle, ink("d8523a")]
    tones = []
    for colour in named:
        tones += [mix(colour, ink("14183a"), 0.45), colour, mix(colour, PAPER, 0.5)]
    return tones


def waves(view: SceneView) -> None:
    """Nine rolling bands, the lowest in front, thin pale lines along their crests."""
    canvas, rng = view.canvas, view.rng("abstract")
    tones = colours(view)
    paper = mix(PAPER, tones[2], 0.15)
    canvas.lay(paper, lambda b: np.ones_like(b.grain))
    _sun(view, rng, tones)
    order = rng.permutation(len(tones))
    count, before = 8, paper
    for index in range(count):
        t = index / (count - 1)
        line = _swell(rng, canvas.width, view.unit, t) + canvas.height * (0.34 + 0.6 * t)
        colour = tones[order[index % len(tones)]]
        if abs(lightness(colour) - lightness(before)) < 0.08:
            colour = mix(colour, PAPER if lightness(before) < 0.5 else ink("14183a"), 0.35)
        _band(view, line, colour, tones[order[(index + 1) % len(tones)]])
        before = colour


def _swell(rng: np.random.Generator, width: int, unit: int, t: float) -> Field:
    """A crest that leans to one side."""
    x = np.arange(width) / unit
    phase = rng.random() * 6.3
    wave = np.sin(x * (3.2 + 1.2 * t) + phase + 0.9 * np.sin(x * 1.7 + phase))
    drift = wander(rng, width, unit * 0.8, octaves=1) - 0.5
    return np.asarray((wave * (0.055 + 0.035 * t) + drift * 0.14) * unit, np.float32)


def _band(view: SceneView, line: Field, colour: Ink, other: Ink) -> None:
    canvas, top = view.canvas, float(line.min())
    crest = view.unit * 0.009
    canvas.lay(colour, below(line), top)

    def fade(band: Band) -> Field:
        return below(line)(band) * band.stipple(
            0.8 * smooth(view.unit * 0.02, view.unit * 0.3, band.y - line)
        )

    def edge(band: Band) -> Field:
        inside = np.clip(band.y - line - crest * 1.6, 0, 1)
        return np.asarray(inside * np.clip(line + crest * 2.5 - band.y, 0, 1), np.float32)

    canvas.lay(mix(colour, other, 0.55), fade, top)
    canvas.lay(mix(colour, PAPER, 0.75), edge, top, float(line.max()) + crest * 4)


def _sun(view: SceneView, rng: np.random.Generator, tones: list[Ink]) -> None:
    canvas = view.canvas
    x, y = canvas.width * rng.uniform(0.3, 0.7), canvas.height * 0.3
    radius = view.unit * 0.21
    bright = max(tones, key=lambda c: float(c[0] - c[2]))

    def disc(band: Band) -> Field:
        return np.asarray(
            np.clip(radius - np.hypot(band.x - x, band.y - y) + 0.5, 0, 1), np.float32
        )

    canvas.lay(bright, disc, y - radius - 1, y + radius + 1)
    canvas.lay(
        mix(bright, ink("d8523a"), 0.35),
        lambda b: disc(b) * b.stipple(0.8 * smooth(-radius, radius * 1.1, b.y - y)),
        y - radius - 1,
        y + radius + 1,
    )
