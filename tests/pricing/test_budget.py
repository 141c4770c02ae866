"""The budget: whatever happens at once, no more is spent than was allowed."""

import _thread
import asyncio
import gc
import logging
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from mediatoolkit.errors import BudgetError, MediaToolkitError
from mediatoolkit.pricing.budget import Budget, BudgetRow, Cap, Reservation
from mediatoolkit.runtime.job import run

GEMINI = "gemini/gemini-3.1-flash-image"
OPENAI = "openai/gpt-image-2.5"
PAINTER = "local/painter"
PRICE = Decimal("0.0672")
CENT = Decimal("0.01")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIATOOLKIT_BUDGET", raising=False)


@pytest.fixture
def budget() -> Budget:
    budget = Budget()
    budget.limit = 1
    return budget


def figures(budget: Budget | Cap) -> tuple[object, object, object]:
    return budget.spent, budget.reserved, budget.unclear


def booked(budget: Budget) -> Decimal:
    """All that is booked at one instant."""
    return sum((row.spent + row.reserved + row.unclear for row in budget.rows()), Decimal(0))


# One call


def test_a_call_books_the_most_it_may_cost_and_then_what_it_has_cost(budget: Budget) -> None:
    reservation = budget.reserve(GEMINI, Decimal("0.10"))
    assert figures(budget) == (0, Decimal("0.10"), 0)
    assert budget.left == Decimal("0.90")

    reservation.settle(PRICE)
    assert figures(budget) == (PRICE, 0, 0)
    assert budget.left == Decimal("0.9328")
    assert budget.calls == 1


def test_an_unknown_actual_cost_is_the_reserved_one(budget: Budget) -> None:
    budget.reserve(GEMINI, PRICE).settle(None)
    assert figures(budget) == (PRICE, 0, 0)


def test_a_refund_gives_everything_back(budget: Budget) -> None:
    budget.reserve(GEMINI, PRICE).refund()
    assert figures(budget) == (0, 0, 0)
    assert (budget.calls, budget.left) == (0, Decimal(1))
    assert budget.rows() == []


def test_what_may_have_been_billed_stays_booked_until_it_is_released(budget: Budget) -> None:
    first, second, third = (budget.reserve(GEMINI, PRICE) for _ in range(3))
    for reservation in (first, second, third):
        reservation.doubt()
    assert figures(budget) == (0, 0, 3 * PRICE)
    assert [(call.id, call.upper) for call in budget.unclear_calls()] == [
        (1, PRICE),
        (2, PRICE),
        (3, PRICE),
    ]

    budget.release(first)
    budget.release(2, actual="0.05")
    assert figures(budget) == (Decimal("0.05"), 0, PRICE)
    budget.release()
    assert figures(budget) == (Decimal("0.05"), 0, 0)
    assert budget.unclear_calls() == []
    budget.release()


@pytest.mark.parametrize(
    "wrong", [7, "1", True, 1.0, object()], ids=["7", "text", "True", "1.0", "object"]
)
def test_only_what_is_unclear_is_released(budget: Budget, wrong: Any) -> None:
    running, unclear = budget.reserve(GEMINI, PRICE), budget.reserve(GEMINI, PRICE)
    unclear.doubt()
    others = Budget()
    stranger = [others.reserve(GEMINI, PRICE) for _ in range(2)][unclear.id - 1]
    for reservation in (wrong, running, stranger):
        with pytest.raises(BudgetError, match="is no unclear call"):
            budget.release(reservation)
    with pytest.raises(BudgetError, match="name the call"):
        budget.release(actual=1)
    assert figures(budget) == (0, PRICE, PRICE)


ENDS: list[Callable[[Reservation], object]] = [
    lambda reservation: reservation.settle(CENT),
    lambda reservation: reservation.settle(None),
    Reservation.refund,
]


@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("first", ENDS)
def test_a_second_end_changes_nothing(
    budget: Budget, first: Callable[[Reservation], object], second: Callable[[Reservation], None]
) -> None:
    reservation = budget.reserve(GEMINI, PRICE)
    first(reservation)
    before = budget.rows()
    second(reservation)
    reservation.doubt()
    assert budget.rows() == before


@pytest.mark.parametrize("end", ENDS)
def test_the_truth_may_come_after_the_doubt(
    budget: Budget, end: Callable[[Reservation], object]
) -> None:
    late, early = budget.reserve(GEMINI, PRICE), Budget()
    late.doubt()
    end(late)
    end(early.reserve(GEMINI, PRICE))
    assert budget.rows() == early.rows()
    assert not budget.unclear_calls()


def test_a_cost_above_the_reserved_one_is_booked_in_full_and_seen_by_the_next(
    budget: Budget,
) -> None:
    budget.reserve(GEMINI, PRICE).settle("1.20")
    assert budget.spent == Decimal("1.20")
    assert budget.left == 0
    with pytest.raises(BudgetError, match=r"\$0\.00 of the budget of \$1\.00 is left"):
        budget.reserve(GEMINI, CENT)


def test_a_dropped_reservation_is_unclear_never_free(budget: Budget) -> None:
    budget.reserve(GEMINI, PRICE)
    gc.collect()
    assert figures(budget) == (0, 0, PRICE)
    assert [call.model_id for call in budget.unclear_calls()] == [GEMINI]


def test_the_collector_may_come_while_the_lock_is_held(budget: Budget) -> None:
    """It runs `__del__` in whatever thread allocates, also in the middle of a change."""
    reservation: Reservation | None = budget.reserve(GEMINI, PRICE)
    with budget._lock:
        del reservation
        gc.collect()
    assert figures(budget) == (0, 0, PRICE)


# Limits


def test_what_fits_exactly_is_sent_and_not_a_trifle_more() -> None:
    budget = Budget()
    budget.limit = "0.3"
    for _ in range(3):
        budget.reserve(GEMINI, 0.1).settle(0.1)
    assert budget.left == 0
    with pytest.raises(BudgetError):
        budget.reserve(GEMINI, Decimal("1E-40"))


def test_a_refusal_says_what_it_costs_what_is_left_and_how_to_go_on(budget: Budget) -> None:
    budget.reserve(GEMINI, "0.5").settle("0.4")
    budget.reserve(GEMINI, "0.3").doubt()
    running = budget.reserve(GEMINI, "0.2")
    with pytest.raises(BudgetError) as caught:
        budget.reserve(OPENAI, "0.211")
    assert str(caught.value) == (
        "openai/gpt-image-2.5 may cost up to $0.211, but $0.10 of the budget of $1.00 is left "
        "($0.40 spent, $0.20 reserved, $0.30 unclear). Nothing was sent. Raise mt.budget.limit, "
        "wait for the calls that run, release what is unclear with mt.budget.release(…), or ask "
        "for something cheaper."
    )
    assert (caught.value.upper, caught.value.left) == (Decimal("0.211"), Decimal("0.1"))
    assert (caught.value.family, caught.value.may_have_been_billed) == ("budget", False)
    assert isinstance(caught.value, MediaToolkitError)
    assert isinstance(caught.value, ValueError)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (str(again), again.left) == (str(caught.value), Decimal("0.1"))
    assert booked(budget) == Decimal("0.9")
    running.refund()


def test_a_message_never_promises_more_than_is_left(budget: Budget) -> None:
    budget.limit = Decimal("0.2999999")
    with pytest.raises(BudgetError, match=r"up to \$0\.30, but \$0\.299999 of the budget"):
        budget.reserve(GEMINI, "0.29999991")


def test_an_unknown_price_is_refused_while_there_is_a_limit(budget: Budget) -> None:
    with pytest.raises(BudgetError, match="price of fal/new is unknown") as caught:
        budget.reserve("fal/new", None)
    assert caught.value.upper is None
    assert budget.calls == 0
    budget.limit = None
    with budget.cap(5), pytest.raises(BudgetError, match=r"within the cap of \$5\.00"):
        budget.reserve("fal/new", None)


def test_without_a_limit_an_unknown_price_is_counted_as_such() -> None:
    budget = Budget()
    one, two, three, four = (budget.reserve("fal/new", None) for _ in range(4))
    assert (budget.calls, budget.unpriced, figures(budget)) == (4, 4, (0, 0, 0))
    assert "calls of unknown price, which are in no sum: 4" in repr(budget)
    one.settle("0.30")
    assert (budget.spent, budget.unpriced) == (Decimal("0.30"), 3)
    two.settle(None)
    three.doubt()
    four.refund()
    assert (budget.calls, budget.unpriced, figures(budget)) == (3, 2, (Decimal("0.3"), 0, 0))
    assert str(budget.unclear_calls()[0]).startswith("3: fal/new, price unknown, ")
    budget.release(3, actual=1)
    assert (budget.calls, budget.unpriced, budget.spent) == (3, 1, Decimal("1.3"))


def test_a_limit_of_nothing_lets_only_what_is_free_pass() -> None:
    budget = Budget()
    budget.limit = 0
    assert budget.left == 0
    for upper in (Decimal("1E-12"), None):
        with pytest.raises(BudgetError):
            budget.reserve(GEMINI, upper)
    with budget.cap(0):
        budget.reserve(PAINTER, Decimal(0)).settle(Decimal(0))
    assert budget.rows() == [BudgetRow(PAINTER, 1, Decimal(0), Decimal(0), Decimal(0), 0)]


def test_what_is_free_passes_even_where_too_much_is_spent(budget: Budget) -> None:
    budget.reserve(GEMINI, 1).settle(2)
    budget.reserve(PAINTER, 0).settle(0)
    assert budget.calls == 2


def test_a_limit_below_what_is_booked_is_refused_with_the_figures(budget: Budget) -> None:
    budget.reserve(GEMINI, "0.3").settle("0.25")
    budget.reserve(GEMINI, "0.3").doubt()
    running = budget.reserve(GEMINI, "0.3")
    with pytest.raises(BudgetError) as caught:
        budget.limit = "0.8"
    assert str(caught.value).startswith(
        "The limit cannot be $0.80, since $0.85 is booked already "
        "($0.25 spent, $0.30 reserved, $0.30 unclear)."
    )
    assert budget.limit == 1
    budget.limit = "0.85"
    assert budget.left == 0
    budget.limit = None
    assert budget.left is None
    running.refund()


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        (5, "5"),
        (0.1, "0.1"),
        (" 2.50 ", "2.5"),
        (Decimal("1e-7"), "0.0000001"),
        (-0.0, "0"),
        (np.float64(0.1), "0.1"),
        (np.int64(3), "3"),
        (Fraction(1, 4), "0.25"),
        ("1e12", "1000000000000"),
    ],
    ids=repr,
)
def test_a_limit_is_what_is_written(written: Any, limit: str) -> None:
    budget = Budget()
    budget.limit = written
    assert budget.limit == Decimal(limit)
    assert not budget.limit.is_signed()


@pytest.mark.parametrize(
    "bad",
    [
        -1,
        -0.01,
        float("nan"),
        float("inf"),
        "nan",
        "sNaN",
        "Infinity",
        "five",
        "",
        True,
        [5],
        1j,
        b"5",
        10**400,
        Fraction(10**400),
        Decimal("1e13"),
        Decimal("1E+999999"),
        Decimal("1E-41"),
        Decimal("1E-999999"),
        "0." + "0" * 1_000_000 + "1",
    ],
    ids=lambda bad: repr(bad)[:20],
)
def test_what_is_no_amount_is_refused_everywhere(budget: Budget, bad: Any) -> None:
    reservation, unclear = budget.reserve(GEMINI, PRICE), budget.reserve(GEMINI, PRICE)
    unclear.doubt()
    before = budget.rows()
    takers: list[Callable[[], object]] = [
        lambda: setattr(budget, "limit", bad),
        lambda: budget.cap(bad),
        lambda: budget.reserve(GEMINI, bad),
        lambda: reservation.settle(bad),
        lambda: budget.release(unclear, actual=bad),
    ]
    for take in takers:
        with pytest.raises(BudgetError, match="takes") as caught:
            take()
        assert len(str(caught.value)) < 300
    assert budget.rows() == before
    assert budget.limit == 1
    reservation.settle(PRICE)


@given(st.lists(st.decimals(0, 10**12, places=40), max_size=20))
def test_sums_are_exact_whatever_the_context_of_the_thread(amounts: list[Decimal]) -> None:
    budget = Budget()
    with localcontext() as context:
        context.prec = 3
        for amount in amounts:
            budget.reserve(GEMINI, amount).settle(amount)
        spent = budget.spent
    assert Fraction(spent) == sum(map(Fraction, amounts))


# The environment


def test_the_environment_sets_the_limit_on_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget()
    monkeypatch.setenv("MEDIATOOLKIT_BUDGET", " 0.05 ")
    with pytest.raises(BudgetError, match=r"\$0\.05 of the budget of \$0\.05 is left"):
        budget.reserve(GEMINI, PRICE)
    monkeypatch.setenv("MEDIATOOLKIT_BUDGET", "7")
    assert budget.limit == Decimal("0.05")
    assert Budget().left == 7
    monkeypatch.setenv("MEDIATOOLKIT_BUDGET", "")
    assert Budget().limit is None


def test_a_bad_environment_is_an_error_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_BUDGET", "a fiver")
    budget = Budget()
    budget.reserve(PAINTER, 0).settle(0)
    for use in (
        lambda: budget.limit,
        lambda: budget.left,
        lambda: budget.reserve(GEMINI, PRICE),
        lambda: budget.reserve(GEMINI, None),
    ):
        with pytest.raises(BudgetError, match=r"MEDIATOOLKIT_BUDGET takes .*'a fiver'"):
            use()
    assert "MEDIATOOLKIT_BUDGET takes US dollars" in repr(budget)
    assert budget.calls == 1
    budget.limit = None
    budget.reserve(GEMINI, PRICE).refund()


# Caps


def test_a_cap_holds_beside_the_limit_and_beside_other_caps(budget: Budget) -> None:
    with budget.cap("0.5") as outer:
        budget.reserve(GEMINI, "0.2").settle("0.2")
        with budget.cap(9) as inner:
            budget.reserve(GEMINI, "0.2").settle("0.1")
            with pytest.raises(BudgetError, match=r"but \$0\.20 of the cap of \$0\.50 is left"):
                budget.reserve(GEMINI, "0.3")
            budget.reserve(GEMINI, "0.05").doubt()
        assert figures(inner) == (Decimal("0.1"), 0, Decimal("0.05"))
        assert figures(outer) == (Decimal("0.3"), 0, Decimal("0.05"))
        assert (outer.calls, outer.unpriced, outer.left) == (3, 0, Decimal("0.15"))
        with budget.cap(9), pytest.raises(BudgetError, match="Make the cap larger"):
            budget.reserve(GEMINI, "0.16")
    budget.reserve(GEMINI, "0.6").settle("0.6")
    with budget.cap(9), pytest.raises(BudgetError, match=r"the budget of \$1\.00"):
        budget.reserve(GEMINI, "0.16")
    assert repr(outer) == "<Cap $0.50: $0.30 spent, $0.00 reserved, $0.05 unclear>"
    budget.release()
    assert outer.left == Decimal("0.2")


def test_a_cap_of_another_budget_does_not_count(budget: Budget) -> None:
    with Budget().cap(0):
        budget.reserve(GEMINI, PRICE).settle(PRICE)


def test_a_cap_that_is_entered_twice_is_charged_once(budget: Budget) -> None:
    cap = budget.cap(1)
    with cap, cap:
        budget.reserve(GEMINI, PRICE).settle(PRICE)
    assert cap.spent == PRICE
    budget.reserve(GEMINI, PRICE).settle(PRICE)
    assert cap.spent == PRICE


def test_what_fails_in_the_block_ends_it_too(budget: Budget) -> None:
    with pytest.raises(LookupError), budget.cap(0):
        raise LookupError
    budget.reserve(GEMINI, PRICE).refund()


async def test_tasks_and_threads_of_the_block_are_charged_to_it_also_after_its_end(
    budget: Budget,
) -> None:
    go = asyncio.Event()

    def pay() -> None:
        budget.reserve(GEMINI, CENT).settle(CENT)

    async def pay_later() -> None:
        await go.wait()
        pay()
        await asyncio.to_thread(pay)

    def pay_from_a_thread() -> None:
        with cap:
            pay()

    async def pay_elsewhere() -> None:
        pay()

    other = asyncio.create_task(pay_later())
    with budget.cap("0.07") as cap:
        tasks = [asyncio.create_task(pay_later()) for _ in range(2)]
        await asyncio.to_thread(run, pay_elsewhere())
        thread = threading.Thread(target=pay_from_a_thread)
        thread.start()
        uncharged = threading.Thread(target=pay)
        uncharged.start()
    thread.join()
    uncharged.join()
    go.set()
    await asyncio.gather(other, *tasks)
    assert cap.spent == 6 * CENT
    assert budget.spent == 9 * CENT


async def test_each_task_is_refused_by_its_own_cap(budget: Budget) -> None:
    async def pay(limit: Decimal) -> int:
        paid = 0
        with budget.cap(limit), suppress(BudgetError):
            while True:
                budget.reserve(GEMINI, CENT).settle(CENT)
                paid += 1
                await asyncio.sleep(0)
        return paid

    assert await asyncio.gather(*(pay(number * CENT) for number in range(8))) == list(range(8))
    assert budget.spent == 28 * CENT


async def test_a_generator_may_leave_the_block_in_another_context(budget: Budget) -> None:
    async def pieces() -> Any:
        with budget.cap(0):
            yield 1

    piece = pieces()
    await asyncio.create_task(anext(piece))
    await asyncio.create_task(piece.aclose())
    budget.reserve(GEMINI, PRICE).refund()


# Many at once


@pytest.fixture
def hurried_threads() -> Iterator[None]:
    """Python changes threads as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def pay(budget: Budget, cap: Cap, chance: random.Random) -> Iterator[Decimal | None]:
    """Make calls that end in every way; what the vendor bills for each, None where refused."""
    for _ in range(150):
        upper = chance.randint(1, 300_000) * Decimal("1E-6")
        try:
            with cap:
                reservation = budget.reserve(f"vendor/{chance.randrange(3)}", upper)
        except BudgetError:
            yield None
            continue
        match chance.randrange(8):
            case 0:
                actual = upper * chance.randint(0, 10) / 10
                yield actual
                reservation.settle(actual)
            case 1:
                yield upper
                reservation.doubt()
            case 2:
                reservation.doubt()
                budget.release(reservation)
            case 3:
                yield upper
                del reservation
            case _:
                reservation.refund()


@pytest.mark.usefixtures("hurried_threads")
@pytest.mark.parametrize("seed", range(4))
def test_threads_never_book_more_than_the_limit_at_any_instant(seed: int) -> None:
    """What the vendors bill, which they count themselves, is below it too."""
    budget = Budget()
    budget.limit = limit = Decimal("3.00")
    caps = [budget.cap("0.80") for _ in range(4)]
    looks: list[Decimal] = []
    budget.watch(lambda: looks.append(booked(budget)))

    def work(number: int) -> list[Decimal | None]:
        chance = random.Random(f"{seed}-{number}")  # noqa: S311 - no secret
        return list(pay(budget, caps[number % 4], chance))

    with ThreadPoolExecutor(8) as threads:
        bills = [bill for bills in threads.map(work, range(8)) for bill in bills]

    assert limit - 1 < max(looks) <= limit
    assert None in bills
    billed = sum(filter(None, bills))
    assert budget.reserved == 0
    assert budget.spent + budget.unclear == billed == booked(budget) <= limit
    for cap in caps:
        assert cap.spent + cap.unclear <= cap.limit
    assert sum(cap.spent + cap.unclear for cap in caps) == billed
    assert sum(call.upper or 0 for call in budget.unclear_calls()) == budget.unclear


class Calls(RuleBasedStateMachine):
    """Whatever order things come in, the sums are those of a plain list of calls."""

    running = Bundle("running")
    amounts = st.integers(0, 400).map(lambda cents: cents * CENT)

    def __init__(self) -> None:
        """Begin with no call."""
        super().__init__()
        self.budget = Budget()
        self.calls: dict[int, tuple[str, Decimal]] = {}

    @rule(amount=amounts | st.none())
    def limit(self, amount: Decimal | None) -> None:
        total = sum(amount for _, amount in self.calls.values())
        if amount is not None and amount < total:
            with pytest.raises(BudgetError):
                self.budget.limit = amount
        else:
            self.budget.limit = amount

    @rule(target=running, upper=amounts, model=st.sampled_from([GEMINI, OPENAI]))
    def reserve(self, upper: Decimal, model: str) -> Any:
        limit, left = self.budget.limit, self.budget.left
        total = sum(amount for _, amount in self.calls.values())
        assert left is None if limit is None else left == max(0, limit - total)
        if upper and limit is not None and total + upper > limit:
            with pytest.raises(BudgetError):
                self.budget.reserve(model, upper)
            return None
        reservation = self.budget.reserve(model, upper)
        self.calls[reservation.id] = "reserved", upper
        return reservation

    @rule(reservation=consumes(running), actual=amounts | st.none())
    def settle(self, reservation: Reservation | None, actual: Decimal | None) -> None:
        if reservation:
            reservation.settle(actual)
            upper = self.calls[reservation.id][1]
            self.calls[reservation.id] = "spent", upper if actual is None else actual

    @rule(reservation=consumes(running))
    def refund(self, reservation: Reservation | None) -> None:
        if reservation:
            reservation.refund()
            del self.calls[reservation.id]

    @rule(reservation=consumes(running))
    def doubt(self, reservation: Reservation | None) -> None:
        if reservation:
            reservation.doubt()
            self.calls[reservation.id] = "unclear", self.calls[reservation.id][1]

    @rule()
    def release(self) -> None:
        self.budget.release()
        self._drop("unclear")

    @rule()
    def reset(self) -> None:
        self.budget.reset()
        self._drop("spent")

    def _drop(self, state: str) -> None:
        self.calls = {id_: call for id_, call in self.calls.items() if call[0] != state}

    @invariant()
    def sums_agree(self) -> None:
        expected = {"spent": Decimal(0), "reserved": Decimal(0), "unclear": Decimal(0)}
        for state, amount in self.calls.values():
            expected[state] += amount
        assert figures(self.budget) == tuple(expected.values())
        rows = self.budget.rows()
        assert sum(row.calls for row in rows) == self.budget.calls == len(self.calls)
        assert booked(self.budget) == sum(expected.values())


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=40, stateful_step_count=40)


class Stop(BaseException):
    """What the handler of Ctrl-C raises."""


def test_ctrl_c_at_any_step_leaves_no_change_half_done() -> None:
    """The signal comes before each step of Python in turn, until a round has no such step."""
    for number in range(1, 5000):
        budget = Budget()
        budget.limit = 1
        with budget.cap(1) as cap:
            came = _interrupted(number, partial(_pay, budget))
        assert not budget._lock.locked()
        sums = figures(budget)
        assert sums in {(0, 0, 0), (0, 0, PRICE), (CENT, 0, 0)}
        assert sums == figures(cap)
        assert booked(budget) == sum(sums)
        assert (budget.calls, len(budget.unclear_calls())) == (any(sums), sums[2] > 0)
        if not came:
            assert number > 300
            return
    pytest.fail("it never came to an end")


def test_ctrl_c_at_any_step_of_a_new_count_loses_no_call() -> None:
    for number in range(1, 5000):
        budget = Budget()
        budget.limit = 1
        budget.reserve(GEMINI, PRICE).settle(PRICE)
        budget.reserve(OPENAI, CENT).doubt()
        came = _interrupted(number, budget.reset)
        assert figures(budget) in {(PRICE, 0, CENT), (0, 0, CENT)}
        assert booked(budget) == budget.spent + CENT
        if not came:
            assert budget.spent == 0
            return
    pytest.fail("it never came to an end")


def _pay(budget: Budget) -> None:
    budget.reserve(GEMINI, PRICE).settle(CENT)


def _interrupted(number: int, work: Callable[[], object]) -> bool:
    """Do *work* with a Ctrl-C before its step *number*; whether it has so many.

    Python calls the handler where it would: at the end of the next call, not at once.
    """
    steps = count(1)
    # A key that is missing sends the signal, without a call that would handle it in `trace`.
    signals: defaultdict[int, object] = defaultdict(_thread.interrupt_main)

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_globals["__name__"].startswith("mediatoolkit."):
            return None
        frame.f_trace_opcodes = True
        if event != "opcode" or next(steps) != number:
            return trace
        # No step after this one is traced, as that would handle the signal, too.
        caller: FrameType | None = frame
        while caller:
            caller.f_trace = None
            caller = caller.f_back
        return signals[number]

    def stop(*_: object) -> None:
        raise Stop

    usual = signal.signal(signal.SIGINT, stop)
    gc.disable()  # what others have it call would lose the signal
    try:
        sys._getframe().f_trace_opcodes = True  # before `settrace`, for Python 3.12
        sys.settrace(trace)
        work()
        sys.settrace(None)
    except Stop:
        return True
    finally:
        sys.settrace(None)
        gc.enable()
        signal.signal(signal.SIGINT, usual)
    return False


# The table


@pytest.fixture
def used(budget: Budget) -> Iterator[Budget]:
    budget.reserve(GEMINI, "0.10").settle(PRICE)
    budget.reserve(OPENAI, "0.211").doubt()
    running = budget.reserve(OPENAI, "0.053")
    for _ in range(12):
        budget.reserve(PAINTER, 0).settle(0)
    yield budget
    running.refund()


def test_it_shows_itself_as_a_table(used: Budget) -> None:
    lines = repr(used).splitlines()
    assert lines[:6] == [
        "model                          calls    spent  reserved  unclear",
        "gemini/gemini-3.1-flash-image      1  $0.0672     $0.00    $0.00",
        "local/painter                     12    $0.00     $0.00    $0.00",
        "openai/gpt-image-2.5               2    $0.00    $0.053   $0.211",
        "in all                            15  $0.0672    $0.053   $0.211",
        "limit $1.00, left $0.6688",
    ]
    assert lines[6].startswith("unclear 2: openai/gpt-image-2.5, up to $0.211, ")
    assert lines[7:] == ["mt.budget.release(2) gives back what was not billed"]


def test_a_page_shows_the_same_table(used: Budget) -> None:
    html = used._repr_html_()
    assert "<td>openai/gpt-image-2.5</td><td>2</td><td>$0.00</td><td>$0.053</td>" in html
    assert html.count("<tr>") == 5
    assert ">limit $1.00, left $0.6688</p>" in html
    assert html.count("mathjax_ignore tex2jax_ignore") == html.count("<p ") + 1


def test_a_name_obeys_nobody() -> None:
    budget = Budget()
    budget.reserve("<script>\x1b[31m\u202e" + "x" * 500, PRICE).doubt()
    for text in (repr(budget), budget._repr_html_()):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert len(text) < 1200
    assert "<script>" not in budget._repr_html_()


def test_many_unclear_calls_are_listed_in_part() -> None:
    budget = Budget()
    for _ in range(1200):
        budget.reserve(GEMINI, 1).doubt()
    assert "$1,200.00" in repr(budget)
    assert "and 1,195 more that are unclear" in repr(budget)
    assert len(repr(budget)) < 1000


def test_nothing_spent_is_said_so(budget: Budget) -> None:
    assert repr(budget) == "nothing spent\nlimit $1.00, left $1.00"
    assert repr(Budget()) == "nothing spent\nno limit"
    html = Budget()._repr_html_()
    assert html.startswith("<p>nothing spent</p>")
    assert ">no limit</p>" in html


def test_a_new_count_keeps_what_may_yet_be_billed(used: Budget) -> None:
    with used.cap(1) as cap:
        used.reserve(GEMINI, PRICE).settle(PRICE)
    used.reset()
    assert figures(used) == (0, Decimal("0.053"), Decimal("0.211"))
    assert [(row.model_id, row.calls) for row in used.rows()] == [(OPENAI, 2)]
    assert (used.limit, used.left, cap.spent) == (Decimal(1), Decimal("0.736"), PRICE)
    used.release()
    assert figures(used) == (0, Decimal("0.053"), 0)


def test_who_watches_hears_of_each_change_until_they_stop(budget: Budget) -> None:
    seen: list[Decimal | None] = []
    stop = budget.watch(lambda: seen.append(budget.left))
    reservation = budget.reserve(GEMINI, "0.5")
    reservation.settle("0.25")
    reservation.settle("0.25")
    budget.limit = 2
    budget.reset()
    assert seen == [Decimal("0.5"), Decimal("0.75"), Decimal("1.75"), 2]
    stop()
    stop()
    budget.limit = 3
    assert len(seen) == 4


def test_a_watcher_that_fails_costs_nobody_a_result(
    budget: Budget, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []
    budget.watch(lambda: 1 / 0)  # type: ignore[arg-type]
    budget.watch(lambda: seen.append(1))
    with caplog.at_level(logging.ERROR, "mediatoolkit"):
        budget.reserve(GEMINI, PRICE).settle(PRICE)
    assert seen == [1, 1]
    assert [record.message for record in caplog.records] == 2 * ["A watcher of the budget failed."]


def test_a_reservation_says_what_it_is(budget: Budget) -> None:
    reservation = budget.reserve(GEMINI, PRICE)
    assert repr(reservation) == "<Reservation 1: gemini/gemini-3.1-flash-image, up to $0.0672>"
    reservation.refund()


# Processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_amid_changes_leaves_the_child_a_budget_that_works() -> None:
    """Each child starts with the figures of its parent; no lock stays closed."""
    code = """
import os, threading, warnings
from mediatoolkit.pricing.budget import budget
warnings.simplefilter("ignore", DeprecationWarning)  # a fork among threads, as some libraries do
budget.limit = 1
budget.reserve("vendor/model", "0.25").settle("0.25")
over = threading.Event()
def work():
    while not over.is_set():
        budget.reserve("vendor/model", "0.01").refund()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(40):
    child = os.fork()
    if not child:
        budget.reserve("vendor/model", "0.5").settle("0.5")
        rows = budget.rows()
        os._exit(0 if budget.spent == rows[0].spent and float(budget.spent) == 0.75 else 1)
    assert os.waitpid(child, 0)[1] == 0
over.set()
for thread in threads:
    thread.join()
assert float(budget.spent) == 0.25
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=root)  # noqa: S603
