"""The studio's side of the kernel."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import anywidget
import traitlets as t

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Image, Media
from mediatoolkit.runtime.events import Partial, Progress, State
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Store
from mediatoolkit.widgets.board.follower import heard
from mediatoolkit.widgets.board.rows import LONGEST_LABEL, began_of, now, row_of
from mediatoolkit.widgets.outputs.ending import result_of
from mediatoolkit.widgets.outputs.failure import Failure
from mediatoolkit.widgets.outputs.thumbs import SIDE, reduced, small
from mediatoolkit.widgets.page import Guarded, begin, can_be_sent, script, style
from mediatoolkit.widgets.studio.asked import KINDS, keywords, offered
from mediatoolkit.widgets.studio.made import entry_of

_PAUSE = 0.1  # seconds between two updates
_HEARTBEAT = 30.0  # seconds; a hub stops a kernel that is silent for ten minutes

Start = Callable[..., Job[Any]]


class StudioForm(Guarded, anywidget.AnyWidget):
    """A form for pictures, speech and film, with what was made in this session.

    Messages go both ways: the page says what a person wants (`do`), and gets bytes when it asks
    for them; no trait holds any. Clicks may arrive in a thread with a loop of its own, so all of
    them cross to *loop*.

    Args:
        start: `start(kind, prompt, **keywords)` starts a job that shows itself nowhere else.
        loop: The kernel's own.
    """

    from_page = frozenset({"draft", "seen"})

    _esm = script("studio/studio.js")
    _css = style("studio/studio.css")

    offers = t.Dict().tag(sync=True)
    """What can be chosen, by kind of media."""

    draft = t.Dict().tag(sync=True)
    """What stands in the form; the page writes it, and reads it when it is loaded anew."""

    running = t.Dict().tag(sync=True)
    """How the latest job stands, as a row of the board; empty before the first."""

    now = t.Float().tag(sync=True)
    """Kernel clock when this was sent, milliseconds; the browser sets its own clock by it."""

    made = t.List(t.Dict()).tag(sync=True)
    """What is known of each piece, oldest first."""

    seen = t.Int(-1).tag(sync=True)
    """Which piece is on the stage; -1 before the first."""

    def __init__(self, start: Start, loop: asyncio.AbstractEventLoop) -> None:
        """Open an empty form."""
        self._start = start
        self._loop = loop
        self._job: Job[Any] | None = None
        self._pieces: list[Media] = []
        self._pictures: dict[str, Image] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        super().__init__(offers=offered())
        self.on_msg(self._hear)

    @property
    def result(self) -> Any:
        """The piece on the stage: an `Image`, `Audio` or `Video`; None before the first."""
        pieces = self._pieces
        if not pieces:
            return None
        return pieces[self.seen] if 0 <= self.seen < len(pieces) else pieces[-1]

    @property
    def history(self) -> list[Media]:
        """All pieces of this session, oldest first."""
        return list(self._pieces)

    @property
    def job(self) -> Job[Any] | None:
        """The latest job; awaiting it raises what went wrong."""
        return self._job

    def close(self) -> None:
        """Cancel what runs and leave the page."""
        if self._job is not None:
            self._job.cancel()
        self.layout.close()
        super().close()

    def __repr__(self) -> str:
        """The line for a front end without widgets, and for a notebook without its kernel."""
        return "Studio: run this cell to open it"

    def _hear(self, _view: object, content: object, buffers: Sequence[Any]) -> None:
        """Runs in whatever thread the page's message arrives in."""
        if not can_be_sent(content):
            return
        context = contextvars.Context()  # what comes of it belongs to no cell of long ago
        self._loop.call_soon_threadsafe(self._do, content, buffers, context=context)

    def _do(self, content: Any, buffers: Sequence[Any]) -> None:
        match content:
            case {"do": "generate", "kind": str(kind), "prompt": str(), "settings": dict()} if (
                kind in KINDS
            ):
                self._generate({name: content[name] for name in ("kind", "prompt", "settings")})
            case {"do": "cancel"} if self._job is not None:
                self._job.cancel()
            case {"do": "offers"}:
                self.offers = offered()
            case {"do": "take", "ticket": str(ticket)} if buffers and ticket.isascii():
                self._begin(self._take(bytes(memoryview(buffers[0])), ticket))
            case {"do": "picture", "id": str(name)} if name in self._pictures:
                self._begin(self._give_picture(name))
            case {"do": "fetch", "number": int(number), "whole": bool(whole)} if (
                0 <= number < len(self._pieces)
            ):
                self._begin(self._give(number, whole=whole))

    def _begin(self, work: Any) -> None:
        begin(self._tasks, work, name="studio", tell=self._fail)

    def _fail(self, words: str) -> None:
        """Tell a failure that came of no job."""
        failure = Failure("", words, {})
        self._tell({**self.running, "state": "failed", "failure": asdict(failure)})

    def _generate(self, asked: dict[str, Any]) -> None:
        if self._job is not None and not self._job.done():
            return
        settings = asked["settings"]
        try:
            options = keywords(asked["kind"], settings, self._chosen_pictures(settings))
            self._job = self._start(asked["kind"], asked["prompt"], **options)
        except MediaToolkitError as error:
            failure = Failure.of(error, told_by="awaiting the job", sent="nothing")
            label = visible(asked["prompt"], LONGEST_LABEL)
            self._tell({"label": label, "state": "failed", "failure": asdict(failure)})
            return
        self._begin(self._follow(self._job, _News(self._job), asked))

    def _chosen_pictures(self, settings: dict[str, Any]) -> list[Image]:
        """The pictures in the form; names that are not ours are left out."""
        names = settings.get("pictures")
        known = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return [self._pictures[name] for name in known if name in self._pictures]

    async def _follow(self, job: Job[Any], news: "_News", asked: dict[str, Any]) -> None:
        began = began_of(job.progress)
        while not job.done():
            self._tell(row_of(job, began=began))
            for partial in news.pictures():
                self.send({"partial": partial.mime_type}, buffers=[partial.data])
            await asyncio.sleep(_PAUSE)
            await news.wait()
        if job.progress.state is State.DONE:
            await self._keep(result_of(job), asked)
        self._tell(row_of(job, began=began))

    def _tell(self, row: dict[str, Any]) -> None:
        with self.hold_sync():
            self.now = now()
            self.running = row

    async def _keep(self, media: Any, asked: dict[str, Any]) -> None:
        for picture in self._chosen_pictures(asked["settings"]):
            with contextlib.suppress(MediaToolkitError):  # the code then says what lacks
                await Store.default().put(picture)
        entry = await asyncio.to_thread(entry_of, media, asked)
        self._pieces.append(media)
        with self.hold_sync():
            self.made = [*self.made, entry]
            self.seen = len(self._pieces) - 1

    async def _give(self, number: int, *, whole: bool) -> None:
        """The file as it is saved, or a small picture of it; none of a voice."""
        media = self._pieces[number]
        pieces: list[Any] = []
        if whole:
            pieces = await asyncio.to_thread(media.serialize)
        elif (jpeg := await asyncio.to_thread(small, media)) is not None:
            pieces = [jpeg]
        self.send({"gave": number, "whole": whole}, buffers=pieces)

    async def _take(self, data: bytes, ticket: str) -> None:
        """A picture that a person put into the form."""
        try:
            picture = await asyncio.to_thread(Image.of, data)
            thumb = await asyncio.to_thread(reduced, picture.data, SIDE)  # which is a check as well
        except MediaToolkitError as error:
            self.send({"refused": ticket, "why": str(error)})
            return
        name = picture.digest()[:16]
        self._pictures[name] = picture
        self.send({"took": ticket, "id": name}, buffers=[thumb])

    async def _give_picture(self, name: str) -> None:
        thumb = await asyncio.to_thread(reduced, self._pictures[name].data, SIDE)
        self.send({"picture": name}, buffers=[thumb])


class _News:
    """What has happened to a job since it was last looked at."""

    def __init__(self, job: Job[Any]) -> None:
        self._new = asyncio.Event()
        self._picture: Partial | None = None
        job.subscribe(self._hear)  # for good: who watches answers for a failure

    def _hear(self, progress: Progress) -> None:
        if isinstance(progress.event, Partial):
            self._picture = progress.event
        self._new.set()

    def pictures(self) -> list[Partial]:
        """The latest picture of what there is so far, once."""
        picture, self._picture = self._picture, None
        return [] if picture is None else [picture]

    async def wait(self) -> None:
        """Until there is some, or until a hub must hear that this kernel lives."""
        await heard(self._new, _HEARTBEAT)
