"""One job as its page sees it: words, a small picture, sound, and why it failed."""

import hashlib
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from html import escape
from itertools import count
from typing import TYPE_CHECKING, Any, overload

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media, is_lazy
from mediatoolkit.runs.run import Run
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.events import (
    Connecting,
    Drawing,
    Event,
    Partial,
    Progress,
    Queued,
    Receiving,
    Retrying,
    Sounding,
    State,
    Waiting,
    Working,
)
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.prices import Paid, html_of, quote_of

if TYPE_CHECKING:
    from mediatoolkit.widgets.run_summary import RunSummary

Row = dict[str, Any]

LONGEST_LABEL = 1_000
"""Characters of a label that a page is sent."""

MOST_SOUND = 128_000
"""Bytes of sound in one message; a server forwards about a megabyte a second."""

_numbers = count(1)

_FACTS = ("provider", "status", "reason", "retry_after", "request_id", "stage", "seconds")
_LONGEST_FACT = 300  # characters
_LONGEST_MESSAGE = 2_000


class Action(Enum):
    """What a person does to a job by a click."""

    CANCEL = "cancel"
    EXTEND = "extend"
    RETRY = "retry"


class MediaRef:
    """The way to *media*, which stays in memory only as long as somebody else holds it.

    Attributes:
        alive: Returns the media while it is in memory, else None.
        is_in_file: Whether it can be read again.
        key: The same for media of the same bytes that was asked for in the same way.
        noun: What it is called, such as `picture`.
        omissions: What it lacks of its prompt, such as `not drawn: map`.
    """

    __slots__ = ("_kind", "_path", "alive", "is_in_file", "key", "noun", "omissions")

    def __init__(self, media: Media) -> None:
        """Remember where it lies."""
        self._kind, self._path = type(media), media.path
        is_held = is_lazy(media)  # and with it no bytes
        self.alive: Callable[[], Media | None] = (lambda: media) if is_held else weakref.ref(media)
        self.is_in_file = is_held or media.path is not None
        self.noun = media.noun
        self.omissions = media.omissions
        self.key = f"{media.digest()}\n{_request_of(media)}"

    def get(self) -> Media:
        """The media, or a copy from its file; blocks.

        Raises:
            MediaToolkitError: It is gone, and in no file.
        """
        media = self.alive()
        if media is not None:
            return media
        if self._path is None:
            raise MediaToolkitError(
                f"This {self.noun} is in memory no more and in no file; run its cell again."
            )
        return self._kind.open(self._path)


def _telling_after(telling: Event | None, event: Event) -> Event | None:
    """The words that stand: a poll or a preview does not replace those of whoever works."""
    if isinstance(event, (Drawing, Working)):
        return event
    match event:
        case Sounding() | Partial() | Connecting():
            return telling
        case Receiving(is_media=False):
            return telling
        case Waiting(provider=provider) if isinstance(telling, Working):
            return telling if provider == telling.provider else None
    return None


def _request_of(media: Media) -> str:
    """How *media* was asked for, without the time and the id of the call."""
    provenance = media.provenance
    if provenance is None:
        return ""
    return replace(provenance, created="", request_id=None, usage={}).to_json()


class MediaRefs(Sequence[Media]):
    """Media in order, of which each stays in memory only as long as somebody else holds it.

    Attributes:
        key: As that of a `MediaRef`.
        refs: The ways to it.
        nouns: What it is called, such as `pictures`.
    """

    def __init__(self, refs: Iterable[MediaRef]) -> None:
        """Remember where they lie."""
        self.refs = tuple(refs)
        self.key = hashlib.sha256("\n".join(ref.key for ref in self.refs).encode()).hexdigest()
        nouns = {ref.noun for ref in self.refs}
        self.nouns = f"{nouns.pop()}s" if len(nouns) == 1 else "files"

    def __len__(self) -> int:
        """How many."""
        return len(self.refs)

    @overload
    def __getitem__(self, at: int) -> Media: ...
    @overload
    def __getitem__(self, at: slice) -> list[Media]: ...
    def __getitem__(self, at: int | slice) -> Media | list[Media]:
        """One piece, or a list; blocks."""
        if isinstance(at, slice):
            return [ref.get() for ref in self.refs[at]]
        return self.refs[at].get()


class JobRow:
    """What a page is to know of one job; `hear` is to be subscribed to it.

    Args:
        job: Running or over.
        is_heard: Whether its sound goes to the page.

    Attributes:
        job: None once the result lies in a file and is no longer held.
        progress: As it was last heard.
        is_changed: Whether the page has to be told.
        picture: A small JPEG of the result as it is so far.
        preview: A small JPEG of the media that the job made; None where there is nothing to see.
        media: The media that the job made, once `prepare` in `results` has looked at it.
        line: The media in one line.
        paid: What that media has cost.
        summary: What is shown of a run that is over.
        number: Which row of this kernel it is; 0 for one without a job.
        sounds: Speech that waits to be sent.
    """

    is_changed = True
    picture: bytes | None = None
    preview: bytes | None = None
    media: MediaRef | None = None
    line = ""
    paid = Paid()
    summary: "RunSummary | None" = None
    number = 0
    _another: Callable[[], Job[Any]] | None = None
    _quote = ""

    def __init__(self, job: Job[Any], *, is_heard: bool = False) -> None:
        """Begin with how *job* stands."""
        self.job: Job[Any] | None = job
        self.label = job.label
        self.number = next(_numbers)
        self.progress: Progress = job.progress
        self.sounds: list[Sounding] = []
        self._is_heard = is_heard
        self._another = job.another
        self._other: Callable[[], Job[Any] | None] = lambda: None
        self._started = (time.time() - self.progress.elapsed) * 1000
        self._last_event: Event | None = None
        self._telling = _telling_after(None, self.progress.event)

    @classmethod
    def of_media(cls, media: Media, label: str) -> "JobRow":
        """Return the row of a job that is over and gone, and has made *media*."""
        row = cls.__new__(cls)
        row.job, row.label, row.sounds = None, label, []
        row.progress = Progress(State.DONE, Event(), 0.0, 0.0)
        row.media, row.line = MediaRef(media), repr(media)
        return row

    @property
    def is_over(self) -> bool:
        """Whether the job is over; a job ends a moment before `hear` is called."""
        if self.job is not None and self.progress.state is State.RUNNING and self.job.done():
            self.progress, self.is_changed = self.job.progress, True
        return self.progress.state is not State.RUNNING

    @property
    def price(self) -> str:
        """What the job may cost while it runs, and what its result has cost; else ""."""
        return self.quote if self.progress.state is State.RUNNING else str(self.paid)

    @property
    def quote(self) -> str:
        """What such a job may cost."""
        if self.job is not None:
            self._quote = quote_of(self.job)
        return self._quote

    @property
    def has_another(self) -> bool:
        """Whether one more result can be asked for."""
        return self._another is not None and self.progress.state is State.DONE

    def start_another(self) -> Job[Any] | None:
        """Ask for one more result; None while the last one that was asked for is being made."""
        if self._another is None or ((other := self._other()) and not other.done()):
            return None
        job = self._another()
        self._other = weakref.ref(job)
        return job

    def hear(self, progress: Progress) -> None:
        """Take the news, in the thread of the job's loop."""
        event = progress.event
        if isinstance(event, Partial):
            self.picture = event.data
        # An event is told again with an extension and with the end.
        if isinstance(event, Sounding) and event is not self._last_event and event.pcm:
            self.sounds += [event] if self._is_heard else []
        self._last_event = event
        self._telling = _telling_after(self._telling, event)
        if self.progress.state is State.RUNNING:
            self.progress, self.is_changed = progress, True

    def runs_on(self, loop: loops.Loop) -> bool:
        """Whether its end on *loop* is still to be heard."""
        if self.job is None or self.progress.state is not State.RUNNING:
            return False
        return self.job.loop is loop

    def words(self) -> Row:
        """Say how the job stands; a pause before an attempt has its end in `next`.

        `deadline` is None while the job waits for its turn, since its clock stands.
        """
        progress, event = self.progress, self.progress.event
        pause = event if isinstance(event, Retrying) else None
        row: Row = {
            "label": visible(self.label, LONGEST_LABEL),
            "is_run": isinstance(self.job, Run),
            "state": progress.state.value,
            "stage": pause.which if pause else str(self._telling or event),
            "next": round((time.time() + pause.left) * 1000) if pause else None,
            **self._work(),
            "began": round(self._started),
            "deadline": None,
            "omissions": self.media.omissions if self.media else "",
            "price": self.price,
            "took": None,
            "failure": None,
            "pays_twice": False,
        }
        if not progress.paused:
            row["deadline"] = self._instant(progress.elapsed + progress.left)
        if progress.state is not State.RUNNING:
            row["pays_twice"] = self.job is not None and self.job.retry_may_pay_twice
            row["took"] = round(progress.elapsed * 1000)
        if progress.state is State.FAILED and progress.error is not None:
            row["failure"] = asdict(failure_of(self))
        return row

    def _instant(self, seconds: float) -> int:
        """Kernel clock at *seconds* after the start of the job, milliseconds."""
        return round(self._started + seconds * 1000)

    def _work(self) -> Row:
        """How far the work is, and when it began, by which a page counts on where `is_timed`."""
        progress = self.progress
        worked, estimate = progress.worked, progress.estimate
        return {
            "fraction": progress.fraction,
            "worked": None if worked is None else self._instant(progress.elapsed - worked),
            "estimate": None if estimate is None else round(estimate * 1000),
            "is_timed": progress.is_timed,
            "is_idle": isinstance(progress.event, Queued),
        }

    def result(self) -> object:
        """Return the result of a job that is over, at once; reads its file if only that is left.

        Raises:
            MediaToolkitError: Whatever awaiting the job raises; or the file is gone.
        """
        if self.job is None and self.media is not None:
            return self.media.get()
        if self.job is not None and self.job.done():
            # A job that is done does not wait: its result comes with the first step.
            try:
                next(self.job.__await__())
            except StopIteration as end:
                return end.value
        raise RuntimeError(f"{self.job!r} is not over")

    def take_sound(self) -> Sounding:
        """The next pieces of one form as one, at most `MOST_SOUND` bytes or one frame."""
        first = self.sounds[0]
        frame = 2 * first.channels
        room = max(frame, MOST_SOUND // frame * frame)
        taken = bytearray()
        while self.sounds and len(taken) < room:
            piece = self.sounds[0]
            if (piece.sample_rate, piece.channels) != (first.sample_rate, first.channels):
                break
            left = room - len(taken)
            taken += piece.pcm[:left]
            if len(piece.pcm) <= left:
                self.sounds.pop(0)
            else:
                rest = piece.pcm[left:]
                self.sounds[0] = Sounding(rest, piece.sample_rate, piece.channels)
        return Sounding(bytes(taken), first.sample_rate, first.channels)

    def let_go(self, *, all_media: bool) -> None:
        """Let go of a result that lies in a file; unless *all_media*, only one with a preview."""
        if self.media is not None and self.media.is_in_file and (self.preview or all_media):
            self.job = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What is shown of an error, in words that may stay in a notebook.

    Attributes:
        kind: Name of the error's class.
        message: What went wrong, and what to do.
        facts: What else is known, by name.
    """

    kind: str
    message: str
    facts: dict[str, str]

    @classmethod
    def of(cls, error: BaseException | None, *, told_by: str, **facts: str) -> "Failure":
        """Keep the message of an error of ours; of a stranger's, only the type is safe to keep.

        Args:
            error: What was raised.
            told_by: Where a stranger's words are to be found, such as `the kernel's log`.
            facts: What else is known.
        """
        if isinstance(error, MediaToolkitError):
            message = visible(str(error), _LONGEST_MESSAGE)
        else:
            message = f"came unexpectedly; {told_by} shows where from."
        return cls(type(error).__name__, message, facts)

    def __str__(self) -> str:
        """One line."""
        return f"{self.kind}: {self.message}"

    def html(self, buttons: str = "") -> str:
        """Make a box with the facts folded away, and *buttons*, which are HTML already."""
        return (
            '<div role="alert" style="max-width:560px;padding:8px 14px;'
            'border-left:3px solid #d32f2f;line-height:1.5">'
            f"<strong>{escape(self.kind)}</strong> {html_of(self.message)} {buttons}"
            f"{self.details()}</div>"
        )

    def details(self) -> str:
        """Make a table of the facts, folded away."""
        rows = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{html_of(value)}</td></tr>'
            for name, value in self.facts.items()
        )
        return (
            '<details style="margin-top:4px;opacity:.85"><summary>Details</summary>'
            f"<table>{rows}</table></details>"
        )


def failure_of(row: JobRow, error: BaseException | None = None) -> Failure:
    """What is shown of *error*, or of what the job of *row* ended with."""
    error = error or row.progress.error
    facts = {
        "asked for": visible(row.label, _LONGEST_FACT),
        "ended": f"after {row.progress.elapsed:.1f} s, {row.progress.event}",
    }
    facts |= {
        name.replace("_", " "): visible(str(value), _LONGEST_FACT)
        for name in _FACTS
        if (value := getattr(error, name, None)) is not None
    }
    return Failure.of(error, told_by="awaiting the job", **facts)
