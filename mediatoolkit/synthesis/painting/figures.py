"""Printing a figure: shadow, inks, grain on the far side, light on the near side, reflection."""

import numpy as np

from mediatoolkit.synthesis.painting import motifs
from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting.canvas import Field, smooth
from mediatoolkit.synthesis.painting.layout import Spot
from mediatoolkit.synthesis.painting.motifs import InkedMask, Motif
from mediatoolkit.synthesis.painting.outlines import as_field
from mediatoolkit.synthesis.painting.palettes import lightness, mix
from mediatoolkit.synthesis.painting.setting import SceneView


def print_figure(view: SceneView, spot: Spot) -> None:
    """Print one figure with all that ties it to its place."""
    thing = spot.thing
    rng = view.rng(f"{thing.motif} {thing.colour}")
    colour = thing.colour
    if view.scene.season == "autumn" and thing.motif in {"@tree", "DECIDUOUS TREE"}:
        colour = colour or "orange"
    motif = motifs.build(thing.motif, round(spot.size), colour, view.inks, rng)
    view.canvas.tick()
    if spot.flip:
        motif = _flipped(motif)
    height, width = motif.silhouette.shape
    left, top = round(spot.x - width / 2), round(spot.base - height)
    if spot.footing == "water":
        sink = round(height * traits.sinking(thing.motif))
        motif = _cut(motif, height - sink)
        _reflection(view, motif, left, top + height - sink)
        _inks(view, motif, left, top)
        return
    if spot.footing == "ground" and view.scene.surface != "branch":
        _shadow(view, left, top, width, height)
    _inks(view, motif, left, top)


def _flipped(motif: Motif) -> Motif:
    parts = tuple(InkedMask(p.ink, p.mask[:, ::-1]) for p in motif.parts)
    return Motif(motif.silhouette[:, ::-1], parts, motif.body, motif.outlined)


def _cut(motif: Motif, rows: int) -> Motif:
    parts = tuple(InkedMask(p.ink, p.mask[:rows]) for p in motif.parts)
    return Motif(motif.silhouette[:rows], parts, motif.body, motif.outlined)


def _inks(view: SceneView, motif: Motif, left: int, top: int) -> None:
    canvas = view.canvas
    dim = 0.1 if view.night else 0.04
    slip = view.unit / 640 if motif.outlined else 0.0
    last = len(motif.parts) - (2 if motif.outlined else 1)
    for index, part in enumerate(motif.parts):
        moved = round(slip) if index >= last else 0
        canvas.stamp(mix(part.ink, view.inks.middle, dim), as_field(part.mask), left + moved,
                     top + moved)  # fmt: skip
    inside = as_field(motif.silhouette)
    _modelling(view, inside, left, top)
    _lit_edge(view, motif, left, top)


def _modelling(view: SceneView, inside: Field, left: int, top: int) -> None:
    """Grain on the side away from the light."""
    canvas = view.canvas
    height, width = inside.shape
    side = _side(view, left, width)
    across = np.linspace(-side, side, width, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    dark = smooth(0.1, 1.7, down * 0.75 - across * 0.8)
    dots = canvas.stipple_at(dark * np.float32(0.75), left, top) * inside
    canvas.stamp(view.inks.line, (dots * 0.3).astype(np.float32), left, top)


def _side(view: SceneView, left: int, width: int) -> int:
    """1 when the light is to the right of a figure, else -1."""
    return 1 if view.light[0] > left + width / 2 else -1


def _lit_edge(view: SceneView, motif: Motif, left: int, top: int) -> None:
    """A thin line of light towards sun or moon, but not along dark parts."""
    inside = as_field(motif.silhouette)
    height, width = inside.shape
    side = _side(view, left, width)
    pale = np.zeros_like(inside)
    for part in motif.parts:
        mask = as_field(part.mask)
        pale += (float(lightness(part.ink) > 0.25) - pale) * mask
    step = max(1, round(view.unit / 380))
    shifted = np.zeros_like(inside)
    if side > 0:
        shifted[step:, :-step] = inside[:-step, step:]
    else:
        shifted[step:, step:] = inside[:-step, :-step]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    rim = np.clip(inside - shifted, 0, 1) * smooth(1.2, -0.6, down) * pale
    share = 0.6 if view.night else 0.35
    glow = mix(view.inks.disc, view.inks.low, 0.2)
    view.canvas.stamp(glow, (rim * share).astype(np.float32), left, top)


def _shadow(view: SceneView, left: int, top: int, width: int, height: int) -> None:
    """A flat ellipse under the feet, drawn out away from the light."""
    canvas = view.canvas
    side = -1 if view.light[0] > left + width / 2 else 1
    rx, ry = width * 0.58, max(2.0, min(width * 0.085, view.unit * 0.035))
    x, y = left + width / 2 + side * rx * 0.16, top + height - ry * 0.35
    x0, y0 = int(x - rx) - 1, int(y - ry) - 1
    columns = (np.arange(2 * int(rx) + 3) + x0 - x)[None, :] / rx
    rows = (np.arange(2 * int(ry) + 3) + y0 - y)[:, None] / ry
    far = np.sqrt(columns**2 + rows**2).astype(np.float32)
    cover = canvas.stipple_at(smooth(1.0, 0.55, far) * np.float32(1.2), x0, y0) * (far < 1)
    canvas.stamp(view.inks.line, (cover * 0.62).astype(np.float32), x0, y0)


def _reflection(view: SceneView, motif: Motif, left: int, waterline: int) -> None:
    """The figure upside down, shorter, in wavy strips that thin out."""
    height, width = motif.silhouette.shape
    rows = max(2, int(height * 0.7))
    source = np.clip((height - 1 - np.arange(rows) * (height / rows)).astype(int), 0, height - 1)
    t = np.arange(rows, dtype=np.float32) / rows
    sway = np.round(np.sin(np.arange(rows) / max(view.unit / 110, 1) * (1.25 - 0.6 * t))
                    * view.unit * 0.008 * (0.3 + t)).astype(int)  # fmt: skip
    gaps = smooth(-0.75, -0.3, np.sin(np.arange(rows) / max(view.unit / 95, 1) * (1.2 - 0.5 * t)))
    strength = (gaps * (1 - t) ** 0.8 * 0.62)[:, None].astype(np.float32)
    columns = np.clip(np.arange(width)[None, :] + sway[:, None], 0, width - 1)
    for part in motif.parts:
        mask = as_field(part.mask[source[:, None], columns]) * strength
        view.canvas.stamp(mix(part.ink, view.inks.water, 0.4), mask, left, waterline)
