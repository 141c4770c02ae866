"""What stays in a cell when a job is over: plain MIME data, no widget."""

from collections.abc import Callable
from html import escape
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.runtime.events import LeftRunning, State, Withdrawn
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.outputs import shown_media
from mediatoolkit.widgets.outputs.failure import failure_of
from mediatoolkit.widgets.outputs.held import Over, Told
from mediatoolkit.widgets.outputs.thumbs import small
from mediatoolkit.widgets.page import Bundle

_LONGEST = 300  # characters of a label


def result_of(job: Told) -> object:
    """The result of a job that is over, at once; reads its file where only that is left.

    Raises:
        MediaToolkitError: Whatever awaiting the job raises; or the file is gone.
    """
    if isinstance(job, Over):
        return job.media.get()
    if job.done():
        try:
            next(job.__await__())
        except StopIteration as over:
            return over.value
    raise RuntimeError(f"{job!r} is not over")


def over(job: Told) -> Over | None:
    """What a sheet of many needs of *job*, which is done; None when it brought no media."""
    if isinstance(job, Over):
        return job
    result = result_of(job)
    return Over(job, result, small(result)) if isinstance(result, Media) else None


def ending(
    job: Told,
    *,
    told: BaseException | None = None,
    retry: Callable[[Job[Any]], str] = lambda _job: "",
) -> Bundle:
    """How *job* ended, to be shown in place of its view.

    Args:
        job: Over.
        told: The error that the cell itself tells; for this one a quiet line is enough.
        retry: Makes the HTML of a button that starts a failed job again.

    Safe from any thread. Takes some 30 ms a megapixel for a picture that was not shown before.
    """
    progress = job.progress
    error = progress.error
    if progress.state is State.DONE:
        try:
            return _shown(result_of(job))
        except MediaToolkitError as unshown:
            error = unshown
    elif progress.state is State.CANCELLED or error is None or error is told:
        return quiet(line_of(job))
    failure = failure_of(job.label, progress, error)
    again = "" if isinstance(job, Over) else retry(job)
    return {"text/html": failure.html(again), "text/plain": str(failure)}, {}


def quiet(line: str) -> Bundle:
    """One line, or some, that are no more than that."""
    return {
        "text/html": f'<div style="opacity:.75;font-size:.9em;white-space:pre-line">'
        f"{escape(line)}</div>",
        "text/plain": line,
    }, {}


def line_of(job: Told) -> str:
    """What became of *job*, such as `a red fox: cancelled after 2.1 s`."""
    event = job.progress.event
    outcome = f"; {event}" if isinstance(event, (LeftRunning, Withdrawn)) else ""
    return f"{visible(job.label, _LONGEST)}: {job.progress}{outcome}"


def _shown(result: object) -> Bundle:
    if isinstance(result, Media):
        return shown_media.bundle(result)
    bundle = getattr(result, "_repr_mimebundle_", None)
    if bundle is None:
        return {"text/plain": repr(result)}, {}
    data, metadata = bundle()
    return data, metadata
