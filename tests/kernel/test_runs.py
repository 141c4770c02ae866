"""A run of many in a cell: one board, one ending, Retry, and the tables that start runs."""

import re

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

AGENT = 'agent = mt.ImageGenAgent(store=mt.Store.default())\nrows = mt.grid("a {a}", a=range(6))\n'


def _last(run: Run) -> dict[str, str]:
    data: dict[str, str] = run.shown[-1]["data"]
    return data


async def test_an_awaited_run_is_one_board_and_leaves_its_summary(notebook: Kernel) -> None:
    run = await notebook.run(AGENT + 'table = await agent.start_many(rows, run="awaited")')
    assert run.status == "ok", run.text
    assert len(run.widgets) == 1
    assert "awaited: 6 of 6 done" in _last(run)["text/plain"]
    assert _last(run)["text/html"].count("<img") == 6
    assert await notebook.do("print(list(table.status.unique()))") == "['done']\n"


async def test_a_run_as_the_value_of_a_cell_is_shown_once(notebook: Kernel) -> None:
    run = await notebook.run(AGENT + 'run = agent.start_many(rows, run="value")\nrun')
    await until(lambda: "6 of 6 done" in _last(run)["text/plain"], "the ending")
    assert len({shown["transient"]["display_id"] for shown in run.shown}) == 1


async def test_retry_makes_what_failed(notebook: Kernel, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked(), faults.PromptBlocked())
    code = 'run = agent.start_many(rows, run="retried")\ntable = await run'
    run = await notebook.run(AGENT + code)
    assert "4 of 6 done, 2 failed" in _last(run)["text/plain"]
    assert re.search(r"2 rows \(\d, \d\): RefusalError", _last(run)["text/html"])

    requests = len(sim.requests)
    await notebook.press_retry(run)

    await until(lambda: "6 of 6 done" in _last(run)["text/plain"], "the ending of the retry")
    assert len(sim.requests) == requests + 2
    assert await notebook.do("print(run.counts['done'])") == "4\n"


async def test_a_cancelled_run_goes_on(notebook: Kernel, sim: Simulator) -> None:
    sim.always(faults.Silence())
    before = len(sim.requests)
    run = await notebook.run(AGENT + 'run = agent.start_many(rows, run="cut", concurrency=2)')
    await until(lambda: len(sim.requests) == before + 2, "the requests")
    await notebook.click_cancel(run)
    await until(lambda: "cancelled; 0 of 6 done" in _last(run)["text/plain"], "the ending")
    sim.always(None)

    again = await notebook.run('table = await agent.start_many(rows, run="cut")')
    assert "4 of 6 done, 2 may have been billed" in _last(again)["text/plain"]


async def test_tables_start_runs_with_a_template(notebook: Kernel) -> None:
    code = """import pandas as pd
df = pd.DataFrame({"animal": ["fox", "owl"]}, index=["x", "y"])
table = await df.media.image("a {animal}", model="local/painter", size=64, run="by table")
print(list(table.index), list(table.prompt), list(table.status))"""
    await notebook.do("import pandas")
    run = await notebook.run(code)
    assert run.status == "ok", run.text
    assert run.text == "['x', 'y'] ['a fox', 'a owl'] ['done', 'done']\n"
    assert "by table: 2 of 2 done" in _last(run)["text/plain"]
