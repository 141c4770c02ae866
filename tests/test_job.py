"""Jobs and calls: deadline, cancel, progress, from every side."""

import asyncio
import gc
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import aclosing
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import PlainTextFormatter
from matplotlib import pyplot as plt
from PIL import Image as Pillow

import mediatoolkit as mt
from mediatoolkit.errors import (
    DeadlineError,
    JobCancelled,
    NotAwaitedError,
    PromptError,
    RefusalError,
)
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Event, Progress, State, Waiting
from mediatoolkit.runtime.gather import Polling, as_async_generator
from mediatoolkit.runtime.job import Job


async def forever(context: CallContext) -> None:
    context.report(Waiting())
    await asyncio.Event().wait()


async def quick(context: CallContext) -> str:
    context.report(Drawing("drawing the sky", 0.5))
    return "done"


async def test_a_job_gives_its_result_to_everyone_who_awaits_it() -> None:
    job = Job(quick, CallContext(5), label="fox")
    assert [await job, await job] == ["done", "done"]
    assert job.done()
    assert job.progress.state is State.DONE


async def test_a_job_that_was_not_awaited_says_so() -> None:
    job: Any = Job(quick, CallContext(5), label="fox")
    with pytest.raises(NotAwaitedError, match="no 'save'; await it first"):
        job.save("fox.png")
    assert not hasattr(job, "save")
    assert not hasattr(job, "_repr_html_")
    await job


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize(
    "use",
    [
        np.asarray,
        np.array,
        lambda job: np.asarray([job]),
        lambda job: np.add(job, 1),
        Pillow.open,
        Pillow.fromarray,
        plt.imshow,
        open,
        os.fspath,
        bytes,
        len,
        list,
        lambda job: job[0],
        lambda job: job[:1],
        mt.Image.of,
    ],
)
async def test_a_job_is_no_array_no_file_and_no_list(use: Any, is_done: bool) -> None:  # noqa: FBT001
    """Awaiting is what says why there is no result, so a job that is over is awaited, too."""
    job = Job(quick, CallContext(5), label="fox")
    if is_done:
        await job
    with pytest.raises(NotAwaitedError, match="await it first: media = await job"):
        use(job)
    await job


async def test_jobs_stand_in_tables_and_collections() -> None:
    """NumPy, pandas and IPython ask each thing what it is, and take a job for itself."""
    jobs = [Job(quick, CallContext(5), label=label) for label in ("a fox", "an owl")]
    table = pd.DataFrame({"prompt": ["a fox", "an owl"], "media": jobs})
    table["first"] = jobs[0]
    table["again"] = table.prompt.map(dict(zip(table.prompt, jobs, strict=True)).get)
    assert list(table["media"]) == list(table.again) == jobs
    assert list(table["first"]) == [jobs[0]] * 2
    assert "Job running: 'an owl'" in repr(table)
    assert "Job running: &#x27;an owl&#x27;" in table.to_html().replace("'", "&#x27;")
    for array in (np.array(jobs, dtype=object), pd.Series(jobs).to_numpy()):
        assert (array.dtype, list(array)) == (np.dtype(object), jobs)
    array = np.empty(2, dtype=object)
    array[:] = jobs
    assert list(array) == jobs
    assert table.isna().sum().sum() == 0
    assert not pd.api.types.is_list_like(jobs[0])
    assert all(jobs)
    assert len({*jobs}) == 2
    assert PlainTextFormatter()(jobs) == repr(jobs)
    assert await asyncio.gather(*table["media"]) == ["done", "done"]


async def test_asyncio_takes_a_job_and_where_not_the_way_is_told() -> None:
    async def work(_call: CallContext) -> str:
        return "fox"

    def job() -> Job[str]:
        return Job(work, CallContext(5), label="fox")

    assert list(await asyncio.gather(job(), job())) == ["fox", "fox"]
    assert [await each for each in asyncio.as_completed([job()])] == ["fox"]
    done, _ = await asyncio.wait([asyncio.ensure_future(job())])
    assert [task.result() for task in done] == ["fox"]
    with pytest.raises(NotAwaitedError, match=r"asyncio\.ensure_future\(job\)"):
        await asyncio.wait([job()])  # type: ignore[type-var]
    for name in ("exception", "add_done_callback", "get_loop"):
        with pytest.raises(NotAwaitedError, match="it is not a task; give it to asyncio"):
            getattr(job(), name)


async def test_cancel_from_another_thread_ends_the_job() -> None:
    job = Job(forever, CallContext(60), label="fox")
    threading.Thread(target=job.cancel).start()
    with pytest.raises(JobCancelled):
        await job
    assert job.progress.state is State.CANCELLED
    assert repr(job) == "<Job cancelled: 'fox'>"


async def test_a_stopped_cell_stops_its_job() -> None:
    """Cancelling the awaiting task is what Stop does; CancelledError passes unchanged."""
    job = Job(forever, CallContext(60), label="fox")

    async def cell() -> None:
        await job

    task = asyncio.create_task(cell())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert job.done()


async def test_who_awaits_a_job_that_another_stopped_is_not_cancelled_with_it() -> None:
    """A bare CancelledError would seem to end whoever awaits."""
    job = Job(forever, CallContext(60), label="fox")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(job, 0.01)
    with pytest.raises(JobCancelled):
        await job
    with pytest.raises(JobCancelled):
        await asyncio.to_thread(job.result)


async def test_the_deadline_says_which_stage_it_ended() -> None:
    job = Job(forever, CallContext(0.05), label="fox")
    with pytest.raises(DeadlineError, match="while waiting") as caught:
        await job
    assert caught.value.stage == "waiting"
    assert caught.value.seconds == 0.05
    assert caught.value.__context__ is None


async def test_extend_moves_the_real_deadline() -> None:
    job = Job(forever, CallContext(0.2), label="fox")
    job.extend(60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(job._started_task()), 0.6)
    assert not job.done()
    assert job.progress.left > 50
    job.cancel()
    with pytest.raises(JobCancelled):
        await job


async def test_watchers_hear_every_event_and_the_end() -> None:
    heard: list[Progress] = []
    job = Job(quick, CallContext(5), label="fox")
    job.subscribe(heard.append)
    await job
    await asyncio.sleep(0)
    assert [progress.state for progress in heard] == [State.RUNNING, State.DONE]
    assert str(heard[0].event) == "drawing the sky"


async def test_a_failure_nobody_sees_is_reported_by_asyncio() -> None:
    async def fail(_call: CallContext) -> None:
        raise PromptError("no")

    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: reported.append(what))
    job = Job(fail, CallContext(5), label="fox")
    while not job.done():
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    del job
    gc.collect()
    assert isinstance(reported[0]["exception"], PromptError)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "5", None])
def test_an_impossible_deadline_is_refused(seconds: float) -> None:
    with pytest.raises(PromptError, match="timeout"):
        CallContext(seconds)


async def test_an_open_call_wakes_a_quiet_loop() -> None:
    """Without a pulse a SIGINT handler would not be noticed until the server speaks."""
    loop: Any = asyncio.get_running_loop()
    before = len(loop._scheduled)
    async with CallContext(60):
        beats = [timer for timer in loop._scheduled if timer.when() - loop.time() < 0.25]
        assert len(beats) > before


def test_every_event_reads_as_one_short_word() -> None:
    stages = {kind.__name__: kind.name for kind in Event.__subclasses__()}
    assert len(set(stages.values())) == len(stages)
    assert all(stage.isalpha() for stage in stages.values())


async def test_relayed_pieces_come_while_the_work_goes_on() -> None:
    heard = asyncio.Event()

    async def work(give: Callable[[int], None]) -> None:
        give(1)
        await heard.wait()
        give(2)

    pieces = []
    async for piece in as_async_generator(work):
        pieces.append(piece)
        heard.set()
    assert pieces == [1, 2]


async def test_a_relay_that_is_left_early_stops_its_work() -> None:
    stopped = asyncio.Event()

    async def work(give: Callable[[int], None]) -> None:
        give(1)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with aclosing(as_async_generator(work)) as pieces:
        async for _ in pieces:
            break
    assert stopped.is_set()


@pytest.mark.parametrize("late", [False, True])
async def test_a_relay_that_is_left_early_keeps_its_end_to_itself(
    caplog: pytest.LogCaptureFixture,
    late: bool,  # noqa: FBT001
) -> None:
    async def work(give: Callable[[int], None]) -> None:
        give(1)
        try:
            await asyncio.sleep(60 if late else 0)
        finally:
            raise PromptError("no")

    async with aclosing(as_async_generator(work)) as pieces:
        async for _ in pieces:
            await asyncio.sleep(0)
            break
    del pieces
    gc.collect()
    assert caplog.records == [], "nor does asyncio tell"


async def test_a_relay_raises_what_its_work_raised_after_the_pieces() -> None:
    async def work(give: Callable[[int], None]) -> None:
        give(1)
        raise PromptError("no")

    pieces = as_async_generator(work)
    assert await anext(pieces) == 1
    with pytest.raises(PromptError):
        await anext(pieces)


def test_the_pauses_between_looks_grow_to_a_cap_and_differ() -> None:
    usual = Polling()
    for _ in range(20):
        pauses = list(islice(usual.pauses(), 8))
        for pause, middle in zip(pauses, (2, 3, 4.5, 6.75, 10, 10, 10, 10), strict=True):
            assert middle * 0.8 <= pause <= middle * 1.2
        assert len(set(pauses[4:])) > 1, "many jobs do not look at once"
    assert usual.cap * 1.2 < 60, "a job shows life once a minute"


async def test_polling_looks_until_there_is_something() -> None:
    seen = iter([None, None, "film"])

    async def look() -> str | None:
        return next(seen)

    assert await Polling(first=0.001, cap=0.001).until(look) == "film"
    with pytest.raises(PromptError):
        Polling(first=0)


async def test_a_last_step_is_done_before_the_job_counts_as_over() -> None:
    done: list[str] = []
    job = Job(quick, CallContext(5), label="fox")

    async def step(result: str) -> None:
        assert not job.done()
        done.append(result)

    job.on_result(step)
    assert await job == "done"
    assert done == ["done"]


async def test_a_job_that_failed_stands_for_its_next_try() -> None:
    """So that the name in a notebook leads to the picture that a click on Retry brought."""
    tries = iter([RefusalError("No.", reason="SAFETY"), "fox"])

    async def work(_call: CallContext) -> object:
        made = next(tries)
        if isinstance(made, Exception):
            raise made
        return made

    job = Job(work, CallContext(30), label="a fox")
    with pytest.raises(RefusalError):
        await job

    again = job.retry()

    assert await job == await again == "fox"
    assert job.result() == "fox"
    assert job.progress.state is State.FAILED
    assert job.retry() is again, "what has a result is not made twice"


class _Heavy:
    pass


async def test_a_result_that_nobody_keeps_is_gone_at_once() -> None:
    """Pictures are megabytes each, and the collector counts objects, not bytes."""

    async def work(_call: CallContext) -> _Heavy:
        return _Heavy()

    gc.disable()
    try:
        job = Job(work, CallContext(30), label="a fox")
        job.subscribe(lambda _progress: None)
        heavy = weakref.ref(await job)
        await asyncio.sleep(0)  # the last word to the watcher holds the job until then
        del job

        assert heavy() is None
    finally:
        gc.enable()


async def test_tab_shows_what_a_user_needs() -> None:
    job = Job(forever, CallContext(60), label="fox")

    names = {name for name in dir(job) if not name.startswith("_")}
    job.cancel()

    assert names == {
        *("another", "cancel", "done", "extend", "label", "progress", "quote", "result"),
        *("retry", "subscribe"),
    }
    with pytest.raises(JobCancelled):
        await job


async def test_a_cancel_crosses_to_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A click may come in any thread, and the loop itself calls `Task.cancel`."""
    job = Job(forever, CallContext(60), label="fox")
    await asyncio.sleep(0)
    loop, crossed = asyncio.get_running_loop(), list[object]()
    cross = loop.call_soon_threadsafe

    def record(callback: Any, *args: Any, **options: Any) -> Any:
        crossed.append(callback)
        return cross(callback, *args, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", record)
    job.cancel()
    with pytest.raises(JobCancelled):
        await job
    assert [callback.__name__ for callback in crossed] == ["cancel"]  # type: ignore[attr-defined]
