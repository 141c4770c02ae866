"""Samples: read from arrays that people have, joined into arrays, and resampled."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media.base import array_of_tensor, is_tensor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LARGEST = 500_000_000
"""Samples over all channels in one array, 2 GB."""

_AIR = 0.05  # seconds of silence around, since a Fourier transform joins the end to the beginning
_MOST_CHANNELS = 64
_LOUDEST = 8.0  # far beyond 1: these are no samples from -1 to 1


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of sound, bare samples that can be played at once.

    Attributes:
        pcm: Signed 16 bits a sample, little-endian, channels side by side.
        sample_rate: Hertz.
        channels: From 1.
        text: The words in it, where that is known.
    """

    pcm: bytes = field(repr=False)
    sample_rate: int
    channels: int = 1
    text: str | None = None

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / (2 * self.channels * self.sample_rate)


def to_int16(floats: bytes) -> bytes:
    """Signed 16-bit samples of 32-bit floats from -1 to 1, both little-endian; beyond is cut."""
    import numpy as np

    samples = np.nan_to_num(np.frombuffer(floats, "<f4"))
    return bytes(np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())


def filled(
    blocks: "Iterable[npt.NDArray[np.float32]]", frames: int, channels: int
) -> "npt.NDArray[np.float32]":
    """One array `(frames, channels)` of all *blocks*, shorter where they end before.

    Raises:
        MediaError: It would be too large, or larger than the memory.
    """
    import numpy as np

    if frames * channels > LARGEST:
        raise _too_many(frames * channels)
    try:
        samples = np.empty((frames, channels), np.float32)
    except MemoryError as error:
        raise _too_many(frames * channels) from error
    stop = 0
    for at, block in placed(blocks):
        stop = at + len(block)
        samples[at:stop] = block
    return samples[:stop]


def mixed(block: "npt.NDArray[np.float32]") -> "npt.NDArray[np.float32]":
    """The mean of all channels, `(frames,)`; much faster than NumPy's along such an axis."""
    channels = block.shape[1]
    mono: npt.NDArray[np.float32] = block[:, 0] / channels
    for channel in range(1, channels):
        mono += block[:, channel] / channels
    return mono


def placed(
    blocks: "Iterable[npt.NDArray[np.float32]]",
) -> "Iterator[tuple[int, npt.NDArray[np.float32]]]":
    """Each block with the frame at which it begins."""
    at = 0
    for block in blocks:
        yield at, block
        at += len(block)


def resampled(
    samples: "npt.NDArray[np.floating]", old_rate: float, new_rate: float
) -> "npt.NDArray[np.float32]":
    """The same sound, `(frames, channels)`, at *new_rate*; what it cannot hold is filtered out."""
    import numpy as np

    frames = len(samples)
    count = max(1, round(frames * new_rate / old_rate))
    if old_rate == new_rate or not frames:
        return samples.astype(np.float32)
    air = round(old_rate * _AIR)
    size = _smooth(frames + 2 * air)
    padded = np.zeros((size, samples.shape[1]), np.float32)
    padded[air : air + frames] = samples
    new_size = round(size * new_rate / old_rate)
    spectrum = np.fft.rfft(padded, axis=0)
    bins = min(len(spectrum), new_size // 2 + 1)
    sound = np.fft.irfft(spectrum[:bins], new_size, axis=0) * (new_size / size)
    start = round(air * new_rate / old_rate)
    return sound[start : start + count].astype(np.float32)


def pair_of(thing: object) -> tuple[Any, Any] | None:
    """Samples and their rate of a pair in either order, or of a dict as Hugging Face has it."""
    if isinstance(thing, Mapping) and {"array", "audio"} & thing.keys():
        samples = thing.get("array", thing.get("audio"))
        return _channels_last(samples), thing.get("sampling_rate")
    if isinstance(thing, (tuple, list)) and len(thing) == 2:
        first, second = thing
        is_rate_first = not hasattr(first, "__len__") and hasattr(second, "__len__")
        return (second, first) if is_rate_first else (first, second)
    return None


def samples_of(thing: Any) -> "npt.NDArray[np.float32]":
    """Samples `(frames, channels)` from -1 to 1 of an array, a tensor or a list.

    Raises:
        MediaError: They are not numbers, not finite, empty, or of a shape that is no sound.
    """
    if is_tensor(thing):
        array = array_of_tensor(thing)
        array = array.T if array.ndim == 2 else array
    else:
        array = _array(thing)
    if array.ndim not in (1, 2) or not array.size:
        raise MediaError(f"An array of shape {array.shape} is not sound: frames × channels.")
    array = array.reshape(len(array), -1)
    if array.shape[1] > _MOST_CHANNELS:
        raise MediaError(
            f"An array of shape {array.shape} is not sound: frames come first, then channels."
        )
    return _scaled(array)


def _too_many(samples: int) -> MediaError:
    return MediaError(
        f"The sound holds {samples:,} samples, too many for one array (at most {LARGEST:,}, and "
        "what the memory holds); take it in pieces with blocks()."
    )


def _channels_last(samples: Any) -> Any:
    """The same with frames first; Hugging Face puts the channels first, as tensors do."""
    if is_tensor(samples) or samples is None:
        return samples
    array = _array(samples)
    return array.T if array.ndim == 2 else array


def _array(thing: Any) -> Any:
    import numpy as np

    if hasattr(thing, "read"):
        raise MediaError(
            f"{type(thing).__name__} is a file, no array of samples: Audio.of takes it."
        )
    try:
        return np.asarray(thing)
    except ValueError as error:
        raise MediaError("A list of lists of different lengths is not sound.") from error
    except (RuntimeError, TypeError) as error:
        raise MediaError(f"{type(thing).__name__} is no array of samples: {error}") from error


def _scaled(array: Any) -> "npt.NDArray[np.float32]":
    import numpy as np

    if array.dtype.kind == "V" and "float" in array.dtype.name:  # bfloat16 of ml_dtypes
        array = array.astype(np.float32)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise MediaError("Samples are finite numbers.")
        largest = max(float(array.max()), -float(array.min()))
        if largest > _LOUDEST:
            raise MediaError(
                f"Samples of floats are from -1 to 1, and these reach {largest:,.0f}; divide "
                "16-bit samples by 32768, or give them as int16."
            )
        return np.asarray(np.clip(array, -1, 1), np.float32)
    if array.dtype == np.uint8:
        return np.asarray((array.astype(np.float32) - 128) / 128, np.float32)
    if array.dtype.kind == "i" and array.dtype.itemsize in (2, 4):  # of either order of bytes
        return np.asarray(array / -float(np.iinfo(array.dtype).min), np.float32)
    raise MediaError(
        f"Samples are floats from -1 to 1, or int16, int32 or uint8, not {array.dtype}."
    )


def _smooth(size: int) -> int:
    """The next number from *size* whose transform is fast: a small factor times a power of two."""
    power = 1 << max(0, size.bit_length() - 4)
    return -(-size // power) * power
