"""WebM: what film the bytes are, read from their elements without decoding; and a record in tags.

A file is a tree of elements: id, length, content. Ids and lengths are numbers of 1 to 8 bytes
whose leading zeros say how many (RFC 8794); the tree is that of Matroska (RFC 9559).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers.base import (
    MAX_SECONDS,
    Allowance,
    FilmFacts,
    Piece,
    pixel_shape,
)
from mediatoolkit.media.provenance import LARGEST_RECORD, Provenance

NAME = "WebM"
MIME_TYPE = "video/webm"
SUFFIXES: tuple[str, ...] = (".webm",)

_HEADER, _DOCTYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_INFO, _SCALE, _DURATION = 0x1549A966, 0x2AD7B1, 0x4489
_TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = 0x1654AE6B, 0xAE, 0xE0, 0xB0, 0xBA
_SHOWN_WIDTH, _SHOWN_HEIGHT = 0x54B0, 0x54BA
_FRAME_TIME = 0x23E383
_TAGS, _TAG, _TARGETS, _SIMPLE, _NAME, _STRING = 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_OURS = b"MEDIATOOLKIT"
_LONGEST_VALUE = 64  # bytes of a number or a word
_SIZES = bytes(9 - first.bit_length() for first in range(256))
"""How many bytes a number has, by its first one; of 9 there are none."""


class Element(NamedTuple):
    """One element: its id, where it starts, where its content does, and where it ends."""

    id: int
    start: int
    content: int
    end: int


def sniff(data: bytes) -> bool:
    """Return whether the bytes begin like WebM or its kin."""
    return data.startswith(_HEADER.to_bytes(4, "big"))


def elements(
    data: bytes, start: int, end: int, allowance: Allowance | None = None
) -> Iterator[Element]:
    """Walk the elements that lie between two offsets.

    A live recording does not know how long its larger elements are: they reach to *end*, and
    what lies in them follows one by one.

    Args:
        data: The file.
        start: Offset of the first element.
        end: Offset behind the last one.
        allowance: Shared by all walks over one file; left out, this walk has its own.

    Raises:
        MediaError: There are more elements than a file of this size has.
        IndexError: An element does not fit.
    """
    allowance = allowance or Allowance(len(data))
    while start < end:
        allowance.spend()
        at = start + _SIZES[data[start]]
        size = _SIZES[data[at]]
        content = at + size
        most = (1 << 7 * size) - 1
        length = int.from_bytes(data[at:content], "big") & most
        endless = length == most
        after = end if endless else content + length
        if after > end or max(at - start, size) > 8:
            raise IndexError
        name = int.from_bytes(data[start:at], "big")  # with the bits that say its size
        yield Element(name, start, content, after)
        start = content if endless and name != _SEGMENT else after


def inspect(data: bytes) -> FilmFacts | None:
    """Return what the elements say, or None when some are missing.

    Raises:
        MediaError: It is another kind of Matroska, or sound alone; or it has more elements than
            any film.
        IndexError: It is cut short.
        struct.error: Its length is no number.
    """
    file = _Elements(data)
    if file.content(file.header, _DOCTYPE).rstrip(b"\0") != b"webm":
        raise MediaError("This is a Matroska file but not WebM; convert it to WebM or MP4.")
    info = tracks = None
    has_pictures = False
    for part in file.rows():
        if part.id == _INFO:
            info = info or part
        elif part.id == _TRACKS:
            tracks = tracks or part
        has_pictures |= part.id == _CLUSTER
    if tracks is None or not has_pictures:
        return None
    for track in file.within(tracks):
        video = file.child(track, _VIDEO) if track.id == _TRACK else None
        if video is not None:
            ticks = file.whole(track, _FRAME_TIME)
            width, height, stretch = file.size(video)
            return FilmFacts(
                mime_type=MIME_TYPE,
                length=len(data),
                width=width,
                height=height,
                seconds=file.seconds(info) if info else None,
                fps=1e9 / ticks if ticks else None,
                stretch=stretch,
            )
    raise MediaError("This WebM holds no moving pictures.")


def read_record(data: bytes) -> Provenance | None:
    """Return what the last tags of ours say, or None."""
    file = _Elements(data)
    records = [file.record(part) for part in file.rows() if part.id == _TAGS]
    record = next((record for record in reversed(records) if record is not None), None)
    return Provenance.from_json(record) if record else None


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with a record behind the film; positions in it are counted from the segment.

    A record of ours that stood last is replaced; what follows the segment still does.
    """
    file = _Elements(data)
    segment = file.segment
    *_, last = file.rows()
    end = last.start if last.id == _TAGS and file.record(last) is not None else segment.end
    named = _element(_NAME, _OURS) + _element(_STRING, provenance.to_json().encode())
    tags = _element(_TAGS, _element(_TAG, _element(_TARGETS, b"") + _element(_SIMPLE, named)))
    length = end - segment.content + len(tags)
    head = _SEGMENT.to_bytes(4, "big") + (length | 1 << 56).to_bytes(8, "big")
    view = memoryview(data)
    rest = [view[segment.end :]] if segment.end < len(data) else []
    return [view[: segment.start], head, view[segment.content : end], tags, *rest]


class _Elements:
    """The elements of one file, all looked at on one allowance.

    Raises:
        IndexError: It is cut short.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._allowance = Allowance(len(data))
        walk = elements(data, 0, len(data), self._allowance)
        self.header = next(walk)
        segment = next((part for part in walk if part.id == _SEGMENT), None)
        if segment is None:
            raise IndexError
        self.segment = segment

    def rows(self) -> Iterator[Element]:
        """Return what the film is made of."""
        return self.within(self.segment)

    def within(self, parent: Element) -> Iterator[Element]:
        """Return what lies in an element."""
        return elements(self._data, parent.content, parent.end, self._allowance)

    def child(self, parent: Element, name: int) -> Element | None:
        """The first of that name."""
        return next((part for part in self.within(parent) if part.id == name), None)

    def content(self, parent: Element, name: int, most: int = _LONGEST_VALUE) -> bytes:
        """The first *most* bytes of the first of that name; none where there is none."""
        child = self.child(parent, name)
        return self._data[child.content : min(child.end, child.content + most)] if child else b""

    def whole(self, parent: Element, name: int) -> int:
        """A whole number; 0 where there is none."""
        return int.from_bytes(self.content(parent, name, 8), "big")

    def size(self, video: Element) -> tuple[int, int, float]:
        """Width and height as they are shown, and how much wider than high a pixel is."""
        width, height = self.whole(video, _WIDTH), self.whole(video, _HEIGHT)
        across, down = self.whole(video, _SHOWN_WIDTH), self.whole(video, _SHOWN_HEIGHT)
        stretch = 1.0
        if width and height and across and down:
            stretch = pixel_shape(across * height, down * width)
        return round(width * stretch), height, stretch

    def seconds(self, info: Element) -> float | None:
        """The length that the head names; None where it does not know."""
        ticks = self.content(info, _DURATION)
        if not ticks:
            return None
        (count,) = struct.unpack(">d" if len(ticks) == 8 else ">f", ticks)
        seconds = float(count) * (self.whole(info, _SCALE) or 1_000_000) / 1e9
        return seconds if 0 < seconds < MAX_SECONDS else None

    def record(self, tags: Element) -> bytes | None:
        """Return what our tag says, when these are our tags; broken ones are not."""
        try:
            tag = self.child(tags, _TAG)
            simple = self.child(tag, _SIMPLE) if tag else None
            if simple is None or self.content(simple, _NAME) != _OURS:
                return None
            return self.content(simple, _STRING, LARGEST_RECORD + 1)
        except IndexError:
            return None


def _element(name: int, content: bytes) -> bytes:
    size = (len(content) | 1 << 28).to_bytes(4, "big")
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + size + content
