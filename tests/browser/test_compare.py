"""Two pictures under a slider and side by side, and what was asked for differently."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab, Sheet, Theme

pytestmark = pytest.mark.browser

MAKE = """import mediatoolkit as mt
draw = dict(model="local/painter", size="480x360")
a = await mt.image("a red fox under the stars", seed=7, **draw)
b = await mt.image("a red fox in the snow under the stars, watercolor", seed=8, **draw)"""
NASTY = """from dataclasses import replace
nasty = "<img src=x onerror=document.title='caught'>"
tall = mt.Image.of(a.to_pil().resize((200, 300)))
c = replace(tall, provenance=replace(a.provenance, prompt=nasty, options={"style": nasty}))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_pictures_under_one_slider(jupyter: Lab, theme: Theme) -> None:
    with jupyter.notebook(
        f"{theme}-compare.ipynb", MAKE, "comparison = mt.compare(a, b)\ncomparison", theme=theme
    ) as sheet:
        sheet.run(0)
        sheet.run(1)
        view = _view(sheet, 1)
        for picture in ("a red fox under the stars", re.compile("watercolor")):
            shown = view.get_by_role("img", name=picture, exact=isinstance(picture, str))
            expect(shown).to_have_attribute("src", re.compile("^blob:"))
            assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 480
        slider = view.get_by_role("slider")
        sheet.cell(1).evaluate("cell => cell.scrollIntoView()")
        sheet.shoot(f"{theme}-compare")
        assert sheet.faults(".mt-compare") == []

        slider.focus()
        sheet.page.keyboard.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", "51% A, 49% B")
        sheet.page.keyboard.press("Home")
        expect(slider).to_have_attribute("aria-valuetext", "0% A, 100% B")

        expect(view.locator("ins")).to_have_text(["added: in the snow", "added: , watercolor"])
        expect(view.locator("del")).to_have_count(0)
        expect(view.get_by_role("row", name="seed")).to_have_text("seed78")


def test_side_by_side_by_keyboard(jupyter: Lab) -> None:
    with jupyter.notebook(
        "beside.ipynb", MAKE, NASTY, "mt.compare(a, c)", "mt.compare(a, a)"
    ) as sheet:
        for number in range(4):
            sheet.run(number)
        view = _view(sheet, 2)
        expect(view).to_contain_text("The first has 480×360 pixels, the second 200×300; the slider")
        view.get_by_role("radio", name="Slider").focus()
        sheet.page.keyboard.press("ArrowRight")
        expect(view.get_by_role("radio", name="Side by side")).to_be_checked()
        expect(view.get_by_role("slider")).to_be_hidden()
        left, right = (picture.bounding_box() for picture in view.get_by_role("img").all())
        assert left is not None
        assert right is not None
        assert left["x"] + left["width"] < right["x"]
        view.scroll_into_view_if_needed()
        sheet.shoot("light-compare-beside")
        assert sheet.faults(".mt-compare") == []

        expect(view).to_contain_text("<img src=x onerror=document.title='caught'>")
        assert "caught" not in sheet.page.title()
        expect(_view(sheet, 3)).to_contain_text("No option differs.")


def test_what_is_no_picture_is_refused_at_once(jupyter: Lab) -> None:
    cells = (
        'mt.compare(a, b"no picture")',
        'mt.compare(a, mt.image("a fox", model="local/painter"))',
    )
    with jupyter.notebook("refused.ipynb", MAKE, *cells) as sheet:
        for number in range(3):
            sheet.run(number)
        expect(sheet.output(1)).to_contain_text("MediaError: The second cannot be compared:")
        expect(sheet.output(2)).to_contain_text("PromptError: The second is not a picture yet")


def _view(sheet: Sheet, cell: int) -> Locator:
    return sheet.output(cell).locator(".mt-compare")
