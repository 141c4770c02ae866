"""The MP3 of simulated speech, heard by a decoder that is not ours."""

import io
from itertools import pairwise

import numpy as np
import pytest

from mediatoolkit.simulator.mp3 import mp3
from mediatoolkit.simulator.sounds import RATE, Utterance, speak, times

av = pytest.importorskip("av")


def decoded(data: bytes) -> tuple[int, int, np.ndarray]:
    """Rate, bits per second, and samples from -1 to 1."""
    with av.open(io.BytesIO(data), format="mp3") as container:
        stream = container.streams.audio[0]
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return stream.rate, stream.codec_context.bit_rate, np.concatenate(frames, 1)[0]


@pytest.mark.parametrize(
    ("rate", "kbits"),
    [(22_050, 32), (24_000, 48), (44_100, 32), (44_100, 128), (44_100, 192), (48_000, 192)],
)
def test_a_decoder_hears_the_length_the_loudness_and_the_pauses(rate: int, kbits: int) -> None:
    samples = speak([Utterance("Hello there. You fox.", "Kore")], rate)
    signal = np.frombuffer(samples, "<i2") / 32_768

    played_rate, bits, sound = decoded(mp3(samples, rate, kbits))

    assert (played_rate, bits) == (rate, kbits * 1000)
    assert len(signal) <= len(sound) < len(signal) + 1152
    assert 0.5 < np.sqrt((sound**2).mean() / (signal**2).mean()) < 2
    start, stop = (round(second * rate) for second in times("Hello there. You fox.")[12])
    middle = (start + stop) // 2
    assert abs(sound[middle - rate // 50 : middle + rate // 50]).max() < 0.01


def test_the_frames_have_the_promised_rate() -> None:
    data = mp3(bytes(2 * 44_100), 44_100, 128)

    assert len(data) == 128_000 // 8 * (39 * 1152) // 44_100


def test_times_say_when_a_letter_is_heard() -> None:
    text = "Hi. you"
    spans = times(text)

    assert spans[0] == (0.0, 0.02)
    assert spans[-1][1] == pytest.approx(len(speak([Utterance(text, "x")])) / 2 / RATE - 0.03)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
