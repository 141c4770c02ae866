"""The stage: where things stand, how large they are, what lies on what."""

from dataclasses import dataclass, replace

import numpy as np

from mediatoolkit.synthesis import kinds, motifs
from mediatoolkit.synthesis.land import ground_line
from mediatoolkit.synthesis.view import View
from mediatoolkit.synthesis.words import Thing

_CROWD = (1.0, 1.12, 0.86, 0.72, 0.62, 0.56, 0.5, 0.46, 0.43, 0.4)
"""Size of each thing by how many share the picture."""


@dataclass(frozen=True)
class Spot:
    """One figure's place.

    Attributes:
        thing: What stands there.
        x: Column of its middle in pixels.
        base: Row of its feet in pixels.
        size: Longest side in pixels.
        depth: Printing order, the farthest first.
        flip: Whether it looks the other way.
        footing: `ground`, `water`, `air`, `thing`, or `bust` for the lower edge.
    """

    thing: Thing
    x: float
    base: float
    size: float
    depth: float
    flip: bool = False
    footing: str = "ground"


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
        spots |= _row(view, row, floor, footing, _CROWD[_crowd(view)] * grow)
    for index, thing in enumerate(things):
        if index not in spots:
            spots[index] = _lean(view, thing, spots, floor)
    return sorted((s for group in spots.values() for s in group), key=lambda s: s.depth)


def _leans(thing: Thing) -> bool:
    """Whether its place depends on that of another thing."""
    return isinstance(thing.anchor, int) and thing.relation in {"on", "in", "of", "under", "behind", "with"}


def _crowd(view: View) -> int:
    return min(9, sum(t.count for t in view.scene.things if not _leans(t)))


def _footing(view: View, thing: Thing) -> str:
    if thing.relation == "on" or view.scene.surface or "table" in view.scene.form:
        return "ground"
    if thing.flying or thing.relation == "over" or kinds.flies(thing.motif):
        return "air"
    wet = {"sea", "underwater"} & set(view.scene.places)
    return "water" if wet and (kinds.floats(thing.motif) or kinds.swims(thing.motif)) else "ground"


def _row(view: View, row: list[int], floor: float, kind: str, scale: float) -> dict[int, list[Spot]]:
    """Spread some things evenly across the width."""
    things = view.scene.things
    figures = [i for i in row for _ in range(things[i].count)]
    if not figures:
        return {}
    canvas, rng = view.canvas, view.rng("row " + kind)
    sizes = [
        kinds.length(things[i].motif) * things[i].size * scale * view.unit for i in figures
    ]
    # A crowd stands in two rows, each figure before the gap behind it.
    staggered = len(figures) > 3 and not view.scene.surface == "branch"
    step = 0.6 if staggered else 0.86
    room = canvas.width * 0.92
    shrink = min(1.0, room / (sum(sizes) * step))
    sizes = [s * shrink for s in sizes]
    gap = min(view.unit * 0.05, (room - sum(sizes) * step) / max(len(sizes), 1))
    total = sum(sizes) * step + gap * (len(sizes) - 1)
    x = (canvas.width - total) / 2 + _offset(view, len(figures), kind)
    spots: dict[int, list[Spot]] = {}
    for at, (index, size) in enumerate(zip(figures, sizes, strict=True)):
        middle = x + size * step / 2
        x += size * step + gap
        near = rng.uniform(-1, 1) * (0.4 if view.scene.surface else 1) if len(figures) > 2 else 0.0
        if staggered:
            near = (1.6 if at % 2 else -1.6) + 0.4 * near
        spot = _spot(view, things[index], middle, size, floor, near)
        spots.setdefault(index, []).append(replace(spot, flip=_faces(view, spot, at)))
    return spots


def _faces(view: View, spot: Spot, at: int) -> bool:
    """Figures look into the picture; in a group every other one turns."""
    if spot.thing.count > 1:
        return at % 2 == 1
    return spot.x > view.canvas.width * 0.5


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


def _spot(view: View, thing: Thing, x: float, size: float, floor: float, near: float) -> Spot:
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
        share = 0.22 if size < view.unit * 0.5 else 0.3
        return Spot(thing, x, view.horizon + deep * (share + 0.1 * near), size, 0.4, footing="water")
    if kinds.is_bust(thing.motif) and not view.scene.surface:
        size *= 1.45
        return Spot(thing, x, view.canvas.height + size * 0.03, size, 3, footing="bust")
    if view.scene.surface == "branch":
        near *= 0.1
    base = floor + near * view.unit * 0.03
    if thing.anchor == "hill":
        column = int(np.clip(x, 0, view.canvas.width - 1))
        base = float(ground_line(view)[column]) + size * 0.07
    return Spot(thing, x, base, size, 1 + base / view.canvas.height)


def _lean(view: View, thing: Thing, spots: dict[int, list[Spot]], floor: float) -> list[Spot]:
    """Place a thing by its relation to another one."""
    anchor = spots.get(thing.anchor if isinstance(thing.anchor, int) else -1)
    size = kinds.length(thing.motif) * thing.size * view.unit * _CROWD[_crowd(view)]
    if not anchor:
        return [_spot(view, thing, view.canvas.width / 2, size, floor, 0)]
    other = anchor[0]
    if thing.relation in {"in", "of"}:
        return _heap(view, thing, other)
    if thing.relation == "with" and "UMBRELLA" in thing.motif:
        return [Spot(thing, other.x + other.size * 0.17, other.base - other.size * 0.36,
                     other.size * 0.75, other.depth - 0.01, footing="thing")]  # fmt: skip
    if thing.relation == "with" and not kinds.flies(thing.motif):
        return _lined_up(thing, other, size * 0.62, shift=0.5, depth=0.1)
    if thing.relation == "with":
        held = Spot(thing, other.x + other.size * 0.355, other.base - other.size * 0.7,
                    other.size * 0.42, other.depth - 0.01, footing="thing")  # fmt: skip
        return [replace(held, x=held.x + i * held.size * 0.5) for i in range(thing.count)]
    if thing.relation == "on":
        top = other.base - other.size * motifs.proportions(other.thing.motif)[1] * 0.96
        return _lined_up(thing, replace(other, base=top), min(size, other.size * 0.6),
                         shift=0, depth=0.1, footing="thing")  # fmt: skip
    if thing.relation == "behind":
        return _lined_up(thing, replace(other, base=other.base - view.unit * 0.02),
                         max(min(size, other.size * 0.8), other.size * 0.6), shift=-0.42, depth=-0.1)  # fmt: skip
    return _lined_up(thing, other, min(size * 0.8, other.size * 0.5), shift=0, depth=0.1)


def _lined_up(
    thing: Thing, other: Spot, size: float, *, shift: float, depth: float, footing: str = ""
) -> list[Spot]:
    """`count` figures side by side, moved by a share of the other figure's size."""
    middle = other.x + shift * other.size
    return [
        Spot(
            thing,
            middle + (i - (thing.count - 1) / 2) * size * 0.85,
            other.base,
            size,
            other.depth + depth,
            flip=i % 2 == 1,
            footing=footing or other.footing,
        )
        for i in range(thing.count)
    ]


def _heap(view: View, thing: Thing, other: Spot) -> list[Spot]:
    """Things in a container: behind its rim, the back row higher."""
    rng, count = view.rng("heap"), thing.count
    if thing.relation == "of" or count > 2:
        count = max(count, 7)
    size = other.size * (0.5 if count < 3 else 0.38)
    rim = other.base - other.size * 0.4
    front = count if count < 3 else (count + 1) // 2
    spots = []
    for i in range(count):
        back = i >= front
        row = count - front if back else front
        inside = (i - front if back else i) - (row - 1) / 2
        base = rim + size * (0.22 - (0.34 if back else 0) - 0.05 * abs(inside))
        x = other.x + inside * size * min(0.72, 1.75 / row)
        depth = other.depth - (0.2 if back else 0.1) + 0.001 * i
        spots.append(Spot(thing, x, base, size * rng.uniform(0.92, 1.08), depth,
                          flip=i % 2 == 1, footing="thing"))  # fmt: skip
    return spots
