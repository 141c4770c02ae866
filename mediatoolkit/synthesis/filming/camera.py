"""When each picture of a film is seen, and how a camera moves over it.

A camera never turns round within a shot, speeds up and slows down gently, and looks between the
pixels, so that nothing shakes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from mediatoolkit.synthesis.filming.plates import View

LONGEST_FADE = 0.9
"""Seconds."""
_FULL_MOVE = 4.0
"""Seconds that a shot needs to make its whole move; a shorter one goes less far."""


class Stand(NamedTuple):
    """Where a camera stands.

    Attributes:
        zoom: Share of the plate's sides that it sees.
        x: Where that part lies between left (0) and right (1).
        y: Where it lies between top (0) and bottom (1).
    """

    zoom: float
    x: float
    y: float


WHOLE = Stand(1.0, 0.5, 0.5)
_CLOSE = Stand(0.84, 0.5, 0.46)
_CLOSING, _OPENING = (WHOLE, _CLOSE), (_CLOSE, WHOLE)
_DRIFTS = (
    (Stand(0.88, 0.06, 0.5), Stand(0.86, 0.94, 0.46)),
    _CLOSING,
    (Stand(0.86, 0.94, 0.5), Stand(0.88, 0.06, 0.46)),
    _OPENING,
)
_FITTED = 0.95
"""The closest zoom on a picture that does not fill its plate."""


@dataclass(frozen=True)
class Shot:
    """One picture's time in a film.

    Attributes:
        start: When it begins to appear, in seconds.
        full: When it is seen alone.
        end: When it is gone.
        move: Where the camera starts and where it comes to rest.
    """

    start: float
    full: float
    end: float
    move: tuple[Stand, Stand]

    def presence(self, time: float) -> float:
        """How far it has appeared, 0 to 1."""
        if time >= self.full:
            return 1.0
        return max(0.0, (time - self.start) / (self.full - self.start))

    def view(self, time: float, *, fills: bool) -> View:
        """What the camera sees; gently when the picture does not fill its plate."""
        length = self.end - self.start
        way = _eased(min(1.0, max(0.0, (time - self.start) / length))) if length else 0.0
        strength = min(1.0, length / _FULL_MOVE)
        first, last = (_softened(stand, strength, fills=fills) for stand in self.move)
        zoom = first.zoom * (last.zoom / first.zoom) ** way
        left = (1 - zoom) * (first.x + (last.x - first.x) * way)
        top = (1 - zoom) * (first.y + (last.y - first.y) * way)
        return View(left, top, left + zoom, top + zoom)


def plan(lengths: Sequence[float]) -> list[Shot]:
    """Lay shots of given lengths, in seconds, one after the other, with cross-fades between.

    The film begins with the whole first picture and, when there are several, ends with the
    whole last one.
    """
    ends = list(accumulate(lengths))
    fades = [min(LONGEST_FADE, min(pair) / 3) for pair in pairwise(lengths)]
    shots = []
    for index, end in enumerate(ends):
        start = ends[index - 1] if index else 0.0
        before = fades[index - 1] / 2 if index else 0.0
        after = fades[index] / 2 if index < len(fades) else 0.0
        shots.append(Shot(start - before, start + before, end + after, _move(index, len(ends))))
    return shots


def _move(index: int, count: int) -> tuple[Stand, Stand]:
    if index == 0:
        return _CLOSING
    return _OPENING if index == count - 1 else _DRIFTS[(index - 1) % len(_DRIFTS)]


def _softened(stand: Stand, strength: float, *, fills: bool) -> Stand:
    """Less far from the middle: in a short shot, and where a picture would be cut."""
    zoom = stand.zoom if fills else max(_FITTED, stand.zoom)
    x, y = (0.5 + (share - 0.5) * strength for share in (stand.x, stand.y))
    return Stand(1 - (1 - zoom) * strength, x, y)


def _eased(way: float) -> float:
    """Half at even speed, half from rest to rest."""
    return (way + way * way * (3 - 2 * way)) / 2
