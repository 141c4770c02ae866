"""Spots, and how one thing finds its spot by another: on it, in it, under it, behind it."""

from dataclasses import dataclass, replace

import numpy as np

from mediatoolkit.synthesis.painting import kinds, motifs
from mediatoolkit.synthesis.painting.words import Thing

TIES = frozenset({"on", "in", "of", "under", "behind", "with"})
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


def spots(thing: Thing, other: Spot, size: float, rng: np.random.Generator) -> list[Spot]:
    """Places for all of a thing that is tied to another one.

    Args:
        thing: What to place; its relation is one of `TIES`.
        other: Where the other thing is.
        size: Usual longest side of the thing in pixels.
        rng: Randomness for heaps.
    """
    if thing.relation == "in" and kinds.floats(other.thing.motif):
        aboard = replace(other, base=other.base - other.size * 0.13, depth=other.depth + 0.1,
                         footing="thing")  # fmt: skip
        return _side_by_side(thing, aboard, min(size, other.size * 0.34))
    if thing.relation in {"in", "of"}:
        return _heap(thing, other, rng)
    if thing.relation == "with":
        return _held(thing, other, size)
    if thing.relation == "on":
        top = other.base - other.size * motifs.proportions(other.thing.motif)[1] * 0.96
        above = replace(other, base=top, depth=other.depth + 0.1, footing="thing")
        return _side_by_side(thing, above, min(size, other.size * 0.6))
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
    return _side_by_side(thing, front, min(size * 0.8, other.size * 0.5))


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
    if kinds.flies(thing.motif):
        hand = replace(behind, x=other.x + other.size * 0.355, base=other.base - other.size * 0.7)
        return _side_by_side(thing, hand, other.size * 0.34)
    side = replace(other, x=other.x + other.size * 0.5, depth=other.depth + 0.1)
    return _side_by_side(thing, side, size * 0.62)


def _heap(thing: Thing, other: Spot, rng: np.random.Generator) -> list[Spot]:
    """Things in a container: behind its rim, the back row higher."""
    many = thing.relation == "of" or thing.count > 2
    count = max(thing.count, 7) if many else thing.count
    size = other.size * (0.38 if many else 0.5)
    tall = motifs.proportions(other.thing.motif)[1]
    rim = other.base - other.size * (0.4 if other.thing.motif == "@bowl" else tall * 1.02)
    front = (count + 1) // 2 if many else count
    heap = []
    for i in range(count):
        back = i >= front
        row = count - front if back else front
        inside = (i - front if back else i) - (row - 1) / 2
        heap.append(
            Spot(
                thing,
                x=other.x + inside * size * min(0.72, 1.75 / row),
                base=rim + size * (0.22 - 0.34 * back - 0.05 * abs(inside)),
                size=size * rng.uniform(0.92, 1.08),
                depth=other.depth - (0.2 if back else 0.1) + 0.001 * i,
                flip=i % 2 == 1,
                footing="thing",
            )
        )
    return heap
