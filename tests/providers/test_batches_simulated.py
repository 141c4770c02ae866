"""Batches against the simulator, which was written apart from the clients."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.pricing.quotes import FREE
from mediatoolkit.prompts import ImagePrompt, SpeechPrompt
from mediatoolkit.providers.batches import BatchClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.simulator import Simulator, faults
from tests.providers.batch_calls import (
    error_in,
    image_in,
    made,
    prompts,
    results_of,
    submitted,
    until_over,
)
from tests.providers.batch_vendors import KEY
from tests.test_prompts import picture

VENDORS = ["gemini", "openai"]


@dataclass
class Side:
    """A client, and its vendor's side."""

    client: BatchClient[Any, Any]
    sim: Simulator

    @property
    def billed(self) -> Decimal:
        return self.sim.meter.total


@pytest.fixture(params=VENDORS)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    async with Simulator(vendors=(request.param,), key=KEY, picture=picture()) as sim:
        client: Any
        if request.param == "gemini":
            client = mt.GeminiImageClient(KEY, base_url=sim.url, model="gemini-3-pro-image")
        else:
            client = mt.OpenAIImageClient(KEY, base_url=f"{sim.url}/v1", model="gpt-image-2")
        async with client:
            yield Side(client, sim)


def spent(results: Mapping[str, Media | MediaToolkitError]) -> Decimal:
    """The sum of what the media says that it has cost."""
    costs = [result.cost for result in results.values() if isinstance(result, Media)]
    return sum((cost.usd for cost in costs if cost and cost.usd), Decimal(0))


@pytest.mark.parametrize("count", [3, 30], ids=["a few", "many"])
async def test_each_prompt_gets_its_picture_and_its_cost(side: Side, count: int) -> None:
    """A larger batch of Gemini goes through files."""
    batch = prompts(count, size="1K")
    quoted = sum((side.client.batch_quote(prompt) for prompt in batch.values()), FREE)
    side.sim.then(faults.InBatch(backwards=True), at="start")
    results = await made(side.client, batch)
    assert set(results) == set(batch)
    for key, result in results.items():
        record = image_in(result).provenance
        assert record is not None
        assert record.prompt == batch[key].text
    assert quoted.high is not None
    assert spent(results) == side.billed <= quoted.high


async def test_what_is_drawn_on_is_sent_along(side: Side) -> None:
    """Pictures stand in the line as base64, for OpenAI with a mask."""
    reference = mt.Image(picture((64, 64)))
    options = {"mask": mt.Image(picture((64, 64)))} if side.client.provider == "openai" else {}
    edit = ImagePrompt.of("a hat", references=(reference,), **options)
    (result,) = (await made(side.client, {"edit": edit})).values()
    record = image_in(result).provenance
    assert record is not None
    assert record.options["references"] == [reference.digest()[:16]]


@pytest.mark.parametrize("count", [5, 30], ids=["a few", "many"])
async def test_each_request_fails_by_itself(side: Side, count: int) -> None:
    refusal = faults.PromptBlocked()
    faulty = {0: refusal, 1: faults.Status(429), 2: faults.Status(500)}
    side.sim.then(faults.InBatch(faulty, missing=(3,)), at="start")
    results = await made(side.client, prompts(count, size="1K"))
    facts = [type(results[f"row-{n}"]) for n in range(5)]
    assert facts == [
        mt.RefusalError,
        mt.RateLimitError,
        mt.ProviderError,
        mt.ProviderError,
        mt.Image,
    ]
    billed = [error_in(results[f"row-{n}"]).may_have_been_billed for n in range(4)]
    assert billed == [False, False, False, True]


@pytest.mark.parametrize("end", ["failed", "expired"])
async def test_a_batch_that_ends_too_early_has_cost_what_it_brought(side: Side, end: Any) -> None:
    side.sim.then(faults.InBatch(ends=end, done=1), at="start")
    results = await made(side.client, prompts(3, size="1K"))
    assert len(results) == 3
    assert spent(results) == side.billed
    errors = [result for result in results.values() if isinstance(result, MediaToolkitError)]
    assert len(errors) >= 2
    assert not any(error.may_have_been_billed for error in errors)
    assert all(end in str(error) for error in errors)


async def test_a_cancel_costs_what_it_left(side: Side) -> None:
    side.sim.looks = 4
    name = await submitted(side.client, prompts(6, size="1K"))
    async with CallContext(20) as context:
        await side.client.poll_batch(name, context)
        await side.client.poll_batch(name, context)
        assert await side.client.cancel_batch(name, context)
    await until_over(side.client, name)
    results = await results_of(side.client, name, prompts(6, size="1K"))
    assert len(results) == 6
    assert spent(results) == side.billed
    assert side.sim.meter.unfinished == 0
    assert "cancelled" in str(results["row-5"])


async def test_what_the_vendor_refuses_as_a_whole_is_not_billed(side: Side) -> None:
    side.sim.then(faults.Status(400), at="start")
    with pytest.raises(mt.ProviderError) as caught:
        await submitted(side.client, prompts(1))
    assert not caught.value.may_have_been_billed
    assert side.billed == 0


async def test_many_batches_go_side_by_side(side: Side) -> None:
    """Each is collected by its name, whenever it is over."""
    batch = prompts(6, size="1K")
    names = {}
    for key, prompt in batch.items():
        names[key] = await submitted(side.client, {key: prompt})
    assert len(set(names.values())) == 6
    for key in reversed(batch):
        await until_over(side.client, names[key])
    for key, name in names.items():
        results = await results_of(side.client, name, {key: batch[key]})
        assert isinstance(results[key], mt.Image)


async def test_speech_in_a_batch_costs_half() -> None:
    batch = {
        "a": SpeechPrompt("Hello there.", voice="Kore", style="calm"),
        "b": SpeechPrompt("A: Hi.\nB: Bye.", speakers={"A": "Kore", "B": "Puck"}),
    }
    async with Simulator(vendors=("gemini",), key=KEY) as sim:
        async with mt.GeminiSpeechClient(KEY, base_url=sim.url) as client:
            results = await made(client, batch)
        assert all(isinstance(result, mt.Audio) for result in results.values())
        assert spent(results) == sim.meter.total
        quoted = sum((client.batch_quote(each) for each in batch.values()), FREE)
        assert quoted.high is not None
        assert sim.meter.total <= quoted.high
