"""FLAC: metadata blocks, then frames without lengths.

Whether a file is whole is read off its last frame: it carries its own position and a checksum.
"""

import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from mediatoolkit.media.containers import comments, tags
from mediatoolkit.media.containers.base import Piece, SoundFacts
from mediatoolkit.media.provenance import Provenance

NAME = "FLAC"
MIME_TYPE = "audio/flac"
SUFFIXES: tuple[str, ...] = (".flac",)

_START = b"fLaC"
_STREAM_INFO, _APPLICATION, _COMMENTS = 0, 2, 4
_FRAME_STARTS = (b"\xff\xf8", b"\xff\xf9")
_OURS = b"mtkt"
_NO_COMMENTS = struct.pack("<II", 0, 0)
_LONGEST_FRAME = 1 << 20
_MOST_BLOCKS = 1_000


class _Block(NamedTuple):
    """A metadata block: its kind, its content, whether it says it is the last, and its end."""

    kind: int
    content: bytes
    is_last: bool = False
    stop: int = 0

    @property
    def is_ours(self) -> bool:
        """Whether it is a record beside the comments."""
        return self.kind == _APPLICATION and self.content.startswith(_OURS)

    def to_bytes(self, *, last: bool) -> bytes:
        """The block as it stands in a file."""
        return bytes([self.kind | last << 7]) + len(self.content).to_bytes(3) + self.content


def sniff(data: bytes) -> bool:
    """Return whether the bytes begin as a FLAC does, perhaps behind an ID3 tag."""
    return data.startswith(_START, tags.after_id3(data))


def inspect(data: bytes) -> SoundFacts | None:
    """Read the facts; None when the last frame is cut, missing or corrupt."""
    start = tags.after_id3(data) + len(_START)
    first = next(_blocks(data, start), None)
    if first is None or first.kind != _STREAM_INFO or len(first.content) != 34:
        return None
    block_size, longest = struct.unpack_from(">2xHxxxI", first.content)
    packed = int.from_bytes(first.content[10:18])
    rate, channels, bits = packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    stop = tags.ape_tag(data).start
    reach = max(longest >> 8, 64 + block_size * channels * (bits + 8) // 8)
    frames = _frames(data, max(first.stop, stop - min(reach, _LONGEST_FRAME)), stop, block_size)
    claimed = packed & 0xFFFFFFFFF
    if not rate or not frames or (claimed and claimed != frames):
        return None
    return SoundFacts(
        mime_type=MIME_TYPE,
        length=len(data),
        sample_rate=rate,
        channels=channels,
        frames=frames,
        bits=bits,
    )


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record among its comments, in the place of an older one of ours.

    Where the blocks do not lead up to the first frame, they stay as they are, and the record is
    a block for applications between the first and the second. So it is where all words stand in
    an ID3 tag, too: players that see a comment do not look there any more.
    """
    record = provenance.to_json().encode()
    start = tags.after_id3(data) + len(_START)
    blocks = list(_blocks(data, start))
    ends_well = blocks[-1].is_last and data.startswith(_FRAME_STARTS, blocks[-1].stop)
    if ends_well:
        old, new = blocks, _with_record(blocks, record, has_id3=start > len(_START))
    else:
        old = blocks[:2] if blocks[1:] and blocks[1].is_ours else blocks[:1]
        new = [blocks[0], _Block(_APPLICATION, _OURS + record)]
    *before, last = new
    packed = [block.to_bytes(last=False) for block in before]
    packed.append(last.to_bytes(last=old[-1].is_last))
    view = memoryview(data)
    return [view[:start], *packed, view[old[-1].stop :]]


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None."""
    for block in _blocks(data, tags.after_id3(data) + len(_START)):
        record = comments.record_in(block.content) if block.kind == _COMMENTS else None
        if block.is_ours:
            record = block.content[len(_OURS) :]
        if record is not None:
            return Provenance.from_json(record)
    return None


def _blocks(data: bytes, at: int) -> Iterator[_Block]:
    """The metadata blocks up to the last, or up to one that does not fit or is one too many."""
    last = False
    for _ in range(_MOST_BLOCKS):
        if last or at + 4 > len(data):
            return
        last, kind = data[at] >= 0x80, data[at] & 0x7F
        start = at + 4
        at = start + int.from_bytes(data[at + 1 : start])
        if at > len(data):
            return
        yield _Block(kind, data[start:at], last, at)


def _with_record(blocks: list[_Block], record: bytes, *, has_id3: bool) -> list[_Block]:
    """All blocks, the first comments with *record* and none with an older one."""
    others = [block for block in blocks if not block.is_ours]
    places = [at for at, block in enumerate(others) if block.kind == _COMMENTS]
    for at in places:
        others[at] = _Block(_COMMENTS, comments.without_record(others[at].content))
    if has_id3 and all(comments.is_empty(others[at].content) for at in places):
        others.insert(1, _Block(_APPLICATION, _OURS + record))
        return others
    if not places:
        places = [1]
        others.insert(1, _Block(_COMMENTS, _NO_COMMENTS))
    others[places[0]] = _Block(_COMMENTS, comments.with_record(others[places[0]].content, record))
    return others


def _frames(data: bytes, first: int, stop: int, block_size: int) -> int | None:
    """Samples of one channel up to the end of the last frame, or None when that is not whole.

    Frames have no length, so the last is found from its end. The CRC over a frame and the checksum
    behind it is zero; run backwards from there, it is zero again at the first byte of the frame.
    """
    table = _table(0x8005, 16)
    index_of = _index_by_low_byte(table)
    crc = 0
    for at in range(stop - 1, first - 1, -1):
        index = index_of[crc & 0xFF]
        crc = (index ^ data[at]) << 8 | (crc ^ table[index]) >> 8
        if not crc and data.startswith(_FRAME_STARTS, at):
            end = _end_by_head(data, at, block_size)
            if end:
                return end
    return None


def _end_by_head(data: bytes, at: int, block_size: int) -> int | None:
    """The sample after this frame, or None when this is no frame's header."""
    head = data[at : at + 16]
    if len(head) < 16:
        head = head.ljust(16, b"\0")
    size_code, rate_code = head[2] >> 4, head[2] & 15
    number, after = _number(head, 4)
    size, after = _block_size(head, size_code, after)
    after += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if not size or rate_code == 15 or _checksum(head[: after + 1], 0x07, 8):
        return None
    return size + (number if head[1] & 1 else number * block_size)


def _number(head: bytes, at: int) -> tuple[int, int]:
    """A number written as UTF-8 would write it, and what comes after it."""
    ones = 8 - (head[at] ^ 0xFF).bit_length()
    number = head[at] & (0x7F >> ones)
    for byte in head[at + 1 : at + ones]:
        number = number << 6 | byte & 0x3F
    return number, at + max(ones, 1)


def _block_size(head: bytes, code: int, at: int) -> tuple[int, int]:
    if code in (6, 7):
        width = code - 5
        return int.from_bytes(head[at : at + width]) + 1, at + width
    if code < 6:
        return (0, 192, 576, 1152, 2304, 4608)[code], at
    return 256 << (code - 8), at


def _checksum(data: bytes, polynomial: int, width: int) -> int:
    table, shift, mask = _table(polynomial, width), width - 8, (1 << width) - 1
    crc = 0
    for byte in data:
        crc = (crc << 8 & mask) ^ table[crc >> shift ^ byte]
    return crc


@cache
def _index_by_low_byte(table: tuple[int, ...]) -> tuple[int, ...]:
    """Return which entry of a table of checksums has a low byte; each is there once."""
    return tuple(sorted(range(256), key=lambda index: table[index] & 0xFF))


@cache
def _table(polynomial: int, width: int) -> tuple[int, ...]:
    top, mask = 1 << (width - 1), (1 << width) - 1
    table = []
    for byte in range(256):
        crc = byte << (width - 8)
        for _ in range(8):
            crc = (crc << 1 & mask) ^ (polynomial if crc & top else 0)
        table.append(crc)
    return tuple(table)
