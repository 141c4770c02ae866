"""MP4: what film the bytes are, read from their boxes without decoding; and a record in a box.

A file is a row of boxes: length, kind, content. `moov` says what the film is, `mdat` is the film
(ISO/IEC 14496-12). A film in fragments goes on with pairs of `moof` and `mdat`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mediatoolkit.errors import MediaError
from mediatoolkit.media.provenance import LARGEST_RECORD, Provenance
from mediatoolkit.media.structure import LONGEST, Allowance, FilmFacts, Piece, pixel_shape

MIME_TYPE = "video/mp4"

_OURS = bytes.fromhex("8f6ff4b49d1f4f6ab1a0c1f0d3a6e27c")
"""The UUID of a box that holds a record of origin as JSON."""

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


def is_mp4(data: bytes) -> bool:
    """Whether the bytes begin like an ISO media file, of whatever brand."""
    return data[4:8] == b"ftyp"


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
    """What the boxes say, or None when some are missing.

    Raises:
        MediaError: It is another kind of ISO media, such as HEIC or sound alone; or it has more
            boxes than any film.
        IndexError, struct.error: It is cut short.
    """
    brand = data[8:12]
    if brand == b"qt  ":
        raise MediaError("This is a QuickTime film; convert it to MP4.")
    if brand in (b"heic", b"heix", b"mif1", b"avif"):
        raise MediaError("This is a HEIF or AVIF picture, not a film.")
    file = _File(data)
    moov = track = record = None
    has_samples = False
    for box in file.rows():
        if box.kind == b"moov" and moov is None:
            moov, track = box, file.track(box)
        elif box.kind == b"moof" and track is not None:
            file.add_fragment(track, box)
        elif _is_ours(data, box):
            record = _record(data, box)
        has_samples |= box.kind == b"mdat"
    if moov is None or not has_samples:
        return None
    if track is None:
        raise MediaError("This MP4 holds no moving pictures; Audio.open takes sound alone.")
    seconds = track.seconds() if track.is_in_fragments else file.seconds(moov)
    size = track.width, track.height
    return FilmFacts(
        MIME_TYPE, *size, seconds, track.rate(), len(data), stretch=track.stretch, record=record
    )


def with_provenance(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with a record behind the film, where no offset into the film changes.

    A record of ours that stood last is replaced; what follows the boxes still does.
    """
    *_, last = _File(data).rows()
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
class _Track:
    """The pictures of a film: how large, and how long, which grows with its fragments.

    Attributes:
        number: By which fragments name it.
        width: Pixels, as they are shown.
        height: Pixels, as they are shown.
        stretch: How much wider than high a pixel is.
        scale: Ticks in a second; 0 where the file does not say.
        frames: Pictures so far.
        ticks: How long these are seen.
        each: Ticks of a picture in a fragment that does not say.
        is_in_fragments: Whether there were any.
        begin: The time at which the first picture is seen, by the fragments; None so far.
    """

    number: int
    width: int
    height: int
    stretch: float
    scale: int = 0
    frames: int = 0
    ticks: int = 0
    each: int = 0
    is_in_fragments: bool = False
    begin: int | None = None

    def seconds(self) -> float | None:
        """None where it is not known."""
        return _seconds(self.ticks, self.scale)

    def rate(self) -> float | None:
        """Pictures per second on average."""
        return self.frames * self.scale / self.ticks if self.ticks and self.scale else None


class _File:
    """The boxes of one file, all looked at on one allowance."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._allowance = Allowance(len(data))

    def rows(self) -> Iterator[Box]:
        """The boxes of the file itself; behind a whole film, what is no box is left out.

        Raises:
            IndexError, struct.error: A box does not fit.
        """
        data, end = self._data, 0
        kinds: set[bytes] = set()
        try:
            for box in boxes(data, 0, len(data), self._allowance):
                yield box
                end = box.end
                kinds |= {box.kind} & {b"moov", b"mdat", b"moof"}
        except (IndexError, struct.error):
            if not {b"moov", b"mdat"} <= kinds or _is_cut(data, end, in_fragments=b"moof" in kinds):
                raise

    def track(self, moov: Box) -> _Track | None:
        """The first track of pictures, or None; broken ones count as cut."""
        for box in self._within(moov):
            if box.kind == b"trak" and self._handler(box) == b"vide":
                return self._described(moov, box)
        return None

    def seconds(self, moov: Box) -> float | None:
        """The length that the head names; None where it does not know."""
        head = self._find(moov, b"mvhd")
        scale, ticks = _clock(self._data, head.content) if head else (0, 0)
        return _seconds(ticks, scale) if ticks < 0xFFFF_FFFF else None

    def add_fragment(self, track: _Track, moof: Box) -> None:
        """Count the pictures of *track* that a fragment brings; a broken one leaves no length."""
        track.is_in_fragments = True
        try:
            for box in self._within(moof):
                if box.kind == b"traf":
                    self._add_runs(track, box)
        except (IndexError, struct.error):
            track.scale = 0

    def _add_runs(self, track: _Track, traf: Box) -> None:
        """Count what follows the time that the fragment names, or else the one before it."""
        each, end = 0, track.ticks
        for box in self._within(traf):
            if box.kind == b"tfhd":
                flags, number = struct.unpack_from(">II", self._data, box.content)
                if number != track.number:
                    return
                at = box.content + 8 + 8 * bool(flags & 0x1) + 4 * bool(flags & 0x2)
                (each,) = struct.unpack_from(">I", self._data, at) if flags & 0x8 else (track.each,)
            elif box.kind == b"tfdt":
                form = ">Q" if self._data[box.content] == 1 else ">I"
                (time,) = struct.unpack_from(form, self._data, box.content + 4)
                if track.begin is None:
                    track.begin = time - track.ticks
                end = time - track.begin
            elif box.kind == b"trun":
                frames, ticks = _run(self._data, box, each)
                track.frames += frames
                end += ticks
                track.ticks = max(track.ticks, end)

    def _described(self, moov: Box, trak: Box) -> _Track:
        data, head = self._data, self._inside(trak, b"tkhd").content
        wide = data[head] == 1
        (number,) = struct.unpack_from(">I", data, head + (20 if wide else 12))
        matrix = head + (52 if wide else 40)
        across, _, _, _, down = struct.unpack_from(">5i", data, matrix)
        table = self._inside(trak, b"mdia", b"minf", b"stbl", b"stsd")
        width, height = struct.unpack_from(">HH", data, table.content + 40)
        if not width or not height:  # then the track alone says how large it is shown
            width, height = (side >> 16 for side in struct.unpack_from(">II", data, matrix + 36))
        stretch = self._stretch(table)
        sides = (round(width * stretch), height)
        track = _Track(number, *(sides if across or down else sides[::-1]), stretch)
        clock = self._find(trak, b"mdia", b"mdhd")
        track.scale = _clock(data, clock.content)[0] if clock else 0
        times = self._find(trak, b"mdia", b"minf", b"stbl", b"stts")
        for count, each in _pairs(data, times) if times else ():
            track.frames += count
            track.ticks += count * each
        track.each = self._each(moov, number)
        return track

    def _stretch(self, table: Box) -> float:
        """By the `pasp` in the first description of samples."""
        try:
            entry = next(boxes(self._data, table.content + 8, table.end, self._allowance))
            pixel = self._find(entry._replace(content=entry.content + 78), b"pasp")
            if pixel is None:
                return 1.0
            across, down = struct.unpack_from(">II", self._data, pixel.content)
        except (IndexError, struct.error, StopIteration):  # some end in bytes that are no box
            return 1.0
        return pixel_shape(across, down)

    def _each(self, moov: Box, number: int) -> int:
        """Ticks of a picture in all fragments, as the head of the film says it."""
        extension = self._find(moov, b"mvex")
        for box in self._within(extension) if extension else ():
            if box.kind == b"trex":
                of, _, each = struct.unpack_from(">III", self._data, box.content + 4)
                if of == number:
                    return int(each)
        return 0

    def _handler(self, trak: Box) -> bytes:
        at = self._inside(trak, b"mdia", b"hdlr").content
        return self._data[at + 8 : at + 12]

    def _within(self, box: Box) -> Iterator[Box]:
        return boxes(self._data, box.content, box.end, self._allowance)

    def _find(self, box: Box, *path: bytes) -> Box | None:
        """The first box along a path of kinds, or None."""
        for kind in path:
            child = next((inner for inner in self._within(box) if inner.kind == kind), None)
            if child is None:
                return None
            box = child
        return box

    def _inside(self, box: Box, *path: bytes) -> Box:
        """As `_find`.

        Raises:
            IndexError: There is none.
        """
        inner = self._find(box, *path)
        if inner is None:
            raise IndexError
        return inner


def _is_ours(data: bytes, box: Box) -> bool:
    return box.kind == b"uuid" and data.startswith(_OURS, box.content)


def _record(data: bytes, ours: Box) -> bytes | None:
    start = ours.content + len(_OURS)
    return data[start : ours.end] if ours.end - start <= LARGEST_RECORD else None


def _is_cut(data: bytes, at: int, *, in_fragments: bool) -> bool:
    """Whether what stands behind the last whole box is the beginning of another.

    Fewer than 8 bytes tell little: without fragments the film is whole by then, and they fill up.
    """
    head = data[at : at + 8]
    if len(head) == 8:
        return head[4:] in _KINDS
    begins = any(kind.startswith(head[4:]) for kind in _KINDS)
    return in_fragments and len(head) >= 4 and head[0] == 0 and any(head[:4]) and begins


def _run(data: bytes, trun: Box, each: int) -> tuple[int, int]:
    """Pictures of a run, and their ticks; *each* has so many where the run does not say."""
    flags, count = struct.unpack_from(">II", data, trun.content)
    if not flags & _DURATION:
        return count, count * each
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
    return ticks / scale if scale and 0 < ticks < LONGEST * scale else None


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
