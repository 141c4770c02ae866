"""What a person sees of several jobs, and can do about them."""

import re

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import Lab, Sheet, Theme

pytestmark = pytest.mark.browser

IMPORT = "import mediatoolkit as mt, asyncio"
MANY = """words = ["a red fox", "an owl", "a whale", "a castle", "a lighthouse", "a bear", "a duck"]
jobs = [mt.image(word, model="local/painter", size="512", seed=4) for word in words]
bad = mt.image("a vendor's picture")
await asyncio.gather(*jobs, bad, return_exceptions=True)"""
SILENT = 'jobs = [mt.image(f"fox {n}", timeout=60) for n in range(9)]'
LONG = 20_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_jobs_are_one_board_and_then_one_sheet(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    sim.always(faults.PromptBlocked())
    with jupyter.notebook(f"{theme}-many.ipynb", IMPORT, MANY, theme=theme) as sheet:
        sheet.run(0)
        sheet.start(1)
        board = sheet.output(1).locator(".mt-jobs")
        expect(board.locator(".mt-jobs-summary")).to_contain_text(
            re.compile("[2-5] of 8 done · 1 failed"), timeout=LONG
        )
        expect(board.get_by_role("alert")).to_contain_text("RefusalError")
        sheet.shoot(f"{theme}-board")
        sheet.finish(1)

        expect(board).to_have_count(0)
        pictures = sheet.output(1).get_by_role("img")
        expect(pictures).to_have_count(7)
        expect(pictures.nth(3)).to_have_attribute("alt", "a castle")
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("RefusalError")
        sheet.output(1).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-sheet")


def test_a_click_cancels_all_and_another_gives_more_time(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.Silence())
    with jupyter.notebook("all.ipynb", IMPORT, SILENT) as sheet:
        sheet.run(0)
        sheet.run(1)
        board = sheet.output(1).locator(".mt-jobs")
        expect(_rows(sheet)).to_have_count(5)
        expect(board).to_contain_text("4 more")
        first = _rows(sheet).first
        expect(first.locator(".mt-job-clock")).to_contain_text(re.compile(r"5\d s left"))

        first.get_by_role("button", name="Give 30 seconds more to fox 0").click()

        expect(first.locator(".mt-job-clock")).to_contain_text("1:2")
        board.get_by_role("button", name="Cancel all").click()
        expect(board).to_have_count(0)
        expect(sheet.output(1)).to_contain_text("fox 8: cancelled after")


def test_the_colour_turns_as_the_deadline_nears(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.Silence())
    with jupyter.notebook("late.ipynb", IMPORT, 'mt.image("a fox", timeout=8)') as sheet:
        sheet.run(0)
        sheet.run(1)
        row = _rows(sheet).first
        seen = [row.locator(".mt-job-bar").evaluate(_COLOUR)]
        for late in ("true", "very"):
            expect(row).to_have_attribute("data-late", late, timeout=LONG)
            seen.append(row.evaluate(_COLOUR))

        assert len(set(seen)) == 3
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("DeadlineError", timeout=LONG)


_COLOUR = "element => getComputedStyle(element).getPropertyValue('--mt-fill')"


def _rows(sheet: Sheet) -> Locator:
    return sheet.output(1).locator(".mt-job")
