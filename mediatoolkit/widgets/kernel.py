"""The kernel around the cells: what to do when one of them ends, and when all of them do."""

import asyncio
import atexit
import concurrent.futures
import contextlib
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

from IPython import get_ipython

from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import cancel_all

PATIENCE = 1.0  # seconds a kernel waits for jobs and sessions before it goes

Close = Callable[[], Awaitable[None]]

cell_runs = threading.Event()
"""Set while a cell runs; also in the one that hooks into the kernel."""

_installed: list[object] = []


def here() -> Any:
    """The kernel that runs the cells; None in a terminal and in a script."""
    return getattr(get_ipython(), "kernel", None)


def loop_of_cells() -> loops.Loop:
    """The one in the main thread of this kernel; the thread of a click may have its own."""
    try:
        return cast("loops.Loop", here().io_loop.asyncio_loop)
    except AttributeError:  # a kernel that is not ipykernel's
        return asyncio.get_running_loop()


def install(close: Close, *, on_cell_end: Callable[[Any], None]) -> bool:
    """Hook into this kernel, from any of its threads; later calls change nothing.

    Args:
        close: Ends the jobs of the loop it runs on, and closes what they used there.
        on_cell_end: Called with IPython's result, or None, before a cell reports that it is over.

    Returns:
        Whether this was the first call.
    """
    shell = get_ipython()
    if shell in _installed:
        return False
    _installed.append(shell)
    loop = loop_of_cells()
    loops.register_loop_provider(lambda: loop if _is_subshell() else None)
    cell_runs.set()
    shell.events.register("pre_run_cell", lambda _info: cell_runs.set())
    shell.events.register("post_run_cell", on_cell_end)
    shell.events.register("post_run_cell", lambda _result: cell_runs.clear())
    loop.call_soon_threadsafe(_obey_stop, shell.kernel)
    _close_on_shutdown(shell.kernel, loop, close)
    atexit.register(_close_at_exit, loop, close)
    return True


def _is_subshell() -> bool:
    """Whether ipykernel opened this thread; its loop ends when the front end closes the thread."""
    return threading.current_thread().name.startswith("subshell-")


def _obey_stop(kernel: Any) -> None:
    """Have Stop cancel the jobs that run on when no cell does.

    Between two messages ipykernel ignores SIGINT; while it handles one, it keeps the handler to go
    back to. What it then calls comes at once: Python runs it also while the loop waits.
    """

    def stop(_signal: int, _frame: object) -> None:
        cancel_all()

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    elif getattr(kernel, "saved_sigint_handler", None) is signal.SIG_IGN:
        kernel.saved_sigint_handler = stop


def _close_on_shutdown(kernel: Any, loop: loops.Loop, close: Close) -> None:
    """The gentle way: the request arrives in a thread of its own while the cells' loop runs on."""
    usual = kernel.do_shutdown

    async def do_shutdown(restart: bool) -> object:  # noqa: FBT001 - ipykernel's signature
        closing = [*_close_background(close)]
        if loop.is_running():
            closing.append(asyncio.run_coroutine_threadsafe(_bounded(close), loop))
        ends = [asyncio.wrap_future(each) for each in closing]
        await asyncio.wait(ends, timeout=PATIENCE)  # the loop of a busy cell does not turn
        answer = usual(restart)  # a plain value in ipykernel's own kernel, awaitable in its base
        return await answer if inspect.isawaitable(answer) else answer

    kernel.do_shutdown = do_shutdown


def _close_at_exit(loop: loops.Loop, close: Close) -> None:
    """The other ways, such as `exit` in a cell: the loop stands still but can run once more."""
    ends = _close_background(close)
    if not (loop.is_running() or loop.is_closed()):
        loop.run_until_complete(_bounded(close))
    concurrent.futures.wait(ends, PATIENCE)


def _close_background(close: Close) -> list[loops.Future]:
    """Jobs and their views there, and then the thread."""
    turning = loops.background.turning()
    views = [asyncio.run_coroutine_threadsafe(_bounded(close), turning)] if turning else []
    return [*views, loops.background.end()]


async def _bounded(close: Close) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await close()
