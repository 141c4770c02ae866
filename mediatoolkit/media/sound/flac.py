"""FLAC: metadata blocks, then frames without lengths.

Whether a file is whole is read off its last frame: it carries its own position and a checksum.
"""

import struct
from collections.abc import Iterator
from functools import cache

from mediatoolkit.media.sound import comments
from mediatoolkit.media.sound.facts import Piece, SoundFacts

_START = b"fLaC"
_STREAM_INFO, _COMMENTS = 0, 4
_NO_COMMENTS = struct.pack("<II", 0, 0)
_LONGEST_FRAME = 1 << 20


def is_flac(data: bytes) -> bool:
    """Whether the bytes begin as a FLAC does."""
    return data.startswith(_START)


def inspect(data: bytes) -> SoundFacts | None:
    """Read the facts; None when the last frame is cut, missing or corrupt."""
    stop = 4
    info = b""
    for kind, start, stop in _blocks(data):
        if kind == _STREAM_INFO and not info:
            info = data[start:stop]
    if len(info) < 34:
        return None
    (block_size,) = struct.unpack_from(">H", info, 2)
    packed = int.from_bytes(info[10:18])
    frames = _frames(data, stop, block_size)
    claimed = packed & 0xFFFFFFFFF
    if not frames or (claimed and claimed != frames):
        return None
    rate, channels, bits = packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
    return SoundFacts("audio/flac", rate, channels, frames, bits, len(data)) if rate else None


def written_into(data: bytes, record: bytes) -> list[Piece]:
    """The file with *record* among its comments, in the place of an older one of ours."""
    blocks: list[bytes] = []
    written, stop = _NO_COMMENTS, 4
    for kind, start, stop in _blocks(data):
        if kind == _COMMENTS:
            written = data[start:stop]
        else:
            blocks.append(bytes([kind]) + data[start - 3 : stop])
    block = comments.with_record(written, record)
    last = bytes([0x80 | _COMMENTS]) + len(block).to_bytes(3) + block
    return [_START, *blocks, last, memoryview(data)[stop:]]


def record_in(data: bytes) -> bytes | None:
    """What `written_into` wrote, or None."""
    for kind, start, stop in _blocks(data):
        if kind == _COMMENTS:
            return comments.record_in(data[start:stop])
    return None


def _blocks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and stop of each metadata block's content.

    Raises:
        IndexError: The data ends before the last.
    """
    at, last = 4, 0
    while not last:
        last, kind = data[at] & 0x80, data[at] & 0x7F
        start = at + 4
        at = start + int.from_bytes(data[at + 1 : start])
        if at > len(data):
            raise IndexError
        yield kind, start, at


def _frames(data: bytes, first: int, block_size: int) -> int | None:
    """Samples of one channel up to the end of the last frame, or None when that is not whole."""
    at = len(data)
    while True:
        at = data.rfind(b"\xff", max(first, len(data) - _LONGEST_FRAME), at)
        if at == -1:
            return None
        if data[at + 1 : at + 2] in (b"\xf8", b"\xf9"):
            end = _end_by_head(data, at, block_size)
            if end and not _checksum(data[at:], 0x8005, 16):
                return end


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
def _table(polynomial: int, width: int) -> tuple[int, ...]:
    top, mask = 1 << (width - 1), (1 << width) - 1
    table = []
    for byte in range(256):
        crc = byte << (width - 8)
        for _ in range(8):
            crc = (crc << 1 & mask) ^ (polynomial if crc & top else 0)
        table.append(crc)
    return tuple(table)
