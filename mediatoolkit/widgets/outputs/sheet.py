"""How the jobs of one cell ended, all of them at once."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.media import pixels
from mediatoolkit.runtime.events import State
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.outputs import viewer
from mediatoolkit.widgets.outputs.ending import ending, over, result_of
from mediatoolkit.widgets.outputs.held import Over, Told
from mediatoolkit.widgets.outputs.thumbs import SMALL, jpeg_of, reduced
from mediatoolkit.widgets.page import Bundle

MOST = 200
"""Results on one sheet; the others are in the store."""

MOST_WHOLE = 4
"""Results that are shown as if each stood alone; of more, pictures and films become small, and of
more than 30, sounds have no player."""

_SIDES = ((9, 288), (30, SMALL), (MOST, 112))  # up to so many, pixels of the longer side
_CONTACT_SHEET = 900


@dataclass(frozen=True, slots=True)
class _Part:
    """How one job ended: as HTML, as a line, and small where there is something to see."""

    html: str
    line: str
    jpeg: bytes | None


def sheet(
    jobs: Sequence[Told],
    *,
    told: BaseException | None = None,
    retry: Callable[[Job[Any]], str] = lambda _job: "",
) -> Bundle:
    """How *jobs*, all over, ended: the results in their order, then what went wrong.

    Args:
        jobs: Several.
        told: The error that the cell tells of already.
        retry: As in `ending`.
    """
    done = [job for job in jobs if job.progress.state is State.DONE]
    kept, more = done[:MOST], len(done[MOST:])
    side = _side(len(kept))
    results = [_whole(job) if side is None else _reduced(job, side) for job in kept]
    rest = [
        _whole(job, told=told, retry=retry) for job in jobs if job.progress.state is not State.DONE
    ]
    if more:
        rest.append(_Part(f"<div>{more} more are in the store.</div>", f"{more} more", None))
    grid = f'<div style="{_grid(side)}">{"".join(part.html for part in results)}</div>'
    data = {
        "text/html": grid + "".join(part.html for part in rest),
        "text/plain": "\n".join(part.line for part in results + rest),
    }
    pictures = [part.jpeg for part in results if part.jpeg]
    if not pictures:
        return data, {}
    data["image/jpeg"] = _base64(_contact_sheet(pictures, side or SMALL))
    return data, {"image/jpeg": {"alt": visible("; ".join(job.label[:300] for job in kept), 300)}}


def _side(results: int) -> int | None:
    """Pixels of the longer side of each picture, or None where each is shown whole."""
    if results <= MOST_WHOLE:
        return None
    return next(side for most, side in _SIDES if results <= most)


def _whole(job: Told, **how: Any) -> _Part:
    data, _ = ending(job, **how)
    line = data["text/plain"]
    kept = over(job) if job.progress.state is State.DONE else None
    jpeg = kept.jpeg if kept else None
    return _Part(f"<div>{data.get('text/html') or f'<pre>{escape(line)}</pre>'}</div>", line, jpeg)


def _reduced(job: Told, side: int) -> _Part:
    kept = over(job)
    if kept is not None and kept.jpeg is None and side < SMALL:
        return _Part(_spoken(kept), kept.line, None)
    if kept is None or kept.jpeg is None:
        return _whole(job)
    jpeg = kept.jpeg
    if side > SMALL:
        jpeg = jpeg_of(result_of(job), side) or jpeg
    elif side < SMALL:
        jpeg = reduced(jpeg, side)
    opener = viewer.button(kept.media, "Open") if side >= SMALL else ""
    return _Part(_figure(job.label, jpeg, opener), kept.line, jpeg)


def _spoken(kept: Over) -> str:
    """One of many voices: a player holds some 50 kB each, so there is only the way to the file."""
    return f"<div>{escape(_caption(kept.label))}<br>{viewer.button(kept.media, 'Open')}</div>"


def _caption(label: str) -> str:
    return visible(label, 80)


def _grid(side: int | None) -> str:
    least = 280 if side is None else side * 2 // 3
    return (
        "display:grid;gap:14px;max-width:960px;align-items:start;"
        f"grid-template-columns:repeat(auto-fill,minmax(min({least}px,100%),1fr))"
    )


def _figure(label: str, jpeg: bytes, buttons: str) -> str:
    return (
        '<figure style="margin:0">'
        f'<img src="data:image/jpeg;base64,{_base64(jpeg)}" alt="{escape(visible(label, 300))}" '
        'style="display:block;max-width:100%;height:auto">'
        f'<figcaption style="opacity:.75;font-size:.85em">{escape(_caption(label))}</figcaption>'
        f"{buttons}</figure>"
    )


def _contact_sheet(pictures: Sequence[bytes], side: int) -> bytes:
    """One picture of them all, for pages that show pictures but no HTML."""
    from PIL import Image as Pillow

    columns = max(1, min(len(pictures), _CONTACT_SHEET // side))
    rows = -(-len(pictures) // columns)
    whole = Pillow.new("RGB", (columns * side, rows * side), "white")
    for number, data in enumerate(pictures):
        row, column = divmod(number, columns)
        whole.paste(pixels.decode(data), (column * side, row * side))
    whole.thumbnail((_CONTACT_SHEET, _CONTACT_SHEET))
    return pixels.encode(whole, "image/jpeg", quality=70, optimize=True)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
