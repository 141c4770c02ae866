"""A run whose store is an address of fsspec."""

import uuid
from pathlib import Path

import pytest

import mediatoolkit as mt
from mediatoolkit.simulator.faults import PromptBlocked
from mediatoolkit.url_store import store_at
from tests.runs.conftest import Vendor

ROWS = [{"prompt": f"fox {number}"} for number in range(5)]


@pytest.fixture(params=["memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid.uuid4()}/x" if request.param == "memory" else f"file://{tmp_path}"


async def test_a_run_goes_on_at_an_address(vendor: Vendor, place: str) -> None:
    vendor.sim.then(PromptBlocked())
    client = mt.GeminiImageClient("test-key", base_url=vendor.sim.url)
    async with mt.ImageGenAgent(client, store=place) as agent:
        run = agent.start_many(ROWS, run="posters", concurrency=1)
        table = await run
        assert list(table.status) == ["failed"] + ["done"] * 4
        assert [image.width for image in table.media[1:]] == [64] * 4
        again = agent.start_many(ROWS, run="posters")
        assert list((await again).status) == ["failed"] + ["done"] * 4
        assert vendor.sent.total() == 5
        assert list((await again.retry()).status) == ["done"] * 5
        with pytest.raises(mt.PromptError, match="1 new"):
            await agent.start_many([*ROWS, {"prompt": "an owl"}], run="posters")
    assert vendor.sent.total() == 6
    assert str(run.folder).endswith("runs/posters")
    table_file = store_at(place).read("runs/posters/table.csv")
    assert table_file.decode().count("done") == 5
