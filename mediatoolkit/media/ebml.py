"""WebM: what film the bytes are, read from their elements without decoding; and a record in tags.

A file is a tree of elements: id, length, content. Ids and lengths are numbers of 1 to 8 bytes
whose leading zeros say how many (RFC 8794); the tree is that of Matroska (RFC 9559).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.structure import FilmFacts, Piece

MIME_TYPE = "video/webm"

_HEADER, _DOCTYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_INFO, _SCALE, _DURATION = 0x1549A966, 0x2AD7B1, 0x4489
_TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = 0x1654AE6B, 0xAE, 0xE0, 0xB0, 0xBA
_FRAME_TIME = 0x23E383
_TAGS, _TAG, _TARGETS, _SIMPLE, _NAME, _STRING = 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_OURS = b"MEDIATOOLKIT"


class Element(NamedTuple):
    """One element: its id, where it starts, where its content does, and where it ends."""

    id: int
    start: int
    content: int
    end: int


def is_ebml(data: bytes) -> bool:
    """Whether the bytes begin like WebM or its kin."""
    return data.startswith(_HEADER.to_bytes(4, "big"))


def elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    """Walk the elements that lie between two offsets.

    A live recording does not know how long its larger elements are: they reach to *end*, and
    what lies in them follows one by one.

    Raises:
        IndexError: An element does not fit.
    """
    while start < end:
        name, at = _number(data, start, marked=True)
        length, content = _number(data, at, marked=False)
        endless = length == (1 << 7 * (content - at)) - 1
        after = end if endless else content + length
        if after > end:
            raise IndexError
        yield Element(name, start, content, after)
        start = content if endless and name != _SEGMENT else after


def inspect(data: bytes) -> FilmFacts | None:
    """What the elements say, or None when some are missing.

    Raises:
        MediaError: It is another kind of Matroska, or sound alone.
        IndexError: It is cut short.
        struct.error: Its length is no number.
    """
    header, segment = _head_and_segment(data)
    if _content(data, header, _DOCTYPE).rstrip(b"\0") != b"webm":
        raise MediaError("This is a Matroska file but not WebM; convert it to WebM or MP4.")
    found = {one.id: one for one in elements(data, segment.content, segment.end)}
    if not {_TRACKS, _CLUSTER} <= found.keys():
        return None
    for track in elements(data, found[_TRACKS].content, found[_TRACKS].end):
        video = _child(data, track, _VIDEO) if track.id == _TRACK else None
        if video is not None:
            width, height = _whole(data, video, _WIDTH), _whole(data, video, _HEIGHT)
            each = _whole(data, track, _FRAME_TIME)
            seconds = _seconds(data, found[_INFO]) if _INFO in found else None
            fps = 1e9 / each if each else None
            return FilmFacts(MIME_TYPE, width, height, seconds, fps, segment.end)
    raise MediaError("This WebM holds no moving pictures.")


def read_provenance(data: bytes) -> Provenance | None:
    """The record that a file of ours carries, or None."""
    _, segment = _head_and_segment(data)
    record = None
    for one in elements(data, segment.content, segment.end):
        found = _record(data, one)
        record = record if found is None else found
    return Provenance.from_json(record) if record is not None else None


def with_provenance(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with a record behind the film; positions in it are counted from the segment.

    A record of ours that stood last is replaced.
    """
    _, segment = _head_and_segment(data)
    children = list(elements(data, segment.content, segment.end))
    kept = children[-1].start if _record(data, children[-1]) is not None else segment.end
    named = _element(_NAME, _OURS) + _element(_STRING, provenance.to_json().encode())
    tags = _element(_TAGS, _element(_TAG, _element(_TARGETS, b"") + _element(_SIMPLE, named)))
    length = kept - segment.content + len(tags)
    head = _SEGMENT.to_bytes(4, "big") + (length | 1 << 56).to_bytes(8, "big")
    view = memoryview(data)
    return [view[: segment.start], head, view[segment.content : kept], tags]


def _head_and_segment(data: bytes) -> tuple[Element, Element]:
    walk = elements(data, 0, len(data))
    header = next(walk)
    segment = next((one for one in walk if one.id == _SEGMENT), None)
    if segment is None:
        raise IndexError
    return header, segment


def _number(data: bytes, at: int, *, marked: bool) -> tuple[int, int]:
    """A number of variable size and the offset behind it; *marked* keeps the size in it."""
    size = 9 - data[at].bit_length()
    if size > 8 or at + size > len(data):
        raise IndexError
    value = int.from_bytes(data[at : at + size], "big")
    return (value if marked else value & ((1 << 7 * size) - 1)), at + size


def _child(data: bytes, parent: Element, name: int) -> Element | None:
    walk = elements(data, parent.content, parent.end)
    return next((one for one in walk if one.id == name), None)


def _content(data: bytes, parent: Element, name: int) -> bytes:
    found = _child(data, parent, name)
    return data[found.content : found.end] if found else b""


def _whole(data: bytes, parent: Element, name: int) -> int:
    return int.from_bytes(_content(data, parent, name), "big")


def _seconds(data: bytes, info: Element) -> float | None:
    ticks = _content(data, info, _DURATION)
    if not ticks:
        return None
    (count,) = struct.unpack(">d" if len(ticks) == 8 else ">f", ticks)
    seconds = float(count) * (_whole(data, info, _SCALE) or 1_000_000) / 1e9
    return seconds if 0 < seconds < 1e9 else None


def _record(data: bytes, tags: Element) -> bytes | None:
    """What our tag says, when these are our tags; broken ones are not."""
    try:
        tag = _child(data, tags, _TAG) if tags.id == _TAGS else None
        simple = _child(data, tag, _SIMPLE) if tag else None
        if simple is None or _content(data, simple, _NAME) != _OURS:
            return None
        return _content(data, simple, _STRING)
    except IndexError:
        return None


def _element(name: int, content: bytes) -> bytes:
    size = (len(content) | 1 << 28).to_bytes(4, "big")
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + size + content
