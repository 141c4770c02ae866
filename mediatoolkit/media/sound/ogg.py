"""Ogg with Opus or Vorbis: pages with checksums, comments in the second packet."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from mediatoolkit.media.sound import comments
from mediatoolkit.media.sound.facts import Piece, SoundFacts

_HEAD = struct.Struct("<4sBBqIIIB")
_CONTINUED, _LAST = 1, 4
_OPUS, _VORBIS = b"OpusHead", b"\x01vorbis"
_OPUS_RATE = 48000  # what its positions count, whatever was recorded
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: its header's fields, and where it and its content lie."""

    flags: int
    position: int
    serial: int
    number: int
    lacing: bytes
    start: int
    body: int
    stop: int

    def packets(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """The parts of packets on this page, and whether each ends here."""
        at, size = self.body, 0
        for length in self.lacing:
            size += length
            if length < 255:
                yield data[at : at + size], True
                at, size = at + size, 0
        if size:
            yield data[at : at + size], False


def is_ogg(data: bytes) -> bool:
    """Whether the bytes begin as an Ogg does."""
    return data.startswith(b"OggS")


def is_opus(data: bytes) -> bool:
    """Whether the sound in an Ogg is Opus."""
    return data.startswith(_OPUS, _HEAD.size + data[26])


def inspect(data: bytes) -> SoundFacts | None:
    """Walk the pages; None when one is missing or there are several streams.

    Raises:
        struct.error: A page is cut or corrupt.
    """
    pages = _pages(data)
    first = next(pages)
    rate, channels, skipped = _form(data[first.body : first.stop])
    end, previous = 0, first
    for page in pages:
        if page.serial != first.serial or page.number != previous.number + 1:
            return None
        end = max(end, page.position)
        previous = page
    if end <= skipped or not channels:
        return None
    return SoundFacts("audio/ogg", rate, channels, end - skipped, 16, previous.stop)


def written_into(data: bytes, record: bytes) -> list[Piece]:
    """The file with *record* among its comments, in the place of an older one of ours."""
    pages = list(_pages(data))
    packets, used = _heads(data, pages)
    mark = 8 if is_opus(data) else 7
    packets[0] = packets[0][:mark] + comments.with_record(packets[0][mark:], record)
    if not is_opus(data):
        packets[0] += b"\x01"
    first, rest = pages[0], pages[used:]
    heads = _paged(packets, first.serial)
    view = memoryview(data)
    pieces: list[Piece] = [view[: first.stop], *heads]
    shift = len(heads) + 1 - used
    if not shift:
        return [*pieces, view[rest[0].start :]]
    return pieces + [_numbered(data, page, page.number + shift) for page in rest]


def record_in(data: bytes) -> bytes | None:
    """What `written_into` wrote, or None."""
    packets, _ = _heads(data, list(_pages(data)))
    return comments.record_in(packets[0][8 if is_opus(data) else 7 :])


def _form(head: bytes) -> tuple[int, int, int]:
    """Rate, channels, and how many samples at the beginning are not to be heard.

    Raises:
        struct.error: Neither Opus nor Vorbis.
    """
    if head.startswith(_OPUS):
        channels, skipped = struct.unpack_from("<BH", head, 9)
        return _OPUS_RATE, channels, skipped
    if head.startswith(_VORBIS):
        channels, rate = struct.unpack_from("<BI", head, 11)
        return rate, channels if rate else 0, 0
    raise struct.error


def _pages(data: bytes) -> Iterator[_Page]:
    """Walk up to the page that says it is the last.

    Raises:
        struct.error: A page is cut, missing or corrupt.
    """
    at, flags = 0, 0
    while not flags & _LAST:
        capture, version, flags, position, serial, number, crc, segments = _HEAD.unpack_from(
            data, at
        )
        body = at + _HEAD.size + segments
        lacing = data[at + _HEAD.size : body]
        stop = body + sum(lacing)
        if capture != b"OggS" or version or len(lacing) < segments or stop > len(data):
            raise struct.error
        if _checksum(data[at : at + 22] + bytes(4) + data[at + 26 : stop]) != crc:
            raise struct.error
        yield _Page(flags, position, serial, number, lacing, at, body, stop)
        at = stop


def _heads(data: bytes, pages: list[_Page]) -> tuple[list[bytes], int]:
    """The packets before the sound, without the first, and how many pages these take."""
    wanted = 1 if is_opus(data) else 2
    packets, part = [], b""
    for used, page in enumerate(pages[1:], start=2):
        for content, ends in page.packets(data):
            part += content
            if ends:
                packets.append(part)
                part = b""
        if len(packets) >= wanted:
            return packets, used
    raise struct.error


def _paged(packets: list[bytes], serial: int) -> list[bytes]:
    lacing = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    body, at = b"".join(packets), 0
    pages: list[bytes] = []
    for start in range(0, len(lacing), 255):
        part = lacing[start : start + 255]
        flags = _CONTINUED if start and lacing[start - 1] == 255 else 0
        position = 0 if min(part) < 255 else -1
        head = _HEAD.pack(b"OggS", 0, flags, position, serial, len(pages) + 1, 0, len(part))
        pages.append(_signed(head + part + body[at : at + sum(part)]))
        at += sum(part)
    return pages


def _numbered(data: bytes, page: _Page, number: int) -> bytes:
    head = data[page.start : page.start + 18] + struct.pack("<I", number) + bytes(4)
    return _signed(head + data[page.start + 26 : page.stop])


def _signed(page: bytes) -> bytes:
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(page: bytes) -> int:
    """Ogg's CRC: the one zlib has, with the bits of every byte and of the sum the other way."""
    crc = zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_BACKWARDS))
