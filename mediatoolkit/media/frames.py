"""From the bytes of a film to its pictures; PyAV is loaded when pictures are wanted."""

import contextlib
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media.codec import lenient
from mediatoolkit.media.containers.base import MAX_PIXELS, MAX_SECONDS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from av.container import InputContainer
    from av.video.stream import VideoStream

_MOST_REDUCED = 24_000_000  # pixels
_UNSPECIFIED, _BT709 = 2, 1  # as FFmpeg numbers colour spaces


def pyav() -> Any:
    """The module `av`, which reads and writes films.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError(
            'Films need the package "av": pip install "mediatoolkit[local]".'
        ) from error
    return av


def decode(
    data: bytes, start: float = 0.0, *, stretch: float = 1.0, within: int | None = None
) -> "Iterator[tuple[float, npt.NDArray[np.uint8]]]":
    """Decode the pictures of a film one after the other.

    Args:
        data: A film.
        start: Seconds; pictures that are over by then are left out, but for the last one.
        stretch: How much wider than high a pixel is shown.
        within: Pixels that no side is longer than; left out, the film's own size. Pictures of
            more than 24 million pixels are not made small: their decoder takes 200 MB.

    Yields:
        When the picture appears, in seconds, and its pixels: `(height, width, 3)`, RGB.

    Raises:
        MediaError: A picture cannot be decoded.
        MissingExtraError: PyAV is not installed.
    """
    most = MAX_PIXELS if within is None else _MOST_REDUCED
    with _opened(data, most) as (container, stream):
        # What is seen at *start* is the last frame that appears by then, and a frame is known to be
        # the last only when the next has been decoded.
        waiting = None
        for frame in _from(container, stream, start):
            seconds = frame.time or 0.0
            if waiting is not None and seconds > start:
                yield _pixels(waiting, stretch, within)
            waiting = frame if seconds < start else None
            if waiting is None:
                yield _pixels(frame, stretch, within)
        if waiting is not None:
            yield _pixels(waiting, stretch, within)


def measure(data: bytes) -> tuple[float, float]:
    """Seconds and frames per second, found by going through the packets of a film.

    Raises:
        MediaError: It cannot be read.
        MissingExtraError: PyAV is not installed.
    """
    with _opened(data) as (container, stream):
        count, first, end = 0, math.inf, -math.inf
        for packet in container.demux(stream):
            if packet.pts is not None:
                count += 1
                first = min(first, packet.pts)
                end = max(end, packet.pts + (packet.duration or 0))
        if not count or stream.time_base is None:
            raise MediaError("The film holds no picture.")
        seconds = float((end - first) * stream.time_base)
        rate = float(stream.average_rate or 0)
    return seconds, rate or (count / seconds if seconds else 0.0)


@contextlib.contextmanager
def _opened(data: bytes, most: int = MAX_PIXELS) -> "Iterator[tuple[InputContainer, VideoStream]]":
    """Open a film whose pictures have *most* pixels at most; its tags may have any encoding."""
    av = pyav()
    with (
        decoding(av),
        av.open(io.BytesIO(data), "r", **lenient(av)) as container,
    ):
        stream = container.streams.video[0]
        decoder = stream.codec_context
        if decoder is not None:  # None where no decoder is installed
            if decoder.width * decoder.height > most:
                raise MediaError(f"Pictures of {decoder.width}×{decoder.height} are too large.")
            # The pictures of a film may become larger on the way.
            decoder.options = {"max_pixels": str(most)}
        yield container, stream


def _from(container: "InputContainer", stream: "VideoStream", start: float) -> Iterator[Any]:
    if start > 0 and stream.time_base:
        container.seek(int(min(start, MAX_SECONDS) / stream.time_base), stream=stream)
    return container.decode(stream)


def _pixels(
    frame: Any, stretch: float, within: int | None
) -> "tuple[float, npt.NDArray[np.uint8]]":
    import numpy as np

    width, height = round(frame.width * stretch), frame.height
    if within is not None:
        smaller = min(1.0, within / max(width, height))
        width, height = max(1, round(width * smaller)), max(1, round(height * smaller))
    pixels = frame.reformat(width, height, "rgb24", src_colorspace=_colours(frame)).to_ndarray()
    if frame.rotation:
        pixels = np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
    return float(frame.time or 0), pixels


def _colours(frame: Any) -> int | None:
    """BT.709 for high definition where the film does not say, as players take it."""
    is_high = frame.width >= 1280 or frame.height > 576
    return _BT709 if frame.colorspace == _UNSPECIFIED and is_high else None


@contextlib.contextmanager
def decoding(av: Any) -> Iterator[None]:
    """Turn errors of the decoder into `MediaError`."""
    try:
        yield
    except MediaError:
        raise  # it is a ValueError, too
    except (av.FFmpegError, ArithmeticError, IndexError, ValueError) as error:
        raise MediaError(f"The film cannot be decoded: {error}") from error
