"""What a bar claims: never less than before, nothing in the queue, and it stands there at once."""

import asyncio
import re

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import IMPORT, Lab, Theme
from tests.browser.samples import sampled

pytestmark = pytest.mark.browser

MANY = """pictures = [
    mt.image(f"a castle by the sea, {n}", model="local/painter", size=(1536, 1536), seed=n)
    for n in range(5)
]
for picture in pictures:
    await picture"""
VOICE = 'voice = await mt.speech("A red fox looks up and sees a star. " * 6, model="local/hibari")'
FILM = 'await mt.film([await pictures[0]], "A castle by the sea. It rains.", size=(320, 180))'
VENDOR = 'await mt.image("a vendor\'s fox", timeout=90)'
COLD = 'import mediatoolkit as mt\nfox = await mt.image("a fox", model="local/painter", size="512")'
GATE = """import sys, time
from pathlib import Path

class Gate:
    @staticmethod
    def find_spec(name, path=None, target=None):
        while name == "mediatoolkit.agents" and not Path("{go}").exists():
            time.sleep(0.05)

sys.meta_path.insert(0, Gate)"""
"""Holds back what is imported first, until there is a file."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_bar_never_goes_back(jupyter: Lab, sim: Simulator, theme: Theme) -> None:
    """Pictures that wait for their turn, speech, a film, and a vendor who is asked twice."""
    sim.then(faults.Status(429, retry_delay="2s"), faults.Latency(2.0))
    cells = (IMPORT, MANY, VOICE, FILM, VENDOR)
    with jupyter.notebook(f"{theme}-bars.ipynb", *cells, theme=theme) as sheet:
        sheet.run(0)
        with sampled(sheet.page) as sampling:
            for cell, stage in enumerate(("queued", "speaking", "filming", "retry"), start=1):
                sheet.start(cell)
                sampling.wait_for(stage)
                sheet.cell(cell).scroll_into_view_if_needed()
                sheet.shoot(f"{theme}-bar-{stage}")
                sheet.finish(cell)

    assert len(sampling.bars) == 8
    assert {name: bar.falls for name, bar in sampling.bars.items() if bar.falls} == {}
    assert {share for bar in sampling.bars.values() for share in bar.during("queued")} == {0.0}
    ends = [bar.shares[-1] for name, bar in sampling.bars.items() if name.startswith("a castle")]
    assert all(end >= 0.5 for end in ends)
    assert sampling.words >= {"queued", "speaking", "filming", "retry 2 of 4", "waiting for gemini"}


def test_a_vendor_s_second_picture_says_how_long_it_will_take(
    jupyter: Lab, sim: Simulator, loop: asyncio.AbstractEventLoop
) -> None:
    gates = [faults.Gate(0), faults.Gate(0)]
    for gate in gates:
        loop.call_soon_threadsafe(sim.then, gate)
    cell = 'await mt.image("a fox {}", timeout=90)'
    with jupyter.notebook("estimate.ipynb", IMPORT, *map(cell.format, range(2))) as sheet:
        sheet.run(0)
        sheet.start(1)
        row = sheet.output(1).locator(".mt-job")
        expect(row.get_by_role("status")).to_have_text("waiting for gemini")
        words, value = row.evaluate("row => [row.innerText, row.querySelector('progress').value]")
        assert (value, "stops in" in words, "about" in words) == (0, True, False)
        expect(row.locator(".mt-job-clock")).to_have_text(re.compile(r"^([5-9]\.\d|\d\d) s "))
        loop.call_soon_threadsafe(gates[0].open)
        sheet.finish(1)
        with sampled(sheet.page) as sampling:
            sheet.start(2)
            clock = sheet.output(2).locator(".mt-job-clock")
            expect(clock).to_contain_text("about")
            expect(clock).to_contain_text("more · stops in 1:")
            sheet.shoot("estimate")
            sheet.page.wait_for_function("document.querySelector('.mt-job progress').value > 0.5")
            loop.call_soon_threadsafe(gates[1].open)
            sheet.finish(2)

    shares = sampling.bars["a fox 1"].shares
    assert shares == sorted(shares)
    assert len({share for share in shares if 0 < share < 1}) > 5, "the page counts by itself"


def test_the_first_bar_is_there_before_what_draws_it(jupyter: Lab, sim: Simulator) -> None:
    del sim
    with jupyter.notebook("cold.ipynb", GATE.format(go="cold-go"), COLD) as sheet:
        sheet.run(0)
        sheet.start(1)
        first = sheet.output(1).locator(".mt-first-bar")
        expect(first).to_be_visible()
        sheet.shoot("first-bar")
        (jupyter.files / "cold-go").touch()
        sheet.finish(1)

        expect(sheet.output(1).get_by_role("img", name="a fox")).to_be_visible()
        expect(first).to_have_count(0)
        saved = sheet.save()
    assert len(saved["cells"][1]["outputs"]) == 1


def test_the_first_bar_goes_when_the_call_is_refused(jupyter: Lab, sim: Simulator) -> None:
    del sim
    with jupyter.notebook("refused.ipynb", COLD.replace('"512"', '"9K"')) as sheet:
        sheet.run(0)

        expect(sheet.output(0)).to_contain_text("PromptError")
        expect(sheet.output(0).locator("progress")).to_have_count(0)
