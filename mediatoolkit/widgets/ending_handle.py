"""The place of an ending where nothing is shown before it."""

from typing import Any

from IPython.display import DisplayHandle

from mediatoolkit.widgets.kernel import Cell, Kernel
from mediatoolkit.widgets.text_board import TextBoard


class EndingHandle(DisplayHandle):
    """Leaves out how far the jobs of a cell are, and displays how they ended.

    What ends after its cell is not shown: a program that compares the outputs of cells listens to
    each no longer than it runs.
    """

    def __init__(self, kernel: Kernel, cell: Cell) -> None:
        """Show nothing yet."""
        super().__init__()  # type: ignore[no-untyped-call]  # IPython has no types
        self._kernel, self._cell = kernel, cell
        self._is_shown = False

    def display(self, obj: Any, **kwargs: Any) -> None:
        """Display *obj*, unless it only tells how far jobs are."""
        if isinstance(obj, TextBoard) or not self._kernel.is_busy:
            return
        if self._kernel.cell() == self._cell:
            self._is_shown = True
            super().display(obj, **kwargs)  # type: ignore[no-untyped-call]

    def update(self, obj: Any, **kwargs: Any) -> None:
        """Do as `display`, or replace what that has shown."""
        if self._is_shown:
            super().update(obj, **kwargs)  # type: ignore[no-untyped-call]
        else:
            self.display(obj, **kwargs)
