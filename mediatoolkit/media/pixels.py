"""From bytes to pixels and back; Pillow and NumPy are loaded when pixels are wanted."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media.exif import orientation

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image as PillowImage

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "image/png": {"compress_level": 1},
    "image/jpeg": {"quality": 92},
    "image/webp": {"quality": 92},
}
_HELD = {
    "image/png": frozenset({"1", "I;16", "L", "LA", "P", "RGB", "RGBA"}),
    "image/webp": frozenset({"RGB", "RGBA"}),
}
"""Modes of Pillow that a format holds as they are."""

_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What makes a picture upright, by the orientation in its Exif."""

_SEE_THROUGH = ("LA", "PA", "RGBA", "RGBa")

_SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


def mime_type_of(path: Path) -> str:
    """The type that a file name promises.

    Raises:
        MediaError: None that we write.
    """
    mime_type = _SUFFIXES.get(path.suffix.lower())
    if mime_type is None:
        raise MediaError(f"Pictures are saved as .png, .jpg or .webp, not as {path.suffix!r}.")
    return mime_type


def decode(data: bytes, *, within: int | None = None) -> "PillowImage.Image":
    """Decode a PNG, JPEG or WebP whose structure is checked, and turn it the right way up.

    Args:
        data: The file.
        within: Pixels that no side is longer than; a JPEG is then decoded no larger than needed.

    Raises:
        MediaError: The pixels are not what the structure says.
    """
    from PIL import Image as PillowImage

    try:
        picture: PillowImage.Image = PillowImage.open(
            io.BytesIO(data), formats=tuple(_FORMATS.values())
        )
        if within is not None:
            if picture.mode == "P" or picture.mode.startswith("I"):
                picture.load()
                picture = plain(_upright(picture))  # grey of 16 bits loses its Exif there
            picture.thumbnail((within, within), reducing_gap=2.0)
        picture.load()
        picture = _upright(picture)
    except (OSError, SyntaxError, ValueError) as error:
        failure = MediaError(f"The picture cannot be decoded: {error}")
    else:
        return picture
    raise failure


def _upright(picture: "PillowImage.Image") -> "PillowImage.Image":
    """The same as its camera was held."""
    from PIL import Image as PillowImage

    exif = picture.info.get("exif")
    turn = orientation(exif) if isinstance(exif, bytes) else 1
    if turn == 1:
        return picture
    turned = picture.transpose(PillowImage.Transpose[_TURNS[turn]])
    turned.info.pop("exif", None)  # else who reads it turns it once more
    return turned


def encode(picture: "PillowImage.Image", mime_type: str = "image/png", **options: Any) -> bytes:
    """Encode; transparency is laid over white where the format has none.

    Raises:
        MediaError: It has no pixels, or a side that is too long for the format.
    """
    file, kind = io.BytesIO(), _FORMATS[mime_type]
    try:
        if mime_type == "image/jpeg":
            picture = flattened(picture)
        elif picture.mode not in _HELD[mime_type]:
            picture = plain(picture)
        picture.save(file, kind, **{**_OPTIONS[mime_type], **options})
    except (OSError, ValueError) as error:
        wide, high = picture.size
        failure = MediaError(f"{wide} × {high} pixels cannot be written as {kind}: {error}")
    else:
        return file.getvalue()
    raise failure


def plain(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Eight bits a channel: RGB, or RGBA where something shows through.

    Raises:
        ValueError: Pillow has no way from its mode to that.
    """
    if picture.mode.startswith("I;16"):
        return _dark_to_bright(picture).convert("RGB")
    shows_through = picture.mode in _SEE_THROUGH or "transparency" in picture.info
    return picture.convert("RGBA" if shows_through else "RGB")


def _dark_to_bright(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Grey of 16 bits in 8; Pillow would make all white that is above 255."""
    import numpy as np
    from PIL import Image as PillowImage

    return PillowImage.fromarray((np.asarray(picture) >> 8).astype(np.uint8))


def flattened(picture: "PillowImage.Image") -> "PillowImage.Image":
    """RGB, with transparency over white."""
    from PIL import Image as PillowImage

    over = plain(picture)
    if over.mode == "RGB":
        return over
    white = PillowImage.new("RGBA", over.size, "white")
    return PillowImage.alpha_composite(white, over).convert("RGB")


def to_array(
    picture: "PillowImage.Image", dtype: "npt.DTypeLike | None", *, copy: bool | None
) -> "npt.NDArray[Any]":
    """Pixels as `(height, width, channels)`, RGB or RGBA, uint8 unless *dtype* says else."""
    import numpy as np

    if copy is False:
        raise ValueError("The pixels of a compressed picture cannot be had without a copy.")
    return np.asarray(plain(picture), dtype=dtype)


def pillow_of(thing: Any) -> "PillowImage.Image":
    """A Pillow image of a Pillow image, an array or a tensor.

    Raises:
        MediaError: It is none of these, or of a shape or range that is no picture.
    """
    from PIL import Image as PillowImage

    if isinstance(thing, PillowImage.Image):
        return _of_pillow(thing)
    if hasattr(thing, "detach"):
        return _from_array(thing.detach().cpu().numpy(), channels_first=True)
    if hasattr(thing, "__array__"):
        return _from_array(thing, channels_first=False)
    raise MediaError(
        f"{type(thing).__name__} is not a picture: give bytes, a path, a Pillow image or an array."
    )


def _of_pillow(picture: "PillowImage.Image") -> "PillowImage.Image":
    """The same, read to its end and in a mode that can be shown."""
    problem = f"mode {picture.mode} has no range of its own"
    if picture.mode not in ("I", "F"):
        try:
            picture.load()
            return picture if picture.mode in _HELD["image/png"] else plain(picture)
        except (OSError, SyntaxError, ValueError) as error:
            problem = str(error)
    raise MediaError(f"The Pillow image cannot be used: {problem}; convert it to RGB first.")


def _from_array(thing: Any, *, channels_first: bool) -> "PillowImage.Image":
    import numpy as np
    from PIL import Image as PillowImage

    array = np.asarray(thing)
    if channels_first and array.ndim == 3:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise MediaError(f"An array of shape {array.shape} is not a picture: height × width × 3.")
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise MediaError("A picture of floats has values from 0 to 1.")
        array = np.round(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise MediaError(f"A picture is made of uint8 or floats, not of {array.dtype}.")
    return PillowImage.fromarray(np.ascontiguousarray(array))
