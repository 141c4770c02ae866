"""Which run of a cell asks for something, so that identical requests are counted run by run.

A click is a run of its own, as a cell that is run again is: asking for the same gives the same.
"""

from collections.abc import Callable, Hashable
from contextvars import Context, ContextVar
from typing import Any, TypeVar

from IPython import get_ipython

from mediatoolkit.runtime.takes import register_run_provider, separate_run, takes

T = TypeVar("T")

_run: ContextVar[Hashable | None] = ContextVar("mediatoolkit cell run", default=None)
"""The run of a cell that began here; tasks take it along, also beyond the end of the cell."""


def install() -> None:
    """Name the runs of this IPython from the running cell on; later calls change nothing."""
    shell: Any = get_ipython()
    if shell is None or current_run in takes.providers:
        return
    register_run_provider(current_run)
    shell.events.register("pre_run_cell", lambda _info: _run.set(_execution()))
    # What comes between two cells, such as a click, may have the context that the last one had.
    shell.events.register("post_run_cell", lambda _result: _run.set(None))
    _run.set(_execution())


def current_run() -> Hashable | None:
    """The run of the cell that this context began in, else that of the message that is handled."""
    return _run.get() or _execution()


def _execution() -> Hashable | None:
    """The message that a kernel handles, or the number of the cell in a terminal."""
    shell: Any = get_ipython()
    if shell is None:
        return None
    if getattr(shell, "kernel", None) is None:
        return "terminal", shell.execution_count
    parent = shell.get_parent()
    return parent.get("header", parent).get("msg_id") or None


class LastingRun:
    """A run that goes on from one click to the next, so that the same words give something else."""

    def __init__(self) -> None:
        """Begin it, in a context of its own."""
        self._context = Context()
        self._block = separate_run()
        self._context.run(self._block.__enter__)

    def call(self, function: Callable[..., T], *args: Any, **keywords: Any) -> T:
        """Call *function*; what it starts belongs to this run."""
        return self._context.run(function, *args, **keywords)

    def end(self) -> None:
        """Forget what it has counted."""
        self._context.run(self._block.__exit__, None, None, None)
