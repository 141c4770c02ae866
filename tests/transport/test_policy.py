from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from mediatoolkit.errors import PromptError
from mediatoolkit.runtime.context import Timeout, context_for
from mediatoolkit.transport.policy import AttemptPhase, Bucket, Limits, Retry, retry_after


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Timeout, {"total": 0}),
        (Timeout, {"total": float("nan")}),
        (Timeout, {"connect": -1}),
        (Timeout, {"read": float("inf")}),
        (Timeout, {"total": "3"}),
        (Retry, {"attempts": 0}),
        (Retry, {"attempts": 11}),
        (Retry, {"attempts": 2.5}),
        (Retry, {"base": 0}),
        (Limits, {"concurrency": 0}),
        (Limits, {"concurrency": True}),
        (Limits, {"json": -1}),
        (Limits, {"per_second": 0}),
        (Limits, {"per_second": float("inf")}),
    ],
)
def test_a_bad_value_is_refused_at_once(kind: type, options: dict[str, Any]) -> None:
    with pytest.raises(PromptError):
        kind(**options)


def test_a_timeout_is_seconds_or_a_value_or_the_default() -> None:
    assert context_for(None, Timeout(total=7)).seconds == 7
    assert context_for(3, Timeout(total=7)).seconds == 3
    assert context_for(Timeout(total=5), Timeout(total=7)).seconds == 5
    with pytest.raises(PromptError):
        context_for(0, Timeout())


def test_all_of_a_timeout_that_a_call_brings_along_holds_for_it() -> None:
    usual = Timeout(total=7, connect=3, read=2)
    assert usual.within(context_for(None, usual)) is usual
    assert usual.within(context_for(3, usual)) is usual
    context = context_for(Timeout(total=5, connect=1, read=0.5), usual)
    for one in (context, context.afresh()):
        within = usual.within(one)
        assert (one.seconds, within.connect, within.read) == (5, 1, 0.5)


async def test_a_call_begun_afresh_has_the_time_it_had_at_first() -> None:
    async with context_for(5, Timeout()) as context:
        context.extend(60)
        assert context.afresh().seconds == 5


@pytest.mark.parametrize("stage", [AttemptPhase.UNSENT, AttemptPhase.UNHEARD])
def test_a_paid_call_that_cannot_have_been_billed_is_repeated(stage: AttemptPhase) -> None:
    assert Retry().after_loss(stage, paid=True)


def test_a_paid_call_in_doubt_is_repeated_only_on_request() -> None:
    assert not Retry().after_loss(AttemptPhase.UNSURE, paid=True)
    assert Retry(ambiguous=True).after_loss(AttemptPhase.UNSURE, paid=True)
    assert Retry().after_loss(AttemptPhase.UNSURE, paid=False)


def test_the_pause_doubles_up_to_its_cap_and_half_of_it_is_fixed() -> None:
    def longest(low: float, high: float) -> float:
        assert low == high / 2
        return high

    pauses = [Retry().pause(attempt, uniform=longest) for attempt in range(1, 8)]

    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 8, 8])
    assert all(0.25 <= Retry().pause(1) <= 0.5 for _ in range(1000))


def test_a_pause_that_is_asked_for_is_never_undercut() -> None:
    assert Retry().pause(1, 7.0) >= 7.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("1e9", None),
        ("٣", None),
        ("Mon, 01 Jan 20263896234 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
    ],
)
def test_retry_after_reads_seconds(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}) == seconds


def test_retry_after_reads_a_date_against_the_servers_own_clock() -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC)
    later = datetime(2020, 1, 1, 0, 0, 9, tzinfo=UTC)
    fields = {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(later, usegmt=True),
    }

    assert retry_after(fields) == 9.0
    assert retry_after({"Retry-After": fields["Date"]}) == 0.0


def test_a_burst_of_retries_passes_and_the_rest_is_spread_out() -> None:
    bucket = Bucket(burst=3, per_second=2)

    waits = [bucket.reserve(100.0) for _ in range(6)]

    assert waits == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5])
    assert bucket.reserve(200.0) == 0
