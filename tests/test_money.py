"""What a call books, what it cost, and what is kept of it, from the agent to the simulator."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.caching import kept, settings
from mediatoolkit.errors import BudgetError, NotCachedError
from mediatoolkit.pricing.budget import budget
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.providers.jobs import QueuedClient
from mediatoolkit.runtime.events import Waiting
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.runtime.takes import separate_run
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from mediatoolkit.transport import attempt
from tests.deadline import run_out
from tests.providers.conftest import KEY
from tests.test_prompts import picture

FOX = "a red fox"
ONCE = mt.Retry(attempts=1)
QUICK, NEVER = Polling(first=0.001, cap=0.001), Polling(first=600, cap=600)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No figures and no settings of other tests."""
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "default"))
    for name in ("MEDIATOOLKIT_BUDGET", "MEDIATOOLKIT_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(QueuedClient, "polling", QUICK)
    # A simulator on a busy machine may take longer before it hangs up.
    monkeypatch.setattr(attempt, "UNHEARD_WITHIN", 600)
    budget.limit = None
    budget.release()
    budget.reset()
    yield
    budget.limit = settings.default = None
    budget.release()
    budget.reset()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(key=KEY, detail=64) as simulator:
        yield simulator
    await mt.sessions.close()


@pytest.fixture
async def agent(sim: Simulator, tmp_path: Path) -> AsyncIterator[mt.ImageGenAgent]:
    client = mt.GeminiImageClient(KEY, base_url=sim.url)
    async with mt.ImageGenAgent(client, store=tmp_path / "store", size="512") as agent:
        yield agent


@pytest.fixture
async def voice(sim: Simulator, tmp_path: Path) -> AsyncIterator[mt.VoiceAgent]:
    client = mt.GeminiSpeechClient(KEY, base_url=sim.url)
    async with mt.VoiceAgent(client, store=tmp_path / "speech") as voice:
        yield voice


def sent(sim: Simulator) -> int:
    """How many generations were asked for."""
    return sum(request.method == "POST" for request in sim.requests)


# Cost and quote


async def test_the_cost_is_what_the_vendor_bills_and_stands_in_the_file(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    image = await agent.generate(FOX)
    assert image.cost is not None
    assert image.cost.usd == sim.meter.total == budget.spent
    assert image.path is not None
    assert mt.Image.open(image.path).cost == image.cost
    assert "tokens by the vendor's count" in image.cost.basis
    assert not image.cached


async def test_a_quote_sends_nothing_and_holds_the_cost(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    price = agent.quote(FOX)
    assert not sim.requests
    job = agent.start(FOX)
    assert job.quote == price
    image = await job
    assert image.cost is not None
    assert image.cost.usd is not None
    assert price.low is not None
    assert price.high is not None
    assert price.low <= image.cost.usd <= price.high


async def test_a_quote_takes_the_words_of_generate(agent: mt.ImageGenAgent) -> None:
    price = agent.quote(FOX)
    assert agent.quote(FOX, timeout=9, cache="only", take=2) == price
    for words in ({"timeout": -1}, {"cache": "yes"}, {"take": 0}):
        with pytest.raises(mt.PromptError):
            agent.quote(FOX, **words)


async def test_media_that_is_not_made_yet_counts_in_a_quote(
    agent: mt.ImageGenAgent, tmp_path: Path
) -> None:
    plain = agent.quote(FOX).high
    (tmp_path / "fox.png").write_bytes(picture())
    with_file = agent.quote(FOX, references=[tmp_path / "fox.png"]).high
    with_media = agent.quote(FOX, references=[mt.Image(picture())]).high
    with_iterator = agent.quote(FOX, references=iter([mt.Image(picture())])).high
    job = agent.start(FOX)
    with_job = agent.quote(FOX, references=[job]).high
    await job
    assert plain is not None
    assert with_file is not None
    assert plain < with_file == with_media == with_iterator == with_job


@pytest.mark.parametrize("told", ["1e30", f"0.{'1' * 60}", 10**400])
async def test_paid_media_is_not_lost_over_an_absurd_price(
    agent: mt.ImageGenAgent, monkeypatch: pytest.MonkeyPatch, told: object
) -> None:
    client = agent.clients[0]
    monkeypatch.setattr(
        type(client),
        "cost",
        lambda *_: Price(Decimal(0), Decimal(told), "told by the vendor"),  # type: ignore[arg-type]
    )
    image = await agent.generate(FOX)
    assert image.cost is not None
    assert image.cost.usd is None
    assert budget.spent == agent.quote(FOX).high


async def test_the_embedded_engine_is_free_and_never_refused() -> None:
    budget.limit = 0
    async with mt.ImageGenAgent("local/painter") as agent:
        assert str(agent.quote(FOX)) == "free"
        image = await agent.generate(FOX, size=64)
    assert image.cost is not None
    assert image.cost.usd == 0
    assert not budget.rows()


async def test_a_model_without_a_price_costs_what_nobody_knows(sim: Simulator) -> None:
    client = mt.GeminiImageClient(KEY, base_url=sim.url, model="gemini-99-image")
    assert str(client.quote(mt.ImagePrompt(FOX))) == "price unknown"
    budget.limit = 100
    with pytest.raises(BudgetError, match="price of gemini/gemini-99-image is unknown"):
        await client.generate(FOX)
    assert not sim.requests


# Budget


class Plugin(mt.LocalImageClient):
    """A client that sends in a way of its own, for a dollar."""

    def quotes(self, prompt: mt.ImagePrompt, **facts: float) -> list[Price]:  # noqa: ARG002
        return [Price(Decimal(1), Decimal(1), "a dollar")]

    def cost(self, _prompt: mt.ImagePrompt, _usage: Any, /) -> Price:
        return Price(Decimal("0.5"), Decimal("0.5"), "half of it")


async def test_a_client_with_a_way_of_its_own_to_send_is_booked_too() -> None:
    async with mt.ImageGenAgent(Plugin(), size=64) as agent:
        budget.limit = "0.9"
        with pytest.raises(BudgetError):
            await agent.generate(FOX)
        budget.limit = 2
        await agent.generate(FOX)
    assert budget.spent == Decimal("0.5")
    assert budget.reserved == budget.unclear == 0


async def test_what_does_not_fit_is_refused_before_anything_is_sent(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    budget.limit = "0.01"
    with pytest.raises(BudgetError, match="may cost up to") as caught:
        await agent.generate(FOX)
    assert not sim.requests
    assert not caught.value.may_have_been_billed
    assert budget.reserved == budget.spent == budget.unclear == 0


async def test_a_refusal_by_the_budget_is_not_sent_to_the_next_vendor(
    sim: Simulator, tmp_path: Path
) -> None:
    chain = [
        mt.GeminiImageClient(KEY, base_url=sim.url),
        mt.OpenAIImageClient(KEY, base_url=f"{sim.openai.url}/v1"),
    ]
    budget.limit = "0.001"
    async with mt.ImageGenAgent(chain, store=tmp_path) as agent:
        with pytest.raises(BudgetError):
            await agent.generate(FOX)
    assert not sim.requests


async def test_retries_that_are_not_billed_share_one_reservation(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    price = agent.quote(FOX).high
    assert price is not None
    budget.limit = price * Decimal("1.5")
    sim.then(f.Status(429), f.Status(503))
    await agent.generate(FOX)
    assert sent(sim) == 3
    assert budget.spent == sim.meter.total
    assert budget.reserved == budget.unclear == 0


async def test_a_request_that_is_hung_up_is_sent_again_and_stays_booked(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    sim.then(f.CutBeforeHead())
    await agent.generate(FOX)
    assert sent(sim) == 2
    assert budget.unclear == agent.quote(FOX).high
    assert budget.spent + budget.unclear >= sim.meter.total


async def test_a_lost_part_of_a_long_speech_leaves_one_part_unclear(
    sim: Simulator, voice: mt.VoiceAgent
) -> None:
    text = "A red fox looks up. " * 500
    price = voice.quote(text).high
    assert price is not None
    sim.then(f.CutBeforeHead())
    await voice.generate(text)
    assert sent(sim) == 4
    assert 0 < budget.unclear < price / 2
    assert budget.spent + budget.unclear >= sim.meter.total


async def test_only_the_parts_that_were_sent_stay_booked_when_one_is_refused(
    sim: Simulator, voice: mt.VoiceAgent
) -> None:
    text = "A red fox looks up. " * 500
    price = voice.quote(text).high
    assert price is not None
    stream = voice.stream(text)
    await anext(stream)
    sim.then(f.PromptBlocked())
    with pytest.raises(mt.RefusalError):
        async for _ in stream:
            pass
    assert budget.unclear >= sim.meter.total > 0
    assert budget.unclear < price  # the third part was never sent


async def test_a_lost_response_stays_booked_until_it_is_released(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    sim.then(f.Silence())
    job = agent.start(FOX)
    await run_out(job, lambda: sent(sim))
    with pytest.raises(mt.DeadlineError) as caught:
        await job
    assert caught.value.may_have_been_billed
    (call,) = budget.unclear_calls()
    assert budget.unclear == agent.quote(FOX).high == call.upper
    budget.release(call.id, actual=sim.meter.total)
    assert budget.spent == sim.meter.total
    assert budget.unclear == 0


async def test_a_refusal_of_the_vendor_is_given_back(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    sim.then(f.PromptBlocked())
    with pytest.raises(mt.RefusalError):
        await agent.generate(FOX)
    assert sim.meter.total == 0
    assert not budget.rows()


async def test_a_long_speech_is_refused_as_a_whole_before_its_first_part(
    sim: Simulator, voice: mt.VoiceAgent
) -> None:
    text = "A red fox looks up. " * 500
    price = voice.quote(text).high
    assert price is not None
    budget.limit = price - Decimal("0.000001")
    with pytest.raises(BudgetError):
        await voice.generate(text)
    assert not sim.requests
    budget.limit = price
    audio = await voice.generate(text)
    assert sent(sim) == 3
    assert audio.cost is not None
    assert audio.cost.usd == sim.meter.total == budget.spent


async def test_a_stream_is_booked_and_one_that_is_left_is_unclear(
    sim: Simulator, voice: mt.VoiceAgent
) -> None:
    async for _ in voice.stream("A red fox."):
        pass
    assert budget.spent == sim.meter.total > 0
    before = budget.spent
    stream = voice.stream("A red fox looks up at the stars.")
    await anext(stream)
    await stream.aclose()
    assert budget.spent + budget.unclear >= sim.meter.total + sim.meter.unfinished
    assert budget.reserved == 0
    assert budget.spent > before or budget.unclear > 0


# Vendors' jobs


@pytest.fixture
async def filming(sim: Simulator, tmp_path: Path) -> AsyncIterator[mt.VideoGenAgent]:
    client = mt.GeminiVideoClient(KEY, base_url=sim.url, retry=ONCE)
    async with mt.VideoGenAgent(client, store=tmp_path / "films") as agent:
        yield agent


async def test_a_film_is_booked_when_it_is_there(sim: Simulator, filming: mt.VideoGenAgent) -> None:
    video = await filming.generate("the fox walks", seconds=4)
    assert video.cost is not None
    assert video.cost.usd == sim.meter.total == budget.spent
    assert budget.reserved == budget.unclear == 0


async def left_running(filming: mt.VideoGenAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a film whose deadline passes while the vendor goes on."""
    monkeypatch.setattr(QueuedClient, "polling", NEVER)
    job = filming.start("the fox walks", seconds=4)
    await run_out(job, lambda: [one for one in filming.pending() if not one.is_intent])
    with pytest.raises(mt.DeadlineError):
        await job


async def test_a_film_past_its_deadline_is_unclear_until_it_is_resumed(
    sim: Simulator, filming: mt.VideoGenAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_running(filming, monkeypatch)
    assert budget.unclear == filming.quote("the fox walks", seconds=4).high
    (pending,) = filming.pending()
    monkeypatch.setattr(QueuedClient, "polling", QUICK)
    video = await filming.resume(pending.id)
    assert video.cost is not None
    assert video.cost.usd == sim.meter.total == budget.spent
    assert budget.unclear == budget.reserved == 0


async def test_a_film_that_was_released_and_comes_after_all_is_booked(
    sim: Simulator, filming: mt.VideoGenAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_running(filming, monkeypatch)
    budget.release()
    monkeypatch.setattr(QueuedClient, "polling", QUICK)
    await filming.resume(filming.pending()[0].id)
    assert budget.spent == sim.meter.total > 0


async def test_two_who_wait_for_one_film_book_it_once(
    sim: Simulator, filming: mt.VideoGenAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await left_running(filming, monkeypatch)
    (pending,) = filming.pending()
    first = filming.resume_job(pending)
    while not isinstance(first.progress.event, Waiting):
        await asyncio.sleep(0)
    monkeypatch.setattr(QueuedClient, "polling", QUICK)
    second = filming.resume_job(pending)
    await second
    first.cancel()
    with pytest.raises(mt.JobCancelled):
        await first
    assert budget.spent == sim.meter.total > 0
    assert budget.unclear == budget.reserved == 0


async def test_a_film_that_the_vendor_stops_is_given_back(
    sim: Simulator, filming: mt.VideoGenAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QueuedClient, "polling", NEVER)
    job = filming.start("the fox walks", seconds=4)
    while not filming.pending() or filming.pending()[0].is_intent:
        await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(mt.JobCancelled):
        await job
    assert sim.meter.total == sim.meter.unfinished == 0
    assert not budget.rows()


# Cache and takes


async def four(agent: mt.ImageGenAgent, **options: Any) -> list[mt.Image]:
    """A loop in a cell."""
    with separate_run():
        jobs = [agent.start(FOX, cache=True, **options) for _ in range(4)]
        return [await job for job in jobs]


def digests(images: list[mt.Image]) -> list[str]:
    return [image.digest() for image in images]


async def test_a_loop_gives_four_pictures_and_the_next_run_the_same_four(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    first = await four(agent)
    assert len(set(digests(first))) == sent(sim) == 4
    spent = budget.spent
    for _ in range(2):
        again = await four(agent)
        assert digests(again) == digests(first)
        assert all(image.cached for image in again)
    assert sent(sim) == 4
    assert budget.spent == spent
    facts = kept(again[0])
    assert facts is not None
    assert first[0].cost is not None
    assert facts.is_hit
    assert facts.cost == first[0].cost.usd


async def test_several_at_once_are_takes_in_their_order(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    with separate_run():
        first = await agent.generate_many([FOX] * 3, cache=True)
    with separate_run():
        again = [await agent.generate(FOX, cache="only") for _ in range(3)]
    assert digests(again) == digests(list(first))
    assert sent(sim) == 3


async def test_takes_of_files_are_counted_in_the_order_of_the_calls(
    sim: Simulator, agent: mt.ImageGenAgent, tmp_path: Path
) -> None:
    (tmp_path / "small.png").write_bytes(picture())
    references = [tmp_path / "small.png"]
    first = await four(agent, references=references)
    assert len(set(digests(first))) == 4
    assert digests(await four(agent, references=references)) == digests(first)
    assert sent(sim) == 4


async def test_another_is_the_next_take_that_is_not_kept(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    with separate_run():
        jobs = [agent.start(FOX, cache=True) for _ in range(2)]
        images = [await job for job in jobs]
    assert jobs[0].another is not None
    one, other = jobs[0].another(), jobs[0].another()
    more = [await one, await other]
    assert sent(sim) == 4
    assert len({*digests(images), *digests(more)}) == 4
    takes = [facts.key.take for image in more if (facts := kept(image))]
    assert takes == [3, 4]


async def test_another_passes_over_a_take_that_is_still_made(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    with separate_run():
        first = agent.start(FOX, cache=True)
        await first
        gate = f.Gate()
        sim.then(gate)
        second = agent.start(FOX, cache=True)
        while sent(sim) < 2:
            await asyncio.sleep(0)
    assert first.another is not None
    other = first.another()
    while sent(sim) < 3:
        await asyncio.sleep(0)
    gate.open()
    third = await other
    assert third.digest() != (await second).digest()


async def test_another_without_the_cache_is_one_more_request(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    job = agent.start(FOX)
    image = await job
    assert job.another is not None
    assert (await job.another()).digest() != image.digest()
    assert sent(sim) == 2


async def test_a_retry_keeps_its_take(sim: Simulator, agent: mt.ImageGenAgent) -> None:
    sim.then(*[f.Status(400)] * 2)
    with separate_run():
        jobs = [agent.start(FOX, cache=True) for _ in range(2)]
        for job in jobs:
            with pytest.raises(mt.ProviderError):
                await job
        for job in reversed(jobs):
            await job.retry()
    images = [await job for job in jobs]
    takes = [facts.key.take for image in images if (facts := kept(image))]
    assert takes == [1, 2]


async def test_a_take_can_be_chosen_and_is_not_counted(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    with separate_run():
        seventh = await agent.generate(FOX, cache=True, take=7)
        first = await agent.generate(FOX, cache=True)
    with separate_run():
        assert (await agent.generate(FOX, cache="only")).digest() == first.digest()
        assert (await agent.generate(FOX, cache="only", take=7)).digest() == seventh.digest()
    assert sent(sim) == 2


async def test_only_never_sends_and_refresh_replaces(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    with pytest.raises(NotCachedError, match="take 1"):
        await agent.generate(FOX, cache="only", take=1)
    assert not sim.requests
    first = await agent.generate(FOX, cache=True, take=1)
    second = await agent.generate(FOX, cache="refresh", take=1)
    assert first.digest() != second.digest()
    assert (await agent.generate(FOX, cache="only", take=1)).digest() == second.digest()
    assert sent(sim) == 2


async def test_the_same_take_twice_in_flight_is_one_request(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    jobs = [agent.start(FOX, cache=True, take=1) for _ in range(3)]
    jobs[0].cancel()
    images = [await job for job in jobs[1:]]
    assert images[0].digest() == images[1].digest()
    assert sent(sim) == 1
    assert budget.spent == sim.meter.total


async def test_a_failure_is_not_kept(sim: Simulator, agent: mt.ImageGenAgent) -> None:
    sim.then(f.PromptBlocked())
    with pytest.raises(mt.RefusalError):
        await agent.generate(FOX, cache=True, take=1)
    assert not (await agent.generate(FOX, cache=True, take=1)).cached


async def test_a_result_is_kept_for_the_model_that_made_it(sim: Simulator, tmp_path: Path) -> None:
    gemini = mt.GeminiImageClient(KEY, base_url=sim.url, retry=ONCE)
    openai = mt.OpenAIImageClient(KEY, base_url=f"{sim.openai.url}/v1")
    async with mt.ImageGenAgent([gemini, openai], store=tmp_path) as both:
        sim.then(f.Status(503))
        made = await both.generate(FOX, cache=True, take=1)
        assert made.provenance is not None
        assert made.provenance.engine == "openai"
        assert (await both.generate(FOX, cache=True, take=1)).digest() == made.digest()
    assert sent(sim) == 2


async def test_a_cap_holds_for_what_is_started_in_it_wherever_it_is_awaited(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    free = agent.start(FOX)
    with budget.cap(0):
        refused = agent.start(FOX)
        image = await free
    with pytest.raises(BudgetError, match="the cap"):
        await refused
    with budget.cap(10) as cap:
        charged = agent.start(FOX)
    await charged
    assert image.cost is not None
    assert cap.spent + (image.cost.usd or 0) == budget.spent == sim.meter.total


async def test_what_only_the_first_model_takes_is_kept_too(sim: Simulator, tmp_path: Path) -> None:
    gemini = mt.GeminiImageClient(KEY, base_url=sim.url)
    openai = mt.OpenAIImageClient(KEY, base_url=f"{sim.openai.url}/v1")
    async with mt.ImageGenAgent([gemini, openai], store=tmp_path, cache=True) as both:
        await both.generate(FOX, size="4K", take=1)
        assert (await both.generate(FOX, size="4K", take=1)).cached


async def test_who_waits_for_a_call_is_not_bound_by_the_cap_of_who_began_it(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    with budget.cap(0):
        refused = agent.start(FOX, cache=True, take=1)
    waiting = agent.start(FOX, cache=True, take=1)
    await asyncio.gather(refused, return_exceptions=True)  # it may find the picture that is made
    assert await waiting
    assert sent(sim) == 1
    assert budget.spent == sim.meter.total


async def test_who_waits_for_a_call_is_not_bound_by_the_key_of_who_began_it(
    sim: Simulator, agent: mt.ImageGenAgent
) -> None:
    client = mt.GeminiImageClient("no-such-key-at-all", base_url=sim.url)
    async with mt.ImageGenAgent(client, store=agent.store, size="512") as other:
        gate = f.Gate()
        sim.then(gate)
        refused = other.start(FOX, cache=True, take=1)
        await sim.until(lambda: sent(sim) == 1)
        waiting = agent.start(FOX, cache=True, take=1)
        gate.open()
        with pytest.raises(mt.AuthenticationError):
            await refused
        assert await waiting


async def test_only_sends_neither_another_nor_a_stream(sim: Simulator, tmp_path: Path) -> None:
    voice = mt.VoiceAgent(mt.GeminiSpeechClient(KEY, base_url=sim.url), store=tmp_path)
    await voice.generate("A red fox.", cache=True, take=1)
    settings.default = "only"
    job = voice.start("A red fox.", take=1)
    assert (await job).cached
    assert job.another is not None
    with pytest.raises(NotCachedError, match="take 2"):
        await job.another()
    with pytest.raises(NotCachedError):
        voice.stream("A red fox.")
    assert sent(sim) == 1
    await voice.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda options: options | {"aspect": "16:9"},
        lambda options: options | {"seed": 1},
        lambda options: options | {"temperature": 0.5},
        lambda options: options | {"references": [mt.Image(picture())]},
        lambda options: options | {"take": 2},
    ],
)
async def test_what_is_asked_for_is_in_the_key(
    sim: Simulator,
    agent: mt.ImageGenAgent,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    usual: dict[str, Any] = {"cache": True, "take": 1}
    await agent.generate(FOX, **usual)
    assert not (await agent.generate(FOX, **change(usual))).cached
    assert (await agent.generate(FOX, **usual, timeout=99)).cached
    assert sent(sim) == 2


async def test_another_address_is_another_request(sim: Simulator, tmp_path: Path) -> None:
    """Two servers may call different models by one name; the vendor's own address is no part."""
    async with Simulator(key=KEY, detail=64) as other:
        for server in (sim, other):
            client = mt.GeminiImageClient(KEY, base_url=server.url)
            async with mt.ImageGenAgent(client, store=tmp_path) as agent:
                assert not (await agent.generate(FOX, cache=True, take=1)).cached
    assert sent(sim) == sent(other) == 1
    own = mt.GeminiImageClient(KEY)
    assert own.base_url is None
    named = mt.GeminiImageClient("another-key", base_url=own.default_base_url)
    assert own.key(mt.ImagePrompt(FOX)) == named.key(mt.ImagePrompt(FOX))


async def test_the_defaults_of_an_agent_are_asked_for_too(sim: Simulator, tmp_path: Path) -> None:
    client = mt.GeminiImageClient(KEY, base_url=sim.url)
    wide = mt.ImageGenAgent(client, store=tmp_path, size="512", aspect="16:9")
    plain = mt.ImageGenAgent(client, store=tmp_path, size="512")
    await wide.generate(FOX, cache=True, take=1)
    assert not (await plain.generate(FOX, cache=True, take=1)).cached
    assert (await plain.generate(FOX, aspect="16:9", cache="only", take=1)).cached
    await plain.close()


async def test_an_agent_and_the_process_say_what_counts(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mt.GeminiImageClient(KEY, base_url=sim.url)
    async with mt.ImageGenAgent(client, store=tmp_path, cache=True) as agent:
        await agent.generate(FOX, take=1)
        assert (await agent.generate(FOX, take=1)).cached
        assert not (await agent.generate(FOX, take=1, cache=False)).cached
    plain = mt.ImageGenAgent(mt.GeminiImageClient(KEY, base_url=sim.url), store=tmp_path)
    assert not (await plain.generate(FOX, take=1)).cached
    monkeypatch.setenv("MEDIATOOLKIT_CACHE", "1")
    assert (await plain.generate(FOX, take=1)).cached
    settings.default = False
    assert not (await plain.generate(FOX, take=1)).cached


async def test_without_a_store_the_default_store_keeps_it(sim: Simulator, tmp_path: Path) -> None:
    async with mt.ImageGenAgent(mt.GeminiImageClient(KEY, base_url=sim.url)) as agent:
        await agent.generate(FOX, cache=True, take=1)
        assert (await agent.generate(FOX, cache="only", take=1)).cached
    assert list((tmp_path / "default" / "cache").glob("??/*.json"))


async def test_speech_and_film_are_kept_too(sim: Simulator, tmp_path: Path) -> None:
    voice = mt.VoiceAgent(mt.GeminiSpeechClient(KEY, base_url=sim.url), store=tmp_path)
    filming = mt.VideoGenAgent(mt.GeminiVideoClient(KEY, base_url=sim.url), store=tmp_path)
    fox = mt.Image(picture((64, 64)))
    for number in range(3):
        with separate_run():
            audio = await voice.generate("A red fox.", cache=True)
            video = await filming.generate("the fox walks", image=fox, seconds=4, cache=True)
        assert audio.cached == video.cached == (number > 0)
    assert sent(sim) == 2
    await voice.close()
    await filming.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cache": "refesh"}, "did you mean 'refresh'"),
        ({"cache": "yes"}, "did you mean True"),
        ({"cache": "kept"}, "it takes False, True"),
        ({"cache": 1}, "no way to use the cache"),
        ({"take": 0}, "take=0 does not exist"),
        ({"take": True}, "take=True does not exist"),
        ({"take": 1.5}, "take=1.5 does not exist"),
    ],
)
def test_bad_words_are_refused_at_once(options: dict[str, Any], words: str) -> None:
    agent = mt.ImageGenAgent("local/painter")
    with pytest.raises(mt.PromptError, match=words):
        agent.start(FOX, **options)
