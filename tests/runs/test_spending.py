"""A cap holds whatever gets lost, on this loop and over several processes."""

import random
from decimal import Decimal

import pytest

import mediatoolkit as mt
from mediatoolkit.simulator.faults import (
    CutBeforeHead,
    CutBody,
    Fault,
    Garbage,
    Latency,
    PromptBlocked,
    Reset,
    Status,
)
from tests.runs.conftest import Vendor

FAULTS: list[Fault] = [
    *(Status(500), Status(503), Reset(), CutBody(), CutBeforeHead(), PromptBlocked(), Garbage())
]


def faults(seed: int, count: int) -> list[Fault]:
    """One for each of *count* requests; every other one does nothing."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    return [chance.choice(FAULTS) if chance.random() < 0.5 else Latency(0) for _ in range(count)]


@pytest.mark.parametrize(("on", "seed"), [(None, 1), (None, 2), (None, 3), (2, 4)])
async def test_nothing_is_spent_beyond_the_cap(vendor: Vendor, on: int | None, seed: int) -> None:
    rows = [{"prompt": f"fox {number}"} for number in range(120)]
    vendor.sim.then(*faults(seed, 200))
    async with vendor.agent() as agent:
        high = agent.quote("fox 100").high
        assert high is not None
        cap = high * 40
        spent = Decimal(0)
        for _ in range(2):  # the second session may spend what the first has left
            run = agent.start_many(rows, run="foxes", on=on, cap=cap, concurrency=8)
            table = await run
            spent = Decimal(str(run.spent))
            assert vendor.sim.meter.total <= spent <= cap
        assert set(table.status) == {"done", "failed", "unclear"}
        refused = [error for error in table.error if isinstance(error, mt.BudgetError)]
        assert refused
        assert spent > cap - 2 * high
