"""Pictures: bytes that know their type and provenance and can show themselves."""

import base64
import os
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol, Self, Union

from mediatoolkit.errors import MediaError
from mediatoolkit.media import pixels
from mediatoolkit.media.base import Media, figure
from mediatoolkit.media.containers import PICTURES, Family, read_metadata
from mediatoolkit.media.containers.base import PictureFacts
from mediatoolkit.media.preview import Preview, preview_of_picture
from mediatoolkit.runtime.job import object_array

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image as PillowImage


class _HasArray(Protocol):
    """What NumPy's protocol makes an array of: arrays, tensors, and the like."""

    def __array__(self) -> "npt.NDArray[Any]":
        """Its numbers."""


# Union, for at run time `|` takes no forward references.
ImageLike = Union[
    "Image",
    bytes,
    bytearray,
    memoryview,
    str,
    os.PathLike[str],
    BinaryIO,
    "PillowImage.Image",
    _HasArray,
]
"""What `Image.of` takes: a picture, a file's bytes or path, an open file, or pixels."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Image(Media):
    """One finished picture.

    Args:
        data: A whole PNG, JPEG or WebP file; above a megabyte, better `await Image.load(data)`.
        provenance: How it was made; left out, what the file itself says.
        path: Where it lies on disk, or None.
        conversation: What its provider needs to go on from here; opaque, and not saved.

    Raises:
        MediaError: The bytes are no such picture, cut short, corrupt, or over 50 million pixels.
    """

    facts: PictureFacts = field(init=False)
    _family: ClassVar[Family[PictureFacts]] = PICTURES
    noun: ClassVar[str] = PICTURES.noun
    conversation: object = None
    _shown: list[Preview | str] = field(init=False, default_factory=list)

    @classmethod
    def of(cls, thing: object) -> Self:
        """Make a picture of what people have at hand; blocks.

        Args:
            thing: An `Image`, the bytes of a file, a path, an open file, a Pillow image, or an
                array: height × width × 1, 3 or 4 (a torch tensor may have its channels first) of
                uint8, or of floats from 0 to 1. An open file is read from where it stands and
                stays open. A Pillow image becomes upright as its Exif says, and keeps that.

        Raises:
            MediaError: It is none of these, or not a picture we take.
        """
        image = cls._of_file(thing)
        if image is not None:
            return image
        picture = pixels.pillow_of(thing)
        return cls(pixels.encode(picture, metadata=pixels.metadata_of(picture)))

    @property
    def width(self) -> int:
        """Pixels."""
        return self.facts.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self.facts.height

    def to_pil(self) -> "PillowImage.Image":
        """Decode; blocks, about 20 ms for a megapixel.

        Raises:
            MediaError: The pixels cannot be decoded.
        """
        return pixels.decode(self.data)

    def __array__(
        self,
        dtype: "npt.DTypeLike | None" = None,
        copy: bool | None = None,  # noqa: FBT001 - NumPy's protocol
    ) -> "npt.NDArray[Any]":
        """Pixels as uint8, `(height, width, channels)`, RGB or RGBA.

        An array of objects holds the picture itself, as a column of a table does.
        """
        if getattr(dtype, "hasobject", False):
            return object_array(self)
        return pixels.to_array(self.to_pil(), dtype, copy=copy)

    def preview(self) -> Preview:
        """A small copy for a page, at most 44 kB, in sRGB; made once, about 30 ms a megapixel.

        Raises:
            MediaError: The pixels cannot be decoded, or not in 150 MB of memory.
        """
        if not self._shown:
            try:
                self._shown.append(preview_of_picture(self.data, self.facts))
            except MediaError as error:
                self._shown.append(str(error))
        shown = self._shown[0]
        if isinstance(shown, str):
            raise MediaError(shown)
        return shown

    def _repr_html_(self) -> str:
        small, _ = self._preview_or_reason()
        return pixels.thumbnail(small.data, self._alt()) if small else escape(repr(self))

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Small picture, the same with a caption as HTML, and one line of text.

        The caption alone, with the reason, where there can be no small picture.
        """
        del include, exclude
        small, reason = self._preview_or_reason()
        if small is None:
            caption = escape(f"{self._caption()} · {reason}")
            return {"text/html": figure("", caption, self.omissions), "text/plain": repr(self)}, {}
        inline = base64.b64encode(small.data).decode()
        alt = self._alt()
        picture = (
            f'<img src="data:{small.mime_type};base64,{inline}" alt="{escape(alt)}" '
            f'width="{small.width}" height="{small.height}" style="max-width:100%;height:auto">'
        )
        shown = figure(picture, escape(self._caption()), self.omissions)
        data = {small.mime_type: inline, "text/html": shown, "text/plain": repr(self)}
        return data, {small.mime_type: {"alt": alt, "width": small.width, "height": small.height}}

    def _converted(self, target: Path) -> Self:
        mime_type = PICTURES.type_of(target)
        if mime_type is None:
            suffixes = PICTURES.suffixes
            raise MediaError(f"Pictures are saved as {suffixes}, not as {target.suffix!r}.")
        if mime_type == self.mime_type:
            return self
        metadata = read_metadata(self.data, self.mime_type)
        return replace(self, data=pixels.converted(self.data, mime_type, metadata))

    def _summary(self) -> str:
        return f"{self.width}×{self.height}"


def transparent_where_white(mask: Image) -> Image:
    """A mask as some vendors want it: transparent where the picture may change; blocks."""
    from PIL import ImageOps

    opaque = ImageOps.invert(mask.to_pil().convert("L"))
    picture = opaque.convert("RGBA")
    picture.putalpha(opaque)
    return Image.of(picture)
