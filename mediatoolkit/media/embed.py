"""Provenance inside a picture file, without touching a pixel.

PNG gets one iTXt chunk. JPEG and WebP have one XMP packet, and the record goes into the one that is
there. Files are handled as pieces, so that a large picture is not copied to gain a line of text.
"""

import struct
import zlib

from mediatoolkit.errors import MediaError
from mediatoolkit.media import mpf, xmp
from mediatoolkit.media.exif import EXIF_HEAD
from mediatoolkit.media.formats import (
    PNG_START,
    Facts,
    jpeg_segments,
    png_chunks,
    webp_chunks,
)
from mediatoolkit.media.provenance import Provenance

_ITXT_HEAD = b"mediatoolkit\0\0\0\0\0"  # keyword, not compressed, no language, no translation
_VP8X_XMP, _VP8X_ALPHA = 0x04, 0x10

_INSERTED = (0, 0, 0)
"""Stands among the segments for one that is new."""

Piece = bytes | memoryview


def written_into(data: bytes, facts: Facts, provenance: Provenance) -> list[Piece]:
    """The file of a picture with *provenance* in it; an older record of ours is replaced."""
    return _WRITERS[facts.mime_type](data, facts, provenance)


def read_from(data: bytes, facts: Facts) -> Provenance | None:
    """The provenance that a file of ours carries, or None."""
    return _READERS[facts.mime_type](data)


def read_from_head(head: bytes, mime_type: str) -> Provenance | None:
    """The same from the first bytes of a file; None when they do not reach as far."""
    try:
        return _READERS[mime_type](head)
    except (IndexError, struct.error, MediaError):
        return None


def _into_png(data: bytes, _facts: Facts, provenance: Provenance) -> list[Piece]:
    content = _ITXT_HEAD + provenance.to_json().encode()
    chunk = b"iTXt" + content
    ours = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    view, head = memoryview(data), len(PNG_START) + 25
    pieces: list[Piece] = [view[:head], ours]
    rest = head
    for kind, start, end in png_chunks(data):
        if kind == b"iTXt" and data.startswith(_ITXT_HEAD, start):
            pieces.append(view[rest : start - 8])
            rest = end + 4
    return [*pieces, view[rest:]]


def _from_png(data: bytes) -> Provenance | None:
    for kind, start, end in png_chunks(data):
        if kind == b"iTXt" and data.startswith(_ITXT_HEAD, start):
            return Provenance.from_json(data[start + len(_ITXT_HEAD) : end])
    return None


def _into_jpeg(data: bytes, _facts: Facts, provenance: Provenance) -> list[Piece]:
    heads = _jpeg_heads(data)
    packets = [n for n, (code, at, _) in enumerate(heads) if _is_xmp(data, code, at)]
    theirs = [n for n in packets if not xmp.is_ours_alone(_packet(data, heads[n]))]
    pieces: list[Piece] = [_jpeg_piece(data, heads, n) for n in range(len(heads))]
    for number in set(packets) - set(theirs):
        pieces[number] = b""
    filled = None
    if theirs:
        packet = _packet(data, heads[theirs[0]])
        filled = xmp.with_provenance(packet, provenance, most=xmp.JPEG_ROOM)
    if filled is not None:
        pieces[theirs[0]] = _jpeg_segment(0xE1, xmp.JPEG_HEAD + filled)
    else:  # before theirs: readers that take one packet take the last
        ours = xmp.with_provenance(xmp.EMPTY, provenance, most=xmp.JPEG_ROOM)
        place = _place_for_xmp(data, heads)
        pieces.insert(place, _jpeg_segment(0xE1, xmp.JPEG_HEAD + (ours or b"")))
        heads.insert(place, _INSERTED)
    return [data[:2], *_indexed(data, heads, pieces), memoryview(data)[_pixels(heads) :]]


def with_xmp(data: bytes, packet: bytes) -> bytes:
    """A JPEG without a packet, given one of any length."""
    standard, parts = xmp.split(packet)
    contents = [xmp.JPEG_HEAD + standard, *parts]
    heads = _jpeg_heads(data)
    place = _place_for_xmp(data, heads)
    at = _pixels(heads[:place])
    segments = b"".join(_jpeg_segment(0xE1, content) for content in contents)
    return data[:at] + segments + data[at:]


def _jpeg_heads(data: bytes) -> list[tuple[int, int, int]]:
    """The segments before the pixels."""
    heads = []
    for code, start, end in jpeg_segments(data):
        if code == 0xDA:
            break
        heads.append((code, start, end))
    return heads


def _pixels(heads: list[tuple[int, int, int]]) -> int:
    """Where what follows *heads* begins."""
    return max((end for _, _, end in heads), default=2)


def _place_for_xmp(data: bytes, heads: list[tuple[int, int, int]]) -> int:
    """Behind the heads of JFIF and Exif, which come first."""
    place = 0
    for number, (code, start, _) in enumerate(heads):
        if code == 0xE0 or (code == 0xE1 and data.startswith(EXIF_HEAD, start)):
            place = number + 1
    return place


def _is_xmp(data: bytes, code: int, start: int) -> bool:
    return code == 0xE1 and data.startswith(xmp.JPEG_HEAD, start)


def _packet(data: bytes, head: tuple[int, int, int]) -> bytes:
    return data[head[1] + len(xmp.JPEG_HEAD) : head[2]]


def _jpeg_segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def _jpeg_piece(data: bytes, heads: list[tuple[int, int, int]], number: int) -> memoryview:
    """A segment with what fills the place before it."""
    before = heads[number - 1][2] if number else 2
    return memoryview(data)[before : heads[number][2]]


def _indexed(data: bytes, heads: list[tuple[int, int, int]], pieces: list[Piece]) -> list[Piece]:
    """The same pieces; an index of several pictures still points at them."""
    grown = 2 + sum(map(len, pieces)) - _pixels(heads)
    at, indexed = 2, list(pieces)
    for number, (code, start, end) in enumerate(heads):
        at += len(pieces[number])
        if code == 0xE2 and data.startswith(mpf.HEAD, start):
            index = mpf.moved(data[start:end], grown=grown, behind=grown - (at - end))
            indexed[number] = bytes(pieces[number])[: start - end] + index
    return indexed


def _from_jpeg(data: bytes) -> Provenance | None:
    for code, start, end in jpeg_segments(data):
        record = xmp.provenance_in(data, start, end) if _is_xmp(data, code, start) else None
        if record is not None:
            return record
    return None


def _into_webp(data: bytes, facts: Facts, provenance: Provenance) -> list[Piece]:
    view = memoryview(data)
    body: list[Piece] = []
    packets: list[bytes] = []
    for kind, start, end in webp_chunks(data):
        if kind == b"XMP ":
            packets.append(data[start:end])
        else:
            body.append(view[start - 8 : end + end % 2])
    body[0] = _extended_header(bytes(body[0]), facts)
    theirs = [packet for packet in packets if not xmp.is_ours_alone(packet)] or [xmp.EMPTY]
    filled = xmp.with_provenance(theirs[0], provenance, most=len(theirs[0]) + xmp.JPEG_ROOM)
    if filled is None:
        ours = xmp.with_provenance(xmp.EMPTY, provenance, most=xmp.JPEG_ROOM)
        packets = [*theirs, ours or b""]
    else:
        packets = [filled, *theirs[1:]]
    body.extend(_riff_chunk(b"XMP ", packet) for packet in packets)
    size = sum(map(len, body)) + 4
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP", *body]


def _riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _extended_header(first: bytes, facts: Facts) -> bytes:
    """The first chunk, preceded by or being a VP8X header that announces XMP."""
    if first.startswith(b"VP8X"):
        return first[:8] + bytes([first[8] | _VP8X_XMP]) + first[9:]
    lossless_with_alpha = first.startswith(b"VP8L") and first[12] & 0x10
    flags = _VP8X_XMP | (_VP8X_ALPHA if lossless_with_alpha else 0)
    canvas = (facts.width - 1).to_bytes(3, "little") + (facts.height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<IB3x", 10, flags) + canvas + first


def _from_webp(data: bytes) -> Provenance | None:
    for kind, start, end in webp_chunks(data):
        record = xmp.provenance_in(data, start, end) if kind == b"XMP " else None
        if record is not None:
            return record
    return None


_WRITERS = {"image/png": _into_png, "image/jpeg": _into_jpeg, "image/webp": _into_webp}
_READERS = {"image/png": _from_png, "image/jpeg": _from_jpeg, "image/webp": _from_webp}
