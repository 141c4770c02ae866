"""What can happen to a call, each with a word for a person to read."""

import time
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a call. `name` is one word for a person to read."""

    name: ClassVar[str] = "working"

    def __str__(self) -> str:
        """One short line for a bar."""
        return self.name


class Queued(Event):
    """Waits for a free slot or worker, or for other jobs."""

    name = "queued"


class Connecting(Event):
    """Opens a connection or takes a pooled one."""

    name = "connecting"


class Waiting(Event):
    """The request is sent; the provider works."""

    name = "waiting"


@dataclass(frozen=True, slots=True)
class Receiving(Event):
    """Bytes of the answer arrive.

    Attributes:
        received: Bytes so far.
        total: Bytes in all, or None when the server does not say.
    """

    name = "receiving"
    received: int
    total: int | None = None

    def __str__(self) -> str:
        """Such as `receiving 1.2 of 3.4 MB`."""
        if self.total is None:
            return f"receiving {self.received / 1e6:.1f} MB"
        return f"receiving {self.received / 1e6:.1f} of {self.total / 1e6:.1f} MB"


@dataclass(frozen=True, slots=True)
class Drawing(Event):
    """A local engine is at work.

    Attributes:
        what: The part it works on, such as `"ridges"`.
        fraction: How much is done, 0 to 1.
    """

    name = "drawing"
    what: str
    fraction: float

    def __str__(self) -> str:
        """Such as `drawing ridges`."""
        return f"drawing {self.what}"


@dataclass(frozen=True, slots=True)
class Partial(Event):
    """The picture as it is so far, to look at while the rest is made.

    Attributes:
        data: A small picture file.
        mime_type: What kind of file, such as `"image/jpeg"`.
        fraction: How much is done, 0 to 1, or None when the vendor does not say.
    """

    name = "sketching"
    data: bytes = field(repr=False)
    mime_type: str
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Sounding(Event):
    """A piece of speech is there and can be heard while the rest is made.

    Attributes:
        pcm: Signed 16 bits a sample, little-endian, channels side by side.
        sample_rate: Hertz.
        channels: From 1.
    """

    name = "sounding"
    pcm: bytes
    sample_rate: int
    channels: int = 1


class Decoding(Event):
    """The bytes are checked and made into media."""

    name = "decoding"


class Saving(Event):
    """The media is written to the store."""

    name = "saving"


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """An attempt failed without cost, and another follows.

    Attributes:
        attempt: Number of the coming attempt; the first is 1.
        attempts: Most attempts of the request.
        seconds: Pause before it, from now.
    """

    name = "retry"
    attempt: int
    attempts: int
    seconds: float
    _reported: float = field(default_factory=time.monotonic, init=False, repr=False, compare=False)

    @property
    def left(self) -> float:
        """Seconds until the coming attempt."""
        return max(0.0, self._reported + self.seconds - time.monotonic())

    @property
    def which(self) -> str:
        """Such as `retry 2 of 4`."""
        return f"retry {self.attempt} of {self.attempts}"

    def __str__(self) -> str:
        """Such as `retry 2 of 4 in 3 s`, counted down."""
        return f"{self.which} in {self.left:.0f} s"


class LeftRunning(Event):
    """The vendor was not asked to stop its work, since somebody else waits for it as well."""

    name = "left"

    def __str__(self) -> str:
        """One short line for a bar."""
        return "left running, since somebody else waits for it"


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    """The vendor was asked to stop its work.

    Attributes:
        confirmed: The vendor said that it stopped.
    """

    name = "withdrawn"
    confirmed: bool

    def __str__(self) -> str:
        """Such as `withdrawn, confirmed by the vendor`."""
        word = "confirmed" if self.confirmed else "not confirmed"
        return f"withdrawn, {word} by the vendor"


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
        paused: Whether `left` stays as it is, since the job waits for its turn.
    """

    state: State
    event: Event
    elapsed: float
    left: float
    error: BaseException | None = None
    paused: bool = False

    def __str__(self) -> str:
        """Such as `receiving 1.2 of 3.4 MB, 3.1 s, 116.9 s left`."""
        if self.state is State.RUNNING and self.paused:
            return f"{self.event}, {self.elapsed:.1f} s"
        if self.state is State.RUNNING:
            return f"{self.event}, {self.elapsed:.1f} s, {self.left:.1f} s left"
        return f"{self.state.value} after {self.elapsed:.1f} s"
