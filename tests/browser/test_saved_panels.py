"""Panels: live while their kernel lives, and pictures or a table in what is saved."""

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.browser.lab import IMPORT, SHOTS, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

DRAW = f"""{IMPORT}
a = await mt.image("a red fox", model="local/painter", size="256x192", seed=1)
b = await mt.image("an owl", model="local/painter", size="256x192", seed=1)"""
PANELS = ("mt.Gallery([a, b])", "mt.compare(a, b)", "mt.sessions", "mt.Studio()")
NAMES = (".mt-gallery", ".mt-compare", ".mt-sessions", ".mt-studio")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_panels_are_live_and_saved_as_pictures(jupyter: Lab, theme: Theme) -> None:
    name = f"{theme}-saved-panels.ipynb"
    with jupyter.notebook(name, DRAW, *PANELS, "1", theme=theme) as sheet:
        for number in range(6):
            sheet.run(number)
        _are_live(sheet)
        gallery = sheet.output(1).locator(".mt-gallery")
        gallery.get_by_label("Words").fill("owl")
        expect(gallery.get_by_role("option", name="an owl")).to_be_visible()
        expect(gallery.get_by_role("status")).to_contain_text("1 of 2 pieces")
        sheet.run(5)  # leaves the gallery
        expect(gallery).to_be_visible()
        sheet.save()
        sheet.reload()
        _are_live(sheet)
        session = "window.jupyterapp.shell.currentWidget.sessionContext.session"
        sheet.page.evaluate(f"{session}.kernel.restart()")
        _are_pictures(sheet)
    with jupyter.open(name, theme=theme) as sheet:
        _are_pictures(sheet)
        expect(sheet.output(1)).to_contain_text("A gallery of 1 picture.")
        sheet.cell(2).evaluate("cell => cell.scrollIntoView()")
        sheet.shoot(f"{theme}-saved-panels")
        page, _ = HTMLExporter().from_filename(str(sheet.path))
        alone = sheet.page.context.new_page()
        alone.set_content(page)
        expect(alone.get_by_role("img", name="an owl").last).to_be_visible()
        expect(alone.get_by_text("Error displaying widget")).to_have_count(0)
        alone.screenshot(path=SHOTS / f"{theme}-exported-panels.png", full_page=True)


def test_a_panel_in_a_layout_is_a_widget(jupyter: Lab) -> None:
    box = "import ipywidgets\nipywidgets.HBox([mt.Gallery([a, b])])"
    with jupyter.notebook("layout.ipynb", DRAW, box) as sheet:
        sheet.run(0)
        sheet.run(1)

        expect(sheet.output(1).locator(".widget-hbox .mt-gallery")).to_be_visible()


def test_a_panel_keeps_its_place_when_its_output_is_written_anew(jupyter: Lab) -> None:
    """With what is typed in it, and the focus."""
    draw = "import asyncio\nawait asyncio.sleep(1)\nstudio.entries = []\nstudio.is_stale = True"
    with jupyter.notebook("anew.ipynb", DRAW, "studio = mt.Studio()\nstudio", draw) as sheet:
        sheet.run(0)
        sheet.run(1)
        words = sheet.output(1).locator(".mt-studio").get_by_label("What to see")
        expect(words).to_be_visible()
        mount = sheet.output(1).locator(".mt-mount").element_handle()
        sheet.start(2)
        words.fill("a lighthouse")
        sheet.finish(2)
        sheet.page.wait_for_function("mount => !mount.isConnected", arg=mount)

        expect(words).to_have_value("a lighthouse")
        expect(words).to_be_focused()


def test_a_button_belongs_to_its_own_notebook(jupyter: Lab) -> None:
    """Though another one in the page has saved the same picture."""
    with jupyter.notebook("one.ipynb", DRAW, "a") as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.save()
        (jupyter.files / "two.ipynb").write_bytes(sheet.path.read_bytes())
        commands = "window.jupyterapp.commands"
        sheet.page.evaluate(
            f"{commands}.execute('docmanager:open', {{path: 'two.ipynb', kernel: null}})"
        )
        both = sheet.page.locator(".jp-NotebookPanel")
        expect(both).to_have_count(2)
        buttons = both.last.locator(".jp-CodeCell").nth(1).locator("button[data-mt-act]")
        expect(buttons).to_have_count(1)
        sheet.page.wait_for_function(
            "document.querySelectorAll('.lm-TabBar-tab[title*=\"two.ipynb\"]').length > 0"
        )

        expect(buttons).to_be_hidden()
        own = both.first.locator("button[data-mt-act]").count()
        assert own >= 3
        expect(both.first.locator("button.mt-live")).to_have_count(own)


def _are_live(sheet: Sheet) -> None:
    for number, name in enumerate(NAMES, start=1):
        expect(sheet.output(number).locator(name)).to_be_visible()


def _are_pictures(sheet: Sheet) -> None:
    for number, name in enumerate(NAMES, start=1):
        expect(sheet.output(number).locator(name)).to_have_count(0)
        expect(sheet.output(number).locator(".mt-mount")).to_be_visible()
    expect(sheet.output(2).get_by_role("img", name="a red fox")).to_be_visible()
    expect(sheet.page.get_by_text("Error displaying widget")).to_have_count(0)
