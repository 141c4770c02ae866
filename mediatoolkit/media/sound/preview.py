"""A small copy of sound, small enough to stay in a saved notebook."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mediatoolkit.errors import MissingExtraError
from mediatoolkit.media.sound import codec, wav
from mediatoolkit.media.sound.arrays import mixed
from mediatoolkit.media.sound.resample import resampled

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

LARGEST = 44_000
_BEST, _WORST = 64_000, 8_000  # bits a second
_SECONDS = 30.0  # what still sounds like itself within the limit
_FADE = 0.3
_PLAIN_RATE = 8_000
_FINE = 48_000  # Hertz; a preview has a half of that at most


@dataclass(frozen=True, slots=True)
class SoundPreview:
    """The small copy.

    Attributes:
        data: At most 44,000 bytes.
        mime_type: What a browser is told.
        seconds: How much of the sound it holds, from the beginning.
        note: What is less than in the original, in a few words; empty when nothing is.
    """

    data: bytes = field(repr=False)
    mime_type: str
    seconds: float
    note: str


def make_preview(
    blocks: "Iterable[npt.NDArray[np.float32]]", sample_rate: int, seconds: float
) -> SoundPreview:
    """A copy in one channel: the whole at a low rate, or the beginning of what is long.

    Args:
        blocks: The sound, `(frames, channels)` each; only as many are taken as are needed.
        sample_rate: Hertz.
        seconds: How long all of it is.
    """
    mono, rate = _mono(blocks, sample_rate)
    try:
        return _compressed(mono, rate, seconds)
    except MissingExtraError:
        return _plain(mono, rate, seconds)


def _compressed(mono: "npt.NDArray[np.float32]", old_rate: float, whole: float) -> SoundPreview:
    part, seconds, note = _beginning(mono, old_rate, whole, _SECONDS)
    bit_rate = min(_BEST, int(LARGEST * 8 / max(seconds, 1)))
    data = b""
    while not data or (len(data) > LARGEST and bit_rate > _WORST):
        bit_rate = max(_WORST, int(bit_rate * 0.94))
        rate = int(min(old_rate, _rate_for(bit_rate)))
        small = resampled(part, old_rate, rate)
        data = codec.encode(small, rate, "audio/mpeg", bit_rate=bit_rate)
    words = f"preview{note} at {bit_rate / 1000:.0f} kbit/s"
    return SoundPreview(data, "audio/mpeg", seconds, words)


def _plain(mono: "npt.NDArray[np.float32]", old_rate: float, whole: float) -> SoundPreview:
    rate = int(min(old_rate, _PLAIN_RATE))
    part, seconds, note = _beginning(mono, old_rate, whole, min(_SECONDS, (LARGEST - 100) / rate))
    data = wav.encode(resampled(part, old_rate, rate), rate, bits=8)
    return SoundPreview(data, "audio/wav", seconds, f"preview{note} at {rate / 1000:g} kHz")


def _mono(
    blocks: "Iterable[npt.NDArray[np.float32]]", sample_rate: int
) -> tuple["npt.NDArray[np.float32]", float]:
    """The first seconds in one channel, and their rate: what is fine beyond need is averaged."""
    import numpy as np

    joined = max(1, sample_rate // _FINE)
    left = int(_SECONDS * sample_rate)
    rest = np.zeros(0, np.float32)
    parts = [rest]
    for block in blocks:
        mono = np.concatenate([rest, mixed(block[:left])])
        whole = len(mono) // joined * joined
        parts.append(mixed(mono[:whole].reshape(-1, joined)))
        rest = mono[whole:]
        left -= len(block)
        if left <= 0:
            break
    return np.concatenate(parts)[:, None], sample_rate / joined


def _beginning(
    mono: "npt.NDArray[np.float32]", rate: float, whole: float, most: float
) -> tuple["npt.NDArray[np.float32]", float, str]:
    """As much as fits, faded out where it is cut; its seconds; and words for it."""
    import numpy as np

    if whole <= most:
        return mono, len(mono) / rate, ""
    part = mono[: int(most * rate)].copy()
    fade = min(len(part), int(_FADE * rate))
    part[len(part) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return part, most, f" of the first {most:.0f} s"


def _rate_for(bit_rate: int) -> int:
    return 24_000 if bit_rate >= 40_000 else 16_000 if bit_rate >= 20_000 else 12_000
