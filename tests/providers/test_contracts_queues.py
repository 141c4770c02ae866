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


class ReplicateVendor(SimulatedVendor):
    """Whose limits end at once; it says itself that they end in half a minute."""

    def fail(self, status: int, *, times: int | None = None) -> None:
        if status == 429 and times:
            fault = faults.Status(status, retry_after="0")
            self.simulator.then(*[fault] * times, at="start")
        else:
            super().fail(status, times=times)


class OfReplicate:
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("replicate",), key=KEY, detail=64) as sim:
            yield ReplicateVendor(sim)


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
