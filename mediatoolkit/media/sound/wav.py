"""WAV: chunks in a RIFF, integers or floats; decoded with NumPy alone.

A server that streams does not know the length when it writes the head, and fills in 0 or the
largest number there is. `repaired` puts the true lengths in.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media.sound.facts import Piece, SoundFacts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_INTEGERS, _FLOATS, _EXTENSIBLE = 1, 3, 0xFFFE
_BITS = {_INTEGERS: (8, 16, 24, 32), _FLOATS: (32, 64)}
_RECORD = b"INFOICMT"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the samples lie, and how they are written."""

    code: int
    channels: int
    sample_rate: int
    bits: int
    start: int
    stop: int
    length: int

    @property
    def frame_size(self) -> int:
        return self.channels * self.bits // 8

    @property
    def frames(self) -> int:
        return (self.stop - self.start) // self.frame_size


def is_wav(data: bytes) -> bool:
    """Whether the bytes begin as a WAV does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def repaired(data: bytes) -> bytes:
    """The same with its lengths right, cut to whole samples; what is no WAV stays as it is."""
    found = _start_of_samples(data) if is_wav(data) else None
    if found is None:
        return data
    start, frame_size = found
    claimed = struct.unpack_from("<I", data, 4)[0] + 8
    (size,) = struct.unpack_from("<I", data, start - 4)
    if start + size <= claimed <= len(data) and (size or claimed == start):
        return data
    if start + size > len(data) or not size:
        size = (len(data) - start) // frame_size * frame_size
    head, pcm = data[8:start], data[start : start + size]
    length = len(head) + size + size % 2
    lengths = struct.pack("<I", length), struct.pack("<I", size)
    return b"".join((b"RIFF", lengths[0], head[:-4], lengths[1], pcm, b"\0" * (size % 2)))


def head_of(data: bytes) -> bytes:
    """All that stands before the samples, with no length in it; goes before further samples.

    Empty when *data* does not reach as far as the samples.
    """
    found = _start_of_samples(data)
    return data[: found[0] - 4] + bytes(4) if found else b""


def inspect(data: bytes) -> SoundFacts | None:
    """Read the facts, or None when it is cut short or corrupt."""
    layout = _layout(data)
    if layout is None:
        return None
    return SoundFacts(
        "audio/wav",
        layout.sample_rate,
        layout.channels,
        layout.frames,
        layout.bits,
        layout.length,
    )


def decode(data: bytes) -> "npt.NDArray[np.float32]":
    """Samples as `(frames, channels)`, from -1 to 1.

    Raises:
        MediaError: Floats that are no numbers.
    """
    import numpy as np

    layout = _layout(data)
    if layout is None:
        raise MediaError("The WAV is cut short or corrupt.")
    count = layout.frames * layout.channels
    if layout.code == _FLOATS:
        floats = np.frombuffer(data, f"<f{layout.bits // 8}", count, layout.start)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            samples: npt.NDArray[Any] = floats.astype(np.float32)
        if not np.isfinite(samples).all():
            raise MediaError("The WAV holds values that are no numbers.")
    elif layout.bits == 8:
        unsigned = np.frombuffer(data, np.uint8, count, layout.start)
        samples = (unsigned.astype(np.float32) - 128) / 128
    elif layout.bits == 24:
        parts = np.zeros((count, 4), np.uint8)
        parts[:, 1:] = np.frombuffer(data, np.uint8, count * 3, layout.start).reshape(-1, 3)
        samples = parts.view("<i4")[:, 0] / 2**31
    else:
        integers = np.frombuffer(data, f"<i{layout.bits // 8}", count, layout.start)
        samples = integers / 2.0 ** (layout.bits - 1)
    return np.asarray(samples.reshape(-1, layout.channels), np.float32)


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


def wrapped(pcm: bytes, *, sample_rate: int, channels: int, bits: int = 16) -> bytes:
    """A WAV around little-endian integer samples."""
    block = channels * bits // 8
    rates = struct.pack("<IIHH", sample_rate, sample_rate * block, block, bits)
    form = _chunk(b"fmt ", struct.pack("<HH", _INTEGERS, channels) + rates)
    padding = b"\0" * (len(pcm) % 2)
    length = 4 + len(form) + 8 + len(pcm) + len(padding)
    head = struct.pack("<4sI4s", b"RIFF", length, b"WAVE")
    return b"".join((head, form, struct.pack("<4sI", b"data", len(pcm)), pcm, padding))


def written_into(data: bytes, record: bytes) -> list[Piece]:
    """The file with *record* as its INFO comment, in the place of an older one of ours."""
    view = memoryview(data)
    kept: list[Piece] = [
        view[start - 8 : stop] if not (stop - start) % 2 else bytes(view[start - 8 : stop]) + b"\0"
        for kind, start, stop in _chunks(data)
        if not _is_record(data, kind, start)
    ]
    kept.append(_chunk(b"LIST", b"INFO" + _chunk(b"ICMT", record + b"\0")))
    return [b"RIFF" + struct.pack("<I", 4 + sum(map(len, kept))) + b"WAVE", *kept]


def record_in(data: bytes) -> bytes | None:
    """What `written_into` wrote, or None."""
    for kind, start, stop in _chunks(data):
        if _is_record(data, kind, start):
            (size,) = struct.unpack_from("<I", data, start + 8)
            return data[start + 12 : min(stop, start + 12 + size)].rstrip(b"\0")
    return None


def _is_record(data: bytes, kind: bytes, start: int) -> bool:
    return kind == b"LIST" and data.startswith(_RECORD, start) and data.startswith(b"{", start + 12)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and stop of each chunk's content.

    Raises:
        struct.error: The data is shorter than it says.
    """
    end = struct.unpack_from("<I", data, 4)[0] + 8
    if end > len(data):
        raise struct.error
    at = 12
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > end:
            raise struct.error
        yield kind, at + 8, at + 8 + size
        at += 8 + size + size % 2


def _start_of_samples(data: bytes) -> tuple[int, int] | None:
    """Where the samples begin, and the bytes of a frame, whatever the lengths say."""
    at, frame_size = 12, 1
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"fmt ":
            frame_size = max(1, int.from_bytes(data[at + 20 : at + 22], "little"))
        if kind == b"data":
            return at + 8, frame_size
        at += 8 + size + size % 2
    return None


def _layout(data: bytes) -> _Layout | None:
    form = place = None
    for kind, start, stop in _chunks(data):
        if kind == b"fmt " and form is None:
            form = _form(data, start, stop)
        if kind == b"data" and place is None:
            place = start, stop
    if form is None or place is None:
        return None
    end = struct.unpack_from("<I", data, 4)[0] + 8
    return _Layout(*form, *place, end)


def _form(data: bytes, start: int, stop: int) -> tuple[int, int, int, int]:
    """Code, channels, rate and bits.

    Raises:
        MediaError: A kind of WAV we do not take.
    """
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data, start)
    if code == _EXTENSIBLE and stop - start >= 26:
        (code,) = struct.unpack_from("<H", data, start + 24)
    if bits not in _BITS.get(code, ()):
        raise MediaError(
            f"This WAV holds {bits}-bit samples of kind {code}; we take 8 to 32-bit integers and "
            "floats."
        )
    if not (channels and rate and block == channels * bits // 8):
        raise struct.error
    return code, channels, rate, bits
