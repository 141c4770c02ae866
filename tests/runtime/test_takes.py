"""The n-th identical request of one run is take n."""

import asyncio
import os
from collections import Counter
from collections.abc import Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mediatoolkit.runtime import takes
from mediatoolkit.runtime.takes import Takes, current_run, separate_run, take_of


@pytest.fixture
def cell() -> Iterator[list[Hashable]]:
    """What a kernel says of the running cell: the last entry, if there is one."""
    running: list[Hashable] = []
    takes.register_run_provider(lambda: running[-1] if running else None)
    yield running
    takes.takes.providers.pop()


def test_identical_requests_are_counted_and_others_apart() -> None:
    counts = Takes()
    assert [counts.take_of(key) for key in ("fox", "owl", "fox", "fox", "owl")] == [1, 1, 2, 3, 2]


def test_each_run_of_a_cell_begins_anew_and_a_script_is_one_run(cell: list[Hashable]) -> None:
    before = current_run()
    with separate_run():  # the counts of the process are others' too
        assert [take_of("fox"), take_of("fox")] == [1, 2]
    for run in ("cell 1", "cell 2"):
        cell.append(run)
        assert current_run() == run
        assert [take_of("fox"), take_of("fox")] == [1, 2]
    cell.clear()
    assert current_run() == before


def test_a_row_of_a_table_is_a_run_of_its_own() -> None:
    with separate_run("row 1") as run:
        assert take_of("fox") == 1
        with separate_run("row 2"):
            assert take_of("fox") == 1
        assert current_run() == run == "row 1"
        assert take_of("fox") == 2
    with separate_run("row 1"):
        assert take_of("fox") == 3, "the same row goes on"


async def test_a_task_counts_in_the_run_in_which_it_began() -> None:
    async def ask() -> int:
        await asyncio.sleep(0)
        return take_of("fox")

    with separate_run("first row"):
        first = asyncio.create_task(ask())
    with separate_run("second row"):
        second = asyncio.create_task(ask())
    assert [await first, await second] == [1, 1]


def test_a_request_that_is_late_counts_in_the_run_that_is_named() -> None:
    counts = Takes()
    run = "the cell that started the job"
    assert counts.take_of("fox", run=run) == 1
    assert counts.take_of("fox") == 1
    assert counts.take_of("fox", run=run) == 2


def test_threads_never_get_the_same_take() -> None:
    counts = Takes()
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: counts.take_of("fox"), range(2_000)))
    assert sorted(numbers) == list(range(1, 2_001))


def test_only_runs_that_are_over_are_forgotten() -> None:
    """A kernel may run a million cells, while the first of them still has jobs."""
    counts = Takes()
    running = ["cell"]
    counts.providers.append(lambda: running[0])
    counts.take_of("fox")
    with counts.separate_run("row"):
        counts.take_of("fox")
        for number in range(1_000):
            counts.take_of("fox", run=number)
        assert counts.take_of("fox") == 2
    assert counts.take_of("fox") == 2
    assert len(counts._counts) < 100
    assert counts.take_of("fox", run=0) == 1, "forgotten"
    assert counts.take_of("fox", run=999) == 2, "one of the latest"
    assert counts._open == Counter()


def test_a_forked_process_is_another_run() -> None:
    counts = Takes()
    counts.take_of("fox")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(counts.take_of("fox")).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"1"
    os.close(reading)
    os.close(writing)
