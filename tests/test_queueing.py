"""The queue of the local engine costs a call none of its time."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image as Pillow

import mediatoolkit as mt
from mediatoolkit.media import Image
from mediatoolkit.providers.local import LocalImageClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Loading, Queued, State
from mediatoolkit.runtime.job import Job
from mediatoolkit.runtime.workers import Tell, Workers
from mediatoolkit.widgets.job_row import JobRow


class Gate:
    """Work that holds a worker until it is let through, and then ends at once."""

    def __init__(self) -> None:
        """Let nothing through."""
        self.begun = 0
        self._steps = threading.Semaphore(0)

    def open(self, times: int = 1) -> None:
        self._steps.release(times)

    def work(self, tell: Tell) -> int:
        self.begun += 1
        tell(Drawing("a wall", 0.5))
        while not self._steps.acquire(timeout=0.01):
            tell(Drawing("a wall", 0.5))
        return self.begun


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open(1_000)


@pytest.fixture
def workers() -> Workers:
    return Workers("one worker", 1)


def job_of(gate: Gate, workers: Workers, seconds: float = 60) -> Job[int]:
    return Job(lambda context: workers.do(gate.work, context), CallContext(seconds), label="a wall")


async def until(holds: Any) -> None:
    while not holds():
        await asyncio.sleep(0.005)


async def test_whoever_waits_for_a_worker_loses_no_time(gate: Gate, workers: Workers) -> None:
    """The second job has less time in all than it waits."""
    first, second = job_of(gate, workers), job_of(gate, workers, 1)
    await until(lambda: gate.begun == 1 and second.progress.paused)
    left = second.progress.left
    await until(lambda: second.progress.elapsed > 1.1)
    standing = second.progress
    assert (standing.state, standing.left) == (State.RUNNING, left)
    assert isinstance(standing.event, Queued)
    assert str(standing) == f"queued, {standing.elapsed:.1f} s"
    assert not first.progress.paused
    assert 0 < first.progress.left < 60
    gate.open(2)
    assert [await first, await second] == [1, 2]


async def test_the_time_runs_when_a_worker_has_taken_it(gate: Gate, workers: Workers) -> None:
    first, second = job_of(gate, workers), job_of(gate, workers, 0.05)
    await until(lambda: second.progress.paused)
    gate.open()
    await first
    with pytest.raises(mt.DeadlineError, match=r"0\.05 s while a wall"):
        await second


async def test_a_row_has_a_deadline_once_a_worker_has_taken_its_job(
    gate: Gate, workers: Workers
) -> None:
    first, second = job_of(gate, workers), job_of(gate, workers)
    await until(lambda: second.progress.paused)
    row = JobRow(second)
    second.subscribe(row.hear)
    assert (row.words()["stage"], row.words()["deadline"]) == ("queued", None)
    gate.open()
    await first
    await until(lambda: gate.begun == 2 and not row.progress.paused)
    assert row.words()["deadline"] > row.words()["began"]
    gate.open()
    await second


async def test_time_given_while_queued_counts_from_the_start(gate: Gate, workers: Workers) -> None:
    first, second = job_of(gate, workers), job_of(gate, workers, 0.05)
    await until(lambda: second.progress.paused)
    second.extend(60)
    await until(lambda: second.progress.left > 59)
    gate.open(2)
    assert [await first, await second] == [1, 2]


async def test_a_cancel_in_the_queue_ends_at_once(gate: Gate, workers: Workers) -> None:
    first, second = job_of(gate, workers), job_of(gate, workers)
    await until(lambda: second.progress.paused)
    second.cancel()
    with pytest.raises(mt.JobCancelled):
        await second
    assert not first.done()
    gate.open()
    assert await first == 1
    assert gate.begun == 1


async def test_a_close_ends_what_is_queued_at_once(
    gate: Gate, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalImageClient, "workers", workers)
    first = job_of(gate, workers)
    await until(lambda: gate.begun == 1)
    agent = mt.ImageGenAgent("local", size=64)
    queued = agent.start("a wall")
    await until(lambda: queued.progress.paused)
    await agent.close()
    with pytest.raises(mt.ClosedError):
        await queued
    assert not first.done()
    gate.open()
    await first


async def test_a_call_that_waits_for_its_worker_twice_keeps_its_deadline(
    gate: Gate, workers: Workers
) -> None:
    """As a film that first speaks its narration does: each wait is free, the work is not."""

    async def twice(context: CallContext) -> int:
        await workers.do(gate.work, context)
        return await workers.do(gate.work, context)

    job = Job(twice, CallContext(60), label="twice")
    await until(lambda: gate.begun == 1)
    other = job_of(gate, workers)
    gate.open()
    await until(lambda: gate.begun == 2 and job.progress.paused)
    left = job.progress.left
    assert 0 < left < 60
    gate.open()
    assert await other == 2
    await until(lambda: gate.begun == 3 and not job.progress.paused)
    job.extend(-1e6)
    with pytest.raises(mt.DeadlineError):
        await job


async def test_a_job_that_waits_for_others_loses_no_time(gate: Gate, workers: Workers) -> None:
    """They have deadlines of their own, and may wait in a queue themselves."""
    part: Job[Any] = job_of(gate, workers)
    async with mt.ImageGenAgent("local", size=64) as agent:
        job = mt.film([part], seconds=1, size=(64, 64), timeout=600)
        edit = agent.start("a wall", references=[part])
        for waiting in (job, edit):
            await until(lambda waiting=waiting: waiting.progress.paused)
            waiting.cancel()
            with pytest.raises(mt.JobCancelled):
                await waiting
    gate.open()
    await part


class Slow:
    """A painter that takes some time, so that a queue is longer than a deadline."""

    SECONDS = 0.02

    def paint(self, _prompt: object, _seed: int, _tell: Tell) -> tuple[bytes, dict[str, object]]:
        threading.Event().wait(self.SECONDS)
        return Image.of(Pillow.new("RGB", (8, 8))).data, {}


@pytest.mark.parametrize("way", ["a loop", "generate_many"])
async def test_all_of_a_long_queue_come(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """120 jobs on one worker take longer than the time that each of them has."""
    monkeypatch.setattr(LocalImageClient, "workers", Workers("one worker", 1))
    monkeypatch.setattr("mediatoolkit.providers.local.image._paint", Slow().paint)
    prompts, seconds = [f"a castle, {n}" for n in range(120)], 50 * Slow.SECONDS
    async with mt.ImageGenAgent("local", size=64, timeout=seconds) as agent:
        if way == "a loop":
            images = await asyncio.gather(*[agent.start(prompt) for prompt in prompts])
        else:
            images = await agent.generate_many(prompts, concurrency=120)
    assert [image.provenance.prompt for image in images if image.provenance] == prompts


async def test_a_stop_does_not_wait_for_an_engine_that_is_being_loaded(workers: Workers) -> None:
    """Nothing can stop that; the thread goes on alone, and does not begin the work."""
    is_loaded, is_begun, has_ended = threading.Event(), threading.Event(), threading.Event()

    def work(tell: Tell) -> None:
        try:
            tell(Loading("the engine"))
            is_begun.set()
            is_loaded.wait(60)
            tell(Drawing("a wall", 0.0))
            raise AssertionError("It has begun to draw.")
        finally:
            has_ended.set()

    async def draw() -> None:
        async with CallContext(60) as context:
            await workers.do(work, context)

    drawing = asyncio.create_task(draw())
    await until(is_begun.is_set)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert not has_ended.is_set()

    is_loaded.set()
    await until(has_ended.is_set)
