"""What a page shows of jobs that ended while nobody looked."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator
from tests.browser.lab import IMPORT, Lab, Sheet

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
        expect(sheet.output(1).locator(".mt-job")).to_be_visible()
        assert "application/vnd.jupyter.widget-view+json" in _saved(sheet)[0]
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
