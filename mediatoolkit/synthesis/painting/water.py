"""Water: what stands above it comes back in broken strips."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band
from mediatoolkit.synthesis.painting.inks import WARM_WHITE, mix
from mediatoolkit.synthesis.painting.sky import disc_ink
from mediatoolkit.synthesis.painting.texture import Field, Noise, smooth
from mediatoolkit.synthesis.painting.view import View


def water(view: View) -> None:
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


def _mirror(view: View, start: int) -> None:
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


def _strips(view: View, name: str, size: float) -> Noise:
    return Noise(view.rng(name), view.canvas.shape, view.unit * size, octaves=3, stretch=7)


def _swell(view: View, start: int) -> None:
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


def _path_of_light(view: View, start: int) -> None:
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
