"""The clients of xAI pass the contract, over what the simulator plays."""

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
