"""What a page is told of what a job may cost, and of what its result has cost."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediatoolkit.caching import Cache, RequestKey
from mediatoolkit.media import Image, Provenance
from mediatoolkit.media.cost import Cost
from mediatoolkit.pricing.quotes import FREE, Price
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Store
from mediatoolkit.widgets.job_row import JobRow
from mediatoolkit.widgets.media_facts import facts_of
from mediatoolkit.widgets.prices import Paid, html_of, in_all
from mediatoolkit.widgets.results import contact_sheet, line_of, prepare, result_bundle
from mediatoolkit.widgets.terminal import files_of
from mediatoolkit.widgets.terminal import line_of as terminal_line_of
from mediatoolkit.widgets.text_board import TextBoard

PRICE = Price(Decimal("0.0672"), Decimal("0.0672"))
COST = Cost(Decimal("0.0672"), "tokens by the vendor's count")
KEPT = Paid(COST, "2026-11-27")


def picture(cost: Cost | None = COST) -> Image:
    record = cost.to_record() if cost else {}
    provenance = Provenance(model="gemini/x", prompt="a fox", engine="x", cost=record)
    return Image(Image.of(np.zeros((64, 64, 3), np.uint8)).data, provenance)


async def done(result: object, price: Price | None = PRICE) -> JobRow:
    """The row of a job that has made *result*."""

    async def work(_context: CallContext) -> object:
        return result

    job: Job[Any] = Job(work, CallContext(30), label="a fox", quote=lambda: price)
    await job
    row = JobRow(job)
    if isinstance(result, Image):
        prepare(row, result)
    return row


@pytest.fixture
async def hit(tmp_path: Path) -> Image:
    """What the cache has handed out."""
    cache = Cache(Store(tmp_path))
    key = RequestKey.of(kind="image", model="gemini/x", text="a fox", options={})
    await cache.put(key, picture(), cost=COST.usd)
    found = await cache.get(key)
    assert isinstance(found, Image)
    return found


@pytest.mark.parametrize(
    ("paid", "words"),
    [
        (Paid(COST), "$0.067"),
        (Paid(Cost(None)), "price unknown"),
        (Paid(Cost(Decimal(0))), ""),
        (Paid(), ""),
        (KEPT, "kept 2026-11-27, $0 now, $0.067 then"),
        (Paid(Cost(Decimal(0)), "2026-11-27"), "kept 2026-11-27"),
        (Paid(None, "2026-11-27"), "kept 2026-11-27, $0 now"),
        (Paid(Cost(None), "2026-11-27"), "kept 2026-11-27, $0 now, price unknown then"),
    ],
)
def test_what_is_paid_in_words(paid: Paid, words: str) -> None:
    assert str(paid) == words


@pytest.mark.parametrize(
    ("several", "words"),
    [
        ([Paid(COST)] * 4, "in all $0.269"),
        ([KEPT] * 4, "in all $0 now, $0.269 then"),
        ([Paid(COST), KEPT], "in all $0.067 now, $0.067 then"),
        ([Paid(COST), Paid(Cost(None))], "in all $0.067 and 1 of unknown price"),
        ([Paid(), Paid(Cost(Decimal(0)))], ""),
    ],
)
def test_what_several_have_cost_together(several: list[Paid], words: str) -> None:
    assert in_all(iter(several)) == words


@pytest.mark.parametrize(
    ("price", "words"),
    [(PRICE, "$0.067"), (Price(None, None), "price unknown"), (FREE, ""), (None, "")],
)
async def test_the_price_of_a_running_job_is_its_quote(price: Price | None, words: str) -> None:
    job = Job(lambda _: asyncio.sleep(60), CallContext(30), label="a fox", quote=lambda: price)
    row = JobRow(job)
    board, line = TextBoard({"1": row.words()}), terminal_line_of(job, 1, 100)
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)

    assert row.words()["price"] == words
    for text in (repr(board), line):
        assert words in text
        assert ("price" in text, "$" in text) == ("price" in words, "$" in words)


async def test_a_job_that_is_over_says_what_it_has_cost() -> None:
    row = await done(picture())

    html = result_bundle(row)[0]["text/html"]
    assert row.words()["price"] == "$0.067"
    assert repr(TextBoard({"1": row.words()})) == "a fox: done, $0.067"
    assert line_of(row).endswith(", $0.067")
    assert f">{html_of('$0.067')}</div>" in html
    assert "$" not in result_bundle(row)[0]["text/plain"], "it is the same in each run"


async def test_what_was_free_or_is_no_media_says_nothing_of_money() -> None:
    for result in (picture(Cost(Decimal(0))), picture(None), 7):
        row = await done(result, FREE)
        assert row.words()["price"] == ""
        assert "$" not in str(result_bundle(row))
        assert "free" not in str(result_bundle(row))


async def test_a_hit_says_so_wherever_it_stands(hit: Image) -> None:
    row = await done(hit)
    words = f"kept {Paid.of(hit).day}, $0 now, $0.067 then"

    assert row.words()["price"] == words
    assert html_of(words) in result_bundle(row)[0]["text/html"]
    assert words in line_of(row)
    assert files_of([row.job]) == [f"a fox: {words}; kept in {hit.path}"]  # type: ignore[list-item]
    assert ("cache", words) in facts_of(hit)
    row.let_go(all_media=True)
    assert row.job is None
    assert html_of(words) in result_bundle(row)[0]["text/html"], "also of the file alone"


async def test_a_sheet_says_what_each_and_all_have_cost() -> None:
    rows = [await done(picture()) for _ in range(5)]

    html = contact_sheet(rows)[0]["text/html"]
    small = contact_sheet([*rows, *[await done(picture()) for _ in range(30)]])[0]["text/html"]

    assert html.count(html_of("$0.067")) == 5
    assert html_of("in all $0.336") in html
    assert html_of("$0.067") not in small, "there is no room below so many"
    assert html_of("in all $2.35") in small


def test_the_facts_of_media_say_what_it_has_cost() -> None:
    assert ("cost", "$0.067 (tokens by the vendor's count)") in facts_of(picture())
    assert "cost" not in dict(facts_of(picture(None)))
