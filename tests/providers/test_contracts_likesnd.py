"""Clients of vendors that speak as OpenAI does pass the contract, over the simulator."""

from collections.abc import AsyncIterator

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.testing import (
    HttpImageClientContract,
    HttpSpeechClientContract,
    HttpVideoClientContract,
    QueuedClientContract,
    SimulatedVendor,
)
from tests.test_prompts import picture

KEY = "key-of-the-contract"


class OfOpenRouter:
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("openrouter",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim, "/api/v1")


class TestOpenRouterPictures(OfOpenRouter, HttpImageClientContract):
    client_type = mt.OpenRouterImageClient


class TestOpenRouterSpeech(OfOpenRouter, HttpSpeechClientContract):
    client_type = mt.OpenRouterSpeechClient


class TestOpenRouterFilms(OfOpenRouter, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.OpenRouterVideoClient
    test_a_cancel_reaches_the_vendor = None  # type: ignore[assignment] # nobody can stop a film


class OfTogether:
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("together",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim)


class TestTogetherPictures(OfTogether, HttpImageClientContract):
    client_type = mt.TogetherImageClient
    tells_usage = False


class TestTogetherSpeech(OfTogether, HttpSpeechClientContract):
    client_type = mt.TogetherSpeechClient
    tells_usage = False


class TestTogetherFilms(OfTogether, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.TogetherVideoClient
    test_a_cancel_reaches_the_vendor = None  # type: ignore[assignment] # nobody can stop a film


class TestMistralSpeech(HttpSpeechClientContract):
    client_type = mt.MistralSpeechClient
    tells_usage = False

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("mistral",), key=KEY) as sim:
            yield SimulatedVendor(sim)


class OfVLLM:
    tells_usage = refuses = False

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("vllm",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim, "/v1")


class TestSpeechOfOwnServers(OfVLLM, HttpSpeechClientContract):
    client_type = mt.OpenAICompatibleSpeechClient
    names_calls = False


class TestFilmsOfOwnServers(OfVLLM, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.OpenAICompatibleVideoClient


async def test_a_film_may_be_kept_where_the_key_must_not_go() -> None:
    """OpenRouter leads on to a store of files, which refuses a key."""
    async with mt.Simulator(vendors=("openrouter",), key=KEY, redirects=True) as sim:
        url, trusted = f"{sim.url}/api/v1", (sim.files_url,)
        async with mt.OpenRouterVideoClient(KEY, base_url=url, trusted_origins=trusted) as camera:
            camera.polling = Polling(first=0.01, cap=0.01)
            film = await camera.generate(mt.VideoPrompt("a fox", seconds=4))

        last = sim.requests[-1]
        assert (last.origin, last.key) == (sim.files_url, None)

    assert film.seconds == pytest.approx(4)


@pytest.mark.parametrize("name", ["localai", "vllm"])
async def test_own_servers_stream_and_film(name: str) -> None:
    """Whatever their speech comes as, and with a queue or without one."""
    prompt = mt.VideoPrompt("a fox", seconds=2, resolution="360p", image=picture())
    async with mt.Simulator(vendors=(name,), key=KEY, detail=64) as sim:
        url = f"{sim.url}/v1"
        async with (
            mt.OpenAICompatibleSpeechClient(KEY, base_url=url) as voice,
            mt.VoiceAgent(voice) as agent,
        ):
            whole = await agent.generate("Hello there, how are you?")
            pieces = [sound async for sound in agent.stream("Hello there, how are you?")]
        async with mt.OpenAICompatibleVideoClient(KEY, base_url=url) as camera:
            camera.polling = Polling(first=0.01, cap=0.01)
            film = await camera.generate(prompt)

    assert sum(sound.seconds for sound in pieces) == pytest.approx(whole.seconds)
    assert film.seconds == pytest.approx(2)
    assert (film.width, film.height) == (640, 360)
