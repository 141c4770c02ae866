"""Runs of many: what a row costs, what is left after a kill, and how far processes help."""

import asyncio
import gc
import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.measure import in_own_process, note_lags

RUNS: Final = {"1000": "1,000 rows", "10000": "10,000 rows", "100000": "100,000 rows"}
KILLS: Final = {"killed": "10,000 rows, 5 % faults, SIGKILL at 30 %"}
_ROWS, _AT_ONCE, _FAULTS = 10_000, 64, 0.05


def run_of(way: str) -> dict[str, float | str]:
    """Make so many rows with an instant vendor, in a process of its own."""
    return in_own_process("tests.benchmarks.runs", way)


def killed(_way: str) -> dict[str, float | str]:
    """Kill a run, go on with it, and count what was lost or sent twice."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_killed(folder))


async def _run_of(count: int, folder: str) -> dict[str, float]:
    import mediatoolkit as mt
    from tests.benchmarks.paper import PaperClient

    rows = [{"prompt": f"fox {number} in spring", "seed": number % 5} for number in range(count)]
    agent = mt.ImageGenAgent(PaperClient(), store=folder)
    lags: list[float] = []
    watching = asyncio.create_task(note_lags(lags))
    gc.collect()
    before = _memory()
    run = agent.start_many(rows, run="paper", concurrency=_AT_ONCE)
    waiting = _memory() - before
    begun, cpu = time.perf_counter(), time.process_time()
    await run
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    watching.cancel()
    lags.sort()
    ledger = sum(file.stat().st_size for file in Path(run.folder).glob("ledger*"))
    begun = time.perf_counter()
    again = agent.start_many(rows, run="paper", concurrency=_AT_ONCE)
    await again
    resumed = time.perf_counter() - begun
    if again.counts["done"] != count:
        raise RuntimeError(f"{again!r} lost rows")
    return {
        "per_row": seconds / count * 1000,
        "cpu": cpu / count * 1000,
        "lag": lags[int(len(lags) * 0.99)] * 1000,
        "ledger": ledger / 1e6,
        "resume": resumed,
        "waiting": waiting / count,
    }


def _memory() -> int:
    """Bytes of this process that are in memory now."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()


async def _killed(folder: str) -> dict[str, float | str]:
    import mediatoolkit as mt
    from mediatoolkit.simulator.faults import Latency, Status
    from mediatoolkit.store import Store
    from tests.benchmarks.paper import picture
    from tests.runs.killed_run import rows

    chance = random.Random(7)  # noqa: S311 - nothing secret is drawn
    faults = [
        chance.choice([Status(500), Status(503), Status(400, message="No.")])
        if chance.random() < _FAULTS
        else Latency(0)
        for _ in range(2 * _ROWS)
    ]
    async with mt.Simulator(picture=picture()) as sim:
        sim.then(*faults)
        command = (sys.executable, "-m", "tests.runs.killed_run", sim.url, folder)
        process = await asyncio.create_subprocess_exec(*command, str(_ROWS), str(_AT_ONCE))
        await sim.until(lambda: len(sim.requests) > 0.3 * _ROWS)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        before, count = _sent(sim), len(sim.requests)
        begun = time.monotonic()
        client = mt.GeminiImageClient("test-key", base_url=sim.url, model="gemini-3.1-flash-image")
        async with mt.ImageGenAgent(client, store=Store(folder)) as agent:
            run = agent.start_many(rows(_ROWS), run="foxes", concurrency=_AT_ONCE)
            await sim.until(lambda: len(sim.requests) > count)
            first = sim.requests[count].arrived - begun
            await run
        after = _sent(sim)
        await mt.close()
    counts = run.counts
    twice = [prompt for prompt in before if after[prompt] > before[prompt]]
    return {
        "lost": _ROWS - counts["done"] - counts["failed"] - counts["unclear"],
        "unclear": counts["unclear"],
        "failed": counts["failed"],
        "twice": len(twice),
        "first": first,
    }


def _sent(sim: Any) -> Counter[str]:
    bodies = [request.body for request in sim.requests if request.method == "POST"]
    return Counter(body["contents"][0]["parts"][0]["text"] for body in bodies)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(asyncio.run(_run_of(int(sys.argv[1]), place))))
