"""Media side by side: `mt.show`, and what a list of media shows of itself."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from IPython.display import display

from mediatoolkit.checks import is_whole, quoted, visible
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.media import Image, Media, MediaList, entry_of
from mediatoolkit.prompts import is_single
from mediatoolkit.runs.run import Run
from mediatoolkit.runtime.files import path_of
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import results, tables
from mediatoolkit.widgets.job_row import Failure, JobRow, MediaRefs
from mediatoolkit.widgets.kernel import Bundle
from mediatoolkit.widgets.results import Part
from mediatoolkit.widgets.run_summary import RunSummary

MOST_COLUMNS = 20

Shown = Media | Job[Any] | BaseException


def show(things: Any, *, columns: int | None = None, labels: Iterable[str] | None = None) -> None:
    """Show several things as a grid, or a table with its media as thumbnails.

    Args:
        things: Media, jobs, paths, Pillow images, arrays, one or many; or a DataFrame. Of a job
            that is over, what it made is shown; of one that runs, that it runs.
        columns: How many in a line, from 1 to 20; left out, as many as there is room for.
        labels: What stands below each; left out, the prompts.

    A picture that was not shown before is decoded first, some 30 ms a megapixel. At most 200 are
    shown.

    Raises:
        PromptError: There is nothing to show, or *columns* or *labels* do not fit.
        MediaError: One of them is no media.
        StorageError: A file cannot be read.
    """
    if columns is not None and not (is_whole(columns) and 1 <= columns <= MOST_COLUMNS):
        message = f"columns takes a whole number from 1 to {MOST_COLUMNS}, not {quoted(columns)}."
        raise PromptError(message)
    if tables.is_table(things):
        data, metadata = tables.table_bundle(things)
    else:
        shown = _several(things)
        data, metadata = grid(shown, columns=columns, labels=_checked(labels, len(shown)))
    display(data, raw=True, metadata=metadata)


def list_bundle(media: MediaList[Any], **_kwargs: object) -> Bundle:
    """Return what a list shows of itself; where there is something else in it, that is text."""
    if not any(isinstance(item, Media) for item in media):
        return {"text/plain": repr(media)}, {}
    return grid(media)


def grid(
    things: Sequence[object], *, columns: int | None = None, labels: list[str] | None = None
) -> Bundle:
    """Show *things* in their order, each with its label; of many, the first."""
    shown, more = things[: results.MOST], len(things[results.MOST :])
    side = results.side_for(max(len(shown), results.MOST_WHOLE + 1 if labels else 0))
    rows = [_row(thing) for thing in shown]
    series = results.series_of(row for row in rows if row)
    parts = [
        _part(thing, row, labels[number] if labels else None, side, series)
        for number, (thing, row) in enumerate(zip(shown, rows, strict=True))
    ]
    rest = [Part(f"<div>… and {more} more</div>", f"… and {more} more")] if more else []
    names = labels or [_label(thing) for thing in shown]
    return results.sheet(parts, rest, side, alt="; ".join(names), columns=columns, series=series)


def _row(thing: object) -> JobRow | None:
    if isinstance(thing, Job) and thing.done():
        row = JobRow(thing)
        row.summary = RunSummary.of(thing) if isinstance(thing, Run) else None
        return row
    if not isinstance(thing, Media):
        return None
    row = JobRow.of_media(thing, _label(thing))
    with contextlib.suppress(MediaToolkitError):  # then its line alone is shown
        results.prepare(row, thing)
    return row


def _part(
    thing: object, row: JobRow | None, label: str | None, side: int | None, series: MediaRefs
) -> Part:
    """Make the part of a grid that shows *thing*."""
    if row is None:
        line = _label(thing)
        return Part(_labelled(f"<div>{escape(line)}</div>", label), line)
    if label is not None:
        row.label = label
    part = results.part_of(row, side, series)
    # A picture has its label below it already.
    return part if part.jpeg else Part(_labelled(part.html, label), part.line)


def _labelled(html: str, label: str | None) -> str:
    return html if label is None else f"<div>{html}<div>{escape(visible(label, 80))}</div></div>"


def _label(thing: object) -> str:
    match thing:
        case Media(provenance=None):
            return thing.noun
        case Media():
            return thing.provenance.prompt  # type: ignore[union-attr]
        case Job():
            return repr(thing)
        case BaseException():
            return str(Failure.of(thing, told_by="the list"))
    return repr(thing)


def _several(things: Any) -> list[Shown]:
    single = isinstance(things, (Media, Job, os.PathLike)) or is_single(things)
    if isinstance(things, Mapping):
        raise PromptError("A grid takes a list; of a dict, give the values, and labels=the keys.")
    several = [things] if single or not isinstance(things, Iterable) else list(things)
    if tables.is_column(things):
        several = list(things)
    if not several:
        raise PromptError("There is nothing to show; give media, jobs, paths or arrays.")
    return [_shown(number, thing) for number, thing in enumerate(several, start=1)]


def _shown(number: int, thing: Any) -> Shown:
    if isinstance(thing, (Media, Job, BaseException)):
        return thing
    try:
        if not isinstance(thing, (str, os.PathLike)):
            return Image.of(thing)
        path = path_of(thing)
        entry = entry_of(path)
        # The file says by its first bytes what it is; what is none of ours is read as a picture.
        return Image.open(path) if entry is None else entry.open()
    except MediaToolkitError as error:
        raise type(error)(f"Number {number} cannot be shown. {error}") from error


def _checked(labels: Any, count: int) -> list[str] | None:
    if labels is None:
        return None
    texts = list(labels) if isinstance(labels, Iterable) and not isinstance(labels, str) else []
    if len(texts) != count:
        raise PromptError(f"labels takes a list of {count} texts, one for each.")
    return [str(text) for text in texts]
