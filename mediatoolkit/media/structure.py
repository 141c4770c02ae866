"""What the structure of a film says, in whatever container."""

from dataclasses import dataclass, field

from mediatoolkit.errors import MediaError

Piece = bytes | memoryview

LONGEST = 1e9
"""Seconds; what says that it is longer says nonsense."""


class Allowance:
    """How many parts of a file are looked at before it counts as made to waste time.

    Args:
        size: Bytes of the file. The parts of real films have some hundred bytes each at least,
            so 20,000 of them and one more for each 128 bytes leave room for any.
    """

    def __init__(self, size: int) -> None:
        """Nothing is used up yet."""
        self._left = 20_000 + size // 128

    def spend(self) -> None:
        """Look at one more.

        Raises:
            MediaError: There were too many.
        """
        self._left -= 1
        if self._left < 0:
            raise MediaError("The file is made of far more parts than such media has.")


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What can be known without decoding.

    Attributes:
        mime_type: `video/mp4` or `video/webm`.
        width: Pixels, as the film is shown: turned upright, and stretched where its pixels are no
            squares.
        height: Pixels, as the film is shown.
        seconds: Length, or None where the file does not say.
        fps: Frames per second on average, or None where the file does not say.
        length: Bytes the film takes; what follows it is not part of it.
        stretch: How much wider than high a pixel of it is shown.
        record: What the file says of its origin, or None.
    """

    mime_type: str
    width: int
    height: int
    seconds: float | None
    fps: float | None
    length: int
    stretch: float = 1.0
    record: bytes | None = field(default=None, repr=False)


def pixel_shape(across: int, down: int) -> float:
    """How much wider than high a pixel is shown; 1 where the numbers make no sense."""
    shape = across / down if down else 1.0
    return shape if 0.1 <= shape <= 10 else 1.0
