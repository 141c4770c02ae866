"""What pictures, sound and film share: bytes that know their type and provenance."""

import abc
import asyncio
import contextlib
import hashlib
import os
import re
import struct
from dataclasses import dataclass, field, fields, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, MissingExtraError, StorageError
from mediatoolkit.media.containers import Family
from mediatoolkit.media.containers.base import Container, Facts, Piece
from mediatoolkit.media.cost import Cost
from mediatoolkit.media.lazy import Readable
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.runtime import files

if TYPE_CHECKING:
    import numpy.typing as npt

_IN_THREAD = 1 << 20
_LONGEST_NAME = 60  # characters
_FOR_THE_PACKAGE = frozenset(
    {
        "content_digest",
        "conversation",
        "facts",
        "from_cache",
        "noun",
        "serialize",
        "with_cost",
        "with_path",
    }
)
_NOBODY = Provenance(model="", prompt="", engine="", version="")


M = TypeVar("M", bound="Media")


@dataclass(frozen=True, slots=True, eq=False, repr=False, weakref_slot=True)
class Media(Readable, abc.ABC):
    """One finished piece of media.

    Args:
        data: A whole file; above a megabyte, better `await Image.load(data)`.
        provenance: How it was made; left out, what the file itself says.
        path: Where it lies on disk, or None.

    Attributes:
        cached: It came out of the cache, so nothing was sent for it.

    Raises:
        MediaError: The bytes are not such media, cut short or corrupt.
    """

    data: bytes
    provenance: Provenance | None = None
    path: Path | None = None
    facts: Facts = field(init=False)
    cached: bool = field(default=False, init=False)

    _family: ClassVar[Family[Any]]
    noun: ClassVar[str] = "media"
    """What it is called where it has no provenance."""

    def __post_init__(self) -> None:
        """Check the structure, without decoding."""
        if type(self.data) is not bytes:
            object.__setattr__(self, "data", self._bytes(self.data))
        facts = self._family.inspect(self.data)
        object.__setattr__(self, "facts", facts)
        if len(self.data) > facts.length:
            object.__setattr__(self, "data", self.data[: facts.length])
        if self.provenance is None:
            with contextlib.suppress(IndexError, struct.error):  # its notes may be broken alone
                record = self._container.read_record(self.data)
                object.__setattr__(self, "provenance", record)

    @classmethod
    async def load(cls, data: bytes, **attributes: Any) -> Self:
        """Make media as the class itself does; large media is checked in a thread."""
        if len(data) > _IN_THREAD:
            return await asyncio.to_thread(cls, data, **attributes)
        return cls(data, **attributes)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file; blocks.

        Raises:
            StorageError: The file cannot be read, or has more than 2 GiB.
            MediaError: It is not media we take.
        """
        location = files.path_of(path)
        return cls(files.read_file(location), path=location)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without previews, so that equal media has equal pickles."""
        names = (each.name for each in fields(self) if each.name[0] != "_")
        return _restored, (type(self), {name: getattr(self, name) for name in names})

    @property
    def mime_type(self) -> str:
        """By the bytes themselves, such as `image/png`."""
        return self.facts.mime_type

    @property
    def extension(self) -> str:
        """The usual file name ending, such as `.png`."""
        return self._container.SUFFIXES[0]

    @property
    def omissions(self) -> str:
        """What the prompt asks for and this lacks, such as `not drawn: map, Europe`; else ""."""
        return self.provenance.omissions if self.provenance else ""

    @property
    def cost(self) -> Cost | None:
        """What it cost when it was made, or None where that is not recorded."""
        return Cost.of_record(self.provenance.cost) if self.provenance else None

    def digest(self) -> str:
        """SHA-256 of `data`, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def content_digest(self) -> str:
        """SHA-256 without its provenance, in hexadecimal; blocks, about 1 ms a megabyte.

        It is the same for media that was just made, for its file, and for the same media with
        another provenance in it.
        """
        digest = hashlib.sha256()
        for piece in self._container.with_record(self.data, _NOBODY):
            digest.update(piece)
        return digest.hexdigest()

    def serialize(self) -> list[Piece]:
        """The file to write: `data` with the provenance in it, in pieces; in any thread."""
        if self.provenance is None:
            return [self.data]
        return self._container.with_record(self.data, self.provenance)

    @abc.abstractmethod
    def preview(self) -> Any:
        """A small copy for a page, made once; decodes, so the first time better in a thread.

        Raises:
            MediaError: It cannot be decoded.
            MissingExtraError: What decodes it is not installed.
        """

    def with_path(self, path: Path | None) -> Self:
        """The same media lying at *path*."""
        return self._with(path=path)

    def with_cost(self, cost: Cost) -> Self:
        """The same media, whose provenance says what it cost; as it is where it has none."""
        if self.provenance is None:
            return self
        return self._with(provenance=replace(self.provenance, cost=cost.to_record()))

    def from_cache(self) -> Self:
        """The same media, which says that it came out of the cache."""
        return self._with(cached=True)

    def _with(self, **values: Any) -> Self:
        """A copy with other *values*; its bytes, which were checked, are not checked again."""
        media = object.__new__(type(self))
        for each in fields(self):
            value = values[each.name] if each.name in values else getattr(self, each.name)
            object.__setattr__(media, each.name, value)
        return media

    def __dir__(self) -> list[str]:
        """Return what a user calls; the rest is for other parts of this package."""
        return [name for name in object.__dir__(self) if name not in _FOR_THE_PACKAGE]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file, with the provenance inside; blocks.

        Args:
            path: Without an ending it gets the one of this media's type; another ending converts
                where that is possible. A file of that name is replaced.

        Returns:
            Where it is.

        Raises:
            MediaError: This media cannot be written with that ending.
            StorageError: The file could not be written, or *path* is a folder's; nothing is left
                behind.
        """
        target = files.target_of(path)
        if not target.suffix:
            target = target.with_name(target.name + self.extension)
        files.write_file(target, self._converted(target).serialize())
        return target

    async def asave(self, path: str | os.PathLike[str]) -> Path:
        """Do as `save`, without blocking the loop."""
        return await asyncio.to_thread(self.save, path)

    @classmethod
    def _of_file(cls, thing: object) -> Self | None:
        """Make media of media, the bytes of a file, a path or an open file; else return None."""
        if isinstance(thing, cls):
            return thing
        if isinstance(thing, (bytes, bytearray, memoryview)):
            return cls(bytes(thing))
        if isinstance(thing, (str, os.PathLike)):
            return cls.open(thing)
        if callable(getattr(thing, "read", None)):
            return cls(read_whole(thing))
        return None

    @classmethod
    def _bytes(cls, data: object) -> bytes:
        if isinstance(data, (bytes, bytearray, memoryview)):
            return bytes(data)
        name = cls.__name__
        raise MediaError(
            f"{name}(…) takes the bytes of a file, not {type(data).__name__}; {name}.open reads a "
            f"path, {name}.of takes what is at hand."
        )

    def _preview_or_reason(self) -> tuple[Any, str]:
        """A small copy for a page, or None and the reason: no cell may end in a traceback."""
        try:
            return self.preview(), ""
        except (MediaError, MissingExtraError, StorageError) as error:
            return None, str(error)
        except MemoryError:
            return None, "There is not enough memory to show it."

    @abc.abstractmethod
    def _repr_html_(self) -> str:
        """HTML of a thumbnail, for a cell of a table; its line where nothing can be seen.

        So `df.style.format(mt.Image._repr_html_, subset=["media"])` shows a column of pictures.
        """

    def _alt(self) -> str:
        """Return what stands in for it where it cannot be seen or heard."""
        return visible(self.provenance.prompt, 300) if self.provenance else self.noun

    def _caption(self) -> str:
        """Return what is written under it in a page."""
        if self.provenance is None:
            return self._summary()
        prompt, model = (visible(text) for text in (self.provenance.prompt, self.provenance.model))
        engine = ", local engine" if self.provenance.engine == "local" else ""
        return f"{visible(prompt, 120)} · {model}{engine} · {self._summary()}"

    def __repr__(self) -> str:
        """One deterministic line: what it measures, type, model, what it lacks."""
        try:
            if not hasattr(self, "facts"):  # its check failed, and a failure shows its locals
                return f"<{type(self).__name__}>"
        except (MediaError, StorageError):  # its file is gone, and a table shows its cells
            return f"<{type(self).__name__} that cannot be read>"
        measures = f"{self._summary()} {self.mime_type}"
        model = self.provenance.model if self.provenance else ""
        facts = ", ".join(filter(None, (measures, model, self.omissions)))
        return f"<{type(self).__name__} {facts}>"

    @abc.abstractmethod
    def _summary(self) -> str:
        """Its measures, such as `1024×1024`."""

    @property
    def _container(self) -> Container[Any]:
        return self._family.by_type[self.mime_type]

    @abc.abstractmethod
    def _converted(self, target: Path) -> Self:
        """This media in the format that the ending of *target* names.

        Raises:
            MediaError: It cannot be.
        """


def file_name(media: Media) -> str:
    """What a person would call the file, such as `a-red-fox.png`."""
    words = re.findall(r"\w+", media.provenance.prompt.lower() if media.provenance else "")
    name = "-".join(words)[:_LONGEST_NAME].strip("-_")
    return (name or media.noun) + media.extension


def read_whole(file: Any) -> bytes:
    """All bytes of an open file from where it stands, or from its beginning where it is at its end.

    It stays open.

    Raises:
        MediaError: It cannot be read, or does not give bytes.
    """
    try:
        data = file.read()
        if not data and callable(getattr(file, "seek", None)):
            file.seek(0)  # a buffer that was just written stands at its end
            data = file.read()
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise MediaError(f"{type(file).__name__} cannot be read: {error}") from error
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    if hasattr(data, "__await__") and hasattr(data, "close"):
        data.close()  # a coroutine that nobody will await
    raise MediaError(
        f"{type(file).__name__} gives {type(data).__name__}, not bytes; open it with 'rb'."
    )


def is_tensor(thing: object) -> bool:
    """Return whether *thing* is a tensor as torch has them; an open file has a `detach`, too."""
    return all(callable(getattr(thing, name, None)) for name in ("detach", "cpu", "numpy"))


def array_of_tensor(tensor: Any) -> "npt.NDArray[Any]":
    """The numbers of a tensor, wherever it is; float types that NumPy lacks become float32.

    Raises:
        MediaError: NumPy cannot have them.
    """
    import numpy as np

    try:
        plain = tensor.detach().cpu()
        try:
            return np.asarray(plain.numpy())
        except TypeError:  # bfloat16, and the floats of 8 bits
            return np.asarray(plain.float().numpy())
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise MediaError(f"The tensor has no numbers for NumPy: {error}") from error


def figure(content: str, caption: str, note: str = "") -> str:
    """HTML of *content*, which is HTML, above *caption*, which is HTML too, and *note*, a text.

    A page that takes two dollar signs for a formula is told not to.
    """
    line = f"<div>{escape(note)}</div>" if note else ""
    return (
        f'<figure style="margin:0">{content}<figcaption class="mathjax_ignore tex2jax_ignore" '
        'style="opacity:.75;font-size:.85em">'
        f"{caption}{line}</figcaption></figure>"
    )


def _restored(kind: type[M], known: dict[str, Any]) -> M:
    """Make media of bytes that were checked before, with *known* for its attributes."""
    media = object.__new__(kind)
    for attribute in fields(kind):
        fresh: Any = attribute.default_factory
        value = known[attribute.name] if attribute.name in known else fresh()
        object.__setattr__(media, attribute.name, value)
    return media
