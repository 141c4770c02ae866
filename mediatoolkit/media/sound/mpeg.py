"""MP3: frames one after the other, with an ID3v2 tag before them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mediatoolkit.media.sound.facts import Piece, SoundFacts

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_BITRATES_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_3 = 1
_MONO = 3
_NAME = "mediatoolkit".encode("utf-16") + b"\0\0"
_PLAIN_TAGS = (3, 4)
_UTF_16 = b"\1"


@dataclass(frozen=True, slots=True)
class _Head:
    """The first frame's header, and what all others share with it."""

    version: int
    sample_rate: int
    rate_bits: int
    channels: int

    @property
    def frames(self) -> int:
        """Samples of one channel in a frame."""
        return 1152 if self.version == 3 else 576

    def lengths(self) -> dict[int, int]:
        """Bytes of a frame, by the third byte of its header."""
        bitrates = _BITRATES_1 if self.version == 3 else _BITRATES_2
        return {
            index << 4 | self.rate_bits | low: self.frames // 8 * bitrate * 1000 // self.sample_rate
            + (low >> 1)
            for index, bitrate in enumerate(bitrates, start=1)
            for low in range(4)
        }


@dataclass(frozen=True, slots=True)
class _Info:
    """What the encoder says in a first frame that holds no sound."""

    count: int | None
    trimmed: int


def is_mp3(data: bytes) -> bool:
    """Whether the bytes begin as an MP3 does."""
    return data[:3] == b"ID3" or _head(data, 0) is not None


def inspect(data: bytes) -> SoundFacts | None:
    """Walk the frames; None when the last is cut, some are missing or one is corrupt."""
    first = after_tags(data)
    head = _head(data, first)
    if head is None:
        return None
    stop, count = _walk(data, first, head)
    info = _info(data, first, head)
    if info is not None:
        count -= 1
    if stop > len(data) or not count or (info and info.count and info.count != count):
        return None
    if _goes_on(data, stop, head):
        return None
    frames = count * head.frames - (info.trimmed if info else 0)
    return SoundFacts(
        "audio/mpeg", head.sample_rate, head.channels, frames, 16, _with_old_tag(data, stop)
    )


def written_into(data: bytes, record: bytes) -> list[Piece]:
    """The file with *record* in its ID3v2 tag, in the place of an older one of ours."""
    content = _UTF_16 + _NAME + record.decode().encode("utf-16")
    version, size = (data[3], _syncsafe(data, 6)) if data[:3] == b"ID3" else (4, 0)
    first = 10 + size if size else 0
    if size and (version not in _PLAIN_TAGS or data[5]):
        version, size, first = 4, 0, 0  # a tag with options stays as it is, behind ours
    kept = b"".join(
        data[start - 10 : stop]
        for kind, start, stop in _id3_frames(data, version, size)
        if not _is_record(data, kind, start)
    )
    frame = b"TXXX" + _size(len(content), version) + b"\0\0" + content
    tag = kept + frame
    head = b"ID3" + bytes([version, 0, 0]) + _size(len(tag), 4)
    return [head, tag, memoryview(data)[first:]]


def record_in(data: bytes) -> bytes | None:
    """What `written_into` wrote, or None."""
    if data[:3] != b"ID3" or data[3] not in _PLAIN_TAGS or data[5]:
        return None
    for kind, start, stop in _id3_frames(data, data[3], _syncsafe(data, 6)):
        if _is_record(data, kind, start):
            written = data[start + 1 + len(_NAME) : stop]
            return written.decode("utf-16", "replace").rstrip("\0").encode()
    return None


def after_tags(data: bytes) -> int:
    """Where the first frame is."""
    at = 0
    while data[at : at + 3] == b"ID3":
        footer = 10 if data[at + 5] & 0x10 else 0
        at += 10 + _syncsafe(data, at + 6) + footer
    return at


def _head(data: bytes, at: int) -> _Head | None:
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bitrate, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer != _LAYER_3 or bitrate in (0, 15) or rate == 3:
        return None
    channels = 1 if data[at + 3] >> 6 == _MONO else 2
    return _Head(version, _RATES[version][rate], rate << 2, channels)


def _walk(data: bytes, at: int, head: _Head) -> tuple[int, int]:
    """Where the frames end, and how many there are."""
    lengths = head.lengths()
    kind, count, last = data[at + 1] & 0xFE, 0, len(data) - 3
    while at < last and data[at] == 0xFF and data[at + 1] & 0xFE == kind:
        length = lengths.get(data[at + 2])
        if length is None:
            break
        at += length
        count += 1
    return at, count


def _goes_on(data: bytes, at: int, head: _Head) -> bool:
    """Whether more frames follow what is no frame; one in a row may be chance, three are not."""
    start = data.find(b"\xff", at)
    while start != -1:
        found = _head(data, start)
        if found == head and _walk(data, start, head)[1] >= 3:
            return True
        start = data.find(b"\xff", start + 1)
    return False


def _info(data: bytes, at: int, head: _Head) -> _Info | None:
    side = {(3, 2): 32, (3, 1): 17, (2, 2): 17, (2, 1): 9, (0, 2): 17, (0, 1): 9}
    at += 4 + side[head.version, head.channels]
    if data[at : at + 4] not in (b"Xing", b"Info"):
        return None
    (flags,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    count = struct.unpack_from(">I", data, at)[0] if flags & 1 else None
    at += sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    if data[at : at + 4] not in (b"LAME", b"Lavf", b"Lavc"):
        return _Info(count, 0)
    trim = int.from_bytes(data[at + 21 : at + 24], "big")
    return _Info(count, (trim >> 12) + (trim & 0xFFF))


def _with_old_tag(data: bytes, at: int) -> int:
    """Where the file ends: an ID3v1 or APE tag may follow the frames."""
    if data[at : at + 3] == b"TAG" and len(data) >= at + 128:
        return at + 128
    return len(data) if data[at : at + 8] == b"APETAGEX" else at


def _id3_frames(data: bytes, version: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    at, end = 10, min(10 + size, len(data))
    while at + 10 <= end and data[at]:
        length = _syncsafe(data, at + 4) if version == 4 else int.from_bytes(data[at + 4 : at + 8])
        if at + 10 + length > end:
            return
        yield data[at : at + 4], at + 10, at + 10 + length
        at += 10 + length


def _is_record(data: bytes, kind: bytes, start: int) -> bool:
    return kind == b"TXXX" and data.startswith(_UTF_16 + _NAME, start)


def _syncsafe(data: bytes, at: int) -> int:
    number = 0
    for (byte,) in struct.iter_unpack("B", data[at : at + 4]):
        number = number << 7 | byte & 127
    return number


def _size(length: int, version: int) -> bytes:
    if version == 3:
        return struct.pack(">I", length)
    return bytes(length >> shift & 127 for shift in (21, 14, 7, 0))
