"""Our own clients for pictures pass the contract that others are held to."""

from collections.abc import AsyncIterator

import pytest

import mediatoolkit as mt
from mediatoolkit.testing import HttpImageClientContract, ImageClientContract, SimulatedVendor

KEY = "key-of-the-contract"


class TestLocal(ImageClientContract):
    prompt = mt.ImagePrompt("a red fox", size="64x64")

    @pytest.fixture
    async def client(self) -> AsyncIterator[mt.LocalImageClient]:
        async with mt.LocalImageClient() as client:
            yield client


class TestGemini(HttpImageClientContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("gemini",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim)

    @pytest.fixture
    async def client(self, vendor: SimulatedVendor) -> AsyncIterator[mt.GeminiImageClient]:
        async with mt.GeminiImageClient(vendor.key, base_url=vendor.base_url) as client:
            yield client


class TestOpenAI(HttpImageClientContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("openai",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim, "/v1")

    @pytest.fixture
    async def client(self, vendor: SimulatedVendor) -> AsyncIterator[mt.OpenAIImageClient]:
        async with mt.OpenAIImageClient(vendor.key, base_url=vendor.base_url) as client:
            yield client
