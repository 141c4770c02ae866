"""Media in a folder, known by the first bytes of its files."""

import heapq
import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Self

from mediatoolkit.errors import MediaError, StorageError
from mediatoolkit.media import boxes, ebml, embed
from mediatoolkit.media.audio import Audio
from mediatoolkit.media.base import Media
from mediatoolkit.media.formats import picture_type
from mediatoolkit.media.image import Image
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.sound import formats as sounds
from mediatoolkit.media.sound import m4a
from mediatoolkit.media.video import Video
from mediatoolkit.runtime import files

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".mp4", ".webm"}
    | {".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a", ".m4b"}
)
_HEAD = 32_768  # bytes; a record of ours near the start of a file fits
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
        made = _seconds(provenance.created) if provenance else 0.0
        return cls(type(media), len(media.data), made, provenance, media.path, media)

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
    """What the file at *path* says of itself, or None when it is no sound media; blocks.

    A record of ours at the start of a file is believed; any other file is checked whole.
    """
    try:
        facts = path.stat()
    except OSError:
        return None
    return _read(path, facts.st_size, facts.st_mtime_ns)


def entries_in(folder: Path, newest: int) -> list[Entry]:
    """The media in *folder*, newest first, at most *newest*; blocks, some 0.1 ms a file.

    Foreign and broken files, hidden ones and those in folders below are left out. What was read
    once is remembered.

    Raises:
        StorageError: The folder cannot be read.
    """
    try:
        with os.scandir(folder) as inside:
            found = list(_stamped(inside))
    except OSError as error:
        failure = files.storage_error(folder, error)
    else:
        latest = heapq.nlargest(newest, found)
        read = (_read(folder / name, size, stamp) for stamp, name, size in latest)
        return [entry for entry in read if entry is not None]
    raise failure


def _stamped(inside: "Iterator[os.DirEntry[str]]") -> Iterator[tuple[int, str, int]]:
    for one in inside:
        if one.name.startswith(".") or Path(one.name).suffix.lower() not in SUFFIXES:
            continue
        try:
            facts = one.stat()
            is_file = one.is_file()
        except OSError:  # gone meanwhile, or a link to nothing
            continue
        if is_file:
            yield facts.st_mtime_ns, one.name, facts.st_size


@lru_cache(_REMEMBERED)
def _read(path: Path, size: int, stamp: int) -> Entry | None:
    modified = stamp / 1e9
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        kind, record = _glance(head)
        if record is None and size <= _CHECKED:
            data = files.read_file(path)
            kind = Audio if m4a.is_m4a(data) else kind
            record = kind(data).provenance
    except (OSError, StorageError, MediaError):
        return None
    return Entry(kind, size, modified, record, path)


def _glance(head: bytes) -> tuple[type[Media], Provenance | None]:
    """The kind of media, and its record if it stands in *head*.

    Raises:
        MediaError: No media of ours.
    """
    if m4a.is_m4a(head):
        return Audio, None
    if boxes.is_mp4(head) or ebml.is_ebml(head):
        return Video, None
    picture = picture_type(head)
    if picture is not None:
        return Image, embed.read_from_head(head, picture)
    record = sounds.record_in_head(head)
    return Audio, Provenance.from_json(record) if record else None


def _seconds(created: str) -> float:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
