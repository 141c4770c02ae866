"""Rows made by the workers of a Dask cluster.

`ClusterExecutor` lives on the loop of the run. Everything that talks to Dask lives on the loop of
the client, in `session`; `worker` holds what happens on a worker, and `processes` starts a
cluster on this machine. Dask is imported when a cluster is opened, and not before.

A lease is one task of Dask that is bound to one worker, so that no other worker ever makes its
rows. It leaves its slot on the worker at once: rows mostly wait for a vendor, and a worker with
one thread can wait for many.
"""

import asyncio
import contextlib
import importlib
import itertools
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import ClosedError, MissingExtraError, PromptError, StorageError
from mediatoolkit.runs.cluster.leases import Lease, client_closed
from mediatoolkit.runs.making import name_in
from mediatoolkit.runs.work import Executor, Outcome, RowMaker, RowRequest, RowStatus
from mediatoolkit.store import Store

if TYPE_CHECKING:
    from mediatoolkit.runs.cluster.processes import LocalProcesses
    from mediatoolkit.runs.cluster.session import Session

T = TypeVar("T")

_BEAT = 0.5  # seconds between two looks at a loop that may end without a word
_STOP_WITHIN = 3.0  # seconds that rows have to stop
_LEAVE_WITHIN = 3.0  # seconds for each step when a cluster is left


class ClusterExecutor(Executor):
    """Makes rows on the workers of a Dask cluster.

    A lease holds one row: it costs this process some 2 ms, and one of several rows would keep its
    slot until the slowest of them has ended.

    Args:
        on: A Dask client, synchronous or asynchronous, of whatever loop; or a whole number: so many
            processes of this machine, which end with this one. They listen on loopback, and like
            every Dask cluster without TLS they trust whoever reaches them: the machine's users.

    Raises:
        PromptError: It is neither.
        MissingExtraError: Dask is not installed.
    """

    needs_reservation = True

    def __init__(self, on: Any) -> None:
        """Start nothing yet."""
        self._on = on
        self._count = _count(on)
        self._processes: LocalProcesses | None = None
        self._client: Any = None
        self._loop_end: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._maker: RowMaker | None = None
        self._numbers = itertools.count(1)
        self._leases: set[asyncio.Future[list[Outcome]]] = set()
        self._marker = contextlib.ExitStack()

    async def open(self, maker: RowMaker, concurrency: int) -> None:  # noqa: ARG002 - the run has slots
        """Start the workers, or greet them, and hand them what makes the rows.

        Raises:
            TransportError: The cluster has no workers, or does not start.
            MissingExtraError: A worker has another version of this package or of Python.
            ClosedError: The client is closed.
            PromptError: What makes the rows cannot travel.
            StorageError: The store cannot keep media.
        """
        self._maker = maker
        try:
            await maker.store.check()
            # The import takes a second, in which the loop of a kernel has other things to do.
            await asyncio.to_thread(importlib.import_module, "mediatoolkit.runs.cluster.session")
            await self._connect()
            from mediatoolkit.runs.cluster.session import Session

            self._session = Session(self._client, maker)
            await asyncio.to_thread(self._mark, maker.store, self._session.run)
            await self._answer(self._session.open())
        except BaseException:
            await self.close()
            raise

    async def make(self, rows: Sequence[RowRequest]) -> AsyncIterator[Outcome]:
        """Make *rows* on one worker, and yield how each has ended.

        A cancel stops them there; how they stand is yielded before it passes on.

        Raises:
            TransportError: The cluster has no worker any more; nothing was sent.
            ClosedError: The client or this executor is closed; nothing was sent.
        """
        session, maker = self._session, self._maker
        if session is None or maker is None:
            raise ClosedError("This executor is not open.")
        lease = Lease(next(self._numbers), tuple(rows))
        try:
            made = self._across(session.make(lease))
        except ClosedError:
            for row in rows:
                yield Outcome(row.number, RowStatus.WAITING)
            raise
        self._leases.add(made)
        cancelled: asyncio.CancelledError | None = None
        try:
            await self._end_of(made)
        except asyncio.CancelledError as error:
            cancelled = error
            await self._leave(session.stop(lease.number))
            await self._end_of(made, _STOP_WITHIN)
        finally:
            self._leases.discard(made)
        made.cancel()
        problem = None if made.cancelled() else made.exception()
        is_told = not made.cancelled() and problem is None
        for outcome in made.result() if is_told else lease.completed([], maker):
            yield await _kept(outcome, maker)
        if cancelled is not None:
            raise cancelled
        if problem is not None:
            raise problem

    def extend(self, seconds: float) -> None:
        """Move the deadlines of the rows that are being made."""
        if self._session is not None:
            with contextlib.suppress(ClosedError):
                self._across(self._session.extend(seconds)).add_done_callback(_heard)

    async def close(self) -> None:
        """Stop the rows, let go of the workers, and end the processes that were started here."""
        session, self._session = self._session, None
        if session is not None:
            await self._leave(session.stop())
            if self._leases:
                await asyncio.wait(self._leases, timeout=_STOP_WITHIN)
            await self._leave(session.close())
        if self._loop_end is not None:
            self._loop_end.cancel()
        await asyncio.to_thread(self._marker.close)
        processes, self._processes = self._processes, None
        if processes is not None:
            await asyncio.to_thread(processes.close)

    async def _connect(self) -> None:
        """Take the client, or start processes and connect to them."""
        self._client = self._on
        if self._count:
            from mediatoolkit.runs.cluster.processes import LocalProcesses

            self._processes = LocalProcesses(self._count)
            self._client = await asyncio.to_thread(self._processes.start)
        loop = self._running_loop()
        self._loop_end = asyncio.create_task(_end_of_loop(loop), name="mediatoolkit cluster")

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the client.

        Raises:
            ClosedError: It has ended, or the client is closed.
        """
        loop: asyncio.AbstractEventLoop = self._client.loop.asyncio_loop
        if self._client.status not in {"running", "connecting"} or not loop.is_running():
            raise client_closed()
        return loop

    def _across(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run *coroutine* on the loop of the client."""
        try:
            loop = self._running_loop()
        except ClosedError:
            coroutine.close()
            raise
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))

    async def _answer(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What *coroutine* returns on the loop of the client.

        Raises:
            ClosedError: The client was closed meanwhile.
        """
        answer = self._across(coroutine)
        try:
            await self._end_of(answer)
            if not answer.done():
                raise client_closed()
            return answer.result()
        finally:
            answer.cancel()

    async def _leave(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """As `_across`, for what a cluster that is left need not hear."""
        with contextlib.suppress(ClosedError):
            end = self._across(coroutine)
            end.add_done_callback(_heard)
            await self._end_of(end, _LEAVE_WITHIN)

    async def _end_of(self, future: asyncio.Future[Any], timeout: float | None = None) -> None:
        """Wait until *future* is done, or nothing is left that could do it."""
        ends = {future} if self._loop_end is None else {future, self._loop_end}
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _mark(self, store: Store, run: str) -> None:
        """Mark *store*, so that a worker can say whether it sees it."""
        self._marker.enter_context(store.mark(run))


async def _kept(outcome: Outcome, maker: RowMaker) -> Outcome:
    """*outcome*, whose media is kept here where it came back."""
    if outcome.media is None:
        return outcome
    try:
        outcome.media = await maker.store.put(outcome.media)
        outcome.file = await name_in(maker.store, outcome.media)
    except StorageError as error:
        outcome.status = RowStatus.UNCLEAR if maker.is_paid else RowStatus.FAILED
        outcome.error = error
    return outcome


async def _end_of_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Wait until *loop*, of another thread, has ended, of which nobody is told."""
    while loop.is_running():  # noqa: ASYNC110
        await asyncio.sleep(_BEAT)


def _heard(future: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for, or asyncio reports it."""
    if not future.cancelled():
        future.exception()


def _count(on: Any) -> int:
    """How many processes *on* asks for; none where it is a client.

    Raises:
        PromptError: It is neither.
        MissingExtraError: Dask is not installed.
    """
    if is_whole(on) and on > 0:
        if find_spec("distributed") is None:
            raise MissingExtraError(
                "Several processes need Dask, which is not installed: "
                'pip install "mediatoolkit[cluster]".'
            )
        return int(on)
    dask = sys.modules.get("distributed")
    if dask is None or not isinstance(on, dask.Client):
        is_cluster = dask is not None and isinstance(on, dask.deploy.Cluster)
        hint = "; a cluster has one: on=cluster.get_client()" if is_cluster else ""
        raise PromptError(
            "on takes a number of processes from 1, a Dask client, or "
            f'"batch", not {quoted(on)}{hint}.'
        )
    return 0
