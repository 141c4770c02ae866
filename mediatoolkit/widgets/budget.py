"""What may be spent and has been spent, as a table that follows the calls."""

import asyncio
import contextvars
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets as t

from mediatoolkit.pricing.budget import Budget
from mediatoolkit.pricing.budget_table import to_html
from mediatoolkit.runtime import loops
from mediatoolkit.widgets import kernel
from mediatoolkit.widgets.kernel import Cell, Kernel
from mediatoolkit.widgets.mounted import MountedPanel
from mediatoolkit.widgets.page import script, style

if TYPE_CHECKING:
    from mediatoolkit.widgets.jobs_view import Handle

PERIOD = 0.3  # seconds from a change until a page is told, of all changes meanwhile at once
QUIET = 1.0  # seconds without a change after which the outputs are written anew
MOST_PLACES = 8
"""Outputs that are kept up to date; older ones keep the figures that they show."""


class BudgetPanel(MountedPanel):
    """What `mt.budget` shows: the table of *budget*, in every output that shows it.

    A kernel has one, so that neither panels nor watchers grow in number when a cell is run again.
    While a page shows it, each change is told. At the end of a cell, and when no more changes come,
    the outputs are written anew, so that a saved notebook has the last figures.
    """

    _esm = script("budget.js")
    _css = style("budget.css")

    table = t.Unicode().tag(sync=True)
    """HTML, every word of it escaped; to the page."""

    def __init__(self, budget: Budget, loop: loops.Loop | None = None) -> None:
        """Watch *budget* until `close`."""
        self.budget = budget
        self._views = 0
        self._due = -math.inf
        self._saving: asyncio.TimerHandle | None = None
        self._cells: dict[Handle, Cell] = {}
        super().__init__(loop, table=to_html(budget))
        self._end_watching = budget.watch(self._learn)

    def show_in(self, handle: "Handle", *, is_new: bool) -> None:
        """Display it in one more place; of many, the oldest is kept up to date no longer."""
        self.settle()
        super().show_in(handle, is_new=is_new)
        this = kernel.here()
        if this is not None:
            self._cells[handle] = this.cell()
        self._keep(self._handles[-MOST_PLACES:])

    def forget(self, cell: Cell) -> None:
        """Leave the outputs of *cell*, which were cleared; without any other it is closed."""
        left = [handle for handle in self._handles if self._cells.get(handle) != cell]
        if len(left) < len(self._handles):
            self._keep(left)
            if not left:
                self.close()

    def settle(self) -> None:
        """Have all outputs show the figures as they are now."""
        if self.is_stale:
            self.is_stale = False
            self._look()
            self._html = self.table
            self.show_again()

    def close(self) -> None:
        """Leave the page, where the last figures stay, and watch no longer."""
        self._end_watching()
        if self._saving is not None:
            self._saving.cancel()
        self._cells = {}
        super().close()

    def __repr__(self) -> str:
        """As the budget's own."""
        return repr(self.budget)

    def static_html(self) -> str:
        """The table."""
        return to_html(self.budget)

    def answer(self, content: Any, _buffers: Sequence[Any]) -> None:
        """Count the pages that look on."""
        if content == "look":
            self._views += 1
            self._look()
        elif content == "leave":
            self._views = max(0, self._views - 1)

    def _keep(self, handles: "list[Handle]") -> None:
        self._handles = handles
        self._cells = {each: cell for each, cell in self._cells.items() if each in handles}

    def _learn(self) -> None:
        """Runs in the thread that changed the budget, and on its loop where there is one.

        That loop turns also while a cell blocks the loop of the cells.
        """
        self.is_stale = True
        now = time.monotonic()
        if not self._views or now < self._due:
            return
        self._due = now + PERIOD
        here = loops.running()
        if here is None:
            self.cross(self._wait)
        else:
            here.call_later(PERIOD, self._tell, context=contextvars.Context())

    def _wait(self) -> None:
        asyncio.get_running_loop().call_later(PERIOD, self._tell)

    def _tell(self) -> None:
        if self.comm is not None:
            self._look()
            self.cross(self._settle_later)

    def _look(self) -> None:
        self._due = -math.inf  # before the look, so that what comes after it is told of again
        self.table = to_html(self.budget)  # says nothing when nothing changed

    def _settle_later(self) -> None:
        if self._saving is not None:
            self._saving.cancel()
        self._saving = asyncio.get_running_loop().call_later(QUIET, self.settle)


def panel_of(this: Kernel, budget: Budget) -> BudgetPanel:
    """The panel of *budget*, which is the only one of the kernel."""
    panel = this.budget_panel
    if panel is None or panel.comm is None or panel.budget is not budget:
        if panel is not None:
            panel.close()
        panel = this.budget_panel = BudgetPanel(budget, this.loop)
    return panel
