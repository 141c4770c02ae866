"""How a run has ended, in a few lines."""

from collections.abc import Iterable
from decimal import Decimal

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media.cost import dollars
from mediatoolkit.runs.results import RunRow
from mediatoolkit.runs.run import Run
from mediatoolkit.runtime.events import State, duration

MOST_FAILURES = 10
"""Different failures that are told, each with the first rows that have it."""

_LOOKED_AT = 1_000  # rows without media
_INDEXES = 5  # of one failure
_LONGEST_INDEX = 40  # characters
_LONGEST_MESSAGE = 2_000


def line_of(run: Run) -> str:
    """Such as `posters: 997 of 1,000 done, 3 failed, $2.10 spent, 4 min`."""
    counts, progress = run.counts, run.progress
    words = [f"{counts['done']:,} of {sum(counts.values()):,} done"]
    words += [f"{counts['failed']:,} failed"] if counts["failed"] else []
    words += [f"{counts['unclear']:,} may have been billed"] if counts["unclear"] else []
    words += [f"{counts['waiting']:,} not sent"] if counts["waiting"] else []
    words += [f"{dollars(Decimal(str(run.spent)))} spent"] if run.spent else []
    words += [duration(progress.elapsed)]
    stopped = {State.CANCELLED: "cancelled; ", State.FAILED: "stopped; "}.get(progress.state, "")
    return f"{visible(run.name, 100)}: {stopped}{', '.join(words)}"


def failures_of(run: Run) -> list[str]:
    """The first failures, such as `3 rows (17, 40, 41): RefusalError: the policy said no`."""
    indexes: dict[str, list[str]] = {}
    for row in run.rows("failed", "unclear", most=_LOOKED_AT):
        indexes.setdefault(reason_of(row), []).append(index_of(row))
    first = list(indexes.items())[:MOST_FAILURES]
    return [f"{_which(several)}: {failure}" for failure, several in first]


def index_of(row: RunRow) -> str:
    """The label of a row, on one line."""
    return visible(str(row.index), _LONGEST_INDEX, one_line=True)


def reason_of(row: RunRow, error: Exception | None = None) -> str:
    """Why a row has no media; of a stranger's error only the type is safe to show."""
    error = error or row.error
    if isinstance(error, MediaToolkitError):
        return f"{type(error).__name__}: {visible(str(error), _LONGEST_MESSAGE)}"
    where = f"run.rows({row.status!r})[0].error"
    return f"{type(error).__name__}: came unexpectedly; {where} shows where from."


def _which(indexes: Iterable[str]) -> str:
    several = list(indexes)
    if len(several) == 1:
        return f"row {several[0]}"
    more = ", …" if len(several) > _INDEXES else ""
    return f"{len(several):,} rows ({', '.join(several[:_INDEXES])}{more})"
