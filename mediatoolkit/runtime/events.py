"""What can happen to a call, each with a word for a person to read."""

import time
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

_LEAST_MEDIA = 50_000
"""Bytes; a response that is smaller tells of a job or of an error."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a call.

    Attributes:
        name: One word for the kind of event.
        is_remote: Whether a vendor or the network works meanwhile, so that nobody counts.
    """

    name: ClassVar[str] = "working"
    is_remote: ClassVar[bool] = False

    @property
    def share(self) -> float | None:
        """How much of the work is done, 0 to 1, or None when the event does not say."""
        return None

    def __str__(self) -> str:
        """One short line for a bar."""
        return self.name


class Queued(Event):
    """Waits for a free slot or worker, or for other jobs."""

    name = "queued"


@dataclass(frozen=True, slots=True)
class Paused(Queued):
    """Waits because the vendor asked for a pause of all requests with this key.

    Attributes:
        seconds: Until the request may start, from now.
        provider: Who asked for it, or None.
    """

    name = "paused"
    seconds: float
    provider: str | None = None
    _reported: float = field(default_factory=time.monotonic, init=False, repr=False, compare=False)

    @property
    def left(self) -> float:
        """Seconds until the request may start."""
        return max(0.0, self._reported + self.seconds - time.monotonic())

    def __str__(self) -> str:
        """Such as `paused for 5 s by gemini`, counted down."""
        return f"paused for {duration(self.left)} by {self.provider or 'the vendor'}"


@dataclass(frozen=True, slots=True)
class Loading(Event):
    """A local engine is brought into memory, which takes seconds the first time.

    Attributes:
        what: Such as `"the voice"`.
    """

    name = "loading"
    what: str

    def __str__(self) -> str:
        """Such as `loading the voice`."""
        return f"loading {self.what}"


class Connecting(Event):
    """Opens a connection or takes a pooled one."""

    name = "connecting"
    is_remote = True


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """The request is sent; the provider works.

    Attributes:
        provider: Who is waited for, or None.
    """

    name = "waiting"
    is_remote = True
    provider: str | None = None

    def __str__(self) -> str:
        """Such as `waiting for gemini`."""
        return f"waiting for {self.provider}" if self.provider else self.name


@dataclass(frozen=True, slots=True)
class Working(Event):
    """The vendor or a server tells how its work on a job goes.

    Attributes:
        provider: Who works, or None.
        words: What it says of the work, such as a line of its log or `"3rd in the queue"`; one
            line, safe to show.
        fraction: How much is done, 0 to 1, or None when it does not say.
    """

    is_remote = True
    provider: str | None = None
    words: str = ""
    fraction: float | None = None

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1, where the vendor says."""
        return self.fraction

    def __str__(self) -> str:
        """Such as `fal: loading the model`."""
        return ": ".join(filter(None, (self.provider, self.words or self.name)))


@dataclass(frozen=True, slots=True)
class Receiving(Event):
    """Bytes of the answer arrive.

    Attributes:
        received: Bytes so far.
        total: Bytes in all, or None when the server does not say.
    """

    name = "receiving"
    is_remote = True
    received: int
    total: int | None = None

    @property
    def is_media(self) -> bool:
        """Whether there is so much that it may be media."""
        return (self.received if self.total is None else self.total) >= _LEAST_MEDIA

    @property
    def share(self) -> float | None:
        """The last tenth, since the work itself comes first; None for what is no media."""
        if self.total is None or not self.is_media:
            return None
        return 0.9 + 0.1 * min(1.0, self.received / self.total)

    def __str__(self) -> str:
        """Such as `receiving 1.2 of 3.4 MB`."""
        if not self.is_media:
            return self.name
        so_far = f"{self.received / 1e6:.1f}"
        return f"receiving {so_far if self.total is None else self._of_all(so_far)} MB"

    def _of_all(self, so_far: str) -> str:
        return f"{so_far} of {(self.total or 0) / 1e6:.1f}"


@dataclass(frozen=True, slots=True)
class Drawing(Event):
    """A local engine is at work.

    Attributes:
        what: What it does, as a phrase, such as `"drawing the sky"` or `"printing"`.
        fraction: How much is done, 0 to 1.
    """

    name = "drawing"
    what: str
    fraction: float

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return self.fraction

    def __str__(self) -> str:
        """Such as `drawing the sky`."""
        return self.what


@dataclass(frozen=True, slots=True)
class Partial(Event):
    """The picture as it is so far, to look at while the rest is made.

    Attributes:
        data: A small picture file.
        mime_type: What kind of file, such as `"image/jpeg"`.
        fraction: How much is done, 0 to 1, or None when the vendor does not say.
    """

    name = "sketching"
    is_remote = True
    data: bytes = field(repr=False)
    mime_type: str
    fraction: float | None = None

    @property
    def share(self) -> float | None:
        """How much is done, 0 to 1, where the vendor says."""
        return self.fraction


@dataclass(frozen=True, slots=True)
class Sounding(Event):
    """A piece of speech is there and can be heard while the rest is made.

    Attributes:
        pcm: Signed 16 bits a sample, little-endian, channels side by side.
        sample_rate: Hertz.
        channels: From 1.
    """

    name = "sounding"
    is_remote = True
    pcm: bytes
    sample_rate: int
    channels: int = 1

    def __str__(self) -> str:
        """What a person hears."""
        return "speaking"


class Decoding(Event):
    """The bytes are checked and made into media."""

    name = "decoding"

    @property
    def share(self) -> float:
        """Near the end."""
        return 0.95

    def __str__(self) -> str:
        """What it means for whoever waits."""
        return "finishing"


class Saving(Event):
    """The media is written to the store."""

    name = "saving"

    @property
    def share(self) -> float:
        """Near the end."""
        return 0.98


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


@dataclass(frozen=True, slots=True)
class RowsEnded(Event):
    """Some rows of a run have ended.

    Attributes:
        done: Rows that have a result.
        failed: Rows that have none, whether they were billed or not.
        total: All rows.
        per_minute: Rows that end in a minute, at the present rate.
        spent: What the run has cost, as text such as `$2.10`, or empty where it is free.
        left: Seconds until the last row ends at the present rate, or None.
        note: What else is to be said, such as `paused for 5 s by gemini`, or empty.
    """

    name = "running"
    done: int
    failed: int
    total: int
    per_minute: float = 0.0
    spent: str = ""
    left: float | None = None
    note: str = ""

    @property
    def share(self) -> float:
        """How many rows have ended, 0 to 1."""
        return (self.done + self.failed) / self.total if self.total else 1.0

    def __str__(self) -> str:
        """Such as `412 of 1,000 done, 3 failed, 300/min, $2.10 spent, about 2 min left`."""
        phrases = [f"{self.done:,} of {self.total:,} done"]
        phrases += [f"{self.failed:,} failed"] if self.failed else []
        phrases += [f"{self.per_minute:,.0f}/min"] if self.per_minute else []
        phrases += [f"{self.spent} spent"] if self.spent else []
        phrases += [f"about {duration(self.left)} left"] if self.left else []
        return ", ".join([*phrases, self.note] if self.note else phrases)


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
        fraction: Share of the work that is done, 0 to 1, never less than before; None where
            nothing is known.
        estimate: Seconds that such work took lately in this process, or None.
        worked: Seconds since the work began; None while the job waits for its turn.
        is_timed: Whether `fraction` grows by `estimate` now, since nobody counts.
    """

    state: State
    event: Event
    elapsed: float
    left: float
    error: BaseException | None = None
    paused: bool = False
    fraction: float | None = None
    estimate: float | None = None
    worked: float | None = None
    is_timed: bool = False

    def __str__(self) -> str:
        """Such as `waiting for gemini, 3.1 s, about 2 s more, stops in 117 s`."""
        if self.state is not State.RUNNING:
            return f"{self.state.value} after {self.elapsed:.1f} s"
        expected = expectation(self.worked, self.estimate)
        limit = [] if self.paused else [f"stops in {self.left:.0f} s"]
        return ", ".join([str(self.event), f"{self.elapsed:.1f} s", *expected, *limit])


def expectation(worked: float | None, estimate: float | None) -> list[str]:
    """What is expected of the work, such as `about 2 s more`; at most one phrase.

    Args:
        worked: Seconds since it began, or None.
        estimate: Seconds that such work takes, or None.
    """
    if estimate is None:
        return []
    if worked is None:
        return [f"about {max(1, round(estimate))} s"]
    if worked < estimate:
        return [f"about {max(1, round(estimate - worked))} s more"]
    return [f"usually about {max(1, round(estimate))} s"]


def duration(seconds: float) -> str:
    """Such as `40 s`, `2 min` or `3 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
