"""Samples of the arrays that people have, and arrays of samples."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media.tensors import array_of_tensor, is_tensor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LARGEST = 500_000_000
"""Samples over all channels in one array, 2 GB."""

_MOST_CHANNELS = 64
_LOUDEST = 8.0  # far beyond 1: these are no samples from -1 to 1


def filled(
    blocks: "Iterable[npt.NDArray[np.float32]]", frames: int, channels: int
) -> "npt.NDArray[np.float32]":
    """One array `(frames, channels)` of all *blocks*, shorter where they end before.

    Raises:
        MediaError: It would be too large, or larger than the memory.
    """
    import numpy as np

    failure = MediaError(
        f"The sound holds {frames * channels:,} samples, too many for one array (at most "
        f"{LARGEST:,}, and what the memory holds); take it in pieces with blocks()."
    )
    if frames * channels > LARGEST:
        raise failure
    try:
        samples = np.empty((frames, channels), np.float32)
    except MemoryError:
        raise failure from None
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
        MediaError: No numbers, not finite, empty, or of a shape that is no sound.
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


def _channels_last(samples: Any) -> Any:
    """The same with frames first; Hugging Face has the channels there, as tensors do."""
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
    except ValueError:
        failure = MediaError("A list of lists of different lengths is not sound.")
    except (RuntimeError, TypeError) as error:
        failure = MediaError(f"{type(thing).__name__} is no array of samples: {error}")
    raise failure


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
