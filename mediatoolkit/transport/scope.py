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


class _Turn(NamedTuple):
    """When a request may start, by the monotonic clock, and during which pause that was found."""

    start: float
    pause: int


class Scope:
    """The requests of one key to one origin, of all clients, loops and threads of this process.

    Args:
        limited: The scopes that hold requests back, which it joins for as long as it does.

    All methods are safe from any thread.

    Attributes:
        is_limited: Whether it may hold requests back, since a pause is on or has just ended.
    """

    __slots__ = (
        "__weakref__",
        "_due",
        "_end",
        "_free",
        "_hooks",
        "_limited",
        "_lock",
        "_passes",
        "_pauses",
        "is_limited",
    )

    def __init__(self, limited: "set[Scope]") -> None:
        """Hold nothing back."""
        self.is_limited = False
        self._limited = limited
        self._lock = threading.Lock()
        self._hooks: dict[object, PauseHook] = {}
        self._pauses = 0
        self._end = self._due = -math.inf  # of the pause; of the next request that has no turn yet
        self._free: list[float] = []  # turns that were given back, as a heap
        self._passes = 0  # requests that have waited for their turn before they came

    @property
    def is_paused(self) -> bool:
        """Whether nothing may start now."""
        return self._end > time.monotonic()

    def pause(self, seconds: float) -> bool:
        """Let nothing start for *seconds*, at most `LONGEST`, and then a growing number.

        Returns:
            Whether nothing starts for longer now than before; pauses do not add up.
        """
        with self._lock:
            end = time.monotonic() + min(seconds, LONGEST)
            if end <= self._end:
                return False
            self._end = self._due = end
            self._free, self._passes = [], 0
            self._pauses += 1
            self._limited.add(self)
            self.is_limited = True
        return True

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
        while self.is_limited:
            turn = self._next_turn()
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
        while self.is_limited:
            turn = self._next_turn()
            if await self._waited_for(turn):
                with self._lock:
                    self._passes += turn.pause == self._pauses
                return

    def _next_turn(self) -> _Turn:
        """Take a place in the line; a wait that is cut short has to give it back."""
        with self._lock:
            return _Turn(self._start(time.monotonic()), self._pauses)

    def _start(self, now: float) -> float:
        """When the next request may start; the requests start evenly, and ever closer."""
        full = self._end + RAMP
        if now >= full:
            self.is_limited = False
            self._limited.discard(self)
            return now
        if self._passes and now >= self._end:
            self._passes -= 1
            return now
        while self._free:
            start = heapq.heappop(self._free)
            if start >= now:
                return start
        start = max(now, self._due)
        if start < full:
            self._due = start + 1 / (FIRST_RATE * 2 ** (start - self._end))
        return min(start, full)

    async def _waited_for(self, turn: _Turn) -> bool:
        """Wait for *turn*; tells whether it still holds, since a further pause takes it away."""
        try:
            await asyncio.sleep(max(0.0, turn.start - time.monotonic()) + _EARLY)
        except BaseException:
            self._give_back(turn)
            raise
        return turn.pause == self._pauses

    def _give_back(self, turn: _Turn) -> None:
        with self._lock:
            if turn.pause == self._pauses:
                heapq.heappush(self._free, turn.start)


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
