"""File formats: what the bytes are, checked without decoding, and a record put in or read out.

Each format is one module with the names of `base.Container`. To add one, write its module and put
it into its table below; classes of media, folders and error messages know it from there. Then name
it where media is decoded and encoded: a picture in `decoding.py` and `pixels.py`, sound in
`codec.py`. In `signatures.py` it needs no way out any more.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import flac, jpeg, m4a, mp3, mp4, ogg, png, wav, webm, webp
from mediatoolkit.media.containers.base import (
    Container,
    Facts,
    FilmFacts,
    PictureContainer,
    PictureFacts,
    SoundFacts,
    listed,
)
from mediatoolkit.media.containers.metadata import Metadata
from mediatoolkit.media.containers.signatures import FILM, PICTURE, SOUND, not_taken

_PICTURES: tuple[PictureContainer, ...] = (png, jpeg, webp)
_SOUNDS: tuple[Container[SoundFacts], ...] = (wav, mp3, ogg, flac, m4a)
_FILMS: tuple[Container[FilmFacts], ...] = (mp4, webm)

F = TypeVar("F", bound=Facts)


class Family(Generic[F]):
    """All formats of pictures, of sound, or of films.

    Args:
        noun: What a file of the family is called.
        containers: The formats, in the order in which sentences name them.

    Attributes:
        noun: As given.
        by_type: The formats by MIME type.
        type_by_suffix: MIME types by ending, such as `.jpg`.
    """

    def __init__(self, noun: str, containers: Sequence[Container[F]]) -> None:
        """Make the tables."""
        self.noun = noun
        self.by_type = {container.MIME_TYPE: container for container in containers}
        self.type_by_suffix = {
            suffix: container.MIME_TYPE for container in containers for suffix in container.SUFFIXES
        }

    def sniff(self, data: bytes) -> Container[F] | None:
        """The format that the bytes begin like, or None."""
        return next((each for each in self.by_type.values() if each.sniff(data)), None)

    def inspect(self, data: bytes) -> F:
        """Check the structure of a file; above a megabyte, better in a thread.

        Raises:
            MediaError: It is none of these formats, cut short, corrupt, empty, or too large.
        """
        container = self.sniff(data)
        if container is None:
            formats = listed([container.NAME for container in self.by_type.values()])
            raise MediaError(not_taken(data, self.noun, formats))
        broken = f"The {self.noun} is cut short or corrupt; fetch or save it again."
        try:
            facts = container.inspect(data)
        except (IndexError, struct.error) as error:
            raise MediaError(broken) from error
        if facts is None:
            raise MediaError(broken)
        facts.check()
        return facts

    def type_of(self, path: Path) -> str | None:
        """The MIME type that the ending of a file name promises, or None."""
        return self.type_by_suffix.get(path.suffix.lower())

    @property
    def suffixes(self) -> str:
        """All endings, as a sentence has them."""
        return listed(list(self.type_by_suffix))


PICTURES = Family(PICTURE, _PICTURES)
SOUNDS = Family(SOUND, _SOUNDS)
FILMS = Family(FILM, _FILMS)


def inspect(data: bytes) -> PictureFacts:
    """Check the structure of a picture; above a megabyte, better in a thread.

    Raises:
        MediaError: Not PNG, JPEG or WebP, cut short, corrupt, or more than 50 million pixels.
    """
    return PICTURES.inspect(data)


def read_metadata(data: bytes, mime_type: str) -> Metadata:
    """Return what a checked picture says beside its pixels, without our record."""
    return next(each for each in _PICTURES if mime_type == each.MIME_TYPE).read_metadata(data)
