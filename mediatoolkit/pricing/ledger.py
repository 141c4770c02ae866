"""Bookings in accounts, changed whole or not at all, whatever threads and interrupts do.

An interrupt such as Ctrl-C raises between any two steps of Python. A change is therefore reckoned
first, then noted in one step, then made. Whatever takes the lock next completes a change that was
cut off. Making a change twice does no harm, since its result is what is noted.
"""

import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial, wraps
from itertools import count
from typing import TypeVar, TypeVarTuple, Unpack
from weakref import ref

from mediatoolkit.pricing.accounts import NOTHING, Account, Booking, Change, Stage, Sums

L = TypeVar("L", bound="Ledger")
A = TypeVarTuple("A")
T = TypeVar("T")

_ONCE = (True,)


def alone(method: Callable[[L, Unpack[A]], T]) -> Callable[[L, Unpack[A]], T]:
    """Have no other thread change or look while *method* runs, after what is due is done.

    An interrupt may raise in it, and leaves no lock closed.
    """

    @wraps(method)
    def method_alone(self: L, *args: *A) -> T:
        taken: list[bool] = []
        try:
            # One call takes the lock and notes it, so that no interrupt comes between the two, as
            # one may between the head of a `with` and its block (Python 3.14, cpython#148874).
            taken.extend(map(self._lock.acquire, _ONCE))
            self._catch_up()
            return method(self, *args)
        finally:
            if taken:
                self._lock.release()

    return method_alone


class Ledger:
    """The accounts of all calls and of each model, and the bookings that may still change."""

    def __init__(self) -> None:
        """Begin with no call."""
        self._lock = threading.Lock()
        self._all = Account()
        self._models: dict[str, Account] = {}
        self._ids = count(1)
        self._live: dict[int, Booking] = {}
        self._dropped: dict[Booking, object] = {}
        self._decided: Change | None = None

    def _new_booking(
        self, model_id: str, upper: Decimal | None, caps: Iterable[Account]
    ) -> Booking:
        model = self._models.setdefault(model_id, Account())
        return Booking(next(self._ids), model_id, upper, (self._all, model, *caps))

    def _hold(self, booking: Booking, holder: object) -> None:
        """Count *booking* as unclear if *holder* is gone while it runs."""
        # The collector comes at any time, also while this thread holds the lock. It runs no step of
        # Python here, so that no interrupt can be lost in it.
        booking.holder = ref(holder, partial(self._dropped.__setitem__, booking))

    @alone
    def _current(self, account: Account) -> Account:
        """Return *account* after what is due is done."""
        return account

    @alone
    def _by_model(self) -> list[tuple[str, Sums]]:
        return [(model_id, account.sums) for model_id, account in self._models.items()]

    @alone
    def _unclear(self) -> list[Booking]:
        return [booking for booking in self._live.values() if booking.stage is Stage.UNCLEAR]

    @alone
    def _change(self, booking: Booking, change: Callable[[Booking], Change]) -> bool:
        """Make *change* of it, unless it is over; whether it was not."""
        if booking.stage is Stage.OVER:
            return False
        self._make(change(booking))
        return True

    @alone
    def _count_anew(self) -> None:
        """Keep only what is booked by calls that may still change."""
        sums: dict[Account | Booking, Sums]
        sums = dict.fromkeys((self._all, *self._models.values()), NOTHING)
        for booking in self._live.values():
            for account in sums.keys() & set(booking.accounts):
                sums[account] = sums[account].plus(booking.sums)
        self._make(Change(sums))

    def _catch_up(self) -> None:
        """Complete the change that was cut off, and count as unclear what was dropped."""
        self._complete()
        for booking in list(self._dropped):
            if booking.stage is Stage.RUNNING and booking.id in self._live:
                self._make(booking.unclear())
            del self._dropped[booking]

    def _make(self, change: Change) -> None:
        self._decided = change
        self._complete()

    def _complete(self) -> None:
        change = self._decided
        if change is None:
            return
        for entry, sums in change.sums.items():
            entry.sums = sums
        if change.booking:
            change.booking.stage = change.stage
            if change.stage is Stage.OVER:
                self._live.pop(change.booking.id, None)
            else:
                self._live[change.booking.id] = change.booking
        self._decided = None
