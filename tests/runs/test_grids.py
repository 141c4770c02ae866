"""`mt.grid`: every combination of some lists, with the prompt filled in."""

import itertools
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mediatoolkit as mt
from mediatoolkit.runs.grids import MOST

PICTURE = mt.Image.of(np.zeros((4, 4, 3), np.uint8))


def test_the_last_list_changes_fastest_and_all_columns_are_kept() -> None:
    frame = mt.grid("a {animal} in {season}", animal=["fox", "owl"], season=["may"], seed=range(2))
    assert list(frame.columns) == ["prompt", "animal", "season", "seed"]
    assert frame.to_dict("split")["data"] == [
        ["a fox in may", "fox", "may", 0],
        ["a fox in may", "fox", "may", 1],
        ["a owl in may", "owl", "may", 0],
        ["a owl in may", "owl", "may", 1],
    ]
    assert frame["seed"].dtype == int


words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6)


@given(st.lists(words, min_size=1, max_size=4), st.lists(st.integers(), min_size=1, max_size=4))
def test_rows_come_in_the_order_of_the_product(animals: list[str], seeds: list[int]) -> None:
    frame = mt.grid("{animal} {seed}", animal=animals, seed=seeds)
    expected = [(f"{a} {b}", a, b) for a, b in itertools.product(animals, seeds)]
    assert list(frame.itertuples(index=False, name=None)) == expected


def test_without_pandas_it_is_a_list_of_dicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    rows = mt.grid("a {animal}", animal=["fox"], seed=[3, None])
    assert rows == [
        {"prompt": "a fox", "animal": "fox", "seed": 3},
        {"prompt": "a fox", "animal": "fox", "seed": None},
    ]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1, None], id="a number and none"),
        pytest.param([1, 2.5], id="numbers"),
        pytest.param([[PICTURE], [PICTURE, PICTURE]], id="lists of pictures"),
        pytest.param([PICTURE, PICTURE], id="pictures"),
        pytest.param([(800, 600), (512, 512)], id="sizes"),
        pytest.param([np.zeros((2, 2)), np.ones((2, 2))], id="arrays"),
        pytest.param(["1K", 512], id="text and number"),
    ],
)
def test_values_stay_as_they_are(values: list[Any]) -> None:
    kept = list(mt.grid("a fox", it=values)["it"])
    assert all(one is other for one, other in zip(kept, values, strict=True))


@pytest.mark.parametrize(
    ("value", "count"),
    [
        pytest.param("1K", 1, id="text"),
        pytest.param(7, 1, id="number"),
        pytest.param(None, 1, id="none"),
        pytest.param(PICTURE, 1, id="picture"),
        pytest.param(PICTURE.data, 1, id="bytes"),
        pytest.param(np.zeros((4, 4, 3)), 1, id="pixels"),
        pytest.param(np.arange(3), 3, id="numbers in an array"),
        pytest.param(pd.Series([1, 2]), 2, id="series"),
        pytest.param(iter([1, 2]), 2, id="iterator"),
        pytest.param((1, 2), 2, id="tuple"),
    ],
)
def test_a_single_value_counts_as_one(value: object, count: int) -> None:
    assert len(mt.grid("a fox", it=value)) == count


def test_a_brace_is_written_twice() -> None:
    assert mt.grid("{{a}} {a}", a=[1])["prompt"][0] == "{a} 1"


@pytest.mark.parametrize(
    ("template", "lists", "words"),
    [
        ("a {animla}", {"animal": ["fox"]}, "did you mean {animal}?"),
        ("a {animal}", {}, "give it, or write {{animal}}."),
        ("a {}", {"a": [1]}, "such as {animal}"),
        ("a {0}", {"a": [1]}, "such as {animal}"),
        ("a {a.__class__}", {"a": [1]}, "a plain name"),
        ("a {a[0]}", {"a": [[1]]}, "a plain name"),
        ("a {a!r}", {"a": [1]}, "leave out what follows"),
        ("a {a:>9}", {"a": [1]}, "leave out what follows"),
        ("a {a:{b}}", {"a": [1], "b": [2]}, "leave out what follows"),
        ("a {a", {"a": [1]}, "written twice"),
        ("a a}", {"a": [1]}, "written twice"),
        ("a {a}", {"a": "fox"}, "a=['fox']"),
        ("a {a}", {"a": []}, "is empty"),
        ("a {a}", {"a": {"fox"}}, "takes a list"),
        ("a {a}", {"a": {"fox": 1}}, "takes a list"),
        ("a {a}", {"a": [None]}, "text or numbers"),
        ("a {a}", {"a": [float("nan")]}, "text or numbers"),
        ("a {a}", {"a": [pd.NA]}, "text or numbers"),
        ("a {a}", {"a": [pd.NaT]}, "text or numbers"),
        ("a {a}", {"a": [PICTURE]}, "text or numbers"),
        ("a {a}", {"a": [["fox"]]}, "text or numbers"),
        ("a fox", {"prompt": ["x"]}, "another name"),
        ("", {"a": [1]}, "empty"),
        ("{a}", {"a": [" "]}, "empty"),
        (7, {}, "text, not int"),
    ],
    ids=str,
)
def test_what_is_no_grid_is_refused_with_what_to_do(
    template: Any, lists: dict[str, Any], words: str
) -> None:
    with pytest.raises(mt.PromptError) as caught:
        mt.grid(template, **lists)
    assert words in str(caught.value)


def test_too_many_combinations_are_counted_and_not_made() -> None:
    with pytest.raises(mt.PromptError, match="1,000,000 rows at most, and this has 4,000,000"):
        mt.grid("{a} {b}", a=range(2_000), b=range(2_000))
    with pytest.raises(mt.PromptError, match="at most"):
        mt.grid("{a}", a=itertools.count())
    assert MOST == 1_000_000
