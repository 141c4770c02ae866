"""What a picture lacks of its prompt is read where the picture is seen."""

import pytest
from playwright.sync_api import expect

from tests.browser.lab import IMPORT, Lab, Theme

pytestmark = pytest.mark.browser

SAID = "not drawn: zzyzx"
ONE = 'fox = await mt.image("a red fox and a zzyzx", model="local/painter", size="512", seed=7)'
SIX = """jobs = [
    mt.image(f"a zzyzx and a fox {n}", model="local/painter", size="64") for n in "123456"
]
for job in jobs:
    await job"""
GALLERY = "mt.Gallery([fox])"
STUDIO = "studio = mt.Studio()\nstudio"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_stands_below_the_picture_and_in_every_panel(jupyter: Lab, theme: Theme) -> None:
    cells = (IMPORT, ONE, SIX, GALLERY, STUDIO)
    with jupyter.notebook(f"{theme}-omissions.ipynb", *cells, theme=theme) as sheet:
        for number in range(len(cells)):
            sheet.run(number)
        caption = sheet.output(1).locator("figcaption").get_by_text(SAID, exact=True)
        expect(caption).to_be_visible()
        expect(sheet.output(2).locator("figcaption").get_by_text("not drawn: zzyzx")).to_have_count(
            6
        )
        tile = sheet.output(3).locator(".mt-tile")
        expect(tile).to_have_attribute("title", f"a red fox and a zzyzx\n512×512\n{SAID}")

        sheet.output(1).get_by_role("button", name="Open").click()
        dialog = sheet.page.get_by_role("dialog")
        expect(dialog.locator("header").get_by_text(SAID, exact=True)).to_be_visible()
        sheet.shoot(f"{theme}-omissions-viewer")
        sheet.page.keyboard.press("Escape")
        sheet.output(1).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-omissions-cell")
        sheet.output(2).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-omissions-sheet")

        panel = sheet.output(4)
        panel.scroll_into_view_if_needed()
        form = panel.get_by_role("tabpanel", name="Picture")
        form.get_by_label("What to see").fill("a red fox and a zzyzx")
        form.get_by_label("Model").select_option("local/painter")
        panel.get_by_role("button", name="Generate").click()
        expect(panel.get_by_role("region", name="Result").get_by_text(SAID)).to_be_visible(
            timeout=60_000
        )
        sheet.shoot(f"{theme}-omissions-studio")
