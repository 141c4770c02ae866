"""A small copy of sound, small enough to stay in a saved notebook."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediatoolkit.errors import MissingExtraError
from mediatoolkit.media.sound import codec, wav
from mediatoolkit.media.sound.resample import resampled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LARGEST = 44_000
_BEST, _WORST = 64_000, 8_000  # bits a second
_SECONDS = 30.0  # what still sounds like itself within the limit
_FADE = 0.3
_PLAIN_RATE = 8_000


@dataclass(frozen=True, slots=True)
class SoundPreview:
    """The small copy.

    Attributes:
        data: At most 44,000 bytes.
        mime_type: What a browser is told.
        seconds: How much of the sound it holds, from the beginning.
        note: What is less than in the original, in a few words; empty when nothing is.
    """

    data: bytes
    mime_type: str
    seconds: float
    note: str


def make_preview(samples: "npt.NDArray[np.float32]", sample_rate: int) -> SoundPreview:
    """A copy in one channel: the whole at a low rate, or the beginning of what is long."""
    mono = samples.mean(1, keepdims=True)
    try:
        return _compressed(mono, sample_rate)
    except MissingExtraError:
        return _plain(mono, sample_rate)


def _compressed(mono: "npt.NDArray[np.float32]", sample_rate: int) -> SoundPreview:
    part, seconds, note = _beginning(mono, sample_rate, _SECONDS)
    bit_rate = min(_BEST, int(LARGEST * 8 / max(seconds, 1)))
    data = b""
    while not data or (len(data) > LARGEST and bit_rate > _WORST):
        bit_rate = max(_WORST, int(bit_rate * 0.94))
        rate = min(sample_rate, _rate_for(bit_rate))
        small = resampled(part, sample_rate, rate)
        data = codec.encode(small, rate, "audio/mpeg", bit_rate=bit_rate)
    words = f"preview{note} at {bit_rate / 1000:.0f} kbit/s"
    return SoundPreview(data, "audio/mpeg", seconds, words)


def _plain(mono: "npt.NDArray[np.float32]", sample_rate: int) -> SoundPreview:
    rate = min(sample_rate, _PLAIN_RATE)
    part, seconds, note = _beginning(mono, sample_rate, (LARGEST - 100) / rate)
    data = wav.encode(resampled(part, sample_rate, rate), rate, bits=8)
    return SoundPreview(data, "audio/wav", seconds, f"preview{note} at {rate / 1000:g} kHz")


def _beginning(
    mono: "npt.NDArray[np.float32]", sample_rate: int, most: float
) -> tuple["npt.NDArray[np.float32]", float, str]:
    """As much as fits, faded out where it is cut; its seconds; and words for it."""
    import numpy as np

    seconds = len(mono) / sample_rate
    if seconds <= most:
        return mono, seconds, ""
    part = mono[: int(most * sample_rate)].copy()
    fade = int(_FADE * sample_rate)
    part[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return part, most, f" of the first {most:.0f} s"


def _rate_for(bit_rate: int) -> int:
    return 24_000 if bit_rate >= 40_000 else 16_000 if bit_rate >= 20_000 else 12_000
