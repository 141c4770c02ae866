"""A small MP4 writer: pictures as Motion JPEG, sound as plain samples, no codec needed.

Box by box after ISO/IEC 14496-12 (file format), 14496-14 (`mp4v`, `esds`) and 23003-5 (`ipcm`).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_CLOCK = 24_000  # ticks per second of every time in the file
_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_JPEG_CODEC = 0x6C  # object type of an MPEG-4 descriptor


@dataclass(frozen=True, slots=True)
class Track:
    """One track: samples of equal duration that lie somewhere in the file.

    Attributes:
        kind: `b"vide"` or `b"soun"`.
        entry: The sample description.
        offsets: Of each chunk, counted from the beginning of the media data.
        sizes: Of each sample in bytes; one sample a chunk, or `per_chunk`.
        ticks: Duration of one sample.
        per_chunk: Samples in each chunk.
        width: Pixels; 0 for sound.
        height: Pixels; 0 for sound.
    """

    kind: bytes
    entry: bytes
    offsets: Sequence[int]
    sizes: Sequence[int]
    ticks: int
    per_chunk: int = 1
    width: int = 0
    height: int = 0

    @property
    def duration(self) -> int:
        """Ticks."""
        return len(self.sizes) * self.ticks


def movie(
    pictures: Sequence[bytes],
    shown: Sequence[int],
    size: tuple[int, int],
    *,
    fps: int,
    sound: bytes,
) -> bytes:
    """A film.

    Args:
        pictures: JPEGs of one size.
        shown: Which picture each frame shows.
        size: Their width and height in pixels.
        fps: Frames per second; a divisor of 24,000.
        sound: Samples of 16 bits, little endian, mono, 24 kHz; may be empty.

    Returns:
        An MP4 whose index comes first.
    """
    starts = [0]
    for picture in pictures:
        starts.append(starts[-1] + len(picture))
    tracks = [
        Track(
            kind=b"vide",
            entry=_picture_entry(*size),
            offsets=[starts[index] for index in shown],
            sizes=[len(pictures[index]) for index in shown],
            ticks=_CLOCK // fps,
            width=size[0],
            height=size[1],
        )
    ]
    if sound:
        count = len(sound) // 2
        tracks.append(Track(b"soun", _sound_entry(), [starts[-1]], [2] * count, 1, per_chunk=count))
    head = _box(b"ftyp", b"isom", bytes(4), b"isommp41")
    base = len(head) + len(_index(tracks, 0)) + 8
    return head + _index(tracks, base) + _box(b"mdat", *pictures, sound)


def is_mp4(data: bytes) -> bool:
    """Whether *data* begins like an MP4 and its boxes fill it exactly."""
    names, start = [], 0
    while start + 8 <= len(data):
        length = int.from_bytes(data[start : start + 4])
        names.append(data[start + 4 : start + 8])
        start += max(length, 8)
    return start == len(data) and names[:1] == [b"ftyp"] and b"moov" in names


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + name + body


def _full(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """A box with version 0 and flags."""
    return _box(name, struct.pack(">I", flags), *parts)


def _index(tracks: Sequence[Track], base: int) -> bytes:
    duration = max(track.duration for track in tracks)
    times = struct.pack(">4I", 0, 0, _CLOCK, duration)
    rest = struct.pack(">IHH2I", 1 << 16, 1 << 8, 0, 0, 0)
    header = _full(b"mvhd", times, rest, _MATRIX, bytes(24), struct.pack(">I", len(tracks) + 1))
    each = [_track(number + 1, track, base) for number, track in enumerate(tracks)]
    return _box(b"moov", header, *each)


def _track(number: int, track: Track, base: int) -> bytes:
    loud = 0 if track.width else 1 << 8
    times = struct.pack(">5I", 0, 0, number, 0, track.duration)
    place = struct.pack(">2I4H", 0, 0, 0, 0, loud, 0)
    area = struct.pack(">2I", track.width << 16, track.height << 16)
    header = _full(b"tkhd", times, place, _MATRIX, area, flags=3)
    return _box(b"trak", header, _media(track, base))


def _media(track: Track, base: int) -> bytes:
    header = _full(b"mdhd", struct.pack(">4I2H", 0, 0, _CLOCK, track.duration, 0x55C4, 0))
    handler = _full(b"hdlr", bytes(4), track.kind, bytes(13))
    about = _full(b"vmhd", bytes(8), flags=1) if track.width else _full(b"smhd", bytes(4))
    here = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    return _box(b"mdia", header, handler, _box(b"minf", about, here, _samples(track, base)))


def _samples(track: Track, base: int) -> bytes:
    count = len(track.sizes)
    equal = len(set(track.sizes)) == 1
    sizes = b"" if equal else struct.pack(f">{count}I", *track.sizes)
    chunks = struct.pack(f">{len(track.offsets)}I", *(base + each for each in track.offsets))
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), track.entry),
        _full(b"stts", struct.pack(">3I", 1, count, track.ticks)),
        _full(b"stsc", struct.pack(">4I", 1, 1, track.per_chunk, 1)),
        _full(b"stsz", struct.pack(">2I", track.sizes[0] if equal else 0, count), sizes),
        _full(b"stco", struct.pack(">I", len(track.offsets)), chunks),
    )


def _picture_entry(width: int, height: int) -> bytes:
    head = struct.pack(">6xH16x2H2IIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    codec = _descriptor(4, struct.pack(">BB3xII", _JPEG_CODEC, 0x11, 0, 0))
    whole = _descriptor(3, struct.pack(">HB", 0, 0), codec, _descriptor(6, b"\2"))
    return _box(b"mp4v", head, _full(b"esds", whole))


def _sound_entry() -> bytes:
    head = struct.pack(">6xH8x2H4xI", 1, 1, 16, _CLOCK << 16)
    little_endian = struct.pack(">BB", 1, 16)
    return _box(b"ipcm", head, _full(b"pcmC", little_endian))


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, len(body)]) + body
