"""Amounts of money: how users write them, how they are added, and how they are shown.

An amount is a `Decimal` in US dollars, from 0 to a million millions, with at most 40 decimals.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, Inexact
from typing import Any

from mediatoolkit.checks import is_number, is_whole, quoted
from mediatoolkit.errors import BudgetError

Dollars = int | float | Decimal | str
"""US dollars, as users write them; a float means what Python prints of it."""

ZERO = Decimal(0)

_MOST = Decimal(10) ** 12  # USD
_DECIMALS = 40  # a quotient of 28 digits fits from a trillionth of a dollar on
_SHOWN = Decimal("0.000001")  # USD
_ROUND = Context(prec=80)

EXACT = Context(prec=80, traps=[Inexact])
"""Adds 10¹⁸ amounts without rounding, whatever the decimal context of the thread is."""


def dollars_of(value: Any, name: str) -> Decimal:
    """Check an amount of money.

    Args:
        value: An int, a float, a `Decimal` or a text.
        name: What takes it, for the message.

    Raises:
        BudgetError: *value* is no amount.
    """
    try:
        amount = _decimal(value)
    except (ArithmeticError, ValueError):
        amount = None
    if amount is None or not amount.is_finite() or not 0 <= amount <= _MOST:
        raise BudgetError(
            f"{name} takes US dollars as a finite number from 0 on, such as 2.50, "
            f"not {quoted(value)}."
        )
    if -int(amount.as_tuple().exponent) > _DECIMALS:
        raise BudgetError(f"{name} takes at most {_DECIMALS} decimals, not {quoted(value)}.")
    return amount.copy_abs()  # -0 is 0


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, str):
        return Decimal(value.strip().removeprefix("$"))
    if isinstance(value, Decimal):
        return value
    if is_whole(value):
        return Decimal(int(value))
    # A float is what was written: 0.1, and not the binary fraction beside it.
    return Decimal(repr(float(value))) if is_number(value) else None


def at_most(amount: Decimal) -> str:
    """*amount* as `$0.0672`, with two to six decimals, never less than it is."""
    return _dollars(amount, ROUND_CEILING)


def at_least(amount: Decimal) -> str:
    """*amount* as `$0.0672`, with two to six decimals, never more than it is."""
    return _dollars(amount, ROUND_FLOOR)


def _dollars(amount: Decimal, rounding: str) -> str:
    text = f"{amount.quantize(_SHOWN, rounding, _ROUND):,f}"
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.rstrip('0').ljust(2, '0')}"
