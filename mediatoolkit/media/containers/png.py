"""PNG: chunks, each with a CRC, up to IEND; the record is an iTXt chunk behind the first.

A file is handled in pieces, so that a large picture is not copied to gain a line of text.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import xmp
from mediatoolkit.media.containers.base import PictureFacts, Piece
from mediatoolkit.media.containers.metadata import (
    EXIF_HEAD,
    RECORD_KEYWORD,
    Metadata,
    shown_size,
    without_orientation,
)
from mediatoolkit.media.provenance import Provenance

NAME = "PNG"
MIME_TYPE = "image/png"
SUFFIXES: tuple[str, ...] = (".png",)

START = b"\x89PNG\r\n\x1a\n"
sniff: Callable[[bytes], object] = re.compile(re.escape(START)).match
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = "XML:com.adobe.xmp"
_RECORD_HEAD = RECORD_KEYWORD.encode() + b"\0\0\0\0\0"  # not compressed, no language
_RAW_KEYWORDS = ("Raw profile type exif", "Raw profile type APP1")
_RAW = re.compile(r"\s*(\w+)\s+(\d+)\s+([0-9a-fA-F\s]*)")
_MOST_UNPACKED = 64 << 20  # bytes of a profile or text

MOST_PARTS = 100_000
"""Chunks or segments of a picture; 150 MB in the usual 8 kB make 20,000."""

TOO_MANY_PARTS = "The picture has too many parts; open it with Pillow, then mt.Image.of(…)."


def chunks(data: bytes, *, check: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """Walk a PNG.

    Args:
        data: The file.
        check: Compare each chunk with its CRC, as is needed once for each file.

    Yields:
        Kind, start and end of each chunk's content; the CRC follows in 4 bytes.

    Raises:
        MediaError: A chunk does not match its CRC, or there are too many.
        struct.error: The data ends before IEND.
    """
    at, kind, view = len(START), b"", memoryview(data)
    for _ in range(MOST_PARTS):
        if kind == b"IEND":
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        start, end = at + 8, at + 8 + length
        (crc,) = struct.unpack_from(">I", data, end)
        if check and zlib.crc32(view[at + 4 : end]) != crc:
            raise MediaError("The PNG is corrupt: a chunk does not match its checksum.")
        yield kind, start, end
        at = end + 4
    raise MediaError(TOO_MANY_PARTS)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and CRC."""
    crc = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def inspect(data: bytes) -> PictureFacts | None:
    """Check every chunk up to IEND."""
    width = height = end = 0
    exif = b""
    kinds: set[bytes] = set()
    for kind, start, end in chunks(data, check=True):
        if not kinds and kind != b"IHDR":
            return None
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", data, start)
        if kind == b"eXIf":
            exif = data[start:end]
        kinds.add(kind)
    if b"IDAT" not in kinds:
        return None
    width, height = shown_size(width, height, exif)
    return PictureFacts(mime_type=MIME_TYPE, length=end + 4, width=width, height=height)


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None."""
    for kind, start, end in chunks(data, check=True):
        if kind == b"iTXt" and data.startswith(_RECORD_HEAD, start):
            return Provenance.from_json(data[start + len(_RECORD_HEAD) : end])
    return None


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record in the second chunk."""
    view, rest = memoryview(data), len(START) + 25
    pieces: list[Piece] = [
        view[:rest],
        chunk(b"iTXt", _RECORD_HEAD + provenance.to_json().encode()),
    ]
    for kind, start, end in chunks(data):
        if kind == b"iTXt" and data.startswith(_RECORD_HEAD, start):
            pieces.append(view[rest : start - 8])
            rest = end + 4
    return [*pieces, view[rest:]]


def read_metadata(data: bytes) -> Metadata:
    """Exif, profile, XMP and texts, also Exif and XMP as ImageMagick hides them in texts."""
    known = Metadata()
    texts = []
    for kind, start, end in chunks(data):
        if kind == b"eXIf":
            known = replace(known, exif=data[start:end].removeprefix(EXIF_HEAD))
        elif kind == b"iCCP":
            known = replace(
                known, profile=_unpacked(data[content_of(data, kind, start, end)[0] : end])
            )
        elif kind in TEXTS:
            texts.append(_text(data, kind, start, end))
    for keyword, text in texts:
        if keyword == XMP_KEYWORD:
            known = replace(known, xmp=xmp.unless_ours(text.encode()))
        elif keyword in _RAW_KEYWORDS:
            known = _with_raw(known, text)
        elif keyword not in ("", RECORD_KEYWORD):
            known = replace(known, texts=(*known.texts, (keyword, text)))
    return known


def content_of(data: bytes, kind: bytes, start: int, end: int) -> tuple[int, bool]:
    """Return where the text or profile in a chunk begins, and whether it is packed.

    A chunk without a keyword counts as packed from its start, which nothing unpacks.
    """
    at = data.find(b"\0", start, end) + 1
    if not at:
        return start, True
    if kind == b"tEXt":
        return at, False
    if kind != b"iTXt":
        return at + 1, True
    language = data.find(b"\0", at + 2, end) + 1
    text = data.find(b"\0", language, end) + 1 if language else 0
    return text or end, data.startswith(b"\x01", at)


def _text(data: bytes, kind: bytes, start: int, end: int) -> tuple[str, str]:
    """Keyword and text; empty where they cannot be read."""
    at, is_packed = content_of(data, kind, start, end)
    keyword = data[start:at].partition(b"\0")[0]
    text = _unpacked(data[at:end]) if is_packed else data[at:end]
    return keyword.decode("latin-1"), text.decode(
        "utf-8" if kind == b"iTXt" else "latin-1", "replace"
    )


def _unpacked(packed: bytes) -> bytes:
    """Return what zlib packed; nothing where it is broken or a bomb."""
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(packed, _MOST_UNPACKED)
    except zlib.error:
        return b""
    return content if unpack.eof else b""


def _with_raw(metadata: Metadata, text: str) -> Metadata:
    """Exif or XMP as ImageMagick writes them into a PNG, in hexadecimal."""
    match = _RAW.match(text)
    try:
        content = bytes.fromhex(match[3]) if match else b""
    except ValueError:
        content = b""
    if content.startswith(xmp.JPEG_HEAD):
        return replace(metadata, xmp=metadata.xmp or content.removeprefix(xmp.JPEG_HEAD))
    if content.startswith((EXIF_HEAD, b"II*\0", b"MM\0*")):
        exif = without_orientation(content.removeprefix(EXIF_HEAD))  # nobody turns a PNG by that
        return replace(metadata, exif=metadata.exif or exif)
    return metadata
