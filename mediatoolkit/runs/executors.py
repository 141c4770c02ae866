"""Where the rows of a run are made: on this loop, on a cluster, or in a vendor's batch."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from mediatoolkit.checks import is_whole, quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.runs.making import RowInProgress
from mediatoolkit.runs.work import Executor, Outcome, RowMaker, RowRequest

BATCH = "batch"
_STOP_WITHIN = 4.0  # seconds


class LoopExecutor(Executor):
    """Makes each row as a task of the running loop."""

    def __init__(self) -> None:
        """Make nothing yet."""
        self._maker: RowMaker | None = None
        self._running: dict[asyncio.Task[Outcome], RowInProgress] = {}

    async def open(self, maker: RowMaker, concurrency: int) -> None:  # noqa: ARG002 - the run has slots
        """Remember what makes the rows."""
        self._maker = maker

    async def make(self, rows: Sequence[RowRequest]) -> AsyncIterator[Outcome]:
        """Make *rows* at once, and yield each as it ends."""
        if self._maker is None:
            raise RuntimeError("The executor is not open.")
        tasks: dict[asyncio.Task[Outcome], RowInProgress] = {}
        for request in rows:
            row = RowInProgress(self._maker, request)
            tasks[asyncio.create_task(row.make())] = row
        self._running |= tasks
        try:
            left = set(tasks)
            while left:
                ended, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    yield tasks[task].stopped() if task.cancelled() else task.result()
        finally:
            for task in tasks:
                task.cancel()
                self._running.pop(task, None)

    def extend(self, seconds: float) -> None:
        """Move the deadlines of the rows that are being made."""
        for row in self._running.values():
            row.context.extend(seconds)

    async def close(self) -> None:
        """Stop the rows that are being made."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        if tasks:  # a write that has begun is finished, and may take its time
            await asyncio.wait(tasks, timeout=_STOP_WITHIN)


def executor_for(on: Any) -> Executor:
    """The executor that *on* means.

    Args:
        on: None is this loop, a whole number so many processes of this machine, a client of Dask
            its cluster, and `"batch"` a vendor's batch.

    Raises:
        PromptError: It is none of these.
    """
    if on is None:
        return LoopExecutor()
    if isinstance(on, Executor):
        return on
    if isinstance(on, str):
        if on != BATCH:
            raise PromptError(f'on takes "batch" as its only word, not {quoted(on)}.')
        from mediatoolkit.runs.batch import BatchExecutor

        return BatchExecutor()
    if is_whole(on) and not 1 <= on <= 1024:
        raise PromptError(f"on takes 1 to 1,024 processes, not {quoted(on)}.")
    from mediatoolkit.runs.cluster import ClusterExecutor

    return ClusterExecutor(on)
