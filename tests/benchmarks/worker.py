"""One measurement of one way, in an interpreter of its own: so memory and CPU are its alone."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.files import FILE_WAYS
from tests.benchmarks.measure import cost, counted, longest_hold, stay_on_one_core
from tests.benchmarks.pictures import PICTURE_WAYS, PictureWay
from tests.benchmarks.sounds import SOUND_WAYS

SMALL = 48_000
"""Bytes of a small picture: a compressed one of 512 pixels; its answer has 64 kB."""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure.

    Attributes:
        task: Name in `TASKS`.
        way: Name in `PICTURE_WAYS` or `FILE_WAYS`.
        server: Address.
        size: Bytes of a picture or file.
        count: Pictures or files.
        delay: Seconds until a picture begins to arrive.
        folder: Where files are written; empty for the temporary folder.
    """

    task: str
    way: str
    server: str
    size: int = SMALL
    count: int = 1
    delay: float = 0.0
    folder: str = ""

    def command(self) -> list[str]:
        """Command that carries it out and prints `Figures` as JSON."""
        return [sys.executable, "-m", __name__, json.dumps(asdict(self))]

    def picture_way(self) -> PictureWay:
        """The way, not open yet."""
        return PICTURE_WAYS[self.way](self.server, self.size, self.delay, self.folder)


async def calls(order: Order) -> Figures:
    """Pictures one after the other: CPU for each, sessions and connections for all."""
    stay_on_one_core()
    with counted(PICTURE_WAYS[order.way].sessions) as opened:
        before = _connections(order.server)
        async with order.picture_way() as way:
            await way.one()
            with cost() as spent:
                for _ in range(order.count - 1):
                    await way.one()
    return {
        "cpu": spent.cpu * 1000 / (order.count - 1),
        "sessions": len(opened),
        "connections": _connections(order.server) - before,
    }


async def at_once(order: Order) -> Figures:
    """Pictures at the same time."""
    async with PICTURE_WAYS[order.way](order.server, SMALL, folder=order.folder) as way:
        await way.one()
    async with order.picture_way() as way:
        with cost() as spent:
            pictures = await way.many(order.count)
    assert len(pictures) == order.count
    return {
        "seconds": spent.seconds,
        "rate": order.count / spent.seconds,
        "cpu": spent.cpu * 1000 / order.count,
    }


async def large(order: Order) -> Figures:
    """Large pictures one after the other; the first tells the memory."""
    async with order.picture_way() as way:
        with cost() as first:
            assert len(await way.one()) >= order.size
        with cost() as spent:
            for _ in range(order.count):
                await way.one()
        holds = []
        for _ in range(order.count):
            async with longest_hold() as hold:
                await way.one()
            holds.append(hold.seconds)
    return {
        "hold": median(holds) * 1000,
        "cpu": spent.cpu * 1000 / order.count,
        "memory": first.memory,
    }


async def files(order: Order) -> Figures:
    """Files at once, where the way can."""
    bring = FILE_WAYS[order.way]
    with tempfile.TemporaryDirectory(dir=order.folder or None) as folder:
        await bring(f"{order.server}/files/1000", [Path(folder, "warm")])
        paths = [Path(folder, str(number)) for number in range(order.count)]
        with cost() as spent:
            await bring(f"{order.server}/files/{order.size}", paths)
        assert all(path.stat().st_size == order.size for path in paths)
    return {
        "rate": order.count * order.size / spent.seconds / 1e6,
        "cpu": spent.cpu * 1000,
        "memory": spent.memory,
    }


async def heard(order: Order) -> Figures:
    """The first piece of streamed speech, again and again."""
    stay_on_one_core()
    times = []
    async with SOUND_WAYS[order.way](order.server, round(order.delay * 1000)) as first_sound:
        for _ in range(order.count + 1):
            start = time.perf_counter()
            async with first_sound() as pcm:
                times.append(time.perf_counter() - start)
            assert len(pcm) == 24_000
    return {"milliseconds": median(times[1:]) * 1000}


async def first(order: Order) -> Figures:
    """Import, open and get one picture; asyncio is there already, as in a notebook."""
    start = time.perf_counter()
    async with order.picture_way() as way:
        await way.one()
        return {"milliseconds": (time.perf_counter() - start) * 1000}


def _connections(server: str) -> int:
    import urllib.request  # here, for it loads half of what the first picture needs

    with urllib.request.urlopen(f"{server}/connections") as answer:  # noqa: S310 - loopback
        return int(answer.read())


TASKS: Mapping[str, Callable[[Order], Awaitable[Figures]]] = {
    task.__name__: task for task in (calls, at_once, large, files, first, heard)
}


async def carry_out(order: Order) -> Figures:
    """Measure."""
    return await TASKS[order.task](order)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(carry_out(Order(**json.loads(sys.argv[1]))))))
