"""Every vendor makes every kind of media, for our client and for its official SDK: one table.

`python -m tests.conformance.table` shows it to people.
"""

import pkgutil
from typing import Any

import pytest

from mediatoolkit.simulator import Simulator
from tests.conformance.conftest import QUIET
from tests.conformance.rows import ROWS, Row, entry_points

pytestmark = [
    QUIET,
    # OpenAI's own service of films has ended; its SDK says so to servers of one's own, too.
    pytest.mark.filterwarnings("ignore:.*Sora API:DeprecationWarning"),
]
WITH_SDK = [row for row in ROWS if not isinstance(row.theirs, str)]
LEEWAY = 0.03
"""Seconds by which an MP3 is longer than its sound."""


def check(row: Row, media: Any) -> None:
    """*media* is what was asked for."""
    assert isinstance(media, row.media_type)
    assert media.mime_type == row.form
    if row.size is not None:
        assert (media.width, media.height) == row.size
    if row.seconds is not None:
        assert media.seconds == pytest.approx(row.seconds, abs=LEEWAY)


def check_bill(row: Row, sim: Simulator | None) -> None:
    """The vendor billed this one generation, whole."""
    if sim is None:
        return
    if row.bills:
        assert [float(record.usd) for record in sim.meter.records] == [pytest.approx(row.usd)]
    else:
        assert len(sim.requests_for("start")) == 1
    assert sim.meter.unfinished == 0


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.name}-ours" for row in ROWS])
async def test_our_client_makes_it(row: Row) -> None:
    async with row.simulator() as sim:
        media = await row.ours(sim)

        check(row, media)
        check_bill(row, sim)
        assert sim is None or not sim.leaks
    cost = media.cost.usd
    assert cost is None or float(cost) == pytest.approx(row.most_usd or row.usd)
    assert cost is not None or not row.tells_cost


@pytest.mark.parametrize("row", WITH_SDK, ids=[f"{row.name}-sdk" for row in WITH_SDK])
async def test_the_official_sdk_makes_it(row: Row) -> None:
    assert not isinstance(row.theirs, str)
    async with row.simulator() as sim:
        media, usd = await row.theirs(sim)

        check(row, media)
        check_bill(row, sim)
    assert (usd is not None) == row.tells_cost
    assert usd is None or usd == pytest.approx(row.usd)


def test_every_vendor_stands_in_the_table() -> None:
    """As `pyproject.toml` lists them; and nobody who is not there."""
    assert {(row.vendor, row.kind) for row in ROWS} == set(entry_points())
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_an_sdk_is_named_or_the_reason_why_there_is_none(row: Row) -> None:
    assert bool(row.sdk) != isinstance(row.theirs, str)
    assert row.theirs
    assert pkgutil.resolve_name(entry_points()[row.vendor, row.kind]).provider == row.vendor
