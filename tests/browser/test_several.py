"""Several at once in JupyterLab: a board, a grid, and a table with thumbnails."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

PROMPTS = [
    "a red fox under the stars",
    "an owl at midnight",
    "a sailing boat at sunset",
    "a house by a lake",
    "a castle on a hill",
    "a whale below the waves",
]
FIRST = f"{IMPORT}\nimport pandas as pd"
MANY = f'agent = mt.ImageGenAgent("local", size="256x256", seed=1)\nprompts = {PROMPTS}\n'
MANY += "images = await agent.generate_many(prompts)"
TABLE = 'df = pd.DataFrame({"prompt": prompts[:3], "media": images[:3]})\ndf.media.show()'
GRID = "mt.show(images, columns=3, labels=[prompt.upper() for prompt in prompts])"


def _seen(part: Locator, count: int) -> list[tuple[float, float]]:
    """Where the pictures are, once all of them have their pixels."""
    pictures = part.locator("img")
    expect(pictures).to_have_count(count)
    for picture in pictures.all():
        assert picture.evaluate("img => img.decode().then(() => img.naturalWidth > 0)")
    boxes = [picture.bounding_box() for picture in pictures.all()]
    return [(box["x"], box["y"]) for box in boxes if box is not None]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_pictures_are_a_board_a_grid_and_a_table(jupyter: Lab, theme: Theme) -> None:
    name = f"{theme}-several.ipynb"
    with jupyter.notebook(name, FIRST, MANY, GRID, TABLE, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        _seen(sheet.output(1), len(PROMPTS))
        sheet.run(2)
        places = _seen(sheet.output(2), len(PROMPTS))
        assert len({x for x, _ in places}) == 3
        assert len({y for _, y in places}) == 2
        expect(sheet.output(2)).to_contain_text(PROMPTS[5].upper())
        _shoot(sheet, 2, f"several-grid-{theme}")
        sheet.run(3)
        assert len({x for x, _ in _seen(sheet.output(3), 3)}) == 1
        expect(sheet.output(3).locator("td", has_text=PROMPTS[0])).to_be_visible()
        _shoot(sheet, 3, f"several-table-{theme}")
        sheet.save()
        jupyter.end_kernels()
    with jupyter.open(name, theme=theme) as sheet:
        for number, count in ((1, 6), (2, 6), (3, 3)):
            _seen(sheet.output(number), count)


def _shoot(sheet: Sheet, number: int, name: str) -> None:
    sheet.output(number).scroll_into_view_if_needed()
    sheet.shoot(name)
