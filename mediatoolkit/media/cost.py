"""What a piece of media cost when it was made."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from mediatoolkit.checks import visible

LARGEST_COST = Decimal(10**9)
"""US dollars; no piece of media costs that."""

_LONGEST_NUMBER = 60  # letters
_LONGEST_BASIS = 200


@dataclass(frozen=True, slots=True, repr=False)
class Cost:
    """US dollars, and where they come from.

    Attributes:
        usd: Where the vendor leaves open what its tokens were, the most that they may have cost.
            None is unknown, and never 0.
        basis: What it was reckoned from, in a few words.
    """

    usd: Decimal | None
    basis: str = ""

    def __repr__(self) -> str:
        """One line, such as `<Cost $0.067, list price of 2026-11-28>`."""
        return f"<Cost {self}, {self.basis}>" if self.basis else f"<Cost {self}>"

    def __str__(self) -> str:
        """Such as `$0.067`, `free` or `price unknown`."""
        if self.usd is None:
            return "price unknown"
        return dollars(self.usd) if self.usd else "free"

    def to_record(self) -> dict[str, Any]:
        """As a provenance has it: the number as text."""
        return {"usd": None if self.usd is None else f"{self.usd:f}", "basis": self.basis}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self | None:
        """Read what `to_record` wrote; None when it is something else."""
        usd, basis = record.get("usd"), record.get("basis")
        if not isinstance(basis, str) or not (usd is None or isinstance(usd, str)):
            return None
        basis = visible(basis, _LONGEST_BASIS, one_line=True)
        if usd is None:
            return cls(None, basis)
        try:
            amount = Decimal(usd if len(usd) <= _LONGEST_NUMBER else "")
        except ArithmeticError:
            return None
        return cls(amount, basis) if amount.is_finite() and 0 <= amount < LARGEST_COST else None


def dollars(amount: Decimal) -> str:
    """Cents from a dollar on, else tenths of a cent; less than that by its first figure."""
    if not amount:
        return "$0"
    if amount >= 1:
        return f"${amount:,.2f}"
    if amount >= Decimal("0.0005"):
        return f"${amount:.3f}"
    return f"${amount:.{-amount.adjusted()}f}"
