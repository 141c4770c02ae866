"""How many requests a vendor takes from one key."""

import math
import time
from collections.abc import Callable


class RequestRate:
    """A bucket of requests that fills evenly.

    Args:
        per_minute: Requests that come in a minute.
        burst: Requests that it holds at most; it begins with so many.
        clock: Seconds.
    """

    def __init__(
        self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin full."""
        self._step = 60 / per_minute
        self._burst = burst
        self._clock = clock
        self._full = -math.inf  # when it is full again

    @property
    def remaining(self) -> int:
        """Requests that it holds now."""
        return math.floor(self._burst - self.reset / self._step + 1e-9)

    @property
    def reset(self) -> float:
        """Seconds until it is full."""
        return max(0.0, self._full - self._clock())

    def take(self) -> float:
        """Take one request out of it.

        Returns:
            0, or seconds until there is one, where there is none now.
        """
        if self.remaining < 1:
            return self.reset - (self._burst - 1) * self._step
        self._full = self._clock() + self.reset + self._step
        return 0.0
