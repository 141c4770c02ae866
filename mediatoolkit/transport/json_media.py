"""JSON whose media strings are decoded while they arrive.

A picture comes as megabytes of base64 inside a JSON string. Parsing that as one document holds
the event loop for as long as it takes; here the string never becomes text. Everything around it
is small and goes through the ordinary parser. Caps of its own keep it small. Other long strings of
base64 do not count, since the signature of a picture may be larger than the picture.
"""

import asyncio
import codecs
import contextlib
import functools
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from mediatoolkit.errors import MediaError, ProviderError, TooLargeError

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
_CODE = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="
_SECRET = os.urandom(8).hex()  # no response can name the mark of a text that was taken out
_MARK = re.compile(rf"\x00{_SECRET}-\d+\x00")
_JOIN_IN_THREAD = 1 << 20  # below that a thread costs more than the copy

MOST_TEXT = 4 << 20
"""Bytes around the media and the long strings of one document."""

MOST_STREAMED = 16 << 20
"""The same, over all events of one stream."""

MOST_VALUES = 500_000
"""Brackets and commas of one response; each value takes some 100 bytes once it is parsed."""

MOST_MEDIA = 4096
"""Media fields of one document."""


@dataclass(slots=True)
class ResponseCaps:
    """What remains of the caps of one response, over all its documents."""

    text: int = MOST_TEXT
    values: int = MOST_VALUES

    def parse(self, text: bytearray, long_texts: list[bytes]) -> Any:
        """Count a document against the caps and parse it; *long_texts* return to their places.

        Raises:
            ProviderError: It is not JSON.
            TooLargeError: It has too many values.
        """
        self.text -= len(text)
        self.values -= text.count(b",") + text.count(b"[") + text.count(b"{")
        if self.values < 0:
            too_much(f"{MOST_VALUES:,} values")
        document = parse_json(text)
        if not long_texts:
            return document
        with contextlib.suppress(ValueError):  # which holds the text
            texts = [str(text, "utf-8") for text in long_texts]
            marks = {f"\0{_SECRET}-{number}\0": text for number, text in enumerate(texts)}
            return _put_back(document, marks)
        return _not_json()


@dataclass(slots=True, eq=False)
class Utf8:
    """Turns JSON that comes in pieces into UTF-8; UTF-8 passes unchanged, without its mark.

    Args:
        take: Gets the pieces.
    """

    take: Callable[[bytes], None]
    _start: bytes | None = field(init=False, repr=False, default=b"")
    _decoder: codecs.IncrementalDecoder | None = field(init=False, repr=False, default=None)

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        """Take the next bytes of the body; none are left after the *final* ones.

        Raises:
            ProviderError: They are not of the encoding that it began with.
        """
        if self._start is not None:
            piece = self._start + piece
            if len(piece) < 4 and not final:
                self._start = piece
                return
            self._start = None
            encoding = json.detect_encoding(piece)  # by the first four bytes (RFC 4627, 3)
            if encoding.startswith("utf-8"):
                piece = piece.removeprefix(codecs.BOM_UTF8)
            else:
                self._decoder = codecs.getincrementaldecoder(encoding)()
        if self._decoder is not None:
            piece = _recoded(self._decoder, piece, final=final)
        self.take(piece)


def _recoded(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool) -> bytes:
    with contextlib.suppress(ValueError):  # which holds the text
        return decoder.decode(piece, final).encode()
    return _not_json()


@dataclass(slots=True, eq=False)
class MediaText:
    """One base64 string, decoded piece by piece. Both alphabets are taken, padding is required."""

    pieces: list[bytes] = field(init=False, repr=False, default_factory=list)
    _carry: bytes = field(init=False, repr=False, default=b"")
    _cut_escape: bytes = field(init=False, repr=False, default=b"")
    _padded: bool = field(init=False, default=False)
    _special: bool = field(init=False, default=False)

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
        if self._carry or self._cut_escape:
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
        text = self._cut_escape + text
        self._cut_escape = b""
        cut = text.rfind(b"\\", -5)
        if cut >= 0 and text[cut + 1 : cut + 2] in (b"", b"u"):
            text, self._cut_escape = text[:cut], text[cut:]
        if b"\\" in text:
            text = text.replace(b"\\/", b"/")
            for code in set(_CODE.findall(text)):
                text = text.replace(b"\\u00" + code, bytes.fromhex(code.decode()))
        return text.translate(_URL_SAFE)


class MediaScanner:
    """Takes the pieces of a JSON body and keeps its media out of the document.

    A quote inside a JSON string is always escaped, so `"data":"` occurs nowhere but at the field
    itself, and the first quote after it ends the base64.

    Other long strings of base64 are kept out of the document, too, and come back unchanged: a
    signature may be larger than the picture.

    Args:
        fields: Names of the fields that hold base64.
        caps: What the document may hold beside them.
    """

    __slots__ = (
        "_around",
        "_caps",
        "_long",
        "_media",
        "_pattern",
        "_search_start",
        "_text",
        "_texts",
    )

    def __init__(self, fields: tuple[str, ...], caps: ResponseCaps | None = None) -> None:
        """Start empty."""
        self._pattern = _pattern(fields)
        self._caps = caps or ResponseCaps()
        self._around = bytearray()
        self._search_start = 0
        self._text: MediaText | None = None
        self._media: list[MediaText] = []
        self._long: list[bytes] | None = None
        self._texts: list[list[bytes]] = []

    def holds(self, *texts: bytes) -> bool:
        """Whether one of *texts* is all there is."""
        return self._around in texts and not self._media

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            MediaError: A media field holds bad base64.
            TooLargeError: There is too much text around the media, or too many fields of it.
        """
        at, size, view = 0, len(piece), memoryview(piece)
        while at < size:
            if self._text is not None:
                at = self._decode(self._text, piece, view, at)
            elif self._long is not None:
                at = self._keep(self._long, piece, at)
            else:
                at = self._search(view, at)

    def _search(self, view: memoryview, at: int) -> int:
        """Copy on to the next media field; returns where to go on."""
        around = self._around
        before = len(around)
        around += view[at : at + _STEP]
        if len(around) > min(MOST_TEXT, self._caps.text):
            most = MOST_TEXT if self._caps.text >= MOST_TEXT else MOST_STREAMED
            too_much(f"{most >> 20} MiB of text around its media")
        match = self._pattern.search(around, self._search_start)
        while match and around[match.start() - 1] == 0x5C:  # an escaped quote: another field's name
            match = self._pattern.search(around, match.start() + 1)
        if not match:
            at += len(around) - before
            # A field may be cut in two by the end of a piece, so the last bytes are searched again.
            self._search_start = max(self._search_start, len(around) - _WINDOW)
            if len(around) >= _STEP and around.find(b'"', -_STEP) < 0:
                self._take_out()
            return at
        if len(self._media) == MOST_MEDIA:
            too_much(f"{MOST_MEDIA:,} media fields")
        del around[match.end() :]
        self._text = MediaText()
        at += len(around) - before
        around += b"media-%d" % len(self._media)
        self._search_start = len(around)
        self._media.append(self._text)
        return at

    def _take_out(self) -> None:
        """Begin to keep a long string of base64 elsewhere, if that is what the last bytes are."""
        tail = bytes(self._around[-2 * _STEP :])
        run = tail[tail.rfind(b'"') + 1 :]
        if run.translate(None, _BASE64):
            run = tail[-_STEP:]
        if run.translate(None, _BASE64):
            return
        start = len(self._around) - len(run)
        self._around[start:] = b"\\u0000%b-%d\\u0000" % (_SECRET.encode(), len(self._texts))
        self._search_start = len(self._around)
        self._long = [run]
        self._texts.append(self._long)

    def _keep(self, text: list[bytes], piece: bytes, at: int) -> int:
        """Keep the long string up to a quote or an escape; returns where to go on."""
        stop = piece.find(b'"', at)
        stop = len(piece) if stop < 0 else stop
        escape = piece.find(b"\\", at, stop)
        stop = stop if escape < 0 else escape
        text.append(piece[at:stop])
        if stop < len(piece):
            self._long = None
        return stop

    def _decode(self, text: MediaText, piece: bytes, view: memoryview, at: int) -> int:
        """Decode up to the closing quote; returns where to go on."""
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
            TooLargeError: It has too many values.
        """
        texts: list[bytes] = []
        for pieces in self._texts:
            texts.append(await joined(pieces))
            pieces.clear()
        document = self._caps.parse(self._around, texts)
        media = {}
        for number, text in enumerate(self._media):
            media[f"media-{number}"] = await joined(text.pieces)
        return document, media

    def finish_at_once(self) -> tuple[Any, dict[str, bytes]]:
        """As `finish`, for a body that is small."""
        document = self._caps.parse(self._around, [b"".join(pieces) for pieces in self._texts])
        return document, {f"media-{i}": b"".join(t.pieces) for i, t in enumerate(self._media)}


def _put_back(document: Any, texts: dict[str, str]) -> Any:
    """The document with *texts* in place of their marks."""
    whole = [document]
    holders: list[Any] = [whole]
    while holders:
        holder = holders.pop()
        for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            if isinstance(value, str):
                if value in texts:  # the long text itself, without a copy
                    holder[key] = texts[value]
                elif "\0" in value:
                    holder[key] = _MARK.sub(lambda mark: texts[mark[0]], value)
            elif isinstance(value, (dict, list)):
                holders.append(value)
    return whole[0]


async def joined(pieces: list[bytes]) -> bytes:
    """Join *pieces*, in a thread where there is much of it."""
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
    with contextlib.suppress(ValueError, RecursionError):  # the first holds the whole text
        return _JSON.decode(str(body, "utf-8").removeprefix("\ufeff"))
    return _not_json()


def _not_json() -> NoReturn:
    raise ProviderError("The answer is not JSON; check base_url= or ask again.", family="protocol")


def too_much(amount: str) -> NoReturn:
    """Refuse a response that holds too much.

    Raises:
        TooLargeError: Always.
    """
    raise TooLargeError(
        f"The answer holds more than {amount} and was not read further; ask for less at a time."
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


@functools.lru_cache
def _pattern(fields: tuple[str, ...]) -> re.Pattern[bytes]:
    names = b"|".join(re.escape(field.encode()) for field in fields)
    group = names if len(fields) == 1 else b"(?:" + names + b")"
    return re.compile(rb'"' + group + rb'"\s*:\s*"')


def _bad_base64() -> NoReturn:
    raise MediaError("The media in the answer is not valid base64; ask again.")
