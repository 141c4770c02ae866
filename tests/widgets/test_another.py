"""One more result for one click, and none for a click that comes while it is being made."""

import asyncio
from typing import Any

import numpy as np

from mediatoolkit.media import Image
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.job_row import JobRow


async def test_one_at_a_time() -> None:
    begun: list[Job[Any]] = []

    def another() -> Job[Any]:
        begun.append(Job(lambda _: asyncio.sleep(60), CallContext(30), label="a fox"))
        return begun[-1]

    first = Job(lambda _: asyncio.sleep(0), CallContext(30), label="a fox", another=another)
    row = JobRow(first)
    assert not row.has_another, "it is not known yet whether the first is good"
    await first
    row.progress = first.progress
    assert row.has_another

    jobs = [row.start_another() for _ in range(3)]
    assert jobs == [begun[0], None, None]
    begun[0].cancel()
    await asyncio.gather(begun[0], return_exceptions=True)
    assert row.start_another() is begun[1]
    begun[1].cancel()
    await asyncio.gather(begun[1], return_exceptions=True)


async def test_where_there_is_no_other_there_is_no_button() -> None:
    job = Job(lambda _: asyncio.sleep(0), CallContext(30), label="a fox")
    await job
    for row in (JobRow(job), JobRow.of_media(Image.of(np.zeros((8, 8, 3), np.uint8)), "a fox")):
        assert not row.has_another
        assert row.start_another() is None
