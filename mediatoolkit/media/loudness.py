"""How loud sound is to people: integrated loudness after ITU-R BS.1770-4, and its peak.

The two filters of the standard are given there for 48 kHz; their analogue models, which give
the same figures there, are used for every other rate. They are applied in the spectrum, in
stretches of a few seconds, because a recursion over samples is slow in NumPy.
"""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_STEP, _STEPS_IN_BLOCK = 0.1, 4  # seconds; blocks of 0.4 s overlap by three quarters
_STRETCH = 200  # steps that are filtered at once, or fewer where these are large
_RUN_UP = 3  # steps before a stretch, after which the filters have forgotten what was before
_AT_ONCE = 1 << 21  # samples over all channels
_SILENT, _RELATIVE = -70.0, -10.0  # gates, in LUFS and LU
_SURROUND = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41)}


def peak(blocks: "Iterable[npt.NDArray[np.float32]]") -> float:
    """The largest sample in dBFS; -inf for silence."""
    largest = max(max(float(block.max()), -float(block.min())) for block in blocks)
    return 20 * math.log10(largest) if largest else -math.inf


def loudness(blocks: "Iterable[npt.NDArray[np.float32]]", sample_rate: int) -> float:
    """Integrated loudness of blocks of `(frames, channels)` in LUFS; -inf for silence."""
    import numpy as np

    step = max(1, round(sample_rate * _STEP))
    energy, frames = _energy(blocks, sample_rate, step)
    if len(energy) <= _STEPS_IN_BLOCK:  # shorter than a block: measured as a whole
        power = np.array([energy.sum() / frames])
    else:
        whole = np.convolve(energy, np.ones(_STEPS_IN_BLOCK), "valid")
        power = whole[: frames // step - _STEPS_IN_BLOCK + 1] / (step * _STEPS_IN_BLOCK)
    loud = power[_lufs(power) > _SILENT]
    if not len(loud):
        return -math.inf
    gate = float(_lufs(loud.mean())) + _RELATIVE
    return float(_lufs(loud[_lufs(loud) > gate].mean()))


def _lufs(power: Any) -> Any:
    import numpy as np

    return -0.691 + 10 * np.log10(np.maximum(power, 1e-30))


def _energy(blocks: Any, sample_rate: int, step: int) -> tuple[Any, int]:
    """Weighted sum of squares of every step, the last one filled up with silence; and frames."""
    import numpy as np

    energy: list[Any] = []
    frames = 0
    gain: Any = None
    size = 0
    for part, before in _stretches(blocks, step):
        channels = part.shape[1]
        needed = (-(-len(part) // step) + _RUN_UP) * step
        if needed != size:
            gain, size = _weighting(needed, sample_rate), needed
        steps = -(-(len(part) - before) // step)
        sums = np.zeros(steps)
        for channel, weight in enumerate(_SURROUND.get(channels, (1,) * channels)):
            filtered = np.fft.irfft(np.fft.rfft(part[:, channel], size) * gain, size)
            squares = filtered[before : before + steps * step] ** 2
            sums += weight * squares.reshape(steps, step).sum(1)
        energy.append(sums)
        frames += len(part) - before
    return np.concatenate(energy), frames


def _stretches(blocks: Any, step: int) -> Iterator[tuple[Any, int]]:
    """Some whole steps each, behind a run-up, and how long that is."""
    import numpy as np

    parts: list[Any] = []
    size = before = 0
    for block in blocks:
        parts.append(block)
        size += len(block)
        length = _most(step, block.shape[1]) * step
        while size - before >= length:
            whole = np.concatenate(parts)
            yield whole[: before + length], before
            whole = whole[max(0, before + length - _RUN_UP * step) :]
            before = min(before + length, _RUN_UP * step)
            parts, size = [whole], len(whole)
    if size > before:
        yield np.concatenate(parts), before


def _most(step: int, channels: int) -> int:
    """Steps in a stretch, so that it needs no more memory than it should."""
    return max(_RUN_UP, min(_STRETCH, _AT_ONCE // (step * channels)))


def _weighting(size: int, sample_rate: int) -> Any:
    """Return what the filters do to each frequency of a transform of *size*."""
    import numpy as np

    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    shelf = _shelf(1681.974450955533, 3.999843853973347, 0.7071752369554196, sample_rate)
    high = _high_pass(38.13547087602444, 0.5003270373238773, sample_rate)
    return _response(shelf, turn) * _response(high, turn)


def _response(filter_: tuple[tuple[float, ...], tuple[float, ...]], turn: Any) -> Any:
    over, under = filter_
    return (over[0] + turn * (over[1] + turn * over[2])) / (
        under[0] + turn * (under[1] + turn * under[2])
    )


def _shelf(
    frequency: float, gain: float, quality: float, rate: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The effect of the head: more above 2 kHz."""
    k = math.tan(math.pi * frequency / rate)
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    over = (
        high + band * k / quality + k * k,
        2 * (k * k - high),
        high - band * k / quality + k * k,
    )
    return over, (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k)


def _high_pass(
    frequency: float, quality: float, rate: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The ear's low end."""
    k = math.tan(math.pi * frequency / rate)
    under = (1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k)
    return (under[0], -2 * under[0], under[0]), under
