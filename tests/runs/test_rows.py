"""What a run takes for rows, and what it refuses before anything is sent."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mediatoolkit as mt
from mediatoolkit.runs.rate import per_second
from mediatoolkit.runs.rows import Rows
from mediatoolkit.runs.starting import MOST_AT_CALL
from mediatoolkit.store import Store

KEYWORDS = frozenset({"prompt", "size", "seed", "references"})


def prepared(rows: Any) -> Rows:
    table = Rows(rows, KEYWORDS)
    table.identify()
    return table


def agent(folder: Path) -> mt.ImageGenAgent:
    return mt.ImageGenAgent("local", store=Store(folder))


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"prompt": ["a fox", "an owl"], **columns})


def test_columns_that_are_no_keywords_travel_along() -> None:
    rows = Rows(frame(animal=["fox", "owl"], seed=[1, 2]), KEYWORDS)
    assert rows.values(1) == {"prompt": "an owl", "seed": 2}
    assert rows.row(1) == {"prompt": "an owl", "animal": "owl", "seed": 2}


def test_mappings_may_have_different_keys() -> None:
    rows = Rows([{"prompt": "a fox"}, {"prompt": "an owl", "seed": 3}, {"prompt": "a"}], KEYWORDS)
    assert [rows.values(number).get("seed") for number in range(3)] == [None, 3, None]


def test_a_later_change_of_the_table_does_not_reach_the_run() -> None:
    table = frame()
    rows = Rows(table, KEYWORDS)
    table.loc[0, "prompt"] = "a cat"
    assert rows.values(0)["prompt"] == "a fox"


def test_common_keywords_give_way_to_those_of_a_row() -> None:
    rows = Rows([{"prompt": "a"}, {"prompt": "b", "seed": 2}], KEYWORDS, {"seed": 1})
    assert [rows.values(number)["seed"] for number in range(2)] == [1, 2]


def test_identical_rows_are_takes_with_ids_of_their_own() -> None:
    rows = prepared([{"prompt": "a fox"}] * 3)
    assert rows.takes == [1, 2, 3]
    assert len({row.id for row in rows.ids}) == 3


def test_ids_by_content_do_not_depend_on_what_travels_along() -> None:
    first = prepared([{"prompt": "a fox", "note": "x"}]).ids
    assert first == prepared([{"note": "y", "prompt": "a fox", "seed": None}]).ids
    assert first != prepared([{"prompt": "a fox", "seed": 1}]).ids


def test_ids_may_be_given() -> None:
    rows = prepared(frame(id=[7, "b"]))
    assert [row.id for row in rows.ids] == ["7", "b"]


BAD: dict[str, tuple[Any, str]] = {
    "no prompt column": (pd.DataFrame({"text": ["a"]}), r'no column "prompt".*rename.*"text"'),
    "no rows": (pd.DataFrame({"prompt": []}), "no rows"),
    "an empty list": ([], "no rows"),
    "a text": ("a fox", "DataFrame or a list of dicts"),
    "one mapping": ({"prompt": "a fox"}, "DataFrame or a list of dicts"),
    "a number": (7, "DataFrame or a list of dicts"),
    "a row that is no mapping": ([{"prompt": "a"}, "b"], "Row 1 is no mapping"),
    "a prompt that is NaN": (pd.DataFrame({"prompt": ["a", float("nan")]}), "row 1: prompt is NaN"),
    "a prompt that is None": ([{"prompt": "a"}, {"seed": 1}], "row 1: prompt is None"),
    "a seed that is NaN": (frame(seed=[1, float("nan")]), "row 1: seed is NaN"),
    "a seed that is NA": (frame(seed=pd.array([1, pd.NA], "Int64")), "row 1: seed is NaN"),
    "ids that are the same": (frame(id=["x", "x"]), "row 1: id 'x' is that of row 0 already"),
    "an id that is NaN": (frame(id=["x", float("nan")]), "row 1: id is neither"),
    "a wrong type": (frame(seed=[1, "two"]), "row 1: seed"),
    "an empty prompt": (frame().replace("an owl", ""), "row 1: "),
    "a wrong size": (frame(size=["512", "enormous"]), "row 1: .*size"),
    "a seed that is a fraction": (frame(seed=[1, 1.5]), "row 1: seed"),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_rows_are_refused_before_anything_starts(case: str, tmp_path: Path) -> None:
    rows, message = BAD[case]
    with pytest.raises(mt.PromptError, match=message):
        agent(tmp_path).start_many(rows, run="bad")
    assert not (tmp_path / "runs").exists()


async def test_the_first_ten_bad_rows_are_listed_by_their_index(tmp_path: Path) -> None:
    count = 10_000
    rows = pd.DataFrame({"prompt": "a fox", "seed": range(count)}, index=range(100, 100 + count))
    rows["seed"] = rows.seed.astype(object)
    rows.loc[[3_000 + number for number in range(12)], "seed"] = "?"
    with pytest.raises(mt.PromptError) as caught:
        agent(tmp_path).start_many(rows)
    message = str(caught.value)
    assert message.startswith("12 of 10,000 rows cannot be made, so nothing was sent: rows 3000, ")
    assert "3009: seed" in message
    assert "3010" not in message
    assert message.endswith("; and 2 more.")


def test_two_columns_of_one_name_are_refused() -> None:
    table = pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"])
    with pytest.raises(mt.PromptError, match="two columns called 'prompt'"):
        Rows(table, KEYWORDS)


WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "a name with a slash": ({"run": "a/b"}, "without a slash"),
    "a name that leads up": ({"run": ".."}, "letters, digits"),
    "an empty name": ({"run": ""}, "letters, digits"),
    "a name that is a number": ({"run": 7}, "letters, digits"),
    "a rate without a unit": ({"rate": 300}, "300/min"),
    "a rate of nothing": ({"rate": "0/min"}, "300/min"),
    "a rate of unknown time": ({"rate": "3/fortnight"}, "300/min"),
    "no concurrency": ({"concurrency": 0}, "concurrency takes"),
    "half a concurrency": ({"concurrency": 1.5}, "concurrency takes"),
    "another place": ({"on": "the moon"}, 'on takes "batch"'),
    "another change": ({"changed": "merge"}, 'changed takes "add" or "replace"'),
    "an unknown keyword": ({"sizee": "512"}, "did you mean size="),
}


@pytest.mark.parametrize("case", WORDS)
async def test_bad_words_are_refused_before_anything_starts(case: str, tmp_path: Path) -> None:
    words, message = WORDS[case]
    with pytest.raises(mt.PromptError, match=message):
        agent(tmp_path).start_many([{"prompt": "a fox"}], **words)
    assert not (tmp_path / "runs").exists()


async def test_a_cap_that_is_no_amount_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mt.BudgetError, match="cap"):
        agent(tmp_path).start_many([{"prompt": "a fox"}], cap="much")


@pytest.mark.parametrize(
    ("rate", "expected"),
    [("300/min", 5), ("5/s", 5), ("36000/h", 10), ("86400/day", 1), (" 1.5 / Sec ", 1.5)],
)
def test_a_rate_is_read(rate: str, expected: float) -> None:
    assert per_second(rate) == pytest.approx(expected)


async def test_very_many_rows_are_checked_off_the_loop_and_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    rows = [{"prompt": "a fox", "seed": number} for number in range(MOST_AT_CALL)]
    run = agent(tmp_path).start_many([*rows, {"prompt": "a fox", "seed": "?"}], run="foxes")
    with pytest.raises(mt.PromptError, match=r"1 of 10,001 rows cannot be made.*row 10000: seed"):
        await run
    assert not list(tmp_path.glob("*.png"))
    assert not list(tmp_path.rglob("table.csv"))
