"""What bytes are called that are no media of ours, and the way out."""

import io

import pytest
from PIL import Image as PillowImage

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Image, Media, Video
from mediatoolkit.media.containers.signatures import kind_of, name_of


def box(*brands: bytes) -> bytes:
    """The first box of an ISO media file: a major brand, a version, other brands."""
    content = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return (8 + len(content)).to_bytes(4, "big") + b"ftyp" + content + b"\0\0\0\x08mdat"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (box(b"heic", b"mif1"), "HEIC"),
        (box(b"mif1", b"heic"), "HEIC"),
        (box(b"mif1", b"miaf"), "HEIF"),
        (box(b"avif", b"mif1"), "AVIF"),
        (box(b"mif1", b"avif"), "AVIF"),
        (box(b"isom", b"mp41"), "MP4"),
        (box(b"M4A ", b"isom"), "M4A (sound in MP4)"),
        (box(b"qt  "), "QuickTime"),
        (b"\xff\x0a\0\0", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "PSD"),
        (b"%PDF-1.7", "PDF"),
        (b"\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<!doctype html><title>Log in</title>", "HTML or XML"),
        (b'{"error": {"code": 404}}', "JSON"),
        (b"PK\x03\x04\0\0", "a ZIP archive"),
        (b"\x1f\x8b\x08", "gzip data"),
        (b"FORM\0\0\0\0AIFF", "AIFF"),
        (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", "Wave64"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "Matroska"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", "WebM"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "WAV"),
        (b"", "empty"),
        (b"neither this nor that", "unknown data"),
    ],
)
def test_bytes_are_called_by_their_name(data: bytes, name: str) -> None:
    assert name_of(data) == name


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM", "JPEG2000"])
def test_what_pillow_opens_says_so(kind: str) -> None:
    """The way out that is named is one that works."""
    file = io.BytesIO()
    PillowImage.new("RGB", (16, 16), "red").save(file, kind)
    with pytest.raises(MediaError, match=r"open it with Pillow, then mt\.Image\.of"):
        Image(file.getvalue())
    assert Image.of(PillowImage.open(file)).width == 16


def test_a_photograph_of_a_phone_is_told_what_opens_it() -> None:
    with pytest.raises(MediaError, match=r"This is HEIC.*Pillow and pillow-heif, then mt\.Image"):
        Image(box(b"heic", b"mif1"))


@pytest.mark.parametrize("kind", [Image, Audio])
def test_every_class_of_media_knows_the_same_names(kind: type[Media]) -> None:
    for data in (b"%PDF-1.7", b'{"a": 1}', b"<html>", b"GIF89a"):
        with pytest.raises(MediaError, match=name_of(data)):
            kind(data)
        with pytest.raises(MediaError, match=name_of(data)):
            Video(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_that_pillow_writes_are_told_from_other_data(kind: str) -> None:
    file = io.BytesIO()
    PillowImage.new("L", (9, 7)).save(file, kind)
    assert kind_of(file.getvalue()).family == "picture"
