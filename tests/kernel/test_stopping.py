"""Stop and Cancel reach a job that waits for a silent server."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

TASKS = """
import asyncio
print([task.get_name() for task in asyncio.all_tasks() if "mediatoolkit" in task.get_name()])
"""


@pytest_asyncio.fixture(loop_scope="module")
async def waiting(notebook: Kernel, sim: Simulator) -> Run:
    """A cell that awaits a picture from a server that has the request and says nothing."""
    sim.always(faults.Silence())
    before = len(sim.requests)
    run = await notebook.start('await mt.image("a red fox")')
    await until(lambda: len(sim.requests) > before and run.widgets, "the request")
    return run


async def _press_stop(kernel: Kernel, _run: Run) -> None:
    await kernel.press_stop()


async def _click(kernel: Kernel, run: Run) -> None:
    await kernel.click_cancel(run)


async def _click_in_subshell(kernel: Kernel, run: Run) -> None:
    await kernel.click_cancel(run, subshell=await kernel.open_subshell())


@pytest.fixture(params=[_press_stop, _click, _click_in_subshell])
def stop(request: pytest.FixtureRequest) -> Callable[[Kernel, Run], Awaitable[None]]:
    if request.param is not _press_stop:
        request.getfixturevalue("clicks_while_busy")
    chosen: Callable[[Kernel, Run], Awaitable[None]] = request.param
    return chosen


async def test_the_cell_ends_and_nothing_is_left(
    stop: Callable[[Kernel, Run], Awaitable[None]], notebook: Kernel, sim: Simulator, waiting: Run
) -> None:
    """No connection, no half-written file, no task; the server sees the call broken off."""
    aborted, files = sim.aborted, _files(notebook.home)

    pressed = time.monotonic()
    await stop(notebook, waiting)
    await notebook.finish(waiting)
    print(f"{stop.__name__}: the cell ended after {time.monotonic() - pressed:.2f} s")

    await until(lambda: sim.aborted == aborted + 1, "the end of the request")
    await until(lambda: sim.open_connections == 0, "the end of the connection")
    assert _files(notebook.home) == files
    assert (await notebook.do(TASKS)).strip() == "[]"
    assert waiting.shown[-1]["data"]["text/plain"].startswith("a red fox: cancelled after ")


async def test_a_stopped_cell_shows_where_it_waited(notebook: Kernel, waiting: Run) -> None:
    await notebook.press_stop()
    await notebook.finish(waiting)

    assert "await mt.image" in waiting.text
    assert "providers" not in waiting.text


@pytest.mark.usefixtures("clicks_while_busy")
async def test_a_cancelled_job_is_one_calm_line(notebook: Kernel, waiting: Run) -> None:
    """The request was out, so it says what that may cost."""
    await _click(notebook, waiting)
    await notebook.finish(waiting)

    assert waiting.text == (
        "JobCancelled: The job was cancelled. The provider may have billed this call; "
        "asking again may pay twice."
    )


async def test_cancel_works_for_a_job_whose_cell_has_ended(
    notebook: Kernel, sim: Simulator
) -> None:
    sim.always(faults.Silence())
    run = await notebook.run('mt.image("a red fox")')

    await _click(notebook, run)

    await until(lambda: len(run.shown) == 2, "the line that replaces the view")
    assert "cancelled after" in run.shown[1]["data"]["text/plain"]


def _files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "store").glob("*"))
