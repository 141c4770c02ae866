"""A gallery: many pieces of media as thumbnails, to filter, sort, select and open."""

import asyncio
import contextlib
from collections.abc import Container, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from html import escape
from pathlib import Path
from typing import Any, cast

import traitlets as t

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError, PromptError, StorageError
from mediatoolkit.media import Entry, Image, Media
from mediatoolkit.media.pixels import reduced
from mediatoolkit.runtime import loops
from mediatoolkit.widgets import buttons, delivery, kernel, viewer
from mediatoolkit.widgets.compare import described
from mediatoolkit.widgets.job_row import Failure
from mediatoolkit.widgets.media_facts import counted
from mediatoolkit.widgets.media_source import (
    MOST,
    Filter,
    LazyMedia,
    MediaSource,
    in_words,
    row,
    thumb_of,
)
from mediatoolkit.widgets.mounted import MountedPanel
from mediatoolkit.widgets.page import script, style
from mediatoolkit.widgets.results import grid, thumbnail

BATCH = 16
"""Thumbnails in one message, at most."""

ROWS = 1_000
"""Lines of text in one message, at most."""

MOST_SAVED = 24
"""Pieces of which a saved notebook holds a thumbnail."""

_ROOM = 80_000  # characters of those
_SAVED_SIDE = 128  # pixels of the longer side of one
_PATIENCE_SAVED = 1.0  # seconds for them where no page is known, as with nbconvert

PATIENCE = 0.5  # seconds that the text form waits for a slow folder

_FILTER = ("word", "model", "kind", "sort")
_threads = ThreadPoolExecutor(2, thread_name_prefix="mediatoolkit-gallery")


class FilterError(PromptError, t.TraitError):
    """There is no such filter; traitlets then puts back what stood there before."""


class Gallery(MountedPanel):
    """Media as thumbnails: `mt.Gallery(word="fox", kind="image")`.

    Args:
        source: None for the default store, a `Store`, the path of a folder, or a list of media and
            paths. Of a folder the newest 5,000 files are listed.
        word: Only media whose prompt holds these words.
        model: Only media of this model id.
        kind: Only `"image"`, `"audio"` or `"video"`.
        sort: `"newest"`, `"oldest"`, `"prompt"`, `"model"`, `"size"` or `"given"`; left out, a
            list stays in its order and a folder begins with the newest.

    Raises:
        StorageError: There is no such folder or file.
        MediaError: A file of the list is no media that we take.
        PromptError: *source* is none of these, or there is no such kind or order.

    The page asks for the thumbnails that are in sight. What the page changes is changed here too,
    and the other way round: `gallery.word = "owl"`.
    """

    saved = ("shown", "total")

    from_page = frozenset({"chosen", "kind", "model", "sort", "word"})

    _esm = script("gallery.js")
    _css = style("gallery.css", "compare.css")

    word = t.Unicode().tag(sync=True)
    """Words that all stand in the prompt; both directions."""

    model = t.Unicode().tag(sync=True)
    """Model id, or empty for all; both directions."""

    kind = t.Unicode().tag(sync=True)
    """`image`, `audio`, `video`, or empty for all; both directions."""

    sort = t.Unicode("newest").tag(sync=True)
    """The order; both directions."""

    chosen = t.List(t.Int()).tag(sync=True)
    """Numbers of what is selected; both directions."""

    shown = t.List(t.Int()).tag(sync=True)
    """Numbers of what the query keeps, in order; to the page."""

    total = t.Int(-1).tag(sync=True)
    """How many there are before the query; -1 until that is known; to the page."""

    models = t.List(t.Unicode()).tag(sync=True)
    """Model ids that may be chosen from; to the page."""

    is_list = t.Bool().tag(sync=True)
    """Whether the entries are fixed and have an order of their own; to the page."""

    stale = t.Bool().tag(sync=True)
    """Whether something was added since; a page that shows the gallery then asks for it."""

    selected: t.Instance[Sequence[Media]] = t.Instance(Sequence)
    """What is selected, in the order shown: a sequence of media, of which each piece is read when
    it is asked for. It can be observed, linked and set; not sent to the page."""

    note = t.Unicode().tag(sync=True)
    """Plain text: what to do when there is nothing, or what is left out; to the page."""

    def __init__(
        self,
        source: object = None,
        *,
        word: str = "",
        model: str = "",
        kind: str = "",
        sort: str | None = None,
    ) -> None:
        """Begin to look; nothing is decoded."""
        self._source = MediaSource.of(source)
        is_list = self._source.store is None
        chosen = Filter(word, model, kind, sort or ("given" if is_list else "newest"))
        with contextlib.suppress(MediaToolkitError):  # no page, so none that has to hear of buttons
            buttons.of_kernel()
        self._entries: dict[int, Entry] = {}
        self._numbers: dict[object, int] = {}
        self._saved: dict[object, str] = {}
        self._listing: Future[list[Entry]] | None = None
        filters = {name: getattr(chosen, name) for name in _FILTER}
        super().__init__(**filters, is_list=is_list, selected=self._source.opened(()))
        self.observe(self._arrange, list(_FILTER))
        self.observe(self._select, ["chosen", "shown"])
        self.observe(self._choose, "selected")
        store = self._source.store
        self._unwatch = store.watch(self._news) if store else lambda: None
        self.refresh()

    @property
    def media(self) -> "LazyMedia":
        """What the filter keeps, in the order shown; each piece is read when it is asked for."""
        self._catch_up()
        return self._source.opened(self._picked())

    def refresh(self) -> None:
        """Look again for what is there; in a notebook a thread does, and the page follows."""
        self.stale = False  # first, as this look may miss what is stored from now on
        self._listing = _threads.submit(self._source.look)
        if self._loop is None:
            self._catch_up()
        else:
            self._listing.add_done_callback(lambda done: self.cross(self._take, done))

    def close(self) -> None:
        """Leave the page, and let go of everything."""
        if self.comm is not None:  # None where it is closed, or was never opened
            self._unwatch()
            self._entries, self._saved = {}, {}
            self.selected = self._source.opened(())
        super().close()

    def __repr__(self) -> str:
        """One line: how many of what."""
        return f"<Gallery of {self._in_words()}>"

    def static_html(self) -> str:
        """A sheet of the first pieces."""
        parts: list[str] = []
        saved: dict[object, str] = {}
        shown, room = self._picked(), _ROOM
        for entry in shown[:MOST_SAVED]:
            html = self._saved.get(entry.identity) or _saved_html(entry)
            saved[entry.identity] = html
            parts.append(html)
            room -= len(html)
            if room < 0:
                break
        self._saved = saved
        more = f", {len(parts):,} of which are shown here" if len(parts) < len(shown) else ""
        words = f"A gallery of {in_words(shown)}{more}."
        return f"{grid(parts, _SAVED_SIDE)}<p>{escape(words)}</p>"

    def first_html(self) -> str:
        """The sheet or, where a page waits and it takes long, words alone."""
        words = self._in_words()
        this = kernel.here()
        patience = 0.0 if this and this.buttons and this.buttons.is_seen else _PATIENCE_SAVED
        making = _threads.submit(self.static_html)
        if not wait([making], patience).not_done:
            return making.result()
        making.add_done_callback(lambda _: self.cross(self._save_soon))
        return f"<p>A gallery of {escape(words)}.</p>"

    def _save_soon(self) -> None:
        self.begin(self.save())

    @t.validate(*_FILTER)
    def _check(self, proposal: dict[str, Any]) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        try:
            Filter(**{name: value})
        except PromptError as error:
            raise FilterError(str(error)) from error
        return str(value)

    @t.validate("selected")
    def _check_selected(self, proposal: dict[str, Any]) -> "LazyMedia":
        media = proposal["value"]
        if not isinstance(media, LazyMedia):
            entries = [Entry.of(piece) for piece in media if isinstance(piece, Media)]
            media = LazyMedia(self._source, tuple(entries if len(entries) == len(media) else ()))
        numbers = self._numbers_of(media.entries)
        if len(numbers) < len(proposal["value"]):
            raise FilterError("selected takes media that this gallery shows.")
        return self._source.opened(self._picked(among=numbers))

    def _numbers_of(self, entries: Iterable[Entry]) -> set[int]:
        """The numbers of the same media here; a file is known by its path."""
        by_path = {entry.path: number for number, entry in self._entries.items() if entry.path}
        numbers = (self._numbers.get(e.identity, by_path.get(e.path or Path())) for e in entries)
        return {number for number in numbers if number in self._entries}

    def _select(self, _change: object) -> None:
        """Follow what is chosen among what is shown, on the loop of the cells."""
        if self._loop in {None, loops.running()}:
            self._follow_choice()
        else:
            self.cross(self._follow_choice)

    def _follow_choice(self) -> None:
        self.selected = self._source.opened(self._picked(among=set(self.chosen)))

    def _choose(self, _change: object) -> None:
        """Choose what was selected from outside."""
        numbers = self._numbers_of(cast("LazyMedia", self.selected).entries)
        if numbers != set(self.chosen) & set(self.shown):
            self.chosen = sorted(numbers)

    def _in_words(self) -> str:
        self._catch_up(PATIENCE)
        if self.total < 0:
            return self.note or "a folder that is still being read"
        return in_words(self._picked())

    def _catch_up(self, patience: float | None = None) -> None:
        """Wait for what is being looked for; look again when something was added."""
        if self.stale:
            self.refresh()
        listing = self._listing
        if listing is not None and not wait([listing], patience).not_done:
            self._take(listing)

    def _take(self, listing: Future[list[Entry]]) -> None:
        """Take what was found, once, unless a later look is under way."""
        if self._listing is not listing:
            return
        self._listing = None
        is_first = self.total < 0
        try:
            self._list(listing.result())
        except StorageError as error:
            self.note = str(error)
        if is_first and self._loop is not None:
            self.begin(self.save())

    def _list(self, entries: list[Entry]) -> None:
        """Number the entries; what was there before keeps its number."""
        self._entries = {
            self._numbers.setdefault(entry.identity, len(self._numbers)): entry for entry in entries
        }
        left_out = f"Only the newest {MOST:,} are listed." if len(entries) == MOST else ""
        with self.hold_sync():
            self.total = len(entries)
            self.models = sorted({entry.model for entry in entries} - {""})
            self.note = left_out if entries else self._source.empty
            self._arrange()

    def _arrange(self, _change: object = None) -> None:
        chosen = Filter(*(getattr(self, name) for name in _FILTER))
        self.shown = chosen.apply(self._entries)

    def _picked(self, among: Container[int] | None = None) -> list[Entry]:
        known = ((number, self._entries.get(number)) for number in self.shown)
        return [entry for number, entry in known if entry and (among is None or number in among)]

    def _news(self) -> None:
        """Note that the store has grown, in whatever thread that happens."""
        self.cross(setattr, self, "stale", True)  # noqa: FBT003 - setattr's own

    def answer(self, content: Any, _buffers: Sequence[Any]) -> None:
        """Send what the page asks for, or open a piece."""
        match content:
            case {"rows": list(numbers)}:
                known = self._known(numbers[:MOST])
                for start in range(0, len(known), ROWS):
                    rows = [row(number, entry) for number, entry in known[start : start + ROWS]]
                    self.send({"rows": rows})
            case {"thumbs": list(numbers)}:
                self.begin(self._send_thumbs(self._known(numbers[:BATCH])))
            case {"refresh": True}:
                self.refresh()
            case {"do": str(what), "page": str(page), "ids": list(numbers)}:
                buttons.Buttons.answer_to(page)
                self._do(what, [entry for _, entry in self._known(numbers)], page)

    def _do(self, what: str, entries: list[Entry], page: str) -> None:
        """Do what a person wants with some entries."""
        match what, entries:
            case "open", [entry]:
                self.begin(self._open(entry))
            case "save", [_, *_]:
                self.begin(delivery.save(self._source.opened(entries)))
            case "compare", [first, second]:
                self.begin(self._compare(first, second, page))
            case "delete", [_, *_]:
                self.begin(self._delete(entries))

    def fail(self, failure: Failure) -> None:
        """Show *failure* as the note."""
        self.note = str(failure)

    def _known(self, numbers: list[object]) -> list[tuple[int, Entry]]:
        known = (number for number in numbers if isinstance(number, int))
        return [(number, self._entries[number]) for number in known if number in self._entries]

    async def _send_thumbs(self, entries: list[tuple[int, Entry]]) -> None:
        loop = asyncio.get_running_loop()
        making = (loop.run_in_executor(_threads, thumb_of, entry) for _, entry in entries)
        thumbs = await asyncio.gather(*making)
        words = [
            {"id": number, "type": thumb.mime_type, "note": thumb.note}
            for (number, _), thumb in zip(entries, thumbs, strict=True)
        ]
        self.send({"thumbs": words}, buffers=[thumb.data for thumb in thumbs])

    async def _open(self, entry: Entry) -> None:
        series = self._picked() if entry in self._picked() else [entry]
        await viewer.show(self._source.opened(series), series.index(entry))

    async def _compare(self, first: Entry, second: Entry, page: str) -> None:
        pictures = [await asyncio.to_thread(self._source.open, entry) for entry in (first, second)]
        a, b = (picture for picture in pictures if isinstance(picture, Image))
        facts = await asyncio.to_thread(described, a, b)
        types = [a.mime_type, b.mime_type]
        self.send({"compare": facts, "types": types, "page": page}, buffers=[a.data, b.data])

    async def _delete(self, entries: list[Entry]) -> None:
        loop = asyncio.get_running_loop()
        failures: list[str] = []
        for entry in entries:
            try:
                await loop.run_in_executor(_threads, self._source.delete, entry)
            except StorageError as error:
                failures.append(str(error))
        self.refresh()
        deleted = counted(len(entries) - len(failures), "file")
        self.send({"said": " ".join([f"{deleted} deleted.", *failures[:5]]), "ok": not failures})


def _saved_html(entry: Entry) -> str:
    """HTML of one piece in a saved notebook."""
    thumb = thumb_of(entry)
    label = entry.prompt or (entry.path.name if entry.path else entry.kind.noun)
    if thumb.mime_type != "image/jpeg":
        return f"<div>{escape(visible(label, 80))}</div>"
    return thumbnail(reduced(thumb.data, _SAVED_SIDE), label)
