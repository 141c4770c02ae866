"""What every file format has in common: the protocol, and what the structure of a file says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers.metadata import Metadata
from mediatoolkit.media.provenance import Provenance

Piece = bytes | memoryview

MAX_PIXELS = 50_000_000
SAMPLE_RATES = range(1, 1_000_000)
MAX_SECONDS = 1e9
"""What says that it is longer says nonsense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the structure of a file says, without anything decoded.

    Attributes:
        mime_type: Such as `image/png`.
        length: Bytes the media takes; what follows them is not part of it.
    """

    mime_type: str
    length: int

    def check(self) -> None:
        """Refuse measures that nothing here could show.

        Raises:
            MediaError: There is nothing in it, or too much.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts(Facts):
    """What the structure of a picture says.

    The length includes what a camera put behind the picture, such as the film of a motion photo.

    Attributes:
        width: Pixels, as the picture is shown: one that is to be turned a quarter changes sides.
        height: Pixels.
    """

    width: int
    height: int

    def check(self) -> None:
        """Refuse no pixels, and more than 50 million."""
        if not self.width or not self.height:
            raise MediaError("The picture has no pixels.")
        if self.width * self.height > MAX_PIXELS:
            raise MediaError(
                f"The picture has {self.width} × {self.height} pixels; "
                f"{MAX_PIXELS // 1_000_000} million are the most."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFacts(Facts):
    """What the structure of a sound file says.

    Attributes:
        sample_rate: Hertz.
        channels: From 1.
        frames: Samples of one channel.
        bits: How exact a sample is.
    """

    sample_rate: int
    channels: int
    frames: int
    bits: int

    def check(self) -> None:
        """Refuse silence of no length, and rates beyond all use."""
        if self.frames <= 0:
            raise MediaError("The sound file holds no sound.")
        if self.sample_rate not in SAMPLE_RATES:
            raise MediaError(
                f"The sound has {self.sample_rate:,} samples a second; "
                f"{SAMPLE_RATES[-1]:,} are the most."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmFacts(Facts):
    """What the structure of a film says.

    Attributes:
        width: Pixels, as the film is shown: turned upright, and stretched where its pixels are no
            squares.
        height: Pixels, as the film is shown.
        seconds: Length, or None where the file does not say.
        fps: Frames per second on average, or None where the file does not say.
        stretch: How much wider than high a pixel of it is shown.
    """

    width: int
    height: int
    seconds: float | None
    fps: float | None
    stretch: float = 1.0

    def check(self) -> None:
        """Refuse no pixels, and more than 50 million."""
        if not 0 < self.width * self.height <= MAX_PIXELS:
            raise MediaError(f"A film of {self.width}×{self.height} pixels cannot be shown.")


F_co = TypeVar("F_co", bound=Facts, covariant=True)


class Container(Protocol[F_co]):
    """One file format. Each is a module of this package with these names (PEP 544).

    Attributes:
        NAME: As it stands in a sentence, such as `"WebP"`.
        MIME_TYPE: By which all else is looked up.
        SUFFIXES: Endings of file names, the usual one first.
    """

    NAME: str
    MIME_TYPE: str
    SUFFIXES: tuple[str, ...]

    def sniff(self, data: bytes, /) -> object:
        """Something true where the bytes begin like this format; the first kilobytes are enough."""

    def inspect(self, data: bytes) -> F_co | None:
        """Check the structure of a whole file, without decoding.

        Returns:
            None where something is missing.

        Raises:
            MediaError: It is a kind of this format that is not taken.
            IndexError, struct.error: It is cut short or corrupt.
        """

    def read_record(self, data: bytes) -> Provenance | None:
        """The provenance that a file of ours carries; its beginning may be enough.

        Raises:
            MediaError, IndexError, struct.error: The bytes end before the record, or are corrupt.
        """

    def with_record(self, data: bytes, provenance: Provenance) -> list[Piece]:
        """A checked file with *provenance* in it, in pieces; the media itself is not touched.

        A record of ours that is there already is replaced.
        """


class PictureContainer(Container[PictureFacts], Protocol):
    """A format of pictures."""

    def read_metadata(self, data: bytes) -> Metadata:
        """Return what a checked file says beside its pixels; our record is left out."""


class Allowance:
    """How many parts of a file are looked at before it is refused as made to waste time.

    Args:
        size: Bytes of the file. The parts of real films have some hundred bytes each at least,
            so 20,000 of them and one more for each 128 bytes leave room for any.
    """

    def __init__(self, size: int) -> None:
        """Start with nothing used up."""
        self._left = 20_000 + size // 128

    def spend(self) -> None:
        """Look at one more.

        Raises:
            MediaError: There were too many.
        """
        self._left -= 1
        if self._left < 0:
            raise MediaError("The file is made of far more parts than such media has.")


def pixel_shape(across: int, down: int) -> float:
    """Return how much wider than high a pixel is shown; 1 where the numbers make no sense."""
    shape = across / down if down else 1.0
    return shape if 0.1 <= shape <= 10 else 1.0


def listed(names: Sequence[str]) -> str:
    """The names as a sentence has them: `a, b or c`."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
