"""A ledger in one SQLite file."""

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mediatoolkit.errors import StorageError
from mediatoolkit.runs.ledger import (
    VERSION,
    BatchNoted,
    Change,
    Contents,
    HeaderNoted,
    RowsAdded,
    RowsDropped,
    RunLedger,
    check_version,
    outcome_of,
    record_of,
    taken,
    unreadable,
)
from mediatoolkit.runs.rows import RowId
from mediatoolkit.runs.work import Outcome
from mediatoolkit.runtime import owners

_LOCK = ".lock"  # file that is locked while a process has the ledger
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, OSError, zlib.error)
_BLOCK = 1_000  # rows that are packed together, which takes 20 bytes a row instead of 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS header (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asked (first INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS outcome (
    number INTEGER PRIMARY KEY, status TEXT NOT NULL, file TEXT NOT NULL, usd TEXT NOT NULL,
    unclear TEXT NOT NULL, seconds REAL NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS batch (name TEXT PRIMARY KEY, numbers BLOB NOT NULL) WITHOUT ROWID;
"""
_WRITE = "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class SqliteLedger(RunLedger):
    """A ledger in `ledger.sqlite3` of a folder.

    It is in WAL mode, so that a commit is one write at the end of a file. A killed process loses
    nothing that was written; a machine that loses its power may lose the last moment.

    Args:
        name: Of the run.
        folder: Of the run; it is made with the folder above it.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """Touch nothing yet."""
        super().__init__(name)
        self.path = folder / "ledger.sqlite3"
        self._database: sqlite3.Connection | None = None
        self._lock = contextlib.ExitStack()
        self._inode = 0

    def load(self) -> Contents:
        """Take the file for this process and read it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite's own lock is lost as soon as anything in this process closes another handle
            # of the file, such as a copy of it (sqlite.org/howtocorrupt.html, 2.2).
            is_ours = self._lock.enter_context(owners.locked(self.path.with_name(_LOCK)))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StorageError(
                f"The folder of run {self.name!r} cannot be written to: {reason}."
            ) from error
        try:
            if not is_ours:
                raise taken(self.name)
            self._database = self._opened()
            self._inode = self.path.stat().st_ino
            return _contents(self._database)
        except StorageError:
            self.shut()
            raise
        except sqlite3.OperationalError as error:
            self.shut()
            if "locked" in str(error):
                raise taken(self.name) from error
            raise unreadable(self.name, str(error)) from error
        except (sqlite3.Error, *_BROKEN) as error:
            self.shut()
            raise unreadable(self.name, str(error)) from error

    def commit(self, changes: Sequence[Change]) -> None:
        """Write *changes* in one transaction."""
        database = self._database
        if database is None:
            raise StorageError(f"The ledger of run {self.name!r} is closed.")
        self._check_place()
        try:
            with database:
                database.execute("BEGIN")
                for change in _merged(changes):
                    _apply(database, change)
        except sqlite3.Error as error:
            raise StorageError(
                f"The ledger of run {self.name!r} could not be written: {error}. Nothing more was "
                "sent; free some space or mend the disk, and start the run again under its name."
            ) from error

    def shut(self) -> None:
        """Close the file."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
        self._lock.close()

    def _check_place(self) -> None:
        """Refuse to write into a file that was deleted or moved away, which nobody would find."""
        try:
            is_there = self.path.stat().st_ino == self._inode
        except OSError:
            is_there = False
        if not is_there:
            raise StorageError(
                f"The folder of run {self.name!r} was deleted or moved while it ran, so nothing "
                "more was sent. Put it back, and start the run again under its name."
            )

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            # The lock goes with the process, however that ends.
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        return database


def _contents(database: sqlite3.Connection) -> Contents:
    contents = Contents(header=dict(database.execute("SELECT name, value FROM header")))
    check_version(int(contents.header.get("version", VERSION)))
    for first, packed in database.execute("SELECT first, rows FROM asked ORDER BY first"):
        contents.add(first, (RowId(*row) for row in _unpacked(packed)))
    for (number,) in database.execute("SELECT number FROM dropped"):
        contents.rows.pop(number, None)
    for record in database.execute("SELECT * FROM outcome"):
        contents.outcomes[record[0]] = outcome_of(record)
    for name, packed in database.execute("SELECT name, numbers FROM batch"):
        contents.batches[name] = _unpacked(packed)
    return contents


def _merged(changes: Sequence[Change]) -> Iterator[Change | list[Outcome]]:
    """The changes in their order, outcomes that follow each other as one list."""
    outcomes: list[Outcome] = []
    for change in changes:
        if isinstance(change, Outcome):
            outcomes.append(change)
            continue
        if outcomes:
            yield outcomes
            outcomes = []
        yield change
    if outcomes:
        yield outcomes


def _apply(database: sqlite3.Connection, change: Change | list[Outcome]) -> None:
    match change:
        case list():
            _write(database, change)
        case HeaderNoted():
            rows = [("version", str(VERSION)), *change.header.items()]
            database.executemany("INSERT OR REPLACE INTO header VALUES (?, ?)", rows)
        case RowsAdded():
            for at in range(0, len(change.rows), _BLOCK):
                block = (change.first + at, _packed(change.rows[at : at + _BLOCK]))
                database.execute("INSERT OR REPLACE INTO asked VALUES (?, ?)", block)
        case RowsDropped():
            numbers = [(number,) for number in change.numbers]
            database.executemany("INSERT OR REPLACE INTO dropped VALUES (?)", numbers)
        case BatchNoted(numbers=[]):
            database.execute("DELETE FROM batch WHERE name = ?", (change.name,))
        case BatchNoted():
            batch = (change.name, _packed(change.numbers))
            database.execute("INSERT OR REPLACE INTO batch VALUES (?, ?)", batch)


def _write(database: sqlite3.Connection, outcomes: Sequence[Outcome]) -> None:
    latest = {outcome.number: outcome for outcome in outcomes}.values()
    blank = [(each.number,) for each in latest if each.is_blank]
    others = [record_of(each) for each in latest if not each.is_blank]
    if blank:
        database.executemany("DELETE FROM outcome WHERE number = ?", blank)
    if others:
        database.executemany(_WRITE, others)


def _packed(value: Sequence[object]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def _unpacked(packed: bytes) -> list:  # type: ignore[type-arg]
    value = json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value
