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
from mediatoolkit.runs.work import Executor, Outcome, RowMaker, RowRequest, RowStatus
from mediatoolkit.runtime import owners

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

    books = True

    def __init__(self, on: Any) -> None:
        """Start nothing yet."""
        self._on = on
        self._count = _count(on)
        self._processes: LocalProcesses | None = None
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
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
            await self._across(self._session.open())
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
        if self._session is None:
            raise ClosedError("This executor is not open.")
        lease = Lease(next(self._numbers), tuple(rows))
        made = self._across(self._session.make(lease))
        self._leases.add(made)
        cancelled: asyncio.CancelledError | None = None
        try:
            await self._end_of(made)
        except asyncio.CancelledError as error:
            cancelled = error
            await self._leave(self._session.stop(lease.number))
            await self._end_of(made, _STOP_WITHIN)
        finally:
            self._leases.discard(made)
        for outcome in self._outcomes(made, lease):
            yield await self._kept(outcome)
        if cancelled is not None:
            raise cancelled

    def extend(self, seconds: float) -> None:
        """Move the deadlines of the rows that are being made."""
        if self._session is not None:
            self._across(self._session.extend(seconds))

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
        self._loop = self._client.loop.asyncio_loop
        self._check_client()
        self._loop_end = asyncio.create_task(self._await_loop_end(), name="mediatoolkit cluster")

    def _check_client(self) -> asyncio.AbstractEventLoop:
        """The loop of the client, which runs."""
        if self._loop is None or not self._loop.is_running() or self._client.status != "running":
            raise client_closed()
        return self._loop

    async def _await_loop_end(self) -> None:
        """Wait until the loop of the client has ended, of which nobody is told."""
        while self._loop is not None and self._loop.is_running():
            await asyncio.sleep(_BEAT)

    def _across(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Run *coroutine* on the loop of the client."""
        try:
            loop = self._check_client()
        except ClosedError:
            coroutine.close()
            raise
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))

    async def _leave(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """As `_across`, for what a cluster that is left need not hear."""
        with contextlib.suppress(ClosedError):
            await self._end_of(self._across(coroutine), _LEAVE_WITHIN)

    async def _end_of(self, future: asyncio.Future[Any], timeout: float | None = None) -> None:
        """Wait until *future* is done, or nothing is left that could do it."""
        assert self._loop_end is not None
        ends = {future, self._loop_end}
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _outcomes(self, made: asyncio.Future[list[Outcome]], lease: Lease) -> list[Outcome]:
        """What became of a lease, also where its worker does not say."""
        if made.done():
            return made.result()
        made.cancel()
        assert self._maker is not None
        return lease.completed([], self._maker)

    async def _kept(self, outcome: Outcome) -> Outcome:
        """*outcome*, whose media is kept here where it came back."""
        if outcome.media is None:
            return outcome
        assert self._maker is not None
        try:
            outcome.media = await self._maker.store.put(outcome.media)
        except StorageError as error:
            billed = self._maker.is_paid
            outcome.status = RowStatus.UNCLEAR if billed else RowStatus.FAILED
            outcome.error = error
        else:
            outcome.file = outcome.media.path.name if outcome.media.path else ""
        return outcome

    def _mark(self, store: Any, run: str) -> None:
        """Mark the folder of *store*, so that a worker can say whether it sees it."""
        folder = getattr(store, "folder", None)
        if folder is not None:
            self._marker.enter_context(owners.presence(folder, run))


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
