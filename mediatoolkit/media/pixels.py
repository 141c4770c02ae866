"""From bytes to pixels and back; Pillow and NumPy are loaded when pixels are wanted."""

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media.base import array_of_tensor, is_tensor
from mediatoolkit.media.colours import flattened, is_rgb, plain, profile_of, shown, to_srgb
from mediatoolkit.media.containers import jpeg, png, xmp
from mediatoolkit.media.containers.metadata import EXIF_HEAD, RECORD_KEYWORD, Metadata
from mediatoolkit.media.decoding import decode, decoding, opened, upright

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image as PillowImage

__all__ = [
    "converted",
    "decode",
    "encode",
    "flattened",
    "metadata_of",
    "pillow_of",
    "plain",
    "reduced",
    "shown",
    "thumbnail",
    "to_array",
]

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "image/png": {"compress_level": 1},
    "image/jpeg": {"quality": 92},
    "image/webp": {"quality": 92},
}
_SLACK = 1e-3  # how far floats may be beyond 0 and 1, as rounding leaves them
_NATIVE_MODES = {
    "image/png": frozenset({"1", "I;16", "L", "LA", "P", "RGB", "RGBA"}),
    "image/webp": frozenset({"RGB", "RGBA"}),
}
"""Modes of Pillow that a format holds as they are."""

_LONGEST_COMMENT = 65_533  # bytes, in a JPEG

THUMBNAIL = 112
"""Pixels of the longer side of a picture in a cell of a table."""

_REDUCED_QUALITY = 80  # some 7 kB for a picture of 192 pixels


def encode(
    picture: "PillowImage.Image",
    mime_type: str = "image/png",
    metadata: Metadata | None = None,
    **options: Any,
) -> bytes:
    """Encode; transparency is laid over white where the format has none.

    Args:
        picture: With its colour profile, if any, which goes along while it fits; where the mode
            becomes another, the colours are turned to sRGB.
        mime_type: PNG, JPEG or WebP.
        metadata: What else to write; left out, nothing.
        options: For Pillow.

    Raises:
        MediaError: It has no pixels, or a side that is too long for the format.
    """
    file = io.BytesIO()
    try:
        picture = _fitted(picture, mime_type)
        options = _options(picture, mime_type, metadata or Metadata()) | options
        packet = options.pop("xmp", b"")
        if mime_type != "image/jpeg":
            options["xmp"] = packet
        picture.save(file, _FORMATS[mime_type], **options)
    except (OSError, ValueError) as error:
        raise _not_written(picture, mime_type, error) from error
    data = file.getvalue()
    return jpeg.with_xmp(data, packet) if packet and mime_type == "image/jpeg" else data


def converted(data: bytes, mime_type: str, metadata: Metadata) -> bytes:
    """A PNG, JPEG or WebP as one of the others; what moves goes on moving.

    Raises:
        MediaError: It moves, and a JPEG does not; or it cannot be written.
    """
    with decoding():
        picture = opened(data, texts=False)
        frames = 1 if picture.format in ("JPEG", "MPO") else getattr(picture, "n_frames", 1)
    if frames == 1:
        return encode(decode(data), mime_type, metadata.upright())
    if mime_type == "image/jpeg":
        raise MediaError(
            f"The picture moves, in {frames} frames, and a JPEG does not: save it as .png or "
            ".webp, or take its first frame with mt.Image.of(picture.to_pil())."
        )
    return _animation(picture, frames, mime_type, metadata)


def _animation(
    picture: "PillowImage.Image", frames: int, mime_type: str, metadata: Metadata
) -> bytes:
    file = io.BytesIO()
    durations: list[float] = []
    try:
        for number in range(frames):
            picture.seek(number)
            picture.load()
            durations.append(picture.info.get("duration", 0))
        picture.seek(0)
        options = _options(picture, mime_type, metadata) | {
            "save_all": True,
            "duration": durations if mime_type == "image/png" else [*map(round, durations)],
            "loop": picture.info.get("loop", 0),
        }
        picture.save(file, _FORMATS[mime_type], **options)
    except (EOFError, OSError, SyntaxError, ValueError) as error:
        raise _not_written(picture, mime_type, error) from error
    return file.getvalue()


def _fitted(picture: "PillowImage.Image", mime_type: str) -> "PillowImage.Image":
    """Return the picture in a mode that the format holds."""
    if picture.mode in _NATIVE_MODES.get(mime_type, ()):
        return picture
    if not is_rgb(picture):
        picture = to_srgb(picture)
    profile = profile_of(picture)
    fitted = flattened(picture) if mime_type == "image/jpeg" else plain(picture)
    if profile is not None:
        fitted.info["icc_profile"] = profile
    return fitted


def _options(picture: "PillowImage.Image", mime_type: str, metadata: Metadata) -> dict[str, Any]:
    """Return options for Pillow, among them all that it would otherwise choose itself."""
    options = _OPTIONS[mime_type] | _notes_for(metadata, mime_type)
    return options | {"icc_profile": profile_of(picture)} | _resolution(picture)


def _notes_for(metadata: Metadata, mime_type: str) -> dict[str, Any]:
    """Return options for Pillow; the colour profile goes with the pixels.

    A JPEG's XMP may be too long for one segment, which Pillow refuses.
    """
    if mime_type == "image/png":
        return {"exif": metadata.exif or None, "pnginfo": _png_info(metadata)}
    comment = b""
    texts = list(metadata.texts)
    if mime_type == "image/jpeg":
        for keyword, text in metadata.texts:
            if keyword == "Comment" and not comment and len(text.encode()) <= _LONGEST_COMMENT:
                comment = text.encode()
                texts.remove((keyword, text))
    packet = xmp.with_texts(metadata.xmp, texts) if texts else metadata.xmp
    head = EXIF_HEAD if metadata.exif and mime_type == "image/jpeg" else b""
    options: dict[str, Any] = {"exif": head + metadata.exif, "xmp": packet}
    return options | ({"comment": comment} if mime_type == "image/jpeg" else {})


def _png_info(metadata: Metadata) -> Any:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for keyword, text in metadata.texts:
        info.add_itxt(keyword[:79] or "Comment", text.replace("\0", ""))
    if metadata.xmp:
        info.add_itxt(png.XMP_KEYWORD, metadata.xmp.decode("utf-8", "replace").replace("\0", ""))
    return info


def _resolution(picture: "PillowImage.Image") -> dict[str, Any]:
    dots = picture.info.get("dpi")
    is_sound = (
        isinstance(dots, tuple) and len(dots) == 2 and all(1 <= dot <= 60_000 for dot in dots)
    )
    return {"dpi": dots} if is_sound else {}


def _not_written(picture: "PillowImage.Image", mime_type: str, error: Exception) -> MediaError:
    wide, high = picture.size
    return MediaError(f"{wide} × {high} pixels cannot be written as {_FORMATS[mime_type]}: {error}")


def metadata_of(picture: "PillowImage.Image") -> Metadata:
    """Return what Pillow keeps of the file that *picture* was read from; its pixels are upright."""
    info = picture.info
    texts = {"Comment": info.get("comment"), **getattr(picture, "text", {})}
    return Metadata(
        exif=_bytes(info.get("exif")).removeprefix(EXIF_HEAD),
        xmp=_bytes(info.get("xmp")),
        texts=tuple(
            (name, jpeg.decoded(_bytes(text)))
            for name, text in texts.items()
            if text and name not in (png.XMP_KEYWORD, RECORD_KEYWORD)
        ),
    )


def to_array(
    picture: "PillowImage.Image", dtype: "npt.DTypeLike | None", *, copy: bool | None
) -> "npt.NDArray[Any]":
    """Pixels as `(height, width, channels)`, RGB or RGBA, uint8 unless *dtype* says otherwise.

    The array is the caller's own, to be drawn on.
    """
    import numpy as np

    if copy is False:
        raise ValueError("The pixels of a compressed picture cannot be had without a copy.")
    return np.array(plain(picture), dtype=dtype)


def pillow_of(thing: Any) -> "PillowImage.Image":
    """Make a Pillow image of a Pillow image, an array or a tensor.

    Raises:
        MediaError: It is none of these, or of a shape or range that is no picture.
    """
    from PIL import Image as PillowImage

    if isinstance(thing, PillowImage.Image):
        return _of_pillow(thing)
    if is_tensor(thing):
        return _from_array(array_of_tensor(thing), channels_first=True)
    if hasattr(thing, "__array__"):
        return _from_array(_array(thing), channels_first=False)
    raise MediaError(
        f"{type(thing).__name__} is not a picture: give bytes, a path, an open file, a Pillow "
        "image or an array."
    )


def _of_pillow(picture: "PillowImage.Image") -> "PillowImage.Image":
    """Return the same, read to its end, upright, and in a mode that can be shown."""
    problem = f"mode {picture.mode} has no range of its own"
    if picture.mode not in ("I", "F"):
        try:
            picture.load()
            return _fitted(upright(picture), "image/png")
        except (EOFError, OSError, SyntaxError, ValueError) as error:
            problem = str(error)
    raise MediaError(f"The Pillow image cannot be used: {problem}; convert it to RGB first.")


def _array(thing: Any) -> "npt.NDArray[Any]":
    """Make an array of what speaks NumPy's protocol."""
    import numpy as np

    try:
        return np.asarray(thing)
    except (AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise MediaError(f"{type(thing).__name__} gives no array of pixels: {error}") from error


def _from_array(array: "npt.NDArray[Any]", *, channels_first: bool) -> "PillowImage.Image":
    import numpy as np
    from PIL import Image as PillowImage

    if channels_first and array.ndim == 3:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise MediaError(f"An array of shape {array.shape} is not a picture: height × width × 3.")
    if not array.size:
        raise MediaError(f"An array of shape {array.shape} has no pixels.")
    if array.dtype.kind == "V" and "float" in array.dtype.name:  # bfloat16 of ml_dtypes
        array = array.astype(np.float32)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise MediaError("A picture of floats has finite values, from 0 to 1.")
        low, high = float(array.min()), float(array.max())
        if low < -_SLACK or high > 1 + _SLACK:
            raise MediaError(
                f"A picture of floats has values from 0 to 1, and these are from {low:.6g} to "
                f"{high:.6g}; scale or clip them first."
            )
        array = np.round(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise MediaError(f"A picture is made of uint8 or floats, not of {array.dtype}.")
    return PillowImage.fromarray(np.ascontiguousarray(array))


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return bytes(value) if isinstance(value, (bytes, bytearray)) else b""


def reduced(data: bytes, side: int) -> bytes:
    """Make a JPEG of the picture *data* that is no longer than *side* pixels.

    Raises:
        MediaError: It cannot be decoded.
    """
    picture = shown(decode(data, within=side))
    return encode(picture, "image/jpeg", quality=_REDUCED_QUALITY, optimize=True)


def thumbnail(data: bytes, alt: str) -> str:
    """HTML of the picture *data* as small as a cell of a table has it.

    Raises:
        MediaError: It cannot be decoded.
    """
    inline = base64.b64encode(reduced(data, THUMBNAIL)).decode()
    return (
        f'<img src="data:image/jpeg;base64,{inline}" alt="{escape(alt)}" '
        'style="display:block;max-width:none">'
    )
