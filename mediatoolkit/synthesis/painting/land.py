"""Land: ridges in haze, ground, dunes, shores, rows of trees."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from mediatoolkit.synthesis.painting.canvas import Band, Field, Ink, Noise, Values, smooth, wander
from mediatoolkit.synthesis.painting.outlines import as_field
from mediatoolkit.synthesis.painting.palettes import WARM_WHITE, ink, mix
from mediatoolkit.synthesis.painting.setting import SceneView


def below(line: Values) -> Callable[[Band], Field]:
    """Coverage of everything under a line of rows, one per column."""
    edge = np.asarray(line, np.float32)

    def cover(band: Band) -> Field:
        return np.asarray(np.clip(band.y - edge + 0.5, 0, 1), np.float32)

    return cover


def lay_body(
    view: SceneView, line: Field, colour: Ink, haze: Ink, *, depth: float, strength: float
) -> None:
    """A land mass under `line` that fades into haze `depth` pixels down."""
    canvas = view.canvas
    top = float(line.min()) - 1
    cover = below(line)
    canvas.lay(colour, cover, top)

    def fade(band: Band) -> Field:
        deep = smooth(0, depth, band.y - line)
        return cover(band) * band.stipple(strength * deep)

    canvas.lay(haze, fade, top)


def ridges(view: SceneView, *, count: int = 4, tall: float = 0.42, rugged: float = 1.0) -> None:
    """Mountain ridges, the farthest palest and highest."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("ridges")
    snow = rugged > 0.5 and (view.scene.season == "winter" or tall > 0.3)
    for index in range(count):
        near = index / max(count - 1, 1)
        cell = view.unit * rng.uniform(0.42, 0.62) * (1.15 - 0.4 * near)
        shape = _peaks(rng, canvas.width, cell, rugged)
        high = tall * view.horizon * (1 - 0.62 * near)
        line = view.horizon + view.unit * 0.03 * near - high * (0.22 + shape)
        colour = mix(mix(inks.far, inks.low, 0.25), inks.near, 0.82 * near**1.3)
        haze = mix(inks.low, inks.far, 0.3 + 0.3 * near)
        lay_body(view, line, colour, haze, depth=view.unit * 0.3, strength=0.75 - 0.4 * near)
        if rugged > 0.5:
            _facets(view, rng, line, colour, snow=snow and near < 0.75, high=high)


def _peaks(rng: np.random.Generator, width: int, cell: float, rugged: float) -> Field:
    """A skyline from 0 to about 1; the more rugged, the sharper its peaks."""
    soft = wander(rng, width, cell, octaves=2)
    if rugged < 0.5:
        return np.asarray(soft + 0.1 * rugged * wander(rng, width, cell * 0.1), np.float32)
    fine = wander(rng, width, cell * 0.2, octaves=4) - 0.5
    x = np.arange(width, dtype=np.float32)
    sharp = np.zeros(width, np.float32)
    at = -cell * rng.random()
    while at < width + cell:
        high, slope = rng.uniform(0.45, 1.0), rng.uniform(0.8, 1.25, 2) / cell
        side = np.where(x < at, slope[0], slope[1]) * np.abs(x - at)
        sharp = np.maximum(sharp, high - side * 1.15)
        at += cell * rng.uniform(0.45, 1.1)
    return np.asarray(0.85 * sharp + 0.15 * soft + 0.1 * fine, np.float32)


def _facets(
    view: SceneView, rng: np.random.Generator, line: Field, colour: Ink, *, snow: bool, high: float
) -> None:
    """The side of each peak away from the light, and snow on the tops."""
    canvas, inks = view.canvas, view.inks
    top = float(line.min()) - 1
    summit, crest = _summits(line, int(view.unit * 0.05))
    reach = canvas.height + 2
    zigzag = (wander(rng, reach, view.unit * 0.07, octaves=3) - 0.5) * view.unit * 0.16
    teeth = (wander(rng, canvas.width, view.unit * 0.035, octaves=2) - 0.5) * high * 0.5
    side = 1 if view.light[0] < canvas.width / 2 else -1
    hem = np.minimum(crest + high * 0.2, float(line.min()) + high * 0.42) + teeth

    def lee(band: Band) -> Field:
        deep = np.clip(band.y - crest, 0, reach - 1)
        ridge = summit + zigzag[deep.astype(np.intp)] * np.minimum(deep / (view.unit * 0.03), 1)
        dark = np.clip((band.x - ridge) * side + 0.5, 0, 1) * np.clip(band.y - line, 0, 1)
        return np.asarray(dark * band.stipple(smooth(high * 0.85, high * 0.1, deep)), np.float32)

    def white(band: Band) -> Field:
        snowy = np.clip(band.y - line, 0, 1) * np.clip(hem - band.y + 0.5, 0, 1)
        return np.asarray(snowy, np.float32)

    shade = mix(colour, inks.line, 0.24)
    canvas.lay(shade, lee, top, top + high * 1.4)
    if snow:
        bright = (
            mix(WARM_WHITE, inks.low, 0.25) if not view.night else mix(inks.low, WARM_WHITE, 0.4)
        )
        bright = mix(bright, colour, 0.12)
        canvas.lay(bright, white, top, float(hem.max()) + 2)
        dark = mix(bright, shade, 0.55)
        canvas.lay(dark, lambda b: white(b) * lee(b), top, float(hem.max()) + 2)


def _summits(line: Field, radius: int) -> tuple[Field, Field]:
    """Column and row of the summit that each column belongs to."""
    columns = np.arange(len(line))
    padded = np.pad(line, radius, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1).min(1)
    peaks = np.flatnonzero(line <= lowest)
    peaks = peaks[np.concatenate([[True], np.diff(peaks) > radius])]
    valleys = [a + int(np.argmax(line[a:b])) for a, b in pairwise(peaks)]
    owner = np.searchsorted(valleys, columns)
    return peaks[owner].astype(np.float32), line[peaks[owner]].astype(np.float32)


def ground(view: SceneView) -> None:
    """Where figures stand: one ink with a lit far edge and grain towards the viewer."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("ground")
    line = ground_line(view)
    lit = mix(inks.ground, inks.low, 0.3)
    deep = mix(inks.ground, inks.line, 0.38)
    canvas.lay(inks.ground, below(line), float(line.min()))
    reach = canvas.height - float(line.mean())
    lumps = Noise(rng, canvas.shape, view.unit * 0.3, octaves=3, stretch=3)

    def far_edge(band: Band) -> Field:
        t = (band.y - line) / reach
        return below(line)(band) * band.stipple(0.8 * smooth(0.28, 0.0, t))

    def near_edge(band: Band) -> Field:
        t = (band.y - line) / reach + (lumps.rows(band.start, band.stop) - 0.5) * 0.8
        return below(line)(band) * band.stipple(0.9 * smooth(0.35, 1.25, t))

    canvas.lay(lit, far_edge, float(line.min()))
    canvas.lay(deep, near_edge, float(line.min()))


def ground_line(view: SceneView) -> Field:
    """The row at which the ground begins, per column; a hill rises under its figure."""
    canvas, rng = view.canvas, view.rng("ground line")
    roll = wander(rng, canvas.width, view.unit * 0.9, octaves=2) - 0.5
    line = view.horizon + view.unit * 0.06 + view.unit * 0.07 * roll
    if any(thing.anchor == "hill" for thing in view.scene.things):
        x = np.arange(canvas.width) - canvas.width * 0.5
        hump = np.exp(-((x / (view.unit * 0.52)) ** 2))
        line = line + view.unit * (0.06 - 0.2 * hump)
    return np.asarray(line, np.float32)


def grass(view: SceneView) -> None:
    """Blades and flowers in rows, larger towards the viewer."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("grass")
    line = ground_line(view)
    blade = mix(inks.ground, inks.line, 0.45)
    petals = [inks.disc, ink("e0566a"), WARM_WHITE, ink("8f6ac8")]
    if view.night:
        petals = [mix(p, inks.middle, 0.3) for p in petals]
    for near in np.sort(rng.random(int(150 * canvas.width / view.unit)) ** 0.8):
        x = int(rng.random() * canvas.width)
        y = float(line[x]) + (canvas.height * 1.01 - float(line[x])) * (0.06 + 0.94 * near)
        size = view.unit * (0.008 + 0.03 * near**1.6)
        tuft = _tuft(rng, size)
        canvas.stamp(mix(inks.ground, blade, 0.4 + 0.6 * near), tuft, x - tuft.shape[1] // 2,
                     int(y - tuft.shape[0]))  # fmt: skip
        if rng.random() < 0.4:
            flower = _flower(size * 0.34)
            left = x - flower.shape[1] // 2 + int(rng.normal(0, size * 0.3))
            canvas.stamp(petals[int(rng.integers(4))], flower, left,
                         int(y - tuft.shape[0] - size * 0.2 * rng.random()))  # fmt: skip


def _tuft(rng: np.random.Generator, size: float) -> Field:
    """Five blades that fan out from one root."""
    high, half = max(3, int(size * 1.2)), max(2, int(size * 0.8))
    y = np.linspace(1, 0, high, dtype=np.float32)[:, None]
    x = np.arange(-half, half + 1, dtype=np.float32)[None, :]
    tuft = np.zeros((high, 2 * half + 1), np.float32)
    for lean in np.linspace(-0.9, 0.9, 5):
        tall = rng.uniform(0.6, 1)
        thick = max(0.55, size * 0.07) * (1 - y / tall)
        bend = lean * half * (y / tall) ** 1.7
        tuft = np.maximum(tuft, np.clip(thick - np.abs(x - bend) + 0.3, 0, 1) * (y < tall))
    return tuft


def _flower(radius: float) -> Field:
    reach = int(radius * 1.3) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    wave = radius * (0.82 + 0.24 * np.cos(5 * np.arctan2(y, x)))
    distance = np.hypot(x, y)
    return np.asarray(
        np.clip(wave - distance + 0.5, 0, 1) * np.clip(distance - radius * 0.26 + 0.5, 0, 1),
        np.float32,
    )


def dunes(view: SceneView) -> None:
    """Sand in long curves, each with a lit and a shaded side."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("dunes")
    sand = mix(ink("e2aa62"), inks.low, 0.3)
    if view.night:
        sand = mix(sand, inks.middle, 0.72)
    dark = mix(mix(sand, ink("8a4a2c"), 0.55), inks.line, 0.3 if view.night else 0.1)
    for index in range(5):
        near = index / 4
        base = view.horizon + (canvas.height - view.horizon) * 0.8 * near**1.2
        roll = wander(rng, canvas.width, view.unit * (0.5 + 0.5 * near), octaves=1) - 0.5
        line = base - view.unit * (0.04 + 0.2 * near + 0.1) * roll
        crest = np.gradient(line).astype(np.float32)
        colour = mix(mix(sand, inks.low, 0.35 * (1 - near)), dark, 0.12 * near)
        canvas.lay(colour, below(line), float(line.min()))
        side = smooth(-0.1, 0.3, crest if view.light[0] < canvas.width / 2 else -crest)

        def lee(band: Band, line: Field = line, side: Field = side) -> Field:
            deep = smooth(view.unit * 0.34, 0, band.y - line)
            return below(line)(band) * band.stipple(0.95 * side * deep)

        canvas.lay(dark, lee, float(line.min()))


def shore(view: SceneView) -> None:
    """A foreland to stand on; a beach runs along the whole lower edge."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("shore")
    x = np.arange(canvas.width, dtype=np.float32) / canvas.width
    rough = wander(rng, canvas.width, view.unit * 0.3, octaves=4) - 0.5
    if "beach" in view.scene.places:
        colour = mix(mix(ink("e6c894"), inks.low, 0.3), inks.middle, 0.4 if view.night else 0)
        line = canvas.height * (0.78 + 0.05 * np.sin(x * 3)) + rough * view.unit * 0.02
        foam = line - view.unit * 0.012
        canvas.lay(mix(WARM_WHITE, inks.low, 0.2), below(foam), float(foam.min()))
    else:
        colour = mix(inks.ground, inks.near, 0.5)
        away = x if view.light[0] > canvas.width / 2 else 1 - x
        line = canvas.height * (0.8 + 0.26 * smooth(0.45, 1.0, away)) + rough * view.unit * 0.05
    line = np.asarray(line, np.float32)
    lay_body(view, line, colour, mix(colour, inks.line, 0.45), depth=view.unit * 0.3, strength=0.9)


def fuji(view: SceneView) -> None:
    """One great cone with a white top, over bands of mist."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("fuji")
    away = np.abs(np.arange(canvas.width, dtype=np.float32) - canvas.width * 0.5) / view.unit
    high = view.unit * 0.46
    flat = np.maximum(away - 0.035, 0)
    line = view.horizon + view.unit * 0.05 - high * np.exp(-flat * 2.9)
    line += view.unit * 0.006 * (wander(rng, canvas.width, view.unit * 0.03, octaves=2) - 0.5)
    line = np.asarray(line, np.float32)
    colour = mix(mix(inks.near, inks.top, 0.45), inks.line, 0.12)
    lay_body(view, line, colour, mix(inks.low, inks.far, 0.15), depth=high * 1.05, strength=0.85)
    teeth = np.abs(wander(rng, canvas.width, view.unit * 0.045, octaves=2) - 0.5) * 2
    hem = float(line.min()) + high * (0.22 + 0.3 * teeth)

    def white(band: Band) -> Field:
        return np.asarray(below(line)(band) * np.clip(hem - band.y + 0.5, 0, 1), np.float32)

    canvas.lay(mix(WARM_WHITE, inks.low, 0.1), white, float(line.min()) - 1, float(hem.max()) + 2)


LEAVES = ("d9722a", "c4502a", "e3a23a", "a83f28")


def treeline(view: SceneView, *, rows: int = 3, tall: float = 1.0) -> None:
    """Rows of trees, nearer, darker and larger downwards.

    Args:
        view: The scene.
        rows: How many rows.
        tall: Factor on the height of the trees.
    """
    inks, rng = view.inks, view.rng("trees")
    autumn = view.scene.season == "autumn"
    for index in range(rows):
        near = (index + 1) / rows
        colour = mix(inks.far, inks.near, 0.3 + 0.7 * near)
        if view.scene.season == "winter":
            colour = mix(inks.far, inks.line, 0.25 + 0.45 * near)
        high = tall * view.unit * (0.07 + 0.15 * near**1.3)
        bumps = wander(rng, view.canvas.width, view.unit * 0.5, octaves=2) - 0.5
        line = view.horizon + view.unit * (0.035 + 0.065 * near) + view.unit * 0.03 * bumps
        at = -high * rng.random() * 0.3
        while at < view.canvas.width + high * 0.3:
            size = high * rng.uniform(0.55, 1.1)
            leaf = mix(ink(LEAVES[int(rng.integers(4))]), colour, 0.55 - 0.4 * near)
            mask = _crown(rng, size) if autumn else _conifer(rng, size)
            root = float(line[int(np.clip(at, 0, len(line) - 1))])
            left, top = int(at) - mask.shape[1] // 2, int(root + size * 0.06) - mask.shape[0]
            view.canvas.stamp(leaf if autumn else colour, mask, left, top)
            if near > 0.6:
                _shade(view, mask, left, top)
            at += high * rng.uniform(0.16, 0.5) * (1.4 if autumn else 1)
        if autumn:
            colour = mix(mix(inks.ground, inks.far, 0.4 * (1 - near)), inks.line, 0.12)
        haze = mix(inks.low, inks.far, 0.5)
        lay_body(view, line, colour, haze, depth=high, strength=0.4 * (1 - near))


def _shade(view: SceneView, mask: Field, left: int, top: int) -> None:
    """Grain on the side of a tree away from the light."""
    across = np.linspace(-1, 1, mask.shape[1], dtype=np.float32)[None, :]
    side = -1 if view.light[0] > view.canvas.width / 2 else 1
    dark = 0.8 * smooth(-0.2, 1.0, side * across) * np.ones_like(mask)
    dots = view.canvas.stipple_at(dark, left, top)
    view.canvas.stamp(view.inks.line, (mask * dots * 0.45).astype(np.float32), left, top)


def _polygon(points: np.ndarray, width: int, height: int) -> Field:
    sheet = Image.new("L", (2 * width, 2 * height))
    ImageDraw.Draw(sheet).polygon([(2 * float(x), 2 * float(y)) for x, y in points], fill=255)
    return as_field(np.asarray(sheet.reduce(2)))


def _conifer(rng: np.random.Generator, size: float) -> Field:
    """A spire with drooping branches, ragged on both sides."""
    height, half = max(6, int(size)), max(3, int(size * rng.uniform(0.17, 0.23)))
    tiers = int(np.clip(size / 9, 3, 9))
    right: list[tuple[float, float]] = []
    left: list[tuple[float, float]] = []
    for tier in range(1, tiers + 1):
        t = tier / tiers
        for side in (right, left):
            reach = half * t**0.85 * rng.uniform(0.8, 1.08)
            side += [(reach, height * (t * 0.9 + 0.015)), (reach * 0.5, height * (t * 0.9 - 0.02))]
    stem, foot = half * 0.06 + 0.5, height * 0.88
    trunk = [(stem, foot), (stem, float(height)), (-stem, float(height)), (-stem, foot)]
    outline = [(0.0, 0.0), *right[:-1], *trunk, *((-x, y) for x, y in reversed(left[:-1]))]
    return _polygon(np.array(outline) + np.array([half, 0]), 2 * half + 1, height)


def _crown(rng: np.random.Generator, size: float) -> Field:
    """A round tree: a cloud of leaves on a short trunk."""
    height, half = max(6, int(size)), max(3, int(size * 0.4))
    turn = np.linspace(0, 2 * np.pi, 40)[:-1]
    lumps = 0.86 + 0.12 * np.sin(turn * rng.integers(5, 8) + rng.random() * 6)
    x = half + half * lumps * np.cos(turn)
    y = height * 0.42 + height * 0.44 * lumps * np.sin(turn)
    crown = _polygon(np.stack([x, y], 1), 2 * half + 1, height)
    trunk = max(0.6, size * 0.03)
    columns = np.abs(np.arange(2 * half + 1, dtype=np.float32) - half)[None, :]
    rows = np.arange(height, dtype=np.float32)[:, None]
    stem = np.clip(trunk - columns + 0.5, 0, 1) * (rows > height * 0.6)
    return np.maximum(crown, stem).astype(np.float32)
