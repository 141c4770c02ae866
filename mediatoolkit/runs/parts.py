"""A ledger of JSON lines at an address, such as `s3://bucket/folder`.

Object stores append to no file, so every commit is a new file, a *part*, which appears whole or not
at all. Of `MOST` small parts that follow each other one larger part is made, of `MOST` larger ones
one that is larger still; `manifest.json` names them in their order. Parts that are newer than the
manifest count as well, by their numbers. So a run of any length has a few hundred parts at most.
"""

import gzip
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any, cast

from mediatoolkit.errors import StorageError
from mediatoolkit.runs.folder_lock import FolderLock
from mediatoolkit.runs.ledger import (
    VERSION,
    BatchNoted,
    Change,
    Contents,
    HeaderNoted,
    Record,
    RowsAdded,
    RowsDropped,
    RunLedger,
    check_version,
    outcome_of,
    record_of,
    unreadable,
)
from mediatoolkit.runs.rows import RowId
from mediatoolkit.runs.work import Outcome
from mediatoolkit.runtime.url_files import UNFINISHED, UrlFiles

MOST = 64
"""Parts of a size, until they become one."""

_BLOCK = 1_000  # rows in a line
_PACKED = 4096  # bytes from which on a part is packed
_MANIFEST = "manifest.json"
_FOLDER = "parts"
_PART = re.compile(r"(\d)-(\d{8})\.jsonl(?:\.gz)?")
_GZIP, _WITH_HEAD = b"\x1f\x8b", 31
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, zlib.error)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """One part, by its file name, such as `0-00000017.jsonl`."""

    name: str

    @property
    def size_class(self) -> int:
        """0 for a commit, one more for what `MOST` of the class below became."""
        return int(self.name[0])

    @property
    def number(self) -> int:
        """Of the last commit in it."""
        return int(self.name[2:10])

    @property
    def path(self) -> str:
        return f"{_FOLDER}/{self.name}"


@dataclass(slots=True)
class _Manifest:
    """Which parts there are, in their order, but for those from the number `next` on."""

    parts: list[_Part] = field(default_factory=list)
    next: int = 0

    @classmethod
    def of(cls, data: bytes) -> "_Manifest":
        """What a file says.

        Raises:
            ValueError: It is none; others where it has no such shape.
        """
        record = json.loads(data)
        check_version(int(record["version"]))
        names = [str(name) for name in record["parts"]]
        if not all(map(_PART.fullmatch, names)):
            raise ValueError("the manifest names something else than parts")
        return cls([_Part(name) for name in names], int(record["next"]))

    def to_json(self) -> bytes:
        names = [part.name for part in self.parts]
        return json.dumps({"version": VERSION, "next": self.next, "parts": names}).encode()


class PartsLedger(RunLedger):
    """A ledger at an address.

    Args:
        name: Of the run.
        files: Of its folder.
    """

    def __init__(self, name: str, files: UrlFiles) -> None:
        """Touch nothing yet."""
        super().__init__(name)
        self._files = files
        self._lock: FolderLock | None = None
        self._manifest = _Manifest()
        self._newer: list[tuple[_Part, bytes]] = []  # than the manifest, with their lines
        self._next = 0

    def load(self) -> Contents:
        """Take the folder for this process and read it."""
        lock = FolderLock(self._files, self.name)
        try:
            lock.take()
            self._lock = lock
            return self._read()
        except StorageError:
            lock.release()
            raise
        except _BROKEN as error:
            lock.release()
            raise unreadable(self.name, str(error) or type(error).__name__) from error

    def commit(self, changes: Sequence[Change]) -> None:
        """Write *changes* as one part."""
        if self._lock is None:
            raise StorageError(f"The ledger of run {self.name!r} is closed.")
        self._lock.check()
        lines = b"".join(_lines(changes))
        # A write that has failed may still arrive, so its number is not taken again.
        number, self._next = self._next, self._next + 1
        part = self._write(0, number, lines)
        self._newer.append((part, lines))
        if len(self._newer) >= MOST:
            try:
                self._tidy()
            except StorageError as error:  # nothing is lost; the next commit tries again
                _log.warning("The parts of run %r were not put together: %s", self.name, error)

    def shut(self) -> None:
        """Let another process have the folder."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _read(self) -> Contents:
        if _MANIFEST in {file.name for file in self._files.names()}:
            self._manifest = _Manifest.of(self._files.read(_MANIFEST))
        names = [each.name for each in self._files.names(_FOLDER)]
        parts = [_Part(name) for name in names if _PART.fullmatch(name)]
        listed = self._manifest.parts
        newer = sorted(
            (each for each in parts if not each.size_class and each.number >= self._manifest.next),
            key=lambda part: part.number,
        )
        self._next = max((each.number + 1 for each in parts), default=self._manifest.next)
        texts = list(map(_unpacked, self._files.read_all(part.path for part in (*listed, *newer))))
        # What a killed process was writing has no line end; nothing depends on it.
        whole = [text[: text.rfind(b"\n") + 1] for text in texts[len(listed) :]]
        self._newer = list(zip(newer, whole, strict=True))
        gone = [each.path for each in set(parts).difference(listed, newer)]
        broken = [f"{_FOLDER}/{name}" for name in names if name.endswith(UNFINISHED)]
        self._files.remove(*gone, *broken)
        return _contents([*texts[: len(listed)], *whole])

    def _write(self, size_class: int, number: int, lines: bytes) -> _Part:
        is_packed = len(lines) >= _PACKED
        data = gzip.compress(lines, 6, mtime=0) if is_packed else lines
        part = _Part(f"{size_class}-{number:08}.jsonl{'.gz' * is_packed}")
        if not self._files.write(part.path, data, is_new=True):
            raise StorageError(
                f"Another process writes to the run {self.name!r}; nothing more was sent. Await "
                "that one, and start the run again under its name when it has ended."
            )
        return part

    def _tidy(self) -> None:
        """Make larger parts of smaller ones."""
        parts = [part for part, _ in self._newer]
        self._replace(parts, b"".join(lines for _, lines in self._newer))
        self._newer = []
        size_class = 1
        while True:
            same = [part for part in self._manifest.parts if part.size_class == size_class]
            if len(same) < MOST:
                return
            texts = self._files.read_all(part.path for part in same)
            self._replace(same, b"".join(map(_unpacked, texts)))
            size_class += 1

    def _replace(self, parts: Sequence[_Part], lines: bytes) -> None:
        """Have one part in the place of *parts*, which are the last ones and of the same size."""
        last = parts[-1]
        merged = self._write(last.size_class + 1, last.number, lines)
        gone = set(parts)
        kept = [part for part in self._manifest.parts if part not in gone]
        manifest = _Manifest([*kept, merged], max(self._manifest.next, last.number + 1))
        self._files.write(_MANIFEST, manifest.to_json())
        self._manifest = manifest
        self._files.remove(*(part.path for part in parts))


def _lines(changes: Iterable[Change]) -> Iterator[bytes]:
    """*changes* in their order, as objects of one property; outcomes that follow each other as one.

    What stands in a line counts whole or not at all, however a write was broken off.
    """
    for is_outcome, group in groupby(changes, lambda change: isinstance(change, Outcome)):
        if is_outcome:
            yield _line("outcomes", [record_of(cast("Outcome", each)) for each in group])
        else:
            yield from chain.from_iterable(map(_lines_of, group))


def _lines_of(change: Change) -> Iterator[bytes]:
    match change:
        case HeaderNoted():
            yield _line("header", {"version": str(VERSION), **change.header})
        case RowsAdded():
            for at in range(0, len(change.rows), _BLOCK):
                yield _line("rows", [change.first + at, change.rows[at : at + _BLOCK]])
        case RowsDropped():
            yield _line("dropped", list(change.numbers))
        case BatchNoted():
            yield _line("batch", [change.name, list(change.numbers)])


def _line(name: str, value: object) -> bytes:
    return json.dumps({name: value}, separators=(",", ":")).encode() + b"\n"


def _contents(texts: Iterable[bytes]) -> Contents:
    """What all lines say, the later ones last."""
    contents = Contents()
    records: dict[int, Record] = {}
    for text in texts:
        for line in json.loads(b"[" + b",".join(text.splitlines()) + b"]"):
            ((name, value),) = line.items()
            _apply(contents, records, name, value)
    check_version(int(contents.header.get("version", VERSION)))
    contents.outcomes = {number: outcome_of(record) for number, record in records.items()}
    return contents


def _apply(contents: Contents, records: dict[int, Record], name: str, value: Any) -> None:
    match name:
        case "outcomes":
            for record in value:
                if outcome_of(record).is_blank:
                    records.pop(record[0], None)
                else:
                    records[record[0]] = record
        case "header":
            contents.header |= value
        case "rows":
            first, rows = value
            contents.add(first, (RowId(*row) for row in rows))
        case "dropped":
            for number in value:
                contents.rows.pop(number, None)
        case "batch":
            batch, numbers = value
            contents.batches[batch] = numbers
            if not numbers:
                del contents.batches[batch]
        case _:
            raise ValueError(f"a line holds {name[:40]!r}, which this version does not know")


def _unpacked(data: bytes) -> bytes:
    """The lines of a part, as far as it was written."""
    return zlib.decompressobj(_WITH_HEAD).decompress(data) if data.startswith(_GZIP) else data
