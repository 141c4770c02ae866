"""Where the speech of answers comes from: a tone for each word, of a pitch for each voice.

Nothing can be understood, but much can be measured: the length follows the text, voices and words
differ, and the same lines give the same samples. A thousand words take a few milliseconds.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RATE = 24_000  # samples per second
_LETTER = 0.02  # seconds of tone
_GAP = 0.03  # seconds of silence after a word
_PAUSE = 0.12  # seconds of silence after a sentence, more
_LOUDNESS = 9000  # of 32767
_ENDLESS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Line:
    """What one voice says.

    Attributes:
        text: The words.
        voice: Who says them.
        style: In which manner; it moves the pitch.
    """

    text: str
    voice: str
    style: str = ""


def speak(lines: Iterable[Line]) -> bytes:
    """Samples of *lines*, one after the other: 16 bits, little endian, mono, 24 kHz."""
    import numpy as np

    words = [_word(word, line.voice, line.style) for line in lines for word in line.text.split()]
    return np.concatenate(words).tobytes() if words else b""


def wav(samples: bytes, *, rate: int = RATE, endless: bool = False) -> bytes:
    """*samples* with a RIFF header; an endless one promises 4 GiB, as a live stream does."""
    length = _ENDLESS if endless else len(samples)
    whole = _ENDLESS if endless else len(samples) + 36
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + form
    return head + b"data" + struct.pack("<I", length) + samples


def resampled(samples: bytes, rate: int) -> bytes:
    """*samples* at another rate, by straight lines between them."""
    import numpy as np

    sound = np.frombuffer(samples, np.int16)
    count = len(sound) * rate // RATE
    places = np.arange(count) * (RATE / rate)
    moved: npt.NDArray[np.float64] = np.interp(places, np.arange(len(sound)), sound)
    return moved.astype(np.int16).tobytes()


def pitch(voice: str) -> float:
    """Hertz around which *voice* speaks; no two of the classic voices share it."""
    return 110 + zlib.crc32(voice.encode()) % 2003 / 10


@lru_cache(maxsize=4096)
def _word(word: str, voice: str, style: str) -> "npt.NDArray[np.int16]":
    import numpy as np

    frames = round(len(word) * _LETTER * RATE)
    bend = 1 + zlib.crc32(f"{word} {style}".encode()) % 100 / 1000
    time = np.arange(frames) / RATE
    # The swell lets every word start and end in silence, so that none clicks.
    tone = np.sin(2 * np.pi * pitch(voice) * bend * time) * np.sin(np.pi * time / time[-1])
    silence = np.zeros(round((_GAP + _PAUSE * word.endswith((".", "!", "?"))) * RATE), np.int16)
    return np.concatenate([(tone * _LOUDNESS).astype(np.int16), silence])
