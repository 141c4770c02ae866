"""Pictures made ready for a camera, and the frames of a film: shots that fade into each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageFilter

from mediatoolkit.media import Image, pixels
from mediatoolkit.media.frames import pyav
from mediatoolkit.synthesis.filming.shots import Shot, Viewport

ROOM = 1.2
"""How much larger than the film a picture is, so that a camera that comes close finds detail."""

_CROPPED = 0.15
"""The largest share of a picture that may be cut off to fill a frame."""
_MARGIN = 0.04
"""Room around a picture that does not fill the frame, as a share of the frame."""


class Planes(NamedTuple):
    """Light and two colour differences (BT.709, limited range); the colours have half the size."""

    y: Pillow.Image
    u: Pillow.Image
    v: Pillow.Image


@dataclass(frozen=True)
class FittedPicture:
    """A picture in the shape of the film.

    Attributes:
        planes: Its pixels.
        fills: Whether the picture fills it; else it lies on a blurred copy of itself.
    """

    planes: Planes
    fills: bool

    def seen(self, view: Viewport, size: tuple[int, int]) -> Planes:
        """The part of the picture that a camera sees, at the size of the film."""
        half = size[0] // 2, size[1] // 2
        return Planes(
            _part(self.planes.y, view, size),
            _part(self.planes.u, view, half),
            _part(self.planes.v, view, half),
        )


def fit(
    picture: Pillow.Image, size: tuple[int, int], tick: Callable[[], None] = lambda: None
) -> FittedPicture:
    """Fit a picture to a film of *size*.

    Args:
        picture: Of any size and mode.
        size: Width and height of the film, even numbers of pixels.
        tick: Called between the steps; what it raises stops the work.
    """
    width, height = (2 * round(side * ROOM / 2) for side in size)
    flat = pixels.flattened(picture)
    tick()
    scale = max(width / flat.width, height / flat.height)
    uncropped = (width / scale) * (height / scale) / (flat.width * flat.height)
    fills = uncropped >= 1 - _CROPPED
    fitted = _cover(flat, (width, height)) if fills else _on_surround(flat, (width, height), tick)
    tick()
    return FittedPicture(_to_planes(np.asarray(fitted)), fills)


def _cover(picture: Pillow.Image, size: tuple[int, int]) -> Pillow.Image:
    """As much of the middle of a picture as fills *size*."""
    scale = max(size[0] / picture.width, size[1] / picture.height)
    wide, high = size[0] / scale, size[1] / scale
    left, top = (picture.width - wide) / 2, (picture.height - high) / 2
    box = (left, top, left + wide, top + high)
    return picture.resize(size, Pillow.Resampling.BICUBIC, box, reducing_gap=2.0)


def _on_surround(
    picture: Pillow.Image, size: tuple[int, int], tick: Callable[[], None]
) -> Pillow.Image:
    """The whole picture upon a dim and blurred copy of itself, with a soft shadow."""
    room = 1 - 2 * _MARGIN
    scale = room * min(size[0] / picture.width, size[1] / picture.height)
    wide = max(1, round(picture.width * scale))
    high = max(1, round(picture.height * scale))
    left, top = (size[0] - wide) // 2, (size[1] - high) // 2
    small = max(8, size[0] // 12), max(8, size[1] // 12)
    # Blurred while small, since a blur costs time for each pixel and hides the loss.
    surround = _cover(picture, small).filter(ImageFilter.GaussianBlur(min(small) / 9))
    surround = surround.point([round(24 + value * 0.5) for value in range(256)] * 3)
    tick()
    ground = surround.resize(size, Pillow.Resampling.BICUBIC)
    shadow = Pillow.new("L", small, 0)
    shares = small[0] / size[0], small[1] / size[1]
    shadow.paste(
        150,
        (
            round(left * shares[0]) - 1,
            round(top * shares[1]),
            round((left + wide) * shares[0]) + 1,
            round((top + high) * shares[1]) + 2,
        ),
    )
    shadow = shadow.filter(ImageFilter.GaussianBlur(min(small) / 40))
    ground.paste((0, 0, 0), (0, 0), shadow.resize(size, Pillow.Resampling.BICUBIC))
    tick()
    fitted = picture.resize((wide, high), Pillow.Resampling.BICUBIC, reducing_gap=2.0)
    ground.paste(fitted, (left, top))
    return ground


def _to_planes(rgb: npt.NDArray[np.uint8]) -> Planes:
    av = pyav()
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
    return Planes(*(_plane(plane) for plane in frame.planes))


def _plane(plane: Any) -> Pillow.Image:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return Pillow.fromarray(np.ascontiguousarray(rows[:, : plane.width]))


def _part(plane: Pillow.Image, view: Viewport, size: tuple[int, int]) -> Pillow.Image:
    box = (
        view.left * plane.width,
        view.top * plane.height,
        view.right * plane.width,
        view.bottom * plane.height,
    )
    return plane.resize(size, Pillow.Resampling.BICUBIC, box)


class Montage:
    """Gives the frame of any moment; holds only the pictures that are seen then.

    Args:
        pictures: `Image`, Pillow images or arrays, one for each shot.
        shots: When and how each is seen.
        size: Width and height of the frames, even numbers of pixels.
        tick: Called while a picture is made ready, with its number from 1.
    """

    def __init__(
        self,
        pictures: Sequence[Any],
        shots: Sequence[Shot],
        size: tuple[int, int],
        tick: Callable[[int], None],
    ) -> None:
        """Open nothing yet."""
        self._pictures, self._shots, self._size, self._tick = pictures, shots, size, tick
        self._fitted: dict[int, FittedPicture] = {}

    def frame(self, time: float) -> Planes:
        """What is seen at a time in seconds: each shot as far as it appeared, over those before."""
        first, *others = self._visible(time)
        mixed = self._shown(first, time)
        for index in others:
            above, share = self._shown(index, time), self._shots[index].presence(time)
            pairs = zip(mixed, above, strict=True)
            mixed = Planes(*(Pillow.blend(under, over, share) for under, over in pairs))
        return mixed

    def _visible(self, time: float) -> list[int]:
        indices = [n for n, shot in enumerate(self._shots) if shot.start <= time < shot.end]
        for index in self._fitted.keys() - set(indices):
            del self._fitted[index]
        return indices

    def _shown(self, index: int, time: float) -> Planes:
        if index not in self._fitted:
            self._fitted[index] = self._fit(index)
        picture = self._fitted[index]
        return picture.seen(self._shots[index].view(time, fills=picture.fills), self._size)

    def _fit(self, index: int) -> FittedPicture:
        self._tick(index + 1)
        picture = self._pictures[index]
        image = picture.to_pil() if isinstance(picture, Image) else pixels.pillow_of(picture)
        return fit(image, self._size, lambda: self._tick(index + 1))
