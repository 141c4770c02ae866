"""Media in full quality, on demand, one piece after the other of what it was opened from."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, MediaToolkitError, MissingExtraError
from mediatoolkit.media import Audio, Image, Media, Video, file_name
from mediatoolkit.widgets.buttons import Buttons, of_kernel
from mediatoolkit.widgets.delivery import Delivery
from mediatoolkit.widgets.media_facts import facts_of, to_code

MOST = 16
"""Viewers that may be open in all pages together; a page that went away does not say so."""

_WAVE = {"width": 1200, "height": 160}
_KINDS: dict[type[Media], str] = {Image: "picture", Audio: "sound", Video: "film"}


async def show(series: Sequence[Media], at: int = 0) -> None:
    """Open a piece in the page whose click is answered, or else in every page.

    Args:
        series: What the page can go through from there. A piece is read when it is looked at, in
            a thread; a series must not hold media, since a viewer may stay open for long.
        at: Where it begins.

    Raises:
        MediaToolkitError: There is no page, or the piece cannot be read.
    """
    await Viewer(of_kernel(), series).open(at)


class Viewer:
    """One viewer in a page, and the series it goes through."""

    def __init__(self, buttons: Buttons, series: Sequence[Media]) -> None:
        """Show nothing yet."""
        self.name = secrets.token_hex(4)
        self._buttons = buttons
        self._series = series
        self._at = -1
        self._lock = asyncio.Lock()
        self._delivery: Delivery | None = None

    async def open(self, at: int) -> None:
        """Show the piece *at*.

        Raises:
            MediaToolkitError: It cannot be read.
        """
        content = await asyncio.to_thread(_content, self._series, at)
        viewers = self._buttons.viewers
        viewers[self.name] = self
        while len(viewers) > MOST:
            next(iter(viewers.values())).close()
        self._tell(at, *content, opens=True)

    async def go(self, at: int) -> None:
        """Show the piece *at* in place of the last, unless another is wanted by then."""
        self._at = at
        async with self._lock:
            if at != self._at or not 0 <= at < len(self._series):
                return
            try:
                content = await asyncio.to_thread(_content, self._series, at)
            except MediaToolkitError as error:  # the page may still go on to the next
                content = _failure(error), [], []
            if self.name in self._buttons.viewers:
                self._tell(at, *content, opens=False)

    def close(self) -> None:
        """Forget the series, and the file that the page has not fetched."""
        self._buttons.viewers.pop(self.name, None)
        if self._delivery is not None:
            self._delivery.end()

    def _tell(
        self, at: int, view: dict[str, Any], pictures: list[bytes], file: list[Any], *, opens: bool
    ) -> None:
        if self._delivery is not None:
            self._delivery.end()
        self._delivery = Delivery(self._buttons, file)
        place = {"viewer": self.name, "opens": opens, "at": at, "of": len(self._series)}
        self._buttons.tell({"view": view | place | self._delivery.terms()}, pictures)


def _content(series: Sequence[Media], at: int) -> tuple[dict[str, Any], list[bytes], list[Any]]:
    """What the page shows beside a file, the picture that stands in for it, and the file."""
    media = series[at]
    return *_described(media), list(media.serialize())


def _failure(error: MediaToolkitError) -> dict[str, Any]:
    """What the page shows of a piece that cannot be read."""
    empty = {"type": "", "name": "", "prompt": "", "omissions": "", "facts": [], "recall": ""}
    return {"kind": "failure", "noun": f"{type(error).__name__}: {error}", **empty}


def _described(media: Media) -> tuple[dict[str, Any], list[bytes]]:
    """What the page shows beside the file, and the picture that stands in until it is there."""
    provenance = media.provenance
    view: dict[str, Any] = {
        "kind": _KINDS[type(media)],
        "noun": media.noun,
        "type": media.mime_type,
        "name": file_name(media),
        "prompt": visible(provenance.prompt) if provenance else "",
        "omissions": media.omissions,
        "facts": facts_of(media),
        "recall": to_code(media) if provenance else "",
    }
    if isinstance(media, Audio):
        view["captions"] = media.captions.to_plain()
    elif isinstance(media, (Image, Video)):
        view |= {"width": media.width, "height": media.height}
    if isinstance(media, Video):
        view["captions"] = media.captions.vtt()
    return view, _stand_in(media)


def _stand_in(media: Media) -> list[bytes]:
    # The browser may play what this machine cannot decode.
    try:
        return [media.waveform(**_WAVE).data if isinstance(media, Audio) else media.preview().data]
    except (MediaError, MissingExtraError):
        return []
