"""An APEv2 tag at the end of an MP3, and a record in it.

It stands before an ID3v1 tag, ends with a footer of 32 bytes and mostly begins with a like header
(wiki.hydrogenaud.io, APEv2 specification).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mediatoolkit.media.containers import id3

_MARK = b"APETAGEX"
_ENDS = struct.Struct("<8sIIII8x")
_VERSION = 2000
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_OUR_KEY = b"mediatoolkit"
_MOST_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class ApeTag:
    """The tag of a file, empty where there is none.

    Attributes:
        start: Its offset in the file, or where one would go.
        stop: The offset behind it.
        items: All of them, each with its length, flags and key.
        count: How many the tag says there are.
        version: 1000 or 2000.
    """

    start: int
    stop: int
    items: bytes = b""
    count: int = 0
    version: int = _VERSION

    @property
    def record(self) -> bytes | None:
        """The record of ours, or None."""
        return next((self.items[value:end] for _, value, end in self._ours()), None)

    def without_record(self) -> "ApeTag":
        """The same without a record."""
        for start, _, end in self._ours():
            items = self.items[:start] + self.items[end:]
            return replace(self, items=items, count=self.count - 1)
        return self

    def with_record(self, record: bytes) -> "ApeTag":
        """The same with *record* as its first item."""
        others = self.without_record()
        ours = struct.pack("<II", len(record), 0) + _OUR_KEY + b"\0" + record
        return replace(others, items=ours + others.items, count=others.count + 1)

    def to_bytes(self) -> bytes:
        """The tag as it stands in a file."""
        if not self.items:
            return b""
        size = len(self.items) + _ENDS.size
        if self.version < _VERSION:
            return self.items + _ENDS.pack(_MARK, self.version, size, self.count, 0)
        head, foot = (
            _ENDS.pack(_MARK, self.version, size, self.count, flags)
            for flags in (_HAS_HEADER | _IS_HEADER, _HAS_HEADER)
        )
        return head + self.items + foot

    def _ours(self) -> Iterator[tuple[int, int, int]]:
        """Start, value and end of each item of ours, up to the first item that is cut."""
        at = 0
        for _ in range(_MOST_ITEMS):
            if at + 8 >= len(self.items):
                return
            (size,) = struct.unpack_from("<I", self.items, at)
            value = self.items.find(b"\0", at + 8) + 1
            end = value + size
            if not value or end > len(self.items):
                return
            if self.items[at + 8 : value - 1] == _OUR_KEY:
                yield at, value, end
            at = end


def tag_of(data: bytes) -> ApeTag:
    """The tag at the end of a file."""
    stop = id3.end_before_old_tags(data)
    foot = stop - _ENDS.size
    if foot < 0 or not data.startswith(_MARK, foot):
        return ApeTag(stop, stop)
    _, version, size, count, flags = _ENDS.unpack_from(data, foot)
    first = stop - size
    if not 0 < first <= foot:
        return ApeTag(stop, stop)
    start = first - _ENDS.size if flags & _HAS_HEADER else first
    start = start if data.startswith(_MARK, start) else first
    return ApeTag(start, stop, data[first:foot], count, version)
