"""The clients of queues pass the contract that every vendor's client is held to."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

import mediatoolkit as mt
from mediatoolkit.simulator import faults
from mediatoolkit.testing import (
    HttpImageClientContract,
    HttpSpeechClientContract,
    HttpVideoClientContract,
    QueuedClientContract,
    SimulatedVendor,
)

KEY = "key-of-the-contract"


class OfFal:
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("fal",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim)


class TestFalPictures(OfFal, QueuedClientContract, HttpImageClientContract):
    client_type = mt.FalImageClient


class TestFalSpeech(OfFal, QueuedClientContract, HttpSpeechClientContract):
    client_type = mt.FalSpeechClient
    options: ClassVar = {"model": "simulated/speech"}


class TestFalFilms(OfFal, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.FalVideoClient
    options: ClassVar = {"model": "simulated/film/text-to-video"}


class PromptVendor(SimulatedVendor):
    """Whose waits end at once; in their own words, some take half a minute."""

    def fail(self, status: int, *, times: int | None = None) -> None:
        if times:
            fault = faults.Status(status, retry_after="0", retry_delay="0.01s")
            self.simulator.then(*[fault] * times, at="start")
        else:
            super().fail(status)


class OfReplicate:
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("replicate",), key=KEY, detail=64) as sim:
            yield PromptVendor(sim)


class TestReplicatePictures(OfReplicate, QueuedClientContract, HttpImageClientContract):
    client_type = mt.ReplicateImageClient


class TestBFL(HttpImageClientContract):
    client_type = mt.BFLImageClient

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("bfl",), key=KEY, detail=64) as sim:
            yield SimulatedVendor(sim)

    test_a_job_outlives_its_client = QueuedClientContract.test_a_job_outlives_its_client


class TestReplicateSpeech(OfReplicate, QueuedClientContract, HttpSpeechClientContract):
    client_type = mt.ReplicateSpeechClient
    options: ClassVar = {"model": "simulated/speech"}


class TestReplicateFilms(OfReplicate, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.ReplicateVideoClient
    options: ClassVar = {"model": "simulated/film"}


class OfHuggingFace:
    tells_usage = names_calls = False

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("huggingface",), key=KEY, detail=64) as sim:
            yield PromptVendor(sim)


class TestHuggingFacePictures(OfHuggingFace, HttpImageClientContract):
    client_type = mt.HuggingFaceImageClient


class TestHubPictures(OfHuggingFace, HttpImageClientContract):
    client_type = mt.HuggingFaceImageClient
    options: ClassVar = {"model": "acme/painter"}
    refuses = False


class TestRoutedPictures(OfHuggingFace, HttpImageClientContract):
    client_type = mt.HuggingFaceImageClient
    options: ClassVar = {"model": "replicate/acme/painter"}


class TestHuggingFaceSpeech(OfHuggingFace, HttpSpeechClientContract):
    client_type = mt.HuggingFaceSpeechClient
    options: ClassVar = {"model": "acme/tts"}
    refuses = False


class TestHuggingFaceFilms(OfHuggingFace, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.HuggingFaceVideoClient
    options: ClassVar = {"model": "fal-ai/fal-ai/wan/text-to-video"}
