"""What the view of a running job knows."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from mediatoolkit.call import Call, Drawing, Event, Receiving, Waiting
from mediatoolkit.job import Job
from mediatoolkit.widgets.progress import JobView


@pytest.fixture
async def job() -> AsyncIterator[Job[None]]:
    """Waits until it is cancelled."""
    running = Job(lambda _: asyncio.sleep(60), Call(30), label="a <b>red</b> fox")
    yield running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("event", "fraction"),
    [
        (Waiting(), None),
        (Drawing("ridges", 0.4), 0.4),
        (Drawing("ridges", 1.7), 1.0),
        (Receiving(1_000_000), None),
        (Receiving(1_000_000, 4_000_000), 0.25),
        (Receiving(5, 4), 1.0),
        (Receiving(0, 0), None),
    ],
)
async def test_the_fraction_is_real_or_unknown(
    job: Job[None], event: Event, fraction: float | None
) -> None:
    view = JobView(job)
    job._call.report(event)

    view.tell(job.progress)

    assert view.fraction == fraction
    assert view.stage == str(event)


async def test_the_deadline_follows_an_extension(job: Job[None]) -> None:
    view = JobView(job)
    before = view.deadline

    job.extend(60)
    await asyncio.sleep(0)
    view.tell(job.progress)

    assert view.deadline - before == pytest.approx(60_000, abs=1_000)
    assert view.now == pytest.approx(time.time() * 1000, abs=10_000)


async def test_the_browser_can_cancel_and_nothing_else(job: Job[None]) -> None:
    view = JobView(job)

    for word in ("run", {"cancel": True}, None, ["cancel"]):
        view._hear(view, word, [])
    await asyncio.sleep(0)
    assert not job.done()

    view._hear(view, "cancel", [])
    await asyncio.gather(job, return_exceptions=True)
    assert job.progress.state.value == "cancelled"
