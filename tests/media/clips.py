"""Small films, made with PyAV directly."""

import io
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import av
import numpy as np

SIZE = (160, 90)


@cache
def clip(  # noqa: PLR0917 - cached, so positional
    kind: str = "mp4",
    frames: int = 24,
    size: tuple[int, int] = SIZE,
    movflags: str = "",
    live: bool = False,  # noqa: FBT001, FBT002
    aspect: int = 1,
    every: int = 12,
    title: str = "",
) -> bytes:
    """A film whose grey rises by 8 from frame to frame, at 24 frames per second.

    Its pixels are *aspect* times as wide as high; each *every*-th picture stands for itself.
    """
    options = {"movflags": movflags} if movflags else {"live": "1"} if live else {}
    with TemporaryDirectory() as folder:
        file = Path(folder, f"clip.{kind}")
        target = _Stream(file.open("wb")) if live else str(file)
        with av.open(target, "w", format=kind, options=options) as container:
            container.metadata["title"] = title
            stream = container.add_stream("libx264" if kind == "mp4" else "libvpx-vp9", rate=24)
            stream.codec_context.sample_aspect_ratio = Fraction(aspect)
            stream.codec_context.gop_size = every
            _record(container, stream, frames, size)
        if isinstance(target, _Stream):
            target.close()
        return file.read_bytes()


def _record(container: Any, stream: Any, frames: int, size: tuple[int, int]) -> None:
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    for number in range(frames):
        grey = np.full((size[1], size[0], 3), 8 * number % 256, np.uint8)
        grey[: size[1] // 4, : size[0] // 4] = 255  # which corner is up and left
        frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 24)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@cache
def sound_alone(kind: str = "mp4") -> bytes:
    """Half a second of silence without a picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        rate = 48_000
        stream = container.add_stream("aac" if kind == "mp4" else "libopus", rate=rate)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, rate // 2), np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 960
        resampler = av.AudioResampler(stream.codec_context.format.name, "stereo", rate, size)
        for ready in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return file.getvalue()


class _Stream:
    """Can be written but not gone back in, like a socket."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
