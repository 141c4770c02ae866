"""The clients of OpenRouter, Together and Mistral pass the contract, over the simulator."""

from collections.abc import AsyncIterator

import pytest

import mediatoolkit as mt
from mediatoolkit.testing import (
    HttpImageClientContract,
    HttpSpeechClientContract,
    HttpVideoClientContract,
    SimulatedVendor,
)

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


class TestOpenRouterFilms(OfOpenRouter, HttpVideoClientContract):
    client_type = mt.OpenRouterVideoClient


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


class TestTogetherFilms(OfTogether, HttpVideoClientContract):
    client_type = mt.TogetherVideoClient


class TestMistralSpeech(HttpSpeechClientContract):
    client_type = mt.MistralSpeechClient
    tells_usage = False

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("mistral",), key=KEY) as sim:
            yield SimulatedVendor(sim)
