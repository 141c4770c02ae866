"""Tables of all shapes come back as they were."""

import time

import numpy as np
import pandas as pd
import pytest

import mediatoolkit as mt
from mediatoolkit.runs.rows import Rows
from tests.runs.conftest import Vendor
from tests.test_prompts import picture

PROMPTS = ["a fox", "an owl", "a cat"]
FRAMES = {
    "categories": pd.DataFrame({"prompt": pd.Categorical(PROMPTS), "n": pd.Categorical([1, 2, 1])}),
    "nullable": pd.DataFrame({"prompt": PROMPTS, "n": pd.array([1, None, 3], dtype="Int64")}),
    "arrow": pd.DataFrame({"prompt": PROMPTS, "seed": [1, 2, 3]}).convert_dtypes(
        dtype_backend="pyarrow"
    ),
    "twice": pd.DataFrame({"prompt": PROMPTS}, index=[7, 7, 8]),
    "levels": pd.DataFrame({"prompt": PROMPTS}, index=pd.MultiIndex.from_arrays([[1, 1, 2]] * 2)),
    "times": pd.DataFrame({"prompt": PROMPTS, "t": pd.date_range("2026", periods=3, tz="UTC")}),
    "objects": pd.DataFrame(
        {"prompt": PROMPTS, "seed": pd.Series(map(np.int64, range(3)), dtype=object)}
    ),
    "names": pd.DataFrame({"prompt": PROMPTS, 1: [1, 2, 3]}).rename_axis(columns="names"),
}


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_keeps_its_types_and_can_be_fed_back(vendor: Vendor, name: str) -> None:
    frame = FRAMES[name]
    async with vendor.agent() as agent:
        run = agent.start_many(frame)
        table = await run
        assert list(table.status) == ["done"] * 3
        pd.testing.assert_frame_equal(table[list(frame.columns)], frame)
        for suffix in ("csv", "jsonl", "parquet"):
            await run.asave(vendor.folder / f"table.{suffix}")
        again = await agent.start_many(table)
        assert list(again.status) == ["done"] * 3


async def test_mappings_that_lack_a_column_can_be_fed_back(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        table = await agent.start_many([{"prompt": "a fox", "size": "1K"}, {"prompt": "an owl"}])
        assert list(table["size"]) == ["1K", None]
        await agent.start_many(table)


async def test_half_a_letter_in_an_id_costs_no_table(vendor: Vendor) -> None:
    async with vendor.agent() as agent:
        table = await agent.start_many([{"prompt": "a fox", "id": "\ud800"}])
    assert list(table.id) == ["\ud800"]


async def test_a_list_that_changes_later_changes_no_row(vendor: Vendor) -> None:
    references = [mt.Image(picture((8, 8)))]
    async with vendor.agent() as agent:
        run = agent.start_many([{"prompt": "a fox", "references": references}])
        references.append(references[0])
        await run
    [request] = vendor.sim.requests
    assert len(request.body["contents"][0]["parts"]) == 2


def test_a_picture_in_all_rows_is_read_through_once() -> None:
    shared = np.zeros((1024, 1024, 3), np.uint8)
    table = [{"prompt": str(number), "references": [shared]} for number in range(300)]
    rows = Rows(table, {"prompt", "references"})
    begun = time.process_time()
    rows.prepare(lambda _values: None)
    assert time.process_time() - begun < 2  # 30 ms each time
    assert len(rows.ids) == 300


async def test_how_long_a_film_is_and_how_long_it_took_are_two_columns(vendor: Vendor) -> None:
    """Else a table of results that is fed back would ask for films that are as long as that."""
    async with mt.VideoGenAgent("local", store=vendor.folder) as agent:
        run = agent.start_many([{"prompt": "a fox"}])
        columns = list(run.table.columns)
        run.cancel()
        with pytest.raises(mt.JobCancelled):
            await run
    assert "took" in columns
    assert "seconds" not in columns
