"""A run on this loop: its table, its failures, and how it goes on."""

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mediatoolkit as mt
from mediatoolkit.pricing.budget import budget
from mediatoolkit.pricing.quotes import FREE, Price
from mediatoolkit.runs.executors import LoopExecutor
from mediatoolkit.runs.results import COLUMNS, RunRow
from mediatoolkit.runs.work import Outcome, RowRequest, RowStatus
from mediatoolkit.simulator.faults import CutBody, Gate, Latency, PromptBlocked, Status
from tests.benchmarks.paper import PaperClient
from tests.runs.conftest import Vendor

FOXES = [{"prompt": f"fox {number}", "animal": "fox", "place": number} for number in range(6)]


async def test_a_table_comes_back_with_its_index_and_columns(vendor: Vendor) -> None:
    rows = pd.DataFrame({"prompt": ["a fox", "an owl"], "mood": ["sly", "wise"]}, index=["x", "y"])
    async with vendor.agent() as agent:
        table = await agent.start_many(rows, run="posters")
    assert list(table.index) == ["x", "y"]
    assert list(table.columns) == ["prompt", "mood", *COLUMNS]
    assert list(table.status) == ["done", "done"]
    assert [image.width for image in table.media] == [64, 64]
    assert all(table.usd > 0)
    assert list(table.tries) == [1, 1]
    assert list(table.error) == [None, None]


async def test_a_file_has_the_columns_of_the_table(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES)
        table = await run
    file = await run.asave(vendor.folder / "foxes.csv")
    names = ["file" if name == "media" else name for name in table.columns]
    assert list(pd.read_csv(file).columns) == names


async def test_rows_are_yielded_as_they_end(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES)
        rows = [row async for row in run]
    assert sorted(row["place"] for row in rows) == list(range(6))
    assert all(isinstance(row, RunRow) and isinstance(row.media, mt.Image) for row in rows)


async def test_a_failure_is_a_value_with_its_typed_error(vendor: Vendor) -> None:
    vendor.sim.then(PromptBlocked(), Status(400, message="No such thing."))
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, concurrency=1)
        table = await run
    assert list(table.status) == ["failed"] * 2 + ["done"] * 4
    assert isinstance(table.error[0], mt.RefusalError)
    assert isinstance(table.error[1], mt.ProviderError)
    assert run.counts == {"done": 4, "failed": 2, "unclear": 0, "waiting": 0}
    assert "4 of 6 done, 2 failed" in repr(run)


async def test_the_same_rows_again_send_nothing(vendor: Vendor) -> None:
    vendor.sim.then(PromptBlocked())
    async with vendor.agent() as agent:
        await agent.start_many(FOXES, run="posters", concurrency=1)
        count = len(vendor.sim.requests)
        run = agent.start_many(FOXES, run="posters")
        table = await run
    assert len(vendor.sim.requests) == count
    assert list(table.status) == ["failed"] + ["done"] * 5
    assert isinstance(table.error[0], mt.RefusalError)
    assert table.error[0].reason
    assert [row.index async for row in run] == list(range(6))


async def test_a_retry_makes_only_what_failed_and_heals_it(vendor: Vendor) -> None:
    vendor.sim.then(PromptBlocked(), PromptBlocked())
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, run="posters", concurrency=1)
        await run
        table = await run.retry()
        assert list(table.status) == ["done"] * 6
        assert list(table.tries) == [2, 2, 1, 1, 1, 1]
        assert vendor.sent.total() == 8
        again = agent.start_many(FOXES, run="posters")
        await again
        assert again.counts["done"] == 6
        assert again.retry() is again
    assert vendor.sent.total() == 8


async def test_a_retry_yields_each_row_once(vendor: Vendor) -> None:
    vendor.sim.then(PromptBlocked())
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, concurrency=1)
        await run
        rows = [(row.index, row.status) async for row in run.retry()]
    assert sorted(rows) == [(number, "done") for number in range(6)]


async def test_a_row_whose_file_is_not_there_fails_alone(vendor: Vendor) -> None:
    rows = [{"prompt": "a fox", "references": [str(vendor.folder / "none.png")]}, *FOXES]
    async with vendor.agent() as agent:
        table = await agent.start_many(rows, concurrency=1)
    assert list(table.status) == ["failed"] + ["done"] * 6
    assert isinstance(table.error[0], mt.PromptError)
    assert "none.png" in str(table.error[0])


async def test_a_row_that_is_to_be_made_anew_is_not_unclear(vendor: Vendor) -> None:
    """Its intent is in the ledger, and the vendor has said that it did not make it."""
    gate = Gate(pieces=0)
    vendor.sim.then(Status(429), gate)
    client = mt.GeminiImageClient(
        "test-key", base_url=vendor.sim.url, retry=mt.Retry(attempts=1, base=0.01)
    )
    async with mt.ImageGenAgent(client, store=vendor.folder) as agent:
        run = agent.start_many(FOXES, run="foxes", concurrency=1)
        await vendor.sim.until(lambda: vendor.sent.total() == 2)
        run.cancel()
        with pytest.raises(mt.JobCancelled):
            await run
        vendor.sim.always(None)
        gate.open()
        table = await agent.start_many(FOXES, run="foxes")
    assert list(table.status).count("unclear") == 1  # the second, which was cancelled
    assert list(table.status).count("done") == 5


class NoWorkers(LoopExecutor):
    """Says that it could not send a row, and that it can send no other."""

    async def make(self, rows: Sequence[RowRequest]) -> AsyncIterator[Outcome]:
        for row in rows:
            yield Outcome(row.number, RowStatus.WAITING)
        raise mt.TransportError("There is no worker.")


async def test_what_an_executor_could_not_send_is_not_unclear(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        with pytest.raises(mt.TransportError, match="no worker"):
            await agent.start_many(FOXES, run="foxes", on=NoWorkers(), concurrency=2)
        table = await agent.start_many(FOXES, run="foxes")
    assert list(table.status) == ["done"] * 6


async def test_what_may_have_been_billed_is_unclear_and_not_sent_again(vendor: Vendor) -> None:
    vendor.sim.then(CutBody())
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, run="posters", concurrency=1)
        table = await run
        assert list(table.status) == ["unclear"] + ["done"] * 5
        assert table.error[0].may_have_been_billed
        assert table.usd[0] > 0
        assert run.retry() is run
        count = vendor.sent.total()
        healed = await run.retry(unclear=True)
    assert vendor.sent.total() == count + 1
    assert list(healed.status) == ["done"] * 6


async def test_a_cancelled_run_goes_on_later(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.then(Latency(0), Latency(0))
    vendor.sim.always(gate)
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, run="posters", concurrency=2)
        await vendor.sim.until(lambda: vendor.sent.total() == 4)
        run.cancel()
        with pytest.raises(mt.JobCancelled, match="start_many"):
            await run
        states = list(run.table.status)
        assert states.count("done") == 2
        assert states.count("unclear") == 2  # the vendor had them already
        stopped = [error for error in run.table.error if error is not None]
        assert all(isinstance(error, mt.JobCancelled) for error in stopped)
        assert states.count("waiting") == 2
        gate.open()
        vendor.sim.always(None)
        table = await agent.start_many(FOXES, run="posters")
    assert list(table.status).count("done") == 4
    assert vendor.sent.total() == 6


async def test_a_cancelled_run_can_be_retried(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.always(gate)
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, run="posters", concurrency=1)
        await vendor.sim.until(lambda: vendor.sent.total() == 1)
        run.cancel()
        with pytest.raises(mt.JobCancelled):
            await run
        vendor.sim.always(None)
        gate.open()
        run.retry()
        table = await run  # whoever awaits the cancelled one gets the table of its successor
    assert list(table.status) == ["unclear"] + ["done"] * 5


async def test_changed_rows_are_refused_with_a_diff(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(FOXES, run="posters")
        with pytest.raises(mt.PromptError) as caught:
            await agent.start_many([*FOXES[1:], {"prompt": "an owl", "seed": 3}], run="posters")
    message = str(caught.value)
    written = pd.read_csv(vendor.folder / "runs" / "posters" / "table.csv")
    assert list(written.status) == ["done"] * 6
    assert "1 new (an owl, seed=3)" in message
    assert "1 gone (fox 0)" in message
    assert 'changed="add"' in message
    assert vendor.sent.total() == 6


async def test_rows_can_be_added_or_replaced(vendor: Vendor) -> None:
    owl = {"prompt": "an owl"}
    async with vendor.agent() as agent:
        await agent.start_many(FOXES, run="posters")
        added = await agent.start_many([*FOXES[3:], owl], run="posters", changed="add")
        assert list(added.status) == ["done"] * 4
        assert vendor.sent.total() == 7
        whole = await agent.start_many([*FOXES, owl], run="posters")  # what was gone is kept
        assert vendor.sent.total() == 7
        assert len(whole) == 7
        await agent.start_many(FOXES[:2], run="posters", changed="replace")
        await agent.start_many(FOXES[:2], run="posters")
        assert vendor.sent.total() == 7
        with pytest.raises(mt.PromptError, match="5 new"):
            await agent.start_many([*FOXES, owl], run="posters")


async def test_a_row_that_changes_under_its_id_is_refused_or_replaced(vendor: Vendor) -> None:
    rows = [{"id": number, "prompt": f"fox {number}"} for number in range(2)]
    other = [rows[0], {"id": 1, "prompt": "an owl"}]
    async with vendor.agent() as agent:
        await agent.start_many(rows, run="posters")
        for changed in (None, "add"):
            with pytest.raises(mt.PromptError, match=r"1 changed under its id \(an owl\)"):
                await agent.start_many(other, run="posters", changed=changed)
        table = await agent.start_many(other, run="posters", changed="replace")
    assert list(table.status) == ["done", "done"]
    assert vendor.sent == {"fox 0": 1, "fox 1": 1, "an owl": 1}


async def test_another_model_under_the_same_name_is_refused(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(FOXES, run="posters")
    async with vendor.agent(size="1K") as agent:
        with pytest.raises(mt.PromptError, match="defaults was"):
            await agent.start_many(FOXES, run="posters")


async def test_identical_rows_are_made_once_each(vendor: Vendor) -> None:
    rows = [{"prompt": "a fox"}] * 3
    async with vendor.agent(cache=True) as agent:
        await agent.start_many(rows, run="first")
        assert vendor.sent.total() == 3
        table = await agent.start_many(rows, run="second")  # kept by the cache, take by take
    assert vendor.sent.total() == 3
    assert list(table.usd) == [0.0] * 3


async def test_two_runs_of_one_name_do_not_meet(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.then(gate)
    async with vendor.agent() as agent:
        first = agent.start_many(FOXES, run="posters", concurrency=1)
        await vendor.sim.until(lambda: vendor.sent.total() == 1)
        with pytest.raises(mt.StorageError, match="running already"):
            await agent.start_many(FOXES, run="posters")
        gate.open()
        assert len(await first) == 6
    assert vendor.sent.total() == 6


async def test_a_corrupt_ledger_is_left_alone(vendor: Vendor) -> None:
    folder = vendor.folder / "runs" / "posters"
    folder.mkdir(parents=True)
    (folder / "ledger.sqlite3").write_bytes(b"nonsense" * 4096)
    async with vendor.agent() as agent:
        with pytest.raises(mt.StorageError, match="cannot be read: file is not a database"):
            await agent.start_many(FOXES, run="posters")
    assert (folder / "ledger.sqlite3").read_bytes().startswith(b"nonsense")
    assert not vendor.sent


async def test_a_ledger_with_a_damaged_page_is_an_error(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(FOXES, run="posters")
        path = vendor.folder / "runs" / "posters" / "ledger.sqlite3"
        with sqlite3.connect(path) as database:
            database.execute("UPDATE asked SET rows = x'00'")
        database.close()
        with pytest.raises(mt.StorageError, match="cannot be read"):
            await agent.start_many(FOXES, run="posters")
    assert vendor.sent.total() == 6


async def test_a_wrong_key_ends_the_run_at_once(vendor: Vendor) -> None:
    client = mt.GeminiImageClient("wrong-key-1234", base_url=vendor.sim.url)
    async with mt.ImageGenAgent(client, store=vendor.folder) as agent:
        table = await agent.start_many(FOXES, run="posters", concurrency=1)
    assert vendor.sent.total() == 1
    assert all(isinstance(error, mt.AuthenticationError) for error in table.error)
    async with vendor.agent() as agent:  # what was not sent goes on, what failed when asked
        run = agent.start_many(FOXES, run="posters", changed="add")
        await run
        assert run.counts == {"done": 5, "failed": 1, "unclear": 0, "waiting": 0}
        await run.retry()
    assert vendor.sent.total() == 7


async def test_a_cap_holds_over_all_sessions(vendor: Vendor) -> None:
    unclear = budget.unclear
    async with vendor.agent() as agent:
        high = agent.quote("fox 1").high
        assert high is not None
        run = agent.start_many(FOXES, run="posters", cap=float(high) * 2.5)
        table = await run
        spent = run.spent
        assert list(table.status).count("failed")
        errors = [error for error in table.error if error is not None]
        assert all(isinstance(error, mt.BudgetError) for error in errors)
        assert spent <= float(high) * 2.5
        made = vendor.sent.total()
        again = agent.start_many(FOXES, run="posters", cap=float(high) * 2.5)
        await again
        assert again.spent <= float(high) * 2.5
        assert vendor.sent.total() - made <= 1  # what was reserved, and cost less
        rest = agent.start_many(FOXES, run="posters")
        await rest
        assert rest.counts["done"] == 6
    assert float(vendor.sim.meter.total) == pytest.approx(rest.spent)
    assert budget.unclear == unclear


async def test_a_rate_spreads_what_is_sent(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(FOXES, rate="600/min")
    times = [request.arrived for request in vendor.sim.requests]
    assert times[-1] - times[0] >= 0.45


async def test_a_rate_limit_does_not_fail_a_row(vendor: Vendor) -> None:
    vendor.sim.then(*[Status(429, retry_delay="0.05s")] * 5)
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, concurrency=1)
        table = await run
    assert list(table.status) == ["done"] * 6
    assert table.tries.sum() == 11


async def test_more_time_reaches_rows_that_run_and_rows_that_follow(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.always(gate)
    async with vendor.agent(timeout=60) as agent:
        run = agent.start_many(FOXES, concurrency=1)
        await vendor.sim.until(lambda: vendor.sent.total() == 1)
        run.extend(30)
        gate.open()
        vendor.sim.always(None)
        await run
    assert run.counts["done"] == 6


async def test_a_row_that_runs_past_its_deadline_is_unclear(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.then(gate)
    async with vendor.agent() as agent:
        table = await agent.start_many(FOXES, concurrency=2, timeout=5)
    gate.open()
    assert sorted(table.status) == ["done"] * 5 + ["unclear"]
    [error] = [error for error in table.error if error is not None]
    assert isinstance(error, mt.DeadlineError)


async def test_without_a_store_media_is_kept_in_the_default_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "kept"))
    async with mt.ImageGenAgent("local", size="64x64") as agent:
        run = agent.start_many([{"prompt": "a fox"}])
        table = await run
    assert table.media[0].path.parent == tmp_path / "kept"
    assert run.folder == tmp_path / "kept" / "runs" / run.name


async def test_a_run_is_a_job_of_the_kernel(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.always(gate)
    async with vendor.agent() as agent:
        run: Any = agent.start_many(FOXES)
        assert run in mt.jobs.running()
        mt.jobs.cancel_all()
        with pytest.raises(mt.JobCancelled):
            await run
        gate.open()
    assert not [task for task in asyncio.all_tasks() if "mediatoolkit run" in task.get_name()]


async def test_the_table_is_written_beside_the_ledger(vendor: Vendor, tmp_path: Path) -> None:
    vendor.sim.then(PromptBlocked())
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, run="posters", concurrency=1)
        await run
    written = pd.read_csv(vendor.folder / "runs" / "posters" / "table.csv")
    assert list(written.status) == ["failed"] + ["done"] * 5
    assert list(written.place) == list(range(6))
    assert "RefusalError" in written.error[0]
    assert mt.Image.open(written.file[1]).width == 64
    for name in ("t.jsonl", "t.parquet"):
        await run.asave(tmp_path / name)
    assert list(pd.read_parquet(tmp_path / "t.parquet").tries) == [1] * 6
    assert len(pd.read_json(tmp_path / "t.jsonl", lines=True)) == 6
    with pytest.raises(mt.StorageError, match=r"as .csv, .jsonl, .parquet"):
        run.save(tmp_path / "t.xlsx")


async def test_a_sheet_has_a_row_and_a_column_for_each_value(vendor: Vendor) -> None:
    rows = mt.grid("a {animal} in {season}", animal=["fox", "owl"], season=["may", "june", "july"])
    vendor.sim.then(PromptBlocked())
    async with vendor.agent() as agent:
        run = agent.start_many(rows, concurrency=1)
        await run
        sheet = await run.sheet(rows="animal", columns="season")
        with pytest.raises(mt.PromptError, match=r"no column 'year'; they have 'prompt', 'animal'"):
            run.sheet(rows="animal", columns="year")
    assert sheet.width > sheet.height
    assert sheet.save(vendor.folder / "sheet.png").exists()


async def test_a_full_disk_stops_the_run_and_loses_nothing(vendor: Vendor) -> None:
    rows = [{"prompt": f"fox {number}"} for number in range(60)]
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with vendor.agent() as agent:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, usual[1]))  # of any file
        try:
            run = agent.start_many(rows, run="posters", concurrency=2)
            with pytest.raises(mt.StorageError, match=r"ledger.*could not be written"):
                await run
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        stopped = vendor.sent.total()
        assert 0 < run.counts["done"] < stopped + 1 < 60
        later = agent.start_many(rows, run="posters")
        table = await later
    assert list(table.status).count("waiting") == 0
    unclear = list(table.status).count("unclear")
    assert unclear <= 4  # their outcomes did not fit
    assert vendor.sent.total() == 60 or vendor.sent.total() + unclear == 60
    assert max(vendor.sent.values()) == 1


async def test_an_agent_that_is_closed_ends_the_run(vendor: Vendor) -> None:
    gate = Gate(pieces=0)
    vendor.sim.then(Latency(0), gate, gate)
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, run="posters", concurrency=2)
        await vendor.sim.until(lambda: vendor.sent.total() == 3)
    table = await run
    gate.open()
    assert vendor.sent.total() == 3
    assert list(table.status).count("done") <= 2
    assert not table.error.iloc[-1].may_have_been_billed
    errors = [error for error in table.error if error is not None]
    assert all(isinstance(error, mt.ClosedError) for error in errors)
    async with vendor.agent() as agent:
        later = agent.start_many(FOXES, run="posters")
        await later
    assert later.counts["waiting"] == 0
    assert max(vendor.sent.values()) == 1


async def test_a_pause_that_the_vendor_asks_for_is_said(vendor: Vendor) -> None:
    vendor.sim.then(Status(429, retry_after="1"))
    heard: list[str] = []
    async with vendor.agent() as agent:
        run = agent.start_many(FOXES, concurrency=2)
        run.subscribe(lambda progress: heard.append(str(progress.event)))
        await run
    assert any("paused for 1 s" in text for text in heard)
    assert not any("paused" in text for text in heard[-1:])


class FreeClient(PaperClient):
    """Costs nothing, so its rows have no intents in the ledger."""

    def quotes(self, prompt: mt.ImagePrompt, **_facts: float) -> list[Price]:  # noqa: ARG002
        """Nothing."""
        return [FREE]


async def test_a_full_disk_ends_a_free_run_and_its_table_has_what_was_made(tmp_path: Path) -> None:
    rows = [{"prompt": f"fox {number}"} for number in range(400)]
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    agent = mt.ImageGenAgent(FreeClient(), store=mt.Store(tmp_path))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, usual[1]))  # of any file
    try:
        run = agent.start_many(rows, run="posters", concurrency=1)
        with pytest.raises(mt.StorageError, match=r"ledger.*could not be written"):
            await run
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    done = run.counts["done"]
    assert 0 < done < 400
    assert list(run.table.status).count("done") == done
    later = agent.start_many(rows, run="posters")
    await later
    assert later.counts["done"] == 400
