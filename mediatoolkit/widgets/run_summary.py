"""What stays in a cell when a run is over: how many rows ended how, small pictures, first failures.

The table has all of it. What is shown here is bounded, however many rows there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, MediaToolkitError
from mediatoolkit.media.cost import dollars
from mediatoolkit.runs.results import RunRow
from mediatoolkit.runs.run import Run
from mediatoolkit.runtime.events import State, duration
from mediatoolkit.widgets import results
from mediatoolkit.widgets.job_row import Failure, JobRow, failure_of
from mediatoolkit.widgets.kernel import Bundle
from mediatoolkit.widgets.prices import html_of

MOST = 48
"""Results that are shown small."""

MOST_FAILURES = 10
"""Different failures that are shown, each with the first rows that have it."""

_LOOKED_AT = 1_000  # rows without media
_INDEXES = 5  # of one failure
_LONGEST_INDEX = 40  # characters
_MOST_LINES = 5  # of results, as text


@dataclass(slots=True)
class RunSummary:
    """What is shown of a run that is over, read and made small.

    Attributes:
        run: Its buttons act on it.
        line: How many rows ended how, what it has cost, how long it took.
        rows: The first results.
        more: How many results there are beyond.
        failures: What went wrong, a line each.
    """

    run: Run
    line: str
    rows: list[JobRow]
    more: int
    failures: list[str]

    @classmethod
    def of(cls, run: Run, *, most: int = MOST) -> "RunSummary":
        """Read the first results and make them small; blocks, some 30 ms for a picture of 1K."""
        small = [_small(row) for row in run.rows("done", most=most)]
        unseen = [each for each in small if isinstance(each, str)]
        return cls(
            run,
            line_of(run),
            [each for each in small if isinstance(each, JobRow)],
            run.counts["done"] - len(small),
            [*unseen, *_failures(run.rows("failed", "unclear", most=_LOOKED_AT))],
        )

    def bundle(self, row: JobRow, error: BaseException | None = None) -> Bundle:
        """What stays in the cell; safe from any thread.

        Args:
            row: Of the run on its board.
            error: What the cell itself shows.
        """
        side = results.side_for(len(self.rows))
        series = results.series_of(self.rows)
        parts = [results.part_of(each, side, series) for each in self.rows]
        rest = [results.Part(_line(line), line) for line in self._rest()]
        alt = "; ".join(each.label for each in self.rows)
        data, metadata = results.sheet(
            parts, rest, side, alt=alt, series=series, is_all=not self.more
        )
        head = str(results.quiet(self.line, "".join(_buttons(row, self.run)))[0]["text/html"])
        if row.progress.state is State.FAILED and row.progress.error is not error:
            head += failure_of(row).html()
        lines = [part.line for part in parts[:_MOST_LINES]]
        lines += [f"… {len(parts) - _MOST_LINES} more"] if len(parts) > _MOST_LINES else []
        text = "\n".join([self.line, *lines, *self._rest()])
        return data | {"text/html": head + data["text/html"], "text/plain": text}, metadata

    def _rest(self) -> list[str]:
        more = [f"… and {self.more:,} more: run.table has all."] if self.more else []
        return [*more, *self.failures]


def line_of(run: Run) -> str:
    """Such as `posters: 997 of 1,000 done, 3 failed, $2.10 spent, 4 min`."""
    counts = run.counts
    progress = run.progress
    total = sum(counts.values())
    words = [f"{counts['done']:,} of {total:,} done"]
    words += [f"{counts['failed']:,} failed"] if counts["failed"] else []
    words += [f"{counts['unclear']:,} may have been billed"] if counts["unclear"] else []
    words += [f"{counts['waiting']:,} not sent"] if counts["waiting"] else []
    words += [f"{dollars(Decimal(str(run.spent)))} spent"] if run.spent else []
    words += [duration(progress.elapsed)]
    stopped = {State.CANCELLED: "cancelled; ", State.FAILED: "stopped; "}.get(progress.state, "")
    return f"{visible(run.name, 100)}: {stopped}{', '.join(words)}"


def _buttons(row: JobRow, run: Run) -> Iterator[str]:
    """HTML of what can be done with the rows that have no media."""
    counts, name = run.counts, visible(run.name, 60)
    failed, waiting, unclear = counts["failed"], counts["waiting"], counts["unclear"]
    if failed or waiting:
        parts = [f"{failed:,} failed"] if failed else []
        parts += [f"{waiting:,} were not sent"] if waiting else []
        title = f"Make those rows of {name} that have no result: {', '.join(parts)}"
        label = "Retry" if failed else "Go on"
        yield results.button(label, run.retry, title=title, key=str(row.number))
    if unclear:
        title = f"Make {unclear:,} unclear rows of {name} again; {results.PAYS_TWICE}"
        again = partial(run.retry, unclear=True)
        yield results.button("Retry unclear", again, title=title, key=str(row.number))


def _small(row: RunRow) -> JobRow | str:
    """The row of a sheet that shows what was made, made small; or why that cannot be shown."""
    try:
        if row.media is None:
            raise MediaError("there is no media.")
        shown = JobRow.of_media(row.media, visible(str(row.columns.get("prompt", "")), 300))
        shown.preview = results.small(row.media)
    except MediaToolkitError as error:
        return f"row {_index(row)}: {Failure.of(error, told_by='the table')}"
    return shown


def _failures(rows: Sequence[RunRow]) -> Iterator[str]:
    """Such as `3 rows (17, 40, 41): RefusalError: the policy said no`."""
    indexes: dict[str, list[str]] = {}
    for row in rows:
        failure = _failure(row)
        indexes.setdefault(failure, []).append(_index(row))
    for failure, several in list(indexes.items())[:MOST_FAILURES]:
        named = ", ".join(several[:_INDEXES])
        more = ", …" if len(several) > _INDEXES else ""
        which = f"row {named}" if len(several) == 1 else f"{len(several):,} rows ({named}{more})"
        yield f"{which}: {failure}"


def _failure(row: RunRow) -> str:
    if row.error is None:
        return "stopped on the way; the vendor may have billed it."
    return str(Failure.of(row.error, told_by=f"run.rows({row.status!r})[0].error"))


def _index(row: RunRow) -> str:
    return visible(str(row.index), _LONGEST_INDEX, one_line=True)


def _line(text: str) -> str:
    return f'<div style="font-size:.9em;margin-top:4px">{html_of(text)}</div>'
