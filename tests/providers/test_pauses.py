"""A vendor that wants less: our clients against simulated vendors with a limit."""

import asyncio
import time

import mediatoolkit as mt
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Paused, Retrying
from mediatoolkit.simulator import Simulator, faults
from tests.test_prompts import picture

KEY = "test-key"


async def test_one_refused_picture_of_64_stops_the_others(sim: Simulator) -> None:
    """The wait stands in the body, as Gemini tells it."""
    asked: list[float] = []
    gate = faults.Gate(0)
    sim.then(faults.Status(429, retry_delay="1s"), *[gate] * 7)
    limits = mt.Limits(concurrency=8)
    async with mt.GeminiImageClient(KEY, base_url=sim.url, limits=limits) as client:
        client.on_pause(asked.append)
        client.on_pause(lambda _seconds: gate.open())
        await asyncio.gather(*[client.generate("a red fox") for _ in range(64)])

    assert asked == [1]
    assert len(sim.requests) == 65
    arrivals = [request.arrived for request in sim.requests]
    assert min(arrivals[8:]) >= arrivals[0] + 1, "eight were on the wire"
    assert len(sim.meter.records) == 64


async def test_openai_is_not_asked_for_more_than_it_says_it_takes() -> None:
    """Its headers say so before it refuses anything: so no call is sent twice."""
    heard: list[Event] = []
    async with (
        Simulator(vendors=("openai",), picture=picture(), per_minute=600, burst=4, key=KEY) as sim,
        mt.OpenAIImageClient(KEY, base_url=f"{sim.openai.url}/v1") as client,
    ):
        for _ in range(12):
            async with CallContext(60, listener=heard.append) as context:
                await client.make(mt.ImagePrompt("a red fox"), context)

        assert len(sim.requests) == 12
    assert any(isinstance(event, Paused) for event in heard)
    assert not any(isinstance(event, Retrying) for event in heard)


async def test_a_client_without_a_vendor_is_always_ready() -> None:
    async with mt.LocalImageClient() as client:
        client.pause(1000)
        forget = client.on_pause(lambda _seconds: None)
        await client.ready()
        forget()


async def test_a_client_is_ready_when_the_pause_is_over(sim: Simulator) -> None:
    """Its call may then be shorter than the pause was."""
    async with mt.GeminiImageClient(KEY, base_url=sim.url) as client:
        paused = time.monotonic()
        client.pause(0.4)
        await client.ready()
        assert time.monotonic() >= paused + 0.4
        await client.generate("a red fox", timeout=20)
    assert len(sim.requests) == 1
