"""Formats of files: one module and one line in a table make a new one known everywhere."""

from pathlib import Path

import pytest

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import FILMS, PICTURES, SOUNDS, Family
from mediatoolkit.media.containers.base import PictureFacts, Piece
from mediatoolkit.media.provenance import Provenance


class Gif:
    """The least that a format needs; a module has the same names."""

    NAME = "GIF"
    MIME_TYPE = "image/gif"
    SUFFIXES: tuple[str, ...] = (".gif", ".giff")

    def sniff(self, data: bytes) -> bool:
        return data.startswith(b"GIF")

    def inspect(self, data: bytes) -> PictureFacts | None:
        width, height = data[6], data[8]
        return PictureFacts(mime_type="image/gif", length=len(data), width=width, height=height)

    def read_record(self, data: bytes) -> Provenance | None:
        del data
        return None

    def with_record(self, data: bytes, provenance: Provenance) -> list[Piece]:
        return [data, provenance.to_json().encode()]


@pytest.fixture
def family() -> Family[PictureFacts]:
    return Family("picture", (*PICTURES.by_type.values(), Gif()))


def test_a_new_format_is_known_by_its_bytes_and_its_endings(family: Family[PictureFacts]) -> None:
    facts = family.inspect(b"GIF89a\7\0\5\0")

    assert (facts.mime_type, facts.width, facts.height) == ("image/gif", 7, 5)
    assert family.type_of(Path("fox.GIF")) == "image/gif"
    assert family.suffixes == ".png, .jpg, .jpeg, .webp, .gif or .giff"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7", "This is PDF, not a picture we take: use PNG, JPEG, WebP or GIF"),
        (b"GIF89a", "The picture is cut short or corrupt"),
        (b"GIF89a\0\0\5\0", "The picture has no pixels"),
        (b"OggS", "This is Ogg, a sound, not a picture we take"),
    ],
)
def test_errors_name_the_formats_that_there_are(
    family: Family[PictureFacts], data: bytes, words: str
) -> None:
    with pytest.raises(MediaError, match=words):
        family.inspect(data)


def test_every_type_and_ending_belongs_to_one_format() -> None:
    formats = [each for family in (PICTURES, SOUNDS, FILMS) for each in family.by_type.values()]
    suffixes = [suffix for each in formats for suffix in each.SUFFIXES]

    assert len({each.MIME_TYPE for each in formats}) == len(formats)
    assert len(set(suffixes)) == len(suffixes)
