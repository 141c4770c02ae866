"""Ears for tests: what speech says."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
from pocketsphinx import Decoder

from mediatoolkit.media.samples import resampled

_RATE = 16_000


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def heard(samples: npt.NDArray[Any], sample_rate: int) -> list[str]:
    """The words that pocketsphinx hears, with a little silence put around."""
    decoder = Decoder(samprate=_RATE, loglevel="FATAL")
    sound = resampled(samples.reshape(len(samples), -1).mean(1, keepdims=True), sample_rate, _RATE)
    air = np.zeros((_RATE // 4, 1), np.float32)
    sound = np.concatenate([air, sound * (0.7 / np.abs(sound).max()), air])
    decoder.start_utt()
    decoder.process_raw((sound * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return words_of(hypothesis.hypstr) if hypothesis else []
