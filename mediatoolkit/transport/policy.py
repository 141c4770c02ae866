"""What a transport may do: how long, how often, how much. Values and decisions, no I/O."""

import enum
import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from mediatoolkit.checks import is_number, is_whole, positive_seconds, quoted
from mediatoolkit.errors import PromptError

if TYPE_CHECKING:
    from mediatoolkit.transport.response import ErrorResponse

MiB = 1 << 20
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_SPAN = re.compile(
    r"(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d{1,9})?)s)?(?:(\d{1,9})ms)?",
    re.ASCII,
)
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)

RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that say: nothing was delivered, asking again is welcome."""


class AttemptPhase(enum.Enum):
    """How far an attempt came before it was lost."""

    UNSENT = "not connected"
    """No connection was established, so the provider saw nothing."""

    UNHEARD = "closed without a response"
    """Closed without one byte of response, within `UNHEARD_WITHIN` of the request's last byte.

    It was a pooled connection that the server had already closed, or a proxy that shuts down: no
    vendor generates that fast.
    """

    UNSURE = "lost"
    """Anything later; the provider may have done the work."""


UNHEARD_WITHIN = 1.0
"""Seconds after the request's last byte."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed attempt is sent again.

    Attributes:
        attempts: Attempts in all, 1 to 10.
        ambiguous: Send a paid request again even when the provider may have done the work, and
            so may bill twice.
        base: Longest pause before the second attempt, seconds; doubles with every further one. A
            pause is at least half as long, since a busy server does not recover in an instant.
        cap: Longest pause of our own choice, seconds. A provider may ask for more.

    Raises:
        PromptError: A value is out of range.
    """

    attempts: int = 4
    ambiguous: bool = False
    base: float = 0.5
    cap: float = 8.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _whole(self.attempts, "Retry.attempts")
        if self.attempts > 10:
            raise PromptError(f"Retry.attempts is at most 10, not {quoted(self.attempts)}.")
        if not isinstance(self.ambiguous, bool):
            raise PromptError(f"Retry.ambiguous is True or False, not {quoted(self.ambiguous)}.")
        positive_seconds(self.base, "Retry.base")
        positive_seconds(self.cap, "Retry.cap")

    def after_loss(self, phase: AttemptPhase, *, paid: bool) -> bool:
        """Whether a lost attempt may be repeated at all."""
        return not paid or self.ambiguous or phase is not AttemptPhase.UNSURE

    def pause(
        self,
        attempt: int,
        requested: float | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> float:
        """Seconds to wait after *attempt* (the first is 1) failed.

        Args:
            attempt: Number of the attempt that failed.
            requested: Seconds the provider asked for; never undercut.
            uniform: Source of jitter.
        """
        if requested is not None:
            return requested + uniform(0.0, self.base)
        longest = min(self.cap, self.base * 2 ** (attempt - 1))
        return uniform(longest / 2, longest)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at a time.

    Attributes:
        concurrency: Calls of one client in flight at once.
        per_second: Requests of one client that may start per second, evenly spaced, or None.
        json: Largest response of a call, bytes, after decompression: JSON with the media in it, or
            the media alone. Of text around the media JSON may hold 4 MiB.
        error: Part of an error response's body that is read, bytes.
        image: Largest picture fetched from an address, bytes.
        video: Largest file downloaded, bytes.

    Raises:
        PromptError: A value is not a positive number.
    """

    concurrency: int = 512
    per_second: float | None = None
    json: int = 128 * MiB
    error: int = 64 * 1024
    image: int = 40 * MiB
    video: int = 2048 * MiB

    def __post_init__(self) -> None:
        """Refuse what is not a positive amount."""
        for field in fields(self):
            if field.name != "per_second":
                _whole(getattr(self, field.name), f"Limits.{field.name}")
        if self.per_second is not None and not _is_rate(self.per_second):
            raise PromptError(f"Limits.per_second must be above 0, not {quoted(self.per_second)}.")


class Bucket:
    """Spreads the retries of one session, so that fifty prompts in a cell cannot storm.

    The first `burst` retries pass at once, later ones at `per_second`.
    """

    __slots__ = ("_due", "burst", "per_second")

    def __init__(self, burst: int = 20, per_second: float = 10.0) -> None:
        """Start full."""
        self.burst = burst
        self.per_second = per_second
        self._due = -math.inf

    def reserve(self, now: float) -> float:
        """Take a place in the line; return the seconds from *now* until its turn."""
        step = 1.0 / self.per_second
        # However long the session was idle, no more than `burst` retries pass at once.
        self._due = max(self._due, now - self.burst * step) + step
        return max(0.0, self._due - now)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor's responses speak about retries and requests, apart from their bodies.

    Attributes:
        retryable: Statuses that say: nothing was delivered, asking again is welcome.
        retry_after_ms: Header fields that ask for a pause in milliseconds; the first that is
            there counts, and more than `Retry-After`.
        should_retry: Header fields whose `true` or `false` counts more than the status.
        requests_left: Pairs of header fields of a success: how many requests the vendor still
            takes, and when it takes more, such as `170ms`, `1.2s` or `6m0s`.
        request_id: Header fields with the vendor's name for the call; the first that is there
            counts.
        is_final: Whether the same error response would come again however often the request is
            sent. An error for the key, the content or a used-up quota is final anyhow.
    """

    retryable: frozenset[int] = RETRYABLE
    retry_after_ms: tuple[str, ...] = ()
    should_retry: tuple[str, ...] = ()
    requests_left: tuple[tuple[str, str], ...] = ()
    request_id: tuple[str, ...] = (
        "x-request-id",
        "request-id",
        "x-goog-request-id",
        "x-fal-request-id",
    )
    is_final: "Callable[[ErrorResponse], bool] | None" = None

    def is_retryable(self, response: "ErrorResponse") -> bool:
        """Whether *response* may be followed by the same request once more."""
        if self.is_final is not None and self.is_final(response):
            return False
        for name in self.should_retry:
            word = response.headers.get(name, "").strip().lower()
            if word in ("true", "false"):
                return word == "true" and response.status >= 400
        return response.status in self.retryable

    def pause_of(self, headers: Mapping[str, str]) -> float | None:
        """Seconds that the header asks for, or None."""
        for name in self.retry_after_ms:
            value = headers.get(name, "").strip()
            if _NUMBER.fullmatch(value):
                return float(value) / 1000
        return retry_after(headers)

    def reset_of(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until the vendor takes requests again; None while it takes some."""
        spans = [
            seconds
            for left, reset in self.requests_left
            if headers.get(left, "").strip() == "0"
            and (seconds := _span(headers.get(reset, "").strip())) is not None
        ]
        return max(spans, default=None)

    def request_id_of(self, headers: Mapping[str, str], mask: Callable[[str], str]) -> str | None:
        """The vendor's name for the call, if it looks like one; *mask* takes the key out."""
        for name in self.request_id:
            value = headers.get(name, "")
            if _ID.fullmatch(value):
                return mask(value)
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3), or None.

    A date counts from the response's own `Date`, so a wrong clock here does no harm.
    """
    value = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    until = _date(value)
    if until is None:
        return None
    since = _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - since).total_seconds())


def _span(value: str) -> float | None:
    """Seconds of a span as Go writes it, such as `1h2m3.5s` or `170ms`, or None."""
    match = _SPAN.fullmatch(value)
    if match is None:
        return None
    parts = zip(match.groups("0"), (3600, 60, 1, 0.001), strict=True)
    return sum(float(number) * unit for number, unit in parts)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the second for a year or a zone of many digits
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def _whole(value: Any, name: str) -> None:
    if not is_whole(value) or value < 1:
        raise PromptError(f"{name} takes a whole number from 1, not {quoted(value)}.")


def _is_rate(value: Any) -> bool:
    return is_number(value) and 0 < value < math.inf
