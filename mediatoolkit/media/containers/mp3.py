"""MP3: frames one after the other, between tags and whatever else players pass over."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import tags
from mediatoolkit.media.containers.base import Piece, SoundFacts
from mediatoolkit.media.containers.signatures import name_of
from mediatoolkit.media.provenance import Provenance

NAME = "MP3"
MIME_TYPE = "audio/mpeg"
SUFFIXES: tuple[str, ...] = (".mp3",)

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_BITRATES_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MONO = 3
_SIDE_INFO = {(3, 2): 32, (3, 1): 17, (2, 2): 17, (2, 1): 9, (0, 2): 17, (0, 1): 9}

_RATE_AND_BITRATE = bytes(
    bitrate << 4 | rate << 2 | low
    for bitrate in range(1, 15)
    for rate in range(3)
    for low in range(4)
)
_HEAD = re.compile(
    rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][" + re.escape(_RATE_AND_BITRATE) + rb"]", re.DOTALL
)
_IN_A_ROW = 3  # frames; what looks like one alone may be chance
_FALSE_STARTS = 10_000  # some 0.1 s of CPU
_LONGEST_LEAD = 1 << 16
_TAGS = (*tags.MARKS, b"3DI")


@dataclass(frozen=True, slots=True)
class _Head:
    """A frame's header, and what all others share with it."""

    version: int
    sample_rate: int
    rate_bits: int
    channels: int

    @property
    def frames(self) -> int:
        """Samples of one channel in a frame."""
        return 1152 if self.version == 3 else 576


@cache
def _lengths(head: _Head) -> dict[int, int]:
    """Bytes of a frame, by the third byte of its header."""
    bitrates = _BITRATES_1 if head.version == 3 else _BITRATES_2
    return {
        index << 4 | head.rate_bits | low: head.frames // 8 * bitrate * 1000 // head.sample_rate
        + (low >> 1)
        for index, bitrate in enumerate(bitrates, start=1)
        for low in range(4)
    }


@dataclass(frozen=True, slots=True)
class _Row:
    """Frames that follow each other: where they start and stop, and how many are whole."""

    head: _Head
    start: int
    stop: int
    count: int

    @property
    def frames(self) -> int:
        """Samples of one channel."""
        return self.count * self.head.frames


@dataclass(frozen=True, slots=True)
class _Info:
    """What the encoder says in a first frame that holds no sound.

    Attributes:
        count: Frames that follow; 0 where it does not say.
        before: Samples at the beginning that are not to be heard.
        after: Likewise at the end.
    """

    count: int
    before: int = 0
    after: int = 0


def sniff(data: bytes) -> bool:
    """Return whether the bytes begin as an MP3 does, perhaps behind zeros or within a frame."""
    if name_of(data) not in ("MP3", "unknown data"):
        return False
    begins = data[:3] == b"ID3" or _head(data, 0) is not None
    return begins or next(_rows(data[:_LONGEST_LEAD], 0), None) is not None


def inspect(data: bytes) -> SoundFacts | None:
    """Walk the frames, over whatever stands before, between and behind them.

    Returns:
        None when there is no frame.

    Raises:
        MediaError: There are fewer frames than the first one says.
    """
    start = tags.after_id3(data)
    rows = list(_rows(data, start))
    if not rows:
        return None
    head, stop = rows[0].head, rows[-1].stop
    info = _info(data, rows[0]) if rows[0].start == start else None
    count = sum(row.count for row in rows) - bool(info)
    if info and info.count > count + 1:
        raise MediaError(
            f"The MP3 is cut short or corrupt: its head counts {info.count:,} frames, and "
            f"{count:,} are there; fetch or save it again."
        )
    frames = sum(row.frames * head.sample_rate // row.head.sample_rate for row in rows)
    if info:
        missing = max(0, info.count - count) * head.frames
        frames -= head.frames + info.before + max(0, info.after - missing)
    length = len(data) if _has_tag(data, stop) else stop
    return SoundFacts(
        mime_type=MIME_TYPE,
        length=length,
        sample_rate=head.sample_rate,
        channels=head.channels,
        frames=frames,
        bits=16,
    )


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record in it, in the place of an older one of ours, all else as it was.

    It goes where the file keeps its tags: into the first ID3v2 tag, or, where that cannot be read
    or there is none, into the APE tag. A file without either gets an ID3v2 tag.
    """
    record = provenance.to_json().encode()
    old_id3, old_ape = list(tags.id3_tags(data)), tags.ape_tag(data)
    start = old_id3[-1].stop if old_id3 else 0
    new_id3 = [tag.without_record() for tag in old_id3 if not tag.is_ours_alone]
    new_ape = old_ape.without_record()
    if new_id3 and new_id3[0].is_whole:
        new_id3[0] = new_id3[0].with_record(record)
    elif new_id3 or new_ape.items or data.find(b"3DI", old_ape.stop) != -1:
        new_ape = new_ape.with_record(record)
    else:
        new_id3 = [tags.id3_of_v1(_v1(data)).with_record(record)]
    view = memoryview(data)
    end = view[old_ape.start : old_ape.stop] if new_ape is old_ape else new_ape.to_bytes()
    return [*(tag.data for tag in new_id3), view[start : old_ape.start], end, view[old_ape.stop :]]


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None."""
    record = tags.ape_tag(data).record  # first, as it leaves an ID3v2 tag alone that it cannot read
    if record is None:
        record = next((tag.record for tag in tags.id3_tags(data) if tag.record is not None), None)
    return Provenance.from_json(record) if record else None


def _head(data: bytes, at: int) -> _Head | None:
    if not _HEAD.match(data, at) or len(data) < at + 4:
        return None
    version, rate = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3
    channels = 1 if data[at + 3] >> 6 == _MONO else 2
    return _Head(version, _RATES[version][rate], rate << 2, channels)


def _rows(data: bytes, at: int) -> Iterator[_Row]:
    """All rows of frames from an offset on; the search gives up after too many false starts.

    A row has three frames at least, or stands where one is due and leads up to a tag or the end.
    """
    due, false_starts = at, 0
    while false_starts < _FALSE_STARTS:
        match = _HEAD.search(data, at)
        head = _head(data, match.start()) if match else None
        if match is None or head is None:
            return
        at = match.start()
        stop, count = _walk(data, at, head)
        if count >= _IN_A_ROW or (count and at == due and _ends(data, stop)):
            yield _Row(head, at, stop, count)
            at = due = stop
        else:
            at += 1
            false_starts += 1


def _walk(data: bytes, at: int, head: _Head) -> tuple[int, int]:
    """Return where the frames end, and how many are whole."""
    # Frames in a row may differ in bit rate, padding and checksum: the mask leaves out the bit of
    # the checksum, and the table has the lengths for the other two.
    lengths = _lengths(head)
    kind, count, last = data[at + 1] & 0xFE, 0, len(data) - 3
    while at < last and data[at] == 0xFF and data[at + 1] & 0xFE == kind:
        length = lengths.get(data[at + 2])
        if length is None:
            break
        at += length
        count += 1
    return (at, count) if at <= len(data) else (len(data), count - 1)


def _ends(data: bytes, at: int) -> bool:
    return at == len(data) or data.startswith((*_TAGS, b"\0"), at)


def _has_tag(data: bytes, start: int) -> bool:
    """Return whether there is a tag behind the sound; what else may be there is rubbish."""
    return any(data.find(mark, start) != -1 for mark in _TAGS)


def _v1(data: bytes) -> bytes:
    return data[-128:] if data[-128:-125] == b"TAG" else b""


def _info(data: bytes, row: _Row) -> _Info | None:
    """Read the head of LAME and FFmpeg (Xing, Info), or of Fraunhofer (VBRI)."""
    if data[row.start + 36 : row.start + 40] == b"VBRI":
        return _Info(*struct.unpack_from(">I", data, row.start + 50))
    at = row.start + 4 + _SIDE_INFO[row.head.version, row.head.channels]
    if data[at : at + 4] not in {b"Xing", b"Info"}:
        return None
    (flags,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    count = struct.unpack_from(">I", data, at)[0] if flags & 1 else 0
    at += sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    if data[at : at + 4] not in {b"LAME", b"Lavf", b"Lavc"}:
        return _Info(count)
    trim = int.from_bytes(data[at + 21 : at + 24])
    return _Info(count, trim >> 12, trim & 0xFFF)
