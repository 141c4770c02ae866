"""What a page, a terminal and plain text show of a run of many."""

import asyncio
import re
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runs.run import Run
from mediatoolkit.runs.work import Outcome, RowStatus
from mediatoolkit.runtime.events import RowsEnded
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.widgets.grid import grid
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.results import result_bundle
from mediatoolkit.widgets.run_summary import MOST, RunSummary
from mediatoolkit.widgets.terminal import files_of, line_of
from mediatoolkit.widgets.text_board import TextBoard

SCRIPT = "<script>alert('x')</script>"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(key="k", detail=64) as running:
        yield running


@pytest.fixture
async def agent(sim: Simulator, tmp_path: Path) -> AsyncIterator[mt.ImageGenAgent]:
    client = mt.GeminiImageClient(api_key="k", base_url=sim.url)
    async with mt.ImageGenAgent(client, store=tmp_path) as running:
        yield running
    await mt.close()
    mt.budget.release()
    mt.budget.reset()


def rows(count: int, prompt: str = "a fox") -> list[dict[str, Any]]:
    return [{"prompt": f"{prompt} {number}", "id": number} for number in range(count)]


async def shown(run: Run) -> dict[str, Any]:
    """What stays in the cell of a run, when it is over."""
    await asyncio.wait([asyncio.ensure_future(run)])
    row = JobRow(run)
    row.summary = await asyncio.to_thread(RunSummary.of, run)
    return result_bundle(row)[0]


async def test_while_it_runs_it_is_one_row_without_a_deadline(
    agent: mt.ImageGenAgent, sim: Simulator
) -> None:
    gate = faults.Gate(0)
    sim.always(gate)
    run = agent.start_many(rows(3), run="posters", concurrency=3)
    await sim.until(lambda: len(sim.requests) == 3)
    run._call.report(RowsEnded(412, 3, 1_000, 300.0, "$2.10", 120.0))
    row = JobRow(run).words()
    words = "412 of 1,000 done, 3 failed, 300/min, $2.10 spent, about 2 min left"
    assert (row["label"], row["stage"], row["is_run"]) == ("posters: 3 rows", words, True)
    assert (row["fraction"], row["deadline"], row["is_idle"]) == (0.415, None, False)
    assert re.search(rf"posters: 3 rows: {re.escape(words)}, \d\.\d s$", repr(TextBoard({"": row})))
    assert re.match(r"\[#####-------\] 412 of 1,000 done", line_of(run, 1, 120))
    gate.open()
    await run


async def test_when_it_is_over_its_counts_and_small_pictures_stay(agent: mt.ImageGenAgent) -> None:
    data = await shown(agent.start_many(rows(12, SCRIPT), run="posters"))
    assert re.match(r"posters: 12 of 12 done, \$0\.82\d spent, \d+ s\n", data["text/plain"])
    assert data["text/html"].count("<img") == 12
    assert data["image/jpeg"]
    assert "<script" not in data["text/html"]


async def test_the_first_failures_are_told_by_their_rows(
    agent: mt.ImageGenAgent, sim: Simulator
) -> None:
    for fault in (faults.PromptBlocked(), faults.PromptBlocked(), faults.Status(401)):
        sim.then(fault)
    data = await shown(agent.start_many(rows(3), concurrency=1, run="posters"))
    assert "0 of 3 done, 3 failed" in data["text/plain"]
    assert re.search(r"\n2 rows \(0, 1\): RefusalError: ", data["text/plain"])
    assert re.search(r"\nrow 2: AuthenticationError: ", data["text/plain"])
    assert "2 rows (0, 1): RefusalError: " in data["text/html"]


async def test_many_results_are_shown_in_bounded_room(agent: mt.ImageGenAgent) -> None:
    data = await shown(agent.start_many(rows(MOST + 12), run="posters"))
    assert data["text/html"].count("<img") == MOST
    assert "… and 12 more: run.table has all." in data["text/html"]
    assert data["text/plain"].endswith("… and 12 more: run.table has all.")
    assert len(data["text/plain"].splitlines()) < 10
    assert sum(map(len, data.values())) < 500_000


async def test_a_cancelled_run_says_what_was_not_sent(
    agent: mt.ImageGenAgent, sim: Simulator
) -> None:
    sim.always(faults.Gate(0))
    run = agent.start_many(rows(5), run="posters", concurrency=2)
    await sim.until(lambda: len(sim.requests) == 2)
    run.cancel()
    data = await shown(run)
    line, *_ = data["text/plain"].splitlines()
    assert re.match(
        r"posters: cancelled; 0 of 5 done, 2 may have been billed, 3 not sent, \$0\.\d+ spent", line
    )
    assert (
        "2 rows (0, 1): JobCancelled: The run was stopped while this row was being made."
        in data["text/html"]
    )


async def test_a_picture_whose_file_is_gone_is_told_of(
    agent: mt.ImageGenAgent, tmp_path: Path
) -> None:
    run = agent.start_many(rows(2), run="posters")
    table = await run
    table["media"][0].path.unlink()
    data = await shown(run)
    assert data["text/html"].count("<img") == 1
    assert re.search(r"row 0: StorageError: Could not read .*make it again", data["text/html"])
    assert str(tmp_path)  # the store of the agent


async def test_speech_has_a_line_each_and_no_picture(tmp_path: Path) -> None:
    agent = mt.VoiceAgent("local", store=tmp_path)
    data = await shown(agent.start_many([{"prompt": f"Number {n}."} for n in range(6)], run="v"))
    assert "image/jpeg" not in data
    assert data["text/html"].count("<audio") == 6
    assert "6 of 6 done" in data["text/html"]


async def test_a_grid_shows_it_among_other_jobs(agent: mt.ImageGenAgent) -> None:
    run = agent.start_many(rows(5), run="posters")
    await run
    data, _ = await asyncio.to_thread(grid, [run, await agent.generate("an owl")])
    assert "posters: 5 of 5 done" in data["text/html"]
    assert data["text/html"].count("<img") == 6


async def test_a_terminal_says_how_it_ended_and_where_the_table_is(
    agent: mt.ImageGenAgent, sim: Simulator, tmp_path: Path
) -> None:
    sim.then(faults.PromptBlocked())
    run = agent.start_many(rows(3), run="posters", concurrency=1)
    await run
    counts, failure, table = files_of([run])
    assert counts.startswith("posters: 2 of 3 done, 1 failed")
    assert failure.startswith("row 0: RefusalError: ")
    assert table == f"the table is in {tmp_path / 'runs' / 'posters'}"


async def test_twenty_thousand_rows_are_summed_up_quickly_and_in_little_memory(
    tmp_path: Path,
) -> None:
    agent = mt.ImageGenAgent("local", store=tmp_path, size=64)
    picture = await agent.generate("a fox")
    assert picture.path is not None
    run = agent.start_many([{"prompt": "a fox", "id": number} for number in range(20_000)])
    run.cancel()
    await asyncio.wait([asyncio.ensure_future(run)])
    for number in range(20_000):
        is_failed = number % 10 == 0
        status = RowStatus.FAILED if is_failed else RowStatus.DONE
        error = mt.RefusalError(f"No {number}.", reason="SAFETY") if is_failed else None
        file = "" if is_failed else picture.path.name
        run._results.put(number, Outcome(number, status, file=file, error=error))
    tracemalloc.start()
    try:
        began = time.process_time()
        summary = await asyncio.to_thread(RunSummary.of, run)
        took = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(summary.rows), summary.more, len(summary.failures)) == (MOST, 17_952, 10)
    assert took < 10
    assert peak < 20_000_000
