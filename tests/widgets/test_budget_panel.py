"""The table of the budget: what it shows, how often it speaks, and what it leaves behind."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from mediatoolkit.pricing.budget import Budget
from mediatoolkit.widgets import budget as panels
from mediatoolkit.widgets.budget import BudgetPanel
from mediatoolkit.widgets.kernel import Cell

MODEL = "gemini/gemini-3.1-flash-image"


class Place:
    """An output: what it shows now."""

    shown = ""

    def display(self, data: dict[str, str], **_how: object) -> None:
        self.shown = data["text/html"]

    update = display


@pytest.fixture
def budget() -> Budget:
    fresh = Budget()
    fresh.limit = 5
    return fresh


@pytest.fixture
async def panel(budget: Budget, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BudgetPanel]:
    monkeypatch.setattr(panels, "PERIOD", 0.01)
    monkeypatch.setattr(panels, "QUIET", 0.01)
    opened = BudgetPanel(budget)
    yield opened
    opened.close()


async def until(panel: BudgetPanel, words: str) -> None:
    """Wait for the page to be told a table with *words* in it."""
    async with asyncio.timeout(30):
        while words not in panel.table:
            changed = asyncio.Event()
            panel.observe(lambda _, changed=changed: changed.set(), "table")
            await changed.wait()


async def look(panel: BudgetPanel, word: str = "look") -> None:
    panel._hear(panel, word, [])
    await asyncio.sleep(0)


async def test_a_page_that_looks_is_told_of_what_is_reserved_and_spent(
    panel: BudgetPanel, budget: Budget
) -> None:
    await look(panel)
    assert "limit $5.00, left $5.00" in panel.table

    call = budget.reserve(MODEL, "0.25")
    await until(panel, "<td>$0.25</td>")
    call.settle("0.0672")
    await until(panel, "left $4.9328")

    assert f"<tr><td>{MODEL}</td><td>1</td><td>$0.0672</td><td>$0.00</td>" in panel.table


async def test_many_changes_are_told_once(panel: BudgetPanel, budget: Budget) -> None:
    told: list[object] = []
    await look(panel)
    panel.observe(told.append, "table")

    for _ in range(1000):
        budget.reserve(MODEL, "0.001").settle("0.001")
    await until(panel, "<td>1,000</td>")

    assert len(told) == 1


async def test_changes_in_other_threads_are_told_too(panel: BudgetPanel, budget: Budget) -> None:
    """One without a loop, and one whose loop turns while that of the cells may be blocked."""
    await look(panel)

    def spend() -> None:
        budget.reserve(MODEL, "0.01").settle("0.01")

    await asyncio.to_thread(spend)
    await until(panel, "left $4.99")

    async def spend_and_wait() -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        panel.observe(lambda _: loop.call_soon_threadsafe(told.set), "table")
        spend()
        await asyncio.wait_for(told.wait(), 30)

    other = threading.Thread(target=asyncio.run, args=[spend_and_wait()])
    other.start()
    other.join()  # the loop of this test stands still meanwhile

    assert "left $4.98" in panel.table


async def test_nothing_is_told_while_nobody_looks(panel: BudgetPanel, budget: Budget) -> None:
    told: list[object] = []
    panel.observe(told.append, "table")
    await look(panel)
    await look(panel, "leave")

    budget.reserve(MODEL, "0.25")
    await asyncio.sleep(5 * panels.PERIOD)
    assert told == []

    await look(panel)
    assert "<td>$0.25</td>" in panel.table


async def test_outputs_have_the_last_figures_at_the_end_of_a_cell(
    panel: BudgetPanel, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Place(), Place()
    panel.show_in(first, is_new=True)  # type: ignore[arg-type]
    budget.reserve(MODEL, "0.25").settle("0.25")
    panel.show_in(second, is_new=True)  # type: ignore[arg-type]
    written: list[str] = []
    monkeypatch.setattr(panel, "show_again", lambda: written.append(panel._html))

    budget.reserve(MODEL, "0.25").settle("0.25")
    panel.settle()
    panel.settle()

    assert "nothing spent" in first.shown
    assert "left $4.75" in second.shown
    assert len(written) == 1
    assert "left $4.50" in written[0]


async def test_outputs_have_the_last_figures_when_no_more_changes_come(
    panel: BudgetPanel, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = asyncio.Event()
    monkeypatch.setattr(panel, "show_again", written.set)
    await look(panel)

    budget.reserve(MODEL, "0.25")
    await asyncio.wait_for(written.wait(), 30)

    assert "<td>$0.25</td>" in panel._html


async def test_a_panel_that_is_gone_watches_no_more(panel: BudgetPanel, budget: Budget) -> None:
    place = Place()
    panel.show_in(place, is_new=True)  # type: ignore[arg-type]
    panel._cells[place] = cell = Cell("1")  # type: ignore[index]
    panel.forget(Cell("2"))
    assert len(budget._watchers) == 1

    panel.forget(cell)

    assert panel.comm is None
    assert budget._watchers == []
    assert (panel._handles, panel._cells) == ([], {})


async def test_only_so_many_outputs_are_kept(panel: BudgetPanel) -> None:
    places = [Place() for _ in range(2 * panels.MOST_PLACES)]
    for place in places:
        panel.show_in(place, is_new=True)  # type: ignore[arg-type]

    assert panel._handles == places[-panels.MOST_PLACES :]


async def test_the_name_of_a_model_reaches_the_page_as_text(
    panel: BudgetPanel, budget: Budget
) -> None:
    budget.reserve("own/<b>model</b>", "0.01")
    await look(panel)

    data, _ = panel._repr_mimebundle_()

    assert "<b>" not in panel.table
    assert "&lt;b&gt;model" in data["text/html"]
    assert data["text/plain"] == repr(budget)


async def test_nonsense_from_a_page_is_not_heard(panel: BudgetPanel) -> None:
    for nonsense in ({1: 2}, None, "leave", ["look"]):
        panel._hear(panel, nonsense, [])
    panel.set_state({"table": "<b>rich</b>"})
    await asyncio.sleep(0)

    assert panel._views == 0
    assert "rich" not in panel.table
