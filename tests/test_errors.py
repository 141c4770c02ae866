"""What an error says is one short line that obeys nobody."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediatoolkit as mt
from mediatoolkit import errors
from mediatoolkit.media import Image
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job

BAD = "a\x1b[31mred\x07\n\u202eright\u2066\x00\ud800\ufeff"
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, mt.MediaToolkitError)
]
NEEDS: dict[type, dict[str, Any]] = {
    mt.DeadlineError: {"stage": "waiting", "seconds": 1.0},
    mt.RefusalError: {"reason": "SAFETY"},
}


def check(error: BaseException) -> None:
    for text in (str(error), repr(error)):
        assert len(text) < 1000
        assert text.isprintable()
        text.encode()


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_says_more_than_a_safe_line(kind: type[mt.MediaToolkitError]) -> None:
    facts = NEEDS.get(kind, {})
    for text in (BAD, "x" * 1_000_000, BAD * 100_000):
        error = kind(f"There is no {text}; name another.", **facts)
        error.may_have_been_billed = True
        check(error)
        assert str(error).startswith("There is no ")
        assert "name another. The provider may have billed" in str(error)
        check(pickle.loads(pickle.dumps(error)))  # noqa: S301 - our own bytes


@given(st.text())
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    safe = "".join(letter for letter in text if letter.isprintable())
    assert str(mt.PromptError(safe)) == safe


async def test_what_users_and_files_bring_is_never_said_raw(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(b"?")
    for text in (BAD, "x" * 1_000_000):
        for attempt in (
            lambda text: mt.image("fox", **dict[str, Any]({text: 1})),
            lambda text: mt.image("fox", model=text),
            lambda text: mt.image("fox", size=text),
            lambda text: mt.image("fox", seed=text),
            lambda text: mt.Gallery(tmp_path, kind=text),
            lambda text: mt.Gallery(tmp_path, sort=text),
            mt.Gallery,
            lambda text: mt.Store(text).pending(),
            lambda text: mt.compare(text, file),
            lambda text: Image.open(Path(text)),
            Image.of,
            lambda text: mt.GeminiImageClient("k" * 20, model=text),
            lambda text: mt.GeminiImageClient("k" * 20, base_url=text),
            mt.GeminiImageClient,
            lambda text: mt.Timeout(total=text),
            lambda text: mt.speech("Hello.", voice=text),
            lambda text: mt.configure(proxy=text),
            mt.jobs.resume,
        ):
            try:
                made = attempt(text)
                if isinstance(made, Job):
                    await made
            except mt.MediaToolkitError as error:
                check(error)
        with pytest.raises(mt.MediaToolkitError) as caught:
            await mt.download(f"http://127.0.0.1:9/{text}", tmp_path / "f")
        check(caught.value)


async def test_a_job_is_called_by_one_short_line() -> None:
    async def work(_call: CallContext) -> None:
        raise mt.PromptError("no")

    job = Job(work, CallContext(5), label=BAD * 100_000)
    with pytest.raises(mt.PromptError):
        await job
    assert len(job.label) <= 300
    assert job.label.isprintable()


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("maker", [mt.Image.of, mt.Image.open, mt.Audio.of, mt.Store])
def test_an_address_is_no_path(maker: Callable[[object], object], kind: type) -> None:
    with pytest.raises(mt.MediaToolkitError, match=r"mt\.download"):
        maker(kind("https://example.com/fox.png"))
