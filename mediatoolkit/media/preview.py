"""A small copy of a picture, small enough to stay in a saved notebook."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediatoolkit.media import pixels

if TYPE_CHECKING:
    from PIL import Image as PillowImage

# A bundle holds the preview twice, in base64: eight pictures then keep a notebook under 1 MB.
LARGEST = 44_000
_SIDES = (768, 640, 512, 384, 256, 128)
_QUALITIES = (85, 75, 62)


@dataclass(frozen=True, slots=True)
class Preview:
    """The small copy.

    Attributes:
        data: At most 44,000 bytes.
        mime_type: `image/jpeg`.
        width: Pixels.
        height: Pixels.
    """

    data: bytes
    mime_type: str
    width: int
    height: int


def make_preview(picture: "PillowImage.Image") -> Preview:
    """The largest copy, no larger than the picture, that fits."""
    flat = pixels.flattened(picture)
    small, data = flat, b""
    for side in _SIDES:
        small = flat.copy()
        small.thumbnail((side, side))
        for quality in _QUALITIES:
            data = pixels.encode(small, "image/jpeg", quality=quality)
            if len(data) <= LARGEST:
                return Preview(data, "image/jpeg", *small.size)
    return Preview(data, "image/jpeg", *small.size)
