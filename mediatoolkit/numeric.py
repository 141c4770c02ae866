"""What counts as a number where a person gives one: NumPy's do, True and False do not."""

import numbers


def is_whole(value: object) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a number, whole or not; also infinity and NaN."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
