"""What one vendor lets one key send: a pause that it asked for holds for all, and ends slowly.

A vendor limits an account, and not a call. So a 429 to one call pauses all calls with that key to
that origin, on every loop and thread of this process; then they start again at a growing rate.
"""

import asyncio
import heapq
import math
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from mediatoolkit.errors import RateLimitError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Paused, duration

if TYPE_CHECKING:
    from mediatoolkit.transport.guard import Origin
    from mediatoolkit.transport.secret import Secret

FIRST_RATE = 4.0
"""Requests a second that start after a pause; each second later they are twice as many."""

RAMP = 8.0
"""Seconds after a pause from which on nothing holds the requests back."""

LONGEST = 3600.0
"""Seconds of the longest pause; then some request asks whether the vendor still means it."""

_EARLY = 0.001  # seconds by which some loops wake too early

PauseHook = Callable[[float], object]


class Turn(NamedTuple):
    """When a request may start.

    Attributes:
        start: By the clock of the ramp, seconds.
        pause: Number of the pause before it; a further pause takes the turn away.
    """

    start: float
    pause: int


class Ramp:
    """When requests may start, during a pause and after it; it neither waits nor has a clock.

    Attributes:
        end: When the last pause ends.
        pause: Number of that pause.
    """

    __slots__ = ("_due", "_passes", "_returned", "end", "pause")

    def __init__(self) -> None:
        """Begin without a pause."""
        self.end = self._due = -math.inf
        self.pause = 0
        self._returned: list[float] = []  # turns that nobody wants any more, as a heap
        self._passes = 0

    def is_over(self, now: float) -> bool:
        """Whether nothing is held back."""
        return now >= self.end + RAMP

    def begin(self, now: float, seconds: float) -> bool:
        """Begin a pause; pauses do not add up.

        Returns:
            Whether it ends later than any before; else nothing has changed.
        """
        if now + seconds <= self.end:
            return False
        self.end = self._due = now + seconds
        self._returned, self._passes = [], 0
        self.pause += 1
        return True

    def next_turn(self, now: float) -> Turn:
        """Take the next turn; they come evenly, and ever closer."""
        return Turn(self._next_start(now), self.pause)

    def give_back(self, turn: Turn) -> None:
        """Leave *turn* to somebody else."""
        if turn.pause == self.pause:
            heapq.heappush(self._returned, turn.start)

    def use_later(self, turn: Turn) -> None:
        """Let one request that comes later start at once, since *turn* was waited for."""
        self._passes += turn.pause == self.pause

    def _next_start(self, now: float) -> float:
        if self._passes and now >= self.end:
            self._passes -= 1
            return now
        while self._returned:
            start = heapq.heappop(self._returned)
            if start >= now:
                return start
        start, full = max(now, self._due), self.end + RAMP
        if start >= full:
            return max(now, full)
        self._due = start + 1 / (FIRST_RATE * 2 ** (start - self.end))
        return start


class Scope:
    """The requests of one key to one origin, of all clients, loops and threads of this process.

    Args:
        limited: The scopes that hold requests back, which it joins for as long as it does.

    All methods are safe from any thread.

    Attributes:
        is_limited: Whether it may hold requests back, since a pause is on or has just ended.
    """

    __slots__ = ("__weakref__", "_hooks", "_limited", "_lock", "_ramp", "is_limited")

    def __init__(self, limited: "set[Scope]") -> None:
        """Hold nothing back."""
        self.is_limited = False
        self._limited = limited
        self._lock = threading.Lock()
        self._ramp = Ramp()
        self._hooks: dict[object, PauseHook] = {}

    @property
    def is_paused(self) -> bool:
        """Whether nothing may start now."""
        return self._ramp.end > time.monotonic()

    def pause(self, seconds: float) -> bool:
        """Let nothing start for *seconds*, at most `LONGEST`, and then a growing number.

        Returns:
            Whether that ends later than any pause before.
        """
        with self._lock:
            is_later = self._ramp.begin(time.monotonic(), min(seconds, LONGEST))
            if is_later:
                self.is_limited = True
                self._limited.add(self)
        return is_later

    def heed(self, seconds: float) -> None:
        """Pause as the vendor has asked this process, and have the running loop tell the hooks."""
        if self.pause(seconds):
            loop = asyncio.get_running_loop()
            for hook in list(self._hooks.values()):
                # The loop reports what a hook raises; it must not fail the call that was answered.
                loop.call_soon(hook, min(seconds, LONGEST))

    def on_pause(self, hook: PauseHook) -> Callable[[], None]:
        """Call *hook* with seconds whenever the vendor asks this process for a pause.

        Returns:
            A function that ends it; it may be called again.
        """
        subscription = object()
        self._hooks[subscription] = hook

        def forget() -> None:
            self._hooks.pop(subscription, None)

        return forget

    async def turn(self, context: CallContext) -> None:
        """Wait until a request of *context* may start; it hears `Paused`.

        Raises:
            RateLimitError: Its time ends before that; nothing was sent.
        """
        while (turn := self._next_turn()) is not None:
            seconds = turn.start - time.monotonic()
            if seconds <= 0:
                return
            if seconds >= context.left():
                self._give_back(turn)
                raise _too_short(seconds, context)
            context.report(Paused(seconds, context.provider))
            if await self._waited_for(turn):
                return

    async def ready(self) -> None:
        """Wait until a request may start, and let one that comes later start without a wait."""
        while (turn := self._next_turn()) is not None:
            if await self._waited_for(turn):
                with self._lock:
                    self._ramp.use_later(turn)
                return

    def _next_turn(self) -> Turn | None:
        """Take a place in the line, or None where there is no line any more."""
        with self._lock:
            now = time.monotonic()
            if not self._ramp.is_over(now):
                return self._ramp.next_turn(now)
            self.is_limited = False
            self._limited.discard(self)
            return None

    async def _waited_for(self, turn: Turn) -> bool:
        """Wait for *turn*; tells whether it still holds, since a further pause takes it away."""
        try:
            await asyncio.sleep(max(0.0, turn.start - time.monotonic()) + _EARLY)
        except BaseException:
            self._give_back(turn)
            raise
        return turn.pause == self._ramp.pause

    def _give_back(self, turn: Turn) -> None:
        with self._lock:
            self._ramp.give_back(turn)


class ScopeRegistry:
    """The scopes of this process; one that holds nothing back lives as long as its clients."""

    def __init__(self) -> None:
        """Know none yet."""
        self._lock = threading.Lock()
        self._limited: set[Scope] = set()
        self._scopes: WeakValueDictionary[tuple[Origin, Secret | None], Scope] = (
            WeakValueDictionary()
        )

    def of(self, origin: "Origin", secret: "Secret | None") -> Scope:
        """The scope of the key in *secret* at *origin*, the same for whoever asks."""
        with self._lock:
            return self._scopes.setdefault((origin, secret), Scope(self._limited))

    def clear(self) -> None:
        """Forget all of them; clients that are made from now on begin anew."""
        with self._lock:
            self._limited.clear()
            self._scopes.clear()


def _too_short(seconds: float, context: CallContext) -> RateLimitError:
    provider = context.provider or "the vendor"
    until = datetime.now().astimezone() + timedelta(seconds=seconds)
    return RateLimitError(
        f"{provider} asked for a pause, and this call could not start before {until:%H:%M:%S}, in "
        f"{duration(seconds)}; it has {context.left():.3g} s left, so nothing was sent. Ask again "
        "then, or give it more with timeout=.",
        retry_after=seconds,
        provider=context.provider,
        status=None,
    )


scopes = ScopeRegistry()
"""The registry of this process."""
