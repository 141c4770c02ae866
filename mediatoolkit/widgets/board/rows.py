"""What a view is told of a job, and what it asks for."""

import time
from dataclasses import asdict
from enum import Enum
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.runtime.events import (
    Drawing,
    Event,
    Partial,
    Progress,
    Receiving,
    Retrying,
    State,
)
from mediatoolkit.widgets.outputs.failure import failure_of
from mediatoolkit.widgets.outputs.held import Told

Row = dict[str, Any]

LONGEST_LABEL = 1_000
"""Characters of a label that a page is sent."""


class Wish(Enum):
    """What a person asks of a job by a click."""

    CANCEL = "cancel"
    EXTEND = "extend"
    RETRY = "retry"


def row_of(job: Told, *, began: float, picture: bytes | None = None) -> Row:
    """How *job* stands, for the page; a pause before a try has its end in `next`.

    Args:
        job: Running or over.
        began: Kernel clock at its start, milliseconds.
        picture: A small JPEG of what there is of it so far, or of its result.
    """
    progress = job.progress
    event = progress.event
    row: Row = {
        "label": visible(job.label, LONGEST_LABEL),
        "state": progress.state.value,
        "stage": event.which if isinstance(event, Retrying) else str(event),
        "next": round(now() + event.left * 1000) if isinstance(event, Retrying) else None,
        "fraction": _fraction(event),
        "began": began,
        "deadline": round(began + (progress.elapsed + progress.left) * 1000),
        "took": round(progress.elapsed * 1000) if job.done() else None,
        "failure": None,
    }
    if progress.state is State.FAILED and progress.error is not None:
        row["failure"] = asdict(failure_of(job.label, progress))
    return row if picture is None else row | {"picture": picture}


def began_of(progress: Progress) -> float:
    """Kernel clock at the start of a job, milliseconds."""
    return round(now() - progress.elapsed * 1000)


def now() -> float:
    """Kernel clock, milliseconds."""
    return time.time() * 1000


def _fraction(event: Event) -> float | None:
    match event:
        case Drawing(fraction=fraction) | Partial(fraction=float(fraction)):
            return min(1.0, max(0.0, fraction))
        case Receiving(received=received, total=int(total)) if total > 0:
            return min(1.0, received / total)
    return None
