"""Other sample rates, by way of the spectrum."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_AIR = 0.05  # seconds of silence around, since a spectrum takes the end to be before the beginning


def resampled(
    samples: "npt.NDArray[np.floating]", old_rate: float, new_rate: float
) -> "npt.NDArray[np.float32]":
    """The same sound, `(frames, channels)`, at *new_rate*; what it cannot hold is filtered out."""
    import numpy as np

    frames = len(samples)
    wanted = max(1, round(frames * new_rate / old_rate))
    if old_rate == new_rate or not frames:
        return samples.astype(np.float32)
    air = round(old_rate * _AIR)
    size = _smooth(frames + 2 * air)
    padded = np.zeros((size, samples.shape[1]), np.float32)
    padded[air : air + frames] = samples
    new_size = round(size * new_rate / old_rate)
    spectrum = np.fft.rfft(padded, axis=0)
    kept = min(len(spectrum), new_size // 2 + 1)
    sound = np.fft.irfft(spectrum[:kept], new_size, axis=0) * (new_size / size)
    start = round(air * new_rate / old_rate)
    return sound[start : start + wanted].astype(np.float32)


def _smooth(size: int) -> int:
    """The next number from *size* whose transform is fast: a small factor times a power of two."""
    power = 1 << max(0, size.bit_length() - 4)
    return -(-size // power) * power
