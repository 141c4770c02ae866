"""Panels under an Output widget, and what they say when their kernel ends."""

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import Lab, Theme

pytestmark = pytest.mark.browser

PICTURES = """import mediatoolkit as mt, numpy as np
fox, owl = (mt.Image.of(np.full((64, 64, 3), shade, np.uint8)) for shade in (80, 200))"""
PANELS = """import ipywidgets
studio, out = mt.Studio(), ipywidgets.Output()
display(out)
with out:
    display(mt.sessions, mt.compare(fox, owl), mt.Gallery([fox, owl]), studio)"""
ENDED = "The kernel ended; run the cell again."


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_panels_live_under_an_output_and_end_with_their_kernel(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    sim.always(faults.Silence())
    with jupyter.notebook(f"{theme}-ended.ipynb", PICTURES, PANELS, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        page = sheet.output(1)
        expect(page.locator(".mt-compare img")).to_have_count(2)
        page.locator(".mt-gallery").scroll_into_view_if_needed()
        expect(page.locator(".mt-tile img")).to_have_count(2)
        studio = page.locator(".mt-studio")
        studio.get_by_label("What to see").fill("a red fox")
        studio.get_by_role("button", name="Generate").click()
        expect(studio.locator(".mt-bar")).to_be_visible()

        session = "window.jupyterapp.shell.currentWidget.sessionContext.session"
        sheet.page.evaluate(f"() => {{ {session}.kernel.restart(); }}")

        expect(page.get_by_text(ENDED)).to_have_count(4)
        expect(page.get_by_role("button")).to_have_count(0)
        expect(page.locator(".mt-bar")).to_have_count(0)
        sheet.shoot(f"{theme}-ended")
