"""The speech model: words to waves, with the package hibari-tts.

One model is loaded for the whole process and shared by its threads.
"""

import textwrap
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mediatoolkit.media.sound.resample import resampled
from mediatoolkit.synthesis.speaking.voices import Voice

SAMPLE_RATE = 24_000
_LONGEST = 400  # phonemes at once; its work grows with the square
_loading = threading.Lock()


def spoken(
    text: str, voice: Voice, *, speed: float, seed: list[int], pause: Callable[[], None]
) -> npt.NDArray[np.float32]:
    """Say one sentence.

    Args:
        text: English.
        voice: Whose voice.
        speed: 1 is the voice's own pace.
        seed: Of the breath in the voice.
        pause: Called between parts of a long sentence; may raise.

    Returns:
        Samples, one channel; empty when there is nothing to say.
    """
    model = _model()
    breath = np.random.default_rng(seed)
    waves = [np.zeros(0, np.float32)]
    for phonemes in model.phonemize(text):
        for part in textwrap.wrap(phonemes, _LONGEST, break_on_hyphens=False):
            pause()
            waves.append(_wave(model, part, voice, speed, breath))
    return np.concatenate(waves)


def _wave(
    model: Any, phonemes: str, voice: Voice, speed: float, breath: np.random.Generator
) -> npt.NDArray[np.float32]:
    """A bent voice is made at another pitch and pace, and then played at another rate."""
    from hibari import dsp

    ids = np.asarray([model.ids(phonemes)], np.int64)
    pace = np.asarray([speed * voice.pace / voice.body], np.float32)
    *spectrum, melody = (part[0] for part in model.sess.run(None, {"ids": ids, "speed": pace}))
    wave = dsp.synth(*spectrum, melody * (voice.pitch / voice.body), breath)[:, None]
    return resampled(wave, SAMPLE_RATE, SAMPLE_RATE / voice.body)[:, 0]


def _model() -> Any:
    with _loading:
        return _loaded()


@cache
def _loaded() -> Any:
    from hibari import Hibari

    model = Hibari(voice="heart", threads=1)
    model.g2p.oov("hello")  # loads its own parts, which it would otherwise do in any thread
    return model
