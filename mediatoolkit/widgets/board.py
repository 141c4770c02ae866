"""The jobs of one cell while they run, as a widget draws them."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import traitlets as t

from mediatoolkit.runtime.events import Sounding
from mediatoolkit.widgets import first_bar
from mediatoolkit.widgets.job_row import Action, Row
from mediatoolkit.widgets.mounted import MountedPanel
from mediatoolkit.widgets.page import script, style

if TYPE_CHECKING:
    from mediatoolkit.widgets.buttons import Buttons


class Board(MountedPanel):
    """How far some jobs have come, a row each. Python writes, the browser counts by itself.

    Messages are sent when something happens, never to move the clock, so the bars go on while the
    kernel is busy; each holds only what has changed. Speech that is being made sounds in the page;
    nothing of it is kept. Pictures are sent beside the rows, to a page that is loaded anew again: a
    notebook that is kept with its widgets' state keeps their bytes for good, and cannot be read
    when the row they belong to is gone.

    Args:
        act: Called with the name of an action and of a row, or None for all rows, in whatever
            thread the page's message arrives in.
        rows: Every row by its name.
        pictures: Small JPEGs by the names of their rows.
    """

    is_urgent = True

    _esm = script("board.js")
    _css = style("board.css")

    heartbeat = 30.0
    """Seconds after which a message is sent although nothing happened; a hub stops a kernel that is
    silent for ten minutes."""

    rows = t.Dict().tag(sync=True)
    """Every row by its name, as `JobRow.words` makes them; read by a page that is loaded anew."""

    news = t.Dict().tag(sync=True)
    """What has changed in which row since the last message."""

    now = t.Float().tag(sync=True)
    """Kernel clock when this was sent, milliseconds; the browser sets its own clock by it."""

    ending = t.Dict().tag(sync=True)
    """MIME `data`, every word of its HTML escaped, and `metadata` that take the place of the rows:
    for pages that were loaded anew, or are loaded later, and so cannot hear of the replacement."""

    own_id = t.Unicode().tag(sync=True)
    """Its own model id, which is its token, too: by it a page finds where it stands."""

    is_seen = False
    """Whether a page shows it."""

    def __init__(
        self,
        act: Callable[[Action, str | None], None],
        rows: Mapping[str, Row] | None = None,
        pictures: Mapping[str, bytes] | None = None,
    ) -> None:
        """Show *rows*."""
        self._act = act
        self._pictures = dict(pictures or {})
        name = uuid.uuid4().hex
        super().__init__(model_id=name, own_id=name, rows=dict(rows or {}), now=time.time() * 1000)

    def tell(self, rows: Mapping[str, Row], pictures: Mapping[str, bytes] | None = None) -> int:
        """Send what is new in *rows*, and in *pictures*; returns in how many messages."""
        news = {}
        for name, row in rows.items():
            known = self.rows.get(name, {})
            news[name] = {key: value for key, value in row.items() if known.get(key) != value}
        with self.hold_sync():
            self.now = time.time() * 1000
            if any(news.values()):
                self.news = news
        self.is_stale |= not rows.keys() <= self.rows.keys()
        # Changed in place: every page that is there already has it by now.
        for name, changes in news.items():
            self.rows[name] = {**self.rows.get(name, {}), **changes}
        fresh = {
            name: jpeg
            for name, jpeg in (pictures or {}).items()
            if self._pictures.get(name) != jpeg
        }
        self._pictures |= fresh
        if fresh:
            self._show(fresh)
        return 2 if fresh else 1

    def sound(self, name: str, piece: Sounding) -> None:
        """Send a piece of speech, to be heard after those before it."""
        form = {"row": name, "rate": piece.sample_rate, "channels": piece.channels}
        self.send({"sound": form}, buffers=[piece.pcm])

    def stop_sound(self, name: str) -> None:
        """End what sounds, at once."""
        self.send({"stop_sound": name}, buffers=[b""])

    def end(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Hold an ending for pages that did not hear of the replacement, until one has saved it."""
        self.unmount()
        self._pictures = {}
        self.ending = {"data": data, "metadata": metadata}

    def close(self) -> None:
        """Leave the page, and little in a notebook that is kept with its widgets' state."""
        self._pictures = {}
        if self.comm is not None:
            with self.hold_sync():
                self.rows, self.news, self.ending = {}, {}, {}
                self._css, self._esm = "", "export default {}"
        super().close()

    def static_html(self) -> str:
        """A bar that has not begun; in a notebook saved half-way, all that is left of the jobs."""
        return first_bar.html(self._title(), "started; the result comes here while the kernel runs")

    def __repr__(self) -> str:
        """The line for a front end without widgets."""
        return f"{self._title()}: started, shown here when done"

    def _title(self) -> str:
        labels = [str(row["label"]) for row in self.rows.values()]
        return labels[0][:60] if len(labels) == 1 else f"{len(labels)} jobs"

    def _mount(self, page: "Buttons") -> str:
        return page.mount(self, self._html, self.own_id)

    def _hear(self, _view: object, content: object, _buffers: object) -> None:
        """Runs in the thread of the message: jobs can be cancelled from any."""
        match content:
            case {"wish": "cancel" | "extend" | "retry" as action, "row": str() | None as name}:
                self._act(Action(action), name)
            case {"page": "here"}:
                self.is_seen = True
                if self._pictures:
                    self._show(self._pictures)
            case {"page": "saved"} if self.ending:
                self.close()  # the ending is in the file

    def _show(self, pictures: Mapping[str, bytes]) -> None:
        self.send({"pictures": list(pictures)}, buffers=list(pictures.values()))
