"""A small copy of a picture, small enough to stay in a saved notebook."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mediatoolkit.media import pixels
from mediatoolkit.media.colours import is_opaque
from mediatoolkit.media.containers import read_metadata
from mediatoolkit.media.containers.base import PictureFacts
from mediatoolkit.media.containers.metadata import Metadata

if TYPE_CHECKING:
    from PIL import Image as PillowImage

# A bundle holds the preview twice, in base64: eight pictures then keep a notebook under 1 MB.
LARGEST = 44_000
_SIDES = (768, 640, 512, 384, 256, 128)
_QUALITIES = ((85, 0), (85, 2), (75, 2), (62, 2))
"""Quality of JPEG, and how Pillow counts the detail of colours: 0 is all, 2 a quarter."""

_ICON = 128
"""Pixels of the longer side up to which a picture is shown as exactly as it can be."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The small copy.

    Attributes:
        data: At most 44,000 bytes.
        mime_type: `image/jpeg`, or of a small picture what shows it exactly.
        width: Pixels.
        height: Pixels.
    """

    data: bytes = field(repr=False)
    mime_type: str
    width: int
    height: int


def make_preview(data: bytes, facts: PictureFacts) -> Preview:
    """The largest copy of a picture, no larger than itself, that fits.

    Its colours are sRGB, and nothing but pixels is in it.

    Raises:
        MediaError: The pixels cannot be decoded, or are too many to be made small.
    """
    picture = pixels.decode(data, within=_SIDES[0])
    flat = pixels.shown(picture)
    if max(facts.width, facts.height) <= _ICON:
        kind, exact = _exact(data, facts, picture, flat)
        if len(exact) <= LARGEST:
            return Preview(exact, kind, *flat.size)
    longest = max(flat.size)
    small, jpeg = flat, b""
    for side in (longest, *(side for side in _SIDES if side < longest)):
        if side < longest:
            small = flat.copy()
            small.thumbnail((side, side))
        for quality, subsampling in _QUALITIES:
            jpeg = pixels.encode(small, "image/jpeg", quality=quality, subsampling=subsampling)
            if len(jpeg) <= LARGEST:
                return Preview(jpeg, "image/jpeg", *small.size)
    return Preview(jpeg, "image/jpeg", *small.size)


def _exact(
    data: bytes, facts: PictureFacts, picture: "PillowImage.Image", flat: "PillowImage.Image"
) -> tuple[str, bytes]:
    """Type and bytes of what shows a small picture best, and takes no more than a fine JPEG.

    That is the file itself where it holds nothing but opaque pixels.
    """
    jpeg = pixels.encode(flat, "image/jpeg", quality=95, subsampling=0)
    is_short = is_opaque(picture) and len(data) <= len(jpeg)
    if is_short and read_metadata(data, facts.mime_type) == Metadata():
        return facts.mime_type, data
    png = pixels.encode(flat, "image/png", compress_level=9)
    return ("image/png", png) if len(png) <= len(jpeg) else ("image/jpeg", jpeg)
