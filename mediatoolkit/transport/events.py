"""Server-sent events, cut out of a body as it arrives (WHATWG HTML, 9.2.6).

Only what providers use: `data:` lines, joined by line breaks and ended by an empty line. Lines end
with CR, LF or CRLF and with nothing else; U+2028 is text.
"""

import re
from collections.abc import Callable
from typing import Any

from mediatoolkit.errors import ProviderError
from mediatoolkit.transport.decode import MediaScanner

_DONE = b"[DONE]"
_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")  # a CR at the very end may be half of a CRLF


class EventSplitter:
    """Feed it pieces of a body; it gives the data of every event that is complete."""

    __slots__ = ("_data", "_rest", "_searched")

    def __init__(self) -> None:
        """Start at the beginning of a body."""
        self._rest = bytearray()
        self._searched = 0
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece.

        Returns:
            Data of the events that it completes, in order.
        """
        self._rest += piece
        return self._events()

    def end(self) -> list[bytes]:
        """Take the end of the body; an event without its empty line still counts."""
        self._rest += b"\n\n"
        return self._events()

    def _events(self) -> list[bytes]:
        events: list[bytes] = []
        start = 0
        for found in _LINE_END.finditer(self._rest, self._searched):
            line = bytes(self._rest[start : found.start()])
            start = found.end()
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        del self._rest[:start]
        self._searched = max(0, len(self._rest) - 1)
        return events


class EventReader:
    """Makes a document of every event and hands it on.

    Args:
        fields: Names of the JSON fields that hold base64.
        take: Gets each document with its media.
    """

    __slots__ = ("_fields", "_splitter", "_take", "count")

    def __init__(
        self, fields: tuple[str, ...], take: Callable[[Any, dict[str, bytes]], None]
    ) -> None:
        """Start at the beginning of a body."""
        self._fields = fields
        self._take = take
        self._splitter = EventSplitter()
        self.count = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            ProviderError: An event is not JSON.
            MediaError: A media field holds bad base64.
        """
        self._read(self._splitter.feed(piece))

    def end(self) -> None:
        """Take the end of the body.

        Raises:
            ProviderError: As `feed`, or there was no event at all.
        """
        self._read(self._splitter.end())
        if not self.count:
            raise ProviderError("The answer ended before it began; ask again.", family="protocol")

    def _read(self, events: list[bytes]) -> None:
        for event in events:
            if event == _DONE:
                continue
            scanner = MediaScanner(self._fields)
            scanner.feed(event)
            self.count += 1
            self._take(*scanner.finish_at_once())
