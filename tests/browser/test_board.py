"""What a person sees of several jobs, and can do about them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import Lab, Sheet, Theme

pytestmark = pytest.mark.browser

IMPORT = "import mediatoolkit as mt, asyncio"
MANY = """words = ["a red fox", "an owl", "a whale", "a castle", "a lighthouse", "a bear", "a duck"]
jobs = [mt.image(word, model="local/painter", size="512", seed=4) for word in words]
bad = mt.image("a vendor's picture")
await asyncio.gather(*jobs, bad, return_exceptions=True)"""
HELD = """from pathlib import Path
from mediatoolkit.providers.local import LocalImageClient
usual = LocalImageClient.make

async def make(self, prompt, call):
    while prompt.text in {{"a bear", "a duck"}} and not Path("{go}").exists():
        await asyncio.sleep(0.05)
    return await usual(self, prompt, call)

LocalImageClient.make = make"""
"""Keeps the bear and the duck until there is a file."""
AGING = """from types import SimpleNamespace
from mediatoolkit.widgets import job_row
usual = job_row.time.time
job_row.time = SimpleNamespace(time=lambda: usual() - 800)
job = mt.image("a fox", timeout=2000)"""
"""A job that the page takes for 800 s older than it is."""
SILENT = 'jobs = [mt.image(f"fox {n}", timeout=600) for n in range(9)]'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_jobs_are_one_board_and_then_one_sheet(
    jupyter: Lab, sim: Simulator, theme: Theme
) -> None:
    sim.always(faults.PromptBlocked())
    cells = (IMPORT, HELD.format(go=f"{theme}-go"), MANY)
    with jupyter.notebook(f"{theme}-many.ipynb", *cells, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.start(2)
        board = sheet.output(2).locator(".mt-jobs")
        summary = board.locator(".mt-jobs-summary")
        expect(summary).to_contain_text("5 of 8 done · 1 failed")
        expect(board.get_by_role("alert")).to_contain_text("RefusalError")
        sheet.shoot(f"{theme}-board")
        (jupyter.files / f"{theme}-go").touch()
        sheet.finish(2)

        expect(board).to_have_count(0)
        pictures = sheet.output(2).get_by_role("img")
        expect(pictures).to_have_count(7)
        expect(pictures.nth(3)).to_have_attribute("alt", "a castle")
        expect(sheet.output(2).get_by_role("alert")).to_contain_text("RefusalError")
        sheet.output(2).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-sheet")


def test_a_click_cancels_all_and_another_gives_more_time(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.Silence())
    with jupyter.notebook("all.ipynb", IMPORT, SILENT) as sheet:
        sheet.run(0)
        sheet.run(1)
        board = sheet.output(1).locator(".mt-jobs")
        expect(_rows(sheet)).to_have_count(5)
        expect(board).to_contain_text("4 more")
        first = _rows(sheet).first
        before = _left(first)

        first.get_by_role("button", name="Give 30 seconds more to fox 0").click()

        while _left(first) <= before:  # it counts down by itself, and never up
            sheet.page.wait_for_timeout(50)
        assert _left(first) <= before + 30
        board.get_by_role("button", name="Cancel all").click()
        expect(board).to_have_count(0)
        expect(sheet.output(1)).to_contain_text("fox 8: cancelled after")


def test_the_colour_turns_as_the_deadline_nears(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.Silence())
    nearer = [f"job.extend(-{seconds})" for seconds in (1000, 140, 2000)]
    with jupyter.notebook("late.ipynb", IMPORT, AGING, *nearer) as sheet:
        sheet.run(0)
        row = _rows(sheet).first
        seen = []
        for cell, late in enumerate(("false", "true", "very"), start=1):
            sheet.run(cell)
            expect(row).to_have_attribute("data-late", late)
            seen.append(row.locator(".mt-bar").evaluate(_COLOUR))

        assert len(set(seen)) == 3
        sheet.run(4)
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("DeadlineError")


def test_the_pause_before_a_try_is_counted_down(jupyter: Lab, sim: Simulator) -> None:
    sim.then(faults.Status(429, retry_delay="15s"))
    with jupyter.notebook("pause.ipynb", IMPORT, 'mt.image("a fox")') as sheet:
        sheet.run(0)
        sheet.run(1)
        stage = _rows(sheet).first.locator(".mt-job-stage")

        counted = re.compile(r"^retry 2 of 4 in (\d+) s · \$[^\n]*$")
        expect(stage).to_have_text(counted)
        before = stage.inner_text()
        expect(stage).not_to_have_text(before)
        first, later = (counted.findall(text) for text in (before, stage.inner_text()))
        assert int(first[0]) > int(later[0])
        expect(stage.get_by_role("status")).to_have_text("retry 2 of 4")
        expect(sheet.output(1).get_by_role("img", name="a fox")).to_be_visible()


def _left(row: Locator) -> int:
    """Seconds that its clock gives the job."""
    clock = row.locator(".mt-job-clock")
    expect(clock).to_have_text(re.compile(r"stops in \d+:\d\d min$"))
    minutes, seconds = re.findall(r"stops in (\d+):(\d\d) min$", clock.inner_text())[0]
    return int(minutes) * 60 + int(seconds)


def test_a_narrow_page_has_room_for_the_name_in_place_of_the_sketch(jupyter: Lab) -> None:
    with jupyter.notebook("narrow.ipynb", IMPORT, SKETCHED) as sheet:
        sheet.run(0)
        sheet.run(1)
        board, sketch = sheet.output(1).locator(".mt-jobs"), sheet.output(1).locator("img")
        expect(sketch).to_be_visible()

        board.evaluate("board => { board.style.width = '270px' }")

        expect(sketch).to_be_hidden()
        name = board.get_by_text("a red fox under the stars").bounding_box()
        assert name
        assert name["width"] > 80
        assert board.evaluate("board => board.scrollWidth <= board.clientWidth")


SKETCHED = """from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Partial
from mediatoolkit.verbs import show

async def sketch(call):
    made = await mt.ImageGenAgent("local/painter").generate("a red fox", size=64)
    call.report(Partial(made.data, "image/png"))
    await asyncio.Event().wait()

job = show(lambda: mt.Job(sketch, CallContext(600), label="a red fox under the stars"))"""
_COLOUR = "element => getComputedStyle(element).getPropertyValue('--mt-fill')"


def _rows(sheet: Sheet) -> Locator:
    return sheet.output(1).locator(".mt-job")


BUTTON = """import ipywidgets
button, out = ipywidgets.Button(description="Draw"), ipywidgets.Output()

def draw(_button):
    with out:
        mt.image("a red fox", model="local/painter", size="512", seed=4)

button.on_click(draw)
display(button, out)"""


def test_a_failed_job_is_tried_again_in_its_place(jupyter: Lab, sim: Simulator) -> None:
    sim.always(faults.PromptBlocked())
    with jupyter.notebook("again.ipynb", IMPORT, 'mt.image("a red fox")') as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1).get_by_role("alert")).to_contain_text("RefusalError")
        sheet.shoot("light-retry")
        sim.always(None)

        sheet.output(1).get_by_role("button", name="Retry a red fox").click()

        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible()
        expect(sheet.output(1).get_by_role("alert")).to_have_count(0)
        assert len(_saved_outputs(sheet)) == 1


def test_a_failed_job_is_tried_again_while_others_run(
    jupyter: Lab, sim: Simulator, until: Callable[[Callable[[], bool]], None]
) -> None:
    before = len(sim.requests)
    sim.then(faults.PromptBlocked())
    sim.always(faults.Silence())
    cell = (
        'fox = mt.image("a red fox")\n'
        "while not fox.done():\n    await asyncio.sleep(0.05)\n"
        'mt.image("an owl")'
    )
    with jupyter.notebook("other.ipynb", IMPORT, cell) as sheet:
        sheet.run(0)
        sheet.run(1)
        board = sheet.output(1).locator(".mt-jobs")
        expect(board.get_by_role("alert")).to_be_visible()
        until(lambda: len(sim.requests) == before + 2)
        sim.always(None)

        board.get_by_role("button", name="Retry a red fox").click()

        expect(board).to_contain_text("1 of 2 done")
        board.get_by_role("button", name="Cancel an owl").click()
        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible()
        expect(sheet.output(1)).to_contain_text("an owl: cancelled after")


def test_a_job_that_a_button_starts_is_shown_as_any_other(jupyter: Lab, sim: Simulator) -> None:
    del sim
    with jupyter.notebook("button.ipynb", IMPORT, BUTTON) as sheet:
        sheet.run(0)
        sheet.run(1)
        button = sheet.output(1).get_by_role("button", name="Draw")
        button.click()

        picture = sheet.output(1).get_by_role("img", name="a red fox")
        expect(picture).to_be_visible()
        expect(sheet.output(1).locator(".mt-job")).to_have_count(0)
        button.click()
        expect(picture).to_have_count(2)


DIES = "kernel.requestExecute({code: 'import os; os._exit(1)'})"
SEVERAL = 'jobs = [mt.image(words, timeout=60) for words in ("a red fox", "an owl")]'


@pytest.mark.parametrize("end", ["kernel.restart()", "shutdown()", DIES])
def test_a_board_offers_nothing_without_its_kernel(jupyter: Lab, sim: Simulator, end: str) -> None:
    """Whether the kernel could still say how the job ended or not."""
    sim.always(faults.Silence())
    with jupyter.notebook("gone.ipynb", IMPORT, SEVERAL) as sheet:
        sheet.run(0)
        sheet.run(1)
        row = _rows(sheet).first
        expect(row.get_by_role("button", name="Cancel")).to_be_visible()

        session = "window.jupyterapp.shell.currentWidget.sessionContext.session"
        sheet.page.evaluate(f"() => {{ {session}.{end}; }}")

        expect(sheet.output(1)).to_have_text("The kernel ended; run the cell again.")
        expect(sheet.output(1).get_by_role("progressbar")).to_have_count(0)
        expect(sheet.output(1).get_by_role("button")).to_have_count(0)
        [output] = _saved_outputs(sheet)
        assert "application/vnd.jupyter.widget-view+json" not in output["data"]


def test_a_page_that_is_loaded_anew_shows_the_ending(jupyter: Lab, sim: Simulator) -> None:
    """It has forgotten which place is whose, so the view itself holds what it has become."""
    sim.always(faults.Silence())
    with jupyter.notebook("anew.ipynb", IMPORT, 'fox = mt.image("a red fox")', "1 + 1") as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(_rows(sheet)).to_have_count(1)
        sheet.save()
        sheet.reload()
        expect(_rows(sheet)).to_have_count(1)
        sheet.run(2)
        _rows(sheet).get_by_role("button", name="Cancel").click()

        expect(sheet.output(1)).to_contain_text("cancelled after")


def _saved_outputs(sheet: Sheet) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = sheet.save()["cells"][1]["outputs"]
    return outputs
