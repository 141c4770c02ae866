"""What a run costs: CPU, memory, how long the loop is held, how many sessions are opened."""

import asyncio
import contextlib
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TICK = 0.001
_STATUS = Path("/proc/self/status")


@dataclass(slots=True)
class Cost:
    """What something took.

    Attributes:
        seconds: Wall clock.
        cpu: CPU seconds of the whole process, all threads.
        memory: Peak memory over the start, MB.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0


@contextlib.contextmanager
def cost() -> Iterator[Cost]:
    """Measure what happens inside."""
    found = Cost()
    start = _resident()
    cpu, wall = time.process_time(), time.perf_counter()
    yield found
    found.seconds = time.perf_counter() - wall
    found.cpu = time.process_time() - cpu
    found.memory = max(0.0, _peak() - start)


def stay_on_one_core() -> None:
    """Run on the last core from now on, where the system allows it.

    Waking a process on another core costs the one that sends anything from 20 to 150 µs of CPU;
    client and server on one core, a small call costs the same every time.
    """
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@dataclass(slots=True)
class Hold:
    """Longest CPU time, in seconds, of the loop's thread between two wake-ups of a ticker."""

    seconds: float = 0.0


@contextlib.asynccontextmanager
async def longest_hold() -> AsyncIterator[Hold]:
    """Watch the loop with a ticker of 1 ms."""
    hold = Hold()

    async def tick() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(_TICK)
            now = time.thread_time()
            hold.seconds = max(hold.seconds, now - last)
            last = now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(2 * _TICK)
    try:
        yield hold
        await asyncio.sleep(2 * _TICK)
    finally:
        ticker.cancel()


@contextlib.contextmanager
def counted(name: str) -> Iterator[list[None]]:
    """Gather one item for every instance of the class *name* that is made inside.

    Nothing else is imported for it: what an import leaves behind changes what calls cost.
    """
    made: list[None] = []
    if not name:
        yield made
        return
    module, _, attribute = name.rpartition(".")
    kind = getattr(importlib.import_module(module), attribute)
    begin = kind.__init__

    def counting(self: object, *args: Any, **options: Any) -> None:
        made.append(None)
        begin(self, *args, **options)

    kind.__init__ = counting
    try:
        yield made
    finally:
        kind.__init__ = begin


def _resident() -> float:
    """Memory in use now, MB; the peak starts again from here where the system allows it."""
    if not _STATUS.exists():
        return _peak()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    if _STATUS.exists():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _status(name: str) -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(name)


def in_own_process(module: str, way: str) -> dict[str, float | str]:
    """What `python -m module way` prints in its last line, as JSON."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", module, way], stdout=subprocess.PIPE, text=True, check=True
    )
    measured: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return measured


async def note_lags(lags: list[float]) -> None:
    """Note how late the loop comes back from pauses of 10 ms, in seconds."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(0.01)
        lags.append(time.perf_counter() - begun - 0.01)
