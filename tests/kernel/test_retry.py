"""Retry stands at whatever ended without a result, and works wherever it stands."""

import re

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

FOX = 'mt.image("a red fox", timeout=30)'


async def test_in_the_cell_that_awaited_it(notebook: Kernel, sim: Simulator) -> None:
    """The cell shows the error, so the place of the job keeps one line."""
    sim.then(faults.PromptBlocked())
    run = await notebook.run(f"job = {FOX}\nawait job")
    assert run.shown[-1]["data"]["text/plain"].startswith("a red fox: failed after ")
    assert "<details" in run.shown[-1]["data"]["text/html"]

    await _retried(notebook, run)

    assert await notebook.do("print((await job).noun)") == "picture\n"


async def test_of_a_cancelled_job(notebook: Kernel, sim: Simulator) -> None:
    sim.then(faults.Silence())
    run = await notebook.run(f"job = {FOX}")
    await notebook.click_cancel(run)
    await until(lambda: "cancelled after" in _last(run)["text/plain"], "the end")
    assert "may pay again" in _last(run)["text/html"]

    await _retried(notebook, run)

    assert await notebook.do("print((await job).noun)") == "picture\n"


async def test_of_a_stopped_cell(notebook: Kernel, sim: Simulator) -> None:
    sim.then(faults.Silence())
    requests = len(sim.requests)
    run = await notebook.start(f"await {FOX}")
    await until(lambda: len(sim.requests) > requests, "the request")
    await notebook.press_stop()
    await notebook.finish(run)

    await _retried(notebook, run)


@pytest.mark.parametrize("awaits", ["", "\nawait asyncio.gather(*jobs, return_exceptions=True)\n0"])
async def test_among_several(notebook: Kernel, sim: Simulator, awaits: str) -> None:
    sim.then(faults.PromptBlocked(), faults.PromptBlocked())
    code = f'jobs = [mt.image(p) for p in ("a fox", "an owl", "a cat")]{awaits}'
    run = await notebook.run(f"import asyncio\n{code}")
    await until(lambda: _last(run).get("text/html", "").count("<img") == 1, "the sheet")

    await notebook.press_retry(run)
    await until(lambda: _last(run).get("text/html", "").count("<img") == 2, "the second")
    await notebook.press_retry(run)
    await until(lambda: _last(run).get("text/html", "").count("<img") == 3, "the third")


@pytest.mark.parametrize(
    "start",
    [
        'mt.image("a red fox", timeout=0.01)',
        'mt.image("a red fox", model="local/painter", timeout=0.001)',
        'mt.speech("a red fox", model="local/hibari", timeout=0.001)',
        "mt.film([picture, picture], seconds=1, timeout=0.001)",
        'mt.jobs.resume("gone", timeout=0.01)',
    ],
)
async def test_after_a_close(notebook: Kernel, sim: Simulator, start: str) -> None:
    """That closes sessions, not the way to make new ones; the time is still too short."""
    sim.always(faults.Silence())  # a loopback answer may come within the 10 ms
    await notebook.do(RECORD)
    run = await notebook.run(f"job = {start}")
    await until(lambda: "DeadlineError" in _last(run)["text/plain"], "the failure")
    await notebook.do("await mt.close()")
    before = len(run.shown)

    await notebook.press_retry(run)

    await until(lambda: len(run.shown) > before and "Error" in str(_last(run)), "an ending")
    assert "DeadlineError" in _last(run)["text/plain"]


RECORD = """
import numpy as np
from mediatoolkit.media import Provenance
from mediatoolkit.store import Pending, Store
picture = np.zeros((64, 64, 3), np.uint8)
record = Provenance(model="gemini/veo-3.1-generate-preview", prompt="a fox", engine="gemini")
await Store.default().remember(Pending("gone", "video", record))
"""


async def test_after_a_corrected_key(notebook: Kernel) -> None:
    """The agent that failed has the old key; the retry is made by another."""
    await notebook.do("import os; key = os.environ['GEMINI_API_KEY']")
    await notebook.do("os.environ['GEMINI_API_KEY'] = 'wrong'")
    run = await notebook.run(f"job = {FOX}")
    await until(lambda: "AuthenticationError" in _last(run)["text/plain"], "the failure")
    await notebook.do("os.environ['GEMINI_API_KEY'] = key")

    await _retried(notebook, run)


async def test_of_an_agent_that_its_user_has_closed(notebook: Kernel, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked())
    await notebook.do("agent = mt.ImageGenAgent()")
    run = await notebook.run('job = mt.image("a red fox", agent=agent)')
    await until(lambda: "RefusalError" in _last(run)["text/plain"], "the failure")
    await notebook.do("await agent.close()")

    await notebook.press_retry(run)

    await until(lambda: "ClosedError" in _last(run)["text/plain"], "the next failure")
    assert _last(run)["text/plain"] == "ClosedError: This agent is closed; make a new one."


async def test_in_a_later_cell_too(notebook: Kernel, sim: Simulator) -> None:
    """A job that failed before it was shown once more; both places follow."""
    sim.then(faults.PromptBlocked())
    first = await notebook.run(f"job = {FOX}")
    await until(lambda: "RefusalError" in _last(first)["text/plain"], "the failure")
    second = await notebook.run("job")

    await _retried(notebook, second)
    await until(lambda: "<img" in str(_last(first)), "the picture in the first cell")


async def test_twice_is_once(notebook: Kernel, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked())
    run = await notebook.run(f"job = {FOX}")
    await until(lambda: "RefusalError" in _last(run)["text/plain"], "the failure")
    requests = len(sim.requests)

    same = await notebook.do("print(job.retry() is job.retry())\nawait job\njob.retry()")

    assert same == "True\n"
    assert len(sim.requests) == requests + 1
    await until(lambda: "<img" in str(_last(run)), "the picture")


async def test_what_may_have_been_billed_is_said_beside_it(
    notebook: Kernel, sim: Simulator
) -> None:
    sim.then(faults.Silence())
    requests = len(sim.requests)
    run = await notebook.run(f"job = {FOX}")
    await until(lambda: len(sim.requests) > requests, "the request")
    await notebook.do("job.extend(-1e6)")
    await until(lambda: "DeadlineError" in _last(run)["text/plain"], "the failure")

    label = re.search(r'aria-label="(Retry[^"]*)"', _last(run)["text/html"])
    assert label
    assert label[1].endswith("the provider may have billed the first try, and this may pay again")


async def _retried(notebook: Kernel, run: Run) -> None:
    await notebook.press_retry(run)
    await until(lambda: any(kind.startswith("image/") for kind in _last(run)), "the picture")


def _last(run: Run) -> dict[str, str]:
    """What stands below the cell now."""
    data: dict[str, str] = run.shown[-1]["data"]
    return data
