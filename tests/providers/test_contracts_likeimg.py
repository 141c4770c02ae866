"""xAI, and pictures by servers of one's own, pass the contract over what the simulator plays."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from mediatoolkit.testing import (
    HttpImageClientContract,
    HttpVideoClientContract,
    QueuedClientContract,
    SimulatedVendor,
)
from tests.test_prompts import picture

KEY = "key-of-the-contract"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with mt.Simulator(vendors=("xai",), key=KEY, detail=64) as simulator:
        yield simulator


class OfXAI:
    @pytest.fixture
    async def vendor(self, sim: Simulator) -> SimulatedVendor:
        return SimulatedVendor(sim, "/v1")


class TestXAIPictures(OfXAI, HttpImageClientContract):
    client_type = mt.XAIImageClient
    names_calls = False


class TestXAIFilms(OfXAI, QueuedClientContract, HttpVideoClientContract):
    client_type = mt.XAIVideoClient
    prompt: ClassVar = mt.VideoPrompt("a red fox walks", seconds=1)

    async def test_a_cancel_reaches_the_vendor(self) -> None:  # type: ignore[override]
        """The vendor knows no cancel."""


class OfOwnServer(HttpImageClientContract):
    client_type = mt.OpenAICompatibleImageClient
    tells_usage = False
    refuses = False
    kind = ""

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[SimulatedVendor]:
        async with mt.Simulator(vendors=(self.kind,), key=KEY, detail=64) as simulator:
            yield SimulatedVendor(simulator, "/v1")


class TestLocalAI(OfOwnServer):
    kind = "localai"


class TestVLLM(OfOwnServer):
    kind = "vllm"
    names_calls = False


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[mt.XAIImageClient]:
    async with mt.XAIImageClient(KEY, base_url=f"{sim.url}/v1") as xai:
        yield xai


@pytest.fixture
async def films(sim: Simulator) -> AsyncIterator[mt.XAIVideoClient]:
    async with mt.XAIVideoClient(
        KEY, base_url=f"{sim.url}/v1", trusted_origins=(sim.files_url,)
    ) as xai:
        xai.polling = Polling(first=0.01, cap=0.01)
        yield xai


async def test_what_a_picture_costs_is_what_the_simulator_bills(
    sim: Simulator, client: mt.XAIImageClient
) -> None:
    """Edits of one picture and of several, too."""
    prompts = [
        mt.ImagePrompt.of("a fox", size="2K", aspect="16:9", quality="low"),
        mt.ImagePrompt("now red", references=[picture()]),
        mt.ImagePrompt("join <IMAGE_0> and <IMAGE_1>", references=[picture(), picture((9, 9))]),
    ]

    images = [await client.generate(prompt) for prompt in prompts]

    assert images[0].width > images[0].height > 1024
    costs = [image.cost.usd or 0 for image in images if image.cost]
    assert sum(map(float, costs)) == pytest.approx(float(sim.meter.total))


@pytest.mark.parametrize(
    "fault",
    [f.Moderated("slot"), f.Moderated("empty"), f.Moderated("rejected"), f.Moderated("coded")],
    ids=["slot", "empty", "rejected", "coded"],
)
async def test_each_form_of_moderation_is_a_refusal(
    sim: Simulator, client: mt.XAIImageClient, films: mt.XAIVideoClient, fault: f.Moderated
) -> None:
    sim.then(fault)
    with pytest.raises(mt.RefusalError):
        await client.generate("a fox")

    sim.then(fault)
    with pytest.raises(mt.RefusalError):
        await films.generate(mt.VideoPrompt("a fox", seconds=1))


@pytest.mark.parametrize("kind", ["localai", "vllm"])
async def test_a_server_of_ones_own_draws_what_it_is_asked_for(kind: str) -> None:
    """In its size, again by its seed, for nothing."""
    prompt = mt.ImagePrompt("a fox", size="128x64", seed=7)
    async with (
        mt.Simulator(vendors=(kind,), detail=64) as sim,
        mt.OpenAICompatibleImageClient(base_url=f"{sim.url}/v1") as own,
    ):
        first, second = [await own.generate(prompt) for _ in range(2)]

    assert (first.width, first.height) == (128, 64)
    assert first.data == second.data
    assert first.cost
    assert first.cost.usd == 0


async def test_a_server_of_ones_own_edits() -> None:
    """LocalAI has no such route, and says so."""
    prompt = mt.ImagePrompt("now red", references=[picture()])
    async with mt.Simulator(vendors=("vllm", "localai"), detail=64) as sim:
        async with mt.OpenAICompatibleImageClient(base_url=f"{sim.vllm.url}/v1") as own:
            image = await own.generate(prompt)
        async with mt.OpenAICompatibleImageClient(base_url=f"{sim.localai.url}/v1") as own:
            with pytest.raises(mt.ProviderError):
                await own.generate(prompt)

    assert image.width == 1024
