"""A folder of media, named by digest, written whole or not at all."""

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import struct
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import platformdirs

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaError, StorageError
from mediatoolkit.media import Entry, Media, Provenance, entries_in
from mediatoolkit.runtime import files, owners

M = TypeVar("M", bound=Media)
T = TypeVar("T")

FILE_ERRORS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error)
"""What may go wrong while a file is put together; paid media is handed back all the same."""

_DIGITS = 16  # of the digest, in a name: 64 bits
LARGEST_RECORD = 1 << 20
"""Bytes of the record of a job."""
_FIT_FOR = 1.0  # seconds that a folder counts as fit for writing after a check

_watchers: dict[Hashable, list[Callable[[], None]]] = {}
"""Callbacks by folder or address, called when a store of this process keeps or deletes there."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A vendor's job that was begun and is not finished, as far as we know.

    Attributes:
        id: The vendor's name for it; ours, while the vendor has given none.
        kind: What is being made, such as `"video"`.
        provenance: Who makes it, of what prompt, and when the request was made.
        is_intent: The request was about to be sent, and nobody knows what became of it. It may
            have been paid, and without the vendor's name for it nobody can wait for it.
    """

    id: str
    kind: str
    provenance: Provenance
    is_intent: bool = False

    @classmethod
    def intent(cls, kind: str, provenance: Provenance) -> "Pending":
        """Make the record that is written before a request that may be billed."""
        return cls(f"intent-{secrets.token_hex(6)}", kind, provenance, is_intent=True)

    def begun(self, job_id: str) -> "Pending":
        """The same with the vendor's name for it."""
        return replace(self, id=job_id, is_intent=False)

    def __repr__(self) -> str:
        """One line."""
        doubt = f" may have been paid, {self.provenance.created}," if self.is_intent else ""
        job = f"{self.kind[:40]} {self.id[:200]},{doubt[:80]} {self.provenance.model[:100]}"
        plain = "".join(letter for letter in job if letter.isprintable())
        return f"<Pending {plain}: {self.provenance.prompt[:60]!r}>"


def find_job(job_id: object, jobs: Iterable[Pending]) -> Pending | None:
    """Return the job with that id, or None."""
    return next((job for job in jobs if job.id == job_id), None)


class Store:
    """Keeps media in a folder; the same media is kept once.

    Args:
        folder: Stays the same folder when the process changes its own. It is made when it is
            first needed; those above it must exist, unless *create* is set.
        create: Make the folders above it as well.

    Raises:
        StorageError: *folder* is no path, or *create* neither True nor False.
    """

    def __init__(self, folder: str | os.PathLike[str], *, create: bool = False) -> None:
        """Remember the folder; nothing is touched yet."""
        self._folder = files.absolute(files.path_of(folder))
        if not isinstance(create, bool):
            raise StorageError(f"create takes True or False, not {quoted(create)}.")
        self._create = create
        self._fit_until = 0.0  # on the monotonic clock

    @property
    def folder(self) -> Path:
        """Absolute."""
        return self._folder

    @classmethod
    def default(cls) -> "Store":
        """The store of this user: `$MEDIATOOLKIT_STORE`, or a folder among the user's data."""
        return cls(cls.default_folder(), create=True)

    @staticmethod
    def default_folder() -> Path:
        """The folder of `default`, not checked."""
        configured = os.environ.get("MEDIATOOLKIT_STORE")
        if configured:
            return Path(configured)
        return platformdirs.user_data_path("mediatoolkit", appauthor=False) / "media"

    async def check(self) -> None:
        """Make sure that media can be kept, before any is paid for.

        Raises:
            StorageError: The folder cannot be made, is a file, or may not be written to.
        """
        # One look at the folder will do for many calls in a row: each costs a trip to a thread.
        if time.monotonic() >= self._fit_until:
            await asyncio.to_thread(self._check)
            self._fit_until = time.monotonic() + _FIT_FOR

    async def put(self, media: M) -> M:
        """Keep *media*, with its provenance inside the file.

        A file that holds the same content already stays as it is, with the provenance it has.

        Returns:
            The same media, whose `path` says where it lies.

        Raises:
            StorageError: It could not be written; `media` on the error still has it.

        A write that has begun is finished, also when the caller is cancelled meanwhile.
        """
        # One trip to a thread does it all: a trip costs about as much as a small file.
        path = await _in_thread(self._write, media)
        self._tell()
        return media.with_path(path)

    async def entries(self, newest: int = 5_000) -> list[Entry]:
        """List what is kept here, newest first, at most *newest*, without reading whole media.

        Files that are broken or none of ours are left out. A thread reads the first bytes of each
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

    def path_of(self, name: str) -> Path | None:
        """Where the file called *name* lies on disk, or None where it lies on none."""
        return self.folder / name

    def name_of(self, media: Media) -> str:
        """The name of the file in which *media* lies that `put` has returned."""
        return media.path.name if media.path else file_name(media)

    def holds(self, name: str) -> bool:
        """Whether there is a file called *name*; blocks."""
        return (self.folder / name).is_file()

    def read(self, name: str) -> bytes:
        """The bytes of the file called *name*; blocks.

        Raises:
            StorageError: It is not there, or cannot be read.
        """
        return files.read_file(self.folder / name)

    def mark(self, name: str) -> AbstractContextManager[object]:
        """Leave a mark while the block lasts, by which others know this very store; blocks."""
        return owners.presence(self.folder, name)

    def is_marked(self, name: str) -> bool:
        """Whether somebody has left that mark; blocks."""
        return any(self.folder.glob(f".{name}.*"))

    def keep_table(self, run: str, table: bytes) -> None:
        """Write `table.csv` beside the ledger of the run *run*; blocks.

        Raises:
            StorageError: It could not be written.
        """
        files.write_file(self.run_folder(run) / "table.csv", [table])

    def run_folder(self, name: str) -> Path:
        """Where the run *name* of this store has its ledger."""
        return self.folder / "runs" / name

    def remove(self, path: Path) -> None:
        """Delete a file of this folder for good; blocks.

        Raises:
            StorageError: It lies elsewhere, or cannot be deleted.
        """
        if path.parent != self.folder:
            raise StorageError(f"{path.name!r} does not lie in this store, so it stays.")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StorageError(f"Could not delete {path.name!r}: {reason}.") from error
        self._tell()

    def watch(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call *tell* whenever this process has kept or deleted something in this folder.

        Returns:
            A function that ends the watching.
        """
        watchers = _watchers.setdefault(self._place, [])
        watchers.append(tell)
        return lambda: watchers.remove(tell) if tell in watchers else None

    async def remember(self, pending: Pending, *, instead_of: Pending | None = None) -> None:
        """Write down a job that is being paid for, so that it outlives this process.

        A write that has begun is finished, also when the caller is cancelled meanwhile.

        Args:
            pending: The job.
            instead_of: An earlier record of it, which the new one replaces.

        Raises:
            StorageError: It could not be written.
        """
        record = {
            "id": pending.id,
            "kind": pending.kind,
            "provenance": pending.provenance.to_json(),
            **({"is_intent": True} if pending.is_intent else {}),
        }
        name = f"{short_digest((instead_of or pending).id)}.json"
        await _in_thread(self._write_record, name, json.dumps(record).encode())

    async def forget(self, *job_ids: str) -> None:
        """Drop the records of jobs that are over; one that cannot be removed stays."""
        for job_id in job_ids:
            with contextlib.suppress(StorageError):
                await _in_thread(self.drop, job_id)

    def drop(self, job_id: str) -> None:
        """As `forget`, for one job; blocks.

        Raises:
            StorageError: The record cannot be removed.
        """
        for name, data in self._read_records():
            pending = _pending(data)
            if pending is not None and pending.id == job_id:
                self._remove_record(name)

    def waiting(self, pending: Pending) -> AbstractContextManager[Callable[[], bool]]:
        """Tell other processes that this one waits for *pending*, while the block lasts.

        Returns:
            A context manager. It yields a function: whether somebody else waits for the job as
            well, or may do so.
        """
        return owners.presence(self._records, short_digest(pending.id))

    def pending(self) -> list[Pending]:
        """The jobs that were begun here and are not finished, oldest first."""
        found = [_pending(data) for _name, data in self._read_records()]
        jobs = [job for job in found if job is not None]
        return sorted(jobs, key=lambda job: (job.provenance.created, job.id))

    def __repr__(self) -> str:
        """Without the path, which differs from machine to machine."""
        return "<Store>"

    @property
    def user_object(self) -> str:
        """What a user types to go on with the jobs of this store: `mt.jobs` lists the default."""
        return "mt.jobs" if self.folder == Store.default().folder else "agent"

    @property
    def _records(self) -> Path:
        return self.folder / "pending"

    @property
    def _place(self) -> Hashable:
        """The same for every store of the same folder."""
        return self._folder

    def _tell(self) -> None:
        for tell in _watchers.get(self._place, [])[:]:
            tell()

    def _read_records(self) -> Iterator[tuple[str, bytes]]:
        """The records of jobs, by the names of their files."""
        for path in self._records.glob("*.json"):
            with contextlib.suppress(StorageError):
                yield path.name, files.read_file(path, largest=LARGEST_RECORD)

    def _remove_record(self, name: str) -> None:
        path = self._records / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise files.storage_error(path, error) from error

    def _write_record(self, name: str, record: bytes) -> None:
        self._make(self.folder)
        self._make(self._records)
        files.write_file(self._records / name, [record], follow_symlinks=False)

    def _check(self) -> None:
        self._make(self.folder)
        files.check_folder(self.folder)
        owners.sweep_once(str(self.folder))
        owners.sweep_once(str(self._records))
        owners.sweep_scratch()

    def _make(self, folder: Path) -> None:
        """Make *folder*; if a folder above is missing, the check or write that follows says so."""
        try:
            folder.mkdir(parents=self._create, exist_ok=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise files.storage_error(folder, error) from error

    def _write(self, media: Media) -> Path:
        path = self.folder / file_name(media)
        try:
            if not os.path.isdir(self.folder):  # noqa: PTH112 - it never raises
                self._make(self.folder)
            if not _holds(path, media):
                files.write_file(path, media.serialize(), follow_symlinks=False)
        except StorageError as error:
            error.media = media
            raise
        except FILE_ERRORS as error:
            message = f"The {media.noun} could not be made into a file: {error}"
            failure = StorageError(message)
            failure.media = media
            raise failure from error
        return path


async def _in_thread(function: Callable[..., T], *args: object) -> T:
    """Call *function* in a thread; a cancel of the caller waits for its end."""
    # A thread cannot be stopped: a caller that came back early would leave it writing unseen.
    future = asyncio.get_running_loop().run_in_executor(None, function, *args)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        future.exception()  # marks it as seen, since the cancel is what is raised
        raise cancelled
    return future.result()


def _holds(path: Path, media: Media) -> bool:
    """Whether the file is there already; it is left alone, so that its bytes never change."""
    if path.is_symlink() or not path.exists():
        return False
    try:
        return type(media)(files.read_file(path)).content_digest() == media.content_digest()
    except (MediaError, StorageError):
        return False


def file_name(media: Media) -> str:
    """The name under which media is kept that was just made: by its content."""
    return media.digest()[:_DIGITS] + media.extension


def short_digest(name: str) -> str:
    """Sixteen hexadecimal digits that stand for *name*."""
    return hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]


def _pending(data: bytes) -> Pending | None:
    """Return the job of a record, or None when it is no record of ours."""
    try:
        record = json.loads(data)
        job_id, kind = record["id"], record["kind"]
        provenance = Provenance.from_json(record["provenance"])
        if provenance is None or not (job_id and job_id.isprintable() and kind.isprintable()):
            return None
        return Pending(job_id, kind, provenance, is_intent=record.get("is_intent") is True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
