"""What went wrong, in words that may stay in a notebook."""

from dataclasses import dataclass
from html import escape

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime.events import Progress

_FACTS = ("provider", "status", "reason", "retry_after", "request_id", "stage", "seconds")

_LONGEST = 300  # characters of a fact
_LONGEST_MESSAGE = 2_000


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of an error.

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
        """Our own messages are safe to keep in a notebook; of a stranger's only the type is.

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
        """A box with the facts folded away, and *buttons*, which are HTML already."""
        rows = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(value)}</td></tr>'
            for name, value in self.facts.items()
        )
        return (
            '<div role="alert" style="max-width:560px;padding:8px 14px;'
            'border-left:3px solid #d32f2f;line-height:1.5">'
            f"<strong>{escape(self.kind)}</strong> {escape(self.message)} {buttons}"
            '<details style="margin-top:4px;opacity:.85"><summary>Details</summary>'
            f"<table>{rows}</table></details></div>"
        )


def failure_of(label: str, progress: Progress, error: BaseException | None = None) -> Failure:
    """What is told of *error*, or of what *progress* ended with, for the job *label*."""
    error = error or progress.error
    facts = {
        "asked for": visible(label, _LONGEST),
        "ended": f"after {progress.elapsed:.1f} s, {progress.event}",
    }
    facts |= {
        name.replace("_", " "): visible(str(value), _LONGEST)
        for name in _FACTS
        if (value := getattr(error, name, None)) is not None
    }
    return Failure.of(error, told_by="awaiting the job", **facts)
