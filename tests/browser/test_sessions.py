"""The panel of sessions: alive while it is seen, plain in a saved notebook."""

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import Lab, Sheet, Theme

pytestmark = pytest.mark.browser

PANEL = "import mediatoolkit as mt\nmt.sessions"
FOX = 'job = mt.image("a red fox", timeout=90)'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_follows_the_calls_and_closes_them(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    with jupyter.notebook(f"{theme}-sessions.ipynb", PANEL, FOX, FOX, theme=theme) as sheet:
        sheet.run(0)
        panel = _panel(sheet)
        expect(panel).to_contain_text("No open sessions. The first call opens one.")
        expect(panel.get_by_role("button", name="Close")).to_be_disabled()

        sheet.run(1)
        row = panel.get_by_role("row", name=sim.url.rstrip("/"))
        expect(row.get_by_role("cell").nth(2)).to_have_text("1")
        expect(sheet.output(1).get_by_role("img")).to_be_visible()
        sim.always(faults.Silence())
        sheet.run(2)
        expect(row.get_by_role("cell").nth(1)).to_have_text("1")
        sheet.cell(0).evaluate("cell => cell.scrollIntoView()")
        sheet.shoot(f"{theme}-sessions")
        assert sheet.faults(".mt-sessions") == []
        panel.get_by_role("button", name="Close").focus()
        sheet.page.keyboard.press("Enter")

        expect(panel.get_by_role("status")).to_contain_text("and ended 1 call. The next call")
        expect(panel).to_contain_text("No open sessions.")
        expect(sheet.output(2)).to_contain_text("ClosedError")
        sheet.shoot(f"{theme}-sessions-closed")


def _panel(sheet: Sheet) -> Locator:
    return sheet.output(0).locator(".mt-sessions")
