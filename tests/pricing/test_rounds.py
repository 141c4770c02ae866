"""The limit holds whatever the vendors, the network and the user do at once.

The vendors are simulated. They bill by prices of their own, and for work whose response was lost,
too: what they have billed is never above what the budget has booked, call by call, nor above its
limit.
"""

import asyncio
import contextlib
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from itertools import chain, product
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.pricing.budget import Budget, budget
from mediatoolkit.providers.gemini import speech
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.vendor import Purpose
from mediatoolkit.transport import Limits, Retry
from tests.media.clips import clip
from tests.test_prompts import picture

ROUNDS, THREADS, LANES, CALLS = 20, 4, 16, 5  # calls one after the other in each lane
FAULTS, LIMIT = 200, Decimal(12)
SECONDS = 0.7  # for one call; some faults take all of it
RETRY = Retry(base=0.01, cap=0.02)
LIMITS = Limits(json=1 << 20)
FOX = "a red fox under the stars"
PART = 40  # characters of speech in one request
TALE = "A red fox looks up at night. It sees a star."  # two requests
NONE = faults.Latency(0)

FREE: tuple[faults.Fault, ...] = (
    *(faults.Status(code) for code in (400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504)),
    faults.Status(429, retry_delay="0.01s"),
    faults.Status(429, retry_after_ms=10),
    faults.Status(429, quota=0),
    faults.Status(429, per_day=True),
    faults.Status(503, html=True),
    faults.Status(500, should_retry=False),
    faults.EchoKey(),
    faults.Redirect("http://127.0.0.1:9/"),
    faults.PromptBlocked(),
    faults.CandidateBlocked(),
    faults.UnknownFinish(),
)
LOST: tuple[faults.Fault, ...] = (
    faults.Silence(),
    faults.CutBeforeHead(),
    faults.CutBeforeHead(after=0.1),
    faults.Reset(),
    faults.Reset(after=0.1),
    faults.MalformedHead(),
    faults.MalformedChunk(),
    faults.WrongLength(),
    faults.CutBody(0),
    faults.CutBody(20),
    faults.CutBody(200, reset=True),
    faults.Truncated(),
    faults.BadGzip("crc"),
    faults.BadGzip("truncated"),
    faults.BadGzip("noise"),
    faults.TooLarge(2 << 20),
    faults.GzipBomb(2 << 20),
)
ODD: tuple[faults.Fault, ...] = (
    faults.SlowHead(0.02),
    faults.SlowBody(0.02),
    faults.Trickle(pieces=3, seconds=0.03),
    *(faults.Garbage(kind) for kind in ("empty", "html", "utf8", "null", "list", "parts")),
    *(faults.BadPicture(kind) for kind in ("html", "empty", "truncated", "bad_base64")),
    *(faults.BadSound(kind) for kind in ("empty", "odd", "html", "bad_base64")),
    faults.PictureAs("webp"),
    faults.StreamError(),
    faults.StreamError(429, "Too many."),
    faults.NoCandidates(),
    faults.Continuation(),
    faults.BrokenOff(),
    faults.TextOnly(),
    faults.Stumbles(times=1),
    faults.EndsAs("failed", message="It broke."),
    faults.EndsAs("cancelled"),
    faults.EndsAs("incomplete"),
    faults.EndsAs("completed"),
    faults.EndsAs("in_progress"),
)
OF_START = (*FREE, *LOST, *ODD)
OF_POLL: tuple[faults.Fault, ...] = (
    faults.Status(429),
    faults.Status(500),
    faults.Status(404),
    faults.Silence(),
    faults.CutBeforeHead(),
    faults.CutBody(20),
    faults.Garbage("html"),
    faults.TextOnly(),
    faults.EndsAs("failed"),
    faults.EndsAs("cancelled"),
    faults.EndsAs("completed"),
    faults.EndsAs("a new word"),
    faults.ResultAt("http://127.0.0.1:9/film"),
)
OF_CANCEL: tuple[faults.Fault, ...] = (
    faults.Status(500),
    faults.CutBeforeHead(),
    faults.Garbage("html"),
    faults.EndsAs("completed"),
    faults.EndsAs("in_progress"),
)


class Lane:
    """Somebody who makes one call after the other, at vendors of her own.

    So each call is held against what was billed for it, and meets the same faults in each run.

    Attributes:
        sim: The vendors.
        wrong: What was booked wrongly so far, a sentence for each call.
        ends: How often calls came to which end.
        met: How many faults they met.
    """

    def __init__(self, sim: Simulator, http: aiohttp.ClientSession, folder: Path) -> None:
        """Get agents that know these vendors."""
        gemini: dict[str, Any] = {"base_url": sim.url, "retry": RETRY, "limits": LIMITS}
        openai = {**gemini, "base_url": f"{sim.openai.url}/v1", "model": "gpt-image-2"}
        director = mt.GeminiVideoClient("key", trusted_origins=(sim.files_url,), **gemini)
        director.polling = Polling(first=0.005, cap=0.005)
        self.sim, self.http = sim, http
        self.wrong: list[str] = []
        self.ends: Counter[str] = Counter()
        self.met = 0
        self.painter = mt.GeminiImageClient("key", timeout=SECONDS, **gemini)
        self.other = mt.OpenAIImageClient("key", timeout=SECONDS, **openai)
        bold: dict[str, Any] = {**gemini, "retry": Retry(base=0.01, cap=0.02, ambiguous=True)}
        self.bold = mt.GeminiImageClient("key", timeout=SECONDS, **bold)
        self.chain = mt.ImageGenAgent([self.painter, self.other], timeout=SECONDS)
        self.voice = mt.VoiceAgent(mt.GeminiSpeechClient("key", **gemini), timeout=SECONDS)
        self.films = mt.VideoGenAgent(director, timeout=SECONDS)
        self.kept_films = mt.VideoGenAgent(director, timeout=SECONDS, store=folder)
        self.kept = mt.ImageGenAgent(self.painter, timeout=SECONDS, store=folder, cache=True)

    @property
    def queues(self) -> list[deque[faults.Fault]]:
        """The faults that wait."""
        return [*self.sim._faults._queued.values()]

    @property
    def billed(self) -> Decimal:
        """USD that the vendors have billed, or will when their work is done."""
        return self.sim.meter.total + self.sim.meter.unfinished

    async def call(self, work: "Work", *, cancel_after: float | None = None, why: str = "") -> None:
        """Do *work*, and compare what it has booked with what was billed for it."""
        billed = self.billed
        with budget.cap(1000) as cap:
            task = asyncio.ensure_future(work(self))
        if cancel_after is not None:
            asyncio.get_running_loop().call_later(cancel_after, task.cancel)
        await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if not isinstance(error, MediaToolkitError | None):
            raise error
        end = "cancelled" if task.cancelled() else type(error).__name__
        self.ends[end] += 1
        reserved, booked = cap.reserved, cap.spent + cap.unclear
        await self.arrive()
        billed = self.billed - billed
        if reserved or billed > booked:
            self.wrong.append(
                f"{work.__name__}, {why}, {end}: {billed} billed, {cap.spent} spent, "
                f"{cap.unclear} unclear, {reserved} reserved"
            )

    async def resume(self, job_id: str) -> None:
        """Go on with a film that was left at the vendor; its price is booked already."""
        with contextlib.suppress(MediaToolkitError):
            await self.kept_films.resume(job_id)

    def left(self) -> int:
        """How many faults nobody has met yet."""
        return sum(fault != NONE for queue in self.queues for fault in queue)

    def forget(self) -> None:
        """Let nobody meet them."""
        for queue in self.queues:
            queue.clear()

    async def arrive(self) -> None:
        """Let the vendors read what was sent, and end their work for it."""
        async with self.http.get("/v1/models", headers={"x-goog-api-key": "key"}):
            pass  # it comes in after all that was sent before
        await self.sim.until(lambda: not self.sim._work)


Work = Callable[[Lane], Awaitable[object]]


@asynccontextmanager
async def opened(folder: Path, seed: int = 0) -> AsyncIterator[Lane]:
    sim = Simulator(
        key=None,
        picture=picture(),
        film=clip(),
        looks=1,
        thoughts=range(90, 178),
        unnamed=range(300, 500),
        seed=seed,
    )
    folder.mkdir()
    async with sim, aiohttp.ClientSession(sim.url) as http:
        yield Lane(sim, http, folder)


async def draw(lane: Lane) -> None:
    await lane.painter.generate(FOX)


async def draw_perhaps_twice(lane: Lane) -> None:
    await lane.bold.generate(FOX)


async def draw_elsewhere(lane: Lane) -> None:
    await lane.other.generate(FOX)


async def draw_in_steps(lane: Lane) -> None:
    fox = mt.Image(picture((16, 16)))
    options = {"quality": "low", "partial_images": 2}
    await lane.other.generate(mt.ImagePrompt(FOX, references=(fox,), options=options))


async def draw_somewhere(lane: Lane) -> None:
    await lane.chain.generate(FOX)


async def draw_several(lane: Lane) -> None:
    await lane.painter.generate_several(FOX, 3)


async def draw_many(lane: Lane) -> None:
    await lane.chain.generate_many([FOX, "a star"], return_exceptions=True)


async def draw_and_keep(lane: Lane) -> None:
    """The second call waits for the first one, whose request is its own."""
    calls = [lane.kept.generate(FOX, take=1) for _ in range(2)]
    first, *_ = await asyncio.gather(*calls, return_exceptions=True)
    if isinstance(first, BaseException):
        raise first


async def draw_on(lane: Lane) -> None:
    first = await lane.painter.generate(FOX)
    await lane.chain.generate(mt.ImagePrompt("in the rain", previous=first))


async def speak(lane: Lane) -> None:
    await lane.voice.generate(TALE, style="slowly")


async def speak_heard(lane: Lane) -> None:
    await lane.voice.start(TALE)


async def listen(lane: Lane) -> None:
    async for _ in lane.voice.stream(TALE):
        pass


async def listen_to_the_beginning(lane: Lane) -> None:
    async with aclosing(lane.voice.stream(TALE)) as sounds:
        async for _ in sounds:
            break


async def film(lane: Lane) -> None:
    await lane.films.generate(FOX, seconds=3, resolution="360p")


async def film_and_keep(lane: Lane) -> None:
    await lane.kept_films.generate(FOX, seconds=3, resolution="360p")


async def film_again(lane: Lane) -> None:
    job = lane.kept_films.start(FOX, seconds=3, resolution="360p")
    try:
        await job
    except MediaToolkitError:
        await job.retry()


WORKS: tuple[Work, ...] = (
    draw,
    draw_perhaps_twice,
    draw_elsewhere,
    draw_in_steps,
    draw_somewhere,
    draw_several,
    draw_many,
    draw_and_keep,
    draw_on,
    speak,
    speak_heard,
    listen,
    listen_to_the_beginning,
    film,
    film_and_keep,
    film_again,
)
FILMS: tuple[Work, ...] = (film, film_and_keep, film_again)
OF_SEVERAL: tuple[Work, ...] = (
    draw_perhaps_twice,
    draw_somewhere,
    draw_several,
    draw_on,
    speak,
    speak_heard,
    listen,
)
TOGETHER: tuple[faults.Fault, ...] = (
    NONE,
    faults.SlowBody(0.02),
    faults.Status(500),
    faults.CutBody(20),
    faults.Garbage("html"),
    faults.BadSound("html"),
    faults.PromptBlocked(),
    faults.Continuation(),
    faults.StreamError(),
)


@pytest.fixture(autouse=True)
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Budget]:
    """The budget of the process, empty before and after."""

    def clear() -> None:
        budget.limit = None
        budget.release()
        budget.reset()

    monkeypatch.setattr(speech, "LONGEST", PART)
    clear()
    yield budget
    clear()


async def meet(lane: Lane, work: Work, *met: faults.Fault, at: Purpose = "start") -> None:
    """Do *work* that meets these faults."""
    lane.sim.then(*met, at=at)
    await lane.call(work, why=f"{met} at {at}")
    lane.forget()


async def test_no_fault_alone_hides_a_bill(tmp_path: Path) -> None:
    async def meet_each(work: Work) -> list[str]:
        async with opened(tmp_path / work.__name__) as lane:
            for fault in OF_START:
                await meet(lane, work, fault)
            for fault in OF_POLL if work in FILMS else ():
                await meet(lane, work, fault, at="poll")
        return lane.wrong

    assert not [*chain(*await asyncio.gather(*map(meet_each, WORKS)))]


async def test_no_two_faults_of_one_call_hide_a_bill(tmp_path: Path) -> None:
    async def meet_pairs(work: Work) -> list[str]:
        async with opened(tmp_path / work.__name__) as lane:
            for pair in product(TOGETHER, repeat=2):
                await meet(lane, work, *pair)
        return lane.wrong

    assert not [*chain(*await asyncio.gather(*map(meet_pairs, OF_SEVERAL)))]


async def spend(name: str, folder: Path, lanes: list[Lane]) -> None:
    """Make calls by chance, a quarter of which is cancelled, and collect what is left behind."""
    chance = random.Random(name)  # noqa: S311 - nothing secret is drawn
    async with opened(folder / name, chance.randrange(1000)) as lane:
        lanes.append(lane)
        lane.sim.then(*chance.choices((*OF_START, *[NONE] * 10), k=3 * CALLS), at="start")
        lane.sim.then(*chance.choices((*OF_POLL, *[NONE] * 5), k=3 * CALLS), at="poll")
        lane.sim.then(*chance.choices(OF_CANCEL, k=CALLS), at="cancel")
        laid = lane.left()
        for number in range(CALLS):
            cancel_after = chance.choice([None, None, None, chance.uniform(0, 0.1)])
            work = chance.choice(WORKS)
            await lane.call(work, cancel_after=cancel_after, why=f"call {number} of {name}")
        lane.met = laid - lane.left()
        lane.forget()
        for pending in lane.kept_films.pending():
            if not pending.is_intent:
                await lane.resume(pending.id)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_is_billed_never_passes_the_limit(limited: Budget, tmp_path: Path, seed: int) -> None:
    lanes: list[Lane] = []
    passed: list[str] = []
    limited.limit = LIMIT

    def billed() -> Decimal:
        return sum((lane.billed for lane in lanes.copy()), Decimal())

    def look() -> None:
        """After each change of the budget; what is billed by now is read first."""
        least = sum(lane.sim.meter.total for lane in lanes.copy())
        booked, most = limited._all.sums.booked(), billed()
        if least > booked or max(booked, most) > LIMIT:
            passed.append(f"{least} to {most} billed, {booked} booked")

    async def spend_at_once(thread: int) -> None:
        names = [f"{seed}.{thread}.{number}" for number in range(LANES)]
        await asyncio.gather(*(spend(name, tmp_path, lanes) for name in names))

    with ThreadPoolExecutor(THREADS) as threads:
        unwatch = limited.watch(look)
        list(threads.map(lambda thread: asyncio.run(spend_at_once(thread)), range(THREADS)))
        unwatch()
    ends = sum((lane.ends for lane in lanes), Counter())
    met = sum(lane.met for lane in lanes)
    assert met >= FAULTS
    assert {"NoneType", "BudgetError", "DeadlineError", "cancelled"} <= ends.keys()
    assert not passed
    assert not [*chain(*(lane.wrong for lane in lanes))]
    assert limited.reserved == 0
    assert billed() <= limited.spent + limited.unclear <= LIMIT
    limited.release()
    assert limited.unclear == 0
    assert limited.spent <= billed()
