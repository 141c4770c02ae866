"""What stays in a cell when a job is over."""

import asyncio
import re
from collections.abc import Callable

import numpy as np
import pytest

from mediatoolkit.errors import MediaError, RefusalError
from mediatoolkit.media import Image
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.results import line_of, result_bundle

SCRIPT = "<script>alert('x')</script>"


async def _ended(work: Callable[[CallContext], object], label: str = "a fox") -> JobRow:
    async def run(context: CallContext) -> object:
        result = work(context)
        if isinstance(result, BaseException):
            raise result
        return result

    job = Job(run, CallContext(30), label=label)
    job.subscribe(lambda _progress: None)
    while not job.done():
        await asyncio.sleep(0)
    return JobRow(job)


@pytest.fixture
def picture() -> Image:
    return Image.of(np.zeros((8, 8, 3), np.uint8))


async def test_a_picture_is_its_own_bundle(picture: Image) -> None:
    assert result_bundle(await _ended(lambda _: picture)) == picture._repr_mimebundle_()


class _Unreadable:
    def _repr_mimebundle_(self) -> None:
        raise MediaError("The pixels cannot be decoded.")


async def test_media_that_cannot_be_shown_says_why() -> None:
    data, _ = result_bundle(await _ended(lambda _: _Unreadable()))

    assert data["text/plain"] == "MediaError: The pixels cannot be decoded."


async def test_a_label_as_long_as_a_book_is_cut() -> None:
    label = "a\x1b[31m fox\u202e " + "x" * 1_000_000
    errors = [RefusalError("No.", reason="SAFETY" * 9_000), ValueError("no")]
    while errors:
        data, _ = result_bundle(await _ended(lambda _: errors.pop(), label))
        assert len(str(data)) < 3_000
        assert not {"\x1b", "\u202e"} & set("".join(data.values()))
    row = await _ended(lambda _: asyncio.CancelledError(), label)
    assert len(line_of(row)) < 500
    assert len(str(row.words())) < 3_000


async def test_a_value_without_a_bundle_is_its_repr() -> None:
    assert result_bundle(await _ended(lambda _: [1, 2])) == ({"text/plain": "[1, 2]"}, {})


async def test_a_failure_says_what_and_shows_the_facts() -> None:
    error = RefusalError("Say it differently.", reason="SAFETY", provider="gemini", status=200)

    data, _ = result_bundle(await _ended(lambda _: error))

    assert data["text/plain"] == "RefusalError: Say it differently."
    for fact in ("gemini", "SAFETY", "200"):
        assert fact in data["text/html"]


async def test_every_word_of_a_failure_is_escaped() -> None:
    error = RefusalError(SCRIPT, reason=SCRIPT, provider=SCRIPT, request_id=SCRIPT)

    data, _ = result_bundle(await _ended(lambda _: error, label=SCRIPT))

    assert "<script" not in data["text/html"]


async def test_the_message_of_a_stranger_is_not_kept() -> None:
    """It may hold anything, a key for instance."""
    data, _ = result_bundle(await _ended(lambda _: ValueError("secret-key")))

    assert data["text/plain"].startswith("ValueError: ")
    assert "secret-key" not in str(data)


async def test_a_failure_that_the_cell_tells_is_one_quiet_line() -> None:
    row = await _ended(lambda _: RefusalError("No.", reason="SAFETY"))

    data, _ = result_bundle(row, error=row.progress.error)

    assert re.fullmatch(r"a fox: failed after \d+\.\d s", data["text/plain"])


async def test_a_cancelled_job_is_one_quiet_line() -> None:
    job = Job(lambda _: asyncio.sleep(30), CallContext(30), label=SCRIPT)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)

    data, _ = result_bundle(JobRow(job))

    assert data["text/plain"] == f"{SCRIPT}: cancelled after 0.0 s"
    assert "<script" not in data["text/html"]


async def test_only_a_job_that_is_over_has_a_result() -> None:
    job = Job(lambda _: asyncio.sleep(0, "fox"), CallContext(30), label="a fox")

    with pytest.raises(RuntimeError, match="not over"):
        JobRow(job).result()

    assert await job == "fox"
    assert JobRow(job).result() == "fox"
