"""What somebody wrote, as it may stand in a message."""

import reprlib


class _Short(reprlib.Repr):
    """One line, whatever the value and whatever its own `repr` does."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 120
        self.maxlevel = 2

    def repr_int(self, value: int, level: int) -> str:
        """Python refuses to spell out a number of more than some thousand digits."""
        if value.bit_length() > 256:
            return f"<number of {value.bit_length():,} bits>"
        return super().repr_int(value, level)

    def repr_instance(self, value: object, level: int) -> str:
        """Arrays and tables take several lines."""
        return " ".join(super().repr_instance(value, level).split())


quoted = _Short().repr
"""The `repr` of a value, cut to some 120 characters; never fails."""
