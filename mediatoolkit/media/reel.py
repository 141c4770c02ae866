"""From the bytes of a film to its pictures; PyAV is loaded when pictures are wanted."""

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from av.container import InputContainer
    from av.video.stream import VideoStream


def pyav() -> Any:
    """The module `av`, which reads and writes films.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError:
        failure = MissingExtraError(
            'Films need the package "av": pip install "mediatoolkit[local]".'
        )
    else:
        return av
    raise failure


def frames(data: bytes, start: float = 0.0) -> "Iterator[tuple[float, npt.NDArray[np.uint8]]]":
    """Decode the pictures of a film one after the other.

    Args:
        data: A film.
        start: Seconds; pictures that are over by then are left out, but for the last one.

    Yields:
        When the picture appears, in seconds, and its pixels: `(height, width, 3)`, RGB.

    Raises:
        MediaError: A picture cannot be decoded.
        MissingExtraError: PyAV is not installed.
    """
    av = pyav()
    with _decoding(av), av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        last = None
        for frame in _from(container, stream, start):
            if last is not None and frame.time > start:
                yield _pixels(last)
            last = frame
        if last is not None:
            yield _pixels(last)


def measure(data: bytes) -> tuple[float, float]:
    """Seconds and frames per second, found by going through the packets of a film.

    Raises:
        MediaError: It cannot be read.
        MissingExtraError: PyAV is not installed.
    """
    av = pyav()
    with _decoding(av), av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        times = [
            (packet.pts, packet.duration or 0)
            for packet in container.demux(stream)
            if packet.pts is not None
        ]
        rate = float(stream.average_rate or 0)
        ends = max(pts + duration for pts, duration in times) - min(times)[0]
        seconds = float(ends * stream.time_base)
    return seconds, rate or (len(times) / seconds if seconds else 0.0)


def _from(container: "InputContainer", stream: "VideoStream", start: float) -> Iterator[Any]:
    if start > 0 and stream.time_base:
        container.seek(int(start / stream.time_base), stream=stream)
    return container.decode(stream)


def _pixels(frame: Any) -> "tuple[float, npt.NDArray[np.uint8]]":
    import numpy as np

    pixels = frame.to_ndarray(format="rgb24")
    if frame.rotation:
        pixels = np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
    return float(frame.time or 0), pixels


@contextlib.contextmanager
def _decoding(av: Any) -> Iterator[None]:
    """What the decoder says, in our words."""
    try:
        yield
    except (av.FFmpegError, IndexError, ValueError) as error:
        failure = MediaError(f"The film cannot be decoded: {error}")
    else:
        return
    raise failure
