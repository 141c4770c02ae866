"""The clients of own servers pass the contract, over what the simulator plays."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.automatic1111 import Automatic1111ImageClient
from mediatoolkit.providers.comfyui import ComfyUIImageClient
from mediatoolkit.testing import HttpImageClientContract, QueuedClientContract, SimulatedVendor

LOGIN = "contract:key-of-the-contract"


class TestAutomatic1111(HttpImageClientContract):
    client_type = Automatic1111ImageClient
    tells_usage = refuses = False
    prompt: ClassVar[mt.ImagePrompt] = mt.ImagePrompt("a red fox under the stars", size="64x64")

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("automatic1111",), key=LOGIN, detail=64) as sim:
            yield SimulatedVendor(sim)


class TestComfyUI(HttpImageClientContract, QueuedClientContract):
    client_type = ComfyUIImageClient
    tells_usage = refuses = False
    options: ClassVar[Mapping[str, Any]] = {"model": "sd_xl_base_1.0.safetensors"}

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("comfyui",), key=LOGIN, detail=64) as sim:
            yield SimulatedVendor(sim)
