"""How far more processes help: pictures that the local painter makes on a cluster of this machine.

One process paints with several threads, so on several cores it alone would use them all. Here the
whole measurement has as many cores as the cluster has processes, its scheduler and the loop of
the run among them.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from typing import Final

import psutil  # type: ignore[import-untyped]

from tests.benchmarks.measure import in_own_process, note_lags

PROCESSES: Final = {"1": "1 process on one core", "2": "2 processes on two cores"}
_ROWS, _WARM, _AT_ONCE = 100, 8, 4  # for each process


def painted_by(way: str) -> dict[str, float | str]:
    """Paint with so many processes, in a process of its own."""
    return in_own_process("tests.benchmarks.cluster", way)


async def _painted_by(count: int, folder: str) -> dict[str, float]:
    import mediatoolkit as mt

    total, warm = _ROWS * count, _WARM * count
    rows = [{"prompt": f"fox {n} under the stars", "size": "512x512"} for n in range(total)]
    lags: list[float] = []
    begun, cpu, ended = 0.0, 0.0, 0
    async with mt.ImageGenAgent(mt.LocalImageClient(), store=folder) as agent:
        run = agent.start_many(rows, run="painted", concurrency=_AT_ONCE * count, on=count)
        async for _row in run:
            ended += 1
            if ended == warm:
                begun, cpu = time.perf_counter(), _cpu()
                watching = asyncio.create_task(note_lags(lags))
            if ended == total:
                seconds, cpu = time.perf_counter() - begun, _cpu() - cpu
                watching.cancel()
        await run
    if run.counts["done"] != total:
        raise RuntimeError(f"{run!r} lost rows")
    return {
        "rate": (total - warm) / seconds,
        "cpu": 1000 * cpu / (total - warm),
        "lag": 1000 * sorted(lags)[int(len(lags) * 0.99)],
    }


def _cpu() -> float:
    """Seconds of processor time of this process and of all that it has started."""
    here = psutil.Process()
    processes = [here, *here.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    os.sched_setaffinity(0, range(int(sys.argv[1])))
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(asyncio.run(_painted_by(int(sys.argv[1]), place))))
