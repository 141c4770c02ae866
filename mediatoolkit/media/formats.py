"""What picture the bytes are, read from their structure without decoding a pixel.

Formats: PNG (every chunk and its CRC to IEND), JPEG (markers to EOI), WebP (RIFF lengths).
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mediatoolkit.errors import MediaError
from mediatoolkit.media.exif import EXIF_HEAD, orientation
from mediatoolkit.media.signatures import not_taken

MAX_PIXELS = 50_000_000
EXTENSIONS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}

PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZE = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_FILL = re.compile(rb"\xff+")
_JPEG_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_MOST_PARTS = 100_000
"""Chunks or segments of a picture; 150 MB in the usual 8 kB make 20,000."""

_MOST_SCANS = 200
"""Times that a JPEG goes over its pixels; progressive ones do so some ten times."""

_ANNOUNCED = re.compile(rb"MPF\0|MotionPhoto|MicroVideo|Container:Directory")
_TAIL = re.compile(rb"[\0\xff]*(?:\xff\xd8\xff|.{4}ftyp|CANON OPTIONAL DATA\0|vivo\{)", re.DOTALL)
_TAIL_ENDS = (b"SEFT", b"cbipcbbl", b"8db42d694ccc418790edff439fe026bf")
"""What cameras put behind a picture: more pictures, a film, notes that begin or end so."""

_TOO_MANY = "The picture has too many parts; open it with Pillow, then mt.Image.of(…)."


@dataclass(frozen=True, slots=True)
class Facts:
    """What the structure says.

    Attributes:
        mime_type: One of `EXTENSIONS`.
        width: Pixels, as the picture is shown: one that is to be turned a quarter changes sides.
        height: Pixels.
        length: Bytes the picture takes, with what its camera put behind it, such as the film of a
            motion photo; what follows is not part of it.
    """

    mime_type: str
    width: int
    height: int
    length: int


def inspect(data: bytes) -> Facts:
    """Check the structure of a picture; above a megabyte, better in a thread.

    Raises:
        MediaError: Not PNG, JPEG or WebP, cut short, corrupt, or more than 50 million pixels.
    """
    read = _reader_for(data)
    try:
        facts = read(data)
    except (IndexError, struct.error):
        facts = None
    if facts is None:
        raise MediaError("The picture is cut short or corrupt; fetch or save it again.")
    if not facts.width or not facts.height:
        raise MediaError("The picture has no pixels.")
    if facts.width * facts.height > MAX_PIXELS:
        raise MediaError(
            f"The picture has {facts.width} × {facts.height} pixels; "
            f"{MAX_PIXELS // 1_000_000} million are the most."
        )
    return facts


def picture_type(head: bytes) -> str | None:
    """The type of the picture that begins with *head*, or None when it is none we take."""
    if head.startswith(PNG_START):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def _reader_for(data: bytes) -> Callable[[bytes], Facts | None]:
    mime_type = picture_type(data)
    if mime_type is None:
        raise MediaError(not_taken(data, "picture", "PNG, JPEG or WebP"))
    return {"image/png": _read_png, "image/jpeg": _read_jpeg, "image/webp": _read_webp}[mime_type]


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk a PNG.

    Yields:
        Kind, start and end of each chunk's content; the CRC follows in 4 bytes.

    Raises:
        MediaError: A chunk does not match its CRC.
        struct.error: The data ends before IEND.
    """
    at, kind, view = len(PNG_START), b"", memoryview(data)
    for _ in range(_MOST_PARTS):
        if kind == b"IEND":
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        start, end = at + 8, at + 8 + length
        (crc,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(view[at + 4 : end]) != crc:
            raise MediaError("The PNG is corrupt: a chunk does not match its checksum.")
        yield kind, start, end
        at = end + 4
    raise MediaError(_TOO_MANY)


def _read_png(data: bytes) -> Facts | None:
    width = height = end = 0
    exif = b""
    seen: set[bytes] = set()
    for kind, start, end in png_chunks(data):
        if not seen and kind != b"IHDR":
            return None
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", data, start)
        if kind == b"eXIf":
            exif = data[start:end]
        seen.add(kind)
    shown = _shown(width, height, exif)
    return Facts("image/png", *shown, end + 4) if b"IDAT" in seen else None


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk the segments of a JPEG up to its end mark.

    Yields:
        Marker code, start and end of each segment's content; the end mark is `(0xD9, at, at)`.

    Raises:
        IndexError, struct.error: The data ends before the end mark.
    """
    at = parts = 2
    scans = 0
    while parts < _MOST_PARTS and scans <= _MOST_SCANS:
        fill = _JPEG_FILL.match(data, at)
        if fill is None:
            raise IndexError
        code, at = data[fill.end()], fill.end() + 1
        parts += fill.end() - fill.start()
        if code == 0xD9:
            yield code, at, at
            return
        if code in _JPEG_BARE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        yield code, at + 2, at + length
        at += length
        if code == 0xDA:
            scans += 1
            marker = _JPEG_MARKER_AFTER_SCAN.search(data, at)
            if marker is None:
                raise IndexError
            at = marker.start()
    raise MediaError(_TOO_MANY)


def _read_jpeg(data: bytes) -> Facts | None:
    width = height = end = 0
    exif = b""
    scanned = False
    for code, start, end in jpeg_segments(data):
        if code in _JPEG_SIZE:
            height, width = struct.unpack_from(">HH", data, start + 1)
        if code == 0xE1 and not exif and data.startswith(EXIF_HEAD, start):
            exif = data[start:end]
        scanned |= code == 0xDA
    if not scanned:
        return None
    return Facts("image/jpeg", *_shown(width, height, exif), _end_of_file(data, end))


def jpeg_coefficients(data: bytes) -> int:
    """Bytes that any decoder takes for a JPEG whose scans refine each other, else 0."""
    scans, frame = 0, (0, 0, 0)
    for code, start, end in jpeg_segments(data):
        scans += code == 0xDA
        if code in _JPEG_SIZE:
            frame = (code, start, end)
    code, start, end = frame
    if scans < 2 and code not in _JPEG_PROGRESSIVE:
        return 0
    height, width = struct.unpack_from(">HH", data, start + 1)
    parts = [divmod(data[at], 16) for at in range(start + 7, end, 3)]
    across, down = (max(1, *sides) for sides in zip((1, 1), *parts, strict=True))
    return sum(2 * width * height * wide * high // (across * down) for wide, high in parts)


def _end_of_file(data: bytes, end: int) -> int:
    """Where the file of a JPEG ends whose first picture ends at *end*."""
    if len(data) == end:
        return end
    known = data.endswith(_TAIL_ENDS) or _TAIL.match(data, end)
    return len(data) if known or _ANNOUNCED.search(data, 0, end) else end


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks of a WebP.

    Yields:
        Kind, start and end of each chunk's content; odd contents are followed by one byte of air.

    Raises:
        IndexError, struct.error: The data is shorter than its RIFF length says.
    """
    (length,) = struct.unpack_from("<I", data, 4)
    if len(data) < length + 8:
        raise IndexError
    at = 12
    for _ in range(_MOST_PARTS):
        if at >= length + 8:
            return
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > length + 8:
            raise IndexError
        yield kind, at + 8, at + 8 + size
        at += 8 + size + size % 2
    raise MediaError(_TOO_MANY)


def webp_canvas(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, as they are stored."""
    sizes = (_webp_size(kind, data, start) for kind, start, _ in webp_chunks(data))
    return next(filter(None, sizes), (0, 0))


def _read_webp(data: bytes) -> Facts | None:
    size: tuple[int, int] | None = None
    pixels = False
    exif = b""
    end = 12
    for kind, start, end in webp_chunks(data):
        pixels |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        size = size or _webp_size(kind, data, start)
        if kind == b"EXIF" and not exif and data.startswith(b"VP8X", 12):
            exif = data[start:end]
    return Facts("image/webp", *_shown(*size, exif), end + end % 2) if size and pixels else None


def _shown(width: int, height: int, exif: bytes) -> tuple[int, int]:
    """Width and height the right way up."""
    return (height, width) if orientation(exif) > 4 else (width, height)


def _webp_size(kind: bytes, data: bytes, at: int) -> tuple[int, int] | None:
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
