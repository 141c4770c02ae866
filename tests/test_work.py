"""How far work has come: it never goes back, and claims nothing that nobody knows."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest

import mediatoolkit as mt
from mediatoolkit.media import Image
from mediatoolkit.prompts import ImagePrompt, Prompt, SpeechPrompt
from mediatoolkit.providers.base import ImageClient
from mediatoolkit.providers.capabilities import Capabilities, Size
from mediatoolkit.providers.local.steps import phrase
from mediatoolkit.runtime import work as works
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import (
    Connecting,
    Decoding,
    Drawing,
    Event,
    Loading,
    Partial,
    Progress,
    Queued,
    Receiving,
    Retrying,
    Saving,
    Sounding,
    State,
    Waiting,
)
from mediatoolkit.runtime.work import WorkProgress, WorkTimes, filled_by_time

VENDOR = [
    Connecting(),
    Waiting("gemini"),
    Receiving(10, 300),
    Retrying(2, 4, 1.0),
    Queued(),
    Connecting(),
    Waiting("gemini"),
    Receiving(100_000, 4_000_000),
    Retrying(3, 4, 1.0),
    Connecting(),
    Receiving(50_000, 4_000_000),
    Decoding(),
    Saving(),
]
LOCAL = [
    Loading("the voice"),
    Drawing("speaking", 0.3),
    Sounding(b"", 24_000),
    Drawing("speaking", 0.2),
    Partial(b"", "image/jpeg", 0.9),
    Drawing("printing", 1.0),
    Decoding(),
    Saving(),
]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets."""
    now = [100.0]
    monkeypatch.setattr(works, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.mark.parametrize("estimate", [None, 2.0])
@pytest.mark.parametrize("events", [VENDOR, LOCAL], ids=["vendor", "local"])
def test_a_share_never_falls_whatever_happens(
    events: list[Event], estimate: float | None, clock: list[float]
) -> None:
    work = WorkProgress()
    work.begin_again(estimate)
    seen = [work.fraction]
    for event in events:
        work.hear(event)
        for _ in range(10):
            clock[0] += 0.1
            seen.append(work.fraction)

    known = [share for share in seen if share is not None]
    assert known == sorted(known)
    assert seen[-1] is not None
    assert seen[-1] >= 0.95, "it holds at the end while the result is checked and kept"


def test_nothing_is_filled_before_the_work_begins(clock: list[float]) -> None:
    work = WorkProgress()
    work.begin_again(4.0)
    for event in (Queued(), Loading("the voice"), Queued()):
        work.hear(event)
        clock[0] += 60

        assert (work.fraction, work.seconds) == (None, None)


def test_a_vendor_fills_the_bar_by_the_estimate_and_never_to_its_end(clock: list[float]) -> None:
    work = WorkProgress()
    work.begin_again(4.0)
    work.hear(Waiting())
    shares = []
    for _ in range(3):
        clock[0] += 2
        shares.append(work.fraction)
    clock[0] += 4_000

    assert shares == pytest.approx([0.45, 0.9, 1 - 0.1 / 1.5])
    assert 0.99 < (work.fraction or 0) < 1


def test_a_pause_before_an_attempt_holds_the_bar(clock: list[float]) -> None:
    work = WorkProgress()
    work.begin_again(4.0)
    work.hear(Waiting())
    clock[0] += 2
    work.hear(Retrying(2, 4, 30.0))
    clock[0] += 30

    assert work.fraction == pytest.approx(0.45)


def test_an_engine_that_counts_is_believed_alone(clock: list[float]) -> None:
    work = WorkProgress()
    work.begin_again(1.0)
    work.hear(Drawing("speaking", 0.1))
    work.hear(Sounding(b"", 24_000))
    clock[0] += 60

    assert work.fraction == 0.1


def test_a_part_of_the_work_fills_a_part_of_the_bar() -> None:
    work = WorkProgress()
    with work.part(0.0, 0.2):
        work.hear(Drawing("speaking", 1.0))
        spoken = work.fraction
        work.hear(Decoding())
    with work.part(0.2, 1.0):
        work.hear(Drawing("filming", 0.5))

    assert (spoken, work.fraction) == pytest.approx((0.2, 0.6))


def test_a_small_response_is_no_media_that_fills_a_bar() -> None:
    """A vendor's word that a job was taken comes long before the film."""
    work = WorkProgress()
    work.hear(Receiving(300, 300))

    assert work.fraction is None


@pytest.mark.parametrize("seconds", [0.0, 1.0, 7.9, 8.0, 8.1, 1e6])
def test_time_alone_never_fills_a_bar(seconds: float) -> None:
    assert filled_by_time(seconds, 8.0) < 1
    assert filled_by_time(seconds + 0.05, 8.0) > filled_by_time(seconds, 8.0)


def test_an_estimate_is_the_median_of_the_last_few_times() -> None:
    times = WorkTimes()
    assert times.expected("a fox") is None
    for seconds in (400.0, 3.0, 5.0, 4.0, 90.0, 4.0):
        times.add("a fox", seconds)
    times.add("a fox", 0.01)  # an answer that was kept, and not made

    assert times.expected("a fox") == 4.0
    assert times.expected("an owl") is None


def test_only_so_many_kinds_are_remembered() -> None:
    times = WorkTimes()
    for kind in range(1_000):
        times.add(kind, 1.0)
        times.add("often", 1.0)

    assert times.expected(0) is None
    assert times.expected("often") == times.expected(999) == 1.0
    assert len(times._times) <= 256


def test_only_what_succeeds_is_measured(clock: list[float]) -> None:
    times, work = WorkTimes(), WorkProgress()
    with contextlib.suppress(RuntimeError), times.measured("fox", work):
        work.hear(Waiting())
        clock[0] += 5
        raise RuntimeError
    assert times.expected("fox") is None

    with times.measured("fox", work):
        clock[0] += 50  # in the queue
        work.hear(Waiting())
        clock[0] += 5
    assert times.expected("fox") == 5


class SlowClient(ImageClient):
    """Draws what the local painter has drawn, after a while that the test's clock tells."""

    provider = "slow"
    model = "brush"
    timeout = Timeout(total=60)

    unlisted = Capabilities(size=Size(("512", "1K")))

    def __init__(self, picture: Image, clock: list[float]) -> None:
        """Take the picture to hand out."""
        self._picture, self._clock = picture, clock

    async def make(self, _prompt: ImagePrompt, context: CallContext) -> Image:
        context.report(Waiting(self.provider))
        self._clock[0] += 6
        await asyncio.sleep(0)
        return self._picture

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_second_job_of_the_same_size_says_how_long_it_will_take(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediatoolkit.agents.work_times", WorkTimes())
    picture = await mt.ImageGenAgent("local/painter").generate("a fox", size=(64, 64))
    estimates = []
    async with mt.ImageGenAgent(SlowClient(picture, clock)) as agent:
        for size in ("512", "512", "1K"):
            job = agent.start("a fox", size=size)
            job.subscribe(lambda _: None)
            await job
            estimates.append(job.progress.estimate)

    assert estimates == [None, 6.0, None]


@pytest.mark.parametrize(
    ("worked", "words"),
    [
        (None, "queued, 1.0 s, about 4 s, stops in 58 s"),
        (1.6, "queued, 1.0 s, about 2 s more, stops in 58 s"),
        (3.9, "queued, 1.0 s, about 1 s more, stops in 58 s"),
        (9.0, "queued, 1.0 s, usually about 4 s, stops in 58 s"),
    ],
)
def test_the_estimate_is_told_apart_from_the_limit(worked: float | None, words: str) -> None:
    progress = Progress(State.RUNNING, Queued(), 1.0, 58.0, estimate=4.0, worked=worked)

    assert str(progress) == words


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        (ImagePrompt("a fox", size="512"), ImagePrompt("an owl", size="512", seed=3), True),
        (ImagePrompt("a fox", size="512"), ImagePrompt("a fox", size="1K"), False),
        (ImagePrompt("a fox"), ImagePrompt("a fox", aspect="16:9"), False),
        (SpeechPrompt("Hello there."), SpeechPrompt("Good evening."), True),
        (SpeechPrompt("Hello there."), SpeechPrompt("Hello there. " * 9), False),
        (mt.VideoPrompt("a fox", seconds=4), mt.VideoPrompt("an owl", seconds=8), False),
    ],
)
def test_what_takes_about_the_same_time_has_the_same_extent(
    one: Prompt, other: Prompt, *, is_alike: bool
) -> None:
    assert (one.extent == other.extent) is is_alike
    assert isinstance(hash(one.extent), int)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("castle", "drawing the castle"),
        ("mount fuji", "drawing Mount Fuji"),
        ("print", "printing"),
        ("pull", "finishing"),
        ("done", "finishing"),
        ("scene 2: sky", "scene 2: drawing the sky"),
        ("scene 2: done", "scene 2: finishing"),
        ("picture 3", "filming picture 3"),
        ("film", "filming"),
    ],
)
def test_a_step_is_a_phrase_that_a_person_knows(step: str, words: str) -> None:
    assert phrase(step) == words


def test_every_event_reads_as_words() -> None:
    events = [*VENDOR, *LOCAL]

    assert {str(event) for event in events} >= {
        "queued",
        "loading the voice",
        "connecting",
        "waiting for gemini",
        "speaking",
        "finishing",
        "saving",
    }
