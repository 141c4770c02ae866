"""Ogg with Opus, Vorbis, Speex or FLAC: pages with checksums, comments in the second packet.

A file may be a chain: when one stream is over, the next begins, and players go on. Beside the sound
there may be other streams, such as a picture; they stay as they are. A stream that was recorded
while it was sent has no page that says it is the last, and its positions may begin anywhere.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import takewhile

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import comments, ogg_codecs
from mediatoolkit.media.containers.base import Piece, SoundFacts
from mediatoolkit.media.containers.tags import with_tags_behind
from mediatoolkit.media.provenance import Provenance

NAME = "Ogg"
MIME_TYPE = "audio/ogg"
SUFFIXES: tuple[str, ...] = (".ogg", ".opus")

_HEAD = struct.Struct("<4sBBqIIIB")
_CONTINUED, _FIRST, _LAST = 1, 2, 4
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


@dataclass(slots=True)
class _Stream:
    """What is known of one stream of a link up to some page.

    Attributes:
        codec: How it is written; None for what is no sound.
        last: Its latest page.
        heads: The packets before the sound, without the first.
        head_pages: The pages that hold these.
        first: The first position behind some of its sound, or None.
        end: The last one.
        before_last: The one before it.
    """

    codec: ogg_codecs.Codec | None
    last: _Page
    heads: list[bytes] = field(default_factory=list)
    head_pages: list[_Page] = field(default_factory=list)
    first: int | None = None
    end: int = 0
    before_last: int = 0
    _part: bytes = b""
    _lengths: ogg_codecs.Lengths | None = None

    def add(self, data: bytes, page: _Page) -> bool:
        """Take the next page; False when one is missing before it."""
        is_next = page.number == self.last.number + 1
        self.last = page
        if self.codec is None:
            return True
        if len(self.heads) < self.codec.heads:
            self._add_head(data, page)
            return is_next
        # A recording of a live stream has the packets of the head, then pages from its middle.
        is_recording = self._lengths is None
        if not (is_next or is_recording):
            return False
        if self.first is None:
            self._measure(data, page)
        self.before_last, self.end = self.end, max(self.end, page.position)
        return True

    @property
    def begin(self) -> int:
        """The position at which its sound begins; below 0, so much of it is not to be heard."""
        total = self._lengths.total if self._lengths else None
        if self.first is None or total is None:
            return 0
        # A position that counts fewer samples than there are leaves out the beginning; but where it
        # is the only one, it stands on the last page and leaves out the end.
        is_only = self.first == self.end
        return max(self.first - total, 0) if is_only else self.first - total

    @property
    def frames(self) -> int:
        """Samples of one channel that are heard."""
        skipped = self.codec.skipped if self.codec else 0
        return self.end - max(self.begin, 0) - skipped

    def _add_head(self, data: bytes, page: _Page) -> None:
        self.head_pages.append(page)
        for content, ends in page.packets(data):
            self._part += content
            if ends:
                self.heads.append(self._part)
                self._part = b""

    def _measure(self, data: bytes, page: _Page) -> None:
        """Count what lies before the first position."""
        if self.codec is None:
            return
        if self._lengths is None:
            self._lengths = self.codec.lengths(self.heads)
        begins_within = page.flags & _CONTINUED and not self._part
        for number, (content, ends) in enumerate(page.packets(data)):
            self._part += content
            if ends:
                if number or not begins_within:
                    self._lengths.add(self._part)
                self._part = b""
        if page.position != -1:
            self.first = page.position
            self._part = b""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain: its sound, and where its pages lie.

    Attributes:
        sample_rate: Hertz.
        channels: From 1.
        frames: Samples of one channel.
        lead: Decoded samples before the first that is to be heard.
        bits: How exact a sample is.
        start: Where its first page begins.
        stop: Where its last page ends.
        codec: How its sound is written.
        stream: What is known of its sound.
        has_others: Whether there are other streams beside it.
    """

    sample_rate: int
    channels: int
    frames: int
    lead: int
    bits: int
    start: int
    stop: int
    codec: ogg_codecs.Codec
    stream: _Stream
    has_others: bool

    def of(self, data: bytes) -> bytes:
        """The pages of its sound, without those of other streams."""
        if not self.has_others:
            return data[self.start : self.stop]
        pages = takewhile(lambda page: page.start < self.stop, _pages(data, self.start))
        serial = self.stream.last.serial
        return b"".join(data[page.start : page.stop] for page in pages if page.serial == serial)

    @property
    def last_page_at(self) -> Fraction:
        """The second at which the sound of its last page begins, about."""
        return Fraction(max(0, self.stream.before_last - self.stream.begin), self.sample_rate)

    @property
    def skips_by_hand(self) -> bool:
        """Whether `lead` counts; else the decoder knows what is not to be heard."""
        return self.codec.may_begin_below_zero


def sniff(data: bytes) -> bool:
    """Return whether the bytes begin as an Ogg does."""
    return data.startswith(b"OggS")


def inspect(data: bytes) -> SoundFacts | None:
    """Walk the pages; None when one is missing.

    Raises:
        MediaError: There is no sound in it that is taken.
        struct.error: A page is cut or corrupt.
    """
    chain = links(data)
    first, last = chain[0], chain[-1]
    has_ended = last.stream.last.flags & _LAST
    if not has_ended and (last.stop < len(data) or last.frames <= 0):
        return None
    if data.find(b"OggS", last.stop) != -1:
        return None
    frames = sum(frames_at(link, first.sample_rate) for link in chain)
    length = with_tags_behind(data, last.stop)
    return SoundFacts(
        mime_type=MIME_TYPE,
        length=length,
        sample_rate=first.sample_rate,
        channels=first.channels,
        frames=frames,
        bits=first.bits,
    )


def frames_at(link: Link, sample_rate: int) -> int:
    """Return how many samples of one channel a link has at another rate."""
    return max(0, round(link.frames * sample_rate / link.sample_rate))


def links(data: bytes) -> list[Link]:
    """The links that hold sound, in order; at least one.

    Raises:
        MediaError: There is no sound in it that is taken.
        struct.error: A page is missing, cut or corrupt.
    """
    chain: list[Link] = []
    others: list[bytes] = []
    streams: dict[int, _Stream] = {}
    start, is_begun = 0, False
    for page in _pages(data):
        if page.flags & _FIRST:
            if is_begun:
                chain += _link(streams, start, page.start)
                streams, start, is_begun = {}, page.start, False
            head = data[page.body : page.stop]
            streams[page.serial] = _Stream(ogg_codecs.codec_of(head), page)
            others.append(head)
            continue
        is_begun = True
        if page.serial not in streams or not streams[page.serial].add(data, page):
            raise struct.error
    chain += _link(streams, start, max(stream.last.stop for stream in streams.values()))
    if not chain:
        raise MediaError(
            f"This Ogg holds {ogg_codecs.name_of(others)}, not a sound we take; convert it first, "
            "such as with `ffmpeg -i old.ogg -vn new.flac`."
        )
    return chain


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record among the comments of its first stream, instead of an older one.

    Raises:
        struct.error: A page is cut or corrupt.
    """
    link = links(data)[0]
    pages = link.stream.head_pages
    heads = [
        link.codec.with_record(link.stream.heads[0], provenance.to_json().encode()),
        *link.stream.heads[1:],
    ]
    written = _paged(heads, pages[0])
    view = memoryview(data)
    pieces: list[Piece] = [view[: pages[0].start], *written]
    shift = len(written) - len(pages)
    if not shift and pages[-1].stop - pages[0].start == sum(p.stop - p.start for p in pages):
        return [*pieces, view[pages[-1].stop :]]
    for page in _pages(data, pages[0].start):
        if page.start >= link.stop:
            break
        if page in pages:
            continue
        is_later = page.serial == pages[0].serial
        pieces.append(_numbered(data, page, shift) if is_later else view[page.start : page.stop])
    return [*pieces, view[link.stop :]]


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None; needs no more than the first pages."""
    streams: dict[int, _Stream] = {}
    for page in _pages(data):
        if page.flags & _FIRST:
            streams[page.serial] = _Stream(ogg_codecs.codec_of(data[page.body : page.stop]), page)
            continue
        stream = streams.get(page.serial)
        if stream is None or stream.codec is None:
            continue
        stream.add(data, page)
        if stream.heads:
            record = comments.record_in(stream.heads[0][stream.codec.prefix :])
            return Provenance.from_json(record) if record else None
    return None


def _link(streams: dict[int, _Stream], start: int, stop: int) -> list[Link]:
    """The link that these streams make, in a list; empty when none of them is sound.

    Raises:
        struct.error: The packets before the sound are not whole.
    """
    stream = next((each for each in streams.values() if each.codec is not None), None)
    if stream is None or stream.codec is None:
        return []
    codec = stream.codec
    if len(stream.heads) < codec.heads or not codec.channels or not codec.sample_rate:
        raise struct.error
    rate, channels, bits = codec.sample_rate, codec.channels, codec.bits
    lead = max(0, -stream.begin) if codec.may_begin_below_zero else 0
    has_others = len(streams) > 1
    return [Link(rate, channels, stream.frames, lead, bits, start, stop, codec, stream, has_others)]


def _pages(data: bytes, at: int = 0) -> Iterator[_Page]:
    """Walk as long as there are pages.

    Raises:
        struct.error: A page is cut or corrupt.
    """
    while data.startswith(b"OggS", at):
        _, version, flags, position, serial, number, crc, segments = _HEAD.unpack_from(data, at)
        body = at + _HEAD.size + segments
        lacing = data[at + _HEAD.size : body]
        stop = body + sum(lacing)
        if version or len(lacing) < segments or stop > len(data):
            raise struct.error
        if _checksum(data[at : at + 22] + bytes(4) + data[at + 26 : stop]) != crc:
            raise struct.error
        yield _Page(flags, position, serial, number, lacing, at, body, stop)
        at = stop


def _paged(heads: list[bytes], first: _Page) -> list[bytes]:
    """Pages of the packets before the sound, numbered from *first*."""
    lacing = b"".join(b"\xff" * (len(head) // 255) + bytes([len(head) % 255]) for head in heads)
    body, at = b"".join(heads), 0
    pages: list[bytes] = []
    for start in range(0, len(lacing), 255):
        part = lacing[start : start + 255]
        flags = _CONTINUED if start and lacing[start - 1] == 255 else 0
        position = 0 if min(part) < 255 else -1
        number = first.number + len(pages)
        head = _HEAD.pack(b"OggS", 0, flags, position, first.serial, number, 0, len(part))
        pages.append(_signed(head + part + body[at : at + sum(part)]))
        at += sum(part)
    return pages


def _numbered(data: bytes, page: _Page, shift: int) -> bytes:
    number = struct.pack("<I", page.number + shift & 0xFFFFFFFF)
    return _signed(
        data[page.start : page.start + 18] + number + bytes(4) + data[page.start + 26 : page.stop]
    )


def _signed(page: bytes) -> bytes:
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(page: bytes) -> int:
    """Ogg's CRC: the one zlib has, with the bits of every byte and of the sum the other way."""
    crc = zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_BACKWARDS))
