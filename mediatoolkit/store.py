"""A folder of media, named by digest, written whole or not at all."""

import asyncio
import contextlib
import hashlib
import json
import os
import struct
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import aiofiles
import platformdirs

from mediatoolkit import files
from mediatoolkit.errors import StorageError
from mediatoolkit.media import Entry, Media, Provenance, entries_in
from mediatoolkit.quoting import quoted

M = TypeVar("M", bound=Media)
T = TypeVar("T")

_NO_FILE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error)
"""What may happen while a file is put together; the media was paid for, so it is handed back."""

_DIGITS = 16  # of the digest, in a name: 64 bits

_watchers: dict[Path, list[Callable[[], None]]] = {}
"""Who wants to know what is kept in a folder, through whichever store."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A vendor's job that was begun and is not finished, as far as we know.

    Attributes:
        id: The vendor's name for it.
        kind: What is being made, such as `"video"`.
        origin: Who makes it, and of what prompt.
    """

    id: str
    kind: str
    origin: Provenance

    def __repr__(self) -> str:
        """One line."""
        return f"<Pending {self.kind} {self.id}, {self.origin.model}: {self.origin.prompt[:60]!r}>"


def named(job_id: object, jobs: Iterable[Pending]) -> Pending | None:
    """The one of *jobs* with that id, or None."""
    return {one.id: one for one in jobs}.get(job_id) if isinstance(job_id, str) else None


class Store:
    """Keeps media in a folder; the same media is kept once.

    Args:
        folder: Must exist, unless *create* is set.
        create: Make the folder, and those above it, when it is first needed.

    Raises:
        StorageError: *folder* is no path, or *create* neither True nor False.
    """

    def __init__(self, folder: str | os.PathLike[str], *, create: bool = False) -> None:
        """Remember the folder; nothing is touched yet."""
        self.folder = files.path_of(folder)
        if not isinstance(create, bool):
            raise StorageError(f"create takes True or False, not {quoted(create)}.")
        self._create = create
        self._swept = False

    @classmethod
    def default(cls) -> "Store":
        """The store of this user: `$MEDIATOOLKIT_STORE`, or a folder among the user's data."""
        chosen = os.environ.get("MEDIATOOLKIT_STORE")
        data = platformdirs.user_data_path("mediatoolkit", appauthor=False)
        return cls(Path(chosen) if chosen else data / "media", create=True)

    async def check(self) -> None:
        """Make sure that media can be kept, before any is paid for.

        Raises:
            StorageError: The folder is missing, is a file, or may not be written to.
        """
        await asyncio.to_thread(self._check)

    async def put(self, media: M) -> M:
        """Keep *media*, with its provenance inside the file.

        Returns:
            The same media, with `path` saying where it lies.

        Raises:
            StorageError: It could not be written; `media` on the error still has it.

        A write that has begun is finished, also when the caller is cancelled meanwhile.
        """
        name = (await asyncio.to_thread(media.digest))[:_DIGITS] + media.extension
        try:
            path = await _to_its_end(self._write(self.folder / name, _pieces(media)))
        except StorageError as error:
            error.media = media
            raise
        for tell in _watchers.get(self.folder.absolute(), [])[:]:
            tell()
        return replace(media, path=path)

    async def entries(self, newest: int = 5_000) -> list[Entry]:
        """What is kept here, newest first, at most *newest*, without reading the media itself.

        Files that are none of ours or broken are left out. A thread reads the first bytes of each
        file, once.

        Raises:
            StorageError: The folder cannot be read.
        """
        return await asyncio.to_thread(self.look, newest)

    def look(self, newest: int = 5_000) -> list[Entry]:
        """As `entries`; blocks, some 0.1 ms a file."""
        if self._create and not self.folder.exists():
            return []
        return entries_in(self.folder, newest)

    def watch(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call *tell* whenever this process has kept something in this folder.

        Returns:
            Ends that.
        """
        watchers = _watchers.setdefault(self.folder.absolute(), [])
        watchers.append(tell)
        return lambda: watchers.remove(tell) if tell in watchers else None

    async def remember(self, pending: Pending) -> None:
        """Write down a job that is being paid for, so that it outlives this process.

        Raises:
            StorageError: It could not be written.
        """
        record = {"id": pending.id, "kind": pending.kind, "origin": pending.origin.to_json()}
        await asyncio.to_thread(self._remember, pending.id, json.dumps(record).encode())

    async def forget(self, job_id: str) -> None:
        """Drop the record of a job that is over; no harm if there is none, or it has to stay."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._record(job_id).unlink)

    def pending(self) -> list[Pending]:
        """The jobs that were begun here and are not finished, oldest first."""
        found = [_pending(path) for path in self._records.glob("*.json")]
        return sorted((one for one in found if one), key=lambda one: (one.origin.created, one.id))

    def __repr__(self) -> str:
        """Without the path, which differs from machine to machine."""
        return "<Store>"

    @property
    def _records(self) -> Path:
        return self.folder / "pending"

    def _record(self, job_id: str) -> Path:
        return self._records / f"{hashlib.sha256(job_id.encode()).hexdigest()[:_DIGITS]}.json"

    def _remember(self, job_id: str, record: bytes) -> None:
        self._make(self._records)
        files.write_file(self._record(job_id), [record])

    def _check(self) -> None:
        if self._create:
            self._make(self.folder)
        files.check_folder(self.folder)
        if not self._swept:
            files.sweep(self.folder)
            self._swept = True

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            failure = files.storage_error(folder, error)
        else:
            return
        raise failure

    async def _write(self, path: Path, pieces: list[bytes | memoryview]) -> Path:
        with files.partial_file(path) as part:
            async with aiofiles.open(part, "xb") as file:
                await file.writelines(pieces)
                await file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        return path


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await *work*, which goes on to its end when the caller is cancelled; so does the wait."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()


def _pieces(media: Media) -> list[bytes | memoryview]:
    try:
        return media.file_pieces()
    except _NO_FILE as error:
        failure = StorageError(f"The {media.noun} could not be made into a file: {error}")
    raise failure


def _pending(path: Path) -> Pending | None:
    """What a record says, or None when it is none of ours."""
    try:
        record = json.loads(files.read_file(path))
        job_id, kind = record["id"], record["kind"]
        origin = Provenance.from_json(record["origin"])
        if origin is None or not (job_id.isprintable() and kind.isprintable()):
            return None
        return Pending(job_id, kind, origin)
    except (StorageError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
