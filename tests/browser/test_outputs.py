"""What is shown under Output widgets: by `with`, `interact`, tabs, and below a click."""

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import IMPORT, Lab, Theme

pytestmark = pytest.mark.browser

OUT = 'import ipywidgets\nout = ipywidgets.Output()\ndisplay(out)\nwith out:\n    print("before")\n'
WAYS = {
    "result": '    mt.image("a red fox").result()\n    print("after")',
    "await": '    await mt.image("a red fox")\n    print("after")',
    "free": '    job = mt.image("a red fox")\n    print("after")',
    "outside": '    job = mt.image("a red fox")\n    print("after")\nfox = await job',
    "display": '    display(mt.image("a red fox").result())\n    print("after")',
    "value": '    fox = await mt.image("a red fox")\n    print("after")\n    display(fox)',
}


@pytest.mark.parametrize("way", WAYS)
def test_a_result_takes_the_place_of_its_board_under_an_output(
    jupyter: Lab, sim: Simulator, way: str
) -> None:
    """What was printed around it stays, and it is there once."""
    del sim
    with jupyter.notebook(f"out-{way}.ipynb", IMPORT, OUT + WAYS[way]) as sheet:
        sheet.run(0)
        sheet.run(1)

        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_have_count(1)
        expect(sheet.output(1).locator(".mt-job")).to_have_count(0)
        expect(sheet.output(1)).to_contain_text("before")
        expect(sheet.output(1)).to_contain_text("after")
        sheet.shoot(f"light-output-{way}")


INTERACT = """import ipywidgets

@ipywidgets.interact(animal=["a red fox", "an owl"])
def draw(animal):
    return mt.image(animal)"""


def test_interact_shows_its_first_result_and_then_only_the_latest(
    jupyter: Lab, sim: Simulator
) -> None:
    del sim
    with jupyter.notebook("interact.ipynb", IMPORT, INTERACT) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_have_count(1)
        sheet.shoot("light-interact")

        sheet.output(1).get_by_label("animal").select_option("an owl")

        expect(sheet.output(1).get_by_role("img", name="an owl")).to_have_count(1)
        expect(sheet.output(1).get_by_role("img")).to_have_count(1)


CALLED = """import ipywidgets
animal = ipywidgets.Dropdown(options=["a red fox", "an owl"])
def draw(animal):
    display(mt.image(animal).result())
    mt.image("a bear")
display(animal, ipywidgets.interactive_output(draw, {"animal": animal}))"""


def test_an_interactive_output_shows_several_and_then_only_the_latest(
    jupyter: Lab, sim: Simulator
) -> None:
    del sim
    with jupyter.notebook("called.ipynb", IMPORT, CALLED) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_have_count(1)
        expect(sheet.output(1).get_by_role("img", name="a bear")).to_have_count(1)

        sheet.output(1).locator("select").select_option("an owl")

        expect(sheet.output(1).get_by_role("img", name="an owl")).to_have_count(1)
        expect(sheet.output(1).get_by_role("img", name="a bear")).to_have_count(1)
        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_have_count(0)


LOOP = """from IPython.display import clear_output
for animal in ("a red fox", "an owl", "a whale"):
    clear_output(wait=True)
    print(animal)
    picture = await mt.image(animal)"""


def test_a_loop_that_clears_shows_only_its_latest(jupyter: Lab, sim: Simulator) -> None:
    del sim
    with jupyter.notebook("loop.ipynb", IMPORT, LOOP) as sheet:
        sheet.run(0)
        sheet.run(1)

        expect(sheet.output(1).get_by_role("img", name="a whale")).to_be_visible()
        expect(sheet.output(1).get_by_role("img")).to_have_count(1)
        assert len(sheet.save()["cells"][1]["outputs"]) == 2
        sheet.shoot("light-clear-loop")


TABS = """import ipywidgets
tabs = [ipywidgets.Output() for _ in range(3)]
folds = ipywidgets.Accordion([tabs[2]], titles=["Folded"], selected_index=0)
display(ipywidgets.Tab([tabs[0], tabs[1], folds], titles=["One", "Two", "Three"]))
with tabs[0]:
    mt.image("a red fox")
    mt.image("an owl")
with tabs[1]:
    await mt.speech("Good morning.")
with tabs[2]:
    mt.image("a whale")
    inner = ipywidgets.Output()
    display(inner)
    with inner:
        mt.image("a bear")"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_tab_shows_what_was_made_in_it(jupyter: Lab, sim: Simulator, theme: Theme) -> None:
    del sim
    with jupyter.notebook(f"{theme}-tabs.ipynb", IMPORT, TABS, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        page = sheet.output(1)
        for animal in ("a red fox", "an owl"):
            expect(page.get_by_role("img", name=animal)).to_be_visible()
        sheet.shoot(f"{theme}-tabs")
        page.get_by_role("tab", name="Two").click()
        expect(page.locator("audio")).to_be_visible()
        page.get_by_role("tab", name="Three").click()
        for animal in ("a whale", "a bear"):
            expect(page.get_by_role("img", name=animal)).to_be_visible()
        expect(page.locator(".mt-job")).to_have_count(0)
        sheet.shoot(f"{theme}-tabs-nested")


BAD = """import ipywidgets
out = ipywidgets.Output()
display(out)
with out:
    bad = mt.image("a red fox")"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_failure_under_an_output_is_tried_again_in_its_place(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    """Also in a page that was loaded anew."""
    sim.always(faults.PromptBlocked())
    with jupyter.notebook(f"{theme}-bad.ipynb", IMPORT, BAD, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("RefusalError")
        sheet.shoot(f"{theme}-output-failure")
        sheet.save()
        sheet.reload()
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("RefusalError")
        sim.always(None)

        sheet.output(1).get_by_role("button", name="Retry a red fox").click()

        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible()
        expect(sheet.output(1).get_by_role("alert")).to_have_count(0)
