"""Whoever works with arrays has NumPy's numbers at hand, and they are taken everywhere."""

import asyncio
from typing import Any

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit.checks import is_number, is_whole
from mediatoolkit.synthesis.filming.shots import lengths


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_is_a_number(value: object) -> None:
    assert is_whole(value)
    assert is_number(value)


@pytest.mark.parametrize("value", [1.5, np.float32(1.5), np.float64(2), float("inf")])
def test_a_number_need_not_be_whole(value: object) -> None:
    assert is_number(value)
    assert not is_whole(value)


@pytest.mark.parametrize("value", [True, np.True_, "3", None, 1j, [3]])
def test_all_else_is_none(value: object) -> None:
    assert not is_number(value)
    assert not is_whole(value)


def test_limits_lengths_and_counts_take_numbers_of_numpy() -> None:
    two: Any = np.int64(2)
    one: Any = np.float32(1)

    async def several() -> int:
        async with mt.LocalImageClient() as painter:
            small = mt.ImagePrompt("a fox", size=32 * two)
            return len(await painter.generate_several(small, two))

    assert mt.Limits(concurrency=two).concurrency == 2
    assert lengths(2, [two, one]) == [2.0, 1.0]
    assert asyncio.run(several()) == 2
