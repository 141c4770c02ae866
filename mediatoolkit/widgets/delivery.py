"""Files on their way to a page: it asks, and they come as bytes in pieces, never as base64."""

import asyncio
import mmap
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media, file_name
from mediatoolkit.media.media_list import write_zip
from mediatoolkit.widgets.buttons import Buttons, of_kernel

PIECE = 1 << 20
"""Bytes in one message; the page asks for the next when it has one."""

MOST = 4
"""Files that pages fetch at once; a page that went away does not say so."""

LARGEST = 1 << 30
"""Bytes of a zip file, which a browser holds in memory."""


async def save(series: Sequence[Media]) -> None:
    """Have the page save *series*: one piece as its file, several as a zip file.

    Raises:
        MediaToolkitError: There is no page, a piece cannot be read, or the zip file is too large.
    """
    buttons = of_kernel()
    if len(series) == 1:
        media = await asyncio.to_thread(series.__getitem__, 0)
        name, mime_type = file_name(media), media.mime_type
        file = await asyncio.to_thread(media.serialize)
    else:
        buttons.tell({"note": f"Packing {len(series):,} files…"})
        name, mime_type = f"{len(series)}-files.zip", "application/zip"
        file = [await asyncio.to_thread(_zipped, series)]
    terms = Delivery(buttons, file).terms()
    buttons.tell({"file": {"name": name, "type": mime_type, **terms}})


class Delivery:
    """A file that a page fetches piece by piece, so that no more is under way than it can take."""

    def __init__(self, buttons: Buttons, file: Iterable[bytes | memoryview]) -> None:
        """Wait until the page asks, through *buttons*."""
        self._buttons = buttons
        self._left = deque(messages_of(file))
        self._more = buttons.keep(self._send)
        buttons.deliveries.append(self)
        while len(buttons.deliveries) > MOST:
            buttons.deliveries[0].end()

    def terms(self) -> dict[str, Any]:
        """How a page asks for the next piece, and how much it is."""
        size = sum(len(part) for message in self._left for part in message)
        return {"more": self._more, "bytes": size}

    def end(self) -> None:
        """Forget the file."""
        self._left.clear()
        self._buttons.drop(self._more)
        if self in self._buttons.deliveries:
            self._buttons.deliveries.remove(self)

    def _send(self) -> None:
        if self._left:
            self._buttons.tell({"piece": self._more}, self._left.popleft())
        if not self._left:
            self.end()


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


def _zipped(series: Iterable[Media]) -> memoryview:
    """A zip file on the disk, of which no more is in memory than what is read of it; blocks.

    Raises:
        MediaToolkitError: It is larger than `LARGEST`.
    """
    with tempfile.TemporaryFile() as file:
        write_zip(file, _bounded(series))
        file.flush()
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _bounded(series: Iterable[Media]) -> Iterable[Media]:
    size = 0
    for media in series:
        size += len(media.data)
        if size > LARGEST:
            raise MediaToolkitError(
                "These files are more than 1 GB together, too much for a page; save them in a "
                "cell: mt.MediaList(…).save(folder)."
            )
        yield media
