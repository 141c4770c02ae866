"""What a kernel keeps in memory of what it has shown."""

import re

import pytest
import pytest_asyncio

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

COUNT = """
import asyncio, gc
from mediatoolkit.widgets import board, cells, jobs_view, kernel

def count(kind):
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())
"""
IN_A_ROW = """
for n in range(12):
    await mt.image(f"fox {n}", seed=n)
print(count(mt.Image))
"""
ONE_FAILS = """
jobs = [mt.image(f"owl {n}", seed=n) for n in range(12)]
await asyncio.gather(*jobs, return_exceptions=True)
del jobs
"""
LATE = """
import threading
usual = jobs_view.JobsView._results
is_made, is_over = threading.Event(), threading.Event()

def results(self, rows, error):
    bundle = usual(self, rows, error)
    is_made.set()
    is_over.wait(10)
    return bundle

jobs_view.JobsView._results = results
a = await mt.image("a red fox")
await asyncio.to_thread(is_made.wait)
b = mt.image("an owl")
b.on_done(lambda _job: is_over.set())
await b
await cells.views_settled()
jobs_view.JobsView._results = usual
"""
PICTURES = """
await cells.views_settled()
print(count(mt.Image))
"""
LEFT = """
await cells.views_settled()
gc.collect()
from ipywidgets.widgets.widget import _instances
from comm import get_comm_manager
print(len(_instances), len(get_comm_manager().comms), count(board.Board), count(mt.Image),
      len(kernel.here().views), len(kernel.here().shown))
"""


@pytest_asyncio.fixture(loop_scope="module")
async def counting(notebook: Kernel) -> Kernel:
    await notebook.do(COUNT)
    return notebook


async def test_a_cell_does_not_hold_what_it_has_made_and_dropped(counting: Kernel) -> None:
    run = await counting.run(IN_A_ROW)

    assert int(run.text) <= 3  # the latest may be under way to the page
    assert run.shown[-1]["data"]["text/html"].count("<img") == 12
    assert (await counting.do(PICTURES)).strip() == "0"


async def test_a_button_to_try_again_holds_no_pictures(counting: Kernel, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked())
    run = await counting.run(ONE_FAILS)
    assert (await counting.do(PICTURES)).strip() == "0"
    html = run.shown[-1]["data"]["text/html"]
    assert html.count("<img") == 11

    controls = (await counting.do("print(kernel.here().buttons.model_id)")).strip()
    [token] = re.findall(r'data-mt-act="(\w+)"[^>]*>Retry', html)
    await counting.click(controls, {"act": token, "page": "here"})

    await until(lambda: run.shown[-1]["data"].get("text/html", "").count("<img") == 12, "all")


async def test_what_ends_while_a_picture_is_put_in_place_is_shown(counting: Kernel) -> None:
    run = await counting.run(LATE)

    assert "a red fox" in run.shown[-1]["data"]["text/html"]
    assert "an owl" in run.shown[-1]["data"]["text/html"]


async def test_a_hundred_cells_leave_what_ten_leave(counting: Kernel) -> None:
    async def left(cells: int) -> str:
        for n in range(cells):
            await counting.do(f'await mt.image("fox {n}", model="local/painter", size="64x64")\n0')
        return await counting.do(LEFT)

    assert await left(10) == await left(90)
