"""What stays in a cell when a run is over: how many rows ended how, small pictures, first failures.

The table has all of it. What is shown here is bounded, however many rows there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, MediaToolkitError, PromptError
from mediatoolkit.runs.results import RunRow
from mediatoolkit.runs.run import Run
from mediatoolkit.runs.summary import failures_of, index_of, line_of, reason_of
from mediatoolkit.runtime.events import State
from mediatoolkit.widgets import results
from mediatoolkit.widgets.job_row import JobRow, failure_of
from mediatoolkit.widgets.kernel import Bundle
from mediatoolkit.widgets.prices import html_of

MOST = 48
"""Results that are shown small."""

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
    def of(cls, run: Run) -> "RunSummary":
        """Read the first results and make them small; blocks, some 30 ms for a picture of 1K."""
        small = [_small(row) for row in run.rows("done", most=MOST)]
        unseen = [each for each in small if isinstance(each, str)]
        return cls(
            run,
            line_of(run),
            [each for each in small if isinstance(each, JobRow)],
            run.counts["done"] - len(small),
            [*unseen, *failures_of(run)],
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


def _buttons(row: JobRow, run: Run) -> Iterator[str]:
    """HTML of what can be done with the rows that have no media."""
    if isinstance(row.progress.error, PromptError):
        return  # the same rows would be refused again
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
        return f"row {index_of(row)}: {reason_of(row, error)}"
    return shown


def _line(text: str) -> str:
    return f'<div style="font-size:.9em;margin-top:4px">{html_of(text)}</div>'
