"""The stage: where things stand, how large they are, what lies on what."""

from dataclasses import replace

import numpy as np

from mediatoolkit.synthesis.painting import kinds, motifs, relations
from mediatoolkit.synthesis.painting.land import ground_line
from mediatoolkit.synthesis.painting.relations import Spot
from mediatoolkit.synthesis.painting.view import View
from mediatoolkit.synthesis.painting.words import Thing

_CROWD = (1.0, 1.12, 0.86, 0.72, 0.62, 0.56, 0.5, 0.46, 0.43, 0.4)
"""Size of each thing by how many share the picture."""


def place(view: View, floor: float, *, grow: float = 1.0) -> list[Spot]:
    """Find a spot for every figure of the scene, in printing order.

    Args:
        view: The scene.
        floor: Row on which figures stand that have no other footing.
        grow: Factor on the size of all figures.
    """
    things = view.scene.things
    free = [i for i, t in enumerate(things) if not _leans(t)]
    spots: dict[int, list[Spot]] = {}
    for row, footing in (
        ([i for i in free if _footing(view, things[i]) == "air"], "air"),
        ([i for i in free if _footing(view, things[i]) != "air"], "ground"),
    ):
        spots |= _row(view, row, floor, footing, crowding(view) * grow)
    for index, thing in enumerate(things):
        if index not in spots:
            spots[index] = _beside_another(view, thing, spots, floor)
    return sorted((s for group in spots.values() for s in group), key=lambda s: s.depth)


def _leans(thing: Thing) -> bool:
    """Whether its place depends on that of another thing."""
    return isinstance(thing.anchor, int) and thing.relation in relations.TIES


def crowding(view: View) -> float:
    """Factor on the size of each thing for sharing the picture with others."""
    return _CROWD[_crowd(view)]


def _crowd(view: View) -> int:
    return min(9, sum(t.count for t in view.scene.things if not _leans(t)))


def _footing(view: View, thing: Thing) -> str:
    wet = {"sea", "underwater"} & set(view.scene.places)
    if wet and thing.anchor == "sea" and kinds.floats(thing.motif):
        return "water"
    if thing.relation == "on" or view.scene.surface or "table" in view.scene.form:
        return "ground"
    if thing.flying or thing.relation == "over" or kinds.flies(thing.motif):
        return "air"
    return "water" if wet and (kinds.floats(thing.motif) or kinds.swims(thing.motif)) else "ground"


def _row(
    view: View, row: list[int], floor: float, kind: str, scale: float
) -> dict[int, list[Spot]]:
    """Spread some things evenly across the width."""
    things = view.scene.things
    figures = [i for i in row for _ in range(things[i].count)]
    if not figures:
        return {}
    canvas, rng = view.canvas, view.rng("row " + kind)
    sizes = [kinds.length(things[i].motif) * things[i].size * scale * view.unit for i in figures]
    # A crowd stands in two rows, each figure before the gap behind it.
    staggered = len(figures) > 3 and view.scene.surface != "branch"
    breadths = [0.25 + 0.7 * motifs.proportions(things[i].motif)[0] for i in figures]
    widths = [s * b * (0.66 if staggered else 1) for s, b in zip(sizes, breadths, strict=True)]
    room = canvas.width * (1.5 if floor > canvas.height else 0.94)
    shrink = min(1.0, room / sum(widths))
    gap = min(view.unit * 0.06, (room - sum(widths) * shrink) / len(widths))
    x = (canvas.width - sum(widths) * shrink - gap * (len(widths) - 1)) / 2
    x += _offset(view, len(figures), kind)
    spots: dict[int, list[Spot]] = {}
    for at, (index, full, width) in enumerate(zip(figures, sizes, widths, strict=True)):
        size, middle = full * shrink, x + width * shrink / 2
        x += width * shrink + gap
        near = rng.uniform(-1, 1) * (0.4 if view.scene.surface else 1) if len(figures) > 2 else 0.0
        if staggered:
            near = (1.6 if at % 2 else -1.6) + 0.4 * near
        spot = _spot(view, things[index], middle, size, floor, near=near)
        spots.setdefault(index, []).append(replace(spot, flip=_faces(view, spot, at)))
    return spots


def _faces(view: View, spot: Spot, at: int) -> bool:
    """Figures look into the picture; in a group every other one turns."""
    if spot.thing.count > 1:
        return at % 2 == 1
    looks_right = spot.thing.motif.startswith("@")  # the font's animals look to the left
    return (spot.x > view.canvas.width * 0.5) == looks_right


def _offset(view: View, count: int, kind: str) -> float:
    """A lone figure stands off the middle, away from sun and moon."""
    if any(t.anchor == "hill" for t in view.scene.things):
        return 0.0
    if any(t.relation == "with" for t in view.scene.things):
        return -0.14 * view.unit
    if count > 1 or view.scene.form or view.scene.surface:
        return 0.0
    side = -1 if view.light[0] > view.canvas.width / 2 else 1
    share = 0.1 if kind == "ground" else 0.12
    return side * share * view.canvas.width


def _spot(view: View, thing: Thing, x: float, size: float, floor: float, *, near: float) -> Spot:
    footing = _footing(view, thing)
    size *= 1 + 0.06 * near
    if "underwater" in view.scene.places and footing != "ground":
        base = view.canvas.height * 0.5 + size * 0.4 + near * view.unit * 0.12
        return Spot(thing, x, base, size, 0.2, footing="air")
    if footing == "air":
        base = min(view.horizon * 0.48 + size * 0.5, view.horizon * 0.98) + near * view.unit * 0.08
        return Spot(thing, x, base, size, 0.2, footing="air")
    if footing == "water":
        deep = view.canvas.height - view.horizon
        share = 0.22 if kinds.is_vessel(thing.motif) else 0.36
        return Spot(
            thing, x, view.horizon + deep * (share + 0.1 * near), size, 0.4, footing="water"
        )
    if kinds.is_bust(thing.motif) and not view.scene.surface and floor < view.canvas.height:
        size *= 1.45
        return Spot(thing, x, view.canvas.height + size * 0.03, size, 3, footing="bust")
    if view.scene.surface == "branch":
        near *= 0.1
    base = floor + near * view.unit * 0.03
    if thing.anchor == "hill":
        column = int(np.clip(x, 0, view.canvas.width - 1))
        base = float(ground_line(view)[column]) + size * 0.07
    return Spot(thing, x, base, size, 1 + base / view.canvas.height)


def _beside_another(
    view: View, thing: Thing, spots: dict[int, list[Spot]], floor: float
) -> list[Spot]:
    size = kinds.length(thing.motif) * thing.size * view.unit * crowding(view)
    anchor = spots.get(thing.anchor) if isinstance(thing.anchor, int) else None
    if anchor:
        return relations.spots(thing, anchor[0], size, view.rng("relation"))
    return [_spot(view, thing, view.canvas.width / 2, size, floor, near=0)]
