"""Pictures, a voice and words in, film out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mediatoolkit.errors import PromptError
from mediatoolkit.media.captions import Caption
from mediatoolkit.synthesis.filming.montage import Montage
from mediatoolkit.synthesis.filming.muxer import Muxer, Soundtrack
from mediatoolkit.synthesis.filming.shots import delay_of, lengths, plan, with_the_words
from mediatoolkit.synthesis.filming.subtitles import Titles

FPS = 24
SIDES = range(64, 1921)
"""Widths and heights in pixels that a film can have; only even ones."""

_LEAST_RATE = 100  # Hertz; FFmpeg makes no sound of less

Words = Literal["drawn", "track", "unseen"]
Progress = Callable[[str, float], None]


class Narration(Protocol):
    """Something to hear, such as an `Audio`."""

    @property
    def samples(self) -> npt.NDArray[np.float32]:
        """`(frames, channels)`, values from -1 to 1."""

    @property
    def sample_rate(self) -> int:
        """Frames per second."""


def ignore(step: str, fraction: float) -> None:
    """Ignore progress."""


def compose(
    pictures: Sequence[Any],
    *,
    seconds: float | Sequence[float] | None = None,
    size: tuple[int, int] = (1280, 720),
    fps: int = FPS,
    narration: Narration | None = None,
    captions: Iterable[Caption] = (),
    words: Words = "drawn",
    progress: Progress = ignore,
) -> bytes:
    """Make a film of pictures: slow camera moves, cross-fades, a voice and words.

    Args:
        pictures: One or more `Image`, Pillow images or arrays, of any sizes. A picture of
            another shape than the film's is fitted, never stretched.
        seconds: Length of the film, or of each picture. Left out, 4 for each picture, or longer
            where the narration is. Where there are captions enough, pictures change when one
            begins, unless each picture has its length.
        size: Width and height in pixels, even, 64 to 1920.
        fps: Frames per second.
        narration: What is heard. It is never cut; sound and picture end together.
        captions: Words, with their times in the narration, or in the film when there is none.
        words: Whether captions are drawn into the pictures, become a subtitle track, which players
            such as VLC and QuickTime offer and browsers do not, or only pace the film.
        progress: Called for each frame with what is done and the share that is, 0 to 1. What it
            raises stops the work and passes through.

    Returns:
        An MP4 file: H.264 and AAC with the index in front.

    Raises:
        PromptError: There is no picture, *size* or *seconds* is out of range, or the narration
            is longer than *seconds* or has fewer than 100 samples a second.
        MediaError: A picture cannot be decoded.
        MissingExtraError: PyAV is not installed.
    """
    if narration is not None and narration.sample_rate < _LEAST_RATE:
        raise PromptError(
            f"A narration of {narration.sample_rate} samples a second cannot be heard; "
            f"{_LEAST_RATE} are the least."
        )
    sound = Soundtrack(narration.samples, narration.sample_rate) if narration is not None else None
    spoken = len(sound.samples) / sound.rate if sound else 0.0
    each = lengths(len(pictures), seconds, spoken)
    count = max(1, round(sum(each) * fps))
    _check(size, count, len(pictures))
    delay = delay_of(count / fps, spoken)
    delayed = [Caption(c.start + delay, c.end + delay, c.text) for c in captions]
    if not isinstance(seconds, Sequence):
        each = with_the_words(each, [caption.start for caption in delayed])
    titles = Titles(delayed if words == "drawn" else (), size)
    soft = delayed if words == "track" else ()
    done = 0.0
    montage = Montage(pictures, plan(each), size, lambda n: progress(f"picture {n}", done))
    with Muxer(size, fps, count, sound=sound, delay=delay, captions=soft) as muxer:
        for index in range(count):
            frame = montage.frame(index / fps)
            titles.draw(frame, index / fps)
            muxer.add(frame)
            done = (index + 1) / (count + 1)
            progress("film", done)
        film = muxer.finish()
    progress("film", 1.0)
    return film


def _check(size: tuple[int, int], frames: int, pictures: int) -> None:
    if any(side not in SIDES or side % 2 for side in size):
        raise PromptError(
            f"A side of a film has {SIDES.start} to {SIDES.stop - 1} pixels, an even number; not "
            f"{size[0]}×{size[1]}."
        )
    if frames < pictures:
        raise PromptError(
            f"{pictures} pictures do not fit into {frames} frames; give more seconds."
        )
