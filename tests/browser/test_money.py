"""What a person sees of money: prices, kept results, Another, the budget, the studio."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

PRICE = re.compile(r"\$0\.0[67]")
KEPT = re.compile(r"kept \d{4}-\d\d-\d\d, \$0 now, \$0\.0\d\d then")

_WRITTEN = """() => {
    const { cells } = window.jupyterapp.shell.currentWidget.content.model;
    return `${cells.get(1).outputs.get(0).data["text/html"]}`.includes("left $4.9");
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_price_before_and_after_and_another_for_one_click(
    jupyter: Lab, sim: Simulator, answer: Callable[[], object], theme: Theme
) -> None:
    prompt = f"a red fox in the {theme}"
    fox = f'fox = await mt.image("{prompt}", cache=True)'
    with jupyter.notebook(f"{theme}-another.ipynb", IMPORT, fox, theme=theme) as sheet:
        sheet.run(0)
        sheet.start(1)
        expect(sheet.output(1).locator(".mt-job-price")).to_have_text(
            re.compile("^ · " + PRICE.pattern)
        )
        sheet.shoot(f"{theme}-quote")
        requests = len(sim.requests)
        answer()
        sheet.finish(1)
        expect(_pictures(sheet)).to_have_count(1)
        expect(sheet.output(1)).to_contain_text(PRICE)

        sheet.run(1)
        expect(sheet.output(1)).to_contain_text(KEPT)
        sheet.shoot(f"{theme}-kept")
        assert len(sim.requests) == requests

        _another(sheet).dblclick()
        expect(_pictures(sheet)).to_have_count(2)
        expect(sheet.output(1)).to_contain_text(re.compile(r"in all \$0\.0\d\d now"))
        sheet.output(1).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-another")
        assert sheet.faults(".jp-OutputArea") == []
        # The second half of a double click, where the first has drawn new buttons already.
        _another(sheet).first.dispatch_event("click", {"detail": 2})
        sheet.run(0)
        expect(_pictures(sheet)).to_have_count(2)
        assert len(sim.requests) == requests + 1

        sim.always(faults.Silence())
        _another(sheet).last.focus()
        sheet.page.keyboard.press("Enter")
        expect(sheet.output(1).locator(".mt-job-price")).to_contain_text(PRICE)
        expect(_pictures(sheet)).to_have_count(2)
        sheet.shoot(f"{theme}-another-runs")
        sheet.output(1).get_by_role("button", name="Cancel").click()
        expect(sheet.output(1)).to_contain_text("cancelled after")
        expect(_pictures(sheet)).to_have_count(2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_budget_follows_the_calls_and_is_saved(
    jupyter: Lab, sim: Simulator, answer: Callable[[], object], theme: Theme
) -> None:
    del sim
    cells = (IMPORT, "mt.budget.limit = 5\nmt.budget", 'job = mt.image("a red fox")')
    with jupyter.notebook(f"{theme}-budget.ipynb", *cells, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        panel = sheet.output(1).locator(".mt-budget")
        expect(panel).to_contain_text("limit $5.00, left $5.00")
        sheet.run(2)
        row = panel.get_by_role("row", name="gemini/gemini-3.1-flash-image")
        expect(row.get_by_role("cell").nth(3)).to_contain_text(PRICE)
        sheet.cell(0).evaluate("cell => cell.scrollIntoView()")
        sheet.shoot(f"{theme}-budget-reserved")

        answer()
        expect(row.get_by_role("cell").nth(2)).to_contain_text(PRICE)
        expect(row.get_by_role("cell").nth(3)).to_have_text("$0.00")
        expect(panel).to_contain_text("left $4.9")
        expect(sheet.output(2).get_by_role("img")).to_be_visible()
        sheet.shoot(f"{theme}-budget-spent")
        assert sheet.faults(".mt-budget") == []

        sheet.page.wait_for_function(_WRITTEN)  # when no more changes come
        sheet.save()
    with jupyter.open(f"{theme}-budget.ipynb") as sheet:
        expect(sheet.output(1)).to_contain_text("left $4.9")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_studio_tells_the_price_and_keeps_what_it_makes(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    cells = (IMPORT, "studio = mt.Studio()\nstudio")
    with jupyter.notebook(f"{theme}-price.ipynb", *cells, theme=theme) as sheet:
        requests = len(sim.requests)
        for count, facts in ((2, PRICE), (1, KEPT)):
            sheet.run(0)
            sheet.run(1)
            studio = sheet.output(1).locator(".mt-studio")
            studio.get_by_label("What to see").fill(f"a whale in the {theme}")
            expect(studio.locator(".mt-studio-price")).to_have_text(PRICE)
            studio.get_by_label("Keep and reuse results").check()
            for _ in range(count):
                studio.get_by_role("button", name="Generate").click()
                expect(studio.locator(".mt-studio-clock")).to_contain_text("Done in")
                expect(studio.locator(".mt-studio-facts-line")).to_contain_text(facts)
            sheet.shoot(f"{theme}-studio-price-{count}")
            assert sheet.faults(".mt-studio") == []

        assert len(sim.requests) == requests + 2


def _pictures(sheet: Sheet) -> Locator:
    return sheet.output(1).get_by_role("img")


def _another(sheet: Sheet) -> Locator:
    return sheet.output(1).get_by_role("button", name="Make another")
