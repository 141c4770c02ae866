"""A vendor on loopback, and an agent that asks it and keeps what it makes."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import mediatoolkit as mt
from mediatoolkit.pricing.budget import budget
from mediatoolkit.store import Store
from tests.test_prompts import picture

MODEL = "gemini-3.1-flash-image"


class Vendor:
    """The simulator, and what came in at it."""

    def __init__(self, sim: mt.Simulator, folder: Path) -> None:
        """Nothing came in yet."""
        self.sim = sim
        self.folder = folder

    def agent(self, **options: object) -> mt.ImageGenAgent:
        client = mt.GeminiImageClient(
            "test-key", base_url=self.sim.url, model=MODEL, retry=mt.Retry(base=0.01)
        )
        return mt.ImageGenAgent(client, store=Store(self.folder), **options)  # type: ignore[arg-type]

    @property
    def sent(self) -> Counter[str]:
        """How often each prompt came in."""
        bodies = [each.body for each in self.sim.requests if each.method == "POST"]
        return Counter(body["contents"][0]["parts"][-1]["text"] for body in bodies)


@pytest.fixture(autouse=True)
def fresh_budget() -> Iterator[None]:
    """What one test spends is nothing to the next, here or elsewhere."""
    yield
    budget.release()
    budget.reset()


@pytest.fixture
async def vendor(tmp_path: Path) -> AsyncIterator[Vendor]:
    async with mt.Simulator(picture=picture((64, 64))) as sim:
        yield Vendor(sim, tmp_path)
