"""JSON whose media strings are decoded while they arrive.

A picture comes as megabytes of base64 inside a JSON string. Parsing that as one document holds
the event loop for as long as it takes; here the string never becomes text. Everything around it
is small and goes through the ordinary parser.
"""

import asyncio
import functools
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from mediatoolkit.errors import MediaError, ProviderError

Bytes = bytes | bytearray | memoryview

try:
    import pybase64
except ImportError:  # some platforms have no wheel
    import binascii

    _decode: Callable[[Bytes], bytes] = functools.partial(binascii.a2b_base64, strict_mode=True)
else:
    _decode = functools.partial(pybase64.b64decode, validate=True)

_STEP = 4096
_WINDOW = 128  # longest field with quotes, colon and white space that may straddle two pieces
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ESCAPE = re.compile(rb"\\(?:/|u00([2-7][0-9A-Fa-f]))")
_JOIN_IN_THREAD = 1 << 20  # below that a thread costs more than the copy


class MediaText:
    """One base64 string, decoded piece by piece. Both alphabets are taken, padding is required."""

    __slots__ = ("_carry", "_held", "_padded", "_special", "pieces")

    def __init__(self) -> None:
        """Start empty."""
        self.pieces: list[bytes] = []
        self._carry = b""
        self._held = b""
        self._padded = False
        self._special = False

    def feed(self, text: memoryview) -> None:
        """Take the next part of the string.

        Raises:
            MediaError: It is not base64.
        """
        if not self._special:
            if self._take(text):
                return
            self._special = True  # escapes or the other alphabet; or plain wrong
            text = memoryview(self._carry + bytes(text))
            self._carry = b""
        if not self._take(memoryview(self._plain(bytes(text)))):
            _bad_base64()

    def end(self) -> None:
        """Take the closing quote.

        Raises:
            MediaError: The string is cut short.
        """
        if self._carry or self._held:
            _bad_base64()

    def _take(self, text: memoryview) -> bool:
        carry, padded, count = self._carry, self._padded, len(self.pieces)
        try:
            if carry:
                missing = 4 - len(carry)
                quantum = carry + bytes(text[:missing])
                text = text[missing:]
                if len(quantum) < 4:
                    self._carry = quantum
                    return True
                self._emit(quantum)
            whole = len(text) & ~3
            if whole:
                self._emit(text[:whole])
            self._carry = bytes(text[whole:])
        except ValueError:
            self._carry, self._padded = carry, padded
            del self.pieces[count:]
            return False
        return True

    def _emit(self, text: Bytes) -> None:
        if self._padded:
            raise ValueError
        piece = _decode(text)
        self.pieces.append(piece)
        self._padded = len(piece) * 4 != len(memoryview(text)) * 3

    def _plain(self, text: bytes) -> bytes:
        """Undo JSON escapes and the URL-safe alphabet; an escape cut in two waits for its rest."""
        text = self._held + text
        self._held = b""
        cut = text.rfind(b"\\", -5)
        if cut >= 0 and text[cut + 1 : cut + 2] in (b"", b"u"):
            text, self._held = text[:cut], text[cut:]
        if b"\\" in text:
            text = text.replace(b"\\/", b"/")
            text = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), text)
        return text.translate(_URL_SAFE)


class MediaScanner:
    """Takes the pieces of a JSON body and keeps its media out of the document.

    A quote inside a JSON string is always escaped, so `"data":"` occurs nowhere but at the field
    itself, and the first quote after it ends the base64.

    Args:
        fields: Names of the fields that hold base64.
    """

    __slots__ = ("_media", "_pattern", "_rest", "_seen", "_text")

    def __init__(self, fields: tuple[str, ...]) -> None:
        """Start empty."""
        self._pattern = _pattern(fields)
        self._rest = bytearray()
        self._seen = 0
        self._text: MediaText | None = None
        self._media: list[MediaText] = []

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            MediaError: A media field holds bad base64.
        """
        at, size, view = 0, len(piece), memoryview(piece)
        while at < size:
            at = self._search(view, at) if self._text is None else self._decode(piece, view, at)

    def _search(self, view: memoryview, at: int) -> int:
        """Copy on to the next media field; returns where to go on."""
        rest = self._rest
        before = len(rest)
        rest += view[at : at + _STEP]
        found = self._pattern.search(rest, self._seen)
        while found and rest[found.start() - 1] == 0x5C:  # an escaped quote: another field's name
            found = self._pattern.search(rest, found.start() + 1)
        if not found:
            at += len(rest) - before
            self._seen = max(self._seen, len(rest) - _WINDOW)
            return at
        del rest[found.end() :]
        self._text = MediaText()
        at += len(rest) - before
        rest += b"media-%d" % len(self._media)
        self._seen = len(rest)
        self._media.append(self._text)
        return at

    def _decode(self, piece: bytes, view: memoryview, at: int) -> int:
        """Decode up to the closing quote; returns where to go on."""
        text = self._text
        if text is None:
            return at
        stop = piece.find(b'"', at)
        if stop < 0:
            text.feed(view[at:])
            return len(piece)
        text.feed(view[at:stop])
        text.end()
        self._text = None
        return stop

    async def finish(self) -> tuple[Any, dict[str, bytes]]:
        """Document with references in place of the media, and the media by reference.

        Raises:
            ProviderError: The body is not JSON.
        """
        document = parse_json(self._rest)
        return document, {f"media-{i}": await _joined(t.pieces) for i, t in enumerate(self._media)}

    def finish_at_once(self) -> tuple[Any, dict[str, bytes]]:
        """As `finish`, for a body that is small."""
        document = parse_json(self._rest)
        return document, {f"media-{i}": b"".join(t.pieces) for i, t in enumerate(self._media)}


async def _joined(pieces: list[bytes]) -> bytes:
    if len(pieces) == 1:
        return pieces[0]
    if sum(map(len, pieces)) > _JOIN_IN_THREAD:
        return await asyncio.to_thread(b"".join, pieces)  # lets go of the GIL at that size
    return b"".join(pieces)


def decode_media(text: str) -> bytes:
    """Whole base64 string at once.

    Raises:
        MediaError: It is not base64.
    """
    media = MediaText()
    media.feed(memoryview(text.encode("utf-8", "replace")))
    media.end()
    return b"".join(media.pieces)


def parse_json(body: Bytes) -> Any:
    """Strict JSON: UTF-8, no NaN. Of two fields with one name the later counts.

    Raises:
        ProviderError: It is not, or nests too deep.
    """
    try:
        return _JSON.decode(str(body, "utf-8"))
    except (ValueError, RecursionError):
        pass  # raised below: the parser's error holds the whole text
    raise ProviderError("The answer is not JSON; check base_url= or ask again.", family="protocol")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


@functools.lru_cache
def _pattern(fields: tuple[str, ...]) -> re.Pattern[bytes]:
    names = b"|".join(re.escape(field.encode()) for field in fields)
    one = names if len(fields) == 1 else b"(?:" + names + b")"
    return re.compile(rb'"' + one + rb'"\s*:\s*"')


def _bad_base64() -> NoReturn:
    raise MediaError("The media in the answer is not valid base64; ask again.")
