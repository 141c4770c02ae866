"""What the view of a running job sends, and how often."""

from typing import Any

import pytest

from tests.kernel.driver import Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

TALKATIVE = """
import asyncio
from mediatoolkit import widgets
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing
from mediatoolkit.runtime.job import Job

async def talk(call):
    for step in range(1000):
        call.report(Drawing(f"drawing line {step}", step / 1000))
        await asyncio.sleep(0.001)

job = Job(talk, CallContext(60), label="a long story")
widgets.show(job)
await job
"""


def _updates(run: Run) -> list[dict[str, Any]]:
    """How the jobs stood, without the farewell of their view."""
    return [state for state in run.updates if "now" in state]


async def test_a_talkative_job_sends_ten_updates_a_second_at_the_most(notebook: Kernel) -> None:
    run = await notebook.run(TALKATIVE)

    updates = _updates(run)
    assert run.status == "ok", run.text
    assert 2 <= len(updates) <= 10 * run.seconds + 1
    rows = [update["news"]["1"] for update in updates]
    fractions = [row["fraction"] for row in rows if "fraction" in row]
    assert fractions == sorted(fractions)


async def test_the_clock_costs_no_messages(notebook: Kernel) -> None:
    """A quiet job tells once where it stands; the browser counts from there."""
    run = await notebook.run(TALKATIVE.replace("range(1000)", "range(1)").replace("0.001", "1"))

    updates = _updates(run)
    assert len(updates) == 1
    assert updates[0]["news"]["1"]["stage"] == "drawing line 0"


async def test_a_long_silence_is_broken_now_and_then(notebook: Kernel) -> None:
    """A hub stops a kernel that says nothing, also when somebody waits for it."""
    quiet = TALKATIVE.replace("range(1000)", "range(1)").replace("0.001", "50")
    faster = (
        "from mediatoolkit.widgets.board import Board\n"
        "Board.heartbeat, before = 0.1, Board.heartbeat\n"
    )

    run = await notebook.start(faster + quiet)
    await until(lambda: len(_updates(run)) > 2, "the beat")
    await notebook.press_stop()
    await notebook.finish(run)

    await notebook.do("Board.heartbeat = before")
    assert float(await notebook.do("print(Board.heartbeat)")) <= 60


MANY = """
import asyncio
from mediatoolkit import widgets
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import cells, jobs_view

async def talk(call):
    for step in range(40):
        call.report(Drawing(f"drawing line {step}", step / 40))
        await asyncio.sleep(0.05)

jobs = [Job(talk, CallContext(60), label=f"story {n}") for n in range(200)]
for job in jobs:
    widgets.show(job)
await asyncio.gather(*jobs)
await cells.views_settled()  # the board stays as long as the cell goes on
"""


async def test_two_hundred_jobs_of_a_loop_share_one_view(notebook: Kernel) -> None:
    """Few messages, and the last of them says how each stands."""
    before = len(notebook.messages)
    run = await notebook.run(MANY)

    assert run.status == "ok", run.text
    assert len(run.widgets) == 1
    messages = notebook.messages[before:]
    comms = [message for message in messages if message["msg_type"].startswith("comm_")]
    assert len(comms) <= 10 * run.seconds + 20
    states = _last_states(run)
    assert len(states) == 200
    assert set(states.values()) == {"done"}


LAST_MOMENTS = """
import asyncio, math
from mediatoolkit import widgets
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import cells, jobs_view

async def speak(call):
    await asyncio.sleep(0.05)
    call.report(Drawing("drawing the end", 0.5))
    for _ in range({turns}):
        await asyncio.sleep(0)

jobs_view.UPDATES_PER_SECOND, before = math.inf, jobs_view.UPDATES_PER_SECOND
jobs_view.KERNEL_UPDATES_PER_SECOND, before_all = math.inf, jobs_view.KERNEL_UPDATES_PER_SECOND
jobs = [Job(speak, CallContext(60), label="a word") for _ in range(2)]
for job in jobs:
    widgets.show(job)
await asyncio.gather(*jobs)
await cells.views_settled()
jobs_view.UPDATES_PER_SECOND, jobs_view.KERNEL_UPDATES_PER_SECOND = before, before_all
"""


async def test_no_end_is_missed_however_close_to_the_last_word(notebook: Kernel) -> None:
    """A job is done a moment before anybody hears of it."""
    for turns in range(6):
        run = await notebook.run(LAST_MOMENTS.format(turns=turns))

        assert run.status == "ok", run.text
        assert set(_last_states(run).values()) == {"done"}


def _last_states(run: Run) -> dict[str, str]:
    """How the page saw each row at last."""
    states = {"1": "running"}  # the first one came with the view
    for update in _updates(run):
        for name, news in update.get("news", {}).items():
            states[name] = news.get("state", states.get(name))
    return states
