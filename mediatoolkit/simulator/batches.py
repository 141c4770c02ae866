"""Many requests that a vendor takes at once, answers within a day, and bills at a lower price.

What every vendor does with them stands here; how each one words it, in the vendor's own modules.
The requests are answered when the batch begins, each as if it had come alone, and poll by poll more
of them count as done. So `Meter.unfinished` says from the start what the batch will cost.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from mediatoolkit.simulator.api_faults import ApiFault, InBatch
from mediatoolkit.simulator.http import HttpResponse, Request
from mediatoolkit.simulator.meter import BilledRequest, Meter

BatchState = Literal["running", "cancelling", "completed", "failed", "expired", "cancelled"]
Answer = Callable[[Request, ApiFault | None, Meter], Awaitable[HttpResponse]]
"""Answers one request as the vendor does, and bills it on the meter that it is handed."""


@dataclass(frozen=True, slots=True)
class BatchedRequest:
    """One request of a batch, and its response.

    Attributes:
        key: The client's name for it, in whatever form the vendor takes that.
        response: As it would have come alone.
        bill: What it costs in a batch, or None.
    """

    key: Any
    response: HttpResponse
    bill: BilledRequest | None

    @property
    def document(self) -> dict[str, Any]:
        """The response as JSON; empty where it is no JSON object."""
        try:
            document = json.loads(self.response.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """What becomes a batch.

    Attributes:
        path: Of the request that begins it; it stands in every bill.
        requests: The client's names, and the requests as if they came alone.
        price: Its share of what the same requests cost alone.
        fault: What goes wrong.
    """

    path: str
    requests: Sequence[tuple[Any, Request]]
    price: Decimal
    fault: InBatch

    async def carry_out(self, answer: Answer) -> list[BatchedRequest]:
        """Answer every request."""
        return [
            await self._answered(number, key, request, answer)
            for number, (key, request) in enumerate(self.requests)
        ]

    async def _answered(
        self, number: int, key: Any, request: Request, answer: Answer
    ) -> BatchedRequest:
        alone = Meter()
        response = await answer(request, self.fault.requests.get(number), alone)
        bills = [
            replace(record, path=self.path, usd=record.usd * self.price) for record in alone.records
        ]
        return BatchedRequest(key, response, bills[0] if bills else None)


@dataclass(eq=False, slots=True)
class Batch:
    """One batch, which lives until it is deleted.

    Attributes:
        id: The vendor's name for it.
        requests: In the order in which they came.
        fault: What goes wrong.
        looks: How many polls find it unfinished.
        meter: Where it is billed.
        facts: What the vendor tells of it, which never changes.
        keeps: Whether what was done before a cancel or an expiry is kept, and billed.
        state: How it stands.
        polls: How many have come.
        done: How many requests are done.
    """

    id: str
    requests: Sequence[BatchedRequest]
    fault: InBatch
    looks: int
    meter: Meter
    facts: Mapping[str, Any]
    keeps: bool = False
    state: BatchState = "running"
    polls: int = 0
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Let the meter know what the work will cost."""
        for name, request in self._named():
            if request.bill is not None:
                self.meter.begin(name, request.bill)

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state not in {"running", "cancelling"}

    @property
    def failed(self) -> int:
        """How many of the requests that are done have failed."""
        return sum(each.response.status != 200 for each in self.requests[: self.done])

    def look(self) -> None:
        """Let a poll come."""
        if self.is_over:
            return
        self.polls += 1
        if self.state == "cancelling":
            self._end("cancelled", self.done)
        elif self.polls <= self.looks:
            self.done = len(self.requests) * self.polls // (self.looks + 1)
        elif self.fault.ends is None:
            self._end("completed", len(self.requests))
        else:
            self._end(self.fault.ends, self.fault.done if self.fault.ends == "expired" else 0)

    def cancel(self, *, at_once: bool) -> None:
        """Stop it now or with the next poll, unless the fault says that it goes on."""
        if self.is_over or not self.fault.stops:
            return
        self.state = "cancelling"
        if at_once:
            self._end("cancelled", self.done)

    def abandon(self) -> None:
        """Go on with nobody to ask for it: what runs is done, and billed."""
        if not self.is_over:
            self._end("completed", len(self.requests))

    def results(self) -> list[BatchedRequest]:
        """The requests that are done, as the vendor hands them over."""
        results = [
            each
            for number, each in enumerate(self.requests[: self.done])
            if number not in self.fault.missing
        ]
        return results[::-1] if self.fault.backwards else results

    def _end(self, state: BatchState, done: int) -> None:
        self.state = state
        self.done = done if self.keeps or state == "completed" else 0
        for number, (name, _request) in enumerate(self._named()):
            if number < self.done:
                self.meter.finish(name)
            else:
                self.meter.drop(name)

    def _named(self) -> Iterator[tuple[str, BatchedRequest]]:
        return ((f"{self.id}/{number}", each) for number, each in enumerate(self.requests))


def fault_of(fault: ApiFault | None) -> InBatch:
    """What *fault* orders of a batch that begins."""
    return fault if isinstance(fault, InBatch) else InBatch()
