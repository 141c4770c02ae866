"""A run that a vendor makes as batches."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runs.batch import BatchExecutor
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.runtime.job import end_here
from mediatoolkit.simulator.faults import Gate, InBatch, PromptBlocked, Status
from mediatoolkit.store import Store
from tests.runs.conftest import MODEL
from tests.test_prompts import picture

ROWS = [{"prompt": f"fox {number}"} for number in range(5)]


def batch() -> BatchExecutor:
    """A vendor's batch that is polled more often than one would outside of tests."""
    return BatchExecutor(Polling(first=0.02, cap=0.05))


def agent_at(vendor: str, url: str, folder: Path) -> mt.ImageGenAgent:
    client: Any
    if vendor == "gemini":
        client = mt.GeminiImageClient("test-key", base_url=url, model=MODEL)
    else:
        client = mt.OpenAIImageClient("test-key", base_url=url, model="gpt-image-2")
    return mt.ImageGenAgent(client, store=Store(folder))


def url_of(vendor: str, sim: mt.Simulator) -> str:
    return sim.gemini.url if vendor == "gemini" else sim.openai.url + "/v1"


def agent_of(vendor: str, sim: mt.Simulator, folder: Path) -> mt.ImageGenAgent:
    return agent_at(vendor, url_of(vendor, sim), folder)


@pytest.fixture(params=["gemini", "openai"])
def vendor(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param  # type: ignore[no-any-return]


async def test_a_batch_makes_all_rows_at_half_price(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        alone = await agent.generate("fox 0")
        table = await agent.start_many(ROWS, run="foxes", on=batch())
        assert list(table.status) == ["done"] * 5
        assert [image.width for image in table.media] == [64] * 5
        assert alone.cost is not None
        assert alone.cost.usd is not None
        assert table.usd[0] == pytest.approx(float(alone.cost.usd) / 2, rel=0.2)
        count = len(sim.requests)
        await agent.start_many(ROWS, run="foxes", on=batch())
        assert len(sim.requests) == count


async def test_rows_of_a_batch_fail_one_by_one(vendor: str, tmp_path: Path) -> None:
    faults = InBatch({0: PromptBlocked(), 3: Status(500)}, backwards=True)
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        sim.then(faults, at="start")
        run = agent.start_many(ROWS, run="foxes", on=batch())
        table = await run
        assert list(table.status) == ["failed", "done", "done", "failed", "done"]
        assert isinstance(table.error[0], mt.RefusalError)
        assert isinstance(table.error[3], mt.ProviderError)
        healed = run.retry()
        assert list((await healed).status) == ["done"] * 5
    assert float(sim.meter.total) == pytest.approx(healed.spent)


async def test_a_batch_that_expires_fails_what_was_not_made(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        sim.then(InBatch(ends="expired", done=2), at="start")
        run = agent.start_many(ROWS, run="foxes", on=batch())
        table = await run
    assert list(table.status).count("done") == (2 if vendor == "openai" else 0)
    lost = table[table.status != "done"]
    assert all("expired" in str(error) for error in lost.error)


async def test_a_cancel_reaches_the_vendor_and_loses_nothing(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64)), looks=10**6) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        run = agent.start_many(ROWS, run="foxes", on=batch())
        await sim.until(lambda: any("batches/" in each.path for each in sim.requests))
        run.cancel()
        with pytest.raises(mt.JobCancelled):
            await run
        assert any("cancel" in each.path for each in sim.requests)
        assert list(run.table.status) == ["unclear"] * 5
        assert "batch" in str(run.table.error[0])
        later = agent.start_many(ROWS, run="foxes", on=batch())
        table = await later  # collects the batch that was cancelled
        assert list(table.status) == ["failed"] * 5
        assert all("cancelled" in str(error) for error in table.error)
        sim.looks = 1
        assert list((await later.retry()).status) == ["done"] * 5


async def test_a_killed_run_collects_its_batch(vendor: str, tmp_path: Path) -> None:
    async with mt.Simulator(picture=picture((64, 64))) as sim:
        gate = Gate(pieces=0)
        sim.then(gate, at="poll")
        url = url_of(vendor, sim)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.runs.killed_batch", vendor, url, str(tmp_path))
        )
        await sim.until(lambda: any("batches/" in each.path for each in sim.requests))
        process.kill()
        await process.wait()
        gate.open()
        async with agent_of(vendor, sim, tmp_path) as agent:
            table = await agent.start_many(ROWS, run="foxes", on=batch())
    assert list(table.status) == ["done"] * 5
    starts = [each for each in sim.requests if each.path.endswith(("GenerateContent", "/batches"))]
    assert len([each for each in starts if each.method == "POST"]) == 1


class Leaving(BatchExecutor):
    """Leaves its batches with the vendor, as a process that is killed does."""

    async def close(self) -> None:
        self._at_vendor.clear()
        await super().close()


async def left_with(sim: mt.Simulator, agent: mt.ImageGenAgent, **words: Any) -> None:
    """Hand `ROWS` over to the vendor, and leave."""
    gate = Gate(pieces=0)
    sim.then(gate, at="poll")
    run = agent.start_many(ROWS, run="foxes", on=Leaving(Polling(first=0.02, cap=0.05)), **words)
    await sim.until(lambda: any("batches/" in each.path for each in sim.requests))
    run.cancel()
    with pytest.raises(mt.JobCancelled):
        await run
    gate.open()


async def test_the_cap_counts_what_is_still_with_the_vendor(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        client: Any = agent.clients[0]
        cap = client.batch_quote(mt.ImagePrompt("fox 0")).high * 5
        await left_with(sim, agent, cap=cap)
        rows = [*ROWS, *({"prompt": f"owl {number}"} for number in range(5))]
        run = agent.start_many(rows, run="foxes", on=batch(), cap=cap, changed="add")
        table = await run
    assert list(table.status[:5]) == ["done"] * 5
    assert sim.meter.total <= cap
    assert run.spent <= cap


async def test_rows_with_the_vendor_are_not_made_elsewhere(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        await left_with(sim, agent)
        count = len(sim.requests)
        rows = [*ROWS, {"prompt": "an owl"}]
        table = await agent.start_many(rows, run="foxes", changed="add")
        assert list(table.status) == ["unclear"] * 5 + ["done"]
        assert 'on="batch"' in str(table.error[0])
        assert len(sim.requests) == count + 1
        table = await agent.start_many(rows, run="foxes", on=batch())
    assert list(table.status) == ["done"] * 6


async def test_nobody_waits_for_a_batch_whose_rows_are_gone(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        await left_with(sim, agent)
        count = len(sim.requests)
        rows = [{"prompt": "an owl"}]
        table = await agent.start_many(rows, run="foxes", on=batch(), changed="replace")
    assert list(table.status) == ["done"]
    polled = {each.path for each in sim.requests[count:] if "batches/" in each.path}
    assert len(polled) == 1


async def test_a_batch_counts_as_one_request_for_the_rate(vendor: str, tmp_path: Path) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        table = await agent.start_many(ROWS, on=batch(), rate="60/min")
    assert list(table.status) == ["done"] * 5
    starts = [each for each in sim.requests if each.path.endswith(("GenerateContent", "/batches"))]
    assert len([each for each in starts if each.method == "POST"]) == 1


async def test_a_row_that_cannot_be_read_fails_alone(vendor: str, tmp_path: Path) -> None:
    rows = [{"prompt": "a fox", "references": [str(tmp_path / "none.png")]}, *ROWS]
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        table = await agent.start_many(rows, on=batch())
    assert list(table.status) == ["failed"] + ["done"] * 5
    assert "none.png" in str(table.error[0])


async def test_rows_that_are_too_dear_for_the_cap_are_not_handed_over(
    vendor: str, tmp_path: Path
) -> None:
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        high = agent.quote("fox 0").high
        assert high is not None
        run = agent.start_many(ROWS, run="foxes", on=batch(), cap=high)
        table = await run
        errors = [error for error in table.error if error is not None]
        assert all(isinstance(error, mt.BudgetError) for error in errors)
        assert sim.meter.total <= high


async def test_what_no_batch_takes_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with mt.ImageGenAgent("local", store=Store(tmp_path)) as agent:
        with pytest.raises(mt.PromptError, match="takes no batch"):
            agent.start_many(ROWS, on="batch")


async def test_speech_is_made_in_a_batch(tmp_path: Path) -> None:
    async with mt.Simulator() as sim:
        client = mt.GeminiSpeechClient("test-key", base_url=sim.gemini.url)
        async with mt.VoiceAgent(client, store=Store(tmp_path)) as agent:
            rows = [{"prompt": "Good evening.", "voice": "Kore"}, {"prompt": "Good night."}]
            table = await agent.start_many(rows, on=batch())
    assert list(table.status) == ["done", "done"]
    assert all(audio.seconds > 0.2 for audio in table.media)


async def test_a_row_whose_file_is_gone_stays_in_its_batch(tmp_path: Path) -> None:
    reference = tmp_path / "fox.png"
    reference.write_bytes(picture((32, 32)))
    rows = [{"prompt": "a fox", "references": [str(reference)]}, {"prompt": "an owl"}]
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of("gemini", sim, tmp_path) as agent,
    ):
        gate = Gate(pieces=0)
        sim.then(gate, at="poll")
        run = agent.start_many(rows, run="foxes", on=batch())
        await sim.until(lambda: any("batches/" in each.path for each in sim.requests))
        data = reference.read_bytes()
        reference.unlink()
        gate.open()
        table = await run
        assert list(table.status) == ["unclear", "done"]
        assert "has not been collected" in str(table.error[0])
        reference.write_bytes(data)
        table = await agent.start_many(rows, run="foxes", on=batch())
        assert list(table.status) == ["done", "done"]
    starts = [each for each in sim.requests if "GenerateContent" in each.path]
    assert len(starts) == 1


async def test_a_batch_goes_on_when_the_kernel_ends(
    vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops.process, "is_ending", False)  # again, after this test
    async with (
        mt.Simulator(picture=picture((64, 64))) as sim,
        agent_of(vendor, sim, tmp_path) as agent,
    ):
        gate = Gate(pieces=0)
        sim.then(gate, at="poll")
        agent.start_many(ROWS, run="foxes", on=batch())
        await sim.until(lambda: any("batches/" in each.path for each in sim.requests))
        await end_here()
        gate.open()
        assert not any("cancel" in each.path for each in sim.requests)
        table = await agent.start_many(ROWS, run="foxes", on=batch())
    assert list(table.status) == ["done"] * 5
