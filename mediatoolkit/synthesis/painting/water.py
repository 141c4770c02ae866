"""Water: what stands above it comes back in broken strips; and the view from below."""

from functools import partial

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band, Field, Noise, smooth, wander
from mediatoolkit.synthesis.painting.land import below
from mediatoolkit.synthesis.painting.palettes import WARM_WHITE, ink, mix
from mediatoolkit.synthesis.painting.setting import SceneView
from mediatoolkit.synthesis.painting.sky import disc_ink


def water(view: SceneView) -> None:
    """The surface from the horizon down, with the sky and the land mirrored in it."""
    canvas, inks = view.canvas, view.inks
    start = int(view.horizon)
    deep = canvas.height - start
    surface = mix(inks.water, inks.low, 0.35)
    _mirror(view, start)
    canvas.lay(
        surface,
        lambda band: (band.y > start) * np.full(band.grain.shape, 0.45, np.float32),
        start,
    )

    def nearer(band: Band) -> Field:
        return (band.y > start) * band.stipple(smooth(0.05, 1.1, (band.y - start) / deep))

    canvas.lay(inks.water, nearer, start)
    canvas.lay(mix(inks.water, inks.line, 0.5), lambda b: nearer(b) * 0.5, start + deep * 0.3)
    _swell(view, start)
    if view.scene.season != "storm":
        _path_of_light(view, start)


def _mirror(view: SceneView, start: int) -> None:
    canvas = view.canvas
    sway = Noise(view.rng("mirror"), canvas.shape, view.unit * 0.05, octaves=2, stretch=5)
    columns = np.arange(canvas.width)
    for band in canvas.bands(start):
        rows = np.arange(max(band.start, start), band.stop)
        if len(rows) == 0:
            continue
        source = np.clip(2 * start - rows, 0, start - 1 if start else 0)
        near = ((rows - start) / max(canvas.height - start, 1))[:, None]
        shift = (sway.rows(int(rows[0]), band.stop) - 0.5) * view.unit * (0.02 + 0.2 * near)
        wavy = np.clip(columns + shift.astype(np.intp), 0, canvas.width - 1)
        for plane in canvas.planes:
            plane[rows[0] : band.stop] = plane[source[:, None], wavy]


def _strips(view: SceneView, name: str, size: float) -> Noise:
    return Noise(view.rng(name), view.canvas.shape, view.unit * size, octaves=3, stretch=7)


def _swell(view: SceneView, start: int) -> None:
    """Flat crests, farther apart towards the viewer."""
    canvas, inks = view.canvas, view.inks
    fine, broad = _strips(view, "fine", 0.018), _strips(view, "broad", 0.05)
    deep = canvas.height - start
    rough = 0.06 if view.scene.season == "storm" else 0.0

    def crest(band: Band) -> Field:
        near = np.clip((band.y - start) / deep, 0, 1)
        field = fine.rows(band.start, band.stop) * (1 - near)
        field = field + broad.rows(band.start, band.stop) * near
        return (band.y > start) * smooth(0.68 - rough, 0.72 - rough, field)

    def trough(band: Band) -> Field:
        near = np.clip((band.y - start) / deep, 0, 1)
        field = fine.rows(band.start, band.stop) * (1 - near)
        field = field + broad.rows(band.start, band.stop) * near
        return (band.y > start) * smooth(0.34, 0.3, field) * 0.7

    canvas.lay(mix(inks.water, inks.low, 0.45), lambda b: crest(b) * 0.85, start)
    canvas.lay(mix(inks.water, inks.line, 0.35), trough, start)
    if view.scene.season == "storm":
        foam = mix(WARM_WHITE, inks.low, 0.4)
        canvas.lay(foam, lambda b: crest(b) * b.stipple(crest(b) * 0.7), start + deep * 0.12)


def _path_of_light(view: SceneView, start: int) -> None:
    """Sun or moon on the water: short strips under the disc, wider towards the viewer."""
    canvas = view.canvas
    strips = _strips(view, "path", 0.03)
    deep = canvas.height - start
    x = view.light[0]

    def path(band: Band) -> Field:
        near = np.clip((band.y - start) / deep, 0, 1)
        half = view.unit * (0.045 + 0.085 * near)
        close = np.exp(-(((band.x - x) / half) ** 2))
        field = strips.rows(band.start, band.stop)
        return (band.y > start) * smooth(0.56, 0.6, field * 0.6 + close * 0.36 - 0.06 * near)

    canvas.lay(mix(disc_ink(view), WARM_WHITE, 0.15), path, start)


def underwater(view: SceneView) -> None:
    """Water that darkens downwards, with shafts of light from one corner."""
    canvas, rng = view.canvas, view.rng("deep")
    light, middle, dark = ink("7fd0cf"), ink("2f86a8"), ink("123a66")
    if view.night:
        light, middle, dark = ink("2f6f9a"), ink("164478"), ink("0a1c40")
    canvas.lay(light, lambda b: np.ones_like(b.grain))
    for colour, low, high in (
        (mix(light, middle, 0.6), 0.0, 0.35),
        (middle, 0.25, 0.6),
        (mix(middle, dark, 0.5), 0.5, 0.85),
        (dark, 0.75, 1.1),
    ):
        canvas.lay(colour, partial(_deeper, low * canvas.height, high * canvas.height))
    lean = 0.45 if view.light[0] < canvas.width / 2 else -0.45
    rays = wander(rng, 4 * canvas.width, view.unit * 0.12, octaves=2)

    def shafts(band: Band) -> Field:
        across = np.clip(band.x - lean * band.y + 1.5 * canvas.width, 0, len(rays) - 1)
        ray = smooth(0.55, 0.62, rays[across.astype(np.intp)])
        return ray * band.stipple(0.5 * smooth(0.85, 0.0, band.y / canvas.height))

    canvas.lay(mix(light, WARM_WHITE, 0.35), shafts)


def _deeper(low: float, high: float, band: Band) -> Field:
    return band.stipple(smooth(low, high, band.y))


def seabed(view: SceneView) -> None:
    """Sand in two ridges, with weeds that sway."""
    canvas, rng = view.canvas, view.rng("seabed")
    sand = mix(ink("d9c48f"), ink("2f6f8f"), 0.45 if not view.night else 0.75)
    for near in (0.0, 1.0):
        bumps = wander(rng, canvas.width, view.unit * 0.4, octaves=2) - 0.5
        line = canvas.height * (0.84 + 0.07 * near) + bumps * view.unit * 0.09
        if near:
            _weeds(view, rng, line)
        canvas.lay(mix(sand, ink("123a66"), 0.35 * (1 - near)), below(line), float(line.min()))

        def shade(band: Band, line: Field = line) -> Field:
            down = (band.y - line) / (view.unit * 0.2)
            return below(line)(band) * band.stipple(0.7 * smooth(0.0, 1.2, down))

        canvas.lay(mix(sand, ink("123a66"), 0.55), shade, float(line.min()))


def _weeds(view: SceneView, rng: np.random.Generator, line: Field) -> None:
    """Clumps of ribbons rooted on the far ridge."""
    for _ in range(11):
        middle = rng.choice([rng.uniform(0, 0.34), rng.uniform(0.66, 1)]) * view.canvas.width
        colour = mix(ink("2f8a5f"), ink("c0566a"), float(rng.random() < 0.3))
        for _ in range(3):
            high = int(view.unit * rng.uniform(0.1, 0.3))
            sway = view.unit * 0.018 * np.sin(np.linspace(0, 7, high) + rng.random() * 6)
            reach = int(view.unit * 0.04) + 2
            thick = np.linspace(0.15, 1, high) * view.unit * 0.011
            x = np.arange(-reach, reach + 1, dtype=np.float32)[None, :]
            blade = np.clip(thick[:, None] - np.abs(x - sway[:, None]) + 0.5, 0, 1)
            at = middle + rng.normal(0, view.unit * 0.03)
            root = float(line[int(np.clip(at, 0, len(line) - 1))]) + view.unit * 0.02
            green = mix(colour, ink("123a66"), 0.25 + 0.3 * rng.random())
            view.canvas.stamp(green, blade.astype(np.float32), int(at) - reach, int(root) - high)


def bubbles(view: SceneView) -> None:
    """Strings of rings that rise."""
    canvas, rng = view.canvas, view.rng("bubbles")
    for _ in range(5):
        x, y = rng.random() * canvas.width, rng.uniform(0.3, 0.9) * canvas.height
        for _ in range(int(rng.integers(3, 8))):
            size = view.unit * rng.uniform(0.004, 0.013)
            reach = int(size) + 2
            yy, xx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
            far = np.hypot(xx, yy)
            ring = np.clip(size - far + 0.5, 0, 1) * (0.25 + 0.75 * smooth(0.6, 0.8, far / size))
            glint = np.clip(size * 0.3 - np.hypot(xx + size * 0.35, yy + size * 0.35) + 0.5, 0, 1)
            mask = np.maximum(ring * 0.8, glint).astype(np.float32)
            canvas.stamp(mix(WARM_WHITE, ink("7fd0cf"), 0.3), mask, int(x), int(y))
            x, y = x + rng.normal(0, view.unit * 0.012), y - view.unit * rng.uniform(0.025, 0.06)
