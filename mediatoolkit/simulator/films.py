"""Where the films of responses come from: a slow pan over one picture, and a voice.

The file is written box by box after ISO/IEC 14496-12 (file format), 14496-14 (`mp4v`, `esds`) and
23003-5 (`ipcm`): pictures as Motion JPEG, sound as plain samples, so that no codec is needed.
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mediatoolkit.simulator.sounds import RATE, Utterance, speak

_FPS = 24
_STILL = 6  # frames that show the same picture: four moves a second are enough to see
_ZOOM = 1.25
_QUALITY = 60
_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_JPEG_CODEC = 0x6C  # object type of an MPEG-4 descriptor


@dataclass(frozen=True, slots=True)
class FilmOrder:
    """One film to make; equal orders give equal bytes.

    Attributes:
        text: What is heard.
        picture: What is seen, a PNG, JPEG or WebP.
        width: Pixels.
        height: Pixels.
        seconds: Duration.
    """

    text: str
    picture: bytes
    width: int
    height: int
    seconds: float


def shoot(order: FilmOrder) -> bytes:
    """Make an MP4 of 24 frames a second with sound of the same length, its index first."""
    frames = round(order.seconds * _FPS)
    views = _views(order, -(-frames // _STILL))
    length = round(frames / _FPS * RATE) * 2
    sound = speak([Utterance(order.text, "film")])[:length].ljust(length, b"\0")
    head = _box(b"ftyp", b"isom", bytes(4), b"isommp41")
    base = len(head) + len(_index(order, views, frames, length, 0)) + 8
    return head + _index(order, views, frames, length, base) + _box(b"mdat", *views, sound)


def film_size(aspect: str, short: int = 360) -> tuple[int, int]:
    """Width and height of a film whose shorter side has *short* pixels; both are even."""
    across, down = map(float, aspect.split(":"))
    long = round(short * max(across, down) / min(across, down) / 2) * 2
    return (long, short) if across >= down else (short, long)


def is_mp4(data: bytes) -> bool:
    """Whether *data* begins like an MP4 and its boxes fill it exactly."""
    names, start = [], 0
    while start + 8 <= len(data):
        length = int.from_bytes(data[start : start + 4])
        names.append(data[start + 4 : start + 8])
        start += max(length, 8)
    return start == len(data) and names[:1] == [b"ftyp"] and b"moov" in names


def _views(order: FilmOrder, count: int) -> list[bytes]:
    """The picture from left to right, as JPEGs."""
    from PIL import Image, ImageOps

    size = (round(order.width * _ZOOM), round(order.height * _ZOOM))
    with Image.open(io.BytesIO(order.picture)) as picture:
        wide = ImageOps.fit(picture.convert("RGB"), size)
    views = []
    for index in range(count):
        left = (size[0] - order.width) * index // max(1, count - 1)
        top = (size[1] - order.height) // 2
        file = io.BytesIO()
        view = wide.crop((left, top, left + order.width, top + order.height))
        view.save(file, "JPEG", quality=_QUALITY)
        views.append(file.getvalue())
    return views


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + name + body


def _full(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """A box with version 0 and flags."""
    return _box(name, struct.pack(">I", flags), *parts)


def _index(order: FilmOrder, views: list[bytes], frames: int, sound: int, base: int) -> bytes:
    """The `moov` box of a file whose media data begins at *base*."""
    starts = [base + sum(map(len, views[:index])) for index in range(len(views) + 1)]
    shown = [frame // _STILL for frame in range(frames)]
    size = (order.width, order.height)
    sizes = [len(views[index]) for index in shown]
    duration = frames * RATE // _FPS
    picture = _table(_picture_entry(*size), [starts[i] for i in shown], sizes, RATE // _FPS, 1)
    voice = _table(_sound_entry(), starts[-1:], [2] * (sound // 2), 1, sound // 2)
    times = struct.pack(">4IIHH2I", 0, 0, RATE, duration, 1 << 16, 1 << 8, 0, 0, 0)
    header = _full(b"mvhd", times, _MATRIX, bytes(24), struct.pack(">I", 3))
    tracks = (_track(1, size, duration, picture), _track(2, (0, 0), duration, voice))
    return _box(b"moov", header, *tracks)


def _track(number: int, size: tuple[int, int], duration: int, table: bytes) -> bytes:
    """A track of pictures, or of sound when *size* is none."""
    seen = bool(size[0])
    times = struct.pack(">5I", 0, 0, number, 0, duration)
    place = struct.pack(">2I4H", 0, 0, 0, 0, 0 if seen else 1 << 8, 0)
    area = struct.pack(">2I", size[0] << 16, size[1] << 16)
    header = _full(b"tkhd", times, place, _MATRIX, area, flags=3)
    clock = _full(b"mdhd", struct.pack(">4I2H", 0, 0, RATE, duration, 0x55C4, 0))
    handler = _full(b"hdlr", bytes(4), b"vide" if seen else b"soun", bytes(13))
    about = _full(b"vmhd", bytes(8), flags=1) if seen else _full(b"smhd", bytes(4))
    here = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    return _box(b"trak", header, _box(b"mdia", clock, handler, _box(b"minf", about, here, table)))


def _table(
    entry: bytes, offsets: Sequence[int], sizes: Sequence[int], ticks: int, per_chunk: int
) -> bytes:
    """Where the samples lie: chunks at *offsets*, samples of *sizes* that last *ticks* each."""
    count = len(sizes)
    equal = len(set(sizes)) == 1
    listed = b"" if equal else struct.pack(f">{count}I", *sizes)
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">3I", 1, count, ticks)),
        _full(b"stsc", struct.pack(">4I", 1, 1, per_chunk, 1)),
        _full(b"stsz", struct.pack(">2I", sizes[0] if equal else 0, count), listed),
        _full(b"stco", struct.pack(f">{len(offsets) + 1}I", len(offsets), *offsets)),
    )


def _picture_entry(width: int, height: int) -> bytes:
    head = struct.pack(">6xH16x2H2IIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    codec = _descriptor(4, struct.pack(">BB3xII", _JPEG_CODEC, 0x11, 0, 0))
    whole = _descriptor(3, struct.pack(">HB", 0, 0), codec, _descriptor(6, b"\2"))
    return _box(b"mp4v", head, _full(b"esds", whole))


def _sound_entry() -> bytes:
    head = struct.pack(">6xH8x2H4xI", 1, 1, 16, RATE << 16)
    little_endian = struct.pack(">BB", 1, 16)
    return _box(b"ipcm", head, _full(b"pcmC", little_endian))


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, len(body)]) + body
