"""Server-sent events (WHATWG HTML, 9.2.6) or lines of JSON, cut out of a body as it arrives.

Only what providers use: `data:` lines, joined by line breaks and ended by an empty line, and the
name in an `event:` line. Lines end with CR, LF or CRLF and with nothing else; U+2028 is text.
"""

from collections.abc import Callable, Iterator
from typing import Any

from mediatoolkit.errors import ProviderError
from mediatoolkit.transport.json_media import MOST_STREAMED, MediaScanner, ResponseCaps, too_much

MOST_EVENTS = 65_536
"""Events of one stream."""

MOST_LINES = 4 * MOST_EVENTS
"""Lines of one stream, empty ones and comments included."""

_DONE = b"[DONE]"
_DATA = b"data:"
_NAME = b"event:"
_LONGEST_NAME = 200  # bytes; what a server sends beyond that is no name


class StreamEnded(Exception):  # noqa: N818 - no error
    """What a sink raises with the last event of a stream: nothing behind it is waited for."""


class EventSplitter:
    """Feed it pieces of a body; it gives the data of every event as it comes."""

    __slots__ = ("_field", "_has_data", "_last", "_lines", "_name", "_start")

    def __init__(self) -> None:
        """Start at the beginning of a body."""
        self._last = b""
        self._lines = 0
        self._start = b""  # of a line that does not tell its field yet
        self._field: bytes | None = None
        self._has_data = False
        self._name = b""

    @property
    def name(self) -> str:
        """Name of the event that is being read; empty where it has none."""
        return self._name.decode("utf-8", "replace")

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """Take the next piece.

        Yields:
            Parts of an event's data, in order, and None behind the last one of each event.

        Raises:
            TooLargeError: There are too many lines.
        """
        for part in piece.splitlines(keepends=True):
            is_half = part == b"\n" and self._last == b"\r"  # of a CRLF that was cut in two
            self._last = part[-1:]
            if is_half:
                continue
            if self._last in b"\r\n":
                self._lines += 1
                if self._lines > MOST_LINES:
                    too_much(f"{MOST_LINES:,} lines")
                yield from self._of_line(part.rstrip(b"\r\n"), is_whole=True)
            else:
                yield from self._of_line(part, is_whole=False)

    def end(self) -> Iterator[bytes | None]:
        """Take the end of the body; an event without its empty line still counts."""
        return self.feed(b"\n\n")

    def _of_line(self, text: bytes, *, is_whole: bool) -> Iterator[bytes | None]:
        if self._field is None:
            text = self._start + text
            self._start = b""
            if not text:
                yield from self._end_event()
                return
            if not is_whole and len(text) <= len(_NAME):
                self._start = text
                return
            text = self._begin_line(text)
            if self._field == _DATA and self._has_data:
                yield b"\n"
            self._has_data |= self._field == _DATA
        if self._field == _DATA and text:
            yield text
        elif self._field == _NAME:
            self._name = (self._name + text)[:_LONGEST_NAME]
        if is_whole:
            self._field = None

    def _begin_line(self, text: bytes) -> bytes:
        """Tell the field of a line; returns what it says."""
        self._field = next((field for field in (_DATA, _NAME) if text.startswith(field)), b"")
        if self._field == _NAME:
            self._name = b""  # of two names of one event the later counts
        return text.removeprefix(self._field).removeprefix(b" ")

    def _end_event(self) -> Iterator[None]:
        if self._has_data:
            self._has_data = False
            yield None
        self._name = b""


class LineSplitter:
    """As `EventSplitter`, for a body of JSON in which every line is a document.

    Empty lines mean nothing.
    """

    __slots__ = ("_has_data", "_lines")

    name = ""

    def __init__(self) -> None:
        """Start at the beginning of a body."""
        self._has_data = False
        self._lines = 0

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """Take the next piece.

        Yields:
            Parts of a line, in order, and None behind the last one of each line.

        Raises:
            TooLargeError: There are too many lines.
        """
        for part in piece.splitlines(keepends=True):
            text = part.strip(b"\r\n")
            if text:
                self._has_data = True
                yield text
            if part[-1:] in b"\r\n" and self._has_data:
                self._has_data = False
                self._lines += 1
                if self._lines > MOST_LINES:
                    too_much(f"{MOST_LINES:,} lines")
                yield None

    def end(self) -> Iterator[bytes | None]:
        """Take the end of the body; a line without its end still counts."""
        return self.feed(b"\n")


class EventReader:
    """Makes a document of every event and hands it on.

    Args:
        fields: Names of the JSON fields that hold base64.
        take: Gets each document with its media and the name of the event.
        splitter: Cuts the body; left out, into server-sent events.
    """

    __slots__ = ("_caps", "_fields", "_scanner", "_splitter", "_take", "count")

    def __init__(
        self,
        fields: tuple[str, ...],
        take: Callable[[Any, dict[str, bytes], str], None],
        splitter: EventSplitter | LineSplitter | None = None,
    ) -> None:
        """Start at the beginning of a body."""
        self._fields = fields
        self._take = take
        self._splitter = splitter or EventSplitter()
        self._caps = ResponseCaps(MOST_STREAMED)
        self._scanner = self._new_scanner()
        self.count = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            StreamEnded: The last event has come.
            ProviderError: An event is not JSON.
            MediaError: A media field holds bad base64.
            TooLargeError: There are too many events, or there is too much in them.
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

    def _read(self, parts: Iterator[bytes | None]) -> None:
        for part in parts:
            if part is None:
                self._end_event()
            else:
                self._scanner.feed(part)

    def _end_event(self) -> None:
        scanner, self._scanner = self._scanner, self._new_scanner()
        if self.count and scanner.holds(_DONE):
            raise StreamEnded
        if scanner.holds(b"", _DONE):
            return
        self.count += 1
        if self.count > MOST_EVENTS:
            too_much(f"{MOST_EVENTS:,} events")
        self._take(*scanner.finish_at_once(), self._splitter.name)

    def _new_scanner(self) -> MediaScanner:
        return MediaScanner(self._fields, self._caps)
