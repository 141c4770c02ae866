"""A deadline that comes when a test is ready for it, so that no clock decides."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job


async def run_out(work: CallContext | Job[Any], holds: Callable[[], object]) -> None:
    """Let the time of *work* be over as soon as *holds*."""
    while not holds():
        await asyncio.sleep(0.01)
    work.extend(-1e6)


async def cut_short(
    work: Callable[[CallContext], Awaitable[object]], holds: Callable[[CallContext], object]
) -> None:
    """Do *work*, whose call runs out of time as soon as *holds*."""
    async with CallContext(60) as context:
        await asyncio.gather(work(context), run_out(context, lambda: holds(context)))
