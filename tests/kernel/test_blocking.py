"""A cell that blocks for its job: what the page shows meanwhile, and how it is stopped."""

import time

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import WATCH, Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

TALK = """
import asyncio, itertools, pathlib
from mediatoolkit import widgets
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing

async def talk(call):
    for step in itertools.count():
        if pathlib.Path("enough").exists():
            return
        call.report(Drawing(f"line {step}", 0.5))
        await asyncio.sleep(0.1)

job = mt.Job(talk, CallContext(60), label="a long story")
widgets.show(job)
job.result()
"""


@pytest.mark.parametrize(
    "cell",
    [
        'x = mt.image("a red fox").result()',
        'mt.image("a red fox").result()',
        'await asyncio.sleep(0)\nx = mt.image("a red fox").result()',
        'async def make():\n    return await mt.image("a red fox")\nx = mt.run(make())',
    ],
)
async def test_the_picture_is_in_place_once_when_the_cell_ends(notebook: Kernel, cell: str) -> None:
    await notebook.do("import asyncio")
    run = await notebook.run(cell)

    assert run.status == "ok", run.text
    assert len(run.widgets) == 1
    assert len(run.pictures) == 1
    await notebook.do("pass")
    assert len(run.pictures) == 1


async def test_several_jobs_of_a_blocked_cell_are_made_side_by_side(
    notebook: Kernel, sim: Simulator
) -> None:
    await notebook.do(WATCH)
    sim.always(faults.Silence())
    before = len(sim.requests)
    run = await notebook.start(
        'jobs = [mt.image(f"fox {n}") for n in range(3)]\n'
        "watch()\n"
        "x = [job.result() for job in jobs]"
    )

    await until(lambda: len(sim.requests) == before + 3, "three requests at once")
    await until(lambda: "waits" in run.text, "the block")
    await notebook.press_stop()
    await notebook.finish(run)
    await notebook.do("mt.jobs.cancel_all()")


async def test_the_view_goes_on_while_the_cell_blocks(notebook: Kernel) -> None:
    run = await notebook.start(TALK)
    await until(lambda: len(run.updates) > 10, "ten updates")
    assert not run.reply
    (notebook.home / "enough").touch()
    await notebook.finish(run)

    assert run.status == "ok", run.text


@pytest.mark.parametrize("first", ["", "await asyncio.sleep(0)\n"])
async def test_stop_ends_a_blocked_cell_and_its_job(
    notebook: Kernel, sim: Simulator, first: str
) -> None:
    await notebook.do(f"import asyncio\n{WATCH}")
    sim.always(faults.Silence())
    before, aborted = len(sim.requests), sim.aborted
    run = await notebook.start(first + 'watch()\nmt.image("a red fox").result()')
    await until(lambda: len(sim.requests) > before and run.widgets, "the request")
    await until(lambda: "waits" in run.text, "the block")

    pressed = time.monotonic()
    await notebook.press_stop()
    await notebook.finish(run)
    print(f"{notebook.version}: the cell ended {time.monotonic() - pressed:.2f} s after Stop")

    assert run.reply["content"]["ename"] == "KeyboardInterrupt"
    await until(lambda: sim.aborted == aborted + 1, "the end of the request")
    assert run.shown[-1]["data"]["text/plain"].startswith("a red fox: cancelled after ")
    assert (await notebook.do("print(mt.jobs)")).strip() == "no jobs"


async def test_a_job_that_runs_on_the_cells_loop_is_not_blocked_for(
    notebook: Kernel, sim: Simulator
) -> None:
    sim.always(faults.Silence())
    await notebook.do('job = mt.image("a red fox")')

    run = await notebook.run("job.result()")

    assert "use `await`" in run.text
    await notebook.do("job.cancel()")


async def test_close_ends_the_jobs_of_a_blocked_cell_s_loop(
    notebook: Kernel, sim: Simulator
) -> None:
    """The background is as clean as the cells' loop, and both can be used again."""
    await notebook.do('x = mt.image("a red fox").result()')
    await notebook.do("await mt.close()")

    assert (await notebook.do("print(mt.sessions)")).strip() == "no open sessions"
    await until(lambda: sim.open_connections == 0, "the end of the connections")
    assert len((await notebook.run('x = mt.image("a red fox").result()')).pictures) == 1
