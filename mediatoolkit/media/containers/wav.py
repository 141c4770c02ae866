"""WAV: chunks in a RIFF; integers, floats, A-law or µ-law, decoded with NumPy alone."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media.containers import riff
from mediatoolkit.media.containers.base import Piece, SoundFacts
from mediatoolkit.media.provenance import Provenance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAME = "WAV"
MIME_TYPE = "audio/wav"
SUFFIXES: tuple[str, ...] = (".wav", ".wave")

_INTEGERS, _FLOATS, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_LAWS = (_A_LAW, _MU_LAW)
_WIDTHS = {_INTEGERS: range(1, 9), _FLOATS: (4, 8), _A_LAW: (1,), _MU_LAW: (1,)}
"""Bytes of a sample, by how it is written."""

_OTHERS = {
    0x02: "ADPCM",
    0x11: "IMA ADPCM",
    0x31: "GSM",
    0x40: "G.721",
    0x45: "G.726",
    0x50: "MPEG audio",
    0x55: "MP3",
    0x61: "ADPCM",
    0x62: "ADPCM",
    0x64: "G.721",
    0xFF: "AAC",
    0x160: "Windows Media Audio",
    0x161: "Windows Media Audio",
    0x2000: "AC-3",
    0x706D: "AAC",
}
_WAY_OUT = "convert it to plain samples first, such as with `ffmpeg -i old.wav new.wav`."
_RECORD = b"mtlk"
_OLD_RECORD = b"INFOICMT"  # where version 0.1.0 put it, and with it hid a comment of the user's
_OLD_WORDS = (b'"engine": ', b'"model": ', b'"prompt": ')
_STREAMED = b"\xff" * 4  # in the place of a length
_AT_ONCE = 1 << 18  # samples over all channels

sniff = riff.is_wave
repaired = riff.repaired


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the samples lie, and how they are written.

    A sample takes `width` bytes, of which `bits` count: the upper ones.
    """

    code: int
    channels: int
    sample_rate: int
    bits: int
    width: int
    order: str
    start: int
    stop: int

    @property
    def frame_size(self) -> int:
        return self.channels * self.width

    @property
    def frames(self) -> int:
        return (self.stop - self.start) // self.frame_size


def head_of(data: bytes) -> bytes:
    """Everything before the samples, with lengths left open so that any samples may follow.

    Empty when *data* ends before the samples.
    """
    form = riff.read(data)
    place = form.first(riff.DATA) or form.broken
    if place is None or place.kind != riff.DATA:
        return b""
    return data[:4] + _STREAMED + data[8 : place.start - 4] + _STREAMED


def with_all_sound(data: bytes) -> bytes:
    """The same, reaching to its last byte where the head knows of less and no chunk follows.

    So sends a server that writes the head of its first block alone and then streams.
    """
    form = riff.read(data)
    is_more = len(data) - riff.length(data, form) > riff.SLIP
    head = head_of(data) if is_more and form.claimed and form.broken is None else b""
    return head + data[len(head) :] if head else data


def inspect(data: bytes) -> SoundFacts | None:
    """Read the facts, or None when it is cut short or corrupt.

    Raises:
        MediaError: A kind of WAV that is not taken.
        struct.error: It is corrupt.
    """
    form = riff.read(data)
    if riff.is_cut(data, form):
        return None
    layout = _layout(data, form)
    return SoundFacts(
        mime_type=MIME_TYPE,
        length=riff.length(data, form),
        sample_rate=layout.sample_rate,
        channels=layout.channels,
        frames=layout.frames,
        bits=layout.bits,
    )


def blocks(data: bytes) -> Iterator["npt.NDArray[np.float32]"]:
    """Samples as `(frames, channels)`, from -1 to 1, some at a time.

    Raises:
        MediaError: Floats that are no numbers.
    """
    layout = _layout(data, riff.read(data))
    step = max(1, _AT_ONCE // layout.channels)
    for place in range(0, layout.frames, step):
        yield _stretch(data, layout, place, step)


def glimpses(
    data: bytes, places: Sequence[int], most: int
) -> Iterator[tuple[int, "npt.NDArray[np.float32]"]]:
    """Short stretches of sound: where each begins, and its samples `(frames, channels)`.

    Args:
        data: The file.
        places: The frame at which each stretch begins.
        most: Samples over all channels in all stretches.

    Raises:
        MediaError: Floats that are no numbers.
    """
    layout = _layout(data, riff.read(data))
    size = max(1, most // len(places) // layout.channels)
    for place in places:
        yield place, _stretch(data, layout, place, size)


def encode(samples: "npt.NDArray[np.floating]", sample_rate: int, *, bits: int = 16) -> bytes:
    """A WAV of `(frames, channels)`; what is louder than 1 is clipped.

    Args:
        samples: Values from -1 to 1.
        sample_rate: Hertz.
        bits: 8, 16 or 24.
    """
    pcm = to_pcm(samples, bits)
    return wrapped(pcm, sample_rate=sample_rate, channels=samples.shape[1], bits=bits)


def to_pcm(samples: "npt.NDArray[np.floating]", bits: int = 16) -> bytes:
    """Little-endian integers of values from -1 to 1; what is louder is clipped."""
    step = max(1, _AT_ONCE * len(samples) // max(1, samples.size))
    starts = range(0, len(samples), step)
    return b"".join(_integers(samples[start : start + step], bits) for start in starts)


def wrapped(pcm: bytes, *, sample_rate: int, channels: int, bits: int = 16) -> bytes:
    """A WAV around little-endian integer samples."""
    block = channels * bits // 8
    rates = struct.pack("<IIHH", sample_rate, sample_rate * block, block, bits)
    form = riff.chunk(b"fmt ", struct.pack("<HH", _INTEGERS, channels) + rates)
    padding = b"\0" * (len(pcm) % 2)
    length = 4 + len(form) + 8 + len(pcm) + len(padding)
    head = struct.pack("<4sI4s", b"RIFF", length, b"WAVE")
    return b"".join((head, form, struct.pack("<4sI", b"data", len(pcm)), pcm, padding))


def with_record(data: bytes, provenance: Provenance) -> list[Piece]:
    """The file with the record in a chunk of its own, in the place of an older one of ours."""
    form = riff.read(data)
    others = [chunk for chunk in form.chunks if _record_of(data, chunk) is None]
    record = provenance.to_json().encode()
    return riff.rebuilt(data, form, others, riff.chunk(_RECORD, record, form.order))


def read_record(data: bytes) -> Provenance | None:
    """Return what `with_record` wrote, or None."""
    records = (_record_of(data, chunk) for chunk in riff.read(data).chunks)
    record = next((record for record in records if record is not None), None)
    return Provenance.from_json(record) if record else None


def _record_of(data: bytes, chunk: riff.Chunk) -> bytes | None:
    """The record in a chunk of ours, also in one of version 0.1.0, or None."""
    if chunk.kind == _RECORD:
        return data[chunk.start : chunk.stop]
    if chunk.kind != b"LIST" or not data.startswith(_OLD_RECORD, chunk.start):
        return None
    record = data[chunk.start + 12 : chunk.stop]
    (size,) = struct.unpack_from("<I", data, chunk.start + 8)
    is_ours = len(record) == size + size % 2 and record.startswith(b"{")
    if not (is_ours and all(word in record for word in _OLD_WORDS)):
        return None
    return record[:size].rstrip(b"\0")


def _stretch(data: bytes, layout: _Layout, place: int, size: int) -> "npt.NDArray[np.float32]":
    """At most *size* frames from a place on."""
    count = min(size, layout.frames - place) * layout.channels
    start = layout.start + place * layout.frame_size
    return _samples(data, layout, start, count).reshape(-1, layout.channels)


def _samples(data: bytes, layout: _Layout, start: int, count: int) -> "npt.NDArray[np.float32]":
    import numpy as np

    if layout.code == _FLOATS:
        floats = np.frombuffer(data, f"{layout.order}f{layout.width}", count, start)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            numbers = floats.astype(np.float32)
        if not np.isfinite(numbers).all():
            raise MediaError("The WAV holds values that are no numbers.")
        return numbers
    written = np.frombuffer(data, np.uint8, count * layout.width, start)
    if layout.code in _LAWS:
        return np.asarray(_law(layout.code)[written])
    if layout.width == 1:
        return np.asarray((written.astype(np.float32) - 128) / 128, np.float32)
    if layout.width == 2:
        integers = written.view(layout.order + "i2")
        return np.asarray(integers.astype(np.float32) / 2**15, np.float32)
    return _upper_bits(written.reshape(count, layout.width), layout.order)


def _upper_bits(written: Any, order: str) -> "npt.NDArray[np.float32]":
    """Samples of three bytes or more, by the upper four."""
    import numpy as np

    if order == ">":
        written = written[:, ::-1]
    parts = np.zeros((len(written), 4), np.uint8)
    width = min(4, written.shape[1])
    parts[:, 4 - width :] = written[:, written.shape[1] - width :]
    return np.asarray(parts.view("<i4")[:, 0] / 2**31, np.float32)


@cache
def _law(code: int) -> "npt.NDArray[np.float32]":
    """The sample of each byte, as ITU-T G.711 has it: more steps where it is quiet."""
    import numpy as np

    byte = np.arange(256)
    if code == _A_LAW:
        byte ^= 0x55
        power, steps = byte >> 4 & 7, (byte & 15) << 4
        size = np.where(power, (steps + 0x108) << np.maximum(power - 1, 0), steps + 8)
        sign = np.where(byte & 128, 1, -1)
    else:
        byte ^= 0xFF
        size = (((byte & 15) << 3) + 132 << (byte >> 4 & 7)) - 132
        sign = np.where(byte & 128, -1, 1)
    return (sign * size / 2**15).astype(np.float32)


def _integers(samples: "npt.NDArray[np.floating]", bits: int) -> bytes:
    import numpy as np

    top = 2 ** (bits - 1)
    integers = np.clip(np.rint(samples.astype(np.float64) * top), -top, top - 1)
    typed: npt.NDArray[Any]
    if bits == 8:
        typed = (integers + 128).astype(np.uint8)
    elif bits == 16:
        typed = integers.astype("<i2")
    else:
        typed = integers.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3]
    return typed.tobytes()


def _layout(data: bytes, form: riff.Form) -> _Layout:
    """Return how the samples are written; none of them where there is no chunk for them.

    Raises:
        MediaError: A kind of WAV that is not taken.
        struct.error: It is corrupt.
    """
    place = form.first(b"fmt ")
    if place is None or place.stop - place.start < 16:
        raise struct.error
    order = form.order
    code, channels, rate, _, block, bits = struct.unpack_from(order + "HHIIHH", data, place.start)
    if code == _EXTENSIBLE and place.stop - place.start >= 26:
        (code,) = struct.unpack_from(order + "H", data, place.start + 24)
    width = block // channels if channels else 0
    if code not in _WIDTHS:
        raise MediaError(f"This WAV holds {_name_of(code)}; {_WAY_OUT}")
    if not (channels and rate and width and not block % channels and 0 < bits <= 8 * width):
        raise struct.error
    if width not in _WIDTHS[code]:
        raise MediaError(f"This WAV holds samples of {bits} bits of kind {code}; {_WAY_OUT}")
    sound = form.first(riff.DATA)
    start, stop = (sound.start, sound.stop) if sound else (0, 0)
    return _Layout(code, channels, rate, bits, width, order, start, stop)


def _name_of(code: int) -> str:
    return _OTHERS.get(code, f"sound of kind 0x{code:X}")
