"""What a magic puts below its cell."""


class PlainText(str):
    """Text that a page shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        """The text itself."""
        return str(self)
