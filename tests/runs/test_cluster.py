import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import distributed
import psutil  # type: ignore[import-untyped]
import pytest

import mediatoolkit.version
from mediatoolkit.errors import (
    ClosedError,
    MediaToolkitError,
    MissingExtraError,
    PromptError,
    RateLimitError,
    TransportError,
)
from mediatoolkit.media import Image
from mediatoolkit.runs.cluster import ClusterExecutor, session, worker
from mediatoolkit.runs.work import Outcome, RowRequest, RowStatus
from tests.runs.cluster_makers import PaintRecipe, Recipe

KEY = "sk-0123456789-never-to-be-seen"
DONE, FAILED = RowStatus.DONE, RowStatus.FAILED
WAITING, UNCLEAR = RowStatus.WAITING, RowStatus.UNCLEAR


connect: Any = distributed.Client  # it has no types


class Cluster:
    """A scheduler and workers as Dask itself starts them, with its own settings.

    Args:
        folder: For what they write.
    """

    def __init__(self, folder: Path) -> None:
        """Start the scheduler and two workers."""
        self._file, self._log = folder / "scheduler.json", (folder / "log").open("w")
        self._processes = [self._start("scheduler", "--port", "0")]
        until(self._file.exists)
        self.client = connect(scheduler_file=str(self._file), set_as_default=False)
        self.fill()

    def fill(self) -> dict[int, str]:
        """Have two workers again; returns their addresses by process id."""
        for _ in range(2 - len(self.workers())):
            self.start_worker()
        until(lambda: len(self.workers()) == 2)
        return {pid: address for address, pid in self.client.run(os.getpid).items()}

    def start_worker(self, *options: str) -> None:
        worker = self._start("worker", "--nthreads", "1", "--no-nanny", *options)
        self._processes.append(worker)

    def workers(self) -> list[str]:
        return list(self.client.scheduler_info()["workers"])

    def another_client(self) -> Any:
        return connect(scheduler_file=str(self._file), set_as_default=False)

    @property
    def address(self) -> str:
        return str(self.client.scheduler_info()["address"])

    def close(self) -> None:
        self.client.close()
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._log.close()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        options = ["--scheduler-file", str(self._file), "--host", "127.0.0.1", "--no-dashboard"]
        return subprocess.Popen(  # noqa: S603 - Dask's own commands
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, *arguments],
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )


def until(is_so: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for a state."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "the state never came"
        time.sleep(0.02)


async def soon(is_so: Callable[[], object]) -> None:
    """Wait for a state, without blocking the loop."""
    await asyncio.to_thread(until, is_so)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    for name in ("store", "notes", "elsewhere"):
        (tmp_path / name).mkdir()
    return Recipe(tmp_path / "store", tmp_path / "notes", key=KEY)


class Foreign:
    """A value that no worker can read."""

    def __reduce__(self) -> tuple[object, ...]:
        """Make no sense."""
        return int, ("no number",)


class Notes:
    """What the makers wrote down.

    Args:
        recipe: Of the makers.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Read nothing yet."""
        self._folder = recipe.notes

    def lines(self, word: str) -> list[list[str]]:
        """The process id and the words of each line that begins with *word*."""
        return [
            [file.stem, *line.split()]
            for file in self._folder.glob("*.txt")
            for line in file.read_text().splitlines()
            if line.startswith(word)
        ]

    def made(self) -> list[str]:
        """The prompts of all rows that were begun."""
        return [line[2] for line in self.lines("made")]

    def open(self, gate: str) -> None:
        (self._folder / gate).touch()


async def outcomes(executor: ClusterExecutor, *requests: RowRequest) -> list[Outcome]:
    return [outcome async for outcome in executor.make(requests)]


def started(executor: ClusterExecutor, request: RowRequest) -> asyncio.Task[list[Outcome]]:
    return asyncio.create_task(outcomes(executor, request))


def row(number: int, **values: Any) -> RowRequest:
    return RowRequest(number, {"prompt": f"row-{number}", **values}, take=number + 1)


async def opened(on: Any, maker: Any) -> ClusterExecutor:
    executor = ClusterExecutor(on)
    await executor.open(maker, 8)
    return executor


async def test_rows_are_made_by_all_workers(cluster: Cluster, recipe: Recipe) -> None:
    """Each once; media stays in the store, and an error comes back as what it is."""
    cluster.fill()
    executor = await opened(cluster.client, recipe.maker())
    ended = await asyncio.gather(*(outcomes(executor, row(n)) for n in range(20)))
    failed, done = await outcomes(executor, row(20, error="too many"), row(21))
    await executor.close()

    assert [outcome.number for [outcome] in ended] == list(range(20))
    assert all(outcome.status is DONE for [outcome] in ended)
    assert all((recipe.folder / outcome.file).exists() for [outcome] in ended)
    assert all(outcome.media is None for [outcome] in ended)
    assert (failed.status, failed.number, done.number) == (FAILED, 20, 21)
    assert isinstance(failed.error, RateLimitError)
    assert failed.error.retry_after == 1.0
    assert sorted(Notes(recipe).made()) == sorted(f"row-{n}" for n in range(22))
    assert len({line[0] for line in Notes(recipe).lines("made")}) == 2
    assert len(Notes(recipe).lines("closed")) == 2
    assert not list(recipe.folder.glob(".*"))


async def test_many_rows_are_made_at_once_by_a_worker_of_one_thread(
    cluster: Cluster, recipe: Recipe
) -> None:
    """A row waits for its vendor most of the time, so it does not hold a slot of Dask's."""
    cluster.fill()
    executor = await opened(cluster.client, recipe.maker())
    rows = [started(executor, row(n, gate="gate")) for n in range(12)]
    await soon(lambda: len(Notes(recipe).made()) == 12)
    Notes(recipe).open("gate")
    ended = await asyncio.gather(*rows)
    await executor.close()

    assert all(outcome.status is DONE for [outcome] in ended)


async def test_free_rows_of_a_killed_worker_are_made_again(
    cluster: Cluster, recipe: Recipe
) -> None:
    """None is lost, and none that had ended is made twice."""
    pids = cluster.fill()
    executor = await opened(cluster.client, recipe.maker())
    ended = await asyncio.gather(*(outcomes(executor, row(n)) for n in range(6)))
    rows = [started(executor, row(n, gate="gate")) for n in range(6, 12)]
    await soon(lambda: len(Notes(recipe).made()) == 12)
    victim = min(pids)
    os.kill(victim, signal.SIGKILL)
    of_victim = {line[2] for line in Notes(recipe).lines("made") if line[0] == str(victim)}
    early = [task for n, task in enumerate(rows, 6) if f"row-{n}" in of_victim]
    lost = [outcome for [outcome] in await asyncio.gather(*early)]
    again = [started(executor, row(outcome.number, gate="gate")) for outcome in lost]
    await soon(lambda: len(Notes(recipe).made()) == 12 + len(lost))
    Notes(recipe).open("gate")
    ended += await asyncio.gather(*again, *(task for task in rows if task not in early))
    await executor.close()

    assert len(lost) == 3
    assert all(outcome.status is WAITING for outcome in lost)
    done = {outcome.number for task in ended for outcome in task if outcome.status is DONE}
    assert done == set(range(12))
    made = Notes(recipe).made()
    assert {prompt for prompt in made if made.count(prompt) > 1} == {
        f"row-{outcome.number}" for outcome in lost
    }


async def test_a_paid_row_of_a_killed_worker_is_unclear(cluster: Cluster, recipe: Recipe) -> None:
    """Dask makes it nowhere else, although its own setting allows a task three deaths."""
    pids = cluster.fill()
    executor = await opened(cluster.client, replace(recipe, is_paid=True).maker())
    task = started(executor, row(0, gate="gate"))
    await soon(Notes(recipe).made)
    [[pid, *_]] = Notes(recipe).lines("made")
    os.kill(int(pid), signal.SIGKILL)
    [outcome] = await task
    other = await outcomes(executor, row(1))
    cluster.fill()
    later = [await outcomes(executor, row(n)) for n in range(2, 4)]
    await executor.close()

    assert int(pid) in pids
    assert outcome.status is UNCLEAR
    assert outcome.unclear == Decimal("0.04")
    assert isinstance(outcome.error, TransportError)
    assert outcome.error.may_have_been_billed
    assert [each.status for [each] in [other, *later]] == [DONE] * 3
    assert Notes(recipe).made().count("row-0") == 1


async def test_a_worker_at_the_address_of_a_killed_one_makes_none_of_its_rows(
    cluster: Cluster, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask hands it the task again, as it does after three deaths at most."""
    monkeypatch.setattr(session, "_LOOK_EVERY", 100.0)
    cluster.fill()
    executor = await opened(cluster.client, replace(recipe, is_paid=True).maker())
    task = started(executor, row(0, gate="gate"))
    await soon(Notes(recipe).made)
    [[pid, *_]] = Notes(recipe).lines("made")
    address = (await asyncio.to_thread(cluster.fill))[int(pid)]
    os.kill(int(pid), signal.SIGKILL)
    await soon(lambda: address not in cluster.workers())
    cluster.start_worker("--worker-port", address.rpartition(":")[2])
    [outcome] = await task
    other = await outcomes(executor, row(1))
    await executor.close()

    assert outcome.status is UNCLEAR
    assert address in cluster.workers()
    assert other[0].status is DONE
    assert sorted(Notes(recipe).made()) == ["row-0", "row-1"]


async def test_a_lease_that_had_not_begun_on_a_killed_worker_waits(
    cluster: Cluster, recipe: Recipe
) -> None:
    """A worker that stands still gets a lease and dies before it looks at it."""
    pids = cluster.fill()
    executor = await opened(cluster.client, replace(recipe, is_paid=True).maker())
    first = started(executor, row(0, gate="gate"))
    await soon(Notes(recipe).made)
    [[busy, *_]] = Notes(recipe).lines("made")
    [idle] = [pid for pid in pids if str(pid) != busy]
    os.kill(idle, signal.SIGSTOP)
    second = started(executor, row(1))
    keys: Callable[[], Any] = cluster.client.processing
    await soon(lambda: keys()[pids[idle]])
    os.kill(idle, signal.SIGKILL)
    [outcome] = await second
    Notes(recipe).open("gate")
    [made] = await first
    await executor.close()

    assert outcome.status is WAITING
    assert made.status is DONE
    assert Notes(recipe).made() == ["row-0"]


async def test_a_worker_that_joins_later_takes_part(cluster: Cluster, recipe: Recipe) -> None:
    pids = cluster.fill()
    os.kill(min(pids), signal.SIGKILL)
    await soon(lambda: len(cluster.workers()) == 1)
    executor = await opened(cluster.client, recipe.maker())
    newer = await asyncio.to_thread(cluster.fill)

    async def both() -> bool:
        await asyncio.gather(*(outcomes(executor, row(n)) for n in range(4)))
        return {line[0] for line in Notes(recipe).lines("made")} == set(map(str, newer))

    while not await both():
        await asyncio.sleep(0)
    await executor.close()


async def test_a_cancelled_row_is_stopped_on_its_worker(cluster: Cluster, recipe: Recipe) -> None:
    """How it stands is yielded before the cancel passes on."""
    cluster.fill()
    executor = await opened(cluster.client, replace(recipe, is_paid=True).maker())
    heard: list[Outcome] = []

    async def one() -> None:
        async for outcome in executor.make([row(0, gate="gate")]):
            heard.append(outcome)  # noqa: PERF401 - the cancel would take a list with it

    task = asyncio.create_task(one())
    await soon(Notes(recipe).made)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    Notes(recipe).open("gate")
    after = await outcomes(executor, row(1))
    await executor.close()

    assert [outcome.status for outcome in heard] == [UNCLEAR]
    assert after[0].status is DONE
    assert len(list(recipe.folder.glob("*.png"))) == 1


async def test_a_row_that_no_worker_can_read_fails_alone(cluster: Cluster, recipe: Recipe) -> None:
    cluster.fill()
    executor = await opened(cluster.client, replace(recipe, is_paid=True).maker())
    others = [started(executor, row(n, gate="gate")) for n in range(4)]
    await soon(lambda: len(Notes(recipe).made()) == 4)
    [failed] = await outcomes(executor, row(4, thing=Foreign()))
    [refused] = await outcomes(executor, row(5, thing=threading.Lock()))
    Notes(recipe).open("gate")
    ended = await asyncio.gather(*others)
    await executor.close()

    assert failed.status is FAILED
    assert "no number" in str(failed.error)
    assert refused.status is FAILED
    assert isinstance(refused.error, PromptError)
    assert [outcome.status for [outcome] in ended] == [DONE] * 4


async def test_close_stops_all_rows(cluster: Cluster, recipe: Recipe) -> None:
    cluster.fill()
    executor = await opened(cluster.client, recipe.maker())
    rows = [started(executor, row(n, gate="gate")) for n in range(4)]
    await soon(lambda: len(Notes(recipe).made()) == 4)
    await executor.close()
    ended = await asyncio.gather(*rows)

    assert [outcome.status for [outcome] in ended] == [WAITING] * 4
    with pytest.raises(ClosedError):
        await outcomes(executor, row(5))


async def test_a_client_that_closes_in_the_middle(cluster: Cluster, recipe: Recipe) -> None:
    """Nothing hangs: rows that may have been billed are unclear, and no more are taken."""
    cluster.fill()
    client = await asyncio.to_thread(cluster.another_client)
    executor = await opened(client, replace(recipe, is_paid=True).maker())
    rows = [started(executor, row(n, gate="gate")) for n in range(4)]
    await soon(lambda: len(Notes(recipe).made()) == 4)
    await asyncio.to_thread(client.close)
    ended = await asyncio.gather(*rows)
    Notes(recipe).open("gate")

    assert [outcome.status for [outcome] in ended] == [UNCLEAR] * 4
    with pytest.raises(ClosedError, match="on="):
        await outcomes(executor, row(5))
    await executor.close()
    with pytest.raises(ClosedError):
        await opened(client, recipe.maker())


async def test_an_asynchronous_client(cluster: Cluster, recipe: Recipe) -> None:
    cluster.fill()
    async with connect(cluster.address, asynchronous=True, set_as_default=False) as client:
        executor = await opened(client, recipe.maker())
        [outcome] = await outcomes(executor, row(0))
        await executor.close()

    assert outcome.status is DONE


async def test_a_pause_on_one_worker_holds_all(cluster: Cluster, recipe: Recipe) -> None:
    cluster.fill()
    executor = await opened(cluster.client, recipe.maker())
    asked = time.time()
    await outcomes(executor, row(0, pause=1.5))
    await soon(lambda: len(Notes(recipe).lines("told")) == 2)
    await asyncio.gather(*(outcomes(executor, row(n)) for n in range(1, 7)))
    await executor.close()

    begun = [float(line[3]) for line in Notes(recipe).lines("made") if line[2] != "row-0"]
    assert len(begun) == 6
    assert min(begun) >= asked + 1.5


async def test_media_comes_back_where_the_store_is_elsewhere(
    cluster: Cluster, recipe: Recipe
) -> None:
    """It is kept in the store of the driver."""
    cluster.fill()
    elsewhere = recipe.folder.parent / "elsewhere"
    maker = recipe.maker()
    maker.of(replace(recipe, as_if_elsewhere=elsewhere))
    executor = await opened(cluster.client, maker)
    [outcome] = await outcomes(executor, row(0))
    await executor.close()

    assert outcome.status is DONE
    assert isinstance(outcome.media, Image)
    assert (recipe.folder / outcome.file).read_bytes() == outcome.media.data


async def test_workers_of_another_version_are_named(
    cluster: Cluster, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.fill()
    monkeypatch.setattr(worker, "VERSION", "0.0.9")
    with pytest.raises(
        MissingExtraError, match=r'pip install "mediatoolkit\[cluster\]==0.0.9"'
    ) as e:
        await opened(cluster.client, recipe.maker())

    assert "the scheduler has mediatoolkit" in str(e.value)
    monkeypatch.setattr(session.Session, "_facts_of_scheduler", _same_facts)
    with pytest.raises(MissingExtraError) as e:
        await opened(cluster.client, recipe.maker())

    assert all(address in str(e.value) for address in cluster.workers())
    assert f"mediatoolkit {mediatoolkit.version.VERSION} on Python 3." in str(e.value)
    assert not Notes(recipe).lines("")


async def _same_facts(_session: session.Session) -> object:
    return worker.facts()


async def test_a_cluster_without_workers(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, cluster: Cluster
) -> None:
    pids = cluster.fill()
    monkeypatch.setattr(session, "_WORKERS_WITHIN", 0.5)
    executor = await opened(cluster.client, recipe.maker())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await soon(lambda: not cluster.workers())
    with pytest.raises(TransportError, match="has no worker"):
        await outcomes(await opened(cluster.client, recipe.maker()), row(0))
    with pytest.raises(TransportError, match="has no worker"):
        await _until_it_fails(executor)
    await executor.close()


async def _until_it_fails(executor: ClusterExecutor) -> None:
    while True:
        await outcomes(executor, row(0))


async def test_a_recipe_that_cannot_travel_is_refused(cluster: Cluster, recipe: Recipe) -> None:
    cluster.fill()
    maker = recipe.maker()
    maker.of(threading.Lock())
    with pytest.raises(PromptError, match="cannot travel"):
        await opened(cluster.client, maker)


@pytest.mark.parametrize("on", ["one", "zero", "true", "half", "cluster"])
def test_what_is_neither_a_client_nor_a_number_is_refused(on: str) -> None:
    things = {"one": "2", "zero": 0, "true": True, "half": 1.5, "cluster": object()}
    with pytest.raises(PromptError, match="a number of processes from 1, a Dask client"):
        ClusterExecutor(things[on])


async def test_the_key_is_nowhere_to_be_seen(cluster: Cluster, recipe: Recipe) -> None:
    pids = cluster.fill()
    client = cluster.client
    executor = await opened(client, recipe.maker())
    task = started(executor, row(0, gate="gate"))
    await soon(Notes(recipe).made)
    maker = recipe.maker()
    maker.of(replace(recipe, is_broken=True))
    with pytest.raises(MediaToolkitError, match="it is broken"):
        await opened(client, maker)
    seen: list[Callable[[], Any]] = [
        client.who_has,
        client.has_what,
        client.processing,
        client.call_stack,
        client.get_events,
        client.get_worker_logs,
        client.get_scheduler_logs,
        client.scheduler_info,
        lambda: client.run(_all_that_a_worker_shows),
        lambda: client.run_on_scheduler(_all_that_a_scheduler_shows),
        lambda: [psutil.Process(pid).cmdline() for pid in pids],
        lambda: worker.Shipment("run", recipe, is_paid=False),
    ]
    texts = [repr(await asyncio.to_thread(look)) for look in seen]
    Notes(recipe).open("gate")
    await task
    await executor.close()

    assert "mediatoolkit-rows" in "".join(texts)
    assert not [text for text in texts if KEY in text or KEY[:12] in text]


def _all_that_a_worker_shows(dask_worker: Any) -> str:
    return repr((dask_worker.plugins, dask_worker._to_dict(), dask_worker.state.log))


def _all_that_a_scheduler_shows(dask_scheduler: Any) -> str:
    return repr((dask_scheduler._to_dict(), dask_scheduler.worker_plugins, dask_scheduler.plugins))


KILLED = """
import asyncio, os, psutil, signal, sys
from pathlib import Path
from mediatoolkit.runs.cluster import ClusterExecutor
from tests.runs.cluster_makers import PaintRecipe

async def main():
    await ClusterExecutor(2).open(PaintRecipe(Path(sys.argv[1])).maker(), 4)
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_no_process_outlives_one_that_is_killed(tmp_path: Path) -> None:
    run = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-W", "error", "-c", KILLED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    pids = [int(pid) for pid in run.stdout.split()]

    assert run.returncode == -signal.SIGKILL
    assert len(pids) == 3
    until(lambda: not any(map(psutil.pid_exists, pids)), 10)


async def test_processes_of_this_machine_paint_and_end_with_their_executor(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    executor = await opened(2, PaintRecipe(tmp_path).maker())
    started = set(psutil.Process().children(recursive=True)) - before
    ended = await outcomes(executor, *(row(n) for n in range(4)))
    await executor.close()

    assert [outcome.status for outcome in ended] == [DONE] * 4
    assert len(started) == 3
    assert not any(process.is_running() for process in started)
