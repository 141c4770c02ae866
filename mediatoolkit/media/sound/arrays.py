"""Samples of the arrays that people have."""

from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def samples_of(thing: Any) -> "npt.NDArray[np.float32]":
    """Samples `(frames, channels)` from -1 to 1 of an array, a tensor or a list.

    Raises:
        MediaError: No numbers, not finite, empty, or of a shape that is no sound.
    """
    import numpy as np

    if hasattr(thing, "detach"):
        array = np.asarray(thing.detach().cpu().numpy())
        array = array.T if array.ndim == 2 else array
    else:
        array = _array(thing)
    if array.ndim not in (1, 2) or not array.size:
        raise MediaError(f"An array of shape {array.shape} is not sound: frames × channels.")
    array = array.reshape(len(array), -1)
    if array.shape[1] > 64:
        raise MediaError(
            f"An array of shape {array.shape} is not sound: frames come first, then channels."
        )
    return _scaled(array)


def _array(thing: Any) -> Any:
    import numpy as np

    try:
        return np.asarray(thing)
    except ValueError:
        failure = MediaError("A list of lists of different lengths is not sound.")
    raise failure


def _scaled(array: Any) -> "npt.NDArray[np.float32]":
    import numpy as np

    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise MediaError("Samples are finite numbers.")
        return np.asarray(np.clip(array, -1, 1), np.float32)
    if array.dtype == np.uint8:
        return np.asarray((array.astype(np.float32) - 128) / 128, np.float32)
    if array.dtype in (np.int16, np.int32):
        return np.asarray(array / -float(np.iinfo(array.dtype).min), np.float32)
    raise MediaError(
        f"Samples are floats from -1 to 1, or int16, int32 or uint8, not {array.dtype}."
    )
