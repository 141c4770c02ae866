"""What the structure of a film says, in whatever container."""

from dataclasses import dataclass

Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What can be known without decoding.

    Attributes:
        mime_type: `video/mp4` or `video/webm`.
        width: Pixels.
        height: Pixels.
        seconds: Length, or None where the file does not say.
        fps: Frames per second on average, or None where the file does not say.
        length: Bytes the film takes; what follows it is not part of it.
    """

    mime_type: str
    width: int
    height: int
    seconds: float | None
    fps: float | None
    length: int
