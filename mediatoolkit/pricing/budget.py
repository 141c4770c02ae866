"""What this process may spend: each paid call books the most it may cost before it is sent.

The limit is hard. Whatever threads and loops do at once, what is spent, reserved and unclear never
passes it, except where a vendor charges more than the upper price that was reserved.
"""

import abc
import logging
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple, Self

from mediatoolkit.checks import is_whole, quoted, visible
from mediatoolkit.errors import BudgetError
from mediatoolkit.pricing.accounts import Account, Booking, Change, Stage
from mediatoolkit.pricing.budget_table import to_html, to_text
from mediatoolkit.pricing.dollars import ZERO, Dollars, at_least, at_most, dollars_of
from mediatoolkit.pricing.ledger import Ledger, alone

VARIABLE = "MEDIATOOLKIT_BUDGET"
"""Environment variable with the limit in US dollars, for a process that sets none."""

_log = logging.getLogger("mediatoolkit")


class BudgetRow(NamedTuple):
    """One model of the table; amounts are in USD.

    Attributes:
        model_id: `vendor/model`.
        calls: Calls that run, were billed, or may have been billed.
        spent: What calls have cost.
        reserved: What running calls may cost at most.
        unclear: What failed calls have cost at most, if they were billed at all.
        unpriced: Those of the calls whose price is unknown; they are in none of the sums.
    """

    model_id: str
    calls: int
    spent: Decimal
    reserved: Decimal
    unclear: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class UnclearCall:
    """A call that failed, and that the vendor may have billed all the same.

    Attributes:
        id: For `Budget.release`.
        model_id: `vendor/model`.
        upper: The most that it may have cost, in USD, which stays booked; None is unknown.
        started: When it was reserved, in UTC.
    """

    id: int
    model_id: str
    upper: Decimal | None
    started: datetime

    def __str__(self) -> str:
        """One line, in local time."""
        local = self.started.astimezone()
        return f"{self.id}: {_name(self.model_id)}, {_price(self.upper)}, {local:%H:%M:%S}"


class Reservation:
    """What one call may cost, booked before it is sent; `Budget.reserve` makes it.

    `settle` and `refund` end it, also after `doubt`, when the truth comes late; whatever is called
    after that changes nothing. All are safe from any thread. One that is dropped without an end
    counts as unclear.

    Attributes:
        budget: Where it is booked.
        id: Number of it within its budget.
        model_id: `vendor/model`.
        upper: The most that the call may cost, in USD, or None where that is unknown.
    """

    __slots__ = ("__weakref__", "_booking", "budget", "id", "model_id", "upper")

    def __init__(self, budget: "Budget", booking: Booking) -> None:
        """Stand for *booking*."""
        self._booking = booking
        self.budget = budget
        self.id = booking.id
        self.model_id = booking.model_id
        self.upper = booking.upper

    def settle(self, actual: Dollars | None) -> bool:
        """Book what the call has cost, and give back the rest.

        Args:
            actual: USD; it is booked in full also where it is above `upper`. None is unknown, and
                `upper` is booked.

        Returns:
            Whether it was still booked.

        Raises:
            BudgetError: *actual* is no amount; the reservation stays open.
        """
        amount = None if actual is None else dollars_of(actual, "settle")
        return self.budget._end(self._booking, lambda booking: booking.billed(amount))  # noqa: SLF001

    def refund(self) -> None:
        """Give everything back: the call was surely not billed."""
        self.budget._end(self._booking, Booking.refunded)  # noqa: SLF001

    def doubt(self) -> None:
        """Keep everything booked until `Budget.release`: the call may have been billed."""
        self.budget._end(self._booking, Booking.unclear)  # noqa: SLF001

    def __repr__(self) -> str:
        """One line."""
        return f"<Reservation {self.id}: {_name(self.model_id)}, {_price(self.upper)}>"


class _Figures(abc.ABC):
    """What an account says of itself."""

    @abc.abstractmethod
    def _look(self) -> Account:
        """The account as it is now."""

    @property
    def calls(self) -> int:
        """Calls that run, were billed, or may have been billed."""
        return self._look().sums.calls

    @property
    def spent(self) -> Decimal:
        """USD that calls have cost."""
        return self._look().sums.spent

    @property
    def reserved(self) -> Decimal:
        """USD that running calls may cost at most."""
        return self._look().sums.reserved

    @property
    def unclear(self) -> Decimal:
        """USD that failed calls have cost at most, if they were billed at all."""
        return self._look().sums.unclear

    @property
    def unpriced(self) -> int:
        """Those of the calls whose price is unknown; they are in none of the sums."""
        return self._look().sums.unpriced

    @property
    def left(self) -> Decimal | None:
        """USD that further calls may cost, never below 0; None without a limit."""
        return self._look().left()


_caps: ContextVar[tuple["Cap", ...]] = ContextVar("mediatoolkit_caps", default=())


class Cap(_Figures):
    """A limit for what is started in a `with` block; `Budget.cap` makes it.

    Tasks and jobs that are started in the block, and functions called with `asyncio.to_thread`,
    are charged to it, also after the block has ended. A `threading.Thread` inherits nothing; it
    enters the same cap with a `with` of its own. Of nested caps, each must hold.

    Attributes:
        budget: Whose limit must hold too.
        limit: USD.
        account: What is booked under it.
    """

    def __init__(self, budget: "Budget", limit: Decimal) -> None:
        """Begin at nothing."""
        self.budget = budget
        self.limit = limit
        self.account = Account(limit)

    def __enter__(self) -> Self:
        """Charge what is started from here on."""
        _caps.set((*_caps.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        """Charge nothing more that is started here."""
        # No token: a generator may leave the block in another context than it entered it in.
        caps = list(_caps.get())
        if self in caps:
            caps.remove(self)
            _caps.set(tuple(caps))

    def _look(self) -> Account:
        return self.budget._current(self.account)  # noqa: SLF001

    def __repr__(self) -> str:
        """One line."""
        return f"<Cap {at_least(self.limit)}: {self._look().sums}>"


class Budget(Ledger, _Figures):
    """What may be spent and has been spent, in USD; shows itself as a table.

    It counts the calls of one process: a forked process starts with the figures of its parent, any
    other with none, and they do not hear of each other. All of it is safe from any thread and loop.
    """

    def __init__(self) -> None:
        """Count nothing yet; the environment is read when a limit is first needed."""
        super().__init__()
        self._is_configured = False
        self._watchers: list[Callable[[], None]] = []

    @property
    def limit(self) -> Decimal | None:
        """The most that may be spent, in USD; None is no limit, 0 lets nothing paid pass.

        It begins as `$MEDIATOOLKIT_BUDGET`. An int, a float, a `Decimal` or a text sets it. Calls
        of unknown price that run already are not stopped by a new limit.

        Raises:
            BudgetError: It is no amount, or below what is booked already; nothing has changed.
        """
        return self._configured().limit

    @limit.setter
    def limit(self, limit: Dollars | None) -> None:
        amount = None if limit is None else dollars_of(limit, "mt.budget.limit")
        self._set_limit(amount)
        self._tell()

    @property
    def left(self) -> Decimal | None:
        """USD that further calls may cost, never below 0; None without a limit."""
        return self._configured().left()

    def cap(self, limit: Dollars) -> Cap:
        """Make a limit for what is started in a `with` block, beside the limit of all.

            with mt.budget.cap(2.00) as cap:
                images = await agent.generate_many(prompts)
            cap.spent, cap.left

        Args:
            limit: USD.

        Raises:
            BudgetError: *limit* is no amount.
        """
        return Cap(self, dollars_of(limit, "mt.budget.cap"))

    def reserve(self, model_id: str, upper: Dollars | None) -> Reservation:
        """Book the most that a call may cost, before it is sent.

        A call that costs nothing is never refused.

        Args:
            model_id: `vendor/model`.
            upper: USD; None is unknown.

        Raises:
            BudgetError: It does not fit into the limit and every cap that holds here, its price is
                unknown while there is one, or *upper* is no amount. Nothing is booked.
        """
        amount = None if upper is None else dollars_of(upper, "reserve")
        caps = [cap.account for cap in dict.fromkeys(_caps.get()) if cap.budget is self]
        reservation = self._reserve(model_id, amount, caps)
        self._tell()
        return reservation

    def charge(self, model_id: str, actual: Dollars) -> None:
        """Book what a call has cost for which nothing is reserved, also where it does not fit.

        Args:
            model_id: `vendor/model`.
            actual: USD.

        Raises:
            BudgetError: *actual* is no amount.
        """
        amount = dollars_of(actual, "charge")
        self._charge(model_id, amount)
        self._tell()

    def release(
        self, reservation: Reservation | int | None = None, *, actual: Dollars | None = None
    ) -> None:
        """Give back what unclear calls have booked, once the vendor's bill shows the truth.

        Args:
            reservation: The unclear call, or its id; left out, all of them.
            actual: What that call has cost after all, in USD; left out, nothing.

        Raises:
            BudgetError: That call is not unclear, or *actual* is no amount or stands alone.
        """
        amount = None if actual is None else dollars_of(actual, "release")
        if amount is not None and reservation is None:
            raise BudgetError("release takes actual= for one call; name the call by its id.")
        end = Booking.refunded if amount is None else partial(Booking.billed, actual=amount)
        for booking in self._unclear() if reservation is None else [self._named(reservation)]:
            self._change(booking, end)
        self._tell()

    def unclear_calls(self) -> list[UnclearCall]:
        """The calls that may have been billed although they failed, oldest first."""
        bookings = sorted(self._unclear(), key=lambda booking: booking.id)
        return [
            UnclearCall(
                each.id, each.model_id, each.upper, datetime.fromtimestamp(each.seconds, UTC)
            )
            for each in bookings
        ]

    def rows(self) -> list[BudgetRow]:
        """One row a model with calls, sorted by model, all of the same instant."""
        return sorted(
            BudgetRow(model_id, *each) for model_id, each in self._by_model() if each.calls
        )

    def watch(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call *tell* after each change, in the thread that made it.

        A reservation that is dropped without an end is told of with the next change.

        Returns:
            A function that ends the watching.
        """
        self._watchers.append(tell)
        return lambda: self._watchers.remove(tell) if tell in self._watchers else None

    def reset(self) -> None:
        """Begin a new count of what is spent; the limit stays.

        What is reserved or unclear stays booked, since it may yet be billed. Caps go on counting.
        """
        self._count_anew()
        self._tell()

    def __repr__(self) -> str:
        """The table as plain text."""
        return to_text(self)

    def _repr_html_(self) -> str:
        return to_html(self)

    def _look(self) -> Account:
        return self._current(self._all)

    @alone
    def _configured(self) -> Account:
        """Return the account of all, with its limit."""
        self._configure()
        return self._all

    @alone
    def _set_limit(self, limit: Decimal | None) -> None:
        sums = self._all.sums
        if limit is not None and limit < sums.booked():
            raise BudgetError(
                f"The limit cannot be {at_least(limit)}, since {at_most(sums.booked())} is "
                f"booked already ({sums}). Set it to that or more; mt.budget.reset() begins a "
                "new count of what is spent."
            )
        self._all.limit = limit
        self._is_configured = True

    @alone
    def _reserve(self, model_id: str, upper: Decimal | None, caps: list[Account]) -> Reservation:
        if upper != 0:
            self._configure()
            _check(model_id, upper, self._all, "the budget")
            for cap in caps:
                _check(model_id, upper, cap, "the cap")
        booking = self._new_booking(model_id, upper, caps)
        reservation = Reservation(self, booking)
        self._hold(booking, reservation)
        self._make(booking.running())
        return reservation

    @alone
    def _charge(self, model_id: str, actual: Decimal) -> None:
        self._make(self._new_booking(model_id, actual, ()).billed(actual))

    def _end(self, booking: Booking, end: Callable[[Booking], Change]) -> bool:
        has_changed = self._change(booking, end)
        if has_changed:
            self._tell()
        return has_changed

    def _configure(self) -> None:
        if not self._is_configured:
            text = os.environ.get(VARIABLE, "").strip()
            self._all.limit = dollars_of(text, VARIABLE) if text else None
            self._is_configured = True

    @alone
    def _named(self, reservation: object) -> Booking:
        number: Any = reservation
        if isinstance(reservation, Reservation):
            number = reservation.id if reservation.budget is self else None
        booking = self._live.get(number) if is_whole(number) else None
        if booking is None or booking.stage is not Stage.UNCLEAR:
            raise BudgetError(
                f"{quoted(reservation)} is no unclear call; mt.budget.unclear_calls() lists them."
            )
        return booking

    def _tell(self) -> None:
        for tell in self._watchers[:]:
            try:
                tell()
            except Exception:  # noqa: BLE001 - a view that fails must not cost a paid result
                _log.exception("A watcher of the budget failed.")


def _check(model_id: str, upper: Decimal | None, account: Account, name: str) -> None:
    """Raise `BudgetError` where *upper* does not fit into *account*."""
    left = account.left()
    if left is None or (upper is not None and upper <= left):
        return
    limit, sums = f"{name} of {at_least(account.limit or ZERO)}", account.sums
    if upper is None:
        error = BudgetError(
            f"The price of {_name(model_id)} is unknown, so it cannot be held within {limit}. "
            "Nothing was sent. Choose a model with a known price, or call it without a limit."
        )
    else:
        larger = "Raise mt.budget.limit" if name == "the budget" else "Make the cap larger"
        wait = ", wait for the calls that run" if sums.reserved else ""
        release = ", release what is unclear with mt.budget.release(…)" if sums.unclear else ""
        error = BudgetError(
            f"{_name(model_id)} may cost up to {at_most(upper)}, but {at_least(left)} of {limit} "
            f"is left ({sums}). Nothing was sent. {larger}{wait}{release}, or ask for something "
            "cheaper."
        )
    error.upper, error.left, error.reserved = upper, left, account.sums.reserved
    raise error


def _name(model_id: str) -> str:
    return visible(model_id, 80, one_line=True)


def _price(upper: Decimal | None) -> str:
    return "price unknown" if upper is None else f"up to {at_most(upper)}"


budget = Budget()
"""The budget of this process, public as `mt.budget`."""

if hasattr(os, "register_at_fork"):  # Windows has none
    # A fork while another thread changes the figures would leave the child a closed lock.
    os.register_at_fork(
        before=budget._lock.acquire,  # noqa: SLF001
        after_in_parent=budget._lock.release,  # noqa: SLF001
        after_in_child=budget._lock.release,  # noqa: SLF001
    )
