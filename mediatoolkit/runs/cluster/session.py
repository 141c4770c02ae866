"""A run on a Dask cluster, on the loop of the client."""

import asyncio
import contextlib
import secrets
import warnings
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, cast

from distributed.protocol.pickle import dumps
from distributed.scheduler import KilledWorker

from mediatoolkit.checks import quoted
from mediatoolkit.errors import (
    MediaToolkitError,
    MissingExtraError,
    PromptError,
    TransportError,
)
from mediatoolkit.runs.cluster import worker
from mediatoolkit.runs.cluster.leases import WORKER_LEFT, Lease, client_closed
from mediatoolkit.runs.work import Outcome, RowMaker

_LOOK_EVERY = 1.0  # seconds
_WORKERS_WITHIN = 10.0  # seconds until a cluster has a worker
_GREETED_WITHIN = 30.0  # seconds in which workers answer
_NO_WORKERS = (
    "The cluster has no worker; start some, such as with cluster.scale(2), or give on= a number of "
    "processes. What is not made yet is made by run.retry()."
)
_AS_MANY = 5  # workers that are named in an error


@dataclass(slots=True, eq=False)
class _Member:
    """A worker that takes part.

    Attributes:
        address: Of the worker.
        left: Has a result when the worker has left the cluster.
        rows: How many it makes now.
        is_running: Whether it takes tasks; one that is short of memory does not.
    """

    address: str
    left: asyncio.Future[None]
    rows: int = 0
    is_running: bool = True


class Session:
    """A run on the workers of a cluster.

    Args:
        client: Of the cluster.
        maker: What makes the rows; workers make their own.

    Attributes:
        run: Its name among the plug-ins of workers and the topics of the scheduler.

    Raises:
        PromptError: What makes the rows cannot travel.
    """

    def __init__(self, client: Any, maker: RowMaker) -> None:
        """Send nothing yet."""
        self.run = f"mediatoolkit-{secrets.token_hex(6)}"
        self._client, self._maker = client, maker
        self._shipment = worker.Shipment(self.run, maker.recipe(), maker.is_paid)
        _pickled(self._shipment, "What makes the rows")
        self._members: dict[str, _Member] = {}
        self._begun: set[int] = set()
        self._paused_until = 0.0
        self._is_stopping = False
        self._connection: Any = None
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._spreading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Hand the workers what makes the rows.

        Raises:
            TransportError: There is no worker within 10 s, or one does not answer.
            MissingExtraError: A worker has another version of this package or of Python.
            MediaToolkitError: A worker cannot make what makes the rows.
        """
        self._listen()
        try:
            async with asyncio.timeout(_WORKERS_WITHIN):
                while not (addresses := await self._unknown()):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(_LOOK_EVERY / 10)
        except TimeoutError as error:
            raise TransportError(_NO_WORKERS) from error
        scheduler = await self._facts_of_scheduler()
        if scheduler != worker.facts():
            raise _differing({"the scheduler": scheduler})
        await self._greet(addresses)
        self._watching = asyncio.create_task(self._watch(), name="mediatoolkit cluster")

    async def make(self, lease: Lease) -> list[Outcome]:
        """Have one worker make a lease; returns how each of its rows has ended.

        Raises:
            TransportError: There is no worker; nothing was sent.
            ClosedError: The client is closed; nothing was sent.
        """
        member = await self._least_busy()
        outcomes = [] if member is None else await self._lease(lease, member)
        return lease.completed(outcomes, self._maker)

    async def stop(self, number: int | None = None) -> None:
        """Stop the rows of one lease; left out, of all, and of those that come later."""
        if number is None:
            self._is_stopping = True
            self._wake()
        await self._tell(worker.stop, number)

    async def extend(self, seconds: float) -> None:
        """Move the deadlines of the rows that are being made."""
        await self._tell(worker.extend, seconds)

    async def close(self) -> None:
        """Let go of the workers."""
        for task in (self._watching, self._spreading):
            if task is not None:
                task.cancel()
        self._client.unsubscribe_topic(self.run)
        await self._tell(worker.end)
        self._members.clear()

    async def _least_busy(self) -> _Member | None:
        """The worker that makes the fewest rows, when no vendor asks for a pause.

        None when the run is being stopped.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _WORKERS_WITHIN
        while not self._is_stopping:
            if self._client.status not in {"running", "connecting"}:
                raise client_closed()
            running = [member for member in self._members.values() if member.is_running]
            now = loop.time()
            if now < self._paused_until:
                until = self._paused_until + _WORKERS_WITHIN
                await self._change(self._paused_until - now)
            elif running and self._client.status == "running":
                return min(running, key=lambda member: member.rows)
            elif now < until:
                await self._change(until - now)
            else:
                raise TransportError(_NO_WORKERS)
        return None

    async def _lease(self, lease: Lease, member: _Member) -> list[Outcome]:
        """Hand a lease to the worker at *member*; returns what is known of its rows."""
        try:
            rows = _pickled(lease.rows, "This row")
        except PromptError as error:
            lease.error = error
            return []
        key = f"mediatoolkit-rows-{self.run.removeprefix('mediatoolkit-')}-{lease.number}"
        lease.may_have_begun = True
        member.rows += len(lease.rows)
        # Bound to one worker: Dask neither steals it nor gives it to another when that one dies.
        future = self._client.submit(
            worker.make_rows,
            *(self.run, lease.number, key, rows),
            key=key,
            workers=[member.address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        result: asyncio.Future[Any] = asyncio.ensure_future(future.result())
        try:
            await asyncio.wait({result, member.left}, return_when=asyncio.FIRST_COMPLETED)
            outcomes = _outcomes(result)
            if outcomes is not None:
                lease.may_have_begun = False
                return outcomes
            await self._look_into(lease, member, result)
        finally:
            result.cancel()
            future.release()
            member.rows -= len(lease.rows)
            self._begun.discard(lease.number)
        return []

    async def _look_into(self, lease: Lease, member: _Member, result: asyncio.Future[Any]) -> None:
        """Find out how far a lease without a result has come."""
        if self._client.status != "running":
            return
        lease.end = WORKER_LEFT
        lease.may_have_begun = lease.number in self._begun or await self._is_in_events(lease)
        if result.done() and not result.cancelled():
            error = result.exception()
            if error is None:  # another process has its address, and knows nothing of the run
                self._forget(member.address)
            elif not isinstance(error, (KilledWorker, CancelledError)):
                lease.error = MediaToolkitError(f"A worker fails: {type(error).__name__}: {error}")

    async def _is_in_events(self, lease: Lease) -> bool:
        """Whether the scheduler knows that a lease has begun, or cannot be asked."""
        try:
            events = await self._client.get_events(self.run)
        except (OSError, RuntimeError):
            return True
        return any(message.get("begun") == lease.number for _, message in events)

    async def _unknown(self) -> list[str]:
        """The addresses of workers that take tasks and were not greeted; forgets who has left."""
        workers = (await self._client.scheduler.identity(n_workers=-1))["workers"]
        for address in self._members.keys() - workers.keys():
            self._forget(address)
        running = [address for address in workers if workers[address]["status"] == "running"]
        for member in self._members.values():
            member.is_running = member.address in running
        return [address for address in running if address not in self._members]

    async def _facts_of_scheduler(self) -> object:
        """What the scheduler has of this package, by which it reads tasks, or the error it met."""
        try:
            return cast("object", await self._client.run_on_scheduler(worker.facts))
        except Exception as error:  # noqa: BLE001 - whatever it lacks
            return error

    def _forget(self, address: str) -> None:
        """Give no more leases to a worker that is gone; one in its place is greeted anew."""
        member = self._members.pop(address, None)
        if member is not None:
            member.left.set_result(None)

    async def _greet(self, addresses: list[str]) -> None:
        """Hand the run to the workers at *addresses*.

        Raises:
            MediaToolkitError: One of them cannot take part; the others do.
        """
        try:
            async with asyncio.timeout(_GREETED_WITHIN):
                facts = await self._run(addresses, worker.facts)
                if strangers := {a: fact for a, fact in facts.items() if fact != worker.facts()}:
                    raise _differing(strangers)
                answers = await self._run(addresses, worker.begin, self._shipment)
        except TimeoutError as error:
            raise TransportError(
                f"Workers do not answer within {_GREETED_WITHIN:g} s; restart them."
            ) from error
        loop = asyncio.get_running_loop()
        for address, answer in answers.items():
            if answer is None:
                self._members[address] = _Member(address, loop.create_future())
        self._wake()
        for answer in answers.values():
            if isinstance(answer, MediaToolkitError):
                raise answer
            if answer is not None:
                raise MediaToolkitError(
                    f"A worker cannot make these rows: {type(answer).__name__}: {answer}"
                ) from answer

    async def _watch(self) -> None:
        """Follow who joins the cluster and who leaves it."""
        refused: set[str] = set()
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._client.status != "running":
                continue
            self._listen()
            try:
                for address in set(await self._unknown()) - refused:
                    refused.add(address)
                    await self._greet([address])
                    refused.discard(address)
            except MediaToolkitError as error:
                warnings.warn(f"A worker that joined makes no rows: {error}", stacklevel=1)
            except (OSError, RuntimeError):  # the next look will do
                continue

    async def _tell(self, function: Callable[..., object], *arguments: object) -> None:
        """Call *function* for this run on all workers; one that is gone need not hear it."""
        await self._run(list(self._members), function, self.run, *arguments)

    async def _run(
        self, addresses: list[str], function: Callable[..., object], *arguments: object
    ) -> dict[str, Any]:
        """What *function* returns at each of *addresses*, or the error that it met."""
        if not addresses:
            return {}
        answers: dict[str, Any] = await self._client.run(
            function, *arguments, workers=addresses, on_error="return"
        )
        return answers

    def _listen(self) -> None:
        """Hear what workers say; a new connection to the scheduler knows nothing of an old one."""
        if self._connection is not self._client.scheduler_comm:
            self._connection = self._client.scheduler_comm
            self._client.subscribe_topic(self.run, _weakly(self._hear))

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take a message of a worker."""
        _, message = event
        if "begun" in message:
            self._begun.add(message["begun"])
        elif "pause" in message:
            until = asyncio.get_running_loop().time() + message["pause"]
            self._paused_until = max(until, self._paused_until)
            self._spreading = self._spreading or asyncio.create_task(self._spread())

    async def _spread(self) -> None:
        """Tell all workers of a pause, and again when it has become longer meanwhile."""
        told = 0.0
        while told < self._paused_until:
            told = self._paused_until
            await self._tell(worker.pause, told - asyncio.get_running_loop().time())
        self._spreading = None

    async def _change(self, seconds: float) -> None:
        """Wait until something has changed, at most so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed.clear()


def _weakly(method: Callable[[Any], None]) -> Callable[[Any], None]:
    """Call *method* while its object lives: a client keeps its handlers after they are ended."""
    reference = weakref.WeakMethod(method)

    def call(event: Any) -> None:
        if (alive := reference()) is not None:
            alive(event)

    return call


def _outcomes(result: asyncio.Future[Any]) -> list[Outcome] | None:
    """What a worker has told of a lease, or None."""
    if not result.done() or result.cancelled() or result.exception() is not None:
        return None
    return cast("list[Outcome] | None", result.result())


def _pickled(thing: object, name: str) -> bytes:
    """*thing* as bytes that travel.

    Raises:
        PromptError: It cannot be pickled.
    """
    try:
        return cast("bytes", dumps(thing))  # type: ignore[no-untyped-call]
    except Exception as error:
        raise PromptError(
            f"{name} cannot travel to a worker: {type(error).__name__}: {error}"
        ) from error


def _differing(facts: Mapping[str, object]) -> MediaToolkitError:
    """The error for workers whose *facts* are not ours."""
    version, python = worker.facts()
    named = "; ".join(f"{a} has {_described(fact)}" for a, fact in list(facts.items())[:_AS_MANY])
    more = f"; and {len(facts) - _AS_MANY} more" if len(facts) > _AS_MANY else ""
    return MissingExtraError(
        "The cluster does not match this process, which has mediatoolkit "
        f"{version} on Python {python}: {named}{more}. Install the same there: "
        f'pip install "mediatoolkit[cluster]=={version}".'
    )


def _described(fact: object) -> str:
    if isinstance(fact, Exception):
        return f"no mediatoolkit that can take part ({type(fact).__name__}: {quoted(str(fact))})"
    version, python = cast("worker.Facts", fact)
    return f"mediatoolkit {version} on Python {python}"
