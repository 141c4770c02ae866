"""How many rows may start in a minute."""

import asyncio
import contextlib
import re
import time

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError

_RATE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*/\s*([a-z]+)\s*", re.IGNORECASE | re.ASCII)
_SECONDS = {
    word: seconds
    for words, seconds in (
        ("s sec second seconds", 1),
        ("m min minute minutes", 60),
        ("h hour hours", 3_600),
        ("d day days", 86_400),
    )
    for word in words.split()
}


class RateLimiter:
    """Lets rows start evenly, such as `"300/min"`: one each 0.2 s; None lets all start at once.

    Attributes:
        per_second: Rows, or None.

    Raises:
        PromptError: *rate* is none.
    """

    def __init__(self, rate: str | None) -> None:
        """Read the rate; nothing has started yet."""
        self.per_second = None if rate is None else per_second(rate)
        self._due = 0.0  # on the monotonic clock
        self._end = asyncio.Event()

    async def wait(self) -> None:
        """Wait until one more may start; one task at a time waits here."""
        if self.per_second is None:
            return
        while (wait := self._due - time.monotonic()) > 0 and not self._end.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), wait)
        self._due = max(self._due, time.monotonic()) + 1 / self.per_second

    def end(self) -> None:
        """Let nobody wait any more."""
        self._end.set()


def per_second(rate: object) -> float:
    """What `"300/min"` means.

    Raises:
        PromptError: *rate* is no such text.
    """
    match = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    seconds = _SECONDS.get(match[2].lower()) if match else None
    if match is None or seconds is None or not float(match[1]):
        raise PromptError(
            f'rate takes a text such as "300/min", "5/s" or "10000/day", not {quoted(rate)}.'
        )
    return float(match[1]) / seconds
