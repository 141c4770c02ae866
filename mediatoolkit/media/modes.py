"""Modes of Pillow: from whatever a picture is in to eight bits of red, green and blue."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PillowImage

_SEE_THROUGH = ("LA", "PA", "RGBA", "RGBa")


def plain(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Eight bits a channel: RGB, or RGBA where something shows through.

    Raises:
        ValueError: Pillow has no way from its mode to that.
    """
    if picture.mode.startswith("I;16"):
        return _dark_to_bright(picture).convert("RGB")
    return picture.convert("RGBA" if _shows_through(picture) else "RGB")


def is_opaque(picture: "PillowImage.Image") -> bool:
    """Whether it is in colours or grey, as browsers take them, and nothing shows through."""
    return picture.mode in ("1", "L", "P", "RGB") and not _shows_through(picture)


def _shows_through(picture: "PillowImage.Image") -> bool:
    return picture.mode in _SEE_THROUGH or "transparency" in picture.info


def _dark_to_bright(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Grey of 16 bits in 8; Pillow would make all white that is above 255."""
    import numpy as np
    from PIL import Image as PillowImage

    bright = PillowImage.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    bright.info = dict(picture.info)
    return bright


def flattened(picture: "PillowImage.Image") -> "PillowImage.Image":
    """RGB, with transparency over white."""
    from PIL import Image as PillowImage

    over = plain(picture)
    if over.mode == "RGB":
        return over
    white = PillowImage.new("RGBA", over.size, "white")
    return PillowImage.alpha_composite(white, over).convert("RGB")
