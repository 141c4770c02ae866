"""What runs now, on every loop; and how a thread without a loop waits for it."""

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from mediatoolkit.errors import PromptError
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import Job, alive
from mediatoolkit.runtime.task import LoopTask

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def running(loop: loops.Loop | None = None) -> list[Job[Any]]:
    """All jobs that run, or those on *loop*, in no order; also those that nobody has kept."""
    for job in list(alive):
        if job.loop.is_closed():
            alive.discard(job)  # its loop went without a word
    return [job for job in list(alive) if loop is None or job.loop is loop]


def cancel_all(loop: loops.Loop | None = None) -> int:
    """Cancel every running job, or those on *loop*; safe from any thread.

    Returns:
        How many there were.
    """
    jobs = running(loop)
    for job in jobs:
        job.cancel()
    return len(jobs)


def run(work: "Coroutine[Any, Any, T] | Job[T]") -> T:
    """Block this thread until *work* is done on the loop in the background.

    For code without `await`: `fox = mt.run(agent.generate("a red fox"))`. Ctrl-C cancels it.

    Raises:
        PromptError: *work* is neither a coroutine nor a job, or this is the background itself.
        MediaToolkitError: Whatever it raised.
    """
    if isinstance(work, Job):
        return work.result()
    if not asyncio.iscoroutine(work):
        raise PromptError(
            f"mt.run takes a coroutine or a job, such as agent.generate(…), not "
            f"{type(work).__name__}."
        )
    if loops.background.is_here():
        work.close()
        raise PromptError("This runs in the background already; use `await` in place of mt.run.")
    task = LoopTask(lambda: work, name="mediatoolkit run")
    task.go_to(loops.background.loop())
    return task.result()
