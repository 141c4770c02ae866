"""From bytes to pixels and back; Pillow and NumPy are loaded when pixels are wanted."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image as PillowImage

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "image/png": {"compress_level": 1},
    "image/jpeg": {"quality": 92},
    "image/webp": {"quality": 92},
}
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
    """Decode a PNG, JPEG or WebP whose structure is checked.

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
            if picture.mode == "P":
                picture = picture.convert("RGBA")
            picture.thumbnail((within, within), reducing_gap=2.0)
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        failure = MediaError(f"The picture cannot be decoded: {error}")
    else:
        return picture
    raise failure


def encode(picture: "PillowImage.Image", mime_type: str = "image/png", **options: Any) -> bytes:
    """Encode; transparency is laid over white where the format has none."""
    file = io.BytesIO()
    if mime_type == "image/jpeg":
        picture = flattened(picture)
    picture.save(file, _FORMATS[mime_type], **{**_OPTIONS[mime_type], **options})
    return file.getvalue()


def flattened(picture: "PillowImage.Image") -> "PillowImage.Image":
    """RGB, with transparency over white."""
    from PIL import Image as PillowImage

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        over = picture.convert("RGBA")
        white = PillowImage.new("RGBA", over.size, "white")
        picture = PillowImage.alpha_composite(white, over)
    return picture.convert("RGB")


def to_array(
    picture: "PillowImage.Image", dtype: "npt.DTypeLike | None", *, copy: bool | None
) -> "npt.NDArray[Any]":
    """Pixels as `(height, width, channels)`, RGB or RGBA, uint8 unless *dtype* says else."""
    import numpy as np

    if copy is False:
        raise ValueError("The pixels of a compressed picture cannot be had without a copy.")
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    return np.asarray(picture.convert("RGBA" if has_alpha else "RGB"), dtype=dtype)


def pillow_of(thing: Any) -> "PillowImage.Image":
    """A Pillow image of a Pillow image, an array or a tensor.

    Raises:
        MediaError: It is none of these, or of a shape or range that is no picture.
    """
    from PIL import Image as PillowImage

    if isinstance(thing, PillowImage.Image):
        return thing
    if hasattr(thing, "detach"):
        return _from_array(thing.detach().cpu().numpy(), channels_first=True)
    if hasattr(thing, "__array__"):
        return _from_array(thing, channels_first=False)
    raise MediaError(
        f"{type(thing).__name__} is not a picture: give bytes, a path, a Pillow image or an array."
    )


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
