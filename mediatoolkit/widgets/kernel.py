"""The kernel around the cells: what to do when one of them ends, and when all of them do."""

import asyncio
import atexit
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from IPython import get_ipython

PATIENCE = 1.0  # seconds a kernel waits for jobs and sessions before it goes

Close = Callable[[], Awaitable[None]]

_installed: list[object] = []


def install(close: Close, *, on_cell_end: Callable[[Any], None]) -> bool:
    """Hook into this kernel; later calls change nothing.

    Args:
        close: Ends the jobs and closes what they used; runs on the loop of the cells.
        on_cell_end: Called with IPython's result, or None, before a cell reports that it is over.

    Returns:
        Whether this was the first call.
    """
    shell = get_ipython()
    if shell in _installed:
        return False
    _installed.append(shell)
    loop = asyncio.get_running_loop()
    shell.events.register("post_run_cell", on_cell_end)
    _close_on_shutdown(shell.kernel, loop, close)
    atexit.register(_close_at_exit, loop, close)
    return True


def _close_on_shutdown(kernel: Any, loop: asyncio.AbstractEventLoop, close: Close) -> None:
    """The gentle way: the request arrives in a thread of its own while the cells' loop runs on."""
    usual = kernel.do_shutdown

    async def do_shutdown(restart: bool) -> object:  # noqa: FBT001 - ipykernel's signature
        if loop.is_running():
            closed = asyncio.run_coroutine_threadsafe(_bounded(close), loop)
            with contextlib.suppress(TimeoutError):  # a busy cell: its loop does not turn
                await asyncio.wait_for(asyncio.wrap_future(closed), PATIENCE)
        answer = usual(restart)  # a plain value in ipykernel's own kernel, awaitable in its base
        return await answer if inspect.isawaitable(answer) else answer

    kernel.do_shutdown = do_shutdown


def _close_at_exit(loop: asyncio.AbstractEventLoop, close: Close) -> None:
    """The other ways, such as `exit` in a cell: the loop stands still but can run once more."""
    if not (loop.is_running() or loop.is_closed()):
        loop.run_until_complete(_bounded(close))


async def _bounded(close: Close) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await close()
