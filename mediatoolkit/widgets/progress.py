"""The view of one running job."""

import time
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from mediatoolkit.call import Drawing, Event, Receiving, Sounding
from mediatoolkit.job import Job, Progress

_HERE = Path(__file__).parent


class JobView(anywidget.AnyWidget):
    """How far one job has come. Python writes, the browser counts by itself.

    Messages are sent when something happens, never to move the clock, so the bar goes on while
    the kernel is busy. The browser sends one word back: `"cancel"`. Speech that is being made
    sounds in the page; nothing of it is kept.
    """

    _esm = "".join((_HERE / name).read_text() for name in ("sounding.js", "progress.js"))
    _css = _HERE / "progress.css"

    label = t.Unicode().tag(sync=True)
    """What is being made, plain text."""

    stage = t.Unicode().tag(sync=True)
    """What happens now, one line of plain text."""

    fraction = t.Float(None, allow_none=True).tag(sync=True)
    """How much is done, 0 to 1; None when nobody knows, and the bar shows time instead."""

    began = t.Float().tag(sync=True)
    """Kernel clock at the start, milliseconds."""

    deadline = t.Float().tag(sync=True)
    """Kernel clock at which the job is given up, milliseconds."""

    now = t.Float().tag(sync=True)
    """Kernel clock when this was sent, milliseconds; the browser sets its own clock by it."""

    def __init__(self, job: Job[Any]) -> None:
        """Show *job* as it stands."""
        self._job = job
        super().__init__(label=job.label, **_as_seen(job.progress))
        self.on_msg(self._hear)

    def tell(self, progress: Progress) -> None:
        """Send how far it has come, in one message."""
        seen = _as_seen(progress)
        if isinstance(progress.event, Sounding) and self.fraction is not None:
            del seen["stage"], seen["fraction"]  # the engine says more of how far it is
        with self.hold_sync():
            for name, value in seen.items():
                setattr(self, name, value)

    def sound(self, piece: Sounding) -> None:
        """Send a piece of speech, to be heard after those before it."""
        form = {"rate": piece.sample_rate, "channels": piece.channels}
        self.send({"sound": form}, buffers=[piece.pcm])

    def hush(self) -> None:
        """End what sounds, at once."""
        self.send({"hush": True}, buffers=[b""])

    def close(self) -> None:
        """Leave the page; the layout that every widget brings along would stay behind."""
        self.layout.close()
        super().close()

    def __repr__(self) -> str:
        """The line for a front end without widgets, and for a notebook saved half-way."""
        return f"{self.label[:60]}: started, shown here when done"

    def _hear(self, _view: object, content: object, _buffers: object) -> None:
        """Runs in whatever thread the front end's message arrives in."""
        if content == "cancel":
            self._job.cancel()


def _as_seen(progress: Progress) -> dict[str, str | float | None]:
    now = time.time() * 1000
    return {
        "stage": str(progress.event),
        "fraction": _fraction(progress.event),
        "began": now - progress.elapsed * 1000,
        "deadline": now + progress.left * 1000,
        "now": now,
    }


def _fraction(event: Event) -> float | None:
    match event:
        case Drawing(fraction=fraction):
            return min(1.0, max(0.0, fraction))
        case Receiving(received=received, total=int(total)) if total > 0:
            return min(1.0, received / total)
    return None
