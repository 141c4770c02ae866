"""A picture appears once, whichever way a cell spells it."""

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

FOX = 'mt.image("a red fox")'


async def _pictures_after_the_end(kernel: Kernel, run: Run) -> int:
    """How many a cell shows, also when its job outlives it."""
    await until(lambda: run.pictures, "a picture")
    await kernel.do("pass")  # what is on its way comes before this
    return len({shown["transient"].get("display_id", "") for shown in run.pictures})


@pytest.mark.parametrize(
    "cell",
    [
        f"await {FOX}",
        f"x = await {FOX}",
        FOX,
        f"x = await {FOX}; display(x)",
        f"x = await {FOX}\nx",
        f"job = {FOX}\njob",
        f"job = {FOX}\nx = await job\ndisplay(job)\nx",
    ],
)
async def test_a_cell_shows_its_picture_once(notebook: Kernel, cell: str) -> None:
    run = await notebook.run(cell)

    assert run.status == "ok", run.text
    assert await _pictures_after_the_end(notebook, run) == 1


async def test_the_picture_takes_the_place_of_the_view(notebook: Kernel) -> None:
    run = await notebook.run(f"await {FOX}")

    view, picture = run.shown
    assert "application/vnd.jupyter.widget-view+json" in view["data"]
    assert view["transient"]["display_id"] == picture["transient"]["display_id"]
    assert "application/vnd.jupyter.widget-view+json" not in picture["data"]


async def test_an_awaited_picture_is_in_place_before_the_cell_ends(notebook: Kernel) -> None:
    """A front end that stops listening with the cell, as nbclient does, has the picture."""
    run = await notebook.run(f"await {FOX}")

    kinds = [message["msg_type"] for message in run.messages]
    states = [message["content"].get("execution_state") for message in run.messages]
    assert kinds.index("update_display_data") < states.index("idle")
    assert len(run.pictures) == 1


async def test_a_later_cell_shows_the_picture_again(notebook: Kernel) -> None:
    await notebook.do(f"x = await {FOX}")

    assert [len((await notebook.run("x")).pictures) for _ in range(2)] == [1, 1]


async def test_a_later_cell_shows_the_picture_of_a_finished_job(notebook: Kernel) -> None:
    await notebook.do(f"job = {FOX}\nx = await job")

    again = await notebook.run("job")

    assert len(again.pictures) == 1
    assert not again.widgets


async def test_a_later_cell_shows_a_running_job_live(notebook: Kernel) -> None:
    first = await notebook.run(f"job = {FOX}")
    second = await notebook.run("job")

    assert await _pictures_after_the_end(notebook, first) == 1
    assert await _pictures_after_the_end(notebook, second) == 1


async def test_a_bare_handle_frees_its_cell_and_is_replaced_there_later(
    notebook: Kernel, sim: Simulator
) -> None:
    gate = faults.Gate(0)
    sim.then(gate)
    run = await notebook.run(FOX)
    assert not run.pictures

    gate.open()
    await until(lambda: run.pictures, "the picture")

    view, picture = run.shown
    assert picture["transient"]["display_id"] == view["transient"]["display_id"]


async def test_an_ending_between_two_cells_is_told_once_more(notebook: Kernel) -> None:
    """What executes notebooks without a browser hears only what comes while a cell runs."""
    run = await notebook.run(FOX)
    await until(lambda: run.pictures, "the picture")

    next_cell, last_cell = await notebook.run("pass"), await notebook.run("pass")

    [again] = next_cell.replaced
    assert again["content"]["transient"] == run.shown[0]["transient"]
    assert again["content"]["data"] == run.pictures[0]["data"]
    assert not last_cell.replaced


async def test_the_jobs_of_one_cell_share_its_place(notebook: Kernel) -> None:
    """One view while they run, then one sheet with all pictures in the order of the calls."""
    run = await notebook.run('a = mt.image("a red fox")\nb = mt.image("an owl")\nawait b; await a')

    view, sheet = run.shown
    assert view["transient"]["display_id"] == sheet["transient"]["display_id"]
    html = sheet["data"]["text/html"]
    assert 0 < html.index('alt="a red fox"') < html.index('alt="an owl"')
    assert sheet["data"]["text/plain"].count("<Image 1408") == 2


JOIN = """
import asyncio
await mt.image("a red fox")
while any(view.is_live for view in kernel.here().views):
    await asyncio.sleep(0.01)  # its picture stands in the place of its view
x = await mt.image("an owl")
x
"""


async def test_a_job_that_joins_a_finished_one_brings_the_view_back(notebook: Kernel) -> None:
    await notebook.do("from mediatoolkit.widgets import kernel")

    run = await notebook.run(JOIN)

    kinds = ["image/jpeg" in shown["data"] for shown in run.shown]
    assert kinds == [False, True, False, True]
    assert len({shown["transient"]["display_id"] for shown in run.shown}) == 1
    assert "a red fox" in run.shown[-1]["data"]["text/html"]
    assert "an owl" in run.shown[-1]["data"]["text/html"]


SAME_MOMENT = """
import asyncio
import numpy as np
from mediatoolkit import widgets
from mediatoolkit.runtime.context import CallContext

gate = asyncio.Event()

async def wait(call):
    await gate.wait()
    return mt.Image.of(np.zeros((8, 8, 3), np.uint8))

def start(label):
    job = mt.Job(wait, CallContext(30), label=label)
    widgets.show(job)
    return job

first, second = start("first"), start("second")
asyncio.get_running_loop().call_later(0.2, gate.set)
await first
await second
"""


async def test_a_job_that_ends_in_the_moment_it_is_awaited_shows_its_picture_once(
    notebook: Kernel,
) -> None:
    """Its watchers have not heard of the end when the value is about to be shown."""
    run = await notebook.run(SAME_MOMENT)

    assert run.status == "ok", run.text
    assert len(run.pictures) == 1
    assert run.pictures[0]["data"]["text/html"].count("<img") == 2


LEFT = """
from ipywidgets.widgets.widget import _instances
homes = {type(one).__module__ for one in _instances.values()}
print(sorted(home for home in homes if home.startswith("mediatoolkit")))
"""


async def test_no_view_is_left_open(notebook: Kernel) -> None:
    """Only what makes the buttons work, which is shown nowhere."""
    await notebook.do(f"await {FOX}")

    assert (await notebook.do(LEFT)).strip() == "['mediatoolkit.widgets.buttons']"


async def test_a_front_end_without_widgets_reads_one_calm_line(notebook: Kernel) -> None:
    view = (await notebook.run(f"await {FOX}")).shown[0]

    assert view["data"]["text/plain"] == "a red fox: started, shown here when done"


async def test_other_values_are_shown_as_ever(notebook: Kernel) -> None:
    await notebook.do(f"x = await {FOX}")

    listed = await notebook.run("[x.width, 1]")

    assert listed.shown[0]["data"]["text/plain"] == "[1408, 1]"


async def test_an_ending_is_not_replaced_by_the_board_that_was_there(
    notebook: Kernel, sim: Simulator
) -> None:
    """A board of several is displayed anew after its cell, to name all of them."""
    sim.then(faults.Silence(), faults.Silence())
    run = await notebook.run('jobs = [mt.image("a fox"), mt.image("an owl")]')
    await until(lambda: "2 jobs" in str(run.shown[-1]["data"]), "the board of two")

    cell = await notebook.run(
        "import asyncio\n[job.cancel() for job in jobs]\n"
        "from mediatoolkit.widgets import kernel\n"
        "while any(view.is_live for view in kernel.here().views):\n    await asyncio.sleep(0.01)"
    )

    assert "cancelled after" in str(cell.replaced[-1]["content"]["data"])
