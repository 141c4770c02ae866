"""Films: bytes that know their type and provenance and can show themselves."""

import base64
import contextlib
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import MediaError
from mediatoolkit.media import frames, pixels
from mediatoolkit.media.base import Media, figure
from mediatoolkit.media.containers import FILMS, Family
from mediatoolkit.media.containers.base import FilmFacts
from mediatoolkit.media.image import Image
from mediatoolkit.media.preview import Preview

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

INLINE = 100_000
"""Bytes of a film that may stand in a page; a larger one is linked."""

_LONGER_SIDE = 768  # pixels of what a preview is made from


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Video(Media):
    """One finished film.

    Args:
        data: A whole MP4 or WebM file; above a megabyte, better `await Video.load(data)`.
        provenance: How it was made; left out, what the file itself says.
        path: Where it lies on disk, or None.

    Raises:
        MediaError: The bytes are no such film, cut short, or corrupt.
    """

    facts: FilmFacts = field(init=False)
    _family: ClassVar[Family[FilmFacts]] = FILMS
    noun: ClassVar[str] = FILMS.noun
    _shown: list[Preview] = field(init=False, default_factory=list)
    _measured: list[tuple[float, float]] = field(init=False, default_factory=list)

    @classmethod
    def of(cls, thing: object) -> Self:
        """Make a film of what people have at hand; blocks.

        Args:
            thing: A `Video`, the bytes of a file, or a path.

        Raises:
            MediaError: It is none of these, or not a film we take.
            StorageError: The file cannot be read.
        """
        video = cls._of_file(thing)
        if video is None:
            raise MediaError(f"{type(thing).__name__} is not a film: give bytes or a path.")
        return video

    @property
    def seconds(self) -> float:
        """Length.

        Raises:
            MissingExtraError: The file does not say and PyAV, which could measure it, is missing.
        """
        return self.facts.seconds or self._measure()[0]

    @property
    def fps(self) -> float:
        """Frames per second, on average.

        Raises:
            MissingExtraError: The file does not say and PyAV, which could measure it, is missing.
        """
        return self.facts.fps or self._measure()[1]

    @property
    def width(self) -> int:
        """Pixels, as it is shown: a film whose pixels are no squares is stretched in width."""
        return self.facts.width

    @property
    def height(self) -> int:
        """Pixels, as it is shown."""
        return self.facts.height

    def poster(self, at: float = 0.0) -> Image:
        """The picture that is seen at a moment; blocks.

        Args:
            at: Seconds from the start; past the end, the last picture is taken.

        Raises:
            MediaError: *at* is below 0, or the film cannot be decoded.
            MissingExtraError: PyAV is not installed.
        """
        if not is_number(at) or not at >= 0:
            raise MediaError(f"A film has no picture at {quoted(at)} s; it begins at 0.")
        for seconds, picture in frames.decode(self.data, at, stretch=self.facts.stretch):
            provenance = self.provenance
            if provenance is not None:
                provenance = replace(
                    provenance, notes={**provenance.notes, "seconds_into_film": seconds}
                )
            return Image(pixels.encode(pixels.pillow_of(picture)), provenance=provenance)
        raise MediaError("The film holds no picture.")

    def frames(self) -> "Iterator[npt.NDArray[np.uint8]]":
        """Decode the film picture by picture; blocks between them.

        Yields:
            Arrays of shape `(height, width, 3)`: red, green and blue from 0 to 255.

        Raises:
            MediaError: The film cannot be decoded.
            MissingExtraError: PyAV is not installed.
        """
        for _, picture in frames.decode(self.data, stretch=self.facts.stretch):
            yield picture

    def preview(self) -> Preview:
        """A small copy of the first picture, at most 44 kB; made once.

        Raises:
            MediaError: The film cannot be decoded.
            MissingExtraError: PyAV is not installed.
        """
        if not self._shown:
            stretch = self.facts.stretch
            for _, picture in frames.decode(self.data, stretch=stretch, within=_LONGER_SIDE):
                self._shown.append(Image(pixels.encode(pixels.pillow_of(picture))).preview())
                return self._shown[0]
            raise MediaError("The film holds no picture.")
        return self._shown[0]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """The film to play or its first picture, with a caption, and one line of text.

        Only a small film stands in the page itself; a larger one is played from its file.
        """
        del include, exclude
        data, metadata = {"text/plain": repr(self)}, {}
        small, _ = self._preview_or_reason()
        if small is not None:
            data[small.mime_type] = base64.b64encode(small.data).decode()
            shown = {"alt": self._alt(), "width": small.width, "height": small.height}
            metadata[small.mime_type] = shown
        data["text/html"] = self._figure(small)
        return data, metadata

    def _figure(self, small: Preview | None) -> str:
        poster = f"data:{small.mime_type};base64,{_base64(small.data)}" if small else ""
        source, link = self._source(), ""
        alt, width = escape(self._alt()), min(self.width, 768)
        look = f'width="{width}" style="max-width:100%;height:auto"'
        if source:
            shown = f' poster="{poster}"' if poster and not source.startswith("data:") else ""
            seen = (
                f'<video controls preload="metadata" src="{escape(source)}"{shown} '
                f'aria-label="{alt}" {look}>{alt}</video>'
            )
        else:
            seen = f'<img src="{poster}" alt="{alt}" {look}>' if poster else ""
        if self.path is not None:
            address = source if source and not source.startswith("data:") else _file_url(self.path)
            link = f' · <a href="{escape(address)}" target="_blank">{escape(self.path.name)}</a>'
        return figure(seen, escape(self._caption()) + link, self.omissions)

    def _source(self) -> str:
        """An address from which a page beside the notebook can play the film, or nothing."""
        if len(self.data) <= INLINE:
            return f"data:{self.mime_type};base64,{_base64(self.data)}"
        with contextlib.suppress(OSError):  # the folder we are in may be gone
            here = Path.cwd()
            if self.path is not None and self.path.absolute().is_relative_to(here):
                return quote(self.path.absolute().relative_to(here).as_posix())
        return ""

    def _measure(self) -> tuple[float, float]:
        if not self._measured:
            self._measured.append(frames.measure(self.data))
        return self._measured[0]

    def _converted(self, target: Path) -> Self:
        if target.suffix.lower() != self.extension:
            raise MediaError(
                f"This film is saved as {self.extension}, not as {target.suffix!r}; films are "
                "not converted."
            )
        return self

    def _summary(self) -> str:
        seconds = f"{self.facts.seconds:.1f} s " if self.facts.seconds else ""
        fps = f" {self.facts.fps:.3g} fps" if self.facts.fps else ""
        return f"{seconds}{self.width}×{self.height}{fps}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _file_url(path: Path) -> str:
    """Return a `file:` URL; empty where the path begins in a folder that is gone."""
    with contextlib.suppress(OSError):
        return path.absolute().as_uri()
    return ""
