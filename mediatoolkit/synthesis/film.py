"""Pictures, a voice and words in, film out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mediatoolkit.errors import PromptError
from mediatoolkit.media.captions import Caption
from mediatoolkit.synthesis.camera import plan
from mediatoolkit.synthesis.montage import Montage
from mediatoolkit.synthesis.muxer import Muxer, Track
from mediatoolkit.synthesis.subtitles import Titles

FPS = 24
PER_PICTURE = 4.0
"""Seconds for each picture when nobody says otherwise."""
LONGEST = 600.0
"""Seconds of film."""
SIDES = range(64, 1921)
"""Widths and heights in pixels that a film can have; only even ones."""

_BEFORE, _AFTER = 0.4, 0.8
"""Seconds of quiet before and after a narration that decides on the length."""

Progress = Callable[[str, float], None]


class Sound(Protocol):
    """Something to hear, such as an `Audio`."""

    @property
    def samples(self) -> npt.NDArray[np.float32]:
        """`(frames, channels)`, values from -1 to 1."""

    @property
    def sample_rate(self) -> int:
        """Frames per second."""


def ignore(stage: str, fraction: float) -> None:
    """Take no notice of progress."""


def compose(
    pictures: Sequence[Any],
    *,
    seconds: float | Sequence[float] | None = None,
    size: tuple[int, int] = (1280, 720),
    fps: int = FPS,
    narration: Sound | None = None,
    captions: Iterable[Caption] = (),
    burn_captions: bool = True,
    progress: Progress = ignore,
) -> bytes:
    """Make a film of pictures: slow camera moves, cross-fades, a voice and words.

    Args:
        pictures: One or more `Image`, Pillow images or arrays, of any sizes. A picture of
            another shape than the film's is fitted, never stretched.
        seconds: Length of the film, or of each picture. Left out, 4 for each picture, or longer
            where the narration is.
        size: Width and height in pixels, even, 64 to 1920.
        fps: Frames per second.
        narration: What is heard. It is never cut; sound and picture end together.
        captions: Words, with their times in the narration, or in the film when there is none.
        burn_captions: Draw them into the pictures; else they become a subtitle track, which
            players such as VLC and QuickTime offer, and browsers do not.
        progress: Called for each frame with what is done and the share that is, 0 to 1. What it
            raises stops the work and passes through.

    Returns:
        An MP4 file: H.264 and AAC with the index in front.

    Raises:
        PromptError: There is no picture, *size* or *seconds* is out of range, or the narration
            is longer than *seconds*.
        MediaError: A picture cannot be decoded.
        MissingExtraError: PyAV is not installed.
    """
    sound = Track(narration.samples, narration.sample_rate) if narration is not None else None
    spoken = len(sound.samples) / sound.rate if sound else 0.0
    shots = plan(lengths(len(pictures), seconds, spoken))
    count = max(1, round(shots[-1].end * fps))
    _check(size, count, len(pictures))
    delay = max(0.0, min(_BEFORE, (count / fps - spoken) / 3)) if spoken else 0.0
    words = [Caption(one.start + delay, one.end + delay, one.text) for one in captions]
    titles = Titles(words if burn_captions else (), size)
    soft = () if burn_captions else words
    done = 0.0
    montage = Montage(pictures, shots, size, lambda n: progress(f"picture {n}", done))
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


def lengths(
    count: int, seconds: float | Sequence[float] | None = None, spoken: float = 0.0
) -> list[float]:
    """Seconds for each of *count* pictures.

    Args:
        count: How many pictures.
        seconds: For all together, or for each; left out, what suits them and the narration.
        spoken: Seconds of narration.

    Raises:
        PromptError: It does not fit together; says what would.
    """
    if count < 1:
        raise PromptError("A film needs at least one picture.")
    if seconds is None:
        told = spoken + _BEFORE + _AFTER if spoken else 0.0
        each = [max(PER_PICTURE, told / count)] * count
    elif isinstance(seconds, Sequence):
        each = [_positive(one) for one in seconds]
        if len(each) != count:
            raise PromptError(f"seconds= has {len(each)} lengths for {count} pictures.")
    else:
        each = [_positive(seconds) / count] * count
    total = sum(each)
    if total > LONGEST:
        raise PromptError(f"A film takes up to {LONGEST:g} s, not {total:.1f}.")
    if spoken > total + 1e-6:
        raise PromptError(
            f"The narration takes {spoken:.1f} s and the film {total:.1f} s; leave seconds= out, "
            "or give more."
        )
    return each


def _positive(seconds: object) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise PromptError(f"seconds={seconds!r} is not a number of seconds above 0.")
    return float(seconds)


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
