"""What a person sees of a run of many, and can do about it."""

import re

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator
from tests.browser.lab import Lab, Theme

pytestmark = pytest.mark.browser

IMPORT = "import mediatoolkit as mt, asyncio, pandas as pd"
ROWS = """agent = mt.ImageGenAgent(store=mt.Store.default())
rows = mt.grid("a {animal} in {season}", animal=["fox", "owl", "bear", "whale"],
               season=["spring", "summer", "autumn", "winter", "rain"], seed=range(10))
len(rows)"""
SLOW = 'run = agent.start_many(rows, run="posters-{name}", rate="400/min", concurrency=8)'
AGAIN = """run = agent.start_many(rows, run="posters-{name}", concurrency=32)
table = await run"""
COUNT = """again = agent.start_many(rows, run="posters-{name}", cache="only")
table = await again
paths = table.media.map(lambda it: it.path)
f"{{(table.status == 'done').sum()}} done, {{paths.nunique()}} files\""""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_run_is_watched_cancelled_and_resumed(jupyter: Lab, sim: Simulator, theme: Theme) -> None:
    del sim
    cells = (
        IMPORT,
        ROWS,
        SLOW.format(name=theme),
        AGAIN.format(name=theme),
        COUNT.format(name=theme),
    )
    with jupyter.notebook(f"{theme}-run.ipynb", *cells, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        sheet.run(2)
        board = sheet.output(2).locator(".mt-jobs")
        expect(board).to_contain_text(f"posters-{theme}: 200 rows")
        expect(board).to_contain_text(re.compile(r"[3-9]\d of 200 done, [\d,]+/min, \$\d.* left"))
        expect(board.get_by_text("stops in")).to_have_count(0)
        bar = board.get_by_role("progressbar")
        assert 0.1 < float(bar.get_attribute("value") or 0) < 0.9
        expect(board.get_by_role("button", name="Give 30 seconds more to each row")).to_have_text(
            "+30 s a row"
        )
        assert sheet.faults(".mt-jobs") == []
        sheet.shoot(f"{theme}-run-board")
        board.get_by_role("button", name=re.compile("^Cancel")).click()
        expect(board).to_have_count(0)
        ending = sheet.output(2)
        expect(ending).to_contain_text(re.compile(r"cancelled; \d+ of 200 done, .*\d+ not sent"))
        expect(ending.get_by_role("button", name="Make those rows")).to_have_count(1)
        sheet.shoot(f"{theme}-run-cancelled")

        sheet.run(3)
        # What was on its way when it was cancelled, if anything was, may have been billed, so a
        # person decides.
        ending = sheet.output(3)
        expect(ending).to_contain_text(re.compile(r"(19\d|200) of 200 done"))
        expect(ending.get_by_role("img")).to_have_count(48)
        again = ending.get_by_role("button", name=re.compile("unclear rows .* may pay again"))
        if again.count():
            expect(ending).to_contain_text("The run was stopped while this row was being made.")
            again.click()
        expect(ending).to_contain_text("200 of 200 done")
        expect(ending).to_contain_text("… and 152 more: run.table has all.")
        expect(ending.get_by_role("button", name="Make")).to_have_count(0)
        sheet.shoot(f"{theme}-run-done")
        sheet.run(4)
        expect(sheet.output(4)).to_contain_text("200 done, 200 files")
        saved = sheet.save()
    assert len(str([cell["outputs"] for cell in saved["cells"]])) < 1_500_000
