"""Media in full quality, on demand: the page asks, and the file comes as bytes, never as base64."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media import Audio, Image, Media, Video, file_name
from mediatoolkit.widgets.buttons import Buttons, of_kernel
from mediatoolkit.widgets.media_facts import facts_of, to_code

PIECE = 1 << 20
"""Bytes in one message; the page asks for the next when it has one."""

MOST = 4
"""Files that pages fetch at once; a page that went away does not say so."""

_WAVE = {"width": 1200, "height": 160}
_KINDS: dict[type[Media], str] = {Image: "picture", Audio: "sound", Video: "film"}


async def show(media: Media) -> None:
    """Open *media* in the page whose click is answered, or else in every page.

    Raises:
        MediaToolkitError: There is no page.
    """
    buttons = of_kernel()
    view, pictures = await asyncio.to_thread(_described, media)
    delivery = Delivery(buttons, await asyncio.to_thread(media.serialize))
    buttons.tell({"view": view | delivery.terms()}, pictures)


class Delivery:
    """A file that a page fetches piece by piece, so that no more is under way than it can take."""

    def __init__(self, buttons: Buttons, file: Iterable[bytes | memoryview]) -> None:
        """Wait until the page asks, through *buttons*."""
        self._buttons = buttons
        self._left = deque(messages_of(file))
        self._more, self._over = buttons.keep(self._send), buttons.keep(self.end)
        buttons.deliveries.append(self)
        while len(buttons.deliveries) > MOST:
            buttons.deliveries[0].end()

    def terms(self) -> dict[str, Any]:
        """How a page asks for the next piece, how it says that it wants no more, how much it is."""
        size = sum(len(part) for message in self._left for part in message)
        return {"more": self._more, "over": self._over, "bytes": size}

    def end(self) -> None:
        """Forget the file."""
        self._left.clear()
        self._buttons.drop(self._more, self._over)
        if self in self._buttons.deliveries:
            self._buttons.deliveries.remove(self)

    def _send(self) -> None:
        if self._left:
            self._buttons.tell({"piece": self._more}, self._left.popleft())


def messages_of(file: Iterable[bytes | memoryview]) -> list[list[memoryview]]:
    """Cut and gather the parts of a file to messages of at most `PIECE` bytes."""
    messages: list[list[memoryview]] = [[]]
    room = PIECE
    for part in file:
        for start in range(0, len(part), PIECE):
            cut = memoryview(part)[start : start + PIECE]
            if len(cut) > room:
                messages.append([])
                room = PIECE
            messages[-1].append(cut)
            room -= len(cut)
    return messages


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
    return view, _stand_in(media)


def _stand_in(media: Media) -> list[bytes]:
    # The browser may play what this machine cannot decode.
    try:
        return [media.waveform(**_WAVE).data if isinstance(media, Audio) else media.preview().data]
    except (MediaError, MissingExtraError):
        return []
