"""What a person sees of several jobs, and can do about them."""

import re

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import LONG, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

IMPORT = "import mediatoolkit as mt, asyncio"
MANY = """words = ["a red fox", "an owl", "a whale", "a castle", "a lighthouse", "a bear", "a duck"]
jobs = [mt.image(word, model="local/painter", size="512", seed=4) for word in words]
bad = mt.image("a vendor's picture")
await asyncio.gather(*jobs, bad, return_exceptions=True)"""
SILENT = 'jobs = [mt.image(f"fox {n}", timeout=60) for n in range(9)]'


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
        bar = row.locator(".mt-bar")
        seen = [bar.evaluate(_COLOUR)]
        for late in ("true", "very"):
            expect(row).to_have_attribute("data-late", late, timeout=LONG)
            seen.append(bar.evaluate(_COLOUR))

        assert len(set(seen)) == 3
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("DeadlineError", timeout=LONG)


def test_the_pause_before_a_try_is_counted_down(jupyter: Lab, sim: Simulator) -> None:
    sim.then(faults.Status(429, retry_delay="6s"))
    with jupyter.notebook("pause.ipynb", IMPORT, 'mt.image("a fox")') as sheet:
        sheet.run(0)
        sheet.run(1)
        stage = _rows(sheet).first.locator(".mt-job-stage")

        for left in (5, 2):
            expect(stage).to_have_text(f"retry 2 of 4 in {left} s", timeout=LONG)
        expect(stage.get_by_role("status")).to_have_text("retry 2 of 4")
        expect(sheet.output(1).get_by_role("img", name="a fox")).to_be_visible(timeout=LONG)


_COLOUR = "element => getComputedStyle(element).getPropertyValue('--mt-fill')"


def _rows(sheet: Sheet) -> Locator:
    return sheet.output(1).locator(".mt-job")


BUTTON = """import ipywidgets
button, out = ipywidgets.Button(description="Draw"), ipywidgets.Output()

def draw(_button):
    with out:
        mt.image("a red fox", model="local/painter", size="512", seed=4)

button.on_click(draw)
display(button, out)"""


def test_a_failed_job_is_tried_again_in_its_place(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.PromptBlocked())
    with jupyter.notebook("again.ipynb", IMPORT, 'mt.image("a red fox")') as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("RefusalError", timeout=LONG)
        sheet.shoot("light-retry")
        sim.always(None)

        sheet.output(1).get_by_role("button", name="Retry a red fox").click()

        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible(timeout=LONG)
        expect(sheet.output(1).get_by_role("alert")).to_have_count(0)
        assert len(_saved_outputs(sheet)) == 1


def test_a_failed_job_is_tried_again_while_others_run(jupyter: Lab, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked())
    sim.always(faults.Silence())
    cell = 'mt.image("a red fox")\nawait asyncio.sleep(0.5)\nmt.image("an owl")'
    with jupyter.notebook("other.ipynb", IMPORT, cell) as sheet:
        sheet.run(0)
        sheet.run(1)
        board = sheet.output(1).locator(".mt-jobs")
        expect(board.get_by_role("alert")).to_be_visible(timeout=LONG)
        sim.always(None)

        board.get_by_role("button", name="Retry a red fox").click()

        expect(board).to_contain_text("1 of 2 done", timeout=LONG)
        board.get_by_role("button", name="Cancel an owl").click()
        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible(timeout=LONG)
        expect(sheet.output(1)).to_contain_text("an owl: cancelled after")


def test_a_job_that_a_button_starts_is_shown_as_any_other(jupyter: Lab, sim: Simulator) -> None:
    del sim
    with jupyter.notebook("button.ipynb", IMPORT, BUTTON) as sheet:
        sheet.run(0)
        sheet.run(1)
        button = sheet.output(1).get_by_role("button", name="Draw")
        button.click()

        picture = sheet.output(1).get_by_role("img", name="a red fox")
        expect(picture).to_be_visible(timeout=LONG)
        expect(sheet.output(1).locator(".mt-job")).to_have_count(0)
        button.click()
        expect(picture).to_have_count(2, timeout=LONG)


@pytest.mark.parametrize("end", ["kernel.restart", "shutdown"])
def test_a_board_offers_nothing_without_its_kernel(jupyter: Lab, sim: Simulator, end: str) -> None:
    """Whether the kernel could still say how the job ended or not."""
    sim.always(faults.Silence())
    with jupyter.notebook("gone.ipynb", IMPORT, 'mt.image("a red fox", timeout=60)') as sheet:
        sheet.run(0)
        sheet.run(1)
        row = _rows(sheet).first
        expect(row.get_by_role("button", name="Cancel")).to_be_visible()

        sheet.page.evaluate(f"window.jupyterapp.shell.currentWidget.sessionContext.session.{end}()")

        said = sheet.output(1).get_by_text(re.compile("ended with its kernel|cancelled after"))
        expect(said).to_be_visible(timeout=LONG)
        expect(sheet.output(1).get_by_role("button")).to_have_count(0)


def test_a_page_that_is_loaded_anew_shows_the_ending(jupyter: Lab, sim: Simulator) -> None:
    """It has forgotten which place is whose, so the view itself holds what it has become."""
    sim.always(faults.Silence())
    with jupyter.notebook("anew.ipynb", IMPORT, 'fox = mt.image("a red fox")', "1 + 1") as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(_rows(sheet)).to_have_count(1)
        sheet.save()
        sheet.page.reload()
        expect(_rows(sheet)).to_have_count(1, timeout=LONG)
        sheet.run(2)
        _rows(sheet).get_by_role("button", name="Cancel").click()

        expect(sheet.output(1)).to_contain_text("cancelled after", timeout=LONG)


def _saved_outputs(sheet: Sheet) -> list[object]:
    outputs: list[object] = sheet.save()["cells"][1]["outputs"]
    return outputs
