"""What a run has done, written down before and after each row, so that it survives its process."""

import abc
import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from mediatoolkit import errors
from mediatoolkit.errors import MediaToolkitError, ProviderError, StorageError
from mediatoolkit.runs.rows import RowId
from mediatoolkit.runs.work import Outcome, RowStatus

T = TypeVar("T")

VERSION = 1
"""Of what stands in a ledger; a later one is not read."""

_AT_ONCE = 8
_FACTS = ("provider", "status", "request_id", "retry_after", "quota_exhausted", "reason", "stage")


@dataclass(frozen=True, slots=True)
class RowsAdded:
    """Rows that belong to the run from here on.

    Attributes:
        first: Number of the first of them in the ledger.
        rows: What they are known by.
    """

    first: int
    rows: Sequence[RowId]


@dataclass(frozen=True, slots=True)
class RowsDropped:
    """Rows that belong to the run no longer, by their numbers in the ledger."""

    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class BatchNoted:
    """A vendor's batch.

    Attributes:
        name: The vendor's.
        numbers: Of its rows; none when it is over.
    """

    name: str
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class HeaderNoted:
    """Facts of the run as a whole, such as its models."""

    header: dict[str, str]


Change = Outcome | RowsAdded | RowsDropped | BatchNoted | HeaderNoted
"""What can be written. An outcome that is `SENT` is an intent: its row is about to be sent."""


@dataclass(slots=True)
class Contents:
    """What stands in a ledger.

    Attributes:
        header: Facts of the run as a whole.
        rows: What each row is known by, by its number.
        outcomes: How rows stand, by number, also those that were dropped, since what they have
            cost counts; a row that is missing waits.
        batches: Numbers of the rows of each vendor's batch that is not over.
        free: The first number that no row has had, dropped ones included.
    """

    header: dict[str, str] = field(default_factory=dict)
    rows: dict[int, RowId] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    batches: dict[str, list[int]] = field(default_factory=dict)
    free: int = 0

    def add(self, first: int, rows: Iterable[RowId]) -> None:
        """Take up *rows*, whose numbers begin with *first*."""
        for number, row in enumerate(rows, start=first):
            self.rows[number] = row
            self.free = max(self.free, number + 1)


class RunLedger(abc.ABC):
    """The durable record of one run, which one process at a time writes.

    All that blocks is done in one thread. Changes that wait are written together.

    Args:
        name: Of the run, for messages.
    """

    def __init__(self, name: str) -> None:
        """Touch nothing yet."""
        self.name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"mediatoolkit run {name}")
        self._waiting: list[tuple[Sequence[Change], asyncio.Future[None]]] = []
        self._noted: list[Change] = []
        self._writing: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    @abc.abstractmethod
    def load(self) -> Contents:
        """Take the ledger for this process and read it; blocks.

        Raises:
            StorageError: Another process has it, it is corrupt, or it cannot be made.
        """

    @abc.abstractmethod
    def commit(self, changes: Sequence[Change]) -> None:
        """Write *changes* together, whole or not at all; they last when it returns; blocks.

        Raises:
            StorageError: They could not be written.
        """

    @abc.abstractmethod
    def shut(self) -> None:
        """Let go of the ledger; may be called again; blocks."""

    async def open(self) -> Contents:
        """As `load`, in the thread."""
        return await self._call(self.load)

    async def write(self, *changes: Change) -> None:
        """Write *changes*, together with all that waits; they last when it returns.

        Raises:
            StorageError: They could not be written.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((changes, future))
        self._begin()
        await future

    def write_soon(self, *changes: Change) -> None:
        """Have *changes* written soon; `check`, `write` and `close` say if that failed."""
        self._noted += changes
        self._begin()

    def check(self) -> None:
        """Make sure that all could be written that was to be written soon.

        Raises:
            StorageError: Something could not, and is kept to be written later.
        """
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Write what waits, and let go of the ledger.

        Raises:
            StorageError: Something could not be written.
        """
        try:
            while self._writing is not None and not self._writing.done():
                await asyncio.wait([self._writing])
            if self._noted:
                await self.write()
        finally:
            shut = self._thread.submit(self.shut)  # whoever cancels this wait does not prevent it
            self._thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(shut))

    def _begin(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        """Write all that waits, and what has come meanwhile, until nothing is left."""
        while self._waiting or self._noted:
            waiting, self._waiting = self._waiting, []
            noted, self._noted = self._noted, []
            changes = [*noted, *(change for changes, _ in waiting for change in changes)]
            try:
                await self._call(lambda changes=changes: self.commit(changes))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - those who wait raise it
                self._noted = [*noted, *self._noted]
                if not waiting:
                    self._failure = error
                    return
                for _, future in waiting:
                    if not future.done():
                        future.set_exception(error)
            else:
                self._failure = None
                await _release([future for _, future in waiting])

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)


async def _release(futures: Sequence[asyncio.Future[None]]) -> None:
    """Let go on those who wait, a few in each turn of the loop, which stays free for others."""
    for at, future in enumerate(futures, start=1):
        if not future.done():
            future.set_result(None)
        if at % _AT_ONCE == 0:
            await asyncio.sleep(0)


def error_to_json(error: Exception) -> str:
    """What is kept of *error*: its class, its message and its facts; of a stranger's, its class."""
    if not isinstance(error, MediaToolkitError):
        return json.dumps({"type": type(error).__name__})
    facts = {name: getattr(error, name, None) for name in _FACTS}
    plain = {name: fact for name, fact in facts.items() if isinstance(fact, (str, int, float))}
    record = {
        "type": type(error).__name__,
        "message": str(error.args[0]),
        "billed": error.may_have_been_billed,
        "family": error.family,
        **plain,
    }
    return json.dumps(record, ensure_ascii=False)


def error_from_json(text: str) -> Exception:
    """The error that `error_to_json` has kept."""
    record: dict[str, Any] = json.loads(text)
    kind = getattr(errors, str(record.get("type")), None)
    if not (isinstance(kind, type) and issubclass(kind, MediaToolkitError)):
        return ProviderError(f"{record.get('type')} came unexpectedly when this row was made.")
    error = kind.__new__(kind)
    MediaToolkitError.__init__(
        error, record["message"], may_have_been_billed=bool(record.get("billed"))
    )
    error.__dict__ |= {name: record.get(name) for name in _FACTS}
    if record.get("family") != kind.family:
        error.__dict__["family"] = record.get("family")
    return error


Record = tuple[int, str, str, str, str, float, int, str]
"""An outcome as plain values."""


def outcome_of(record: Record) -> Outcome:
    """An outcome as a ledger keeps it; what was sent and has no end is still `SENT`."""
    number, status, file, usd, unclear, seconds, attempts, error = record
    return Outcome(
        number,
        RowStatus(status),
        file=file,
        usd=Decimal(usd) if usd else None,
        unclear=Decimal(unclear or 0),
        seconds=seconds,
        attempts=attempts,
        error=error_from_json(error) if error else None,
    )


def record_of(outcome: Outcome) -> Record:
    """What `outcome_of` makes *outcome* of."""
    return (
        outcome.number,
        outcome.status.value,
        outcome.file,
        "" if outcome.usd is None else str(outcome.usd),
        str(outcome.unclear) if outcome.unclear else "",
        round(outcome.seconds, 3),
        outcome.attempts,
        "" if outcome.error is None else error_to_json(outcome.error),
    )


def check_version(version: int) -> None:
    """Refuse what a later version of this package has written.

    Raises:
        StorageError: Says what to do.
    """
    if version > VERSION:
        raise StorageError(
            f"A newer version of mediatoolkit wrote this ledger ({version}, and this one reads "
            f"{VERSION}); update with pip install -U mediatoolkit."
        )


def unreadable(name: str, reason: str) -> StorageError:
    """The error for a ledger that cannot be read."""
    return StorageError(
        f"The ledger of run {name!r} cannot be read: {reason}. Its media is safe in the store; "
        f"take another name, or move the folder of the run away."
    )


def taken(name: str) -> StorageError:
    """The error for a ledger that another process, or another run here, has open."""
    return StorageError(
        f"The run {name!r} is running already, here or in another process; await that one, or "
        "cancel it and start again."
    )
