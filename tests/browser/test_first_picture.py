"""What a person sees: a bar, a button, and then the picture."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.conftest import KEY
from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

FOX = 'await mt.image("a red fox under the stars", seed=7)'
PAINTED = 'fox = await mt.image("a red fox under the stars", model="local/painter", seed=7)'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_running_job_is_a_bar_that_the_picture_replaces(
    jupyter: Lab, answer: Callable[[], object], theme: Theme
) -> None:
    with jupyter.notebook(f"{theme}.ipynb", IMPORT, FOX, PAINTED, theme=theme) as sheet:
        sheet.run(0)
        sheet.start(1)
        view = sheet.output(1).locator(".mt-job")
        expect(view.locator(".mt-job-label")).to_have_text("a red fox under the stars")
        expect(view.get_by_role("status")).to_have_text("waiting for gemini")
        expect(view.locator(".mt-job-clock")).to_have_text(re.compile(r"^[1-9]"))
        sheet.shoot(f"{theme}-running")
        answer()
        sheet.finish(1)

        expect(_picture(sheet, 1)).to_be_visible()
        expect(view).to_have_count(0)
        sheet.run(2)
        expect(_picture(sheet, 2)).to_be_visible()
        sheet.output(2).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-picture")


def test_the_browser_counts_while_the_kernel_is_busy(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.Silence())
    busy = 'job = mt.image("a fox", timeout=90)\nimport asyncio, time\nawait asyncio.sleep(1)'
    works = 'from pathlib import Path\nwhile not Path("free").exists():\n    time.sleep(0.05)'
    with jupyter.notebook("busy.ipynb", IMPORT, busy, works) as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.start(2)
        clock = sheet.output(1).locator(".mt-job-clock")
        before = clock.inner_text()

        expect(clock).not_to_have_text(before)
        expect(sheet.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
        sheet.output(1).get_by_role("button", name="Cancel").click()
        (jupyter.files / "free").touch()
        expect(sheet.output(1)).to_contain_text("cancelled after")


def test_cancel_ends_the_cell_and_the_call(
    jupyter: Lab, sim: Simulator, until: Callable[[Callable[[], bool]], None]
) -> None:
    sim.always(faults.Silence())
    aborted = sim.aborted
    with jupyter.notebook("cancel.ipynb", IMPORT, FOX) as sheet:
        sheet.run(0)
        sheet.start(1)
        button = sheet.output(1).get_by_role("button", name="Cancel a red fox under the stars")
        expect(sheet.output(1).get_by_role("status")).to_have_text("waiting for gemini")
        button.focus()
        sheet.page.keyboard.press("Enter")
        sheet.finish(1)

        expect(sheet.output(1)).to_contain_text("cancelled after")
        expect(sheet.output(1)).to_contain_text("JobCancelled: The job was cancelled.")
    until(lambda: sim.aborted == aborted + 1)


@pytest.mark.usefixtures("sim")
def test_a_saved_notebook_needs_no_kernel(jupyter: Lab) -> None:
    """It holds the picture with its words, and no widget, no script, no key."""
    with jupyter.notebook("saved.ipynb", IMPORT, FOX) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(_picture(sheet, 1)).to_be_visible()
        saved = sheet.save()
    output = saved["cells"][1]["outputs"]
    assert [sorted(shown["data"]) for shown in output] == [
        ["image/jpeg", "text/html", "text/plain"]
    ]
    assert KEY not in json.dumps(saved)

    with jupyter.open("saved.ipynb") as sheet:
        expect(_picture(sheet, 1)).to_be_visible()
        expect(sheet.page.get_by_text("Error displaying widget")).to_have_count(0)
        sheet.shoot("reopened")


def test_a_prompt_stays_text(jupyter: Lab, sim: Simulator, answer: Callable[[], object]) -> None:
    """In the view, in the picture's words, and in a failure."""
    prompt = "<img src=x onerror=document.title='caught'> <b>fox</b>"
    cell = f'await mt.image("{prompt}")'
    with jupyter.notebook("text.ipynb", IMPORT, cell, cell.removeprefix("await ")) as sheet:
        sheet.run(0)
        sheet.start(1)
        expect(sheet.output(1).locator(".mt-job .mt-job-label")).to_have_text(prompt)
        answer()
        sheet.finish(1)
        expect(sheet.output(1).get_by_role("img", name=prompt)).to_be_visible()
        sim.always(faults.PromptBlocked())
        sheet.run(2)
        failure = sheet.output(2).get_by_role("alert")
        failure.get_by_text("Details").click()

        expect(failure).to_contain_text(prompt)
        sheet.shoot("failed")
        assert "caught" not in sheet.page.title()


def _picture(sheet: Sheet, cell: int) -> Locator:
    return sheet.output(cell).get_by_role("img", name="a red fox under the stars")
