"""Pictures made ready for a camera: one shape, never stretched, in the colours of film."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageFilter

from mediatoolkit.media import pixels
from mediatoolkit.media.reel import pyav

ROOM = 1.2
"""How much larger than the film a plate is, so that a camera that comes close finds detail."""

_CROPPED = 0.15
"""The largest share of a picture that may be cut off to fill a frame."""
_MARGIN = 0.04
"""Room around a picture that does not fill the frame, as a share of the frame."""


class Planes(NamedTuple):
    """Light and two colour differences (BT.709, limited range); the colours have half the size."""

    y: Pillow.Image
    u: Pillow.Image
    v: Pillow.Image


class View(NamedTuple):
    """What a camera sees of a plate: a rectangle in shares of the plate's sides."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Plate:
    """A picture in the shape of the film.

    Attributes:
        planes: Its pixels.
        fills: Whether the picture fills it; else it lies on a blurred copy of itself.
    """

    planes: Planes
    fills: bool

    def seen(self, view: View, size: tuple[int, int]) -> Planes:
        """The part of the plate that a camera sees, at the size of the film."""
        half = size[0] // 2, size[1] // 2
        return Planes(
            _part(self.planes.y, view, size),
            _part(self.planes.u, view, half),
            _part(self.planes.v, view, half),
        )


def make_plate(
    picture: Pillow.Image, size: tuple[int, int], tick: Callable[[], None] = lambda: None
) -> Plate:
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
    filled = (width / scale) * (height / scale) / (flat.width * flat.height)
    fills = filled >= 1 - _CROPPED
    made = _cover(flat, (width, height)) if fills else _on_surround(flat, (width, height), tick)
    tick()
    return Plate(_to_planes(np.asarray(made)), fills)


def _cover(picture: Pillow.Image, size: tuple[int, int]) -> Pillow.Image:
    """As much of the middle as fills *size*."""
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


def _part(plane: Pillow.Image, view: View, size: tuple[int, int]) -> Pillow.Image:
    box = (
        view.left * plane.width,
        view.top * plane.height,
        view.right * plane.width,
        view.bottom * plane.height,
    )
    return plane.resize(size, Pillow.Resampling.BICUBIC, box)
