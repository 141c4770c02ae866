"""A form in the page for pictures, speech and film, with what was made in this session.

The scripts in `studio/` are the side of the browser, one subject each: `parts.js` elements,
`form.js` the form, `pictures.js` what it starts from, `stage.js` what is shown, `strip.js` the
history, `clock.js` the running job, `studio.js` all of them together.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import traitlets as t

from mediatoolkit.caching import CacheMode, settings
from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.media import Image, Media, Video, file_name
from mediatoolkit.media.pixels import reduced
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.providers.registry import models
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.events import Partial, Progress, State
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Store
from mediatoolkit.widgets.cell_runs import LastingRun
from mediatoolkit.widgets.job_row import LONGEST_LABEL, Failure, JobRow
from mediatoolkit.widgets.media_facts import measures, to_code
from mediatoolkit.widgets.mounted import MountedPanel
from mediatoolkit.widgets.page import script, style
from mediatoolkit.widgets.prices import Paid
from mediatoolkit.widgets.results import grid, small, thumbnail

KINDS: dict[str, type[Client[Any, Any]]] = {
    "image": ImageClient,
    "speech": SpeechClient,
    "video": VideoClient,
}
"""Kinds of media, by the verbs that make them."""

_NUMBERS: dict[str, type[int] | type[float]] = {
    "seed": int,
    "seconds": float,
    "speed": float,
    "timeout": float,
}
_WORDS = frozenset(
    {"aspect", "language", "model", "narration", "resolution", "size", "style", "voice"}
)
MOST_SAVED = 12
"""Pieces of which a saved notebook holds a small picture."""

_SAVED_SIDE = 128  # pixels of the longer side of one
_SIDE = 256  # pixels of the longer side of a picture in the form
_PAUSE = 0.1  # seconds between two updates
_HEARTBEAT = 30.0  # seconds; a hub stops a kernel that is silent for ten minutes
_TYPING = 0.25  # seconds without a change of the form after which its price is told

Start = Callable[..., Job[Any]]
Quote = Callable[..., Price]


class StageError(PromptError, t.TraitError):
    """There is no such piece; traitlets then puts back what stood there before."""


class StudioForm(MountedPanel):
    """A form for pictures, speech and film, with what was made in this session.

    Messages go both ways: the page says what a person wants (`do`), and gets bytes when it asks
    for them; no trait holds any. Clicks may arrive in a thread with a loop of its own, so all of
    them cross to *loop*.

    With the cache, what is asked for twice is made twice, as in one cell: whoever presses Generate
    again wants something else. A studio that is opened anew begins with what is kept.

    Args:
        start: `start(kind, prompt, **keywords)` starts a job that shows itself nowhere else.
        loop: The kernel's own.
        quote: `quote(prompt, kind=kind, **keywords)` says what that would cost; left out, no price
            is shown.
    """

    saved = ("entries", "seen")

    from_page = frozenset({"draft", "seen"})

    _esm = script("studio.js")
    _css = style("studio.css")

    offers = t.Dict().tag(sync=True)
    """What can be chosen, by kind of media."""

    draft = t.Dict().tag(sync=True)
    """What stands in the form; the page writes it, and reads it when it is loaded anew."""

    price = t.Dict().tag(sync=True)
    """What the open form costs: `words`, such as `$0.067`, and `basis`; empty where that cannot be
    asked for."""

    is_cached = t.Bool().tag(sync=True)
    """Whether results are kept and reused where the form says nothing of it."""

    running = t.Dict().tag(sync=True)
    """How the latest job stands, as a row of the board; empty before the first."""

    now = t.Float().tag(sync=True)
    """Kernel clock when this was sent, milliseconds; the browser sets its own clock by it."""

    entries = t.List(t.Dict()).tag(sync=True)
    """What is known of each piece, oldest first."""

    seen = t.Int(-1).tag(sync=True)
    """Which piece is on the stage; -1 before the first."""

    result = t.Any(None)
    """The piece on the stage: an `Image`, `Audio` or `Video`; None before the first. It can be
    observed, linked and set to a piece of the history; not sent to the page."""

    def __init__(self, start: Start, loop: loops.Loop, quote: Quote | None = None) -> None:
        """Open an empty form."""
        self._start = start
        self._quote = quote
        self._pricing: asyncio.TimerHandle | None = None
        self._run = LastingRun()
        self._job: Job[Any] | None = None
        self._pieces: list[Media] = []
        self._pictures: dict[str, Image] = {}
        super().__init__(loop, offers=offered(), is_cached=_caches())
        self.observe(lambda _change: self.cross(self._see), "seen")
        self.observe(lambda _change: self.cross(self._tell_price_soon), "draft")

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
        if self._pricing is not None:
            self._pricing.cancel()
        if self.comm is not None:
            self._run.end()
        super().close()

    def __repr__(self) -> str:
        """The line for a front end without widgets, and for a notebook without its kernel."""
        return "Studio: run this cell to open it"

    def static_html(self) -> str:
        """The piece on the stage, and small pictures of the latest."""
        result = self.result
        if result is None:
            return f"<p>{escape(repr(self))}</p>"
        html: str = result._repr_mimebundle_()[0]["text/html"]
        pieces = zip(self.entries, self._pieces, strict=False)
        parts = [
            thumbnail(jpeg, entry["prompt"])
            for entry, media in list(pieces)[-MOST_SAVED:]
            if media is not result and (jpeg := small(media, _SAVED_SIDE))
        ]
        return html + (grid(parts, _SAVED_SIDE) if parts else "")

    def answer(self, content: Any, buffers: Sequence[Any]) -> None:
        """Do what a person wants, or give the bytes that the page asks for."""
        match content:
            case {"do": "generate", "kind": str(kind), "prompt": str(), "settings": dict()} if (
                kind in KINDS
            ):
                form = {name: content[name] for name in ("kind", "prompt", "settings")}
                self._generate(form, content.get("cache"))
            case {"do": "cancel"} if self._job is not None:
                self._job.cancel()
            case {"do": "offers"}:
                self.offers = offered()
            case {"do": "take", "ticket": str(ticket)} if buffers and ticket.isascii():
                self.begin(self._take(bytes(memoryview(buffers[0])), ticket))
            case {"do": "picture", "id": str(name)} if name in self._pictures:
                self.begin(self._give_picture(name))
            case {"do": "fetch", "number": int(number), "whole": bool(whole)} if (
                0 <= number < len(self._pieces)
            ):
                self.begin(self._give(number, whole=whole))

    def fail(self, failure: Failure) -> None:
        """Tell a failure that came of no job."""
        self._tell({**self.running, "state": "failed", "failure": asdict(failure)})

    @t.validate("result")
    def _check_result(self, proposal: dict[str, Any]) -> Any:
        """Take a piece of the history; the stage then shows it."""
        media = proposal["value"]
        places = [number for number, piece in enumerate(self._pieces) if piece is media]
        if not places and (media is not None or self._pieces):
            raise StageError("result takes a piece of studio.history.")
        if places:
            self.seen = places[-1]
        return media

    def _see(self) -> None:
        """Follow what the page shows on the stage."""
        if 0 <= self.seen < len(self._pieces):
            self.result = self._pieces[self.seen]

    def _generate(self, form: dict[str, Any], cache: object) -> None:
        if self._job is not None and not self._job.done():
            return
        try:
            options = self._options(form)
            # Else "refresh" and "only" hold, where they are the default.
            if isinstance(cache, bool) and cache != _caches():
                options["cache"] = cache
            self._job = self._run.call(self._start, form["kind"], form["prompt"], **options)
        except MediaToolkitError as error:
            failure = Failure.of(error, told_by="awaiting the job", sent="nothing")
            label = visible(form["prompt"], LONGEST_LABEL)
            self._tell({"label": label, "state": "failed", "failure": asdict(failure)})
            return
        self.begin(self._follow(self._job, form))

    def _tell_price_soon(self) -> None:
        """Tell the price of the form once nobody types any more."""
        if self._pricing is not None:
            self._pricing.cancel()
        self._pricing = asyncio.get_running_loop().call_later(_TYPING, self._tell_price)

    def _tell_price(self) -> None:
        price = self._price()
        self.price = {"words": str(price), "basis": _basis(price)} if price else {}

    def _price(self) -> Price | None:
        form: Any = self.draft.get(str(self.draft.get("open")))
        match form:
            case {"kind": str(kind), "prompt": str(prompt), "settings": dict()} if kind in KINDS:
                if self._quote is not None:
                    with contextlib.suppress(MediaToolkitError):  # it is told by Generate
                        options = self._options(form)
                        options.pop("timeout", None)
                        return self._quote(prompt, kind=kind, **options)
        return None

    def _options(self, form: dict[str, Any]) -> dict[str, Any]:
        return keywords(form["kind"], form["settings"], self._chosen_pictures(form["settings"]))

    def _chosen_pictures(self, settings: dict[str, Any]) -> list[Image]:
        """The pictures in the form; names that are not ours are left out."""
        names = settings.get("pictures")
        known = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return [self._pictures[name] for name in known if name in self._pictures]

    async def _follow(self, job: Job[Any], form: dict[str, Any]) -> None:
        row, partials, updated = JobRow(job), list[Partial](), 0.0

        def hear(progress: Progress) -> None:
            if isinstance(progress.event, Partial):
                partials[:] = [progress.event]
            row.hear(progress)

        # For good: whoever subscribes answers for a failure that nobody awaits.
        job.subscribe(hear)
        while not row.is_over:
            if row.is_changed or time.monotonic() > updated + _HEARTBEAT:
                row.is_changed, updated = False, time.monotonic()
                self._tell(row.words())
            if partials:
                partial = partials.pop()
                self.send({"partial": partial.mime_type}, buffers=[partial.data])
            await asyncio.sleep(_PAUSE)
        if row.progress.state is State.DONE:
            await self._keep(row.result(), form)
        self._tell(row.words())
        await self.save()

    def _tell(self, row: dict[str, Any]) -> None:
        with self.hold_sync():
            self.now = time.time() * 1000
            self.running = row

    async def _keep(self, media: Any, form: dict[str, Any]) -> None:
        for picture in self._chosen_pictures(form["settings"]):
            with contextlib.suppress(MediaToolkitError):  # the code then says what is missing
                await Store.default().put(picture)
        entry = await asyncio.to_thread(result_entry, media, form)
        self._pieces.append(media)
        with self.hold_sync():
            self.entries = [*self.entries, entry]
            self.seen = len(self._pieces) - 1
        self.result = media

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
        """Keep a picture that a person put into the form."""
        try:
            picture = await asyncio.to_thread(Image.of, data)
            # To make it small is to decode it, so this refuses broken pixels, too.
            thumb = await asyncio.to_thread(reduced, picture.data, _SIDE)
        except MediaToolkitError as error:
            self.send({"refused": ticket, "why": str(error)})
            return
        name = picture.digest()[:16]
        self._pictures[name] = picture
        self.send({"took": ticket, "id": name}, buffers=[thumb])

    async def _give_picture(self, name: str) -> None:
        thumb = await asyncio.to_thread(reduced, self._pictures[name].data, _SIDE)
        self.send({"picture": name}, buffers=[thumb])


def offered() -> dict[str, list[dict[str, Any]]]:
    """What can be chosen now, by kind, as plain JSON."""
    return {
        kind: [
            {
                "model": model.model_id,
                "reason": model.reason,
                "choices": {name: list(values) for name, values in model.choices.items()},
                "takes": sorted(model.takes),
            }
            for model in models(client)
        ]
        for kind, client in KINDS.items()
    }


def _caches() -> bool:
    """Whether calls that say nothing of the cache use it; a word that is wrong is told by them."""
    try:
        return settings.mode() is not CacheMode.OFF
    except MediaToolkitError:
        return False


def _basis(price: Price) -> str:
    return price.basis + (f", checked {price.checked}" if price.checked else "")


def keywords(
    kind: str, settings: Mapping[str, object], pictures: Sequence[Image]
) -> dict[str, Any]:
    """What the verb of *kind* takes.

    Args:
        kind: As in `KINDS`.
        settings: What stands in the form, as text; what is empty is left out.
        pictures: What it starts from; of a film, the first is its first picture.

    Raises:
        PromptError: Something that is no number stands where a number belongs.
    """
    texts = {name: str(value).strip() for name, value in settings.items() if value is not None}
    options: dict[str, Any] = {name: texts[name] for name in _WORDS & texts.keys() if texts[name]}
    for name, number in _NUMBERS.items():
        if texts.get(name):
            options[name] = _number(name, texts[name], number)
    rest = list(pictures)
    if rest and kind == "video":
        options["image"] = rest.pop(0)
    if rest:
        options["references"] = rest
    return options


def result_entry(media: Media, form: dict[str, Any]) -> dict[str, Any]:
    """What is shown with *media*, and what the form asked for to get it, as plain JSON.

    Args:
        media: Finished.
        form: `kind`, `prompt` and `settings` of the form.
    """
    provenance = media.provenance
    facts = [provenance.model] if provenance else []
    facts.append(measures(media))
    if provenance and provenance.seed is not None and form["kind"] != "speech":
        facts.append(f"seed {provenance.seed}")
    if paid := str(Paid.of(media)):
        facts.append(paid)
    return {
        **form,
        "facts": facts,
        "model": provenance.model if provenance else "",
        "seed": provenance.seed if provenance else None,
        "omissions": media.omissions,
        "type": media.mime_type,
        "file": file_name(media),
        "code": to_code(media) if provenance else "",
        "captions": media.captions.vtt() if isinstance(media, Video) else "",
    }


def _number(name: str, text: str, number: type[int] | type[float]) -> float:
    try:
        return number(text)
    except ValueError as error:
        kind = "a whole number" if number is int else "a number"
        raise PromptError(
            f"{name}={text[:40]!r} is not {kind}; correct it, or leave it empty."
        ) from error
