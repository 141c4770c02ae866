"""Stop, pressed when no cell runs, cancels the jobs that run on."""

import time

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import Begin
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

BACKGROUND = """
from mediatoolkit import widgets
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext

async def work(call):
    await mt.image("a red fox", timeout=50)

widgets.show(mt.Job(work, CallContext(60), label="in the background", loop=loops.background.loop()))
"""


async def _started(kernel: Kernel, sim: Simulator, cell: str) -> Run:
    sim.always(faults.Silence())
    before = len(sim.requests)
    run = await kernel.run(cell)
    assert run.status == "ok", run.text
    await until(lambda: len(sim.requests) > before, "the request")
    return run


@pytest.mark.parametrize("cell", ['mt.image("a red fox")', BACKGROUND], ids=["cells", "background"])
async def test_stop_on_an_idle_kernel_cancels_what_runs_on(
    notebook: Kernel, sim: Simulator, cell: str
) -> None:
    run = await _started(notebook, sim, cell)
    aborted = sim.aborted

    pressed = time.monotonic()
    await notebook.press_stop()
    await until(lambda: sim.aborted == aborted + 1, "the end of the request")
    print(f"{notebook.version}: the job ended {time.monotonic() - pressed:.2f} s after Stop")

    await until(
        lambda: "cancelled after" in str(run.shown[-1]["data"]), "the line that replaces the view"
    )
    assert (await notebook.do("print(mt.jobs)")).strip() == "no jobs"


async def test_stop_is_heard_after_a_first_cell_that_awaits(begin: Begin, sim: Simulator) -> None:
    """Then ipykernel has put its own handler in place before we come, and puts another back."""
    async with begin() as kernel:
        await kernel.do("import asyncio\nimport mediatoolkit as mt")
        await _started(kernel, sim, 'job = mt.image("a red fox")\nawait asyncio.sleep(0.1)')
        aborted = sim.aborted

        await kernel.press_stop()

        await until(lambda: sim.aborted == aborted + 1, "the end of the request")


async def test_stop_without_jobs_does_nothing(notebook: Kernel) -> None:
    await notebook.do("x = 1")
    await notebook.press_stop()

    assert (await notebook.do("print(x)")).strip() == "1"
    assert "KeyboardInterrupt" not in notebook.stderr


@pytest.mark.parametrize(
    "cell",
    [
        "import time\nprint('begun')\ntime.sleep(20)",
        "import asyncio\nprint('begun')\nawait asyncio.sleep(20)",
    ],
)
async def test_a_cell_is_stopped_as_ever_and_its_neighbours_run_on(
    notebook: Kernel, sim: Simulator, cell: str
) -> None:
    await _started(notebook, sim, 'job = mt.image("a red fox")')
    run = await notebook.start(cell)
    await until(lambda: "begun" in run.text, "the start of a cell")

    await notebook.press_stop()
    await notebook.finish(run)

    assert run.status == "error"
    assert (await notebook.do("print(job.done())")).strip() == "False"
    await notebook.do("job.cancel()")
