"""An index of the media in a folder, by the first bytes of its files."""

import contextlib
import heapq
import os
import struct
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from mediatoolkit.errors import MediaError, StorageError
from mediatoolkit.media.audio import Audio
from mediatoolkit.media.base import Media
from mediatoolkit.media.containers import FILMS, PICTURES, SOUNDS, Family
from mediatoolkit.media.containers.signatures import kind_of
from mediatoolkit.media.image import Image
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.video import Video
from mediatoolkit.runtime import files

_KINDS: dict[Family[Any], type[Media]] = {PICTURES: Image, SOUNDS: Audio, FILMS: Video}
_SUFFIXES = frozenset(suffix for family in _KINDS for suffix in family.type_by_suffix)
HEAD = 32_768
"""Bytes; a record of ours near the start of a file fits."""
_CHECKED = 64 << 20  # bytes of a file that is read whole to find its record
_REMEMBERED = 20_000  # files


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of media, without its bytes.

    Attributes:
        kind: `Image`, `Audio` or `Video`.
        size: Bytes.
        modified: When it was written, seconds since 1970.
        provenance: How it was made, or None where that is not known.
        path: Its file.
        media: The media itself, where it is in memory already.
    """

    kind: type[Media]
    size: int
    modified: float
    provenance: Provenance | None
    path: Path | None = None
    media: Media | None = None

    @classmethod
    def of(cls, media: Media) -> Self:
        """The entry of media that is in memory."""
        provenance = media.provenance
        created = _seconds(provenance.created) if provenance else 0.0
        return cls(type(media), len(media.data), created, provenance, media.path, media)

    @property
    def prompt(self) -> str:
        """What was asked for; empty where that is not known."""
        return self.provenance.prompt if self.provenance else ""

    @property
    def model(self) -> str:
        """Model id, or empty."""
        return self.provenance.model if self.provenance else ""

    @property
    def identity(self) -> Hashable:
        """The same for the same media; a replaced file is another."""
        return self.media or (self.path, self.modified, self.size)

    def open(self) -> Media:
        """The media; blocks.

        Raises:
            StorageError: The file cannot be read any more.
            MediaError: It is cut short or corrupt.
        """
        return self.media or self.kind.open(self.path or "")


def entry_of(path: Path) -> Entry | None:
    """Return what the file at *path* says of itself, or None when it is no whole media; blocks.

    A record of ours at the start of a file is believed; any other file is checked whole.
    """
    try:
        facts = path.stat()
    except OSError:
        return None
    return _read(path, facts.st_size, facts.st_mtime_ns)


def entries_in(folder: Path, newest: int) -> list[Entry]:
    """The media in *folder*, newest first, at most *newest*; blocks, some 0.1 ms a file.

    Foreign and broken files, hidden ones and those in folders below are left out. What was
    read once is remembered.

    Raises:
        StorageError: The folder cannot be read.
    """
    try:
        with os.scandir(folder) as inside:
            stamped = list(_stamped(inside))
    except OSError as error:
        raise files.storage_error(folder, error) from error
    latest = heapq.nlargest(newest, stamped)
    entries = (_read(folder / name, size, stamp) for stamp, name, size in latest)
    return [entry for entry in entries if entry is not None]


def _stamped(inside: "Iterator[os.DirEntry[str]]") -> Iterator[tuple[int, str, int]]:
    for file in inside:
        if not is_media_name(file.name):
            continue
        try:
            facts = file.stat()
            is_file = file.is_file()
        except OSError:  # gone meanwhile, or a link to nothing
            continue
        if is_file:
            yield facts.st_mtime_ns, file.name, facts.st_size


# A file that changes gets another size or time, and so another place in the cache.
@lru_cache(_REMEMBERED)
def _read(path: Path, size: int, stamp: int) -> Entry | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        facts = kind_and_record(head, size, lambda: files.read_file(path))
    except (OSError, StorageError, MediaError):
        return None
    return facts and Entry(facts[0], size, stamp / 1e9, facts[1], path)


def kind_and_record(
    head: bytes, size: int, read: Callable[[], bytes]
) -> tuple[type[Media], Provenance | None] | None:
    """What a file is, and how it was made where it says so; None where it is no media.

    Args:
        head: Its first `HEAD` bytes.
        size: Bytes of the whole file.
        read: Reads it whole; called where the head does not tell, unless it is large.

    Raises:
        MediaError: It is cut short or corrupt.
    """
    families = _families(head)
    if not families:
        return None
    kind, record = _KINDS[families[0]], None
    if len(families) == 1:
        record = _record_in_head(families[0], head)
    if record is None and size <= _CHECKED:
        media = _media_of(families, read())
        kind, record = type(media), media.provenance
    return kind, record


def is_media_name(name: str) -> bool:
    """Whether media may lie in a file of that name, which is not hidden."""
    return not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES


def _families(head: bytes) -> list[Family[Any]]:
    """Return what the file may be, the likely first: an MP4 holds a film, or sound alone."""
    noun = kind_of(head).family
    families = [family for family in _KINDS if family.sniff(head)]
    return sorted(families, key=lambda family: family.noun != noun)


def _record_in_head(family: Family[Any], head: bytes) -> Provenance | None:
    container = family.sniff(head)
    with contextlib.suppress(IndexError, struct.error, MediaError):  # the record lies further back
        return container.read_record(head) if container else None
    return None


def _media_of(families: list[Family[Any]], data: bytes) -> Media:
    """The media that a file is.

    Raises:
        MediaError: It is none of the families.
    """
    *likely, last = families
    for family in likely:
        with contextlib.suppress(MediaError):
            return _KINDS[family](data)
    return _KINDS[last](data)


def _seconds(created: str) -> float:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
