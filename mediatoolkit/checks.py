"""What counts as a number, a duration or a known word, and how a value is quoted.

NumPy's numbers count, True and False do not.
"""

import numbers
import reprlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from mediatoolkit.errors import PromptError, visible

__all__ = [
    "finite_seconds",
    "is_number",
    "is_whole",
    "meaning",
    "positive_seconds",
    "quoted",
    "visible",
]


class _Short(reprlib.Repr):
    """One line, whatever the value and whatever its own `repr` does."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120
        self.maxlevel = 2

    def repr_int(self, value: int, level: int) -> str:
        """Tell the size of a long number: Python refuses to spell out some thousand digits."""
        if value.bit_length() > 256:
            return f"<number of {value.bit_length():,} bits>"
        return super().repr_int(value, level)

    def repr_instance(self, value: object, level: int) -> str:
        """Put on one line what takes several, such as arrays and tables."""
        return " ".join(super().repr_instance(value, level).split())


quoted = _Short().repr
"""The `repr` of a value, cut to some 120 characters; never fails."""


def is_whole(value: object) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a number, whole or not; also infinity and NaN."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


_LONGEST_SPAN = 1e9  # seconds, some thirty years


def positive_seconds(value: Any, name: str = "timeout") -> float:
    """Check a duration.

    Raises:
        PromptError: *value* is not a finite number above 0.
    """
    if is_number(value) and 0 < value < _LONGEST_SPAN:
        return float(value)
    finite_seconds(value, name)  # says what else may be wrong with it
    raise PromptError(f"{name} must be a finite number of seconds above 0, not {quoted(value)}.")


def finite_seconds(value: Any, name: str) -> float:
    """Check a span of time, which may be negative.

    Raises:
        PromptError: *value* is not a finite number.
    """
    if not is_number(value):
        raise PromptError(f"{name} takes seconds as a number, not {type(value).__name__}.")
    if not -_LONGEST_SPAN < value < _LONGEST_SPAN:
        raise PromptError(f"{name} must be a finite number of seconds, not {quoted(value)}.")
    return float(value)


def meaning(word: str, words: Mapping[str, Any], owner: str) -> Any:
    """Return what *word* means to its *owner*, such as `"--cache"`.

    Raises:
        PromptError: It is none of *words*; the message names a similar one, or all.
    """
    if word in words:
        return words[word]
    near = get_close_matches(word, words, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(words)}."
    raise PromptError(f"{owner} takes no {quoted(word)}; {hint}")
