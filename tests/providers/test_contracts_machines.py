"""The clients of own servers pass the contract, over what the simulator plays."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import ProviderError
from mediatoolkit.providers.automatic1111 import Automatic1111ImageClient
from mediatoolkit.providers.comfyui import ComfyUIImageClient, ComfyUIVideoClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Partial, Withdrawn, Working
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import faults
from mediatoolkit.testing import (
    HttpImageClientContract,
    HttpVideoClientContract,
    QueuedClientContract,
    SimulatedVendor,
)

LOGIN = "contract:key-of-the-contract"
CHECKPOINT = "sd_xl_base_1.0.safetensors"


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
    # Else the first request would be for the list of checkpoints.
    options: ClassVar[Mapping[str, Any]] = {"model": CHECKPOINT}

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("comfyui",), key=LOGIN, detail=64) as sim:
            yield SimulatedVendor(sim)


FILM: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
    "4": {
        "class_type": "EmptyHunyuanLatentVideo",
        "inputs": {"width": 128, "height": 128, "length": 17, "batch_size": 1},
    },
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1, "steps": 4, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple",
            "denoise": 1.0, "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0],
            "latent_image": ["4", 0],
        },
    },
    "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
    "7": {"class_type": "CreateVideo", "inputs": {"images": ["6", 0], "fps": 16.0}},
    "8": {
        "class_type": "SaveVideo",
        "inputs": {"video": ["7", 0], "filename_prefix": "film", "format": "auto", "codec": "auto"},
    },
}  # fmt: skip


class TestComfyUIFilms(HttpVideoClientContract, QueuedClientContract):
    client_type = ComfyUIVideoClient
    tells_usage = refuses = False
    options: ClassVar[Mapping[str, Any]] = {"workflow": FILM}
    odd: ClassVar[Mapping[str, Any]] = {}  # its workflow says what it takes, not its class

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=("comfyui",), key=LOGIN, detail=64) as sim:
            yield SimulatedVendor(sim)


MACHINES = [Automatic1111ImageClient, ComfyUIImageClient]
FOX = mt.ImagePrompt("a red fox", size="512", options={"steps": 8})


async def drawing(sim: mt.Simulator, kind: Any, heard: list[Event]) -> mt.Image:
    async with kind(base_url=sim.url) as client, CallContext(60, listener=heard.append) as context:
        client.polling = Polling(first=0.01, cap=0.05)
        return await client.make(FOX, context)  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", MACHINES)
async def test_the_board_hears_steps_and_sees_previews(kind: Any) -> None:
    heard: list[Event] = []
    async with mt.Simulator(vendors=(kind.provider,), detail=64) as sim:
        first, hold = sim.pace.hold(1), sim.pace.hold(4)
        task = asyncio.create_task(drawing(sim, kind, heard))
        await first.reached()
        if kind is ComfyUIImageClient:  # it tells only those who listen
            await sim.until(lambda: sim.open_sockets == 1)
        first.release()
        await hold.reached()
        while not {Working, Partial} <= set(map(type, heard)):
            await asyncio.sleep(0.001)
        hold.release()
        image = await task

    assert (image.width, image.height) == (512, 512)
    steps = [event for event in heard if isinstance(event, Working) and event.fraction]
    assert steps
    assert steps[-1].words.endswith("of 8")


@pytest.mark.parametrize("kind", MACHINES)
async def test_stop_ends_the_work_at_the_server(kind: Any) -> None:
    heard: list[Event] = []
    async with mt.Simulator(vendors=(kind.provider,), detail=64) as sim:
        hold = sim.pace.hold(4)
        task = asyncio.create_task(drawing(sim, kind, heard))
        await hold.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sim.requests_for("cancel")
        hold.release()

    assert heard[-1] == Withdrawn(confirmed=True)


async def test_a_socket_that_drops_takes_nothing_but_the_news() -> None:
    heard: list[Event] = []
    async with mt.Simulator(vendors=("comfyui",), detail=64) as sim:
        hold = sim.pace.hold(4)
        task = asyncio.create_task(drawing(sim, ComfyUIImageClient, heard))
        await hold.reached()
        await sim.until(lambda: sim.open_sockets == 1)
        sim.drop_sockets()
        hold.release()
        image = await task

    assert image.provenance is not None
    assert image.provenance.seed is not None


@pytest.mark.parametrize("kind", MACHINES)
async def test_a_failure_within_the_work_is_a_typed_error(kind: Any) -> None:
    async with mt.Simulator(vendors=(kind.provider,), detail=64) as sim:
        sim.always(faults.StreamError(message="Out of memory"), at="start")
        with pytest.raises(ProviderError) as caught:
            await drawing(sim, kind, [])
        assert len(sim.requests_for("start")) == 1

    assert caught.value.family in {"operation", "server"}
    assert "Out of memory" in str(caught.value)
