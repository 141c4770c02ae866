"""MP4: what film the bytes are, read from their boxes without decoding; and a record in a box.

A file is a row of boxes: length, kind, content. `moov` says what the film is, `mdat` is the film
(ISO/IEC 14496-12). A film in fragments goes on with pairs of `moof` and `mdat`. Sound alone in
such boxes is M4A, which has a module of its own.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers.base import (
    MAX_SECONDS,
    Allowance,
    FilmFacts,
    Piece,
    pixel_shape,
)
from mediatoolkit.media.containers.signatures import PICTURE, kind_of
from mediatoolkit.media.provenance import LARGEST_RECORD, Provenance

NAME = "MP4"
MIME_TYPE = "video/mp4"
SUFFIXES: tuple[str, ...] = (".mp4",)

_OURS = bytes.fromhex("8f6ff4b49d1f4f6ab1a0c1f0d3a6e27c")
"""The UUID of a box that holds a record, which is provenance as JSON."""

_KINDS = frozenset(
    {b"emsg", b"free", b"ftyp", b"imda", b"mdat", b"meta", b"mfra", b"moof", b"moov", b"pdin"}
    | {b"prft", b"sidx", b"skip", b"ssix", b"styp", b"udta", b"uuid", b"wide"}
)
"""Boxes that stand in a file itself; what does not fit and is none of them was never a box."""

_DURATION, _SAMPLE_FIELDS = 0x100, 0xF00  # flags of a run of samples


class Box(NamedTuple):
    """One box of a file: where it starts, where its content does, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def sniff(data: bytes) -> bool:
    """Return whether the bytes begin as sound or film in boxes does, of whatever brand."""
    if data[4:8] != b"ftyp":
        return False
    kind = kind_of(data)
    return kind.family != PICTURE and kind.name != "QuickTime"


def boxes(data: bytes, start: int, end: int, allowance: Allowance | None = None) -> Iterator[Box]:
    """Walk the boxes that lie between two offsets.

    Args:
        data: The file.
        start: Offset of the first box.
        end: Offset behind the last one.
        allowance: Shared by all walks over one file; left out, this walk has its own.

    Raises:
        MediaError: There are more boxes than a file of this size has.
        IndexError: A box does not fit.
        struct.error: The data ends within the head of a box.
    """
    allowance = allowance or Allowance(len(data))
    while start < end:
        allowance.spend()
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
    """Return what the boxes say, or None when some are missing.

    Raises:
        MediaError: It is sound alone, or has more boxes than any film.
        IndexError, struct.error: It is cut short.
    """
    file = BoxFile(data)
    moov = track = timeline = None
    has_samples = False
    for box in file.rows():
        if box.kind == b"moov" and moov is None:
            moov, track = box, next(file.tracks(box, b"vide"), None)
            timeline = file.timeline(moov, track) if track else None
        elif box.kind == b"moof" and timeline is not None:
            file.add_fragment(timeline, box)
        has_samples |= box.kind == b"mdat"
    if moov is None or not has_samples:
        return None
    if track is None or timeline is None:
        raise MediaError("This MP4 holds no moving pictures; Audio.open takes sound alone.")
    width, height, stretch = _size(file, track)
    return FilmFacts(
        mime_type=MIME_TYPE,
        length=len(data),
        width=width,
        height=height,
        seconds=timeline.seconds() if timeline.is_in_fragments else _seconds_of(file, moov),
        fps=timeline.rate(),
        stretch=stretch,
    )


def read_record(data: bytes) -> Provenance | None:
    """Return what the last box of ours says, or None."""
    record = None
    for box in BoxFile(data).rows():
        if _is_ours(data, box):
            start = box.content + len(_OURS)
            record = data[start : min(box.end, start + LARGEST_RECORD + 1)]
    return Provenance.from_json(record) if record else None


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with a record behind the media, where no offset into it changes.

    A record of ours that stood last is replaced; what follows the boxes still does.
    """
    *_, last = BoxFile(data).rows()
    record = _OURS + provenance.to_json().encode()
    ours = struct.pack(">I4s", len(record) + 8, b"uuid") + record
    view = memoryview(data)
    rest = [view[last.end :]] if last.end < len(data) else []
    if _is_ours(data, last):
        return [view[: last.start], ours, *rest]
    if data[last.start : last.start + 4] == b"\0\0\0\0":  # its length was: up to the end
        closed = struct.pack(">I", last.end - last.start)
        return [view[: last.start], closed, view[last.start + 4 :], ours]
    return [view[: last.end], ours, *rest]


@dataclass(slots=True)
class Timeline:
    """How long a track lasts, which grows with its fragments.

    Attributes:
        number: By which fragments name the track.
        scale: Ticks in a second; 0 where the file does not say.
        samples: Pictures or packets of sound so far.
        ticks: How long these last.
        default: Ticks of a sample in a fragment that does not say.
        is_in_fragments: Whether there were any.
        begin: The time of the first sample, by the fragments; None so far.
    """

    number: int
    scale: int = 0
    samples: int = 0
    ticks: int = 0
    default: int = 0
    is_in_fragments: bool = False
    begin: int | None = None

    def seconds(self) -> float | None:
        """None where it is not known."""
        return _seconds(self.ticks, self.scale)

    def rate(self) -> float | None:
        """Samples per second on average."""
        return self.samples * self.scale / self.ticks if self.ticks and self.scale else None


class BoxFile:
    """The boxes of one file, all looked at on one allowance.

    Args:
        data: The file.
        allowance: Left out, what a file of this size has.
    """

    def __init__(self, data: bytes, allowance: Allowance | None = None) -> None:
        """Start with nothing looked at."""
        self.data = data
        self._allowance = allowance or Allowance(len(data))

    def rows(self) -> Iterator[Box]:
        """The boxes of the file itself; bytes behind a whole film that are no box are left out.

        Raises:
            IndexError, struct.error: A box does not fit.
        """
        data, end = self.data, 0
        kinds: set[bytes] = set()
        try:
            for box in boxes(data, 0, len(data), self._allowance):
                yield box
                end = box.end
                kinds |= {box.kind} & {b"moov", b"mdat", b"moof"}
        except (IndexError, struct.error):
            if not {b"moov", b"mdat"} <= kinds or _is_cut(data, end, in_fragments=b"moof" in kinds):
                raise

    def within(self, box: Box) -> Iterator[Box]:
        """The boxes in a box."""
        return boxes(self.data, box.content, box.end, self._allowance)

    def find(self, box: Box, *path: bytes) -> Box | None:
        """The first box along a path of kinds, or None."""
        for kind in path:
            child = next((inner for inner in self.within(box) if inner.kind == kind), None)
            if child is None:
                return None
            box = child
        return box

    def inside(self, box: Box, *path: bytes) -> Box:
        """As `find`.

        Raises:
            IndexError: There is none.
        """
        inner = self.find(box, *path)
        if inner is None:
            raise IndexError
        return inner

    def tracks(self, moov: Box, handler: bytes) -> Iterator[Box]:
        """The tracks of a kind: `vide` or `soun`.

        Raises:
            IndexError: A track does not say of which kind it is.
        """
        for box in self.within(moov):
            if box.kind == b"trak":
                at = self.inside(box, b"mdia", b"hdlr").content + 8
                if self.data.startswith(handler, at):
                    yield box

    def clock(self, head: Box) -> tuple[int, int]:
        """Ticks per second and ticks in all, of a movie or media header."""
        if self.data[head.content] == 1:
            scale, ticks = struct.unpack_from(">IQ", self.data, head.content + 20)
        else:
            scale, ticks = struct.unpack_from(">II", self.data, head.content + 12)
        return scale, ticks

    def timeline(self, moov: Box, trak: Box) -> Timeline:
        """Return how long a track lasts without its fragments."""
        head = self.inside(trak, b"tkhd").content
        (number,) = struct.unpack_from(">I", self.data, head + (20 if self.data[head] == 1 else 12))
        timeline = Timeline(number, default=self._default(moov, number))
        clock = self.find(trak, b"mdia", b"mdhd")
        timeline.scale = self.clock(clock)[0] if clock else 0
        table = self.find(trak, b"mdia", b"minf", b"stbl", b"stts")
        for count, ticks in _pairs(self.data, table) if table else ():
            timeline.samples += count
            timeline.ticks += count * ticks
        return timeline

    def add_fragment(self, timeline: Timeline, moof: Box) -> None:
        """Count the samples that a fragment brings; a broken one leaves no length."""
        timeline.is_in_fragments = True
        try:
            for box in self.within(moof):
                if box.kind == b"traf":
                    self._add_runs(timeline, box)
        except (IndexError, struct.error):
            timeline.scale = 0

    def _add_runs(self, timeline: Timeline, traf: Box) -> None:
        """Count what follows the time that the fragment names, or else the one before it."""
        default, end = 0, timeline.ticks
        for box in self.within(traf):
            if box.kind == b"tfhd":
                flags, number = struct.unpack_from(">II", self.data, box.content)
                if number != timeline.number:
                    return
                at = box.content + 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2)
                default = timeline.default
                if flags & 0x8:
                    (default,) = struct.unpack_from(">I", self.data, at)
            elif box.kind == b"tfdt":
                form = ">Q" if self.data[box.content] == 1 else ">I"
                (time,) = struct.unpack_from(form, self.data, box.content + 4)
                if timeline.begin is None:
                    timeline.begin = time - timeline.ticks
                end = time - timeline.begin
            elif box.kind == b"trun":
                samples, ticks = _run(self.data, box, default)
                timeline.samples += samples
                end += ticks
                timeline.ticks = max(timeline.ticks, end)

    def _default(self, moov: Box, number: int) -> int:
        """Ticks of a sample in all fragments, as the head of the file says it."""
        extension = self.find(moov, b"mvex")
        for box in self.within(extension) if extension else ():
            if box.kind == b"trex":
                track, _, ticks = struct.unpack_from(">III", self.data, box.content + 4)
                if track == number:
                    return int(ticks)
        return 0


def _size(file: BoxFile, trak: Box) -> tuple[int, int, float]:
    """Width and height as they are shown, and how much wider than high a pixel is."""
    data, head = file.data, file.inside(trak, b"tkhd").content
    matrix = head + (52 if data[head] == 1 else 40)
    across, _, _, _, down = struct.unpack_from(">5i", data, matrix)
    table = file.inside(trak, b"mdia", b"minf", b"stbl", b"stsd")
    width, height = struct.unpack_from(">HH", data, table.content + 40)
    if not width or not height:  # then the track alone says how large it is shown
        width, height = (side >> 16 for side in struct.unpack_from(">II", data, matrix + 36))
    stretch = _stretch(file, table)
    sides = (round(width * stretch), height)
    return *(sides if across or down else sides[::-1]), stretch


def _stretch(file: BoxFile, table: Box) -> float:
    """Read the `pasp` in the first description of samples."""
    try:
        entry = next(file.within(table._replace(content=table.content + 8)))
        pixel = file.find(entry._replace(content=entry.content + 78), b"pasp")
        if pixel is None:
            return 1.0
        across, down = struct.unpack_from(">II", file.data, pixel.content)
    except (IndexError, struct.error, StopIteration):  # some end in bytes that are no box
        return 1.0
    return pixel_shape(across, down)


def _seconds_of(file: BoxFile, moov: Box) -> float | None:
    """The length that the head names; None where it does not know."""
    head = file.find(moov, b"mvhd")
    scale, ticks = file.clock(head) if head else (0, 0)
    return _seconds(ticks, scale) if ticks < 0xFFFF_FFFF else None


def _is_ours(data: bytes, box: Box) -> bool:
    return box.kind == b"uuid" and data.startswith(_OURS, box.content)


def _is_cut(data: bytes, at: int, *, in_fragments: bool) -> bool:
    """Return whether what stands behind the last whole box is the beginning of another.

    Fewer than 8 bytes tell little; without fragments the film is whole already, and they are
    padding.
    """
    head = data[at : at + 8]
    if len(head) == 8:
        return head[4:] in _KINDS
    begins = any(kind.startswith(head[4:]) for kind in _KINDS)
    return in_fragments and len(head) >= 4 and head[0] == 0 and any(head[:4]) and begins


def _run(data: bytes, trun: Box, default: int) -> tuple[int, int]:
    """Samples of a run, and their ticks: *default* for each where the run does not say."""
    flags, count = struct.unpack_from(">II", data, trun.content)
    if not flags & _DURATION:
        return count, count * default
    size = 4 * (flags & _SAMPLE_FIELDS).bit_count()
    start = trun.content + 8 + 4 * (flags & 0x5).bit_count()
    end = start + count * size
    if end > trun.end:
        raise IndexError
    entries = struct.iter_unpack(f">I{size - 4}x", memoryview(data)[start:end])
    return count, sum(ticks for (ticks,) in entries)


def _pairs(data: bytes, table: Box) -> Iterator[tuple[int, int]]:
    """The rows of a table of two columns."""
    rows = memoryview(data)[table.content + 8 : table.end]
    return struct.iter_unpack(">II", rows[: len(rows) // 8 * 8])


def _seconds(ticks: int, scale: int) -> float | None:
    return ticks / scale if scale and 0 < ticks < MAX_SECONDS * scale else None
