"""A run whose process is killed goes on where it stood."""

import asyncio
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import mediatoolkit as mt
from mediatoolkit.simulator.faults import Fault, Latency, Reset, Status
from mediatoolkit.store import Store
from tests.runs.killed_run import rows
from tests.test_prompts import picture

ROWS, AT_ONCE = 300, 16


def faults(count: int, share: float) -> list[Fault]:
    """One for each of *count* requests; most of them do nothing."""
    chance = random.Random(7)  # noqa: S311 - nothing secret is drawn
    real: list[Fault] = [Status(500), Status(503), Reset(), Status(400, message="Bad words.")]
    return [chance.choice(real) if chance.random() < share else Latency(0.02) for _ in range(count)]


def sent(sim: mt.Simulator) -> Counter[str]:
    """How often each prompt came in."""
    bodies = [request.body for request in sim.requests if request.method == "POST"]
    return Counter(body["contents"][0]["parts"][0]["text"] for body in bodies)


async def test_a_killed_run_loses_no_row_and_sends_none_twice(tmp_path: Path) -> None:
    async with mt.Simulator(picture=picture((64, 64))) as sim:
        sim.then(*faults(2 * ROWS, 0.05))
        command = [sim.url, str(tmp_path), str(ROWS), str(AT_ONCE)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.runs.killed_run", *command
        )
        await sim.until(lambda: len(sim.requests) > ROWS * 0.3)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        before = sent(sim)

        client = mt.GeminiImageClient("test-key", base_url=sim.url, model="gemini-3.1-flash-image")
        async with mt.ImageGenAgent(client, store=Store(tmp_path)) as agent:
            run = agent.start_many(rows(ROWS), run="foxes", concurrency=AT_ONCE)
            table = await run
        after = sent(sim)

    assert len(table) == ROWS
    assert set(table.status) <= {"done", "failed", "unclear"}
    unclear = table[table.status == "unclear"]
    assert len(unclear) <= AT_ONCE + 10  # and those whose answer was lost
    assert all(error.may_have_been_billed for error in unclear.error)
    assert all(table.error[table.status == "failed"].notna())
    again = [prompt for prompt in before if after[prompt] > before[prompt]]
    assert not set(again) & set(unclear.prompt)
    assert len(again) <= AT_ONCE
    done = table[table.status == "done"]
    assert all(image.width == 64 for image in done.media)
