"""Kept results by request: a request that was made before is answered from the store.

A request is known by a digest of everything that decides what comes back (`keys`). For each one a
small JSON file beside the store's media names the file that is the result (`entries`). The media
itself belongs to the store, so clearing the cache deletes no picture.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from mediatoolkit.caching.entries import KINDS, CacheEntry, is_file_name
from mediatoolkit.caching.keys import (
    Kept,
    RequestKey,
    checked_take,
    kept,
    known,
)
from mediatoolkit.caching.modes import (
    TYPED_WORDS,
    CacheMode,
    CacheSettings,
    CacheWord,
    settings,
)
from mediatoolkit.checks import finite_seconds, quoted
from mediatoolkit.errors import (
    AuthenticationError,
    BudgetError,
    ClosedError,
    MediaError,
    NotCachedError,
    PromptError,
    StorageError,
)
from mediatoolkit.media import Media
from mediatoolkit.runtime import files, owners
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.shared_calls import SharedCalls

if TYPE_CHECKING:
    from mediatoolkit.store import Store

__all__ = [
    "TYPED_WORDS",
    "Cache",
    "CacheMode",
    "CacheSettings",
    "CacheSize",
    "CacheWord",
    "Kept",
    "RequestKey",
    "checked_take",
    "kept",
    "settings",
]

M = TypeVar("M", bound=Media)

_log = logging.getLogger("mediatoolkit")


class CacheSize(NamedTuple):
    """How much is kept.

    Attributes:
        entries: Requests that are known.
        bytes: What they and the media that they lead to take, each file once.
    """

    entries: int
    bytes: int


class Cache:
    """Kept results in the folder of a store.

    Any number of processes may use one folder: the last one to write an entry wins, and each
    entry is whole.

    Args:
        store: Keeps the media; the entries lie in its folder, below `cache`.
    """

    def __init__(self, store: "Store") -> None:
        """Touch nothing yet."""
        self._store = store
        self._folder = store.folder / "cache"

    async def get(self, key: RequestKey) -> Media | None:
        """Return what is kept for *key*, checked and with its provenance, or None.

        An entry whose file is gone, or holds other media, counts as nothing; the log says so.
        """
        return await asyncio.to_thread(self._read, key)

    async def put(self, key: RequestKey, media: M, *, cost: Decimal | None = None) -> M:
        """Keep *media* as the result of *key*.

        Media that does not lie in the store is put there first. Where nothing can be written, the
        media comes back as it is, and the log says so once for each folder.

        Args:
            key: What was asked for.
            media: Whole, as every piece of media is.
            cost: What it cost, USD, or None where nobody knows.

        Returns:
            The media as `get` will return it, so that its bytes are the same in every run.
        """
        try:
            if not self._lies_in_store(media.path):
                media = await self._store.put(media)
            return await asyncio.to_thread(self._write, key, media, cost)
        except (StorageError, MediaError) as error:
            _warn_once(self._folder, error)
            return media

    async def next_take(self, key: RequestKey) -> int:
        """Return the lowest take above that of *key* that is neither kept nor being made.

        It counts as being made from here on, until `get_or_make` has made it or has failed.
        """
        return await asyncio.to_thread(self._next_take, key)

    async def get_or_make(
        self,
        keys: Sequence[RequestKey],
        mode: CacheMode,
        context: CallContext,
        make: Callable[[CallContext], Awaitable[M]],
    ) -> M:
        """Return what is kept for one of *keys*, or have it made and keep it, as *mode* says.

        The same request twice at once is one request with two waiters.

        Args:
            keys: What is asked for, at each model that may make it, in their order. The result is
                kept under the key of the model that its provenance names.
            mode: How the cache is used.
            context: Of the caller, open.
            make: Makes it, within the context that it gets.

        Raises:
            NotCachedError: Nothing is kept, and *mode* forbids to send a request.
            Exception: Whatever *make* raised; nothing is kept then.
        """
        if mode is CacheMode.OFF:
            return await make(context)
        media = await self._first(keys, self.get) if mode.reads else None
        if media is not None:
            return cast("M", media)
        if mode is CacheMode.ONLY:
            raise NotCachedError(
                f"Nothing is kept for this request to {keys[0].model}, take {keys[0].take}, and "
                'cache="only" sends none; run it once with cache=True.'
            )

        is_mine = False

        async def work(context: CallContext) -> Media:
            nonlocal is_mine
            is_mine = True
            with self._in_making(keys):
                # Another call may have ended between this look and the first, which the log has.
                media = await self._first(keys, self._get_again) if mode.reads else None
                if media is not None:
                    return media
                made = await make(context)
                model = made.provenance.model if made.provenance else ""
                key = next((key for key in keys if key.model == model), keys[0])
                return await self.put(key, made, cost=made.cost.usd if made.cost else None)

        while True:
            try:
                return cast("M", await _in_flight.run((self._folder, *keys, mode), context, work))
            except _OF_ONE_CALLER as error:
                if is_mine or error.may_have_been_billed:
                    raise

    async def clear(
        self, *, older_than: timedelta | float | None = None, model: str | None = None
    ) -> int:
        """Forget what was kept; the media itself stays in the store.

        Args:
            older_than: Only what was kept longer ago than that; a number is seconds.
            model: Only what this model made, by its model id, or all models of a vendor.

        Returns:
            How many entries are gone.

        Raises:
            PromptError: An argument is something else.
            StorageError: An entry cannot be deleted.
        """
        before = _moment_before(older_than)
        if model is not None and not isinstance(model, str):
            raise PromptError(
                f"model takes a model id such as 'vendor/model', not {quoted(model)}."
            )
        return await asyncio.to_thread(self._clear, before, model)

    async def size(self) -> CacheSize:
        """Count entries and bytes."""
        return await asyncio.to_thread(self._size)

    def __repr__(self) -> str:
        """Without the path, which differs from machine to machine."""
        return "<Cache>"

    async def _get_again(self, key: RequestKey) -> Media | None:
        return await asyncio.to_thread(self._read, key, logging.DEBUG)

    @staticmethod
    async def _first(
        keys: Sequence[RequestKey], get: Callable[[RequestKey], Awaitable[Media | None]]
    ) -> Media | None:
        for key in keys:
            media = await get(key)
            if media is not None:
                return media
        return None

    @contextlib.contextmanager
    def _in_making(self, keys: Sequence[RequestKey]) -> Iterator[None]:
        """Have `next_take` pass over *keys* in the block."""
        paths = {self._path_of(key) for key in keys}
        _being_made.update(paths)
        try:
            yield
        finally:
            _being_made.difference_update(paths)

    def _next_take(self, key: RequestKey) -> int:
        with _choosing_take:
            takes = map(key.with_take, count(key.take + 1))
            paths = ((each.take, self._path_of(each)) for each in takes)
            free = ((take, path) for take, path in paths if path not in _being_made)
            take, path = next((take, path) for take, path in free if not os.path.lexists(path))
            _being_made.add(path)
            return take

    def _lies_in_store(self, path: Path | None) -> bool:
        return path is not None and path.parent == self._store.folder and is_file_name(path.name)

    def _path_of(self, key: RequestKey) -> Path:
        digest = key.digest
        return self._folder / digest[:2] / f"{digest}.json"

    def _read(self, key: RequestKey, level: int = logging.WARNING) -> Media | None:
        path = self._path_of(key)
        owners.sweep_once(str(path.parent))
        if not os.path.lexists(path):
            return None
        try:
            entry = CacheEntry.read(path)
            media = entry.media_in(self._store.folder)
        except (StorageError, MediaError) as error:
            _log.log(level, "An entry of the cache is not used, for it leads nowhere: %s", error)
            return None
        hit = media.from_cache()
        known.add(hit, Kept(key, entry.created, entry.usd, is_hit=True))
        return hit

    def _write(self, key: RequestKey, media: M, cost: Decimal | None) -> M:
        path = cast("Path", media.path)
        # Read back, so that it is the same media in this run and in all that follow.
        whole = replace(media, data=files.read_file(path), provenance=None)
        digest = whole.content_digest()
        if digest != media.content_digest():
            raise StorageError(f"{path.name} holds other media than it did; keep it anew.")
        created = datetime.now(UTC).isoformat(timespec="seconds")
        kind = next(name for name, each in KINDS.items() if isinstance(media, each))
        entry = CacheEntry(path.name, kind, digest, key.model, key.take, created, cost)
        target = self._path_of(key)
        for folder in (self._folder, target.parent):
            files.make_folder(folder)
        files.write_file(target, [entry.to_json()], follow_symlinks=False)
        known.add(whole, Kept(key, created, cost, is_hit=False))
        return whole

    def _clear(self, before: str | None, model: str | None) -> int:
        matching = [
            path
            for path, entry in self._entries()
            if (before is None and model is None)
            or (entry is not None and entry.matches(before, model))
        ]
        for path in matching:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise files.storage_error(path, error) from error
        return len(matching)

    def _size(self) -> CacheSize:
        known = [(path, entry) for path, entry in self._entries() if entry is not None]
        paths = {path for path, _ in known}
        paths |= {self._store.folder / entry.file for _, entry in known}
        return CacheSize(len(known), sum(map(_size_of, paths)))

    def _entries(self) -> Iterator[tuple[Path, CacheEntry | None]]:
        for path in self._folder.glob("??/*.json"):
            try:
                yield path, CacheEntry.read(path)
            except StorageError:
                yield path, None


_OF_ONE_CALLER = (AuthenticationError, BudgetError, ClosedError)
"""What ends the call of one who asks and need not end that of another: his key, cap or client."""

_in_flight = SharedCalls[Media]()
_unwritable: set[Path] = set()
_being_made: set[Path] = set()
"""Entries of requests that are in flight, and of takes that are about to be."""
_choosing_take = threading.Lock()


def _warn_once(folder: Path, error: Exception) -> None:
    if folder not in _unwritable:
        _unwritable.add(folder)
        _log.warning("The media is there, but the cache cannot keep it: %s", error)


def _moment_before(age: timedelta | float | None) -> str | None:
    """The moment that lies so long ago, as an entry has it.

    Raises:
        PromptError: *age* is no span of time from 0.
    """
    if age is None:
        return None
    seconds = age.total_seconds() if isinstance(age, timedelta) else age
    if finite_seconds(seconds, "older_than") < 0:
        raise PromptError(f"older_than takes a time span from 0, not {quoted(age)}.")
    moment = datetime.now(UTC) - timedelta(seconds=float(seconds))
    return moment.isoformat(timespec="seconds")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone meanwhile
        return 0
