"""A deadline that comes when a test is ready for it, so that no clock decides."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mediatoolkit.call import Call
from mediatoolkit.job import Job


async def run_out(work: Call | Job[Any], holds: Callable[[], object]) -> None:
    """Let the time of *work* be over as soon as *holds*."""
    while not holds():
        await asyncio.sleep(0.01)
    work.extend(-1e6)


async def cut_short(
    work: Callable[[Call], Awaitable[object]], holds: Callable[[Call], object]
) -> None:
    """Do *work*, whose call runs out of time as soon as *holds*."""
    async with Call(60) as call:
        await asyncio.gather(work(call), run_out(call, lambda: holds(call)))
