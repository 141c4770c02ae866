"""JPEG: segments up to the end mark; the record goes into the XMP packet.

A file may hold several pictures. The first then has an index, which is a TIFF in a segment: it
tells the size of each picture and, except for the first, its offset from the beginning of that
TIFF (CIPA DC-007).
"""

import re
import struct
from collections.abc import Callable, Iterator

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import xmp
from mediatoolkit.media.containers.base import PictureFacts, Piece
from mediatoolkit.media.containers.metadata import EXIF_HEAD, Metadata, byte_order, shown_size
from mediatoolkit.media.containers.png import MOST_PARTS, TOO_MANY_PARTS
from mediatoolkit.media.provenance import Provenance

NAME = "JPEG"
MIME_TYPE = "image/jpeg"
SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg")

sniff: Callable[[bytes], object] = re.compile(rb"\xff\xd8\xff").match

INDEX_HEAD = b"MPF\0"
_INDEX_ENTRIES = 0xB002
_PROFILE_HEAD = b"ICC_PROFILE\0"
_APP0, _APP1, _APP2, _COMMENT, _SCAN, _END = 0xE0, 0xE1, 0xE2, 0xFE, 0xDA, 0xD9
_SIZE = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_FILL = re.compile(rb"\xff+")
# Among pixels, a byte of 255 is followed by 0 or is a restart mark; any other marker ends them.
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MOST_SCANS = 200
"""Times that a JPEG goes over its pixels; progressive ones do so some ten times."""

_ANNOUNCED = re.compile(rb"MPF\0|MotionPhoto|MicroVideo|Container:Directory")
_TAIL = re.compile(rb"[\0\xff]*(?:\xff\xd8\xff|.{4}ftyp|CANON OPTIONAL DATA\0|vivo\{)", re.DOTALL)
_TAIL_ENDS = (b"SEFT", b"cbipcbbl", b"8db42d694ccc418790edff439fe026bf")
"""What cameras put behind a picture: more pictures, a film, notes that begin or end so."""

_TAIL_NOTES = re.compile(
    rb"\s[\w.-]+:(?:MotionPhoto\w*|MicroVideo\w*|HasExtendedXMP)\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')"
)
"""The part of XMP that announces the film behind a motion photo."""

_Segment = tuple[int, int, int]  # marker code, start and end of the content


def segments(data: bytes) -> Iterator[_Segment]:
    """Walk the segments of a JPEG up to its end mark.

    Yields:
        Marker code, start and end of each segment's content; the end mark is `(0xD9, at, at)`.

    Raises:
        IndexError, struct.error: The data ends before the end mark.
        MediaError: There are too many.
    """
    at = parts = 2
    scans = 0
    while parts < MOST_PARTS and scans <= _MOST_SCANS:
        fill = _FILL.match(data, at)
        if fill is None:
            raise IndexError
        code, at = data[fill.end()], fill.end() + 1
        parts += fill.end() - fill.start()
        if code == _END:
            yield code, at, at
            return
        if code in _BARE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        yield code, at + 2, at + length
        at += length
        if code == _SCAN:
            scans += 1
            marker = _MARKER_AFTER_SCAN.search(data, at)
            if marker is None:
                raise IndexError
            at = marker.start()
    raise MediaError(TOO_MANY_PARTS)


def inspect(data: bytes) -> PictureFacts | None:
    """Check the segments up to the end mark."""
    width = height = end = 0
    exif = b""
    has_scan = False
    for code, start, end in segments(data):
        if code in _SIZE:
            height, width = struct.unpack_from(">HH", data, start + 1)
        if code == _APP1 and not exif and data.startswith(EXIF_HEAD, start):
            exif = data[start:end]
        has_scan |= code == _SCAN
    if not has_scan:
        return None
    if exif:
        width, height = shown_size(width, height, exif)
    length = end if len(data) == end else _end_of_file(data, end)
    return PictureFacts(mime_type=MIME_TYPE, length=length, width=width, height=height)


def coefficients(data: bytes) -> int:
    """Bytes that any decoder takes for a JPEG whose scans refine each other, else 0."""
    scans, frame = 0, (0, 0, 0)
    for code, start, end in segments(data):
        scans += code == _SCAN
        if code in _SIZE:
            frame = (code, start, end)
    code, start, end = frame
    if scans < 2 and code not in _PROGRESSIVE:
        return 0
    height, width = struct.unpack_from(">HH", data, start + 1)
    parts = [divmod(data[at], 16) for at in range(start + 7, end, 3)]
    across, down = (max(1, *sides) for sides in zip((1, 1), *parts, strict=True))
    return sum(2 * width * height * wide * high // (across * down) for wide, high in parts)


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None."""
    for code, start, end in segments(data):
        record = xmp.provenance_in(data, start, end) if _is_xmp(data, code, start) else None
        if record is not None:
            return record
    return None


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record in its XMP packet, or in one before that where it has no room."""
    heads = _heads(data)
    packets = [n for n, (code, at, _) in enumerate(heads) if _is_xmp(data, code, at)]
    theirs = [n for n in packets if not xmp.is_ours_alone(_packet(data, heads[n]))]
    pieces: list[Piece] = [_piece(data, heads, n) for n in range(len(heads))]
    for number in set(packets) - set(theirs):
        pieces[number] = b""
    filled = None
    if theirs:
        packet = _packet(data, heads[theirs[0]])
        filled = xmp.with_provenance(packet, provenance, most=xmp.JPEG_ROOM)
    if filled is not None:
        pieces[theirs[0]] = _segment(_APP1, xmp.JPEG_HEAD + filled)
    else:  # before theirs: readers that take one packet take the last
        ours = xmp.with_provenance(xmp.EMPTY, provenance, most=xmp.JPEG_ROOM)
        place = _place_for_xmp(data, heads)
        pieces.insert(place, _segment(_APP1, xmp.JPEG_HEAD + (ours or b"")))
        heads.insert(place, (0, 0, 0))  # a new segment, which the file does not have
    return [data[:2], *_indexed(data, heads, pieces), memoryview(data)[_pixels(heads) :]]


def with_xmp(data: bytes, packet: bytes) -> bytes:
    """Add an XMP packet of any length to a JPEG that has none."""
    standard, parts = xmp.split(packet)
    heads = _heads(data)
    at = _pixels(heads[: _place_for_xmp(data, heads)])
    added = b"".join(_segment(_APP1, part) for part in (xmp.JPEG_HEAD + standard, *parts))
    return data[:at] + added + data[at:]


def read_metadata(data: bytes) -> Metadata:
    """Exif, profile, XMP and comments; XMP in several segments is joined."""
    exif, packet, comments = b"", b"", []
    profile: list[tuple[int, bytes]] = []
    extended: dict[bytes, list[tuple[int, bytes]]] = {}
    for code, start, end in segments(data):
        content = data[start:end] if code in (_APP1, _APP2, _COMMENT) else b""
        if code == _COMMENT:
            comments.append(decoded(content))
        elif content.startswith(EXIF_HEAD):
            exif = exif or content.removeprefix(EXIF_HEAD)
        elif content.startswith(xmp.JPEG_HEAD):
            packet = packet or xmp.unless_ours(content.removeprefix(xmp.JPEG_HEAD))
        elif content.startswith(_PROFILE_HEAD) and len(content) > len(_PROFILE_HEAD) + 2:
            number = content[len(_PROFILE_HEAD)]
            profile.append((number, content[len(_PROFILE_HEAD) + 2 :]))
        elif content.startswith(xmp.EXTENDED_HEAD) and len(content) > len(xmp.EXTENDED_HEAD) + 40:
            name, at, part = xmp.extended_part(content)
            extended.setdefault(name, []).append((at, part))
    rest = extended.get(xmp.extension_of(packet) or b"")
    if rest is not None:
        packet = xmp.joined(packet, _in_order(rest))
    texts = tuple(("Comment", comment) for comment in comments)
    return Metadata(exif, _in_order(profile), _TAIL_NOTES.sub(b"", packet), texts)


def decoded(text: bytes) -> str:
    """A comment; the file does not say how it is encoded."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def moved_index(content: bytes, *, grown: int, behind: int) -> bytes:
    """The index of several pictures, after the first picture has grown.

    Args:
        content: Of its segment, from `INDEX_HEAD` on.
        grown: Bytes by which the first picture is longer.
        behind: How many of these lie behind the index.

    Returns:
        The same bytes where the index is not understood.
    """
    changed, base = bytearray(content), len(INDEX_HEAD)
    order = byte_order(content[base:])
    if not order:
        return content
    try:
        for at, size in _entries(content, base, order):
            for place in range(at, at + size - 15, 16):
                length, offset = struct.unpack_from(f"{order}II", content, place + 4)
                if offset:
                    offset += behind
                elif length:
                    length += grown
                struct.pack_into(f"{order}II", changed, place + 4, length, offset)
    except struct.error:
        return content
    return bytes(changed)


def _entries(content: bytes, base: int, order: str) -> list[tuple[int, int]]:
    """Return where the entries of the pictures lie, and how many bytes they take."""
    (first,) = struct.unpack_from(f"{order}I", content, base + 4)
    (count,) = struct.unpack_from(f"{order}H", content, base + first)
    fields = [
        struct.unpack_from(f"{order}HHII", content, base + first + 2 + 12 * number)
        for number in range(count)
    ]
    return [(base + value, size) for tag, _, size, value in fields if tag == _INDEX_ENTRIES]


def _end_of_file(data: bytes, end: int) -> int:
    """Return where the file ends whose first picture ends at *end*, with more behind it."""
    known = data.endswith(_TAIL_ENDS) or _TAIL.match(data, end)
    return len(data) if known or _ANNOUNCED.search(data, 0, end) else end


def _heads(data: bytes) -> list[_Segment]:
    """The segments before the pixels."""
    heads = []
    for code, start, end in segments(data):
        if code == _SCAN:
            break
        heads.append((code, start, end))
    return heads


def _pixels(heads: list[_Segment]) -> int:
    """Return where what follows *heads* begins."""
    return max((end for _, _, end in heads), default=2)


def _place_for_xmp(data: bytes, heads: list[_Segment]) -> int:
    """Return the place behind the heads of JFIF and Exif, which come first."""
    place = 0
    for number, (code, start, _) in enumerate(heads):
        if code == _APP0 or (code == _APP1 and data.startswith(EXIF_HEAD, start)):
            place = number + 1
    return place


def _is_xmp(data: bytes, code: int, start: int) -> bool:
    return code == _APP1 and data.startswith(xmp.JPEG_HEAD, start)


def _packet(data: bytes, head: _Segment) -> bytes:
    return data[head[1] + len(xmp.JPEG_HEAD) : head[2]]


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def _piece(data: bytes, heads: list[_Segment], number: int) -> memoryview:
    """A segment with what fills the place before it."""
    before = heads[number - 1][2] if number else 2
    return memoryview(data)[before : heads[number][2]]


def _indexed(data: bytes, heads: list[_Segment], pieces: list[Piece]) -> list[Piece]:
    """The same pieces; an index of several pictures still points at them."""
    grown = 2 + sum(map(len, pieces)) - _pixels(heads)
    at, indexed = 2, list(pieces)
    for number, (code, start, end) in enumerate(heads):
        at += len(pieces[number])
        if code == _APP2 and data.startswith(INDEX_HEAD, start):
            index = moved_index(data[start:end], grown=grown, behind=grown - (at - end))
            indexed[number] = bytes(pieces[number])[: start - end] + index
    return indexed


def _in_order(parts: list[tuple[int, bytes]]) -> bytes:
    return b"".join(part for _, part in sorted(parts, key=lambda part: part[0]))
