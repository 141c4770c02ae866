"""The context of one public call: its deadline, its listener, and what it may have cost.

The caller opens a `CallContext`, every room below reports events to it, and nothing else travels
upward. The deadline is one monotonic instant over attempts, waits, polls and download, and over
the queue for a slot at a vendor; it can be moved while the call runs. Its clock stands while the
call waits for what has a clock of its own, or for a worker of this process that others keep busy.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import ClassVar, Protocol, Self
from weakref import WeakKeyDictionary

from mediatoolkit.checks import finite_seconds, positive_seconds
from mediatoolkit.errors import DeadlineError, MediaToolkitError
from mediatoolkit.runtime.events import Event, Queued, Withdrawn
from mediatoolkit.runtime.work import WorkProgress

Listener = Callable[[Event], None]


class PaidRequests(Protocol):
    """Where the paid requests of a call are booked: a `Bill` of `pricing`."""

    def reserve(self) -> None:
        """Book the next request before it is sent.

        Raises:
            BudgetError: It is not to be sent.
        """

    def give_back(self) -> None:
        """That request was surely not billed."""

    def doubt(self) -> None:
        """That request was lost and may have been billed."""

    def settle(self, actual: Decimal | None) -> None:
        """The call has cost that much, in USD, although nothing comes of it; None is unknown."""


class CallContext:
    """The deadline, the listener and the bill of one public call; open it with `async with`.

    Args:
        seconds: Time for the whole call, more than 0.
        listener: Called with every event, on the call's own loop; it must be quick.
        connect: Longest wait for one connection, seconds; left out, the client's own.
        read: Longest silence between two pieces of an answer; left out, the client's own.

    Attributes:
        event: The last event, which says what the call does now.
        deadline: Loop time at which the call ends, seconds; None while the clock stands.
        is_paused: Whether the clock stands since the call waits for its turn.
        provider: Vendor of the call, for error messages, or None.
        is_free: Whether it costs nothing, since a machine of the user's does the work.
        paid: Number of requests that may be billed; a request that is refused no longer counts.
        job_id: The vendor's name for a job that goes on without us, or None.
        poll_after: Seconds that the vendor asks to wait before the next poll of that job, or None.
        last_words: What the last poll of that job brought in place of a result, or empty.
        was_withdrawn: Whether the vendor was asked to stop that job by an earlier call.
        way_back: A sentence that says how to come back to that job, or empty.
        spent: What requests have cost that were answered, in USD.
        unclear: What requests that were lost may have cost, in USD.
        bill: Where the requests that are paid are booked, or None.
        work: How far it has come.

    Raises:
        PromptError: A duration is not a positive number.
    """

    __slots__ = (
        "_initial_seconds",
        "_left",
        "_loop",
        "_pulse",
        "_timeout",
        "bill",
        "connect",
        "deadline",
        "event",
        "is_free",
        "is_paused",
        "job_id",
        "last_words",
        "listener",
        "paid",
        "poll_after",
        "provider",
        "read",
        "seconds",
        "spent",
        "unclear",
        "was_withdrawn",
        "way_back",
        "work",
    )

    def __init__(
        self,
        seconds: float,
        *,
        listener: Listener | None = None,
        connect: float | None = None,
        read: float | None = None,
    ) -> None:
        """Check the durations; the clock starts when the call is opened."""
        self._initial_seconds = self._left = self.seconds = positive_seconds(seconds)
        self.connect = None if connect is None else positive_seconds(connect, "connect")
        self.read = None if read is None else positive_seconds(read, "read")
        self.listener = listener
        self.event: Event = Queued()
        self.deadline: float | None = None
        self.is_free = self.is_paused = self.was_withdrawn = False
        self.provider: str | None = None
        self.paid = 0
        self.job_id: str | None = None
        self.poll_after: float | None = None
        self.last_words = self.way_back = ""
        self.bill: PaidRequests | None = None
        self.unclear = self.spent = Decimal(0)
        self.work = WorkProgress()
        self._timeout: asyncio.Timeout | None = None

    @property
    def may_have_been_billed(self) -> bool:
        """Whether the provider may have done work that is paid."""
        return self.paid > 0

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed, and is what ends the call."""
        return self._timeout is not None and self._timeout.expired()

    def afresh(self) -> "CallContext":
        """Return a context of the same durations that is not open yet; nobody listens to it.

        It knows of the job that goes on without us.
        """
        again = CallContext(self._initial_seconds, connect=self.connect, read=self.read)
        again.job_id = self.job_id
        again.was_withdrawn = isinstance(self.event, Withdrawn)
        return again

    def left(self) -> float:
        """Return the seconds until the deadline, never below 0; safe from any thread."""
        deadline = self.deadline
        return max(0.0, self._left if deadline is None else deadline - self._loop.time())

    def extend(self, seconds: float) -> None:
        """Move the deadline by *seconds*, which may be negative; a call that is over stays over.

        Raises:
            PromptError: *seconds* is not a finite number.
        """
        self.seconds = max(0.0, self.seconds + finite_seconds(seconds, "extend"))
        if self.deadline is None:
            self._left += seconds
        else:
            self._set_deadline(self.deadline + seconds)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Stop the clock during the block, in which the call only waits for its turn.

        The listener hears `Queued` first, and at the end again what it heard before.
        """
        self._left, self.is_paused, event = self.left(), True, self.event
        self._set_deadline(None)
        self.report(Queued())
        try:
            yield
        finally:
            self.is_paused = False
            if self._timeout is not None:
                self._set_deadline(self._loop.time() + self._left)
            self.report(event)

    def report(self, event: Event) -> None:
        """Tell the listener what happens now."""
        self.event = event
        self.work.hear(event)
        if self.listener is not None:
            self.listener(event)

    async def __aenter__(self) -> Self:
        """Start the clock."""
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()
        self._set_deadline(self._loop.time() + self._left)
        self._pulse = _Pulse.of(self._loop)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Turn a passed deadline into a `DeadlineError`; every error says whether it is free."""
        timeout, self._timeout = self._timeout, None
        self._pulse.calls -= 1
        if isinstance(error, MediaToolkitError):
            error.is_free = self.is_free
        if timeout is None:
            return
        try:
            await timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            failure = self._deadline_error()
        else:
            return
        try:
            raise failure
        finally:
            failure.__context__ = None  # its frames hold the request's headers

    def _set_deadline(self, deadline: float | None) -> None:
        self.deadline = deadline
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(deadline)

    def _deadline_error(self) -> DeadlineError:
        words = self.last_words
        stop = "" if words.endswith((".", "!", "?", "…")) else "."
        last_words = f" The last look brought: {words}{stop}" if words else ""
        going_on = f" The vendor goes on with job {self.job_id}." if self.job_id else ""
        way_back = f" {self.way_back}" if self.way_back else ""
        failure = DeadlineError(
            f"The call ran past its deadline of {self.seconds:g} s while {self.event}; "
            f"give it more with timeout=.{last_words}{going_on}{way_back}",
            stage=self.event.name,
            seconds=self.seconds,
            provider=self.provider,
            may_have_been_billed=self.may_have_been_billed,
        )
        failure.is_free = self.is_free
        return failure


class _Pulse:
    """Wakes a loop while calls are open, so that Stop reaches a quiet kernel.

    A SIGINT handler runs in the main thread but does not wake a loop that waits for a socket;
    without this, a cell that awaits a silent server ends with the server and not with Stop.

    Attributes:
        calls: Number of calls that are open on the loop.
        beating: Whether the next beat is scheduled.
    """

    PERIOD = 0.2  # seconds

    _by_loop: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, "_Pulse"]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self.calls = 0
        self.beating = False

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> "_Pulse":
        """Return the pulse of *loop*, which beats, and count one more call."""
        pulse = cls._by_loop.get(loop) or cls._by_loop.setdefault(loop, cls())
        pulse.calls += 1
        if not pulse.beating:
            pulse.beat(loop)
        return pulse

    def beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake *loop* again and again, while calls are open."""
        self.beating = self.calls > 0
        if self.beating:
            loop.call_later(self.PERIOD, self.beat, loop)


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long a call may take, in seconds.

    Attributes:
        total: The one deadline over attempts, waits, polls and download. At a vendor it also
            covers the queue for one of the client's slots (`Limits.concurrency`). The time that a
            call waits for other jobs, whose own deadlines hold, or for a busy worker of the local
            engine does not count.
        connect: Longest wait for one connection to be established, the look-up of its name aside.
        read: Longest silence between two pieces of an answer; None leaves it to `total`.

    Raises:
        PromptError: A value is not a positive number.
    """

    total: float = 180.0
    connect: float = 10.0
    read: float | None = None

    def __post_init__(self) -> None:
        """Check that each is a positive duration."""
        positive_seconds(self.total, "Timeout.total")
        positive_seconds(self.connect, "Timeout.connect")
        if self.read is not None:
            positive_seconds(self.read, "Timeout.read")

    def within(self, context: CallContext) -> "Timeout":
        """Return these durations, except those that *context* has of its own."""
        if context.connect is None and context.read is None:
            return self
        return Timeout(self.total, context.connect or self.connect, context.read or self.read)


def context_for(timeout: float | Timeout | None, default: Timeout) -> CallContext:
    """Make a context, not yet open, of what a user passed as `timeout=`.

    Args:
        timeout: Seconds for the whole call, or a `Timeout`, which then holds in all its parts.
        default: Its `total` holds when *timeout* is left out.

    Raises:
        PromptError: *timeout* is neither a positive number nor a `Timeout`.
    """
    if timeout is None:
        return CallContext(default.total)
    if isinstance(timeout, Timeout):
        return CallContext(timeout.total, connect=timeout.connect, read=timeout.read)
    return CallContext(timeout)


def timeout_of(timeout: float | Timeout | None, default: Timeout) -> Timeout:
    """Return a client's `timeout=` as a `Timeout`; a number is its `total`.

    Raises:
        PromptError: *timeout* is neither.
    """
    if timeout is None:
        return default
    return timeout if isinstance(timeout, Timeout) else Timeout(total=positive_seconds(timeout))
