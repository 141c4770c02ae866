"""The kernel around the cells: what its pages can show, and what happens when it or a cell ends."""

import asyncio
import atexit
import concurrent.futures
import contextlib
import functools
import getpass
import inspect
import os
import signal
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from IPython import get_ipython

from mediatoolkit.errors import MissingExtraError
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import cancel_all, running_jobs

if TYPE_CHECKING:
    from mediatoolkit.widgets.budget import BudgetPanel
    from mediatoolkit.widgets.buttons import Buttons
    from mediatoolkit.widgets.cells import JobsPanel
    from mediatoolkit.widgets.jobs_view import Handle, JobsView
    from mediatoolkit.widgets.kept_endings import KeptEndings

PATIENCE = 1.0  # seconds that a kernel waits for jobs and sessions before it ends

Bundle = tuple[dict[str, Any], dict[str, Any]]
"""MIME data and its metadata, as IPython takes them."""

Close = Callable[[], Awaitable[None]]

_LOSES = (
    "asyncio is patched by nest_asyncio. With ipykernel 7 it loses cells and clicks that arrive "
    "while a nested call runs. Restart the kernel and use mt.allow_nested() in its place."
)
_WAITS = (
    "While a nested call runs, ipykernel {version} hears clicks such as Cancel only when the call "
    "is over. Stop works at once; so does Cancel for what is awaited instead."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One execution, of a cell or of what a click started.

    Attributes:
        id: Id of the message that requested it.
        is_click: No cell runs; what is shown then cannot be replaced later.
        outputs: Model ids of the Output widgets that take what is displayed.
    """

    id: str
    is_click: bool = False
    outputs: frozenset[str] = frozenset()


class Kernel:
    """The kernel of this process, with all that is remembered of its pages.

    Attributes:
        loop: The loop of the cells, in the main thread; the thread of a click may have its own.
        lock: Guards what the pages show. Cells, clicks and the loops of jobs have threads of their
            own, and what a cell starts has to be displayed in the thread of that cell.
        is_hooked: Whether `hook` was called.
        is_busy: Whether a cell runs.
        is_ending: Whether it was asked to end.
        views: The views on which a job runs or may still be added.
        panel: What `mt.jobs` has shown last.
        budget_panel: What `mt.budget` shows.
        buttons: The model behind the buttons in plain outputs.
        kept_endings: The endings that stand in widgets.
        shown: In which cell a job or a result was shown.
        late_updates: What was put in place between two cells, where no page was seen, by the
            display that shows it: a program that executes notebooks listens only while a cell runs.
    """

    def __init__(self, shell: Any) -> None:
        """Nothing is changed in the kernel before `hook`."""
        self._shell = shell
        self.is_hooked = self.is_ending = False
        try:
            self.loop = cast("loops.Loop", shell.kernel.io_loop.asyncio_loop)
        except AttributeError:  # a kernel that is not ipykernel's
            self.loop = asyncio.get_running_loop()
        self.lock = threading.RLock()
        # A cell asks for the kernel first, so a cell runs.
        self.is_busy = True
        self.views: list[JobsView] = []
        self.panel: JobsPanel | None = None
        self.budget_panel: BudgetPanel | None = None
        self.buttons: Buttons | None = None
        self.kept_endings: KeptEndings | None = None
        self.shown: WeakKeyDictionary[object, Cell] = WeakKeyDictionary()
        self.late_updates: dict[Handle, Bundle] = {}

    def cell(self) -> Cell:
        """The execution that runs in this context."""
        parent = self._shell.get_parent()
        header = parent.get("header", parent)
        message = header.get("msg_id", "")
        outputs = frozenset[str]()
        if "ipywidgets" in sys.modules:  # else nobody has an Output
            from mediatoolkit.widgets.output_handle import capturing

            outputs = frozenset(output.model_id for output in capturing(message))
        return Cell(message, header.get("msg_type") == "comm_msg", outputs)

    def ask(self, line: str) -> str | None:
        """Ask the person at the page for a text that stays hidden, and wait for it.

        The whole kernel waits meanwhile, so nobody is asked while a job runs, and None comes back
        at once where no cell asks, or the page cannot. Stop is an empty answer.
        """
        may_ask = getattr(self._shell.kernel, "_allow_stdin", False) and not running_jobs()
        is_cell = threading.current_thread() is threading.main_thread() and not self.cell().is_click
        if not (may_ask and is_cell and self.is_busy):
            return None
        # While a cell awaits, ipykernel's handler would cancel the cell, and that waits here.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return getpass.getpass(line)
        except (KeyboardInterrupt, EOFError):
            return ""
        finally:
            signal.signal(signal.SIGINT, before)

    def hook(
        self,
        close: Close,
        *,
        on_cell_end: Callable[[Any], None],
        on_clear: Callable[[], None],
    ) -> None:
        """Hook into the kernel, once, from any of its threads.

        Args:
            close: Ends the jobs of the loop it runs on, and closes what they used there.
            on_cell_end: Called with IPython's result, or None, before a cell reports its end.
            on_clear: Called when a cell has cleared its output.
        """

        async def end() -> None:
            self.is_ending = True
            await close()

        self.is_hooked = True
        # ipykernel opens threads for clicks, and ends their loops when the front end closes them.
        here = threading.current_thread
        loops.register_loop_provider(
            lambda: self.loop if here().name.startswith("subshell-") else None
        )
        events = self._shell.events
        events.register("pre_run_cell", lambda _info: setattr(self, "is_busy", True))
        # In this order: what is put in place at the end of a cell still belongs to the cell.
        events.register("post_run_cell", on_cell_end)
        events.register("post_run_cell", lambda _result: setattr(self, "is_busy", False))
        self.loop.call_soon_threadsafe(_obey_stop, self._shell.kernel)
        _call_on_clear(self._shell.display_pub, on_clear)
        _close_on_shutdown(self._shell.kernel, self.loop, end)
        atexit.register(_close_at_exit, self.loop, end)


def here() -> Kernel | None:
    """The kernel that runs the cells; None in a terminal and in a script."""
    shell = get_ipython()
    return None if getattr(shell, "kernel", None) is None else _kernel_of(shell)


@functools.cache
def _kernel_of(shell: Any) -> Kernel:
    return Kernel(shell)


def shows_widgets() -> bool:
    """Whether the front end shows widgets of ours; otherwise text takes their place.

    `MEDIATOOLKIT_WIDGETS=plain` says that it does not. Colab shows those of other packages only
    after a call that loads them from a server, and a kernel without anywidget has none.
    """
    if os.environ.get("MEDIATOOLKIT_WIDGETS") == "plain" or "google.colab" in sys.modules:
        return False
    try:
        import_module("anywidget")
        import_module("ipywidgets")
    except ImportError:
        return False
    return True


def _call_on_clear(publisher: Any, act: Callable[[], None]) -> None:
    """Call *act* after each clear that a page hears of; `%%capture` has its own publisher."""
    usual = publisher.clear_output

    def clear_output(*args: Any, **kwargs: Any) -> None:
        usual(*args, **kwargs)
        act()

    publisher.clear_output = clear_output


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
    """Close when the kernel is asked to end; the request arrives in a thread of its own."""
    usual = kernel.do_shutdown

    async def do_shutdown(restart: bool) -> object:  # noqa: FBT001 - ipykernel's signature
        closing = [*_close_background(close)]
        if loop.is_running():
            closing.append(asyncio.run_coroutine_threadsafe(_bounded(close), loop))
        ends = [asyncio.wrap_future(future) for future in closing]
        # The loop of a cell that computes does not turn, so the wait has an end.
        await asyncio.wait(ends, timeout=PATIENCE)
        # A plain value in ipykernel's own kernel, awaitable in its base class.
        reply = usual(restart)
        return await reply if inspect.isawaitable(reply) else reply

    kernel.do_shutdown = do_shutdown


def _close_at_exit(loop: loops.Loop, close: Close) -> None:
    """Close at the other ends, such as `exit` in a cell: the loop stands but can run once more."""
    ends = _close_background(close)
    if not (loop.is_running() or loop.is_closed()):
        loop.run_until_complete(_bounded(close))
    concurrent.futures.wait(ends, PATIENCE)


def _close_background(close: Close) -> list[loops.Future]:
    """Close the jobs and views of the loop in the background, and then its thread."""
    turning = loops.background.turning()
    views = [asyncio.run_coroutine_threadsafe(_bounded(close), turning)] if turning else []
    return [*views, loops.background.end()]


async def _bounded(close: Close) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await close()


def allow_nested() -> None:
    """Let code in this kernel call `asyncio.run` and its like while a loop runs.

    Nothing here needs it; some libraries do. It patches asyncio with nest-asyncio2 for the whole
    process, until that ends. A click that comes during a nested call may wait for its end; a
    warning says where this is so. Stop does not wait.

    Raises:
        MissingExtraError: nest-asyncio2 is not installed.
    """
    try:
        import nest_asyncio2
    except ImportError as error:
        raise MissingExtraError(
            "Nested calls need nest-asyncio2: pip install 'mediatoolkit[nested]'"
        ) from error
    warn_of_nesting()
    nest_asyncio2.apply()
    if _ipykernel() >= (7, 4):
        _warn(_WAITS.format(version=".".join(map(str, _ipykernel()[:2]))))


def warn_of_nesting() -> None:
    """Warn, once, where a kernel was patched by what does not work in it."""
    old = hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")
    if old and _ipykernel() >= (7,):
        _warn(_LOSES)


@functools.cache  # each warning once, whatever cell it comes from
def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)


def _ipykernel() -> tuple[int, ...]:
    """The version of ipykernel, or () where there is no kernel."""
    ipykernel = sys.modules.get("ipykernel")
    return tuple(getattr(ipykernel, "version_info", ()))[:2]
