"""The way of all rows of a run: request, intent, making, outcome."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from mediatoolkit.errors import (
    AuthenticationError,
    BudgetError,
    ClosedError,
    MediaToolkitError,
    ModelNotFoundError,
    RateLimitError,
    StorageError,
)
from mediatoolkit.pricing.budget import Reservation, budget
from mediatoolkit.pricing.dollars import ZERO
from mediatoolkit.runs.ledger import BatchNoted, Change, Contents, RunLedger
from mediatoolkit.runs.rate import RateLimiter
from mediatoolkit.runs.reconcile import Changed, adopt
from mediatoolkit.runs.results import Results
from mediatoolkit.runs.rows import Rows
from mediatoolkit.runs.work import Executor, Outcome, RowMaker, RowRequest, RowStatus

MOST_REPEATS = 5
"""How often a row is made again that comes back without a result, through no fault of its own."""

_FOR_ALL = (AuthenticationError, ClosedError, ModelNotFoundError, StorageError)
_STOP_WITHIN = 5.0  # seconds until rows that do not stop are left
_INTERRUPTED = (
    "The process or worker that made this row ended before the result was there, so the vendor may "
    "have billed it. run.retry(unclear=True) sends it again."
)
_AT_VENDOR = (
    "This row is in a vendor's batch that has not been collected. Start the run again under its "
    'name with on="batch": that collects it, and pays nothing twice.'
)


@dataclass(slots=True)
class Plan:
    """What a run is to do.

    Attributes:
        name: Of the run.
        rows: What is to be made.
        maker: What makes them.
        ledger: Where it is written down.
        executor: Where they are made.
        limiter: How many may start in a minute.
        cap: The most that the run may spend, over all its sessions, in USD, or None.
        concurrency: Rows at once.
        changed: What to do where the rows are not those that the ledger has.
        again: Which rows of an earlier session are made again.
        is_checked: Whether the rows are known to be such as can be made.
    """

    name: str
    rows: Rows
    maker: RowMaker
    ledger: Callable[[], RunLedger]
    executor: Callable[[], Executor]
    limiter: Callable[[], RateLimiter]
    cap: Decimal | None
    concurrency: int
    changed: Changed = None
    again: frozenset[RowStatus] = frozenset()
    is_checked: bool = True


class Driver:
    """One session of a run; it is the journal of its executor.

    Args:
        plan: What is to be done.
        results: Hears how each row stands.
        tell: Called with each row that has ended, and with None when the ledger is read.

    Attributes:
        executor: Where rows are made.
        more_seconds: What the deadline of each row has more than the agent's own.
        stopped_by: The error that holds for all rows and has ended the run, or None.
    """

    def __init__(self, plan: Plan, results: Results, tell: Callable[[int | None], None]) -> None:
        """Touch nothing yet."""
        self.plan = plan
        self.executor = plan.executor()
        self.executor.journal = self
        self.more_seconds = 0.0
        self.stopped_by: MediaToolkitError | None = None
        self._results = results
        self._tell = tell
        self._ledger = plan.ledger()
        self._limiter = plan.limiter()
        self._line = asyncio.Lock()  # of slots that wait for the rate
        self._debt = 0  # requests beyond those that the rate has let pass
        self._numbers: Sequence[int] = ()
        self._queue: deque[int] = deque()
        self._repeats: Counter[int] = Counter()
        self._attempts: Counter[int] = Counter()
        self._unclear: dict[int, Decimal] = {}  # of earlier repeats; their requests may be billed
        self._sent: set[int] = set()
        self._batches: dict[str, list[int]] = {}
        self._in_batches: set[int] = set()
        self._at_vendor = ZERO  # what the batches of earlier sessions may cost, in USD
        self._reserved: dict[int, Reservation] = {}
        self._waiting_slots: deque[asyncio.Future[None]] = deque()
        self._is_stopping = False

    async def run(self) -> None:
        """Make all rows that have no result yet.

        Raises:
            PromptError: The rows are not those that the ledger has.
            StorageError: The ledger cannot be read or written.
            MediaToolkitError: No row can be made, such as by a cluster without workers.
        """
        await asyncio.to_thread(self.plan.rows.identify)
        try:
            await self._adopt(await self._ledger.open())
            if not (self._queue or self._batches):
                return
            await self.executor.open(self.plan.maker, self.plan.concurrency)
            try:
                with self._cap():
                    await self._make_all()
            finally:
                await self.executor.close()
        finally:
            await self._ledger.close()

    def has_ended(self) -> list[int]:
        """The rows that have ended, but for those that are to be made again."""
        queue = set(self._queue)
        outcomes = enumerate(self._results.outcomes)
        return [at for at, outcome in outcomes if outcome is not None and at not in queue]

    async def write_intents(self, rows: Sequence[RowRequest]) -> None:
        """Write down that *rows* are about to be sent, and what each costs at most."""
        if not self.plan.maker.is_paid:
            return
        intents = [
            Outcome(
                self._numbers[row.number],
                RowStatus.SENT,
                unclear=self._unclear_cost(row.number, self._upper(row.number) or ZERO),
                attempts=self._attempts[row.number],
            )
            for row in rows
        ]
        try:
            await self._ledger.write(*intents)
        except BaseException:
            self._is_stopping = True
            for row in rows:
                self._ended(Outcome(row.number, RowStatus.WAITING))
            raise

    async def write_batch(self, name: str, rows: Sequence[RowRequest]) -> None:
        """Write down a vendor's batch of *rows*; with none, that it is over."""
        numbers = [row.number for row in rows]
        self._in_batches.update(numbers)
        await self._ledger.write(BatchNoted(name, [self._numbers[number] for number in numbers]))

    async def _adopt(self, contents: Contents) -> None:
        """Take over how each row stands, and line up those that are to be made."""
        changes = await asyncio.to_thread(self._taken_over, contents)
        if changes:
            await self._ledger.write(*changes)
        self._tell(None)

    def _taken_over(self, contents: Contents) -> list[Change]:
        """As `_adopt`, for a thread; returns what is to be written of it."""
        plan = self.plan
        adopted = adopt(contents, plan.rows, plan.maker.identity, plan.changed, plan.name)
        self._numbers, self._batches = adopted.numbers, adopted.batches
        self._in_batches = {at for numbers in self._batches.values() for at in numbers}
        self._results.spent += adopted.spent_elsewhere
        changes = adopted.changes
        for at, before in enumerate(adopted.outcomes):
            outcome = before
            if at in self._in_batches:
                self._at_vendor += before.cost if before is not None else ZERO
                continue
            if before is not None and before.status is RowStatus.SENT:
                outcome = self._interrupted(before)
                changes.append(outcome)
            if outcome is None or outcome.status in {RowStatus.WAITING, *plan.again}:
                self._queue.append(at)
            if outcome is not None and not outcome.is_blank:
                self._attempts[at] = outcome.attempts
                self._unclear[at] = outcome.unclear
                self._results.put(at, outcome.for_table(at))
        if not plan.is_checked:
            plan.rows.check(partial(self.executor.check, plan.maker), self._queue)
        return changes

    def _interrupted(self, outcome: Outcome) -> Outcome:
        """How a row stands whose process ended after it was sent."""
        if not self.plan.maker.is_paid:
            return replace(outcome, status=RowStatus.WAITING)
        error = MediaToolkitError(_INTERRUPTED, may_have_been_billed=True)
        return replace(outcome, status=RowStatus.UNCLEAR, error=error)

    def _cap(self) -> AbstractContextManager[object]:
        """The limit of the run, less what it has cost, or may cost, by earlier sessions."""
        if self.plan.cap is None:
            return contextlib.nullcontext()
        return budget.cap(max(ZERO, self.plan.cap - self._results.spent - self._at_vendor))

    async def _make_all(self) -> None:
        count = self.executor.slots or -(-self.plan.concurrency // self.executor.chunk)
        works = [self._collect(name, numbers) for name, numbers in self._batches.items()]
        works += [self._slot(count) for _ in range(min(count, len(self._queue)))]
        task_name = f"mediatoolkit run {self.plan.name}"
        slots = [asyncio.create_task(work, name=task_name) for work in works]
        try:
            _, others = await asyncio.wait(slots, return_when=asyncio.FIRST_EXCEPTION)
            if others:  # one has failed, and what the others have sent is still to be collected
                self._send_no_more()
                await asyncio.wait(others)
        finally:
            if not all(slot.done() for slot in slots):
                await self._stop(slots)
            for number in list(self._sent):
                self._lost(number)
            # All are looked at, since asyncio reports an error that nobody has seen.
            ended = [slot for slot in slots if slot.done() and not slot.cancelled()]
            errors = [error for slot in ended if (error := slot.exception()) is not None]
        for error in errors:
            raise error

    async def _stop(self, slots: Sequence[asyncio.Task[None]]) -> None:
        """Have all slots end: the executor stops its rows and says how they stand."""
        self._send_no_more()
        await self.executor.close()
        _, left = await asyncio.wait(slots, timeout=_STOP_WITHIN)
        for slot in left:
            slot.cancel()
        if left:
            await asyncio.wait(left)

    def _send_no_more(self) -> None:
        self._is_stopping = True
        self._queue.clear()
        self._limiter.end()
        self._wake(len(self._waiting_slots))

    async def _slot(self, slots: int) -> None:
        """Have the next rows made, until none is left."""
        while numbers := await self._next_rows(slots):
            self._ledger.check()
            requests, has_to_wait = self._requests(numbers)
            if requests:
                self._sent.update(request.number for request in requests)
                if not self.executor.writes_intents:
                    await self.write_intents(requests)
                has_to_wait |= await self._take(self.executor.make(requests), requests)
            if has_to_wait:
                await self._wait_for_budget()

    async def _collect(self, name: str, numbers: Sequence[int]) -> None:
        """Take what a vendor's batch of an earlier session brings."""
        self._sent.update(numbers)
        requests = [self._request(number, None) for number in numbers]
        await self._take(self.executor.collect(name, requests), requests)

    async def _take(self, outcomes: AsyncIterator[Outcome], requests: Sequence[RowRequest]) -> bool:
        """Take all *outcomes* of *requests*; returns whether one has to wait for the budget."""
        has_to_wait = False
        async for outcome in outcomes:
            has_to_wait |= self._ended(outcome)
        for request in requests:
            if request.number in self._sent:
                self._lost(request.number)
        return has_to_wait

    async def _next_rows(self, slots: int) -> list[int]:
        """The next rows, one or a chunk, when their turn has come."""
        async with self._line:  # nobody waits for a turn that no row is left for
            while self._queue and not self._is_stopping:
                await self._limiter.wait()
                if not self._debt:
                    break
                self._debt -= 1
            if not self._queue or self._is_stopping:
                return []
            fair = -(-len(self._queue) // slots)
            is_single = self._limiter.per_second and not self.executor.is_one_request
            count = 1 if is_single else min(self.executor.chunk, fair)
            return [self._queue.popleft() for _ in range(count)]

    def _requests(self, numbers: Sequence[int]) -> tuple[list[RowRequest], bool]:
        """Requests of rows, and whether one of them has to wait for the budget.

        Where the executor keeps no budget here, what each costs at most is reserved.
        """
        requests, has_to_wait = [], False
        for number in numbers:
            upper = self._upper(number) if self.executor.needs_reservation else None
            try:
                if self.executor.needs_reservation:
                    model = self.plan.maker.model_ids[0]
                    self._reserved[number] = budget.reserve(model, upper)
            except BudgetError as error:
                has_to_wait |= self._ended(Outcome(number, RowStatus.FAILED, error=error))
            else:
                requests.append(self._request(number, upper))
        return requests, has_to_wait

    def _request(self, number: int, cap: Decimal | None) -> RowRequest:
        values, take = self.plan.rows.values(number), self.plan.rows.takes[number]
        return RowRequest(number, values, take, self.more_seconds, cap)

    def _upper(self, number: int) -> Decimal | None:
        """The most that a row may cost, in USD, or None where that is unknown."""
        return self.executor.upper(self.plan.maker, self.plan.rows.values(number))

    def _ended(self, outcome: Outcome) -> bool:
        """Take an outcome; returns whether its slot has to wait for the budget."""
        number = outcome.number
        has_intent = number in self._sent
        self._sent.discard(number)
        self._in_batches.discard(number)
        self._settle(outcome)
        self._debt += max(0, outcome.attempts - 1) if self._limiter.per_second else 0
        self._attempts[number] += outcome.attempts
        outcome.attempts = self._attempts[number]
        outcome.unclear = self._unclear_cost(number, outcome.unclear)
        if outcome.unclear:
            self._unclear[number] = outcome.unclear
        has_to_wait = self._waits_for_budget(outcome)
        if has_to_wait or self._goes_again(outcome):
            if has_intent:  # which would be unclear if this process ended now
                waiting = outcome.for_ledger(self._numbers[number], RowStatus.WAITING)
                self._ledger.write_soon(waiting)
            self._repeats[number] += not has_to_wait
            (self._queue.appendleft if has_to_wait else self._queue.append)(number)
            return has_to_wait
        self._record(outcome)
        self._stop_for(outcome.error)
        self._wake(1 if self._sent else len(self._waiting_slots))
        return False

    def _record(self, outcome: Outcome) -> None:
        """Write down how a row has ended; one that was not sent waits for the next session."""
        number = outcome.number
        is_failed = outcome.status is RowStatus.FAILED
        is_unsent = is_failed and isinstance(outcome.error, (BudgetError, ClosedError))
        status = RowStatus.WAITING if is_unsent else outcome.status
        self._ledger.write_soon(outcome.for_ledger(self._numbers[number], status))
        self._results.put(number, None if outcome.is_blank else outcome)
        self._tell(number)

    def _lost(self, number: int) -> None:
        """Take a row about which its executor says nothing."""
        self._sent.discard(number)
        outcome = self._interrupted(Outcome(number, RowStatus.SENT, attempts=1))
        if number in self._in_batches:  # as the ledger has it already
            outcome.error = MediaToolkitError(_AT_VENDOR, may_have_been_billed=True)
            self._settle(outcome)
            self._results.put(number, outcome)
        else:
            outcome.unclear = self._upper(number) or ZERO
            self._settle(outcome)
            outcome.unclear = self._unclear_cost(number, outcome.unclear)
            self._record(outcome)
        self._wake(1 if self._sent else len(self._waiting_slots))

    def _unclear_cost(self, number: int, more: Decimal) -> Decimal:
        """What lost requests for a row may have cost in all its repeats, *more* among it."""
        return self._unclear.get(number, ZERO) + more

    def _settle(self, outcome: Outcome) -> None:
        """End the reservation of a row, where it has one."""
        reservation = self._reserved.pop(outcome.number, None)
        if reservation is None:
            return
        if outcome.status is RowStatus.UNCLEAR:
            reservation.doubt()
        elif outcome.status is RowStatus.DONE:
            reservation.settle(None if outcome.usd is None else outcome.usd + outcome.unclear)
        else:
            reservation.settle(outcome.unclear)

    def _waits_for_budget(self, outcome: Outcome) -> bool:
        """Whether a row may fit into the budget once another one has ended."""
        error = outcome.error
        if not isinstance(error, BudgetError) or outcome.status is not RowStatus.FAILED:
            return False
        # What is too dear while nothing is reserved stays so, however many others are looked at.
        may_fit = error.upper is not None and bool(error.reserved)
        return may_fit and bool(self._sent or self._reserved) and not self._is_stopping

    async def _wait_for_budget(self) -> None:
        """Wait until a row ends, which may leave some of what was reserved for it."""
        if self._sent and not self._is_stopping:
            future = asyncio.get_running_loop().create_future()
            self._waiting_slots.append(future)
            await future

    def _wake(self, count: int) -> None:
        while count > 0 and self._waiting_slots:
            future = self._waiting_slots.popleft()
            if not future.done():
                future.set_result(None)
                count -= 1

    def _goes_again(self, outcome: Outcome) -> bool:
        """Whether a row is made again, since it has no result through no fault of its own."""
        if self._is_stopping or self.stopped_by or self._repeats[outcome.number] >= MOST_REPEATS:
            return False
        if isinstance(outcome.error, RateLimitError):
            return outcome.status is RowStatus.FAILED and not outcome.error.quota_exhausted
        return outcome.status is RowStatus.WAITING

    def _stop_for(self, error: Exception | None) -> None:
        """End the run for an error that every further row would meet; those fail with it unsent."""
        if not isinstance(error, MediaToolkitError) or not _holds_for_all(error):
            return
        self.stopped_by = self.stopped_by or error
        unsent = copy(error)
        unsent.may_have_been_billed = False
        while self._queue:
            number = self._queue.popleft()
            self._results.put(number, Outcome(number, RowStatus.FAILED, error=unsent))
        self._limiter.end()
        self._wake(len(self._waiting_slots))


def _holds_for_all(error: MediaToolkitError) -> bool:
    """Whether every further row would fail in the same way."""
    if isinstance(error, RateLimitError):
        return error.quota_exhausted
    return isinstance(error, _FOR_ALL)
