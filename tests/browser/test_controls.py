"""Buttons in plain outputs: there while the kernel lives, and never without it."""

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab, Sheet

pytestmark = pytest.mark.browser

SETUP = """
import asyncio, threading
from IPython.display import HTML, display
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.widgets import results
loop, heard = asyncio.get_running_loop(), []
def note():
    heard.append((asyncio.get_running_loop() is loop, threading.current_thread().name))
    place.update(HTML(f"pressed {len(heard)} times"))
async def fail():
    raise MediaToolkitError("<img src=x onerror=document.title='caught'> is no picture.")
def stumble():
    raise KeyError("a stranger's words")
place = display(HTML("nothing yet"), display_id=True)
"""
NOTE = 'HTML("<p>Here</p>" + results.button("Press <b>me</b>", note))'
FAIL = 'HTML(results.button("Fail", fail) + results.button("Stumble", stumble))'
HEARD = "print(heard)"


def test_a_click_arrives_on_the_loop_of_the_cells(jupyter: Lab) -> None:
    """By mouse and by keyboard."""
    with jupyter.notebook("press.ipynb", SETUP, NOTE, HEARD) as sheet:
        sheet.run(0)
        sheet.run(1)
        button = _button(sheet, "Press <b>me</b>")
        button.click()
        expect(sheet.output(0)).to_contain_text("pressed 1 times")
        for number, key in enumerate(("Enter", "Space"), start=2):
            button.focus()
            sheet.page.keyboard.press(key)
            expect(sheet.output(0)).to_contain_text(f"pressed {number} times")
        sheet.run(2)

        expect(sheet.output(2)).to_contain_text(str([(True, "MainThread")] * 3))


def test_a_click_during_an_awaiting_cell_arrives_at_once(jupyter: Lab) -> None:
    """It comes in a thread of its own on some kernels; the action does not run there."""
    wait = "while not heard: await asyncio.sleep(0.05)\nprint(heard)"
    with jupyter.notebook("meanwhile.ipynb", SETUP, NOTE, wait) as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.start(2)
        _button(sheet, "Press").click()
        sheet.finish(2)

        expect(sheet.output(2)).to_contain_text(str([(True, "MainThread")]))


def test_a_busy_kernel_is_told_of(jupyter: Lab) -> None:
    """And does what was asked when it is free."""
    busy = "import pathlib, time\nwhile not pathlib.Path('woken').exists(): time.sleep(0.05)"
    with jupyter.notebook("sleepy.ipynb", SETUP, NOTE, busy) as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.start(2)
        _button(sheet, "Press").click()
        expect(sheet.page.get_by_role("status").filter(has_text="kernel is busy")).to_be_visible()

        (jupyter.files / "woken").touch()
        sheet.finish(2)
        expect(sheet.output(0)).to_contain_text("pressed 1 times")


def test_a_failure_is_told_beside_the_button_as_text(jupyter: Lab) -> None:
    with jupyter.notebook("fail.ipynb", SETUP, FAIL) as sheet:
        sheet.run(0)
        sheet.run(1)
        _button(sheet, "Fail").click()
        alert = sheet.page.get_by_role("alert").filter(has_text="is no picture.")
        expect(alert).to_contain_text("MediaToolkitError: <img src=x onerror=")
        sheet.shoot("light-button-failed")
        alert.get_by_role("button", name="Close this message").click()
        expect(alert).to_have_count(0)

        _button(sheet, "Stumble").click()
        alert = sheet.page.get_by_role("alert").filter(has_text="KeyError")
        expect(alert).to_contain_text("KeyError: came unexpectedly")
        expect(alert).not_to_contain_text("a stranger's words")
        assert "caught" not in sheet.page.title()


@pytest.mark.parametrize("end", ["kernel.restart", "shutdown"])
def test_buttons_work_again_after_a_reload_and_go_with_the_kernel(jupyter: Lab, end: str) -> None:
    with jupyter.notebook("again.ipynb", SETUP, NOTE, HEARD) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(_button(sheet, "Press")).to_be_visible()
        sheet.save()
        sheet.reload()
        _button(sheet, "Press").click()
        expect(_button(sheet, "Press")).not_to_have_attribute("aria-busy", "true")
        sheet.run(2)
        expect(sheet.output(2)).to_contain_text(str([(True, "MainThread")]))

        sheet.page.evaluate(f"window.jupyterapp.shell.currentWidget.sessionContext.session.{end}()")
        expect(sheet.output(1).get_by_text("Here")).to_be_visible()
        expect(sheet.output(1).locator("button")).to_be_hidden()
    with jupyter.open("again.ipynb") as sheet:
        expect(sheet.output(1).get_by_text("Here")).to_be_visible()
        expect(sheet.output(1).locator("button")).to_be_hidden()


def test_a_page_made_of_the_notebook_has_no_buttons(jupyter: Lab) -> None:
    with jupyter.notebook("page.ipynb", SETUP, NOTE) as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.save()
        page, _ = HTMLExporter().from_filename(str(sheet.path))
        alone = sheet.page.context.new_page()
        alone.set_content(page)

        assert "data-mt-act" in page
        expect(alone.get_by_text("Here", exact=True)).to_be_visible()
        expect(alone.locator("button[data-mt-act]")).to_be_hidden()


def _button(sheet: Sheet, name: str) -> Locator:
    return sheet.output(1).get_by_role("button", name=name)
