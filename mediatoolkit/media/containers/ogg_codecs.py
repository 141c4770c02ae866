"""What the packets of an Ogg say: how the sound is written, and how long it lasts."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mediatoolkit.media.containers import comments

_OPUS, _VORBIS, _SPEEX, _FLAC = b"OpusHead", b"\x01vorbis", b"Speex   ", b"\x7fFLAC"
_OPUS_RATE = 48000  # what its positions count, whatever was recorded
_NAMES = {
    b"\x80theora": "a film (Theora)",
    b"\x01video": "a film",
    b"BBCD": "a film (Dirac)",
    b"OVP80": "a film (VP8)",
    b"CELT": "CELT",
    b"PCM": "PCM",
    b"\x80kate": "text (Kate)",
}
_MODE_BITS = 41  # of a mode in the last packet before Vorbis sound


class Lengths(Protocol):
    """How long the packets are that were added."""

    total: int | None
    """Samples of one channel; None where that cannot be told."""

    def add(self, packet: bytes) -> None:
        """Count one more packet."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a stream of sound is written, by its first packet.

    Attributes:
        mark: The bytes that the packet begins with.
        sample_rate: Hertz; 0 when the packet is corrupt.
        channels: Likewise.
        bits: How exact a sample is.
        skipped: Samples at the beginning that are not to be heard.
        heads: Packets before the sound, without the first; the list of comments is in the second.
        prefix: Bytes before that list.
        first: The first packet.
    """

    mark: bytes
    sample_rate: int
    channels: int
    bits: int
    skipped: int
    heads: int
    prefix: int
    first: bytes

    @property
    def may_begin_below_zero(self) -> bool:
        """Whether the first position may leave out some of what is decoded."""
        return self.mark == _VORBIS

    def with_record(self, packet: bytes, record: bytes) -> bytes:
        """The packet of comments with *record* in it."""
        listed = comments.with_record(packet[self.prefix :], record)
        match self.mark:
            case b"\x01vorbis":
                return packet[:7] + listed.removesuffix(b"\x01") + b"\x01"
            case b"\x7fFLAC":
                return packet[:1] + len(listed).to_bytes(3) + listed
        return packet[: self.prefix] + listed

    def lengths(self, heads: Sequence[bytes]) -> Lengths:
        """Something that counts the samples of packets; *heads* are those before the sound."""
        match self.mark:
            case b"OpusHead":
                return _OpusLengths()
            case b"\x01vorbis":
                return _VorbisLengths(self.first, heads[-1])
        return _NoLengths()


def codec_of(packet: bytes) -> Codec | None:
    """Return how the stream is written that begins with *packet*; None when it is no sound we take.

    Raises:
        struct.error: The packet is cut.
    """
    if packet.startswith(_OPUS):
        channels, skipped = struct.unpack_from("<BH", packet, 9)
        return Codec(_OPUS, _OPUS_RATE, channels, 16, skipped, 1, 8, packet)
    if packet.startswith(_VORBIS):
        channels, rate = struct.unpack_from("<BI", packet, 11)
        return Codec(_VORBIS, rate, channels, 16, 0, 2, 7, packet)
    if packet.startswith(_SPEEX):
        rate, channels = struct.unpack_from("<I8xI", packet, 36)
        (further,) = struct.unpack_from("<I", packet, 68)
        return Codec(_SPEEX, rate, channels, 16, 0, 1 + min(further, 16), 0, packet)
    if packet.startswith(_FLAC):
        (further,) = struct.unpack_from(">H", packet, 7)
        (packed,) = struct.unpack_from(">Q", packet, 27)
        channels, bits = (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1
        return Codec(_FLAC, packed >> 44, channels, bits, 0, max(1, further), 4, packet)
    return None


def name_of(firsts: Sequence[bytes]) -> str:
    """Return what streams are that are no sound, by their first packets."""
    names = (name for first in firsts for mark, name in _NAMES.items() if first.startswith(mark))
    return next(names, "unknown data")


class _NoLengths:
    """Packets whose length stands elsewhere."""

    total: int | None = None

    def add(self, packet: bytes) -> None:
        """Take no notice."""


class _OpusLengths:
    """Packets of Opus, each of which begins with what it holds (RFC 6716, 3.1)."""

    def __init__(self) -> None:
        """Start with nothing added."""
        self.total: int | None = 0

    def add(self, packet: bytes) -> None:
        """Count one more packet."""
        if not packet or self.total is None:
            return
        config, code = packet[0] >> 3, packet[0] & 3
        if config < 12:
            size = (480, 960, 1920, 2880)[config & 3]
        elif config < 16:
            size = (480, 960)[config & 1]
        else:
            size = (120, 240, 480, 960)[config & 3]
        count = packet[1] & 63 if code == 3 and len(packet) > 1 else 1 if code == 0 else 2
        self.total += size * count


class _VorbisLengths:
    """Packets of Vorbis: each sounds with the half of the one before it, the first not at all."""

    def __init__(self, first: bytes, setup: bytes) -> None:
        """Read the two sizes of a block, and which of them a packet of each mode has."""
        sizes = first[28] if len(first) > 28 else 0
        self._sizes = 1 << (sizes & 15), 1 << (sizes >> 4)
        self._modes = _modes(setup)
        self._before: int | None = None
        self.total: int | None = 0 if self._modes else None

    def add(self, packet: bytes) -> None:
        """Count one more packet."""
        if self.total is None or not packet or packet[0] & 1:
            return
        mode = packet[0] >> 1 & (1 << (len(self._modes) - 1).bit_length()) - 1
        size = self._sizes[self._modes[min(mode, len(self._modes) - 1)]]
        if self._before is not None:
            self.total += (self._before + size) // 4
        self._before = size


def _modes(setup: bytes) -> list[int]:
    """Return whether the blocks of each mode are long; empty when that cannot be told.

    The modes stand at the end of the packet, behind books of unknown length, so that they are
    read from behind, as FFmpeg does.
    """
    bits = int.from_bytes(setup, "little")
    top = bits.bit_length() - 1  # the framing bit
    modes: list[int] = []
    best: list[int] = []
    while top >= _MODE_BITS + 6 and len(modes) < 64:
        top -= _MODE_BITS
        mode = bits >> top & (1 << _MODE_BITS) - 1
        if mode >> 1 & 0xFFFFFFFF or mode >> 33 > 63:
            break
        modes.insert(0, mode & 1)
        if (bits >> top - 6 & 63) == len(modes) - 1:
            best = list(modes)
    return best
