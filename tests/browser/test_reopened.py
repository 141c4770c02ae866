"""What a page shows of jobs that ended while nobody looked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

FOX = 'fox = mt.image("a red fox")'
MODEL_NOT_FOUND = "Error displaying widget"


def _saved(sheet: Sheet, cell: int = 1) -> list[set[str]]:
    """The MIME types of each output of a cell, as the file has them."""
    outputs = sheet.save()["cells"][cell]["outputs"]
    return [set(output["data"]) for output in outputs]


def test_a_page_that_comes_back_shows_the_ending_and_saves_it_as_a_picture(
    jupyter: Lab, sim: Simulator, answer: Callable[[], object]
) -> None:
    del sim
    with jupyter.notebook("back.ipynb", IMPORT, FOX, "fox.done()") as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).locator(".mt-mount .mt-job")).to_be_visible()
        assert "application/vnd.jupyter.widget-view+json" not in _saved(sheet)[0]
        sheet.page.close()
        answer()

        with jupyter.open("back.ipynb") as again:
            picture = again.output(1).get_by_role("img", name="a red fox")
            expect(picture).to_be_visible()
            expect(again.output(1)).not_to_contain_text(MODEL_NOT_FOUND)
            again.shoot("light-reopened")
            [kinds] = _saved(again)
            assert "image/jpeg" in kinds
            assert "application/vnd.jupyter.widget-view+json" not in kinds
        with jupyter.open("back.ipynb") as third:
            expect(third.output(1).get_by_role("img", name="a red fox")).to_be_visible()


def test_a_page_loaded_anew_while_a_job_runs_saves_its_picture(
    jupyter: Lab, sim: Simulator, answer: Callable[[], object]
) -> None:
    """It has forgotten the id by which the kernel replaces what a cell shows."""
    del sim
    with jupyter.notebook("anew-while.ipynb", IMPORT, FOX, BOARDS) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).locator(".mt-job")).to_be_visible()
        sheet.save()
        sheet.reload()
        expect(sheet.output(1).locator(".mt-job")).to_be_visible()
        answer()

        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible()
        expect(sheet.output(1).locator(".mt-job")).to_have_count(0)
        [kinds] = _saved(sheet)
        assert "image/jpeg" in kinds
        sheet.run(2)
        while sheet.output(2).inner_text().split()[-1] != "0":
            sheet.run(2)  # the page tells the kernel when its file is written
        sheet.reload()
        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_notebook_saved_while_jobs_run_says_so_without_its_kernel(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    sim.always(faults.Silence())
    name = f"{theme}-half-way.ipynb"
    several = f'{FOX}\nowl = mt.image("an owl")'
    with jupyter.notebook(name, IMPORT, FOX, several, theme=theme) as sheet:
        for number in range(3):
            sheet.run(number)
        expect(sheet.output(2).locator(".mt-mount .mt-job")).to_have_count(2)
        sheet.save()
        sheet.page.close()
    with jupyter.open(name, theme=theme) as again:
        expect(again.output(1)).to_contain_text("a red fox")
        expect(again.output(1)).to_contain_text("started; the result comes here")
        expect(again.output(2)).to_contain_text("2 jobs")
        expect(again.page.get_by_text(MODEL_NOT_FOUND)).to_have_count(0)
        again.shoot(f"{theme}-half-way")


BOARDS = """from ipywidgets.widgets.widget import _instances
from mediatoolkit.widgets.board import Board
sum(isinstance(widget, Board) for widget in _instances.values())"""


def test_of_two_tabs_the_one_that_is_left_shows_the_ending(
    jupyter: Lab, sim: Simulator, answer: Callable[[], object]
) -> None:
    del sim
    several = f'{FOX}\nowl = mt.image("an owl")'
    with jupyter.notebook("two.ipynb", IMPORT, several) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).locator(".mt-job")).to_have_count(2)
        sheet.save()
        with jupyter.open("two.ipynb") as other:
            expect(other.output(1).locator(".mt-job")).to_have_count(2)
            sheet.page.close()
            answer()

            expect(other.output(1).get_by_role("img")).to_have_count(2)
        with jupyter.open("two.ipynb") as third:
            # The other was closed without saving, so the file holds the board still.
            expect(third.output(1).get_by_role("img")).to_have_count(2)
            [kinds] = _saved(third)
            assert "image/jpeg" in kinds
