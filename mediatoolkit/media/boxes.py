"""MP4: what film the bytes are, read from their boxes without decoding; and a record in a box.

A file is a row of boxes: length, kind, content. `moov` says what the film is, `mdat` is the film
(ISO/IEC 14496-12).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.structure import FilmFacts, Piece

MIME_TYPE = "video/mp4"

_OURS = bytes.fromhex("8f6ff4b49d1f4f6ab1a0c1f0d3a6e27c")
"""The UUID of a box that holds a record of origin as JSON."""


class Box(NamedTuple):
    """One box of a file: where it starts, where its content does, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def is_mp4(data: bytes) -> bool:
    """Whether the bytes begin like an ISO media file, of whatever brand."""
    return data[4:8] == b"ftyp"


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Walk the boxes that lie between two offsets.

    Raises:
        IndexError: A box does not fit.
        struct.error: The data ends within the head of a box.
    """
    while start < end:
        length, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, content)
            content += 8
        after = end if length == 0 else start + length
        if not content <= after <= end:
            raise IndexError
        yield Box(kind, start, content, after)
        start = after


def inspect(data: bytes) -> FilmFacts | None:
    """What the boxes say, or None when some are missing.

    Raises:
        MediaError: It is another kind of ISO media, such as HEIC or sound alone.
        IndexError, struct.error: It is cut short.
    """
    found = {box.kind: box for box in boxes(data, 0, len(data))}
    brand = data[8:12]
    if brand == b"qt  ":
        raise MediaError("This is a QuickTime film; convert it to MP4.")
    if brand in (b"heic", b"heix", b"mif1", b"avif"):
        raise MediaError("This is a HEIF or AVIF picture, not a film.")
    if not {b"moov", b"mdat"} <= found.keys():
        return None
    moov = found[b"moov"]
    for track in boxes(data, moov.content, moov.end):
        if track.kind == b"trak" and _handler(data, track) == b"vide":
            width, height = _size(data, track)
            return FilmFacts(
                MIME_TYPE, width, height, _seconds(data, moov), _rate(data, track), len(data)
            )
    raise MediaError("This MP4 holds no moving pictures.")


def read_provenance(data: bytes) -> Provenance | None:
    """The record that a file of ours carries, or None."""
    record = None
    for box in boxes(data, 0, len(data)):
        if _is_ours(data, box):
            record = data[box.content + len(_OURS) : box.end]
    return Provenance.from_json(record) if record is not None else None


def with_provenance(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with a record behind the film, where no offset into the film changes.

    A record of ours that stood last is replaced.
    """
    last = list(boxes(data, 0, len(data)))[-1]
    record = _OURS + provenance.to_json().encode()
    ours = struct.pack(">I4s", len(record) + 8, b"uuid") + record
    view = memoryview(data)
    if _is_ours(data, last):
        return [view[: last.start], ours]
    if data[last.start : last.start + 4] == b"\0\0\0\0":  # its length was: up to the end
        closed = struct.pack(">I", last.end - last.start)
        return [view[: last.start], closed, view[last.start + 4 :], ours]
    return [view, ours]


def _is_ours(data: bytes, box: Box) -> bool:
    return box.kind == b"uuid" and data.startswith(_OURS, box.content)


def _inside(data: bytes, box: Box, *path: bytes) -> Box:
    """The first box along a path of kinds.

    Raises:
        IndexError: There is none.
    """
    for kind in path:
        found = [one for one in boxes(data, box.content, box.end) if one.kind == kind]
        box = found[0]
    return box


def _handler(data: bytes, track: Box) -> bytes:
    at = _inside(data, track, b"mdia", b"hdlr").content
    return data[at + 8 : at + 12]


def _size(data: bytes, track: Box) -> tuple[int, int]:
    """Pixels as they are shown: a film that is to be turned a quarter changes its sides."""
    sample = _inside(data, track, b"mdia", b"minf", b"stbl", b"stsd").content
    width, height = struct.unpack_from(">HH", data, sample + 40)
    head = _inside(data, track, b"tkhd").content
    matrix = head + (52 if data[head] == 1 else 40)
    across, _, _, _, down = struct.unpack_from(">5i", data, matrix)
    return (width, height) if across or down else (height, width)


def _seconds(data: bytes, moov: Box) -> float | None:
    """None for a film in fragments, whose head does not know its length."""
    scale, ticks = _clock(data, _inside(data, moov, b"mvhd").content)
    return ticks / scale if scale and 0 < ticks < 0xFFFF_FFFF else None


def _rate(data: bytes, track: Box) -> float | None:
    """Frames per second on average."""
    scale, _ = _clock(data, _inside(data, track, b"mdia", b"mdhd").content)
    times = _inside(data, track, b"mdia", b"minf", b"stbl", b"stts")
    frames = ticks = 0
    runs = memoryview(data)[times.content + 8 : times.end]
    for count, each in struct.iter_unpack(">II", runs[: len(runs) // 8 * 8]):
        frames += count
        ticks += count * each
    return frames * scale / ticks if ticks and scale else None


def _clock(data: bytes, at: int) -> tuple[int, int]:
    """Ticks per second and ticks in all, of a movie or media header."""
    if data[at] == 1:
        scale, ticks = struct.unpack_from(">IQ", data, at + 20)
    else:
        scale, ticks = struct.unpack_from(">II", data, at + 12)
    return scale, ticks


def record_in(data: bytes) -> bytes | None:
    """The last record of ours in a file, or None.

    Raises:
        IndexError, struct.error: The file is cut short before one.
    """
    record = None
    for box in boxes(data, 0, len(data)):
        if _is_ours(data, box):
            record = data[box.content + len(_OURS) : box.end]
    return record
