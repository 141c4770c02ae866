"""When an attempt may start, and whether another follows: slots, pace, and pauses between.

This is the only place that sleeps between attempts, but for a pause of all requests (`Scope`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Queued, Retrying
from mediatoolkit.transport.policy import Bucket, Limits, Retry

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

    from mediatoolkit.transport.scope import Scope
    from mediatoolkit.transport.session import SessionStats

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that brought nothing.

    Attributes:
        error: What to raise when it was the last one.
        again: Whether it may be repeated.
        pause: Seconds that the provider asked to wait, or None.
        scope: What is to wait as a whole, or None where this call alone does.
    """

    error: MediaToolkitError
    again: bool = False
    pause: float | None = None
    scope: "Scope | None" = None


async def with_retries(
    send: Callable[[], Awaitable[T | FailedAttempt]],
    context: CallContext,
    retry: Retry,
    bucket: Bucket,
) -> T:
    """Send until an attempt succeeds, may not be repeated, or no longer fits into the call's time.

    Raises:
        MediaToolkitError: The failure of the last attempt.
    """
    number = 1
    outcome = await send()
    while isinstance(outcome, FailedAttempt):
        pause = _pause(outcome, number, context, retry, bucket)
        if pause is None:
            raise outcome.error
        number += 1
        context.report(Retrying(number, retry.attempts, pause))
        await asyncio.sleep(pause)
        outcome = await send()
    return outcome


def _pause(
    failed: FailedAttempt, number: int, context: CallContext, retry: Retry, bucket: Bucket
) -> float | None:
    """Seconds until the next attempt, or None where there is none."""
    pause, scope = retry.pause(number, failed.pause), failed.scope
    if scope is not None:
        scope.heed(pause if failed.pause is None else failed.pause)
    if not failed.again or number >= retry.attempts:
        return None
    # A retry that does not fit into the call's time takes no place in the session's line, nor one
    # that the scope gives a turn.
    if pause < context.left() and scope is None:
        pause += bucket.reserve(asyncio.get_running_loop().time())
    return pause if pause < context.left() else None


class Slots:
    """How many calls of one transport run at once on one session, hence on one loop.

    Attributes:
        stats: Row of the origin in the registry's table.
        bucket: Pace of the session's retries.
        pace: Lets requests start evenly, or None.
    """

    def __init__(self, limits: Limits, session: "SessionStats", origin: str) -> None:
        """Begin with every slot free."""
        self.stats = session.of(origin)
        self.bucket = session.bucket
        self._slots = asyncio.Semaphore(limits.concurrency)
        self.pace = _pace(limits.per_second)

    async def enter(self, context: CallContext) -> None:
        """Take a slot, waiting for one where all are taken; `leave` gives it back."""
        if self._slots.locked():
            context.report(Queued())
        await self._slots.acquire()
        self.stats.calls += 1
        self.stats.in_flight += 1

    def leave(self) -> None:
        """Give the slot back."""
        self.stats.in_flight -= 1
        self._slots.release()

    async def wait_for_pace(self, context: CallContext) -> None:
        """Wait until one more request may start."""
        if self.pace is None:
            return
        if not self.pace.has_capacity():
            context.report(Queued())
        await self.pace.acquire()


def _pace(per_second: float | None) -> "AsyncLimiter | None":
    if per_second is None:
        return None
    from aiolimiter import AsyncLimiter

    # Requests pass singly, since a limiter of more at once lets bursts through.
    return AsyncLimiter(1, 1 / per_second)
