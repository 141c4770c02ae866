"""Where the speech of responses comes from: a tone for each word, of a pitch for each voice.

Nothing can be understood, but much can be measured: the length follows the text, voices and words
differ, and the same words give the same samples. A thousand words take a few milliseconds.
"""

import io
import wave
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RATE = 24_000  # samples per second
_LETTER = 0.02  # seconds of tone
_GAP = 0.03  # seconds of silence after a word
_PAUSE = 0.12  # seconds of silence after a sentence, more
_LOUDNESS = 9000  # of 32767
_ENDLESS = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one voice says.

    Attributes:
        text: The words.
        voice: Who says them.
        style: In which manner; it moves the pitch.
    """

    text: str
    voice: str
    style: str = ""


def speak(utterances: Iterable[Utterance], rate: int = RATE) -> bytes:
    """Samples of *utterances*, one after the other: 16 bits, little endian, mono."""
    import numpy as np

    words = [
        _word(word, utterance, rate) for utterance in utterances for word in utterance.text.split()
    ]
    return np.concatenate(words).tobytes() if words else b""


def times(text: str) -> list[tuple[float, float]]:
    """When each character of *text* is heard, in seconds: from, to.

    Space after a word lasts as long as the silence there; space before all words takes no time.
    """
    spans, now, word = [], 0.0, ""
    for character in text:
        if character.isspace():
            length, word = _silence(word) if word else 0.0, ""
        else:
            length, word = _LETTER, word + character
        spans.append((round(now, 6), round(now + length, 6)))
        now += length
    return spans


def wav(samples: bytes, *, rate: int = RATE, endless: bool = False) -> bytes:
    """*samples* with a RIFF header; an endless one promises 4 GiB, as a live stream does."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples)
    data = file.getvalue()
    return data[:4] + _ENDLESS + data[8:40] + _ENDLESS + data[44:] if endless else data


def float32(samples: bytes) -> bytes:
    """*samples* as floats from -1 to 1, little endian."""
    import numpy as np

    return (np.frombuffer(samples, "<i2") / 32768).astype("<f4").tobytes()


def pitch(voice: str) -> float:
    """Hertz around which *voice* speaks; no two of the classic voices share it."""
    return 110 + zlib.crc32(voice.encode()) % 2003 / 10


def _word(word: str, utterance: Utterance, rate: int) -> "npt.NDArray[np.int16]":
    import numpy as np

    frames = round(len(word) * _LETTER * rate)
    bend = 1 + zlib.crc32(f"{word} {utterance.style}".encode()) % 100 / 1000
    time = np.arange(frames) / rate
    # The swell lets every word start and end in silence, so that none clicks.
    swell = np.sin(np.pi * time / time[-1])
    tone = np.sin(2 * np.pi * pitch(utterance.voice) * bend * time) * swell
    silence = np.zeros(round(_silence(word) * rate), np.int16)
    return np.concatenate([(tone * _LOUDNESS).astype(np.int16), silence])


def _silence(word: str) -> float:
    """Seconds of silence after *word*."""
    return _GAP + _PAUSE * word.endswith((".", "!", "?"))
