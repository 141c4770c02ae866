"""What calls have booked: the sums of all calls, of one model's, and of those under a cap.

Nothing here is safe from threads; who changes it holds the lock of the budget.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from mediatoolkit.pricing.dollars import EXACT, ZERO, at_most


class Sums(NamedTuple):
    """What one call or several have come to; amounts are in USD.

    Attributes:
        calls: Calls that run, were billed, or may have been billed.
        spent: What calls have cost.
        reserved: What running calls may cost at most.
        unclear: What failed calls have cost at most, if they were billed at all.
        unpriced: Those of the calls whose price is unknown; they are in none of the sums.
    """

    calls: int = 0
    spent: Decimal = ZERO
    reserved: Decimal = ZERO
    unclear: Decimal = ZERO
    unpriced: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """The sums of both."""
        add = EXACT.add
        return Sums(
            self.calls + other.calls,
            add(self.spent, other.spent),
            add(self.reserved, other.reserved),
            add(self.unclear, other.unclear),
            self.unpriced + other.unpriced,
        )

    def minus(self, other: "Sums") -> "Sums":
        """What is to be added to *other* to come to this."""
        subtract = EXACT.subtract
        return Sums(
            self.calls - other.calls,
            subtract(self.spent, other.spent),
            subtract(self.reserved, other.reserved),
            subtract(self.unclear, other.unclear),
            self.unpriced - other.unpriced,
        )

    def booked(self) -> Decimal:
        """All that counts against a limit."""
        return EXACT.add(EXACT.add(self.spent, self.reserved), self.unclear)

    def __str__(self) -> str:
        """The amounts, for a message."""
        return (
            f"{at_most(self.spent)} spent, {at_most(self.reserved)} reserved, "
            f"{at_most(self.unclear)} unclear"
        )


NOTHING = Sums()


def total(sums: Iterable[Sums]) -> Sums:
    """All of *sums* in one."""
    result = NOTHING
    for each in sums:
        result = result.plus(each)
    return result


@dataclass(slots=True, eq=False)
class Account:
    """Sums of calls that share a limit or a model; without a limit it is None."""

    limit: Decimal | None = None
    sums: Sums = NOTHING

    def left(self) -> Decimal | None:
        """What further calls may cost, never below 0; None without a limit."""
        if self.limit is None:
            return None
        return max(ZERO, EXACT.subtract(self.limit, self.sums.booked()))


@dataclass(slots=True, eq=False)
class Booking:
    """What one call has booked, and in which accounts.

    Attributes:
        upper: The most that the call may cost, in USD, or None where that is unknown.
        seconds: When it was reserved, since the epoch.
    """

    id: int
    model_id: str
    upper: Decimal | None
    accounts: tuple[Account, ...]
    sums: Sums = NOTHING
    seconds: float = field(default_factory=time.time)

    def reserve(self) -> None:
        """The call runs."""
        self._become(Sums(1, reserved=self.upper or ZERO, unpriced=int(self.upper is None)))

    def doubt(self) -> None:
        """The call may have been billed."""
        self._become(Sums(1, unclear=self.upper or ZERO, unpriced=int(self.upper is None)))

    def spend(self, actual: Decimal | None) -> None:
        """The call was billed; without *actual*, the most that it may have cost."""
        spent = self.upper if actual is None else actual
        self._become(Sums(1, spent=spent or ZERO, unpriced=int(spent is None)))

    def refund(self) -> None:
        """The call was not billed."""
        self._become(NOTHING)

    def _become(self, sums: Sums) -> None:
        change = sums.minus(self.sums)
        for account in self.accounts:
            account.sums = account.sums.plus(change)
        self.sums = sums
