"""The sessions of this kernel as a table that lives as long as somebody looks at it."""

import asyncio
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import traitlets as t

from mediatoolkit.transport.session import SessionRegistry
from mediatoolkit.widgets.job_row import Failure
from mediatoolkit.widgets.media_facts import counted
from mediatoolkit.widgets.mounted import MountedPanel
from mediatoolkit.widgets.page import script, style

PERIOD = 0.5  # seconds between two looks at the registry


class SessionPanel(MountedPanel):
    """What `mt.sessions` shows: one line an origin, and a button that closes them.

    While a page shows it, the registry is looked at twice a second; a message is sent when a
    number has changed. The button closes the sessions of the loop the panel was made on.
    """

    saved = ("rows",)

    _esm = script("sessions.js")
    _css = style("sessions.css")

    rows = t.List(t.List()).tag(sync=True)
    """Origin, connections, in flight, calls, bytes in, errors; to the page."""

    status = t.Unicode().tag(sync=True)
    """What the button has done, plain text; to the page."""

    def __init__(self, registry: SessionRegistry) -> None:
        """Show *registry* as it stands."""
        self._registry = registry
        self._views = 0
        self._next: asyncio.TimerHandle | None = None
        super().__init__(rows=_rows(registry))

    def close(self) -> None:
        """Leave the page."""
        self._rest()
        super().close()

    def __repr__(self) -> str:
        """As the registry's own."""
        return repr(self._registry)

    def static_html(self) -> str:
        """The table."""
        return self._registry._repr_html_()

    def answer(self, content: Any, _buffers: Sequence[Any]) -> None:
        """Count the pages that look on, or press the button."""
        if self._loop is None:
            return
        match content:
            case "look":
                self._look_on()
            case "leave":
                self._leave()
            case "close" if not self._tasks:
                self.begin(self._close_sessions())

    def fail(self, failure: Failure) -> None:
        """Show *failure* beside the button."""
        self.status = str(failure)

    def _look_on(self) -> None:
        self._views += 1
        if self._next is None:
            self._look()

    def _leave(self) -> None:
        self._views = max(0, self._views - 1)
        if not self._views:
            self._rest()

    def _rest(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self.rows = _rows(self._registry)  # says nothing when nothing changed
        self._next = asyncio.get_running_loop().call_later(PERIOD, self._look)

    async def _close_sessions(self) -> None:
        before = self._registry.rows()
        self.status = "Closing…"
        await self._registry.close()
        self.rows = _rows(self._registry)
        self.status = _outcome(
            sum(row.connections for row in before), sum(row.in_flight for row in before)
        )


def _rows(registry: SessionRegistry) -> list[list[Any]]:
    return [list(astuple(row)) for row in registry.rows()]


def _outcome(connections: int, in_flight: int) -> str:
    ended = f" and ended {counted(in_flight, 'call')}" if in_flight else ""
    closed = counted(connections, "connection")
    return f"Closed {closed}{ended}. The next call opens new ones."
