"""How long each picture of a film is seen."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import PromptError

PER_PICTURE = 4.0
"""Seconds for each picture when neither a narration nor anybody says otherwise."""
LONGEST = 600.0
"""Seconds of film."""
BEFORE, AFTER = 0.4, 0.8
"""Seconds of quiet before and after a narration that decides on the length."""
_BRIEFEST = 1.5
"""Seconds that a picture is seen at least when words decide how long."""


def lengths(
    count: int, seconds: float | Sequence[float] | None = None, spoken: float = 0.0
) -> list[float]:
    """Seconds for each of *count* pictures.

    Args:
        count: How many pictures.
        seconds: For all together, or for each; left out, what suits them and the narration.
        spoken: Seconds of narration.

    Raises:
        PromptError: It does not fit together; says what would.
    """
    if count < 1:
        raise PromptError("A film needs at least one picture.")
    if seconds is None:
        told = max(_BRIEFEST, (spoken + BEFORE + AFTER) / count)
        each = [told if spoken else PER_PICTURE] * count
    elif isinstance(seconds, Sequence):
        each = [_positive(one) for one in seconds]
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
