"""What real users and machines do to a run: money, rates, ends, and other hands in its folder."""

import asyncio
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mediatoolkit as mt
from mediatoolkit.runs.rate import RateLimiter
from mediatoolkit.runs.sqlite_ledger import SqliteLedger
from mediatoolkit.simulator.faults import (
    CutBeforeHead,
    CutBody,
    Fault,
    Garbage,
    Gate,
    Latency,
    NoCandidates,
    PromptBlocked,
    Reset,
    Silence,
    Status,
    TextOnly,
    Truncated,
)
from tests.runs.conftest import MODEL, Vendor


def foxes(count: int, first: int = 0) -> list[dict[str, object]]:
    return [{"prompt": f"fox {number}"} for number in range(first, first + count)]


def price(agent: mt.ImageGenAgent) -> float:
    high = agent.quote("fox 1").high
    assert high is not None
    return float(high)


async def test_rows_that_are_gone_or_replaced_count_against_the_cap(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        cap = price(agent) * 3
        await agent.start_many(foxes(3), run="p", cap=cap)
        added = agent.start_many(foxes(3, first=3), run="p", changed="add", cap=cap)
        await added
        assert added.counts["done"] == 0
        replaced = agent.start_many(foxes(3, first=6), run="p", changed="replace", cap=cap)
        await replaced
        assert replaced.counts["done"] == 0
        assert replaced.spent == pytest.approx(float(vendor.sim.meter.total))


async def test_an_unclear_row_that_is_not_sent_again_has_still_cost_that(vendor: Vendor) -> None:
    vendor.sim.then(CutBody())
    async with vendor.agent() as agent:
        cap = price(agent) * 1.5
        run = agent.start_many(foxes(1), run="p", cap=cap)
        await run
        await run.retry(unclear=True)  # it does not fit
        later = agent.start_many(foxes(1), run="p", cap=cap)
        await later
    assert later.counts["done"] == 0
    assert later.spent == pytest.approx(price(agent))
    assert vendor.sent.total() == 1


async def test_what_is_made_again_has_also_cost_what_was_lost(vendor: Vendor) -> None:
    vendor.sim.then(CutBody())
    async with vendor.agent(cache=True) as agent:
        run = agent.start_many(foxes(1), run="p")
        await run
        assert run.spent == pytest.approx(price(agent))
        again = run.retry(unclear=True)
        await again
        assert again.counts["done"] == 1
        assert again.spent >= float(vendor.sim.meter.total)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_overspent_under_faults(vendor: Vendor, seed: int) -> None:
    """Over several sessions, some of them cancelled, with retries of what is unclear."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    kinds: list[Fault] = [
        *(Status(500), Status(503), Status(429, retry_delay="0.01s"), Status(400, message="No.")),
        *(Reset(), CutBody(), CutBeforeHead(), Truncated(), Silence()),
        *(PromptBlocked(), Garbage(), NoCandidates(), TextOnly()),
    ]
    vendor.sim.then(*(chance.choice([*kinds, Latency(0.01)]) for _ in range(200)))
    models = [MODEL, "gemini-3-pro-image"][: 1 + seed // 2]
    clients = [
        mt.GeminiImageClient(
            "test-key", base_url=vendor.sim.url, model=model, retry=mt.Retry(base=0.001)
        )
        for model in models
    ]
    store, is_cached = vendor.folder, bool(seed % 2)
    async with mt.ImageGenAgent(clients, store=store, timeout=0.3, cache=is_cached) as agent:
        cap = price(agent) * 12
        for session in range(4):
            run = agent.start_many(foxes(40), run="p", cap=cap, concurrency=8)
            if session == 0:
                await vendor.sim.until(lambda: vendor.sent.total() > 3)
                run.cancel()
                with pytest.raises(mt.JobCancelled):
                    await run
                continue
            await run
            await run.retry(unclear=chance.random() < 0.5)
    assert 0 < float(vendor.sim.meter.total) <= cap


async def test_a_cap_smaller_than_a_row_is_told_without_a_queue(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        begun = time.process_time()
        run = agent.start_many(foxes(600), run="p", cap=0.001)
        await run
    assert run.counts["failed"] == 600
    assert not vendor.sent
    assert time.process_time() - begun < 10


async def test_a_picture_that_is_paid_and_not_kept_has_cost_something(vendor: Vendor) -> None:
    gone = vendor.folder / "gone"
    gone.mkdir()
    gate = Gate()
    vendor.sim.then(gate)
    client = mt.GeminiImageClient("test-key", base_url=vendor.sim.url, model=MODEL)
    async with mt.ImageGenAgent(client, store=gone) as agent:
        run = agent.start_many(foxes(1), run="p")
        await vendor.sim.until(lambda: vendor.sent.total() == 1)
        shutil.rmtree(gone)
        gone.write_text("no folder any more")
        gate.open()
        with pytest.raises(mt.StorageError):
            await run
    assert run.counts["unclear"] == 1
    assert run.spent >= float(vendor.sim.meter.total) > 0


async def test_a_rate_holds_no_run_back_that_has_no_rows_left(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the slots that find no row would each wait for a turn before the run ends."""
    waits = []

    async def wait(limiter: RateLimiter) -> None:
        waits.append(limiter)
        await usual(limiter)

    usual = RateLimiter.wait
    monkeypatch.setattr(RateLimiter, "wait", wait)
    async with vendor.agent() as agent:
        await agent.start_many(foxes(20), rate="50/s", concurrency=16)
    assert len(waits) == 20


async def test_a_run_that_waits_for_its_rate_stops_at_once(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        run = agent.start_many(foxes(20), rate="1/hour", concurrency=16)
        await vendor.sim.until(lambda: vendor.sent.total() == 1)
        run.cancel()
        with pytest.raises(mt.JobCancelled):
            await run


async def test_a_closed_agent_ends_its_run_and_the_rows_wait(vendor: Vendor) -> None:
    gate = Gate()
    async with vendor.agent() as agent:
        vendor.sim.then(Latency(0), Latency(0), gate)
        run = agent.start_many(foxes(10), run="p", concurrency=1)
        await vendor.sim.until(lambda: vendor.sent.total() == 3)
    gate.open()
    table = await run
    assert isinstance(list(table.error)[-1], mt.ClosedError)
    async with vendor.agent() as agent:
        table = await agent.start_many(foxes(10), run="p")
    assert sorted(table.status) == ["done"] * 9 + ["unclear"]
    assert max(vendor.sent.values()) == 1


async def test_a_second_retry_is_the_first_one(vendor: Vendor) -> None:
    vendor.sim.then(PromptBlocked())
    async with vendor.agent() as agent:
        run = agent.start_many(foxes(3), run="p", concurrency=1)
        await run
        first = run.retry()
        assert run.retry() is first
        await first
        assert run.retry() is first


async def test_a_run_to_which_rows_were_added_can_be_retried(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(foxes(3), run="p")
        vendor.sim.then(PromptBlocked())
        run = agent.start_many(foxes(1, first=7), run="p", changed="add")
        await run
        table = await run.retry()
    assert list(table.status) == ["done"]


async def test_a_row_that_is_made_again_is_yielded_once(vendor: Vendor) -> None:
    vendor.sim.then(PromptBlocked())
    async with vendor.agent() as agent:
        run = agent.start_many(foxes(3), run="p", concurrency=1)
        await run
        rows = [(row.index, row.status) async for row in run.retry()]
    assert rows == [(1, "done"), (2, "done"), (0, "done")]


async def test_rows_that_follow_dropped_ones_are_not_paid_twice(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(foxes(6), run="p")
        await agent.start_many(foxes(2), run="p", changed="replace")
        rows = [*foxes(2), {"prompt": "an owl"}, {"prompt": "a cat"}]
        await agent.start_many(rows, run="p", changed="add")
        await agent.start_many(rows, run="p")
    assert vendor.sent.total() == 8


_TAKER = """
import pathlib, sys
from mediatoolkit.runs.sqlite_ledger import SqliteLedger
from mediatoolkit.errors import StorageError
try:
    SqliteLedger("p", pathlib.Path(sys.argv[1])).load()
except StorageError as error:
    print(error)
"""


def test_a_ledger_stays_taken_when_its_folder_is_copied(tmp_path: Path) -> None:
    ledger = SqliteLedger("p", tmp_path / "p")
    ledger.load()
    shutil.copytree(tmp_path / "p", tmp_path / "copy")
    command = [sys.executable, "-c", _TAKER, str(tmp_path / "p")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    ledger.shut()
    assert "is running already" in done.stdout


async def test_a_folder_that_is_deleted_ends_the_run(vendor: Vendor) -> None:
    gate = Gate()
    vendor.sim.then(Latency(0), gate)
    async with vendor.agent() as agent:
        run = agent.start_many(foxes(10), run="p", concurrency=1)
        await vendor.sim.until(lambda: vendor.sent.total() == 2)
        shutil.rmtree(vendor.folder / "runs" / "p")
        gate.open()
        with pytest.raises(mt.StorageError, match="was deleted or moved"):
            await run
    assert vendor.sent.total() == 2


async def test_a_run_that_is_cancelled_over_and_over_lets_go_of_its_ledger(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        for turns in range(12):
            run = agent.start_many(foxes(4), run=f"p{turns}")
            task = asyncio.ensure_future(run)
            for _ in range(turns):
                await asyncio.sleep(0)
            for _ in range(3):
                run.cancel()
                await asyncio.sleep(0)
            with pytest.raises((mt.JobCancelled, asyncio.CancelledError)):
                await task
        for turns in range(12):
            again = agent.start_many(foxes(4), run=f"p{turns}")
            await again
            assert again.counts["waiting"] == 0


@pytest.mark.parametrize("name", ["CON", "nul.txt", "日" * 90], ids=["con", "nul", "long"])
async def test_a_name_that_no_folder_can_have_is_refused(vendor: Vendor, name: str) -> None:
    async with vendor.agent() as agent:
        with pytest.raises(mt.PromptError, match="run takes a name"):
            agent.start_many(foxes(1), run=name)


async def test_a_name_is_the_same_however_its_letters_are_composed(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        await agent.start_many(foxes(1), run="caf\N{LATIN SMALL LETTER E WITH ACUTE}")
        await agent.start_many(foxes(1), run="cafe\N{COMBINING ACUTE ACCENT}")
    assert vendor.sent.total() == 1
