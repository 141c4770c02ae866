"""Colours as a screen shows them: eight bits of red, green and blue, in sRGB.

ICC profiles are applied by Pillow's LittleCMS.
"""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PillowImage

_SPACES = {
    b"RGB ": frozenset({"P", "PA", "RGB", "RGBA", "RGBa", "RGBX"}),
    b"GRAY": frozenset({"1", "L", "LA", "La", "I;16"}),
    b"CMYK": frozenset({"CMYK"}),
}
"""Modes of Pillow by what the head of a profile says it describes."""

_SEE_THROUGH = ("LA", "PA", "RGBA", "RGBa")
_WITH_ALPHA = {"LA": "L", "RGBA": "RGB"}


def plain(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Eight bits a channel: RGB, or RGBA where something shows through.

    Raises:
        ValueError: Pillow has no way from its mode to that.
    """
    if picture.mode.startswith("I;16"):
        return _dark_to_bright(picture).convert("RGB")
    return picture.convert("RGBA" if _shows_through(picture) else "RGB")


def is_opaque(picture: "PillowImage.Image") -> bool:
    """Return whether it is in colours or grey, as browsers take them, and nothing shows through."""
    return picture.mode in ("1", "L", "P", "RGB") and not _shows_through(picture)


def flattened(picture: "PillowImage.Image") -> "PillowImage.Image":
    """RGB, with transparency over white."""
    from PIL import Image as PillowImage

    over = plain(picture)
    if over.mode == "RGB":
        return over
    white = PillowImage.new("RGBA", over.size, "white")
    return PillowImage.alpha_composite(white, over).convert("RGB")


def shown(picture: "PillowImage.Image") -> "PillowImage.Image":
    """The same as a screen shows it: RGB, in sRGB, over white."""
    return flattened(to_srgb(picture))


def profile_of(picture: "PillowImage.Image") -> bytes | None:
    """The colour profile of a picture, or None where it has none that fits its mode."""
    profile = picture.info.get("icc_profile")
    if not isinstance(profile, bytes) or len(profile) < 128:
        return None
    return profile if picture.mode in _SPACES.get(profile[16:20], ()) else None


def is_rgb(picture: "PillowImage.Image") -> bool:
    """Return whether its profile, if any, stays right when its mode becomes RGB."""
    return picture.mode in _SPACES[b"RGB "]


def to_srgb(picture: "PillowImage.Image") -> "PillowImage.Image":
    """The same colours in sRGB, without a profile; a profile that is broken is left out."""
    profile = profile_of(picture)
    if profile is None:
        return _without_profile(picture)
    try:
        return _turned(picture, profile)
    except (ImportError, OSError, SyntaxError, TypeError, ValueError):
        return _without_profile(picture)


def _turned(picture: "PillowImage.Image", profile: bytes) -> "PillowImage.Image":
    """Turn the colours by the picture's profile.

    Raises:
        ImportError, OSError, TypeError, ValueError: LittleCMS is missing or refuses the profile.
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if picture.mode not in ("L", "LA", "CMYK", "RGB", "RGBA"):
            grey = profile[16:20] == b"GRAY"
            picture = plain(picture).convert("L") if grey else plain(picture)
        inks = _WITH_ALPHA.get(picture.mode)
        turned = ImageCms.profileToProfile(
            picture.convert(inks) if inks else picture,
            source,
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except ImageCms.PyCMSError as error:
        raise ValueError(str(error)) from error
    if turned is None:
        raise ValueError("LittleCMS gives nothing back")
    if inks:
        turned.putalpha(picture.getchannel("A"))
    turned.info = {**picture.info}
    turned.info.pop("icc_profile", None)
    turned.info.pop("transparency", None)
    return turned


def _without_profile(picture: "PillowImage.Image") -> "PillowImage.Image":
    if "icc_profile" in picture.info:
        picture = picture.copy()
        del picture.info["icc_profile"]
    return picture


def _shows_through(picture: "PillowImage.Image") -> bool:
    return picture.mode in _SEE_THROUGH or "transparency" in picture.info


def _dark_to_bright(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Grey of 16 bits in 8; Pillow would turn every value above 255 white."""
    import numpy as np
    from PIL import Image as PillowImage

    bright = PillowImage.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    bright.info = dict(picture.info)
    return bright
