"""The one line with which a terminal tells of jobs."""

import asyncio
import re

import pytest

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Event, Receiving, Waiting
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.terminal import line_of


@pytest.fixture
def label() -> str:
    return "狐狸\n在星空下"


@pytest.mark.parametrize(
    ("event", "begins"),
    [
        (Waiting(), r"waiting, \d\.\d s"),
        (Drawing("drawing the sky", 0.5), r"\[######------\] drawing the sky, \d\.\d s"),
        (Drawing("printing", 1.7), r"\[############\] printing"),
        (Receiving(1_000_000, 4_000_000), r"\[###########-\] receiving 1\.0 of 4\.0 MB"),
        (Receiving(1_000_000), r"receiving 1\.0 MB"),
        (Receiving(0, 0), "receiving"),
    ],
)
async def test_it_says_the_stage_and_how_much_is_done(
    job: Job[None], event: Event, begins: str
) -> None:
    job._call.report(event)

    line, among_three = line_of(job, 1, 90), line_of(job, 3, 90)

    assert re.match(begins, line)
    assert re.search(r"stops in \d+ s  狐狸 在星空下$", line)
    assert re.match(f"3 jobs, {begins}", among_three)
    assert re.search(r"stops in \d+ s  狐狸 在星空下$", among_three)


@pytest.mark.parametrize(
    ("columns", "end"), [(45, "狐狸 在星空下"), (44, "狐狸 在星空…"), (43, "狐狸 在星…"), (1, "")]
)
async def test_it_never_fills_the_last_column(job: Job[None], columns: int, end: str) -> None:
    """A terminal would begin a new line; wide letters take two columns."""
    job._call.report(Waiting())

    line = line_of(job, 1, columns)

    assert line.endswith(end)


async def test_a_prompt_gives_no_orders_to_the_terminal() -> None:
    job = Job(
        lambda _: asyncio.sleep(60), CallContext(30), label="a\x1b[2J\x07 fox\r\u202eowl\x9b1m"
    )

    line = line_of(job, 1, 200)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)

    assert line.endswith(" s  a [2J fox owl 1m")
    assert line.isprintable()
