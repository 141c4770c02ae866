"""The only place that sleeps between tries."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Retrying
from mediatoolkit.transport.policy import Bucket, Retry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failed:
    """A try that brought nothing.

    Attributes:
        error: What to raise when it was the last one.
        again: It may be repeated.
        asked: Pause that the provider asked for, seconds.
    """

    error: MediaToolkitError
    again: bool = False
    asked: float | None = None


async def persist(
    once: Callable[[], Awaitable[T | Failed]], context: CallContext, retry: Retry, bucket: Bucket
) -> T:
    """Try until it works, may not be repeated, or no longer fits into the call's time.

    Raises:
        MediaToolkitError: Of the last try.
    """
    attempt = 1
    outcome = await once()
    while isinstance(outcome, Failed):
        pause = _pause(outcome, attempt, context, retry, bucket)
        if pause is None:
            raise outcome.error
        attempt += 1
        context.report(Retrying(attempt, retry.attempts, pause))
        await asyncio.sleep(pause)
        outcome = await once()
    return outcome


def _pause(
    failed: Failed, attempt: int, context: CallContext, retry: Retry, bucket: Bucket
) -> float | None:
    if not failed.again or attempt >= retry.attempts:
        return None
    pause = retry.pause(attempt, failed.asked)
    if pause < context.left():
        pause += bucket.reserve(asyncio.get_running_loop().time())
    return pause if pause < context.left() else None
