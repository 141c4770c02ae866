"""How far a job has come, as a value."""

from dataclasses import dataclass
from enum import Enum

from mediatoolkit.stages import Event


class State(Enum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come, at one instant.

    Attributes:
        state: Running, or how it ended.
        event: What it does now, or did last.
        elapsed: Seconds since the start.
        left: Seconds to the deadline; 0 when the job is over.
        error: Why it ended without a result, or None.
    """

    state: State
    event: Event
    elapsed: float
    left: float
    error: BaseException | None = None

    def __str__(self) -> str:
        """Such as `receiving 1.2 of 3.4 MB, 3.1 s, 116.9 s left`."""
        if self.state is State.RUNNING:
            return f"{self.event}, {self.elapsed:.1f} s, {self.left:.1f} s left"
        return f"{self.state.value} after {self.elapsed:.1f} s"
