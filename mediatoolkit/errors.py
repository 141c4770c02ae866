"""Every error this package raises on purpose.

    MediaToolkitError
    ├── PromptError               the prompt cannot be sent as written         also ValueError
    ├── MediaError                the bytes are not what their type says       also ValueError
    ├── UnknownModelError         no installed provider serves that model      also LookupError
    ├── BudgetError               the limit would be passed; nothing was sent  also ValueError
    ├── NotCachedError            only the cache was asked, and it has none    also LookupError
    ├── StorageError              the result could not be written              also OSError
    ├── MissingExtraError         an optional package is not installed         also ImportError
    ├── ClosedError               used after close, or closed meanwhile        also RuntimeError
    ├── NotAwaitedError           a job was used in place of its result        also AttributeError
    ├── UnknownNameError          this package has no such name                also AttributeError
    ├── JobCancelled              the user stopped the job
    ├── TransportError            no usable answer came back                   also ConnectionError
    │   ├── DeadlineError         the call ran past its deadline               also TimeoutError
    │   ├── TooLargeError         the answer passed its cap
    │   └── UnsafeURLError        a provider handed over an address we do not fetch
    └── ProviderError             the provider answered, but not with media
        ├── AuthenticationError   the key is missing, wrong or not allowed to
        ├── RateLimitError        too many calls, or the quota is used up
        ├── ModelNotFoundError    the provider does not serve that model (any more)
        └── RefusalError          the content policy said no

Every message is safe to leave in a notebook: no key, no header, no query string. It is one line of
fewer than a thousand characters, none of which controls a terminal.
`asyncio.CancelledError` is not in the tree; it passes through unchanged.
"""

import ast
import inspect
import linecache
import re
import traceback
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal

MAX_MESSAGE = 900
"""Characters of a message; with its warning it stays below a thousand."""

# Control characters except line breaks and tabs, marks that reverse what follows, lone surrogates.
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
# Invisible characters, which could hide a part of a word; some scripts and emoji need a few.
_INVISIBLE = (
    r"\xad\u061c\u180e\u200b-\u200f\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{_CONTROLS}]")
_UNSAFE_OR_INVISIBLE = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_BREAKS = re.compile(r"[\t\r\n]+")


def visible(
    text: str, longest: int | None = None, *, one_line: bool = False, mark: str = ""
) -> str:
    """*text* without characters that hide, reverse or break what stands beside it.

    Args:
        text: Written by anybody.
        longest: Most characters; left out, any number. A longer text loses its end.
        one_line: Whether line breaks and tabs become blanks and invisible characters go too; a
            longer text then loses its middle, since the end of a message says what to do.
        mark: Takes the place of each character that goes.
    """
    cut = longest is not None and len(text) > longest
    if not one_line:
        return _UNSAFE.sub(mark, f"{text[: longest - 1]}…" if longest and cut else text)
    if longest and cut:  # the middle of a very long text is not worth a pass
        text = text[: 4 * longest] + text[4 * longest :][-longest:]
    line = _UNSAFE_OR_INVISIBLE.sub(mark, _BREAKS.sub(" ", text))
    if longest is None or len(line) <= longest:
        return line
    end = longest // 3
    return f"{line[: longest - end - 3]} … {line[-end:]}"


class MediaToolkitError(Exception):
    """Base of every error here.

    Attributes:
        family: What kind of failure this is, one word, the same for every provider.
        provider: Vendor that was asked, such as `"gemini"`, or None.
        may_have_been_billed: The provider may have done the work although no media came back.
            Asking again may pay again.
        is_free: What the provider makes costs nothing, since a machine of the user's makes it.
        results: Where several things were asked for at once, all that came of them, in order.
        call_site: Where the job that failed was started, or None.
    """

    family: ClassVar[str] = "error"
    is_free: bool = False
    results: tuple[object, ...] = ()
    call_site: "CallSite | None" = None

    def __init__(
        self, message: str, *, provider: str | None = None, may_have_been_billed: bool = False
    ) -> None:
        """Keep the facts; `str` shows the message and, where it matters, the bill.

        A message may quote what others wrote, so it becomes one line that is safe to show.
        """
        super().__init__(message)
        self.args = (
            visible(message, MAX_MESSAGE, one_line=True, mark="\N{REPLACEMENT CHARACTER}"),
        )
        self.provider = provider
        self.may_have_been_billed = may_have_been_billed

    def __str__(self) -> str:
        """Message, with a warning where asking again may pay twice."""
        message = str(self.args[0])
        if self.may_have_been_billed and not self.is_free:
            return f"{message} The provider may have billed this call; asking again may pay twice."
        return message

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by state, since subclasses take different arguments."""
        return _restore, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """One calm line in IPython; `%tb` still shows the whole way.

        Where the cell makes several calls, a second line says which of them it was.
        """
        if _called_from("tb"):
            return traceback.format_exception(self)
        return [f"{type(self).__name__}: {self}", *_place_in_cell(self)]


def _called_from(magic: str) -> bool:
    """Whether *magic* is on the stack: IPython renders `%tb` and a failed cell in the same way."""
    return any(frame.f_code.co_name == magic for frame, _ in traceback.walk_stack(None))


class CallSite(NamedTuple):
    """Where a job was started.

    Attributes:
        file: Of the user's code; each run of a cell has a file of its own.
        line: From 1.
        label: Of the job.
    """

    file: str
    line: int
    label: str


def call_site(label: str) -> CallSite | None:
    """Return the place in the user's own code, `__main__`, that is on the stack; some 2 µs."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") != "__main__":
        frame = frame.f_back
    if frame is None:
        return None
    return CallSite(frame.f_code.co_filename, frame.f_lineno, label)


def _place_in_cell(error: MediaToolkitError) -> list[str]:
    """The line of the cell that *error* comes from, where the cell makes several calls."""
    frames = traceback.walk_tb(error.__traceback__)
    places = [
        (frame.f_code.co_filename, line)
        for frame, line in frames
        if frame.f_globals.get("__name__") == "__main__"
    ]
    if not places:
        return []
    cell = places[0][0]
    # The innermost line of this cell; the functions of other cells are no part of it.
    line, label, site = [line for file, line in places if file == cell][-1], "", error.call_site
    if site is not None:
        label = site.label
        line = site.line if site.file == cell else line
    source = linecache.getline(cell, line).strip()
    if (
        not source
        or "get_ipython()" in source
        or not _makes_several_calls(linecache.getlines(cell))
    ):
        return []
    is_said = label in source and " for " not in source
    of_job = "" if is_said else f", {visible(label, 60, one_line=True)!r}"
    return [f"    line {line}{of_job}: {visible(source, 120, one_line=True)}"]


def _makes_several_calls(source: list[str]) -> bool:
    """Whether a cell calls more than `print`, `display` and one thing, or has a loop."""
    try:
        nodes = list(ast.walk(ast.parse("".join(source))))
    except SyntaxError:
        return False
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    names = [getattr(call.func, "id", "") for call in calls]
    in_loop = any(
        isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.comprehension)) for node in nodes
    )
    return in_loop or len([name for name in names if name not in {"display", "print"}]) > 1


def _restore(
    kind: type[MediaToolkitError], args: tuple[str, ...], state: dict[str, object]
) -> MediaToolkitError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class PromptError(MediaToolkitError, ValueError):
    """The prompt cannot be sent as written. Nothing was sent."""

    family = "request"


class MediaError(MediaToolkitError, ValueError):
    """The bytes are not what their type says, or not a type we take."""

    family = "media"


class UnknownModelError(MediaToolkitError, LookupError):
    """No installed provider serves that model."""

    family = "request"


class BudgetError(MediaToolkitError, ValueError):
    """The call may cost more than is left, or its price is unknown. Nothing was sent.

    An amount of money that cannot be used, such as a negative limit, is refused so too.

    Attributes:
        upper: The most that the call may cost, a `Decimal` in USD, or None.
        left: What is left of the limit that refused it, a `Decimal` in USD, or None.
        reserved: What calls that run had reserved of it, which may come free, in USD, or None.
    """

    family = "budget"
    upper: "Decimal | None" = None
    left: "Decimal | None" = None
    reserved: "Decimal | None" = None


class NotCachedError(MediaToolkitError, LookupError):
    """Nothing is kept for this request, and `cache="only"` forbids to send it."""

    family = "request"


class StorageError(MediaToolkitError, OSError):
    """The result could not be written, or a file could not be read.

    Nothing half-written is left behind.

    Attributes:
        media: The finished media that could not be kept, or None; it was paid for.
    """

    family = "storage"
    media: object = None


class MissingExtraError(MediaToolkitError, ImportError):
    """An optional package is not installed; the message names the install."""

    family = "install"


class ClosedError(MediaToolkitError, RuntimeError):
    """An object was used after its close, or closed while it ran."""

    family = "closed"


class NotAwaitedError(MediaToolkitError, AttributeError):
    """A job was used in place of its result."""

    family = "request"


class UnknownNameError(MediaToolkitError, AttributeError):
    """This package has no such name."""

    family = "request"


class JobCancelled(MediaToolkitError):  # noqa: N818 - a wish of the user's, not a fault
    """The user stopped the job."""

    family = "cancelled"


class TransportError(MediaToolkitError, ConnectionError):
    """No usable answer came back."""

    family = "transport"


class DeadlineError(TransportError, TimeoutError):
    """The call ran past its deadline.

    Attributes:
        stage: What the call was doing, such as `"waiting"`.
        seconds: The deadline that was set, in seconds from the start of the call.
    """

    family = "timeout"

    def __init__(
        self,
        message: str,
        *,
        stage: str,
        seconds: float,
        provider: str | None = None,
        may_have_been_billed: bool = False,
    ) -> None:
        """Keep the facts."""
        super().__init__(message, provider=provider, may_have_been_billed=may_have_been_billed)
        self.stage = stage
        self.seconds = seconds


class TooLargeError(TransportError):
    """The answer passed its cap and was not read further."""

    family = "too_large"


class UnsafeURLError(TransportError):
    """An address is not fetched: it is not http(s), not public, or has a password in it."""

    family = "unsafe_url"


class ProviderError(MediaToolkitError):
    """The provider answered, but not with media.

    Attributes:
        status: HTTP status, or None when the answer was a 200 without media.
        request_id: The provider's own name for the call, for its support desk, or None.
        words: What the provider said about it, safe to show, or empty.
        retry_after: Seconds the provider asked us to wait, or None.
    """

    family = "server"
    words: str = ""
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        family: str | None = None,
        may_have_been_billed: bool = False,
    ) -> None:
        """Keep the facts; *family* overrides the class's own word."""
        super().__init__(message, provider=provider, may_have_been_billed=may_have_been_billed)
        self.status = status
        self.request_id = request_id
        if family is not None:
            self.__dict__["family"] = family


class AuthenticationError(ProviderError):
    """The key is missing, wrong, or not allowed to do this."""

    family = "auth"


class RateLimitError(ProviderError):
    """Too many calls, or the quota is used up.

    Attributes:
        quota_exhausted: Waiting within this call cannot help (a per-day quota, for instance).
    """

    family = "rate_limit"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        quota_exhausted: bool = False,
        provider: str | None = None,
        status: int | None = 429,
        request_id: str | None = None,
    ) -> None:
        """Keep the facts."""
        super().__init__(message, provider=provider, status=status, request_id=request_id)
        self.retry_after = retry_after
        self.quota_exhausted = quota_exhausted


class ModelNotFoundError(ProviderError):
    """The provider does not serve that model, or not any more."""

    family = "request"


class RefusalError(ProviderError):
    """The content policy said no. Never sent again.

    Attributes:
        reason: The vendor's own word, such as `"IMAGE_SAFETY"`.
    """

    family = "blocked"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        provider: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        may_have_been_billed: bool = False,
    ) -> None:
        """Keep the facts."""
        super().__init__(
            message,
            provider=provider,
            status=status,
            request_id=request_id,
            may_have_been_billed=may_have_been_billed,
        )
        self.reason = reason
