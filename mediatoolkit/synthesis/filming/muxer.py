"""Frames and sound in, MP4 out: H.264 and AAC with the index in front, as browsers play it.

The file is made in memory, so a film that is cancelled leaves nothing behind.
"""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from mediatoolkit.checks import visible
from mediatoolkit.media.captions import Caption
from mediatoolkit.media.frames import pyav
from mediatoolkit.synthesis.filming.montage import Planes

_PICTURE = {
    "preset": "veryfast",
    "crf": "23",
    "profile": "high",
    "g": "48",
    "threads": "2",
    "x264-params": "mbtree=0",  # on narrow films it reads stale memory: the same film, other bytes
}
_RATE = 48_000
_BIT_RATE = 80_000  # per channel
_BLOCK = 0.25  # seconds of sound that are encoded at a time
_BT709, _LIMITED = 1, 1  # H.273 code points
_ASS = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Alignment
Style: Default,Noto Sans,18,&Hffffff,2

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class Soundtrack(NamedTuple):
    """What is heard: `(frames, channels)` from -1 to 1, and frames per second."""

    samples: npt.NDArray[np.float32]
    rate: int


class Muxer:
    """Writes one film; use it with `with`, so that the encoders are closed in any case.

    Args:
        size: Width and height in pixels, even.
        fps: Frames per second.
        frames: How many there will be; sound fills just that time.
        sound: What is heard, or None.
        delay: Seconds of silence before it.
        captions: Soft subtitles, in order.
    """

    def __init__(
        self,
        size: tuple[int, int],
        fps: int,
        frames: int,
        *,
        sound: Soundtrack | None = None,
        delay: float = 0.0,
        captions: Sequence[Caption] = (),
    ) -> None:
        """Open the encoders."""
        self._av = pyav()
        self._file = io.BytesIO()
        self._fps, self._size, self._count = fps, size, 0
        self._container = self._av.open(
            self._file,
            "w",
            format="mp4",
            options={"movflags": "+faststart"},
            io_open=lambda *_: _SecondReader(self._file),
        )
        self._picture = self._picture_stream()
        self._sound: Any = None
        self._blocks: Iterator[npt.NDArray[np.float32]] = iter(())
        if sound is not None:
            self._open_sound(sound, delay, frames / fps)
        self._heard = 0
        self._captions = list(captions)
        self._titles: Any = self._title_stream() if captions else None

    def add(self, frame: Planes) -> None:
        """Encode the next picture, and the sound up to it."""
        width, height = self._size
        planes = np.concatenate([np.asarray(plane).ravel() for plane in frame])
        picture = self._av.VideoFrame.from_ndarray(
            planes.reshape(height * 3 // 2, width), format="yuv420p"
        )
        picture.pts, picture.time_base = self._count, Fraction(1, self._fps)
        self._container.mux(self._picture.encode(picture))
        self._count += 1
        self._sound_up_to(self._count / self._fps)
        self._titles_up_to(self._count / self._fps)

    def finish(self) -> bytes:
        """Finish the film and return it."""
        self._container.mux(self._picture.encode(None))
        if self._sound is not None:
            for frame in (*self._resampler.resample(None), None):
                self._container.mux(self._sound.encode(frame))
        self._container.close()
        return self._file.getvalue()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the encoders."""
        self._container.close()

    def _picture_stream(self) -> Any:
        stream = self._container.add_stream("libx264", rate=self._fps, options=_PICTURE)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        codec.color_range = _LIMITED
        return stream

    def _open_sound(self, sound: Soundtrack, delay: float, seconds: float) -> None:
        samples, self._source_rate = sound
        if samples.shape[1] > 2:
            samples = samples.mean(axis=1, keepdims=True)
        self._layout = "mono" if samples.shape[1] == 1 else "stereo"
        self._sound = self._container.add_stream("aac", rate=_RATE, layout=self._layout)
        self._sound.bit_rate = _BIT_RATE * samples.shape[1]
        self._resampler = self._av.AudioResampler("fltp", self._layout, _RATE)
        self._blocks = _blocks(samples, self._source_rate, delay, seconds)

    def _sound_up_to(self, seconds: float) -> None:
        while self._sound is not None and self._heard < seconds * self._source_rate:
            block = next(self._blocks, None)
            if block is None:
                return
            frame = self._av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block.T), format="fltp", layout=self._layout
            )
            frame.sample_rate, frame.pts = self._source_rate, self._heard
            frame.time_base = Fraction(1, self._source_rate)
            self._heard += len(block)
            for resampled in self._resampler.resample(frame):
                self._container.mux(self._sound.encode(resampled))

    def _title_stream(self) -> Any:
        stream = self._container.add_stream("mov_text")
        stream.codec_context.subtitle_header = _ASS
        stream.time_base = Fraction(1, 1000)
        return stream

    def _titles_up_to(self, seconds: float) -> None:
        while self._captions and self._captions[0].start <= seconds:
            self._container.mux(self._title(self._captions.pop(0)))

    def _title(self, caption: Caption) -> Any:
        start, end = round(caption.start * 1000), round(caption.end * 1000)
        words = visible(caption.text).replace("{", "(").replace("}", ")").replace("\n", "\\N")
        line = f"0,0,Default,,0,0,0,,{words}".encode()
        titles = self._av.subtitles.subtitle.SubtitleSet.create(line, 0, end - start)
        packet = self._titles.codec_context.encode_subtitle(titles)
        packet.stream = self._titles
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = end - start
        return packet


class _SecondReader(io.RawIOBase):
    """Reads a file in memory while it is being written; so the index can move to the front."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        self._at = offset + (self._file.getbuffer().nbytes if base is None else base)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = None if size < 0 else self._at + size
        with self._file.getbuffer() as view:
            data = bytes(view[self._at : end])
        self._at += len(data)
        return data


def _blocks(
    samples: npt.NDArray[np.float32], rate: int, delay: float, seconds: float
) -> Iterator[npt.NDArray[np.float32]]:
    """Silence, the samples, and silence up to the end, in short pieces."""
    total, before = round(seconds * rate), round(delay * rate)
    size = max(1, round(_BLOCK * rate))
    for start in range(0, total, size):
        block = np.zeros((min(size, total - start), samples.shape[1]), np.float32)
        first, last = max(0, start - before), max(0, start - before + len(block))
        piece = samples[first:last]
        offset = max(0, before - start)
        block[offset : offset + len(piece)] = piece
        yield block
