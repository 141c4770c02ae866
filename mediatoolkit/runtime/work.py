"""How far the work of a call has come, and how long such work took in this process."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Hashable, Iterator

from mediatoolkit.runtime.events import Drawing, Event, Loading, Queued

LEAST = 0.05
"""Seconds; what took less was not made anew, or needs no estimate."""
_KINDS = 256
_LATELY = 5

_BEFORE_WORK = (Queued, Loading)
_USUAL_SHARE = 0.9


def filled_by_time(worked: float, estimate: float) -> float:
    """Share of a bar after *worked* seconds of work that is expected to take *estimate*.

    Once the estimate has passed, the share nears 1 and never reaches it. `job.js` does the same.
    """
    ratio = worked / estimate
    return _USUAL_SHARE * ratio if ratio < 1 else 1 - (1 - _USUAL_SHARE) / ratio


class WorkProgress:
    """The share of the work of one call that is done, which never falls.

    Attributes:
        estimate: Seconds that such work took lately, or None where nothing is known.
    """

    __slots__ = ("_began", "_counted", "_event", "_part", "_reached", "estimate")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.estimate: float | None = None
        self._began: float | None = None
        self._event: Event = Queued()
        self._reached: float | None = None
        self._counted = False
        self._part = 0.0, 1.0

    @property
    def seconds(self) -> float | None:
        """Seconds since the work began; None while it waits for its turn or for its engine."""
        return None if self._began is None else time.monotonic() - self._began

    @property
    def is_timed(self) -> bool:
        """Whether the share grows by the estimate now, since a vendor works and does not count."""
        return self._event.is_remote and self.estimate is not None and not self._counted

    @property
    def fraction(self) -> float | None:
        """The share that is done, 0 to 1, or None where nothing is known."""
        seconds = self.seconds
        if not self.is_timed or self.estimate is None or seconds is None:
            return self._reached
        return max(self._reached or 0.0, filled_by_time(seconds, self.estimate))

    def hear(self, event: Event) -> None:
        """Take what happens now."""
        self._reached = self.fraction
        self._event = event
        if self._began is None and not isinstance(event, _BEFORE_WORK):
            self._began = time.monotonic()
        if event.share is not None:
            start, end = self._part
            share = start + (end - start) * min(1.0, max(0.0, event.share))
            self._reached = max(self._reached or 0.0, share)
            self._counted |= isinstance(event, Drawing)

    @contextlib.contextmanager
    def part(self, start: float, end: float) -> Iterator[None]:
        """Take what is heard within the block as one part of the work, from *start* to *end*."""
        before, self._part = self._part, (start, end)
        try:
            yield
        finally:
            self._part = before

    def begin_again(self, estimate: float | None) -> None:
        """Count the seconds anew; the share stays."""
        self._reached, self._began, self.estimate = self.fraction, None, estimate


class WorkTimes:
    """How long each kind of work took lately in this process; from any thread.

    A kind is whatever takes about the same time: a model, and how much is asked of it.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._times: dict[Hashable, deque[float]] = {}
        self._lock = threading.Lock()

    def expected(self, kind: Hashable) -> float | None:
        """The median of the last few times, seconds."""
        with self._lock:
            times = sorted(self._times.get(kind, ()))
        return times[len(times) // 2] if times else None

    def add(self, kind: Hashable, seconds: float) -> None:
        """Note that work of *kind* took so long; the kind that was forgotten longest makes room."""
        if seconds < LEAST:
            return
        with self._lock:
            times = self._times.pop(kind, None) or deque(maxlen=_LATELY)
            times.append(seconds)
            self._times[kind] = times
            if len(self._times) > _KINDS:
                del self._times[next(iter(self._times))]

    @contextlib.contextmanager
    def measured(self, kind: Hashable, work: WorkProgress) -> Iterator[None]:
        """Tell *work* what to expect of the block, and note how long it took if it succeeds."""
        work.begin_again(self.expected(kind))
        yield
        self.add(kind, work.seconds or 0.0)


work_times = WorkTimes()
"""What this process has learnt; nothing of it is kept beyond."""
