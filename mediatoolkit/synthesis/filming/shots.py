"""When each picture of a film is seen, and how a camera moves over it.

A camera never turns round within a shot, speeds up and slows down gently, and looks between the
pixels, so that nothing shakes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import PromptError

PER_PICTURE = 4.0
"""Seconds for each picture when neither a narration nor a caller decides otherwise."""
LONGEST = 600.0
"""Seconds of film."""
BEFORE, AFTER = 0.4, 0.8
"""Seconds of quiet before and after a narration that decides on the length."""
_BRIEFEST = 1.5
"""Seconds for which a picture is seen at least when words decide on the length."""


def lengths(
    count: int, seconds: float | Sequence[float] | None = None, spoken: float = 0.0
) -> list[float]:
    """Seconds for each of *count* pictures.

    Args:
        count: How many pictures.
        seconds: For all together, or for each; left out, what suits them and the narration.
        spoken: Seconds of narration.

    Raises:
        PromptError: The lengths do not fit together; the message says what would.
    """
    if count < 1:
        raise PromptError("A film needs at least one picture.")
    if seconds is None:
        narrated = max(_BRIEFEST, (spoken + BEFORE + AFTER) / count)
        each = [narrated if spoken else PER_PICTURE] * count
    elif isinstance(seconds, Sequence):
        each = [_positive(length) for length in seconds]
        if len(each) != count:
            raise PromptError(f"seconds= has {len(each)} lengths for {count} pictures.")
    else:
        each = [_positive(seconds) / count] * count
    total = sum(each)
    if total > LONGEST:
        raise PromptError(f"A film takes up to {LONGEST:g} s, not {total:.1f}.")
    if spoken > total + 1e-6:
        raise PromptError(
            f"The narration takes {spoken:.1f} s and the film {total:.1f} s; leave seconds= out, "
            "or give more."
        )
    return each


def delay_of(seconds: float, spoken: float) -> float:
    """Seconds into a film of *seconds* at which its narration of *spoken* seconds begins."""
    return max(0.0, min(BEFORE, (seconds - spoken) / 3)) if spoken else 0.0


def with_the_words(each: list[float], starts: Sequence[float]) -> list[float]:
    """Move the cuts to moments when a sentence begins.

    Args:
        each: Seconds of each picture.
        starts: Seconds at which sentences begin, rising.

    Returns:
        As long together as before; *each* itself when there are fewer sentences than pictures,
        or a picture would be seen too briefly.
    """
    count = len(each)
    if len(starts) < count:
        return each
    cuts = [starts[round(n * len(starts) / count)] for n in range(1, count)]
    moved = [after - before for before, after in pairwise([0.0, *cuts, sum(each)])]
    return moved if min(moved) >= _BRIEFEST else each


def _positive(seconds: Any) -> float:
    if not is_number(seconds) or not seconds > 0:
        raise PromptError(f"seconds={quoted(seconds)} is not a number of seconds above 0.")
    if seconds > LONGEST:
        raise PromptError(f"A film takes up to {LONGEST:g} s, not {quoted(seconds)}.")
    return float(seconds)


LONGEST_FADE = 0.9
"""Seconds."""
_FULL_MOVE = 4.0
"""Seconds that a shot needs to make its whole move; a shorter one goes less far."""


class Viewport(NamedTuple):
    """What a camera sees of a picture: a rectangle in shares of the picture's sides."""

    left: float
    top: float
    right: float
    bottom: float


class CameraPosition(NamedTuple):
    """Where a camera stands.

    Attributes:
        zoom: Share of the picture's sides that it sees.
        x: Where that part lies between left (0) and right (1).
        y: Where it lies between top (0) and bottom (1).
    """

    zoom: float
    x: float
    y: float


WHOLE = CameraPosition(1.0, 0.5, 0.5)
_CLOSE = CameraPosition(0.84, 0.5, 0.46)
_CLOSING, _OPENING = (WHOLE, _CLOSE), (_CLOSE, WHOLE)
_DRIFTS = (
    (CameraPosition(0.88, 0.06, 0.5), CameraPosition(0.86, 0.94, 0.46)),
    _CLOSING,
    (CameraPosition(0.86, 0.94, 0.5), CameraPosition(0.88, 0.06, 0.46)),
    _OPENING,
)
_FITTED = 0.95
"""The closest zoom on a picture that does not fill the frame."""


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
    move: tuple[CameraPosition, CameraPosition]

    def presence(self, time: float) -> float:
        """How far it has appeared, 0 to 1."""
        if time >= self.full:
            return 1.0
        return max(0.0, (time - self.start) / (self.full - self.start))

    def view(self, time: float, *, fills: bool) -> Viewport:
        """What the camera sees; it moves gently when the picture does not fill the frame."""
        length = self.end - self.start
        way = _eased(min(1.0, max(0.0, (time - self.start) / length))) if length else 0.0
        strength = min(1.0, length / _FULL_MOVE)
        first, last = (_softened(position, strength, fills=fills) for position in self.move)
        zoom = first.zoom * (last.zoom / first.zoom) ** way
        left = (1 - zoom) * (first.x + (last.x - first.x) * way)
        top = (1 - zoom) * (first.y + (last.y - first.y) * way)
        return Viewport(left, top, left + zoom, top + zoom)


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


def _move(index: int, count: int) -> tuple[CameraPosition, CameraPosition]:
    if index == 0:
        return _CLOSING
    return _OPENING if index == count - 1 else _DRIFTS[(index - 1) % len(_DRIFTS)]


def _softened(position: CameraPosition, strength: float, *, fills: bool) -> CameraPosition:
    """Less far from the middle: in a short shot, and where a picture would be cut."""
    zoom = position.zoom if fills else max(_FITTED, position.zoom)
    x, y = (0.5 + (share - 0.5) * strength for share in (position.x, position.y))
    return CameraPosition(1 - (1 - zoom) * strength, x, y)


def _eased(way: float) -> float:
    """Half at even speed, half from rest to rest."""
    return (way + way * way * (3 - 2 * way)) / 2
