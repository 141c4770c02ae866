"""Looking at sound costs little, however long it is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio
from mediatoolkit.media.sound import arrays, loudness, preview, waveform
from tests.media import bombs

ROOT = Path(__file__).parents[2]
MOST = 150  # MB
WORK = """
import resource, sys
from mediatoolkit.media import Audio
from tests.media import bombs

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def look(audio):
    {look}

look(Audio(bombs.flac_of_silence(3)))
look(Audio(bombs.wav_of_silence(1)))
data = bombs.{bomb}
before = peak()
look(Audio(data))
print(round(peak() - before))
"""


def cost(bomb: str, look: str) -> int:
    """Megabytes that a look at a bomb takes, in a process of its own."""
    code = WORK.format(bomb=bomb, look=look)
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - own code
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


@pytest.mark.parametrize(
    "bomb",
    [
        "flac_of_silence(1400)",  # 3 GB as samples
        "opus_of_silence(20_000)",  # 0.9 GB
        "mp3_of_silence(100)",  # 0.6 GB
        "wav_of_silence(200)",  # 0.8 GB
        "wav_of_silence(200, 64)",
    ],
)
def test_a_preview_takes_no_more_than_its_beginning(bomb: str) -> None:
    assert cost(bomb, "audio.preview(); audio._repr_mimebundle_()") < MOST


@pytest.mark.parametrize(
    "bomb",
    [
        "flac_of_silence(150)",  # 315 MB as samples
        "opus_of_silence(4_000)",  # 184 MB
        "mp3_of_silence(27)",  # 155 MB
        "wav_of_silence(80)",  # 336 MB
        "wav_of_silence(80, 64)",
    ],
)
def test_a_wave_is_drawn_and_a_peak_found_block_by_block(bomb: str) -> None:
    assert cost(bomb, "audio.waveform(width=256, height=120); audio.peak") < MOST


@pytest.mark.parametrize(
    "bomb", ["flac_of_silence(12)", "wav_of_silence(20, 64)", "wav_of_many_channels()"]
)
def test_loudness_is_measured_in_stretches(bomb: str) -> None:
    assert cost(bomb, "audio.loudness") < MOST


@pytest.mark.parametrize("bomb", ["wav_of_silence(80)", "opus_of_silence(4_000)"])
def test_samples_take_their_own_room_alone(bomb: str) -> None:
    assert cost(bomb, "audio.samples") < MOST + 336


@pytest.mark.parametrize("frames", [7, 100, 5_000, 30_001])
@pytest.mark.parametrize("step", [7, 97, 4_096])
def test_it_does_not_matter_how_sound_is_cut_into_blocks(frames: int, step: int) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, (frames, 2)).astype(np.float32)
    noise *= np.linspace(0, 1, frames, dtype=np.float32)[:, None]
    parts = [noise[start : start + step] for start in range(0, frames, step)]
    whole = waveform.draw([noise], frames, 50, 40)
    assert np.abs(waveform.draw(parts, frames, 50, 40).astype(int) - whole).max() <= 1
    assert loudness.peak(parts) == loudness.peak([noise])
    assert loudness.loudness(parts, 400) == pytest.approx(loudness.loudness([noise], 400))
    assert (
        preview.make_preview(parts, 96_000, 1).data == preview.make_preview([noise], 96_000, 1).data
    )


def test_too_many_samples_for_one_array_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = Audio(bombs.flac_of_silence(1400))
    with pytest.raises(MediaError, match=r"733,992,000 samples, too many .* blocks\(\)"):
        _ = audio.samples

    def no_room(*_shape: object) -> None:
        raise MemoryError

    monkeypatch.setattr("numpy.empty", no_room)
    with pytest.raises(MediaError, match=r"what the memory holds\); take it in pieces"):
        arrays.filled(iter(()), 10, 1)
