"""Films: bytes that know their type and provenance and can show themselves."""

import base64
import contextlib
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

from mediatoolkit.checks import is_number, is_whole, quoted
from mediatoolkit.errors import MediaError, MissingExtraError, PromptError
from mediatoolkit.media import frames, pixels
from mediatoolkit.media.base import Media, figure
from mediatoolkit.media.captions import Captions
from mediatoolkit.media.containers import FILMS, Family
from mediatoolkit.media.containers.base import FilmFacts
from mediatoolkit.media.film_preview import FilmPreview, preview_of_film
from mediatoolkit.media.image import Image
from mediatoolkit.media.preview import Preview

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

INLINE = 300_000
"""Bytes of a film that stands in a page as it is; of a larger one, a preview does."""

MOST_EMBEDDED = 10_000_000
"""Bytes of a film that a page may hold."""

_EMBEDDED = 2_000_000  # bytes of a preview, unless `embed` says otherwise
_embedded: int | None = None
_LONGER_SIDE = 768  # pixels of what a preview is made from
_LONGEST_TRACK = 60_000  # letters of captions that a page holds; some two hours of speech


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
    _previews: dict[int, FilmPreview | None] = field(init=False, default_factory=dict)
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

    @property
    def captions(self) -> Captions:
        """What is spoken when, in seconds of the film; empty where it is not known."""
        notes = self.provenance.notes if self.provenance else {}
        return Captions.from_plain(notes.get("captions", ()))

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

    def embedded(self) -> FilmPreview | None:
        """What of the film stands in a page: itself, a preview or, where neither fits, None.

        Made once, in about a third of a second for each second of 720p; blocks. `mt.configure`
        says how many bytes it may have.
        """
        whole = INLINE if _embedded is None else _embedded
        most = _EMBEDDED if _embedded is None else _embedded
        if len(self.data) <= whole:
            return FilmPreview(self.data, self.mime_type)
        if most not in self._previews:
            self._previews[most] = self._encoded(most)
        return self._previews[most]

    def _encoded(self, most: int) -> FilmPreview | None:
        film = None
        if most:
            with contextlib.suppress(MediaError, MissingExtraError, MemoryError):
                film = preview_of_film(self.data, self.facts, self.seconds, self.fps, most)
        if len(self.data) <= (len(film.data) if film else most):
            return FilmPreview(self.data, self.mime_type)
        return film

    def _repr_html_(self) -> str:
        small, _ = self._preview_or_reason()
        return pixels.thumbnail(small.data, self._alt()) if small else escape(repr(self))

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """The film to play or its first picture, with a caption, and one line of text.

        The page holds a preview of it, so that it plays wherever the notebook goes.
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
        film, beside, caption = self.embedded(), self._path_beside(), escape(self._caption())
        if film is not None:
            source = f"data:{film.mime_type};base64,{_base64(film.data)}"
            note = f" · {escape(film.note)}" if film.note else ""
            link = f" · {_link(beside)}" if beside else ""
            return figure(self._player(source, ""), caption + note + link, self.omissions)
        seen = self._player(quote(beside), poster) if beside else self._picture(poster)
        name = beside or (self.path.name if self.path else f"film{self.extension}")
        where = f"This page plays the film when {_link(name)} lies beside it."
        return figure(seen, f"{caption}<br>{where}", self.omissions)

    def _player(self, source: str, poster: str) -> str:
        shown = f' poster="{poster}"' if poster else ""
        alt, track = escape(self._alt()), ""
        if self.captions:
            # Not by default: most films have their words in the pictures.
            words = self.captions.shortened(_LONGEST_TRACK).vtt()
            track = (
                '<track kind="captions" label="Captions" '
                f'src="data:text/vtt;base64,{_base64(words.encode())}">'
            )
        return (
            f'<video controls preload="metadata" src="{escape(source)}"{shown} '
            f'aria-label="{alt}" {self._look()}>{track}{alt}</video>'
        )

    def _picture(self, poster: str) -> str:
        alt = escape(self._alt())
        return f'<img src="{poster}" alt="{alt}" {self._look()}>' if poster else ""

    def _look(self) -> str:
        return f'width="{min(self.width, 768)}" style="max-width:100%;height:auto"'

    def _path_beside(self) -> str:
        """The path of the file as a page in this folder names it; empty where it lies elsewhere."""
        with contextlib.suppress(OSError):  # the folder we are in may be gone
            here = Path.cwd()
            if self.path is not None and self.path.absolute().is_relative_to(here):
                return self.path.absolute().relative_to(here).as_posix()
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


def _link(path: str) -> str:
    return f'<a href="{escape(quote(path))}" target="_blank">{escape(path)}</a>'


def check_embed(most: Any) -> None:
    """Refuse what is no number of bytes for `embed`.

    Raises:
        PromptError: It is not from 0 to 10,000,000, nor None.
    """
    if most is not None and not (is_whole(most) and 0 <= most <= MOST_EMBEDDED):
        raise PromptError(
            f"embed={quoted(most)} is not a number of bytes from 0 to {MOST_EMBEDDED:,}."
        )


def embed(most: int | None) -> None:
    """Have pages hold at most so many bytes of a film from now on, as `mt.configure` says."""
    global _embedded  # noqa: PLW0603 - one process has one notebook
    _embedded = most
