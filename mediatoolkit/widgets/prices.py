"""What a job may cost, and what its result has cost, in a few words for a page."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any, Self

from mediatoolkit.caching import kept
from mediatoolkit.media import Media
from mediatoolkit.media.cost import Cost, dollars
from mediatoolkit.runtime.job import Job


def html_of(text: str) -> str:
    """HTML of plain text; no page takes what stands between two dollar signs for a formula."""
    return escape(text).replace("$", "<span>$</span>")


def quote_of(job: Job[Any]) -> str:
    """Such as `$0.067` or `price unknown`; empty where it costs nothing or nobody can say yet."""
    words = "" if job.quote is None else str(job.quote)
    return "" if words == "free" else words


@dataclass(frozen=True, slots=True)
class Paid:
    """What one piece of media has cost.

    Attributes:
        cost: When it was made; None where that is not recorded.
        day: On which it was kept, where it comes out of the cache, such as `2026-11-27`; else "".
    """

    cost: Cost | None = None
    day: str = ""

    @classmethod
    def of(cls, media: Media) -> Self:
        """What *media* has cost, and whether that was now."""
        facts = kept(media)
        if facts is None or not facts.is_hit:
            return cls(media.cost)
        return cls(None if facts.cost is None else Cost(facts.cost), facts.created[:10])

    def __str__(self) -> str:
        """Such as `$0.067` or `kept 2026-11-27, $0 now, $0.067 then`; empty where it was free."""
        is_free = self.cost is not None and self.cost.usd == 0
        cost = "" if self.cost is None or is_free else str(self.cost)
        if not self.day:
            return cost
        then = "" if is_free else f", $0 now{cost and f', {cost} then'}"
        return f"kept {self.day}{then}"


def in_all(several: Iterable[Paid]) -> str:
    """What they have cost together, such as `in all $0.27`; empty where that is nothing.

    What came out of the cache was paid before: `in all $0 now, $0.27 then`.
    """
    all_paid = list(several)
    now = _sum(paid for paid in all_paid if not paid.day)
    then = _sum(paid for paid in all_paid if paid.day)
    if not (now or then):
        return ""
    return f"in all {now or '$0'}{then and f' now, {then} then'}"


def _sum(several: Iterable[Paid]) -> str:
    costs = [paid.cost for paid in several if paid.cost is not None]
    known = sum((cost.usd for cost in costs if cost.usd), Decimal(0))
    unknown = sum(cost.usd is None for cost in costs)
    words = [dollars(known)] if known else []
    if unknown:
        words.append(f"{unknown:,} of unknown price")
    return " and ".join(words)
