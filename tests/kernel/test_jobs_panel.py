"""`mt.jobs` shows what runs in the whole kernel."""

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]


async def test_all_jobs_are_shown_with_those_that_come_later(
    notebook: Kernel, sim: Simulator
) -> None:
    sim.always(faults.Silence())
    await notebook.do('mt.image("a red fox")')
    await notebook.do('mt.image("an owl")')
    panel = await notebook.run("mt.jobs")
    assert len(panel.widgets) == 1

    await notebook.do('mt.image("a whale")')
    assert await notebook.do("print(mt.jobs.cancel_all())") == "3\n"

    await until(lambda: "cancelled" in panel.shown[-1]["data"]["text/plain"], "the lines")
    lines = panel.shown[-1]["data"]["text/plain"].splitlines()
    assert [line.split(":")[0] for line in sorted(lines)] == ["a red fox", "a whale", "an owl"]


async def test_a_later_job_brings_the_panel_back(notebook: Kernel) -> None:
    panel = await notebook.run("mt.jobs")
    assert panel.shown[0]["data"]["text/plain"] == "no jobs"

    await notebook.do('await mt.image("a red fox")')

    await until(lambda: len(panel.shown) == 3, "the line")
    assert len(panel.widgets) == 1
    assert panel.shown[-1]["data"]["text/plain"].startswith("a red fox: done after ")
    assert not panel.pictures


async def test_one_job_after_several_has_the_panel_for_itself(notebook: Kernel) -> None:
    """What was last said of the others is nothing that its board could show."""
    panel = await notebook.run("mt.jobs")
    await notebook.do('jobs = [mt.image("an owl") for _ in range(4)]')
    await notebook.do("for job in jobs: await job")
    await until(lambda: _last(panel).count("an owl: done") == 4, "the lines of the four")

    await notebook.do('await mt.image("a red fox")')
    await until(lambda: "a red fox: done" in _last(panel), "the line of the last")

    assert _last(panel).splitlines()[-1].startswith("a red fox: done")
    await notebook.do("import gc; gc.collect()")
    assert not notebook.left_behind()


async def test_a_cell_that_waits_ends_with_the_panel_in_place(notebook: Kernel) -> None:
    """Who executes a notebook hears nothing that comes between two cells."""
    panel = await notebook.run("mt.jobs")
    await notebook.do('job = mt.image("a red fox", model="local", size="512")')
    wait = await notebook.run("await job")

    ending = panel.shown[-1]["data"]["text/plain"]
    assert ending.startswith("a red fox: done after ")
    assert ending in [str(m["content"]["data"]["text/plain"]) for m in wait.replaced]


async def test_each_job_has_one_line_however_often_the_ending_is_asked_for(
    notebook: Kernel,
) -> None:
    """A ticker asks for it in a thread, and the end of a cell meanwhile."""
    await notebook.run("mt.jobs")
    await notebook.do('await mt.image("a red fox")\nawait mt.image("an owl")')
    await notebook.do('await mt.image("a whale")')

    lines = await notebook.do(
        "from mediatoolkit.widgets import kernel\n"
        "panel = kernel.here().panel\n"
        "panel.ending(panel._view.jobs)\n"
        "print(panel.ending(panel._view.jobs)[0]['text/plain'])"
    )

    assert [line.split(":")[0] for line in lines.splitlines()] == ["a red fox", "an owl", "a whale"]


def _last(run: Run) -> str:
    return str(run.shown[-1]["data"]["text/plain"])
