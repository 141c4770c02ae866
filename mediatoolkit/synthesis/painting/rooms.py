"""Indoors and close up: a table, a wall, a branch, a portrait's ground."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band, Field, Ink, Noise, smooth, wander
from mediatoolkit.synthesis.painting.land import below
from mediatoolkit.synthesis.painting.palettes import COLOURS, WARM_WHITE, ink, mix
from mediatoolkit.synthesis.painting.setting import SceneView

TABLE = 0.66
"""Height of the far edge of a table, as a share of the picture's height from the top."""
WALL = 0.6
BRANCH = 0.68


def backdrop(view: SceneView) -> None:
    """A quiet wall of one ink, lighter where the light falls."""
    canvas, inks = view.canvas, view.inks
    base = mix(inks.middle, WARM_WHITE, 0.25 if not view.night else 0)
    canvas.lay(base, lambda b: np.ones_like(b.grain))
    x, y = canvas.width * 0.5, canvas.height * 0.42
    reach = view.unit * 0.75

    def pool(band: Band) -> Field:
        far = np.hypot(band.x - x, band.y - y) / reach
        return band.stipple(0.85 * smooth(1.0, 0.25, far))

    canvas.lay(mix(base, inks.low, 0.6), pool)
    _plain_disc(view)


def _plain_disc(view: SceneView) -> None:
    """A flat disc behind the figure, as posters have it."""
    canvas = view.canvas
    x, y, radius = canvas.width * 0.5, canvas.height * 0.44, view.unit * 0.34
    colour = mix(view.inks.disc, view.inks.low, 0.25)
    canvas.lay(
        colour,
        lambda b: np.clip(radius - np.hypot(b.x - x, b.y - y) + 0.5, 0, 1),
        y - radius - 1,
        y + radius + 1,
    )


def table(view: SceneView) -> None:
    """A table top across the lower third, with a lit edge."""
    canvas = view.canvas
    top = canvas.height * TABLE
    wood = _tinted(view, "table", ink("a8683c"))
    canvas.lay(wood, lambda b: np.clip(b.y - top, 0, 1) * np.ones_like(b.grain), top)
    boards = Noise(view.rng("table"), canvas.shape, view.unit * 0.05, octaves=3, stretch=14)

    def veins(band: Band) -> Field:
        field = boards.rows(band.start, band.stop)
        return (band.y > top) * smooth(0.63, 0.66, field) * 0.6

    def near(band: Band) -> Field:
        return (band.y > top) * band.stipple(
            0.75 * smooth(0.2, 1.1, (band.y - top) / (canvas.height - top))
        )

    canvas.lay(mix(wood, view.inks.line, 0.3), veins, top)
    canvas.lay(mix(wood, view.inks.line, 0.45), near, top)
    edge = view.unit * 0.008

    def lit_edge(band: Band) -> Field:
        return np.asarray((band.y > top) * np.clip(top + edge - band.y, 0, 1), np.float32)

    canvas.lay(mix(wood, WARM_WHITE, 0.45), lit_edge, top, top + edge + 1)


def _tinted(view: SceneView, name: str, usual: Ink) -> Ink:
    colour = view.scene.tints.get(name)
    base = COLOURS[colour] if colour else usual
    return mix(base, view.inks.middle, 0.35 if view.night else 0.05)


def wall(view: SceneView) -> None:
    """A garden wall of large stones to stand on."""
    canvas, rng = view.canvas, view.rng("wall")
    top = canvas.height * WALL
    stone = _tinted(view, "wall", ink("c9a88a"))
    joint = mix(stone, view.inks.line, 0.3)
    cap = view.unit * 0.06
    canvas.lay(stone, lambda b: np.clip(b.y - top, 0, 1) * np.ones_like(b.grain), top)
    course, long = view.unit * 0.085, view.unit * 0.2
    shifts = rng.random(64).astype(np.float32) * long

    def joints(band: Band) -> Field:
        down = band.y - top - cap
        row = np.clip(down / course, 0, 63).astype(np.intp)
        across = (band.x + shifts[row]) % long
        thin = view.unit * 0.004
        level = np.minimum(down % course, course - down % course)
        lines = np.minimum(np.abs(across - long / 2), level)
        return np.asarray((down > 0) * np.clip(thin - lines + 0.5, 0, 1), np.float32)

    def shade(band: Band) -> Field:
        t = (band.y - top - cap) / (canvas.height - top)
        return (t > 0) * band.stipple(0.25 + 0.6 * smooth(0.1, 1.0, t)) * 0.6

    canvas.lay(joint, joints, top)
    canvas.lay(mix(stone, view.inks.line, 0.35), shade, top)
    canvas.lay(
        mix(stone, view.inks.line, 0.5),
        lambda b: (b.y > top + cap) * np.clip(top + cap * 1.25 - b.y, 0, 1) * np.ones_like(b.grain),
        top,
        top + cap * 1.3,
    )
    canvas.lay(mix(stone, WARM_WHITE, 0.4), lambda b: (b.y > top) * np.clip(top + cap - b.y, 0, 1)
               * np.ones_like(b.grain), top, top + cap)  # fmt: skip


def branch(view: SceneView) -> None:
    """A branch from one side to the other, with a few twigs and leaves."""
    canvas, rng, inks = view.canvas, view.rng("branch"), view.inks
    bark = mix(ink("5a3a2a"), inks.line, 0.3 if view.night else 0.15)
    bend = (wander(rng, canvas.width, canvas.width * 0.4, octaves=3) - 0.5) * view.unit * 0.03
    middle = canvas.height * BRANCH + view.unit * 0.028 + bend
    thick = np.linspace(0.036, 0.016, canvas.width, dtype=np.float32) * view.unit

    def limb(band: Band) -> Field:
        return np.asarray(np.clip(thick - np.abs(band.y - middle) + 0.5, 0, 1), np.float32)

    reach = view.unit * 0.1
    canvas.lay(bark, limb, float(middle.min()) - reach, float(middle.max()) + reach)
    canvas.lay(mix(bark, inks.low, 0.3), lambda b: limb(b) * b.stipple(
        0.7 * smooth(0.1, -1.0, (b.y - middle) / thick)), float(middle.min()) - reach,
        float(middle.max()) + reach)  # fmt: skip
    leaf_ink = mix(inks.near, ink("4f8a48"), 0.45 if view.night else 0.75)
    for _ in range(22):
        at = rng.random() * canvas.width
        size = view.unit * rng.uniform(0.035, 0.06)
        down = rng.choice([-1.0, 1.0], p=[0.25, 0.75])
        leaf = _leaf(size, rng.uniform(-0.8, 0.8), down)
        root = float(middle[int(at)]) + down * float(thick[int(at)]) * 0.6
        top = root if down > 0 else root - leaf.shape[0]
        canvas.stamp(mix(leaf_ink, inks.low, 0.18 * rng.random()), leaf,
                     int(at) - leaf.shape[1] // 2, int(top))  # fmt: skip


def _leaf(size: float, lean: float, down: float) -> Field:
    reach = int(size) + 1
    y = np.linspace(0, 1, reach, dtype=np.float32)[:: int(down), None]
    x = np.arange(-reach, reach + 1, dtype=np.float32)[None, :] - lean * size * y**1.5
    half = size * 0.26 * np.sin(np.pi * y**0.8)
    return np.asarray(np.clip(half - np.abs(x) + 0.5, 0, 1), np.float32)


def moon_ground(view: SceneView) -> None:
    """The surface of a moon with craters."""
    canvas, rng, inks = view.canvas, view.rng("craters"), view.inks
    x = np.arange(canvas.width) / canvas.width - 0.5
    line = view.horizon + view.unit * (
        0.5 * x**2 + 0.02 * (wander(rng, canvas.width, view.unit * 0.2) - 0.5)
    )
    dust = ink("b9b3ac")
    dark = mix(dust, inks.top, 0.62)
    canvas.lay(dust, below(line), float(line.min()))

    def near_side(band: Band) -> Field:
        t = (band.y - line) / (canvas.height - view.horizon)
        return below(line)(band) * band.stipple(0.85 * smooth(0.05, 1.1, t))

    canvas.lay(dark, near_side, float(line.min()))
    for near in np.sort(rng.random(16)):
        cx = rng.random() * canvas.width
        cy = view.horizon + view.unit * 0.07 + (canvas.height - view.horizon) * 0.92 * near
        rx = view.unit * (0.025 + 0.085 * near * rng.uniform(0.5, 1.2))
        _crater(view, cx, cy, rx, rx * (0.26 + 0.16 * near))


def _crater(view: SceneView, cx: float, cy: float, rx: float, ry: float) -> None:
    canvas = view.canvas
    h, w = int(ry * 1.3) + 2, int(rx * 1.3) + 2
    y, x = np.mgrid[-h : h + 1, -w : w + 1].astype(np.float32)
    far = np.hypot(x / rx, y / ry)
    edge = max(rx / 1.5, 1)
    bowl = np.clip((1 - far) * edge, 0, 1)
    rim = np.clip((1.16 - far) * edge, 0, 1) * smooth(-0.2, 0.7, y / ry)
    inner = bowl * smooth(0.35, -0.35, y / ry + 0.2 * x / rx)
    left, top = int(cx) - w, int(cy) - h
    canvas.stamp(ink("e2ddd2"), rim, left, top)
    canvas.stamp(ink("8f8b90"), bowl, left, top)
    canvas.stamp(ink("4c4a58"), inner.astype(np.float32), left, top)
