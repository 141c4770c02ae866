"""The table of sessions: what it shows, when it speaks, what its button does."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from mediatoolkit.transport.session import SessionRegistry
from mediatoolkit.widgets import sessions
from mediatoolkit.widgets.sessions import SessionPanel

ORIGIN = "https://api.example"


@pytest.fixture
async def registry() -> AsyncIterator[SessionRegistry]:
    fresh = SessionRegistry()
    yield fresh
    await fresh.close()


@pytest.fixture
async def panel(
    registry: SessionRegistry, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SessionPanel]:
    monkeypatch.setattr(sessions, "PERIOD", 0.01)
    widget = SessionPanel(registry)
    yield widget
    widget.close()


async def heard(panel: SessionPanel) -> None:
    """Wait until what the page has said is acted upon."""
    del panel
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_panel_looks_only_while_it_is_seen(
    panel: SessionPanel, registry: SessionRegistry
) -> None:
    panel._hear(panel, "look", [])
    await heard(panel)
    changed = asyncio.Event()
    panel.observe(lambda _: changed.set(), "rows")

    registry.stats(registry.session()).of(ORIGIN).calls += 1
    await asyncio.wait_for(changed.wait(), 60)
    assert panel.rows == [[ORIGIN, 0, 0, 1, 0, 0]]

    panel._hear(panel, "leave", [])
    await heard(panel)
    assert panel._next is None


async def test_nothing_is_said_while_nothing_changes(panel: SessionPanel) -> None:
    changes: list[object] = []
    panel.observe(changes.append, "rows")
    panel._hear(panel, "look", [])

    for _ in range(20):
        await asyncio.sleep(sessions.PERIOD)

    assert changes == []


async def test_the_button_closes_from_any_thread(
    panel: SessionPanel, registry: SessionRegistry
) -> None:
    session = registry.session()
    registry.stats(session).of(ORIGIN).calls += 1
    closed = asyncio.Event()
    panel.observe(lambda change: closed.set() if "Closed" in change.new else None, "status")

    click = threading.Thread(target=panel._hear, args=(panel, "close", []))
    click.start()
    click.join()
    await asyncio.wait_for(closed.wait(), 60)

    assert session.closed
    assert panel.rows == []
    assert panel.status == "Closed 0 connections. The next call opens new ones."


async def test_nonsense_from_a_page_is_not_heard(panel: SessionPanel) -> None:
    for nonsense in ({1: 2}, None, "open", ["close"]):
        panel._hear(panel, nonsense, [])
    await heard(panel)
    assert panel.status == ""


async def test_where_no_widget_can_be_shown_there_is_a_table(
    panel: SessionPanel, registry: SessionRegistry
) -> None:
    registry.stats(registry.session()).of("https://<b>").calls += 1

    data, _ = panel._repr_mimebundle_()

    assert "https://&lt;b&gt;" in data["text/html"]
    assert data["text/plain"] == repr(registry)
