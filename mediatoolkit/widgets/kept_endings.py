"""Endings that stand in a widget until a page has them in its notebook, in bounded memory."""

from typing import Any

from mediatoolkit.widgets.board import Board
from mediatoolkit.widgets.output_handle import OutputHandle
from mediatoolkit.widgets.results import quiet

MOST_BYTES = 20_000_000
"""Of MIME data in all endings of a kernel; beyond, the oldest give up their pictures for a line."""

MOST_BOARDS = 300
"""Boards that are over and wait for a page; beyond, the oldest are closed."""

_LONG_AGO = "This is from long ago; run the cell again or look into mt.Gallery()."
_LITTLE = 2_000  # bytes that no ending gives up


class KeptEndings:
    """The widgets that hold an ending, the oldest first."""

    def __init__(self) -> None:
        """Keep nothing."""
        self._kept: dict[Board | OutputHandle, dict[str, Any]] = {}

    def keep(self, widget: Board | OutputHandle, data: dict[str, Any]) -> None:
        """Keep *widget*, whose trait holds the MIME *data*.

        To save memory *data* is changed in place, and no page is told: those that are open show
        the ending already.
        """
        self._kept.pop(widget, None)
        self._kept[widget] = data
        for old in [old for old in self._kept if old.comm is None]:
            del self._kept[old]
        boards = [old for old in self._kept if isinstance(old, Board)]
        for old in boards[:-MOST_BOARDS]:
            old.close()
            del self._kept[old]
        self._save_memory()

    def _save_memory(self) -> None:
        size = sum(map(_size, self._kept.values()))
        for data in self._kept.values():
            if size <= MOST_BYTES:
                return
            before = _size(data)
            if before > _LITTLE:
                line = quiet(f"{data['text/plain'][:_LITTLE]}\n{_LONG_AGO}")[0]
                data.clear()
                data.update(line)
                size += _size(data) - before


def _size(data: dict[str, Any]) -> int:
    return sum(len(value) for value in data.values() if isinstance(value, str))
