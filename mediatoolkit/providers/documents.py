"""Reading JSON of unknown shape, and what was used up as a provenance has it."""

from collections.abc import Mapping
from typing import Any

from mediatoolkit.checks import is_number
from mediatoolkit.pricing.quotes import told_cost

_MOST = 1e15  # of what a vendor counts; larger ones are none that anybody can work with


def at(document: object, *path: str | int) -> Any:
    """The value at *path* in JSON of unknown shape, or None where there is none.

    Args:
        document: Anything that JSON can say.
        path: Names in objects and places in lists, from the outside in.
    """
    for step in path:
        if isinstance(step, str):
            document = document.get(step) if isinstance(document, dict) else None
        else:
            items = document if isinstance(document, list) else []
            document = items[step] if step < len(items) else None
    return document


def objects_at(document: object, *path: str | int) -> list[dict[str, Any]]:
    """The objects in the list at *path*; what else stands in it is left out."""
    values = at(document, *path)
    return (
        [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    )


def text_at(document: object, *path: str | int) -> str:
    """The text at *path*, or none."""
    value = at(document, *path)
    return value if isinstance(value, str) else ""


def number_at(document: object, *path: str | int) -> float | None:
    """The finite number at *path*, or None where there is none."""
    value = at(document, *path)
    return value if is_number(value) and abs(value) < _MOST else None


def share_at(document: object, *path: str | int) -> float | None:
    """The number from 0 to 1 at *path*, or None where there is none."""
    value = number_at(document, *path)
    return value if value is not None and 0 <= value <= 1 else None


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """*values* without those that are None, which the vendor is not told of."""
    return {name: value for name, value in values.items() if value is not None}


def usage_record(
    incoming: Mapping[str, int], outgoing: Mapping[str, int], **totals: object
) -> dict[str, Any]:
    """What was used up, as a provenance has it: units by kind of media, in and out, and totals."""
    sides = {"input": dict(incoming), "output": dict(outgoing)}
    return {
        **{side: units for side, units in sides.items() if units},
        **{name: total for name, total in totals.items() if isinstance(total, int)},
    }


def cost_record(cost: object) -> dict[str, Any]:
    """*cost* in USD as usage has it; empty where the vendor tells no sum of money."""
    return {} if told_cost(cost) is None else {"cost_usd": cost}


def sum_of_usage(usage: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """What two requests used up together, as one of them says it."""
    total = dict(usage)
    for name, count in more.items():
        if isinstance(count, Mapping):
            total[name] = sum_of_usage(total.get(name, {}), count)
        else:
            total[name] = total.get(name, 0) + count
    return total


def units_of(counts: Mapping[str, object], total: object, *, alone: str = "TEXT") -> dict[str, int]:
    """Units, such as tokens, by kind of media; what is billed and has no kind is text.

    Args:
        counts: The vendor's count for each kind.
        total: The sum that is billed; the counts often leave out the text.
        alone: What all units are when the vendor counts no kind at all.
    """
    units = {kind: count for kind, count in counts.items() if isinstance(count, int) and count}
    rest = total - sum(units.values()) if isinstance(total, int) else 0
    if rest > 0:
        kind = "TEXT" if units else alone
        units[kind] = units.get(kind, 0) + rest
    return units
