"""A small copy of a film for a page: H.264 and AAC in an MP4 file, which every browser plays."""

import contextlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from mediatoolkit.media import frames
from mediatoolkit.media.codec import lenient
from mediatoolkit.media.containers.base import FilmFacts

MOST_PIXELS = 700_000_000
"""Pixels of the original that are decoded, 30 seconds of 720p: about ten seconds of one core."""

_SIDES = ((200_000, 640), (80_000, 480), (30_000, 320), (0, 192))
"""Bits a second of the pictures, and the longer side that they are enough for, in pixels."""

_MOST_RATE, _LEAST_RATE = 700_000, 12_000  # bits a second of the pictures
_SOUND_RATE = 48_000  # bits a second
_MOST_FPS = 30
_TRIES = 3
_CLOCK = 1000  # ticks a second
# One thread, so that a film has the same preview on every machine.
_PICTURE = {"preset": "veryfast", "crf": "28", "threads": "1", "x264-params": "mbtree=0"}


@dataclass(frozen=True, slots=True)
class FilmPreview:
    """The small copy.

    Attributes:
        data: An MP4 file.
        mime_type: What a browser is told.
        note: What is less than in the original, in a few words; empty when nothing is.
    """

    data: bytes = field(repr=False)
    mime_type: str = "video/mp4"
    note: str = ""


def preview_of_film(
    data: bytes, facts: FilmFacts, seconds: float, fps: float, most: int
) -> FilmPreview | None:
    """Encode a copy of at most *most* bytes; of a long film, its beginning.

    Args:
        data: The film.
        facts: What its structure says.
        seconds: How long it is.
        fps: Pictures a second.
        most: Bytes.

    Returns:
        The copy; None where nothing that can be seen fits.

    Raises:
        MediaError: The film cannot be decoded.
        MissingExtraError: PyAV is not installed.
    """
    end = min(seconds, MOST_PIXELS / (facts.width * facts.height * max(fps, 1.0)))
    room = most
    for _ in range(_TRIES):
        rate = int(room * 7.6 / end) - _SOUND_RATE
        if rate < _LEAST_RATE:
            end = room * 7.6 / (_SOUND_RATE + _LEAST_RATE)
            rate = _LEAST_RATE
        if end < min(1.0, seconds):
            return None
        side = next(side for least, side in _SIDES if rate >= least)
        encoder = _Encoder(facts, min(rate, _MOST_RATE), side)
        film = encoder.encode(data, end)
        if len(film) <= most:
            part = f" of the first {end:.0f} s" if end < seconds - 0.5 else ""
            width, height = encoder.size
            return FilmPreview(film, note=f"preview{part} at {width}×{height}")
        room = room * most // len(film) * 9 // 10
    return None


class _Encoder:
    """Encodes the beginning of one film.

    Attributes:
        size: Width and height in pixels, even.
    """

    def __init__(self, facts: FilmFacts, rate: int, side: int) -> None:
        """Encode at most *rate* bits a second, and *side* pixels on the longer side."""
        smaller = min(1.0, side / max(facts.width, facts.height))
        width, height = (
            max(2, round(pixels * smaller) // 2 * 2) for pixels in (facts.width, facts.height)
        )
        self.size = width, height
        self._facts, self._rate, self._side = facts, rate, side

    def encode(self, data: bytes, end: float) -> bytes:
        """The file of the first *end* seconds.

        Raises:
            MediaError: The film cannot be decoded.
        """
        av = frames.pyav()
        target = io.BytesIO()
        with contextlib.ExitStack() as stack:
            stack.enter_context(frames.decoding(av))
            source = stack.enter_context(av.open(io.BytesIO(data), "r", **lenient(av)))
            file = stack.enter_context(av.open(target, "w", format="mp4"))
            picture = self._picture_stream(file)
            sound = _sound_stream(file, source)
            for frame in self._pictures(av, data, end):
                file.mux(picture.encode(frame))
            file.mux(picture.encode(None))
            if sound is not None:
                for frame in _sounds(av, source, end):
                    file.mux(sound.encode(frame))
                file.mux(sound.encode(None))
        return target.getvalue()

    def _picture_stream(self, file: Any) -> Any:
        limits = {"maxrate": str(self._rate), "bufsize": str(self._rate)}
        stream = file.add_stream("libx264", rate=_MOST_FPS, options=_PICTURE | limits)
        stream.width, stream.height = self.size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _CLOCK)
        return stream

    def _pictures(self, av: Any, data: bytes, end: float) -> Iterator[Any]:
        """Frames of the page's size, at most 30 a second."""
        due = -math.inf
        stretch = self._facts.stretch
        for seconds, pixels in frames.decode(data, stretch=stretch, within=self._side):
            if seconds >= end:
                break
            if seconds < due:
                continue
            due = seconds + 0.9 / _MOST_FPS
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame = frame.reformat(*self.size, "yuv420p")
            frame.pts, frame.time_base = round(seconds * _CLOCK), Fraction(1, _CLOCK)
            yield frame


def _sound_stream(file: Any, source: Any) -> Any:
    """A stream for the sound; None where the film has none."""
    if not source.streams.audio:
        return None
    stream = file.add_stream("aac", rate=48_000, layout="mono")
    stream.bit_rate = _SOUND_RATE
    return stream


def _sounds(av: Any, source: Any, end: float) -> Iterator[Any]:
    """Frames of sound in one channel; none from where it cannot be decoded."""
    mono = av.AudioResampler("fltp", layout="mono", rate=48_000)
    with contextlib.suppress(av.FFmpegError, ValueError):
        for frame in source.decode(source.streams.audio[0]):
            if frame.time is not None and frame.time >= end:
                break
            yield from mono.resample(frame)
        yield from mono.resample(None)
