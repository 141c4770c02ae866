"""A run on one worker of a Dask cluster: what makes its rows, and the rows that it makes.

All of this runs on the loop of the worker.
"""

import asyncio
import contextlib
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distributed import Worker, WorkerPlugin, get_worker
from distributed.protocol.pickle import loads
from distributed.worker_state_machine import SecedeEvent

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runs.making import RowInProgress
from mediatoolkit.runs.work import Outcome, Recipe, RowRequest
from mediatoolkit.version import VERSION

Facts = tuple[str, str]


def facts() -> Facts:
    """The version of this package, and the minor one of Python."""
    return VERSION, f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True, repr=False)
class Shipment:
    """What a worker gets once for a run; its `repr` shows nothing, since there may be a key in it.

    Attributes:
        run: The name of the run among the worker's plug-ins, and of its topic.
        recipe: From which the worker makes what makes the rows.
        is_paid: Whether rows may cost anything.
    """

    run: str
    recipe: Recipe
    is_paid: bool


class WorkerRun(WorkerPlugin):
    """A run on this worker.

    Args:
        shipment: What makes it.
    """

    def __init__(self, shipment: Shipment) -> None:
        """Make what makes the rows; it opens nothing before the first row."""
        self.maker = shipment.recipe.maker()
        self._run, self._is_paid = shipment.run, shipment.is_paid
        self._returns_media = False
        self._leases: dict[int, dict[asyncio.Task[Outcome], RowInProgress]] = {}
        self._refused: set[int] = set()
        self._is_stopped = False

    async def setup(self, worker: Worker) -> None:
        """Begin to listen for pauses, and see whether the driver looks into the same store."""
        self._worker = worker
        self._end_of_hook = self.maker.on_pause(self._tell_pause)
        self._returns_media = not await asyncio.to_thread(self.maker.store.is_marked, self._run)

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask passes it
        """Stop all rows, and close what was opened for them."""
        self.stop()
        self._end_of_hook()
        await self.maker.close()

    async def make(self, number: int, key: str, rows: Sequence[RowRequest]) -> list[Outcome]:
        """Make *rows* at once; returns how they have ended, or nothing where none was begun."""
        _leave_slot(self._worker, key)
        if self._is_paid:
            # The scheduler knows before anything is sent: a death of this worker cannot hide it.
            await self._worker.scheduler.log_event(topic=self._run, msg={"begun": number})
        if self._is_stopped or number in self._refused:
            return []
        made = [RowInProgress(self.maker, row) for row in rows]
        tasks = {asyncio.create_task(row.make()): row for row in made}
        self._leases[number] = tasks
        try:
            await asyncio.wait(tasks)
        finally:
            del self._leases[number]
            for task in tasks:
                task.cancel()
        return [self._portable(task, row) for task, row in tasks.items()]

    def stop(self, number: int | None = None) -> None:
        """Stop the rows of one lease, also when it comes later; left out, of all."""
        if number is None:
            self._is_stopped = True
        elif number not in self._leases:
            self._refused.add(number)
        for lease, tasks in self._leases.items():
            if number in {None, lease}:
                for task in tasks:
                    task.cancel()

    def extend(self, seconds: float) -> None:
        """Move the deadlines of the rows that are being made."""
        for tasks in self._leases.values():
            for row in tasks.values():
                row.context.extend(seconds)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, since the vendor asked another worker for it."""
        self.maker.pause(seconds)

    def _tell_pause(self, seconds: float) -> None:
        """Tell the driver, in whatever thread the vendor's answer came."""
        self._worker.loop.add_callback(self._worker.log_event, self._run, {"pause": seconds})

    def _portable(self, task: asyncio.Task[Outcome], row: RowInProgress) -> Outcome:
        """How a row has ended, as it can travel; its media stays where the driver sees it."""
        outcome = row.stopped() if task.cancelled() else task.result()
        if outcome.media is not None and not self._returns_media:
            outcome.media = None
        if outcome.error is not None:
            outcome.error = _portable_error(outcome.error)
        return outcome


async def begin(shipment: Shipment, dask_worker: Worker) -> Exception | None:
    """Begin a run on this worker; an error is returned, since Dask logs the arguments of others."""
    try:
        run = WorkerRun(shipment)
        await dask_worker.plugin_add(plugin=run, name=shipment.run, catch_errors=False)
    except Exception as error:  # noqa: BLE001 - the driver raises it
        return _portable_error(error)
    return None


_loaded: Callable[[bytes], Sequence[RowRequest]] = loads


async def make_rows(run: str, number: int, key: str, rows: bytes) -> list[Outcome] | None:
    """Make the rows of a lease, in a pickle that the scheduler need not read.

    None in a process that knows nothing of the run: it has taken the place, with the address, of
    the worker that the lease was for, which may have begun with it.
    """
    here = _run_on(get_worker(), run)
    return None if here is None else await here.make(number, key, _loaded(rows))


def stop(run: str, number: int | None, dask_worker: Worker) -> None:
    """Stop one lease of a run, or all."""
    if here := _run_on(dask_worker, run):
        here.stop(number)


def pause(run: str, seconds: float, dask_worker: Worker) -> None:
    """Send nothing for so many seconds."""
    if here := _run_on(dask_worker, run):
        here.pause(seconds)


def extend(run: str, seconds: float, dask_worker: Worker) -> None:
    """Move the deadlines of what is being made."""
    if here := _run_on(dask_worker, run):
        here.extend(seconds)


async def end(run: str, dask_worker: Worker) -> None:
    """End a run on this worker."""
    if run in dask_worker.plugins:
        await dask_worker.plugin_remove(name=run)


def _run_on(worker: Worker, run: str) -> WorkerRun | None:
    plugin = worker.plugins.get(run)
    return plugin if isinstance(plugin, WorkerRun) else None


def _leave_slot(worker: Worker, key: str) -> None:
    """Let other tasks begin on this worker: a row waits for others most of the time.

    `distributed.secede` does it for tasks in threads alone.
    """
    worker.handle_stimulus(
        SecedeEvent(key=key, compute_duration=0.0, stimulus_id=f"secede-{time.time()}")
    )


def _portable_error(error: Exception) -> Exception:
    """*error* itself where it can travel, else one that says the same."""
    with contextlib.suppress(Exception):
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        return error
    billed = isinstance(error, MediaToolkitError) and error.may_have_been_billed
    return MediaToolkitError(f"{type(error).__name__}: {error}", may_have_been_billed=billed)
