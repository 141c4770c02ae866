"""What calls have booked: the sums of all calls, of one model's, and of those under a cap.

Nothing here is thread-safe: whatever changes it holds the lock of the budget.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mediatoolkit.pricing.dollars import EXACT, ZERO, at_most

if TYPE_CHECKING:
    from weakref import ref

_add, _subtract = EXACT.add, EXACT.subtract


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
        calls, spent, reserved, unclear, unpriced = other
        return Sums(
            self.calls + calls,
            _add(self.spent, spent) if spent else self.spent,
            _add(self.reserved, reserved) if reserved else self.reserved,
            _add(self.unclear, unclear) if unclear else self.unclear,
            self.unpriced + unpriced,
        )

    def minus(self, other: "Sums") -> "Sums":
        """The sums that *other* lacks to be equal to these."""
        return Sums(
            self.calls - other.calls,
            _subtract(self.spent, other.spent),
            _subtract(self.reserved, other.reserved),
            _subtract(self.unclear, other.unclear),
            self.unpriced - other.unpriced,
        )

    def booked(self) -> Decimal:
        """All that counts against a limit."""
        return _add(_add(self.spent, self.reserved), self.unclear)

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
        return max(ZERO, _subtract(self.limit, self.sums.booked()))


class Stage(Enum):
    """How far a call is."""

    RUNNING = 1
    UNCLEAR = 2
    """It has failed, and may have been billed."""
    OVER = 3
    """It was billed, or surely was not."""


@dataclass(slots=True, eq=False)
class Booking:
    """What one call has booked, and in which accounts.

    Attributes:
        upper: The most that the call may cost, in USD, or None where that is unknown.
        sums: What it has in each of the accounts.
        seconds: When it was reserved, since the epoch.
        holder: What can end it.
    """

    id: int
    model_id: str
    upper: Decimal | None
    accounts: tuple[Account, ...]
    stage: Stage = Stage.RUNNING
    sums: Sums = NOTHING
    seconds: float = field(default_factory=time.time)
    holder: "ref[object] | None" = None

    def running(self) -> "Change":
        """The call runs."""
        unpriced = int(self.upper is None)
        return self._change(Stage.RUNNING, Sums(1, reserved=self.upper or ZERO, unpriced=unpriced))

    def unclear(self) -> "Change":
        """The call may have been billed."""
        unpriced = int(self.upper is None)
        return self._change(Stage.UNCLEAR, Sums(1, unclear=self.upper or ZERO, unpriced=unpriced))

    def billed(self, actual: Decimal | None) -> "Change":
        """The call was billed; without *actual*, the most that it may have cost."""
        spent = self.upper if actual is None else actual
        return self._change(Stage.OVER, Sums(1, spent or ZERO, unpriced=int(spent is None)))

    def refunded(self) -> "Change":
        """The call was not billed."""
        return self._change(Stage.OVER, NOTHING)

    def _change(self, stage: Stage, sums: Sums) -> "Change":
        difference = sums if self.sums is NOTHING else sums.minus(self.sums)
        after: dict[Account | Booking, Sums] = {
            account: account.sums.plus(difference) for account in self.accounts
        }
        after[self] = sums
        return Change(after, self, stage)


class Change(NamedTuple):
    """A change that is decided, noted as its result, so that it may be made twice.

    Attributes:
        sums: The new sums.
        booking: The booking that is at `stage` then, or None.
    """

    sums: dict[Account | Booking, Sums]
    booking: Booking | None = None
    stage: Stage = Stage.OVER
