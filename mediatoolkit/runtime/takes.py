"""Takes: the n-th identical request of one run is take n.

So a loop that asks four times for the same gets four results, and the next run of the same cell
asks for the same four again. A run is one execution of a cell; an upper room says which one it is.
In a script the whole process is one run. Code that makes many rows can make each a run of its own.
"""

import contextlib
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Final

RunProvider = Callable[[], Hashable | None]

_RUNS = 64  # that are over and still remembered, since their jobs may ask late

_own_run: ContextVar[Hashable | None] = ContextVar("mediatoolkit run", default=None)


class Takes:
    """Counts identical requests, run by run; safe from any thread.

    Attributes:
        providers: Asked in order for the run that goes on; the first answer but None counts.
    """

    def __init__(self) -> None:
        """Begin without a run."""
        self.providers: list[RunProvider] = []
        self._lock = threading.Lock()
        self._counts: OrderedDict[Hashable, Counter[Hashable]] = OrderedDict()
        self._open: Counter[Hashable] = Counter()

    def current_run(self) -> Hashable:
        """The run that goes on here: that of the block, that of the cell, or the process."""
        run = _own_run.get()
        return self._usual_run() if run is None else run

    def take_of(self, key: Hashable, *, run: Hashable | None = None) -> int:
        """Count one more request, and return which one of its kind it is, from 1.

        Only this counts. A take that is chosen with `take=` is left out, so that the numbers of
        all others stay what they are in the next run.

        Args:
            key: What is asked for, without a take.
            run: Left out, the one that goes on here.
        """
        run = self.current_run() if run is None else run
        process_run = self._usual_run()
        with self._lock:
            counts = self._counts.setdefault(run, Counter())
            self._counts.move_to_end(run)
            counts[key] += 1
            self._forget_old({run, process_run, _process()})
            return counts[key]

    @contextlib.contextmanager
    def separate_run(self, run: Hashable | None = None) -> Iterator[Hashable]:
        """Count what is asked for in the block, and in tasks that begin there, as a run of its own.

        Args:
            run: Its name; a block of the same name goes on counting. Left out, a new run.

        Yields:
            The run.
        """
        run = object() if run is None else run
        with self._lock:
            self._open[run] += 1
        token = _own_run.set(run)
        try:
            yield run
        finally:
            _own_run.reset(token)
            with self._lock:
                self._open[run] -= 1
                if not self._open[run]:
                    del self._open[run]

    def _usual_run(self) -> Hashable:
        runs = (provider() for provider in self.providers)
        return next((run for run in runs if run is not None), _process())

    def _forget_old(self, running: set[Hashable]) -> None:
        """Drop the runs that asked longest ago, but none that goes on."""
        if len(self._counts) <= _RUNS + len(self._open):
            return
        over = [run for run in self._counts if run not in running and run not in self._open]
        for run in over[: max(0, len(over) - _RUNS)]:
            del self._counts[run]


def _process() -> Hashable:
    """The run of a script; a fork is another process, and begins a run of its own."""
    return "process", os.getpid()


takes: Final = Takes()
"""The counts of this process."""


def register_run_provider(provider: RunProvider) -> None:
    """Have `current_run` ask *provider*, which returns a name for the run of the cell, or None.

    It is called in any thread, and must be quick.
    """
    takes.providers.append(provider)


current_run = takes.current_run
take_of = takes.take_of
separate_run = takes.separate_run
