"""Runs whose media and ledger lie at an address."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

import mediatoolkit as mt
from mediatoolkit.runs.parts import PartsLedger
from mediatoolkit.simulator.faults import Latency, Status
from mediatoolkit.url_store import UrlStore
from tests.runs.conftest import MODEL
from tests.runs.killed_run import rows
from tests.runs.test_killed import sent
from tests.test_prompts import picture

ROWS, AT_ONCE = 60, 8


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    fsspec.filesystem("memory").store.clear()
    yield
    fsspec.filesystem("memory").store.clear()


def agent(sim: mt.Simulator, store: UrlStore) -> mt.ImageGenAgent:
    client = mt.GeminiImageClient("test-key", base_url=sim.url, model=MODEL)
    return mt.ImageGenAgent(client, store=store)


async def test_a_run_goes_on_at_an_address(tmp_path: Path) -> None:
    store = UrlStore("memory://bucket/out")
    async with mt.Simulator(picture=picture((64, 64))) as sim, agent(sim, store) as painter:
        sim.then(*[Status(400, message="Bad words.")] * 5)
        table = await painter.start_many(rows(ROWS), run="foxes")
        assert (table.status == "failed").sum() == 5

        run = painter.start_many(rows(ROWS), run="foxes")
        again = await run
        assert sum(sent(sim).values()) == ROWS
        again = await run.retry()

    assert set(again.status) == {"done"}
    assert {image.width for image in again.media} == {64}
    assert all(image.path is None for image in again.media)
    assert run.folder == "memory://bucket/out/runs/foxes"
    assert list(tmp_path.iterdir()) == []


async def test_a_killed_run_goes_on_at_an_address(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/out"
    async with mt.Simulator(picture=picture((64, 64))) as sim:
        sim.always(Latency(0.02))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.runs.test_url_runs", sim.url, url
        )
        await sim.until(lambda: len(sim.requests) > ROWS * 0.4)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        before = sent(sim)
        async with agent(sim, UrlStore(url)) as painter:
            table = await painter.start_many(rows(ROWS), run="foxes", concurrency=AT_ONCE)
        after = sent(sim)

    assert set(table.status) <= {"done", "unclear"}
    unclear = table[table.status == "unclear"]
    assert len(unclear) <= AT_ONCE
    again = {prompt for prompt in before if after[prompt] > before[prompt]}
    assert not again
    assert set(after) | set(unclear.prompt) == {row["prompt"] for row in rows(ROWS)}
    assert all(image.width == 64 for image in table[table.status == "done"].media)


def test_the_ledger_is_one_of_parts() -> None:
    from mediatoolkit.runs.starting import ledger_for

    assert isinstance(ledger_for(UrlStore("memory://bucket"), "foxes"), PartsLedger)


async def _main(sim_url: str, url: str) -> None:
    client = mt.GeminiImageClient("test-key", base_url=sim_url, model=MODEL)
    async with mt.ImageGenAgent(client, store=UrlStore(url)) as painter:
        await painter.start_many(rows(ROWS), run="foxes", concurrency=AT_ONCE)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
