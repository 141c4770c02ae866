"""Server-sent events, cut out of a body as it arrives (WHATWG HTML, 9.2.6).

Only what providers use: `data:` lines, joined by line breaks and ended by an empty line. Lines end
with CR, LF or CRLF and with nothing else; U+2028 is text.
"""

from collections.abc import Callable
from typing import Any

from mediatoolkit.errors import ProviderError
from mediatoolkit.transport.decode import MediaScanner

_DONE = b"[DONE]"


class EventSplitter:
    """Feed it pieces of a body; it gives the data of every event that is complete."""

    __slots__ = ("_data", "_last", "_line")

    def __init__(self) -> None:
        """Start at the beginning of a body."""
        self._line: list[bytes] = []
        self._last = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece.

        Returns:
            Data of the events that it completes, in order.
        """
        events: list[bytes] = []
        for part in piece.splitlines(keepends=True):
            half = part == b"\n" and self._last == b"\r"  # the rest of a CRLF that was cut in two
            self._last = part[-1:]
            if half:
                continue
            self._line.append(part)
            if self._last in b"\r\n":
                events += self._ended()
        return events

    def end(self) -> list[bytes]:
        """Take the end of the body; an event without its empty line still counts."""
        return self.feed(b"\n\n")

    def _ended(self) -> list[bytes]:
        """The event that the line completes, if it does."""
        line = b"".join(self._line).rstrip(b"\r\n")
        self._line = []
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        if line or not self._data:
            return []
        event, self._data = b"\n".join(self._data), []
        return [event]


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
