"""A store of media at an address, such as `s3://bucket/folder`, instead of a folder."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from heapq import nlargest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from mediatoolkit.errors import MediaError, StorageError
from mediatoolkit.media import Entry, Media
from mediatoolkit.media.index import HEAD, is_media_name, kind_and_record
from mediatoolkit.media.lazy import lazy_media
from mediatoolkit.runtime import owners
from mediatoolkit.runtime.url_files import FoundFile, UrlFiles, is_url
from mediatoolkit.store import FILE_ERRORS, LARGEST_RECORD, Pending, Store, file_name, short_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

M = TypeVar("M", bound=Media)

_MARK = "mediatoolkit.json"  # written to find out whether anything can be
_FIT_FOR = 300.0  # seconds that an address counts as fit for writing after a check


def store_at(place: str | os.PathLike[str] | Store, *, create: bool = False) -> Store:
    """The store in a folder, or at an address such as `s3://bucket/folder`.

    Args:
        place: A path, an address that fsspec knows, or a store, which is returned as it is. A
            `file://` address is a path.
        create: Make the folders above a folder as well.

    Raises:
        StorageError: It is no path and no address.
        MissingExtraError: What reads and writes at such an address is not installed.
    """
    if isinstance(place, Store):
        return place
    if not (isinstance(place, str) and is_url(place)):
        return Store(place, create=create)
    scheme = urlsplit(place).scheme.lower()
    if scheme == "file":
        from urllib.request import url2pathname  # which takes long to import

        return Store(url2pathname(urlsplit(place).path), create=create)
    if scheme in {"http", "https"}:
        return Store(place)  # which says that nothing can be kept there
    return UrlStore(place)


class UrlStore(Store):
    """Keeps media at an address; the same media is kept once.

    Its media has no `path`. It is read by its name, which `name_of` tells. Whatever blocks has a
    bound, and no error shows a user, a password or a query of the address. The cache needs a
    folder, so it cannot be used with such a store.

    Args:
        url: Of a folder, such as `s3://bucket/folder` or `memory://tests`.
        options: For fsspec, such as `{"endpoint_url": …}` for S3.

    Raises:
        MissingExtraError: fsspec, or what it needs for such an address, is not installed.
        StorageError: fsspec knows no such address.
    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        """Remember the address; nothing is touched yet."""
        self.files = UrlFiles(url, options)
        self._given = (url, options)
        self._fit_until = 0.0  # on the monotonic clock
        self._known: dict[FoundFile, Entry | None] = {}
        self._names: WeakKeyDictionary[Media, str] = WeakKeyDictionary()

    @property
    def url(self) -> str:
        """The address, without what is secret in it."""
        return self.files.url

    @property
    def folder(self) -> Path:
        """There is none.

        Raises:
            StorageError: Always; says what to do.
        """
        raise StorageError(
            f"{self.url} is no folder of this machine, which this needs; give a store in a folder, "
            "or leave cache= out if it was the cache that you wanted."
        )

    async def check(self) -> None:
        """Make sure that media can be kept, before any is paid for.

        Raises:
            StorageError: Nothing can be written there.
        """
        if time.monotonic() >= self._fit_until:
            await asyncio.to_thread(self._check)
            self._fit_until = time.monotonic() + _FIT_FOR

    async def put(self, media: M) -> M:
        """Keep *media*, with its provenance inside the file.

        Returns:
            The same media.

        Raises:
            StorageError: It could not be written; `media` on the error still has it.
        """
        try:
            name, data = await asyncio.to_thread(_file_of, media)
            await self.files.keep(name, data)
            self._names[media] = name
        except StorageError as error:
            error.media = media
            raise
        self._tell()
        return media

    def name_of(self, media: Media) -> str:
        """The name of the file in which *media* lies that `put` has returned."""
        return self._names.get(media) or file_name(media)

    def look(self, newest: int = 5_000) -> list[Entry]:
        """As `entries`; blocks.

        The media of each entry is read when it is first used.
        """
        media = [each for each in self.files.names() if is_media_name(each.name)]
        latest = nlargest(newest, media, key=lambda each: (each.modified, each.name))
        unknown = [each for each in latest if each not in self._known]
        heads = self.files.heads(unknown, HEAD)
        known = self._known | {
            each: self._entry(each, head) for each, head in zip(unknown, heads, strict=True)
        }
        self._known = {each: known[each] for each in latest}
        return [entry for entry in self._known.values() if entry is not None]

    def path_of(self, name: str) -> None:  # noqa: ARG002 - it lies on no disk, whatever its name
        """None, since it lies on no disk of this machine."""
        return

    def holds(self, name: str) -> bool:
        """Whether there is a file called *name*; blocks."""
        return self.files.holds(name)

    def read(self, name: str) -> bytes:
        """The bytes of the file called *name*; blocks.

        Raises:
            StorageError: It is not there, or cannot be read.
        """
        return self.files.read(name)

    @contextlib.contextmanager
    def mark(self, name: str) -> Iterator[None]:
        """Leave a mark while the block lasts, by which others know this very store; blocks."""
        self.files.write(f"marks/{name}", b"")
        try:
            yield
        finally:
            self.files.remove(f"marks/{name}")

    def is_marked(self, name: str) -> bool:
        """Whether somebody has left that mark; blocks."""
        return self.files.holds(f"marks/{name}")

    def run_folder(self, name: str) -> str:  # type: ignore[override]
        """The address at which the run *name* of this store has its ledger."""
        return f"{self.url}/runs/{name}"

    def keep_table(self, run: str, table: bytes) -> None:
        """Write `table.csv` beside the ledger of the run *run*; blocks."""
        self.run_files(run).write("table.csv", table)

    def run_files(self, name: str) -> UrlFiles:
        """The files of the run *name*."""
        return self.files.below(f"runs/{name}")

    def remove(self, path: Path | str) -> None:
        """Delete the file of that name for good; blocks.

        Raises:
            StorageError: It cannot be deleted, or is none of this store.
        """
        self.files.remove(str(path))
        self._tell()

    def waiting(self, pending: Pending) -> "AbstractContextManager[Callable[[], bool]]":
        """As for a folder, among the processes of this machine; others cannot be known of."""
        name = short_digest(f"{self.url} {pending.id}")
        return owners.presence(Path(tempfile.gettempdir()), f"mediatoolkit-{name}")

    @property
    def user_object(self) -> str:
        """What a user types to go on with the jobs of this store."""
        return "agent"

    @property
    def _place(self) -> Hashable:
        return self.url

    def _check(self) -> None:
        self.files.write(_MARK, json.dumps({"kept here": "media of mediatoolkit"}).encode())
        owners.sweep_once(tempfile.gettempdir())

    def _entry(self, file: FoundFile, head: bytes) -> Entry | None:
        read = partial(self.read, file.name)
        try:
            facts = kind_and_record(head, file.size, read)
        except (MediaError, StorageError):
            return None
        if facts is None:
            return None
        kind, record = facts
        return Entry(kind, file.size, file.modified, record, None, lazy_media(kind, read))

    def _read_records(self) -> Iterator[tuple[str, bytes]]:
        listed = [each for each in self.files.names("pending") if each.name.endswith(".json")]
        files = [replace(each, name=f"pending/{each.name}") for each in listed]
        records = self.files.heads(files, LARGEST_RECORD)
        return ((each.name, data) for each, data in zip(listed, records, strict=True))

    def _remove_record(self, name: str) -> None:
        self.files.remove(f"pending/{name}")

    def _write_record(self, name: str, record: bytes) -> None:
        self.files.write(f"pending/{name}", record)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without connections."""
        url, options = self._given
        return _restored, (url, options)

    def __repr__(self) -> str:
        """Without what is secret."""
        return f"<UrlStore {self.url}>"


def _restored(url: str, options: Mapping[str, Any] | None) -> UrlStore:
    return UrlStore(url, options=options)


def _file_of(media: Media) -> tuple[str, bytes]:
    """The name and the bytes of the file of *media*."""
    try:
        return file_name(media), b"".join(media.serialize())
    except FILE_ERRORS as error:
        message = f"The {media.noun} could not be made into a file: {error}"
        raise StorageError(message) from error
