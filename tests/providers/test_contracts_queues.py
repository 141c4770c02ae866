"""The clients of queues pass the contract that every vendor's client is held to."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

import mediatoolkit as mt
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
