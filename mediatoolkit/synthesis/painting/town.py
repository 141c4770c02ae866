"""A city: blocks in haze with lit windows."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band, Field, Ink, smooth
from mediatoolkit.synthesis.painting.land import below
from mediatoolkit.synthesis.painting.palettes import WARM_WHITE, ink, mix
from mediatoolkit.synthesis.painting.setting import SceneView

NEON = ("ff4fa0", "3fe0e8", "f9cb5c", "8f6aff")


def city(view: SceneView) -> None:
    """Three rows of buildings, the nearest darkest and with the largest windows."""
    inks, rng = view.inks, view.rng("city")
    dusk = view.night or view.scene.time in {"sunset", "dawn"} or view.scene.season == "storm"
    for index in range(3):
        near = index / 2
        colour = mix(mix(inks.far, inks.low, 0.3 * (1 - near)), inks.near, 0.15 + 0.85 * near)
        base = view.horizon + view.unit * (0.02 + 0.1 * near)
        line, corner = _skyline(view, rng, base, near)
        view.canvas.lay(colour, below(line), float(line.min()) - 1)
        _haze(view, line, colour, near)
        _windows(view, rng, line, corner, near, dusk=dusk)


def is_neon(view: SceneView) -> bool:
    """Whether the lights are coloured."""
    return view.scene.season == "fantasy"


def _skyline(
    view: SceneView, rng: np.random.Generator, base: float, near: float
) -> tuple[Field, Field]:
    """Roof row and left edge of the building, per column."""
    width = view.canvas.width
    line, corner = np.full(width, base, np.float32), np.zeros(width, np.float32)
    x = -rng.random() * view.unit * 0.05
    while x < width:
        wide = view.unit * rng.uniform(0.055, 0.12) * (0.75 + 0.45 * near)
        high = view.unit * (0.1 + min(rng.gamma(2.6, 0.075), 0.5)) * (1.1 - 0.4 * near)
        left, right = max(0, int(x)), min(width, int(x + wide))
        line[left:right], corner[left:right] = base - high, x
        middle = int(x + wide / 2)
        kind = rng.random()
        if kind < 0.3:  # a set-back top floor
            a, b = max(0, int(x + wide * 0.2)), max(0, min(width, int(x + wide * 0.8)))
            line[a:b] = base - high - view.unit * 0.025
        if kind < 0.16:  # a mast
            mast = max(1, view.unit // 400)
            line[max(0, middle) : max(0, middle + mast)] = base - high - view.unit * 0.1
        x += wide * (1.0 if rng.random() < 0.75 else 1.12)
    return line, corner


def _haze(view: SceneView, line: Field, colour: Ink, near: float) -> None:
    glow = mix(colour, view.inks.low, 0.55 - 0.25 * near)
    depth = view.unit * 0.5

    def cover(band: Band) -> Field:
        return below(line)(band) * band.stipple(
            (0.7 - 0.35 * near) * smooth(0.1 * depth, depth, band.y - line)
        )

    view.canvas.lay(glow, cover, float(line.min()))


def _windows(
    view: SceneView,
    rng: np.random.Generator,
    line: Field,
    corner: Field,
    near: float,
    *,
    dusk: bool,
) -> None:
    """A grid on each building; which windows are lit is drawn once for all."""
    cell = max(3.0, view.unit * (0.013 + 0.011 * near))
    lit = rng.random((97, 89)) < (0.42 if dusk else 0.3)
    across = (np.arange(view.canvas.width, dtype=np.float32) - corner) / np.float32(cell)
    column = (across.astype(np.intp) + (corner * 7).astype(np.intp) % 83) % 97
    pane_x = np.abs(across % 1 - 0.5) < 0.3
    names = NEON if is_neon(view) else ("", "")
    colours = [
        ink(n) if n else mix(view.inks.lamp, WARM_WHITE, 0.2 * i) for i, n in enumerate(names)
    ]
    if not dusk:
        colours = [mix(view.inks.near, view.inks.top, 0.5), mix(view.inks.low, view.inks.top, 0.3)]
    which = (column + (corner * 3).astype(np.intp)) % len(colours)
    fade = 0.55 + 0.45 * near
    for index, colour in enumerate(colours):

        def panes(band: Band, chosen: Field = which == index) -> Field:
            down = (band.y - line - cell * 0.7) / np.float32(cell * 1.35)
            row = np.clip(down, 0, None).astype(np.intp) % 89
            inside = (down > 0) & (np.abs(down % 1 - 0.5) < 0.33) & pane_x & chosen
            return np.asarray((inside & lit[column, row]) * fade, np.float32)

        view.canvas.lay(colour, panes, float(line.min()))


def street(view: SceneView) -> None:
    """Wet ground before the city that carries its lights as long streaks."""
    canvas, inks, rng = view.canvas, view.inks, view.rng("street")
    start = int(view.horizon + view.unit * 0.16)
    if start >= canvas.height:
        return
    deep = canvas.height - start
    canvas.lay(
        mix(inks.near, inks.line, 0.3), lambda b: (b.y > start) * np.ones_like(b.grain), start
    )
    canvas.lay(
        mix(inks.near, inks.far, 0.6),
        lambda b: (b.y > start) * b.stipple(0.7 * smooth(0.7, 0, (b.y - start) / deep)),
        start,
    )
    if not (view.night or "rain" in view.scene.weather):
        return
    colours = [ink(n) for n in NEON] if is_neon(view) else [inks.lamp, inks.disc]
    for index in range(26):
        x, half = rng.random() * canvas.width, view.unit * rng.uniform(0.006, 0.02)
        long = deep * rng.uniform(0.35, 0.95)
        height, reach = max(2, int(long)), int(half * 2) + 2
        y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        columns = np.arange(-reach, reach + 1, dtype=np.float32)[None, :]
        gaps = np.sin(y * rng.uniform(18, 40) * (1.3 - y)) > -0.35
        streak = np.clip(half * (1 - 0.4 * y) - np.abs(columns) + 0.5, 0, 1) * gaps * (1 - y) ** 0.7
        canvas.stamp(colours[index % len(colours)], (0.75 * streak).astype(np.float32),
                     int(x) - reach, start + 2)  # fmt: skip
