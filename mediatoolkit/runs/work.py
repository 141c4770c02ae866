"""What a run works with: rows to make, what makes one, where they are made, and how each ends."""

import abc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from mediatoolkit.media import Media
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.runtime.context import CallContext

if TYPE_CHECKING:
    from mediatoolkit.store import Store


class RowStatus(StrEnum):
    """How a row stands."""

    WAITING = "waiting"
    """It was not sent."""
    SENT = "sent"
    """It is being made, or was when its process ended."""
    DONE = "done"
    FAILED = "failed"
    """It has failed, and was surely not billed."""
    UNCLEAR = "unclear"
    """It has no result, and may have been billed."""


@dataclass(frozen=True, slots=True)
class RowRequest:
    """One row that is to be made; it can be pickled.

    Attributes:
        number: Of the row within its run, from 0.
        values: Keywords for the agent, `prompt` among them.
        take: Which of the identical rows of the run it is, from 1.
        more_seconds: What its deadline has more than the agent's own.
        cap: The most that it may spend, in USD; None where its budget is kept in this process.
    """

    number: int
    values: Mapping[str, Any]
    take: int = 1
    more_seconds: float = 0.0
    cap: Decimal | None = None


@dataclass(slots=True)
class Outcome:
    """How a row has ended; it can be pickled.

    Attributes:
        number: Of the row within its run.
        status: Done, failed or unclear; waiting where it was not sent after all.
        media: What was made, where it came back to this process.
        file: Its name in the store of the run, or empty.
        usd: What it has cost; None is unknown.
        unclear: What requests that were lost may have cost beside that, in USD; where it comes from
            an executor, those of this time alone, else those of all times.
        seconds: How long it took.
        attempts: How often it was sent.
        error: Why it has no result.
    """

    number: int
    status: RowStatus
    media: Media | None = None
    file: str = ""
    usd: Decimal | None = None
    unclear: Decimal = ZERO
    seconds: float = 0.0
    attempts: int = 0
    error: Exception | None = None

    @property
    def is_blank(self) -> bool:
        """Whether the row is as if it had never been sent."""
        return self.status is RowStatus.WAITING and not self.unclear

    @property
    def cost(self) -> Decimal:
        """The most that it has cost, in USD, as far as that is known."""
        return (self.usd or ZERO) + self.unclear

    def for_table(self, number: int) -> "Outcome":
        """The same, under the number that the row has in its table."""
        facts = self.file, self.usd, self.unclear, self.seconds, self.attempts, self.error
        return Outcome(number, self.status, self.media, *facts)

    def for_ledger(self, number: int, status: RowStatus) -> "Outcome":
        """The same without media, under the number that the row has in its ledger."""
        # `dataclasses.replace` would take forty times as long.
        facts = self.file, self.usd, self.unclear, self.seconds, self.attempts, self.error
        return Outcome(number, status, None, *facts)


class Recipe(Protocol):
    """What a worker in another process makes the same agent from; it can be pickled.

    It holds no session. A key that the worker does not find in its own environment travels in an
    object that never shows it.
    """

    def maker(self) -> "RowMaker":
        """Make what makes rows, in the process of the worker."""


class RowMaker(Protocol):
    """What makes one row; an agent hands it to a run.

    Attributes:
        kind: One word for what it makes, such as `"image"`.
        model_ids: The models that are asked, the first one first.
        keywords: Columns that go into the request; all others travel along.
        store: Where its media is kept.
    """

    kind: str
    model_ids: tuple[str, ...]
    keywords: frozenset[str]
    store: "Store"

    @property
    def media_type(self) -> type[Media]:
        """The class of what it makes."""

    @property
    def is_paid(self) -> bool:
        """Whether a row may cost anything."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What changes all results, such as the models, by name."""

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse a row that cannot be made as asked; reads no file.

        Raises:
            PromptError: Says why.
        """

    def check_batch(self, values: Mapping[str, Any]) -> None:
        """Refuse a row that the first model takes in no batch; `check` comes before it.

        Raises:
            PromptError: Says why.
        """

    def prompt(self, values: Mapping[str, Any]) -> Any:
        """The prompt of a row with its media; blocks where there are files to read."""

    def batch_client(self) -> Any:
        """The first client, a `BatchClient`.

        Raises:
            PromptError: Its vendor takes no batches.
        """

    def upper(self, values: Mapping[str, Any]) -> Decimal | None:
        """The most that a row may cost, in USD, or None where that is unknown."""

    def batch_upper(self, values: Mapping[str, Any]) -> Decimal | None:
        """As `upper`, in a batch."""

    def context(self, more_seconds: float = 0.0) -> CallContext:
        """The context of one row, not yet open."""

    async def ready(self) -> None:
        """Wait while the vendor asked for a pause."""

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, since the vendor asked another worker for it."""

    def on_pause(self, hook: Callable[[float], None]) -> Callable[[], None]:
        """Call *hook* with seconds whenever the vendor asks this process for a pause.

        Returns:
            A function that ends it.
        """

    async def make(self, values: Mapping[str, Any], take: int, context: CallContext) -> Media:
        """Make one row within an open *context*, and keep its media in `store`.

        Raises:
            MediaToolkitError: As `Agent.generate`.
        """

    def recipe(self) -> Recipe:
        """From which another process makes the same.

        Raises:
            PromptError: It cannot be made there.
        """

    async def close(self) -> None:
        """Close what was opened for it."""


class Journal(Protocol):
    """Where an executor that hands over rows by itself has them written down."""

    async def write_intents(self, rows: Sequence[RowRequest]) -> None:
        """Write down that *rows* are about to be sent; it lasts when this returns."""

    async def write_batch(self, name: str, rows: Sequence[RowRequest]) -> None:
        """Write down a vendor's batch of *rows*; with none, that it is over."""


class Executor(abc.ABC):
    """Where rows are made.

    Attributes:
        chunk: How many rows one lease holds at most.
        needs_reservation: Whether the run reserves the most that each row may cost in the budget
            of this process, since whatever makes the rows keeps no budget here.
        slots: How many leases it takes at once; None leaves that to the concurrency of the run.
        journal: Set by the run before `open`. Where `writes_intents` is true, the executor writes
            each intent there, just before it sends, in place of the run.
        is_one_request: Whether a lease counts as one for the rate, however many rows it has.
    """

    chunk: int = 1
    needs_reservation: bool = False
    slots: int | None = None
    writes_intents: bool = False
    is_one_request: bool = False
    journal: Journal | None = None

    @abc.abstractmethod
    async def open(self, maker: RowMaker, concurrency: int) -> None:
        """Get ready to make rows as *maker* does, some *concurrency* at once.

        Raises:
            MediaToolkitError: It cannot, such as a cluster without workers; nothing was sent.
        """

    async def collect(
        self,
        name: str,  # noqa: ARG002 - for those that have batches
        rows: Sequence[RowRequest],  # noqa: ARG002
    ) -> AsyncIterator[Outcome]:
        """As `make`, for rows that an earlier session handed over as the vendor's batch *name*.

        An executor without batches yields nothing, and the rows stay at the vendor.
        """
        nothing: Sequence[Outcome] = ()
        for outcome in nothing:
            yield outcome

    def extend(self, seconds: float) -> None:  # noqa: B027 - there may be none here
        """Move the deadlines of the rows that are being made here."""

    def upper(self, maker: RowMaker, values: Mapping[str, Any]) -> Decimal | None:
        """The most that a row may cost here, in USD, or None where that is unknown."""
        return maker.upper(values)

    def check(self, maker: RowMaker, values: Mapping[str, Any]) -> None:
        """Refuse a row that cannot be made here.

        Raises:
            PromptError: Says why.
        """
        maker.check(values)

    @abc.abstractmethod
    def make(self, rows: Sequence[RowRequest]) -> AsyncIterator[Outcome]:
        """Make *rows*, and yield how each has ended, in any order.

        After `close`, it soon yields how the rest stands. What may have been billed is unclear.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Stop what still runs, and let go of everything."""
