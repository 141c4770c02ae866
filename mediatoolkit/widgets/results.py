"""What stays in a cell when jobs are over: plain MIME data, with buttons that work for a while."""

import base64
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Image, Media, Video, pixels
from mediatoolkit.media.base import figure
from mediatoolkit.media.pixels import reduced
from mediatoolkit.runtime.events import LeftRunning, State, Withdrawn
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import kernel
from mediatoolkit.widgets.job_row import JobRow, MediaRef, MediaRefs, failure_of
from mediatoolkit.widgets.kernel import Bundle
from mediatoolkit.widgets.prices import Paid, html_of, in_all

MOST = 200
"""Results on one sheet; the others are in the store."""

MOST_WHOLE = 4
"""Results that are shown as if each stood alone; of more, pictures and films become small, and of
more than 30, sounds have no player."""

MOST_CAPTIONS = 300
"""Captions that stand in a page, and are saved with its notebook."""

SMALL = 192
"""Pixels of the longer side of a picture beside others in a cell."""

_SIDES = ((9, 288), (30, SMALL), (MOST, 112))  # up to so many, pixels of the longer side
_CONTACT_SHEET = 900  # pixels
PAYS_TWICE = "the provider may have billed the first try, and this may pay again"

_LONGEST_LABEL = 300  # characters
_LONGEST_CAPTION = 500

Retry = Callable[[Job[Any]], object]
Another = Callable[[JobRow], object]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a sheet: as HTML, as a line, and small where there is something to see."""

    html: str
    line: str
    jpeg: bytes | None = None


def result_bundle(
    row: JobRow,
    *,
    error: BaseException | None = None,
    retry: Retry | None = None,
    another: Another | None = None,
    opener: str | None = None,
) -> Bundle:
    """Make what takes the place of the board when a job is over.

    Args:
        row: The job, which is over.
        error: The error that the cell itself shows; for this one a quiet line is enough.
        retry: Starts a job again that failed or was cancelled.
        another: Asks for one more result of a row.
        opener: As `media_bundle` takes it.

    Safe from any thread. Takes some 30 ms a megapixel for a picture that was not shown before.
    """
    if row.summary is not None:
        return row.summary.bundle(row, error)
    progress = row.progress
    cause = progress.error
    if progress.state is State.DONE:
        try:
            result = row.result()
            if isinstance(result, Media):
                row.paid = Paid.of(result) if row.job else row.paid
                more = another_button(row, another)
                return media_bundle(result, opener=opener, price=row.price, more=more)
            return _bundle_of(result)
        except MediaToolkitError as unshown:
            cause = unshown
    again = "" if retry is None else retry_button(row, retry)
    if progress.state is State.CANCELLED or cause is None:
        return quiet(line_of(row), again)
    failure = failure_of(row, cause)
    if cause is error:
        return quiet(line_of(row), again + failure.details())
    return {"text/html": failure.html(again), "text/plain": str(failure)}, {}


def retry_button(row: JobRow, retry: Retry) -> str:
    """HTML of a button that starts the job of *row* again; empty where there is none to start."""
    if row.job is None or row.progress.state is State.DONE:
        return ""
    cost = f"; {PAYS_TWICE}" if row.job.retry_may_pay_twice else ""
    title = f"Retry {visible(row.label, 60)}{cost}"
    return button("Retry", partial(retry, row.job), title=title)


def another_button(row: JobRow, another: Another | None) -> str:
    """HTML of a button that asks for one more result of *row*; empty where there is none."""
    if another is None or not row.has_another:
        return ""
    title = f"Make another of {visible(row.label, 60)}{row.quote and f', for {row.quote}'}"
    return button("Another", partial(another, row), title=title, key=str(row.number))


def media_bundle(
    media: Media, *, opener: str | None = None, price: str = "", more: str = ""
) -> Bundle:
    """Return what *media* shows of itself, with a button below it; decodes it the first time.

    The words of speech can be unfolded below it, also without a kernel.

    Args:
        media: One piece.
        opener: HTML of the button; left out, it opens this piece alone.
        price: What it has cost, plain text.
        more: HTML of the buttons behind that one.

    Raises:
        MediaError: It cannot be decoded.
    """
    data, metadata = media._repr_mimebundle_()  # type: ignore[attr-defined]
    words = _words(media) if isinstance(media, Audio) else ""
    if opener is None:
        opener = open_button(MediaRefs([MediaRef(media)]))
    return data | {"text/html": data["text/html"] + words + _small(price) + opener + more}, metadata


def open_button(series: MediaRefs, at: int = 0) -> str:
    """HTML of a button that opens a piece of *series*, from where the page can go on."""
    title = f"Open this {series.refs[at].noun} in full quality"
    return button("Open", partial(_open, series, at), title=title, key=f"{series.key}\n{at}")


def series_buttons(series: MediaRefs, *, opens: bool = False, saves: bool = True) -> str:
    """HTML of the buttons below several pieces: save them all and, if *opens*, look at each."""
    if len(series) < 2:
        return ""
    what = f"all {len(series)} {series.nouns}"
    title = f"Open {what} in full quality, one after the other"
    opener = button("Open", partial(_open, series, 0), title=title, key=series.key) if opens else ""
    if not saves:
        return opener
    title = f"Save {what} as a zip file"
    return opener + button("Save all", partial(_save, series), title=title, key=series.key)


def quiet(line: str, buttons: str = "") -> Bundle:
    """Make one line, or some, with *buttons* behind it, which are HTML already."""
    return {
        "text/html": '<div style="opacity:.75;font-size:.9em;white-space:pre-line">'
        f"{html_of(line)}{buttons and ' ' + buttons}</div>",
        "text/plain": line,
    }, {}


def with_line(bundle: Bundle | None, line: str) -> Bundle:
    """Put *line* below what *bundle* shows."""
    data, metadata = bundle or ({}, {})
    below, _ = quiet(line)
    return {
        **data,
        **{kind: f"{data.get(kind, '')}\n{below[kind]}".strip() for kind in below},
    }, metadata


def line_of(row: JobRow) -> str:
    """Say what became of a job, such as `a red fox: done after 2.1 s, $0.067`."""
    event = row.progress.event
    outcome = f"; {event}" if isinstance(event, (LeftRunning, Withdrawn)) else ""
    price = row.price and f", {row.price}"
    return f"{visible(row.label, _LONGEST_LABEL)}: {row.progress}{outcome}{price}"


def button(label: str, action: Callable[[], object], *, title: str = "", key: str = "") -> str:
    """HTML of a button that is seen, and runs *action*, only while this kernel lives.

    Buttons of one *label* and *key* do the same.

    Empty outside a kernel, and where no widgets are. Safe from any thread.
    """
    if kernel.here() is None or not kernel.shows_widgets():
        return ""
    from mediatoolkit.widgets.buttons import of_kernel

    return of_kernel().html(label, action, title=title, key=key)


def prepare(row: JobRow, media: Media) -> None:
    """Make the previews of *media*, which the job of *row* has made; blocks.

    Raises:
        MediaError: It cannot be decoded.
    """
    row.media, row.line = MediaRef(media), repr(media)
    row.paid = Paid.of(media) if row.job else row.paid
    media.preview()
    if isinstance(media, Video):
        media.embedded()
    row.preview = small(media)


def small(media: object, side: int = SMALL) -> bytes | None:
    """Make a JPEG of at most *side* pixels; None of sound, and of what cannot be decoded."""
    if isinstance(media, (Image, Video)):
        with contextlib.suppress(MediaToolkitError):
            return reduced(media.preview().data, side)
    return None


def contact_sheet(
    rows: Sequence[JobRow],
    *,
    error: BaseException | None = None,
    retry: Retry | None = None,
    another: Another | None = None,
) -> Bundle:
    """Show how several jobs ended: the results in their order, then what went wrong.

    Args:
        rows: The jobs, all over.
        error: The error that the cell itself shows.
        retry: Starts a job again that failed or was cancelled.
        another: Asks for one more result of a row.
    """
    done = [row for row in rows if row.progress.state is State.DONE]
    shown, more = done[:MOST], len(done[MOST:])
    side = side_for(len(shown))
    series = series_of(shown)
    results = [part_of(row, side, series, another=another) for row in shown]
    rest = [
        _whole(row, error=error, retry=retry)
        for row in rows
        if row.progress.state is not State.DONE
    ]
    if more:
        rest.append(Part(f"<div>{more} more are in the store.</div>", f"{more} more"))
    total = in_all(row.paid for row in done) if len(done) > 1 else ""
    alt = "; ".join(row.label[:300] for row in shown)
    return sheet(results, rest, side, alt=alt, series=series, price=total)


def sheet(
    parts: Sequence[Part],
    rest: Sequence[Part] = (),
    side: int | None = None,
    *,
    alt: str,
    columns: int | None = None,
    series: MediaRefs,
    price: str = "",
    is_all: bool = True,
) -> Bundle:
    """Put *parts* beside and below each other, and the *rest* below them.

    Args:
        parts: Shown as a grid.
        rest: A line each.
        side: As `side_for` has it.
        alt: What stands in for the one picture of all.
        columns: How many in a line; left out, as many as there is room for.
        series: The media of *parts*.
        price: What they have cost together.
        is_all: Whether *series* is all there is, so that a button saves it all.
    """
    data = {
        "text/html": grid((part.html for part in parts), side, columns)
        + _small(price)
        + series_buttons(series, opens=side is not None and side < SMALL, saves=is_all)
        + "".join(part.html for part in rest),
        "text/plain": "\n".join(part.line for part in [*parts, *rest]),
    }
    pictures = [part.jpeg for part in parts if part.jpeg]
    if not pictures:
        return data, {}
    data["image/jpeg"] = _base64(_mosaic(pictures, side or SMALL, columns))
    return data, {"image/jpeg": {"alt": visible(alt, 300)}}


def _bundle_of(result: object) -> Bundle:
    bundle = getattr(result, "_repr_mimebundle_", None)
    if bundle is None:
        return {"text/plain": repr(result)}, {}
    data, metadata = bundle()
    return data, metadata


async def _open(series: MediaRefs, at: int) -> None:
    from mediatoolkit.widgets import viewer

    await viewer.show(series, at)


async def _save(series: MediaRefs) -> None:
    from mediatoolkit.widgets import delivery

    await delivery.save(series)


def _words(audio: Audio) -> str:
    """What is said and when, where it is more than what stands under the player anyway."""
    captions = audio.captions
    if len(captions) < 2:
        return ""
    lines = "<br>".join(
        f'<span style="opacity:.75">{_minutes(caption.start)}</span> '
        f"{escape(visible(caption.text, _LONGEST_CAPTION))}"
        for caption in captions[:MOST_CAPTIONS]
    )
    if len(captions) > MOST_CAPTIONS:
        lines += f"<br>… and {len(captions) - MOST_CAPTIONS:,} more: <code>.captions</code>"
    return f'<details style="font-size:.85em"><summary>Words</summary>{lines}</details>'


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def side_for(results: int) -> int | None:
    """Pixels of the longer side of each picture, or None where each is shown whole."""
    if results <= MOST_WHOLE:
        return None
    return next(side for most, side in _SIDES if results <= most)


def series_of(rows: Iterable[JobRow]) -> MediaRefs:
    """Return the media that the jobs of *rows* have made; makes its previews now if need be."""
    return MediaRefs(row.media for row in rows if _prepared(row) and row.media)


def part_of(
    row: JobRow, side: int | None, series: MediaRefs, *, another: Another | None = None
) -> Part:
    """Make the part of a sheet that shows how the job of *row* ended, and opens it in *series*."""
    opener = open_button(series, series.refs.index(row.media)) if row.media else ""
    if side is None:
        return _whole(row, opener=opener, another=another)
    return _reduced(row, side, opener, another)


def _prepared(row: JobRow) -> bool:
    """Whether the job of *row* has made media; makes its previews now if there are none."""
    if row.media is None and row.progress.state is State.DONE:
        result = row.result()
        if isinstance(result, Media):
            with contextlib.suppress(MediaToolkitError):
                prepare(row, result)
    return row.media is not None


def _whole(row: JobRow, **how: Any) -> Part:
    data, _ = result_bundle(row, **how)
    line = data["text/plain"]
    jpeg = row.preview if _prepared(row) else None
    return Part(f"<div>{data.get('text/html') or f'<pre>{escape(line)}</pre>'}</div>", line, jpeg)


def _reduced(row: JobRow, side: int, opener: str, another: Another | None) -> Part:
    if not _prepared(row) or row.media is None:
        return _whole(row)
    jpeg = row.preview
    if jpeg is None and side < SMALL:
        # A player holds some 50 kB, so one of many voices has only the way to its file.
        lines = (_caption(row.label), row.media.omissions, row.price)
        words = "<br>".join(html_of(line) for line in lines if line)
        return Part(f"<div>{words}<br>{opener}</div>", row.line)
    if jpeg is None:
        return _whole(row, opener=opener, another=another)
    more, price = another_button(row, another), row.price
    if side > SMALL:
        jpeg = small(row.result(), side) or jpeg
    elif side < SMALL:
        jpeg, opener, more, price = reduced(jpeg, side), "", "", ""
    buttons = _small(price) + opener + more
    html = thumbnail(jpeg, row.label, omissions=row.media.omissions, buttons=buttons)
    return Part(html, row.line, jpeg)


def _small(line: str) -> str:
    return line and f'<div style="opacity:.75;font-size:.85em">{html_of(line)}</div>'


def _caption(label: str) -> str:
    return visible(label, 80)


def grid(parts: Iterable[str], side: int | None, columns: int | None = None) -> str:
    """HTML of *parts* beside and below each other, about *side* pixels wide each."""
    least = 280 if side is None else side * 2 // 3
    width = "minmax(0,1fr)" if columns else f"minmax(min({least}px,100%),1fr)"
    look = (
        "display:grid;gap:14px;max-width:960px;align-items:start;"
        f"grid-template-columns:repeat({columns or 'auto-fill'},{width})"
    )
    return f'<div style="{look}">{"".join(parts)}</div>'


def thumbnail(
    jpeg: bytes, label: str, *, caption: str = "", omissions: str = "", buttons: str = ""
) -> str:
    """HTML of a small picture that *label* stands in for, above *caption* or else the label."""
    picture = (
        f'<img src="data:image/jpeg;base64,{_base64(jpeg)}" alt="{escape(visible(label, 300))}" '
        'style="display:block;max-width:100%;height:auto">'
    )
    return f"<div>{figure(picture, html_of(_caption(caption or label)), omissions)}{buttons}</div>"


def _mosaic(pictures: Sequence[bytes], side: int, columns: int | None = None) -> bytes:
    """One picture of them all, for pages that show pictures but no HTML."""
    from PIL import Image as Pillow

    columns = columns or max(1, min(len(pictures), _CONTACT_SHEET // side))
    lines = -(-len(pictures) // columns)
    whole = Pillow.new("RGB", (columns * side, lines * side), "white")
    for number, data in enumerate(pictures):
        line, column = divmod(number, columns)
        whole.paste(pixels.decode(data), (column * side, line * side))
    whole.thumbnail((_CONTACT_SHEET, _CONTACT_SHEET))
    return pixels.encode(whole, "image/jpeg", quality=70, optimize=True)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
