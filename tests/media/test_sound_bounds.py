"""Looking at sound costs little, however long it is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, audio, loudness, preview, samples
from tests.media import bombs, drawn
from tests.media.bounded import MEGABYTES, Looker

_PREVIEW = "audio.preview(); audio._repr_mimebundle_()"
_WAVE = "audio.waveform(width=256, height=120)"
LOOKS = [
    ("flac_of_silence(1400)", _PREVIEW, MEGABYTES),  # 3 GB as samples
    ("opus_of_silence(20_000)", _PREVIEW, MEGABYTES),  # 0.9 GB
    ("mp3_of_silence(100)", _PREVIEW, MEGABYTES),  # 0.6 GB
    ("wav_of_silence(200, 64)", _PREVIEW, MEGABYTES),  # 0.8 GB
    ("flac_of_silence(1400)", _WAVE, MEGABYTES),
    ("opus_of_silence(40_000)", _WAVE, MEGABYTES),
    ("mp3_of_silence(100)", _WAVE, MEGABYTES),
    ("wav_of_silence(200)", _WAVE, MEGABYTES),
    ("flac_of_silence(100)", "audio.peak", MEGABYTES),  # 210 MB
    ("opus_of_silence(4_000)", "audio.peak", MEGABYTES),  # 184 MB
    ("mp3_of_silence(27)", "audio.peak", MEGABYTES),  # 155 MB
    ("wav_of_silence(40, 64)", "audio.peak", MEGABYTES),  # 168 MB
    ("flac_of_silence(12)", "audio.loudness", MEGABYTES),
    ("wav_of_silence(20, 64)", "audio.loudness", MEGABYTES),
    ("wav_of_many_channels()", "audio.loudness", MEGABYTES),
    ("wav_of_silence(40)", "audio.samples", MEGABYTES + 168),
    ("opus_of_silence(4_000)", "audio.samples", MEGABYTES + 184),
]
"""What is looked at and how, and how many megabytes that may take."""


@pytest.fixture(scope="module")
def looker() -> Iterator[Looker]:
    """Looks at files; started once, as what it loads takes a while."""
    with Looker() as process:
        yield process


@pytest.mark.parametrize(("bomb", "look", "megabytes"), LOOKS)
def test_a_look_at_long_sound_takes_little(
    looker: Looker, bomb: str, look: str, megabytes: int
) -> None:
    maker, _, rest = bomb.partition("(")
    sizes = [int(size) for size in rest.strip(")").split(",") if size]
    data = getattr(bombs, maker)(*sizes)
    code = f"audio = Audio(data); {look}"
    assert looker.faults("a.sound", data, look=code, megabytes=megabytes) == []


STEPS = [0.1, 0.5, 0.01, 0.9, 0, 0.6, 0.02, 0.2, 0.7, 0.4]  # each a second
WAVE = (np.sin(np.arange(10 * drawn.RATE) * 0.06) * np.repeat(STEPS, drawn.RATE)).astype("f4")
LONG: dict[str, Callable[[], bytes]] = {
    **dict.fromkeys(("a.wav", "a.mp3", "a.ogg", "a.flac", "a.m4a"), lambda: b""),
    "vorbis": lambda: drawn.written(WAVE[:, None], "OGG", "VORBIS"),
    "two of them": lambda: LONG["vorbis"]() + drawn.written(WAVE[::-1, None], "OGG", "VORBIS"),
    "a row of small frames": lambda: drawn.mp3_of_any_rate(WAVE),
}


@pytest.mark.parametrize("name", LONG)
def test_glimpses_of_long_sound_show_where_it_is_loud(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small frames of an MP3 borrow bytes of many before them, and are silent without these.

    Opus is a tenth too loud where its decoder has not settled.
    """
    data = LONG[name]() or Audio.from_samples(WAVE, drawn.RATE).save(tmp_path / name).read_bytes()
    long = Audio(data)

    def heights() -> Any:
        """Of the wave in the middle of each second."""
        picture = long.waveform(width=round(long.seconds) * 10, height=100)
        return np.asarray(picture)[..., 3].sum(0)[5::10] / 25_500

    whole = heights()
    monkeypatch.setattr(audio, "_DRAWN_WHOLE", 1)
    assert heights() == pytest.approx(whole, abs=0.12)
    assert np.ptp(whole) > 0.6


@pytest.mark.parametrize("frames", [7, 100, 5_000, 30_001])
@pytest.mark.parametrize("step", [7, 97, 4_096])
def test_it_does_not_matter_how_sound_is_cut_into_blocks(frames: int, step: int) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, (frames, 2)).astype(np.float32)
    noise *= np.linspace(0, 1, frames, dtype=np.float32)[:, None]
    parts = [noise[start : start + step] for start in range(0, frames, step)]
    whole = preview.draw_wave([(0, noise)], frames, 50, 40)
    assert (
        np.abs(preview.draw_wave(samples.placed(parts), frames, 50, 40).astype(int) - whole).max()
        <= 1
    )
    assert loudness.peak(parts) == loudness.peak([noise])
    assert loudness.loudness(parts, 400) == pytest.approx(loudness.loudness([noise], 400))
    assert (
        preview.preview_of_sound(parts, 96_000, 1).data
        == preview.preview_of_sound([noise], 96_000, 1).data
    )


def test_too_many_samples_for_one_array_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = Audio(bombs.flac_of_silence(1400))
    with pytest.raises(MediaError, match=r"733,992,000 samples, too many .* blocks\(\)"):
        _ = audio.samples

    def no_room(*_shape: object) -> None:
        raise MemoryError

    monkeypatch.setattr("numpy.empty", no_room)
    with pytest.raises(MediaError, match=r"what the memory holds\); take it in pieces"):
        samples.filled(iter(()), 10, 1)
