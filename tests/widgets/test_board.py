"""What the view of running jobs knows."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from mediatoolkit.errors import RefusalError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import (
    Connecting,
    Decoding,
    Drawing,
    Event,
    Partial,
    Receiving,
    Retrying,
    Saving,
    Sounding,
    Waiting,
    Working,
)
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.board import Board
from mediatoolkit.widgets.job_row import Action, JobRow

SCRIPT = "<script>alert('x')</script>"


def _row(job: Job[Any]) -> dict[str, Any]:
    return JobRow(job).words()


def _board(*jobs: Job[Any]) -> Board:
    rows = {str(number): _row(job) for number, job in enumerate(jobs, start=1)}
    return Board(lambda _action, _name: None, rows)


@pytest.mark.parametrize(
    ("event", "fraction"),
    [
        (Waiting(), None),
        (Drawing("drawing the ridges", 0.4), 0.4),
        (Drawing("printing", 1.7), 1.0),
        (Partial(b"", "image/jpeg", 0.4), 0.4),
        (Partial(b"", "image/png"), None),
        (Receiving(1_000_000), None),
        (Receiving(1_000_000, 4_000_000), 0.925),
        (Receiving(5_000_000, 4_000_000), 1.0),
        (Receiving(200, 400), None),
        (Decoding(), 0.95),
        (Saving(), 0.98),
        (Receiving(0, 0), None),
    ],
)
async def test_the_fraction_is_real_or_unknown(
    job: Job[None], event: Event, fraction: float | None
) -> None:
    job._call.report(event)

    assert _row(job)["fraction"] == fraction
    assert _row(job)["stage"] == str(event)


async def test_a_pause_before_a_try_has_its_end(job: Job[None]) -> None:
    pause = Retrying(2, 4, 300.0)
    job._call.report(pause)

    row = _row(job)

    assert row["stage"] == "retry 2 of 4"
    assert row["next"] == pytest.approx(time.time() * 1000 + 300_000, abs=30_000)
    assert str(pause) == "retry 2 of 4 in 300 s"
    assert str(replace(pause, seconds=-1.0)) == "retry 2 of 4 in 0 s"


async def test_a_voice_leaves_the_word_to_the_engine_that_knows_how_far_it_is(
    job: Job[None],
) -> None:
    row = JobRow(job)
    board = Board(lambda _action, _name: None, {"1": row.words()})
    for event in (Drawing("speaking", 0.4), Sounding(b"\0\0", 24_000)):
        job._call.report(event)
        row.hear(job.progress)
        board.tell({"1": row.words()})

    assert board.rows["1"]["stage"] == "speaking"
    assert board.rows["1"]["fraction"] == 0.4


async def test_a_piece_of_a_picture_leaves_the_word_to_the_painter(job: Job[None]) -> None:
    row = JobRow(job)
    board = Board(lambda _action, _name: None, {"1": row.words()})
    for event in (Drawing("drawing the ridges", 0.4), Partial(b"", "image/jpeg", 0.5)):
        job._call.report(event)
        row.hear(job.progress)
        board.tell({"1": row.words()})

    assert board.rows["1"]["stage"] == "drawing the ridges"
    assert board.rows["1"]["fraction"] == 0.5


async def test_previews_and_polls_leave_the_word_to_the_vendor(job: Job[None]) -> None:
    """They may all come between two looks at the row."""
    row = JobRow(job)
    step, poll = Working("acme", "step 3 of 8", 0.375), (Connecting(), Waiting("acme"))
    for event in (Waiting("acme"), step, *poll, Receiving(90, 90), Partial(b"", "image/jpeg")):
        job._call.report(event)
        row.hear(job.progress)
    assert row.words()["stage"] == "acme: step 3 of 8"

    for event, words in (
        (Receiving(200_000, 400_000), "receiving 0.2 of 0.4 MB"),
        (Working("acme"), "acme: working"),
        (Waiting("another"), "waiting for another"),
    ):
        job._call.report(event)
        row.hear(job.progress)
        assert row.words()["stage"] == words


async def test_pictures_are_sent_once_and_are_no_state(job: Job[None]) -> None:
    words = JobRow(job).words()
    board = Board(lambda _action, _name: None, {"1": words}, {"1": b"first"})

    sent = [board.tell({"1": words}, {"1": b"next"}) for _ in range(2)]

    assert sent == [2, 1]
    assert "picture" not in board.rows["1"]
    assert b"next" not in board.get_state().values()


async def test_only_what_has_changed_is_sent(job: Job[None]) -> None:
    row = JobRow(job)
    board = Board(lambda _action, _name: None, {"1": row.words()})
    job._call.report(Waiting())
    row.hear(job.progress)

    board.tell({"1": row.words()})

    # The deadline may round another way.
    assert board.news["1"].keys() <= {"stage", "deadline", "worked", "is_idle"}
    assert board.rows["1"]["label"] == "a <b>red</b> fox"
    assert board.rows["1"]["stage"] == "waiting"


async def test_the_deadline_follows_an_extension(job: Job[None]) -> None:
    row = JobRow(job)
    job.subscribe(row.hear)
    board = Board(lambda _action, _name: None, {"1": row.words()})
    before = board.rows["1"]["deadline"]

    job.extend(60)
    while board.rows["1"]["deadline"] == before:
        await asyncio.sleep(0)
        board.tell({"1": row.words()})

    assert board.rows["1"]["deadline"] - before == pytest.approx(60_000, abs=1_000)
    assert board.now == pytest.approx(time.time() * 1000, abs=10_000)


async def test_a_failure_is_told_with_its_facts() -> None:
    async def refuse(_call: CallContext) -> None:
        raise RefusalError(SCRIPT, reason="SAFETY", provider="gemini", status=200)

    job = Job(refuse, CallContext(30), label="a fox")
    await asyncio.gather(job, return_exceptions=True)

    failure = _row(job)["failure"]

    assert failure["kind"] == "RefusalError"
    assert failure["message"] == SCRIPT  # the page takes it as text
    assert failure["facts"]["reason"] == "SAFETY"


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ({"wish": "cancel", "row": "1"}, (Action.CANCEL, "1")),
        ({"wish": "cancel", "row": None}, (Action.CANCEL, None)),
        ({"wish": "extend", "row": "1"}, (Action.EXTEND, "1")),
        ({"wish": "retry", "row": "1"}, (Action.RETRY, "1")),
        ({"wish": "run", "row": "1"}, None),
        ({"wish": "cancel", "row": 1}, None),
        ({"wish": "cancel"}, None),
        ("cancel", None),
        (["cancel"], None),
        (None, None),
    ],
)
def test_the_browser_can_ask_for_three_things(message: object, action: object) -> None:
    actions: list[object] = []
    board = Board(lambda kind, name: actions.append((kind, name)))

    board._hear(board, message, [])

    assert actions == ([action] if action else [])
    board.close()


async def test_a_front_end_without_widgets_reads_one_line(job: Job[None]) -> None:
    assert repr(_board(job)) == "a <b>red</b> fox: started, shown here when done"
    assert repr(_board(job, job)) == "2 jobs: started, shown here when done"
