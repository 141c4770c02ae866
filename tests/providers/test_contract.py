"""Our own clients pass the contract that others are held to; vendors' own files add theirs."""

from collections.abc import AsyncIterator

import pytest

import mediatoolkit as mt
from mediatoolkit.testing import (
    HttpImageClientContract,
    HttpSpeechClientContract,
    HttpVideoClientContract,
    ImageClientContract,
    QueuedClientContract,
    SimulatedVendor,
    SpeechClientContract,
    VideoClientContract,
)

KEY = "key-of-the-contract"


class TestLocalPictures(ImageClientContract):
    prompt = mt.ImagePrompt("a red fox", size="64x64")

    @pytest.fixture
    async def client(self) -> AsyncIterator[mt.LocalImageClient]:
        async with mt.LocalImageClient() as client:
            yield client


class TestLocalSpeech(SpeechClientContract):
    prompt = mt.SpeechPrompt("A red fox.")

    @pytest.fixture
    async def client(self) -> AsyncIterator[mt.LocalSpeechClient]:
        async with mt.LocalSpeechClient() as client:
            yield client


class TestLocalFilms(VideoClientContract):
    prompt = mt.VideoPrompt("a red fox", seconds=1)

    @pytest.fixture
    async def client(self) -> AsyncIterator[mt.LocalVideoClient]:
        async with mt.LocalVideoClient() as client:
            yield client


class OfGemini:
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("gemini",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim)


class TestGeminiPictures(OfGemini, HttpImageClientContract):
    client_type = mt.GeminiImageClient


class TestGeminiSpeech(OfGemini, HttpSpeechClientContract):
    client_type = mt.GeminiSpeechClient


class TestGeminiFilms(OfGemini, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.GeminiVideoClient


class TestOpenAI(HttpImageClientContract):
    client_type = mt.OpenAIImageClient

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("openai",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim, "/v1")
