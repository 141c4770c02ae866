"""The layout: where things stand, how large they are, what lies on what."""

from dataclasses import dataclass, replace

import numpy as np

from mediatoolkit.synthesis.painting import motifs
from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting.land import ground_line
from mediatoolkit.synthesis.painting.scene import Thing
from mediatoolkit.synthesis.painting.setting import SceneView

TIES = frozenset({"on", "in", "of", "under", "behind", "before", "with"})
"""Relations that fix a place; the others only say that things are near each other."""


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


def _spots_by(thing: Thing, other: Spot, size: float, rng: np.random.Generator) -> list[Spot]:
    """Places for all of a thing that is tied to another one.

    Args:
        thing: What to place; its relation is one of `TIES`.
        other: Where the other thing is.
        size: Usual longest side of the thing in pixels.
        rng: Randomness for heaps.
    """
    if thing.relation in {"in", "of"}:
        aboard = traits.floats(other.thing.motif)
        return _aboard(thing, other, size) if aboard else _heap(thing, other, rng)
    if thing.relation == "with":
        return _held(thing, other, size)
    if thing.relation == "on":
        return _atop(thing, other, size)
    if thing.relation == "behind":
        behind = replace(
            other,
            x=other.x - other.size * 0.42,
            base=other.base - other.size * 0.03,
            depth=other.depth - 0.1,
        )
        return _side_by_side(
            thing, behind, float(np.clip(size, other.size * 0.6, other.size * 0.8))
        )
    front = replace(other, depth=other.depth + 0.1)
    if thing.relation == "before":
        near = replace(front, x=other.x + other.size * 0.3, base=other.base + other.size * 0.06)
        return _side_by_side(thing, near, min(size, other.size * 0.6))
    return _sheltered(thing, front, size)


def _aboard(thing: Thing, other: Spot, size: float) -> list[Spot]:
    deck = other.base - other.size * 0.13
    aboard = replace(other, base=deck, depth=other.depth + 0.1, footing="thing")
    return _side_by_side(thing, aboard, min(size, other.size * 0.34))


def _atop(thing: Thing, other: Spot, size: float) -> list[Spot]:
    wide, tall = motifs.proportions(other.thing.motif)
    top = other.base - other.size * tall * traits.seat(other.thing.motif)
    above = replace(other, base=top, depth=other.depth + 0.1, footing="thing")
    room = other.size * wide * 1.2 / (0.85 * thing.count)
    return _side_by_side(thing, above, min(size, other.size * 0.6, room))


def _sheltered(thing: Thing, other: Spot, size: float) -> list[Spot]:
    wide, tall = motifs.proportions(other.thing.motif)
    high = other.size * tall * traits.shelters(other.thing.motif)
    fitting = high / motifs.proportions(thing.motif)[1]
    room = other.size * wide / thing.count
    return _side_by_side(thing, other, min(size * 0.8, other.size * 0.5, fitting, room))


def _side_by_side(thing: Thing, middle: Spot, size: float) -> list[Spot]:
    """All of a thing in a row about a spot."""
    step, first = size * 0.85, -(thing.count - 1) / 2
    return [
        replace(middle, thing=thing, x=middle.x + (first + i) * step, size=size, flip=i % 2 == 1)
        for i in range(thing.count)
    ]


def _held(thing: Thing, other: Spot, size: float) -> list[Spot]:
    """In the raised right hand when it flies, overhead an umbrella, else at the side."""
    behind = replace(other, depth=other.depth - 0.01, footing="thing", flip=False)
    if "UMBRELLA" in thing.motif:
        hand = replace(behind, x=other.x + other.size * 0.17, base=other.base - other.size * 0.36)
        return _side_by_side(thing, hand, other.size * 0.75)
    if traits.flies(thing.motif):
        hand = replace(behind, x=other.x + other.size * 0.355, base=other.base - other.size * 0.7)
        return _side_by_side(thing, hand, other.size * 0.34)
    side = replace(other, x=other.x + other.size * 0.5, depth=other.depth + 0.1)
    return _side_by_side(thing, side, size * 0.62)


def _heap(thing: Thing, other: Spot, rng: np.random.Generator) -> list[Spot]:
    """Things in a container, behind its rim: as many as the prompt says, else a heap."""
    wide, tall = motifs.proportions(other.thing.motif)
    rim = other.base - other.size * (0.48 if other.thing.motif == "@bowl" else tall * 1.02)
    if thing.counted:
        rows, step, lift = _pyramid(thing.count), 0.75, 0.6
        size = other.size * min(0.45, 0.76 * wide / (step * (rows[0] - 1) + 1))
    elif thing.relation == "of" or thing.count > 2:
        rows, step, lift, size = [4, 3], 0.44, 0.34, other.size * 0.38
    else:
        rows, step, lift, size = [thing.count], 0.72, 0.0, other.size * 0.5
    high = size * motifs.proportions(thing.motif)[1]
    heap: list[Spot] = []
    for level, row in enumerate(rows):
        for i in range(row):
            inside = i - (row - 1) / 2
            heap.append(
                Spot(
                    thing,
                    x=other.x + inside * size * step,
                    base=rim + high * (0.22 - lift * level - 0.05 * abs(inside)),
                    size=size * rng.uniform(0.92, 1.08),
                    depth=other.depth - 0.1 * (level + 1) + 0.001 * len(heap),
                    flip=len(heap) % 2 == 1,
                    footing="thing",
                )
            )
    return heap


def _pyramid(count: int) -> list[int]:
    """How many lie in each row of a stack, the lowest first."""
    rows: list[int] = []
    row = next(n for n in range(1, count + 1) if n * (n + 1) >= 2 * count)
    while count > 0:
        rows.append(min(row, count))
        count, row = count - rows[-1], row - 1
    return rows


_CROWD = (1.0, 1.12, 0.86, 0.72, 0.62, 0.56, 0.5, 0.46, 0.43, 0.4)
"""Size of each thing by how many share the picture."""


def place(view: SceneView, floor: float, *, grow: float = 1.0) -> list[Spot]:
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
    for index in range(len(things)):
        _lean(view, index, spots)
    return sorted((s for group in spots.values() for s in group), key=lambda s: s.depth)


def _leans(thing: Thing) -> bool:
    """Whether its place depends on that of another thing."""
    return isinstance(thing.anchor, int) and thing.relation in TIES


def crowding(view: SceneView) -> float:
    """Factor on the size of each thing for sharing the picture with others."""
    return _CROWD[_crowd(view)]


def _crowd(view: SceneView) -> int:
    return min(9, sum(t.count for t in view.scene.things if not _leans(t)))


def _footing(view: SceneView, thing: Thing) -> str:
    wet = {"sea", "underwater"} & set(view.scene.places)
    if wet and traits.floats(thing.motif) and not (thing.flying or thing.relation == "over"):
        return "water"
    if thing.relation == "on" or view.scene.surface or "table" in view.scene.form:
        return "ground"
    if thing.flying or thing.relation == "over" or traits.flies(thing.motif):
        return "air"
    return (
        "water" if wet and (traits.floats(thing.motif) or traits.swims(thing.motif)) else "ground"
    )


def _row(
    view: SceneView, row: list[int], floor: float, kind: str, scale: float
) -> dict[int, list[Spot]]:
    """Spread some things evenly across the width."""
    things = view.scene.things
    figures = [i for i in row for _ in range(things[i].count)]
    if not figures:
        return {}
    canvas, rng = view.canvas, view.rng("row " + kind)
    sizes = [traits.length(things[i].motif) * things[i].size * scale * view.unit for i in figures]
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


def _faces(view: SceneView, spot: Spot, at: int) -> bool:
    """Figures look into the picture; in a group every other one turns."""
    if spot.thing.count > 1:
        return at % 2 == 1
    looks_right = spot.thing.motif.startswith("@")  # the font's animals look to the left
    return (spot.x > view.canvas.width * 0.5) == looks_right


def _offset(view: SceneView, count: int, kind: str) -> float:
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


def _spot(
    view: SceneView, thing: Thing, x: float, size: float, floor: float, *, near: float
) -> Spot:
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
        share = 0.22 if traits.is_vessel(thing.motif) else 0.36
        return Spot(
            thing, x, view.horizon + deep * (share + 0.1 * near), size, 0.4, footing="water"
        )
    if traits.is_bust(thing.motif) and not view.scene.surface and floor < view.canvas.height:
        size *= 1.45
        return Spot(thing, x, view.canvas.height + size * 0.03, size, 3, footing="bust")
    if view.scene.surface == "branch":
        near *= 0.1
    base = floor + near * view.unit * 0.03
    if thing.anchor == "hill":
        column = int(np.clip(x, 0, view.canvas.width - 1))
        base = float(ground_line(view)[column]) + size * 0.07
    return Spot(thing, x, base, size, 1 + base / view.canvas.height)


def _lean(view: SceneView, index: int, spots: dict[int, list[Spot]]) -> None:
    """Find a place by another thing, which finds its own first."""
    thing = view.scene.things[index]
    if index in spots or not isinstance(thing.anchor, int):
        return
    _lean(view, thing.anchor, spots)
    size = traits.length(thing.motif) * thing.size * view.unit * crowding(view)
    spots[index] = _spots_by(thing, spots[thing.anchor][0], size, view.rng("relation"))
