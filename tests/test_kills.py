"""A process may be killed at any line: nothing is half, nothing is left, nothing is forgotten."""

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from mediatoolkit.caching.entries import CacheEntry
from mediatoolkit.media import Image, Video
from mediatoolkit.simulator import Simulator
from mediatoolkit.store import Store
from tests.media.clips import clip

KILLS = 20
"""Of each kind."""

DATA = random.Random(0).randbytes(9_000_000)  # noqa: S311 - large enough to be received straight to the disk

Order = Callable[[str, Path, str, int | None], Awaitable[tuple[int, int]]]


@pytest.fixture
async def order() -> AsyncIterator[Order]:
    """Have something done in a process of its own; returns its exit code and steps."""
    pipe = subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.killed", stdin=pipe, stdout=pipe, env=os.environ
    )
    assert worker.stdin
    assert worker.stdout
    stdin, stdout = worker.stdin, worker.stdout

    async def give(what: str, folder: Path, url: str, steps: int | None) -> tuple[int, int]:
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        words = {"what": what, "folder": str(folder), "url": url, "steps": steps}
        stdin.write(json.dumps(words).encode() + b"\n")
        code, count = json.loads(await stdout.readline())
        return code, count

    yield give
    stdin.close()
    await worker.wait()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(film=clip(), looks=2) as simulator:
        yield simulator


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "said")


def left_in(folder: Path) -> list[Path]:
    """Whatever is no file of the user's."""
    return [*folder.rglob(".*"), *folder.glob("tmp/*")]


def check_whole(folder: Path) -> None:
    for path in files_in(folder):
        if path.name.startswith(".") or path.is_relative_to(folder / "tmp"):
            continue
        match path.suffix:
            case ".png":
                assert Image.open(path).to_pil().width
            case ".mp4":
                assert Video.open(path).seconds
            case ".bin":
                assert path.read_bytes() == DATA
            case ".json" if "cache" in path.parts:
                assert CacheEntry.read(path).media_in(folder / "store").provenance
            case ".json":
                assert json.loads(path.read_bytes())["id"]
            case _:
                pytest.fail(f"{path} is none of ours")


def check_kept(folder: Path) -> None:
    """What was reported as done is there."""
    words = (folder / "said").read_text().split() if (folder / "said").exists() else []
    names = {path.name for path in files_in(folder)}
    names |= {one.id for one in Store(folder / "store").pending()}
    dropped = {word[1:] for word in words if word.startswith("-")}
    assert {word for word in words if not word.startswith("-")} - dropped <= names


def check_remembered(folder: Path, starts: int) -> None:
    """Every job that a vendor began is a film, a record, or an intent."""
    films = list(folder.glob("store/*.mp4"))
    assert starts <= 1
    assert films or len(Store(folder / "store").pending()) >= starts


@pytest.mark.parametrize("what", ["keep", "recall", "save", "fetch", "note", "film"])
async def test_a_kill_leaves_nothing_half_nothing_behind_and_nothing_forgotten(
    tmp_path: Path, order: Order, sim: Simulator, what: str
) -> None:
    url = sim.host(DATA, "application/octet-stream") if what == "fetch" else sim.url

    def starts() -> int:
        return sum(one.path.endswith("/interactions") for one in sim.requests)

    code, steps = await order(what, tmp_path / "whole", url, 0)
    assert code == 0
    assert steps > 100
    check_whole(tmp_path / "whole")
    assert left_in(tmp_path / "whole") == []

    chance, killed = random.Random(what), 0  # noqa: S311 - the same every time
    for attempt in itertools.count():  # in a folder of its own: what lived has said more
        if killed == KILLS:
            break
        folder, before = tmp_path / f"{attempt}", starts()
        code, _ = await order(what, folder, url, chance.randrange(1, steps))
        assert code in {0, -signal.SIGKILL}, "it did not fail in another way"
        killed += code != 0
        await sim.until(lambda: sim.open_connections == 0)
        check_whole(folder)
        check_kept(folder)
        check_remembered(folder, starts() - before)

        pending = Store(folder / "store").pending()
        code, _ = await order(what, folder, url, None)
        assert code == 0
        check_whole(folder)
        assert left_in(folder) == [], "the next start removes it"
        if what == "film":
            assert Store(folder / "store").pending() == []
            resumed = any(not one.is_intent for one in pending)
            assert starts() - before <= 1 or not resumed, "nothing is paid twice"
        for path in files_in(folder):
            path.unlink()
