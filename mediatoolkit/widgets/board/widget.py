"""The view of the jobs of one cell while they run."""

from collections.abc import Callable, Mapping

import anywidget
import traitlets as t

from mediatoolkit.runtime.events import Drawing, Partial, Sounding
from mediatoolkit.widgets.board.rows import Row, Wish, now
from mediatoolkit.widgets.page import Guarded, script, style


class Board(Guarded, anywidget.AnyWidget):
    """How far some jobs have come, a row each. Python writes, the browser counts by itself.

    Messages are sent when something happens, never to move the clock, so the bars go on while the
    kernel is busy; each holds only what has changed. Speech that is being made sounds in the page;
    nothing of it is kept. Pictures are sent beside the rows, to a page that is loaded anew again: a
    notebook that is kept with its widgets' state keeps their bytes for good, and cannot be read
    when the row they belong to is gone.

    Args:
        wished: Called with a wish and the name of a row, or None for all of them, in whatever
            thread the front end's message arrives in.
    """

    _esm = script("board/board.js")
    _css = style("board/board.css")

    heartbeat = 30.0
    """Seconds after which it is told again although nothing happened; a hub stops a kernel that is
    silent for ten minutes."""

    rows = t.Dict().tag(sync=True)
    """Every row by its name, as `row_of` makes them; read by a page that is loaded anew."""

    news = t.Dict().tag(sync=True)
    """What has changed in which row since the last message."""

    now = t.Float().tag(sync=True)
    """Kernel clock when this was sent, milliseconds; the browser sets its own clock by it."""

    ending = t.Unicode().tag(sync=True)
    """HTML, every word of it escaped, that takes the place of the rows; where nothing can replace
    the whole view."""

    is_seen = False
    """Whether a page shows it."""

    was_reloaded = False
    """Whether a page has taken it from the kernel instead of from its cell. Such a page finds no
    place to put an ending into, so this one must stay and hold it."""

    def __init__(
        self, wished: Callable[[Wish, str | None], None], rows: Mapping[str, Row] | None = None
    ) -> None:
        """Show *rows*."""
        self._wished = wished
        words, self._pictures = _parted(rows or {})
        super().__init__(rows=words, now=now())
        self.on_msg(self._hear)

    def tell(self, rows: Mapping[str, Row]) -> int:
        """Send what is new in *rows*; returns in how many messages."""
        words, pictures = _parted(rows)
        news = {name: _changes(self.rows.get(name, {}), row) for name, row in words.items()}
        with self.hold_sync():
            self.now = now()
            if any(news.values()):
                self.news = news
        for name, changes in news.items():  # in place: whoever is there already has it by now
            self.rows[name] = {**self.rows.get(name, {}), **changes}
        fresh = {name: one for name, one in pictures.items() if self._pictures.get(name) != one}
        self._pictures |= fresh
        return 1 + self._show(fresh)

    def sound(self, name: str, piece: Sounding) -> None:
        """Send a piece of speech, to be heard after those before it."""
        form = {"row": name, "rate": piece.sample_rate, "channels": piece.channels}
        self.send({"sound": form}, buffers=[piece.pcm])

    def hush(self, name: str) -> None:
        """End what sounds, at once."""
        self.send({"hush": name}, buffers=[b""])

    def close(self) -> None:
        """Leave the page, and little in a notebook that is kept with its widgets' state."""
        self._pictures = {}
        if self.comm is not None:
            with self.hold_sync():
                self.rows, self.news = {}, {}
                self._css, self._esm = "", "export default {}"
        self.layout.close()  # every widget brings one along, which would stay behind
        super().close()

    def __repr__(self) -> str:
        """The line for a front end without widgets, and for a notebook saved half-way."""
        labels = [str(row["label"]) for row in self.rows.values()]
        what = labels[0][:60] if len(labels) == 1 else f"{len(labels)} jobs"
        return f"{what}: started, shown here when done"

    def _hear(self, _view: object, content: object, _buffers: object) -> None:
        match content:
            case {"wish": "cancel" | "extend" | "retry" as wish, "row": str() | None as name}:
                self._wished(Wish(wish), name)
            case {"page": "here"}:
                self.was_reloaded |= self.is_seen
                self.is_seen = True
                self._show(self._pictures)

    def _show(self, pictures: Mapping[str, bytes]) -> int:
        """Send *pictures*, if there are any; returns in how many messages."""
        if pictures:
            self.send({"pictures": list(pictures)}, buffers=list(pictures.values()))
        return int(bool(pictures))


def _parted(rows: Mapping[str, Row]) -> tuple[dict[str, Row], dict[str, bytes]]:
    """The words of *rows*, and their pictures."""
    words = {
        name: {key: value for key, value in row.items() if key != "picture"}
        for name, row in rows.items()
    }
    return words, {name: row["picture"] for name, row in rows.items() if "picture" in row}


def _changes(before: Row, row: Row) -> Row:
    said = before.get("stage", "")  # a piece of sound or of a picture comes with no better word
    if row["stage"] == Sounding.name and before.get("fraction") is not None:
        row = {**row, "stage": said, "fraction": before["fraction"]}
    elif row["stage"] == Partial.name and said.startswith(Drawing.name):
        row = {**row, "stage": said}
    return {key: value for key, value in row.items() if before.get(key) != value}
