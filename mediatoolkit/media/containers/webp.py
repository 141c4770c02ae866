"""WebP: chunks in a RIFF; the record goes into the XMP packet, which a VP8X head announces."""

import re
import struct
from collections.abc import Callable, Iterator

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import riff, xmp
from mediatoolkit.media.containers.base import PictureFacts, Piece
from mediatoolkit.media.containers.metadata import EXIF_HEAD, Metadata, shown_size
from mediatoolkit.media.containers.png import MOST_PARTS, TOO_MANY_PARTS
from mediatoolkit.media.provenance import Provenance

NAME = "WebP"
MIME_TYPE = "image/webp"
SUFFIXES: tuple[str, ...] = (".webp",)

sniff: Callable[[bytes], object] = re.compile(rb"RIFF.{4}WEBP", re.DOTALL).match

_HAS_XMP, _HAS_ALPHA = 0x04, 0x10


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks of a WebP.

    Yields:
        Kind, start and end of each chunk's content; one byte of padding follows an odd content.

    Raises:
        IndexError, struct.error: The data is shorter than its RIFF length says.
        MediaError: There are too many.
    """
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise IndexError
    at = 12
    for _ in range(MOST_PARTS):
        if at >= length + 8:
            return
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > length + 8:
            raise IndexError
        yield kind, at + 8, at + 8 + size
        at += 8 + size + size % 2
    raise MediaError(TOO_MANY_PARTS)


def canvas(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, as they are stored."""
    sizes = (_size(kind, data, start) for kind, start, _ in chunks(data))
    return next(filter(None, sizes), (0, 0))


def inspect(data: bytes) -> PictureFacts | None:
    """Check the lengths of all chunks."""
    size: tuple[int, int] | None = None
    has_pixels = False
    exif = b""
    end = 12
    for kind, start, end in chunks(data):
        has_pixels |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        size = size or _size(kind, data, start)
        if kind == b"EXIF" and not exif and data.startswith(b"VP8X", 12):
            exif = data[start:end]
    if size is None or not has_pixels:
        return None
    width, height = shown_size(*size, exif)
    return PictureFacts(mime_type=MIME_TYPE, length=end + end % 2, width=width, height=height)


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None."""
    for kind, start, end in chunks(data):
        record = xmp.provenance_in(data, start, end) if kind == b"XMP " else None
        if record is not None:
            return record
    return None


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record in its XMP packet, or in one of its own where that is no XMP."""
    view = memoryview(data)
    body: list[Piece] = []
    packets: list[bytes] = []
    for kind, start, end in chunks(data):
        if kind == b"XMP ":
            packets.append(data[start:end])
        else:
            body.append(view[start - 8 : end + end % 2])
    body[0] = _extended_header(bytes(body[0]), data)
    theirs = [packet for packet in packets if not xmp.is_ours_alone(packet)] or [xmp.EMPTY]
    filled = xmp.with_provenance(theirs[0], provenance, most=len(theirs[0]) + xmp.JPEG_ROOM)
    if filled is None:
        ours = xmp.with_provenance(xmp.EMPTY, provenance, most=xmp.JPEG_ROOM)
        packets = [*theirs, ours or b""]
    else:
        packets = [filled, *theirs[1:]]
    body.extend(riff.chunk(b"XMP ", packet) for packet in packets)
    size = sum(map(len, body)) + 4
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP", *body]


def read_metadata(data: bytes) -> Metadata:
    """Exif, profile and XMP."""
    contents = {kind: data[start:end] for kind, start, end in reversed(list(chunks(data)))}
    return Metadata(
        contents.get(b"EXIF", b"").removeprefix(EXIF_HEAD),
        contents.get(b"ICCP", b""),
        xmp.unless_ours(contents.get(b"XMP ", b"")),
    )


def _extended_header(first: bytes, data: bytes) -> bytes:
    """The first chunk, preceded by or being a VP8X header that announces XMP."""
    if first.startswith(b"VP8X"):
        return first[:8] + bytes([first[8] | _HAS_XMP]) + first[9:]
    lossless_with_alpha = first.startswith(b"VP8L") and first[12] & 0x10
    flags = _HAS_XMP | (_HAS_ALPHA if lossless_with_alpha else 0)
    sides = b"".join((side - 1).to_bytes(3, "little") for side in canvas(data))
    return b"VP8X" + struct.pack("<IB3x", 10, flags) + sides + first


def _size(kind: bytes, data: bytes, at: int) -> tuple[int, int] | None:
    if kind == b"VP8X":
        width, height = data[at + 4 : at + 7], data[at + 7 : at + 10]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if kind == b"VP8 ":
        wide, high = struct.unpack_from("<HH", data, at + 6)
        return wide & 0x3FFF, high & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, at + 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
