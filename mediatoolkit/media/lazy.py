"""Media that lies in a store and is read when it is first used, such as that of a long table."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaError, MediaToolkitError, StorageError

if TYPE_CHECKING:
    from mediatoolkit.media.base import Media

M = TypeVar("M", bound="Media")

MOST_BYTES = 64 << 20
"""Bytes of media that stay in memory after they were read; beyond, the oldest are read again."""

_AGAIN = "Put the file back, or make it again."


class Readable:
    """What media inherits, so that whatever of it is not in memory is read when it is used."""

    __slots__ = ("_source",)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of the media as it was read; everything else is missing."""
            source = _source_of(self)
            if source is not None and name == "path":
                return source.path
            if source is not None and name in type(self).__dataclass_fields__:
                return getattr(source.media(), name)
            return object.__getattribute__(self, name)  # which fails as it does elsewhere


def lazy_media(
    kind: type[M], read: Callable[[], bytes], path: Path | Callable[[], Path | None] | None = None
) -> M:
    """Media whose bytes are read and checked when they are first used.

    Otherwise it is like media that was read at once. While nobody uses it, it takes less than a
    kilobyte. `path` is known without reading.

    Args:
        kind: What the file is.
        read: Returns the bytes of the file; it may be called again after other media was read.
        path: Where it lies on disk, or a function that says so, or None.

    Using it raises a StorageError where the file is gone, and a MediaError where it is broken.
    """
    media = object.__new__(kind)
    object.__setattr__(media, "cached", False)
    object.__setattr__(media, "_source", _Source(kind, read, path))
    return media


def is_lazy(media: "Media") -> bool:
    """Whether *media* is read when it is used, so that it takes little memory to hold it."""
    return _source_of(media) is not None


def is_in_memory(media: "Media") -> bool:
    """Whether *media* can be used without reading its file."""
    source = _source_of(media)
    return source is None or source in _recent


class _Source:
    """Where one piece of media is read."""

    __slots__ = ("_kind", "_path", "_read")

    def __init__(
        self,
        kind: "type[Media]",
        read: Callable[[], bytes],
        path: Path | Callable[[], Path | None] | None,
    ) -> None:
        self._kind, self._read, self._path = kind, read, path

    @property
    def path(self) -> Path | None:
        """Where it lies, reckoned when it is first asked for: ten times as long as the rest."""
        if callable(self._path):
            self._path = self._path()
        return self._path

    def media(self) -> "Media":
        """The media; blocks where it has to be read.

        Raises:
            StorageError: Its file cannot be read.
            MediaError: Its file is broken.
        """
        media = _recent.get(self)
        if media is None:
            media = self._opened()
            _recent.put(self, media)
        return media

    def _opened(self) -> "Media":
        where = quoted(self.path.name) if self.path else f"The {self._kind.noun} in the store"
        try:
            return self._kind(self._read(), path=self.path)
        except MediaError as error:
            raise MediaError(f"{where} is broken: {error} {_AGAIN}") from error
        except MediaToolkitError as error:
            raise StorageError(f"{error} {_AGAIN}") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StorageError(f"{where} cannot be read: {reason}. {_AGAIN}") from error


class _Recent:
    """What was read last, up to `MOST_BYTES` and at least one piece; from any thread."""

    def __init__(self) -> None:
        self._media: OrderedDict[_Source, Media] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __contains__(self, source: _Source) -> bool:
        return source in self._media

    def get(self, source: _Source) -> "Media | None":
        with self._lock:
            media = self._media.get(source)
            if media is not None:
                self._media.move_to_end(source)
            return media

    def put(self, source: _Source, media: "Media") -> None:
        with self._lock:
            self._bytes += len(media.data) - self._size(self._media.pop(source, None))
            self._media[source] = media
            while self._bytes > MOST_BYTES and len(self._media) > 1:
                _, oldest = self._media.popitem(last=False)
                self._bytes -= self._size(oldest)

    @staticmethod
    def _size(media: "Media | None") -> int:
        return len(media.data) if media else 0


_recent = _Recent()


def _source_of(media: Readable) -> _Source | None:
    try:
        source: _Source = object.__getattribute__(media, "_source")
    except AttributeError:
        return None
    return source
