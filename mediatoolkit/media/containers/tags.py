"""Tags that programs put around sound, ID3 and APE, and a record in one of them.

ID3v2 stands before the sound as a row of frames (id3.org, versions 2.2, 2.3 and 2.4); ID3v1 is
the last 128 bytes of the file. A record becomes the first frame of the first tag. Every other
frame keeps its bytes, and a tag whose frames do not end where its padding begins is not touched.

APEv2 stands at the end, before an ID3v1 tag. It ends with a footer of 32 bytes and mostly begins
with a like header (wiki.hydrogenaud.io, APEv2 specification).
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from mediatoolkit.media.containers.base import Piece

MARKS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
"""How the tags begin that programs put behind sound."""

_UNSYNCHRONISED, _EXTENDED, _EXPERIMENTAL, _FOOTER = 0x80, 0x40, 0x20, 0x10
_KNOWN_FLAGS = {2: 0x80, 3: 0xE0, 4: 0xF0}
_KEPT_FLAGS = {2: 0, 3: _EXPERIMENTAL, 4: _EXPERIMENTAL | _UNSYNCHRONISED}
_FRAME_NAMES = {
    2: re.compile(rb"[A-Z][A-Z0-9]{2}"),
    3: re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 \0]"),  # iTunes left names of three letters
    4: re.compile(rb"[A-Z][A-Z0-9]{2}[A-Z0-9 \0]"),
}
_MOST_TAGS, _MOST_FRAMES = 100, 5_000
_OUR_NAME = "mediatoolkit"
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_V1_FIELDS = ((b"TIT2", 3, 33), (b"TPE1", 33, 63), (b"TALB", 63, 93), (b"TDRC", 93, 97))
_V1_LANGUAGE = b"eng\0"  # for all we know; and no name of the comment
_APE_MARK = b"APETAGEX"
_APE_ENDS = struct.Struct("<8sIIII8x")
_APE_VERSION = 2000
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_MOST_APE_ITEMS = 10_000


class Id3Frame(NamedTuple):
    """One frame: its name, its flags and its content, as they are in the file."""

    name: bytes
    flags: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Id3Tag:
    """One ID3v2 tag of a file.

    Attributes:
        data: Its bytes.
        stop: The offset in the file behind it, and behind its footer.
        version: 2, 3 or 4.
        flags: Those that hold for the frames as they are here.
        frames: As many as can be read.
        padding: The zeros behind them.
        is_whole: Whether there is nothing but frames and padding.
    """

    data: Piece
    stop: int
    version: int
    flags: int = 0
    frames: tuple[Id3Frame, ...] = ()
    padding: bytes = b""
    is_whole: bool = False

    @property
    def record(self) -> bytes | None:
        """The record of ours, or None."""
        return next((text for text in map(_record_of, self.frames) if text is not None), None)

    @property
    def is_ours_alone(self) -> bool:
        """Whether it holds nothing but a record."""
        return self.is_whole and len(self.frames) == 1 and self.record is not None

    def without_record(self) -> "Id3Tag":
        """The same without a record, or this tag itself when none can be taken out."""
        if self.record is None or not self.is_whole:
            return self
        frames = tuple(frame for frame in self.frames if _record_of(frame) is None)
        return self._of(frames)

    def with_record(self, record: bytes) -> "Id3Tag":
        """The same with *record* as its first frame."""
        frames = self.without_record().frames
        return self._of((_record_frame(record, self.version), *frames))

    def _of(self, frames: tuple[Id3Frame, ...]) -> "Id3Tag":
        body = b"".join(_packed(frame, self.version) for frame in frames) + self.padding
        head = b"ID3" + bytes([self.version, 0, self.flags]) + _syncsafe(len(body))
        return replace(self, data=head + body, frames=frames)


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
    version: int = _APE_VERSION

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
        ours = struct.pack("<II", len(record), 0) + _OUR_NAME.encode() + b"\0" + record
        return replace(others, items=ours + others.items, count=others.count + 1)

    def to_bytes(self) -> bytes:
        """The tag as it stands in a file."""
        if not self.items:
            return b""
        size = len(self.items) + _APE_ENDS.size
        if self.version < _APE_VERSION:
            return self.items + _APE_ENDS.pack(_APE_MARK, self.version, size, self.count, 0)
        head, foot = (
            _APE_ENDS.pack(_APE_MARK, self.version, size, self.count, flags)
            for flags in (_HAS_HEADER | _IS_HEADER, _HAS_HEADER)
        )
        return head + self.items + foot

    def _ours(self) -> Iterator[tuple[int, int, int]]:
        """Start, value and end of each item of ours, up to the first item that is cut."""
        at = 0
        for _ in range(_MOST_APE_ITEMS):
            if at + 8 >= len(self.items):
                return
            (size,) = struct.unpack_from("<I", self.items, at)
            value = self.items.find(b"\0", at + 8) + 1
            end = value + size
            if not value or end > len(self.items):
                return
            if self.items[at + 8 : value - 1] == _OUR_NAME.encode():
                yield at, value, end
            at = end


def id3_tags(data: bytes) -> Iterator[Id3Tag]:
    """The ID3v2 tags at the beginning, one behind the other."""
    return (_tag(data, start) for start in _starts(data))


def after_id3(data: bytes) -> int:
    """Return where the ID3v2 tags at the beginning end."""
    return min(max((_end(data, start) for start in _starts(data)), default=0), len(data))


def with_tags_behind(data: bytes, end: int) -> int:
    """Return where a file ends whose sound ends at *end*: behind tags, but before rubbish."""
    return len(data) if data.startswith(MARKS, end) else end


def id3_of_v1(old: bytes) -> Id3Tag:
    """An ID3v2.4 tag with the fields of an ID3v1 tag, or an empty one for no bytes.

    Readers that see an ID3v2 tag do not look for an ID3v1 tag any more.
    """
    texts = [(name, _v1_text(old[start:stop])) for name, start, stop in _V1_FIELDS]
    comment, genre = old[97:127], old[127:]
    if comment[28:29] == b"\0" and comment[29] != 0:  # ID3v1.1
        texts.append((b"TRCK", b"\0%d" % comment[29]))
        comment = comment[:28]
    encoding, text = _v1_text(comment)[:1], _v1_text(comment)[1:]
    texts.append((b"COMM", encoding + _V1_LANGUAGE + text if text else b"\0"))
    if genre and genre != b"\xff":
        texts.append((b"TCON", b"\0%d" % genre[0]))
    frames = tuple(Id3Frame(name, b"\0\0", text) for name, text in texts if text != b"\0")
    return Id3Tag(b"", 0, 4, frames=frames, is_whole=True)


def ape_tag(data: bytes) -> ApeTag:
    """The tag at the end of a file."""
    stop = end_before_old_tags(data)
    foot = stop - _APE_ENDS.size
    if foot < 0 or not data.startswith(_APE_MARK, foot):
        return ApeTag(stop, stop)
    _, version, size, count, flags = _APE_ENDS.unpack_from(data, foot)
    first = stop - size
    if not 0 < first <= foot:
        return ApeTag(stop, stop)
    start = first - _APE_ENDS.size if flags & _HAS_HEADER else first
    start = start if data.startswith(_APE_MARK, start) else first
    return ApeTag(start, stop, data[first:foot], count, version)


def end_before_old_tags(data: bytes) -> int:
    """Return where the ID3v1, Lyrics3 and appended ID3v2.4 tags at the end of a file begin."""
    end = len(data)
    for _ in range(_MOST_TAGS):
        start = _start_of_old_tag(data, end)
        if start is None:
            break
        end = start
    return end


def _starts(data: bytes) -> Iterator[int]:
    at = 0
    for _ in range(_MOST_TAGS):
        if data[at : at + 3] != b"ID3" or len(data) < at + 10:
            return
        yield at
        at = _end(data, at)


def _start_of_old_tag(data: bytes, end: int) -> int | None:
    if data[max(0, end - 128) :].startswith(b"TAG") and end >= 128:
        return end - 128
    if data[max(0, end - 227) :].startswith(b"TAG+"):  # more letters for an ID3v1 tag behind it
        return end - 227
    mark = data[max(0, end - 9) : end]
    if mark == b"LYRICSEND":
        start = data.rfind(b"LYRICSBEGIN", max(0, end - 5_120), end)
        return start if start != -1 else None
    if mark == b"LYRICS200" and data[end - 15 : end - 9].isdigit():
        start = end - 15 - int(data[end - 15 : end - 9])
        return start if start > 0 and data.startswith(b"LYRICSBEGIN", start) else None
    if data[max(0, end - 10) :].startswith(b"3DI"):
        start = end - 20 - _number(data[end - 4 : end])
        return start if start > 0 and data.startswith(b"ID3", start) else None
    return None


def _end(data: bytes, start: int) -> int:
    """Return where the tag ends that starts at an offset; a footer may follow its padding."""
    has_footer = data[start + 3] == 4 and data[start + 5] & _FOOTER
    return start + 10 + _number(data[start + 6 : start + 10]) + (10 if has_footer else 0)


def _tag(data: bytes, start: int) -> Id3Tag:
    version, flags = data[start + 3], data[start + 5]
    end = start + 10 + _number(data[start + 6 : start + 10])
    stop = min(_end(data, start), len(data))
    tag = Id3Tag(memoryview(data)[start:stop], stop, version)
    body = _body(data[start + 10 : end], version, flags)
    if body is None:
        return tag
    for size_of in _SIZES[version]:
        frames, stop = _frames(body, version, size_of)
        if body.count(0, stop) == len(body) - stop:
            return replace(
                tag,
                flags=flags & _KEPT_FLAGS[version],
                frames=tuple(frames),
                padding=body[stop:],
                is_whole=end <= len(data),
            )
        tag = tag if tag.frames else replace(tag, frames=tuple(frames))
    return tag


def _body(body: bytes, version: int, flags: int) -> bytes | None:
    """Frames and padding without unsynchronisation and extended header; None if unreadable."""
    if version not in _KNOWN_FLAGS or flags & ~_KNOWN_FLAGS[version]:
        return None
    if flags & _UNSYNCHRONISED and version != 4:  # 2.4 has it in each frame, which keeps it
        body = body.replace(b"\xff\0", b"\xff")
    if not flags & _EXTENDED or _FRAME_NAMES[version].fullmatch(body[:4]):
        return body
    size = _number(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4])
    return body[size:] if 6 <= size <= len(body) else None


def _frames(
    body: bytes, version: int, size_of: Callable[[bytes], int | None]
) -> tuple[list[Id3Frame], int]:
    """Return the frames that follow each other, and where they end."""
    width, head = (3, 6) if version == 2 else (4, 10)
    frames: list[Id3Frame] = []
    at = 0
    while at + head <= len(body) and body[at]:
        name, size = body[at : at + width], size_of(body[at + width : at + 2 * width])
        start = at + head
        if size is None or start + size > len(body) or len(frames) == _MOST_FRAMES:
            break
        if not _FRAME_NAMES[version].fullmatch(name):
            break
        frames.append(Id3Frame(name, body[at + 2 * width : start], body[start : start + size]))
        at = start + size
    return frames, at


def _packed(frame: Id3Frame, version: int) -> bytes:
    length = len(frame.content)
    size = _syncsafe(length) if version == 4 else length.to_bytes(len(frame.name))
    return frame.name + size + frame.flags + frame.content


def _record_frame(record: bytes, version: int) -> Id3Frame:
    """Make a frame; in 2.4 it has no byte of 255, so unsynchronising changes nothing."""
    if version == 4:
        return Id3Frame(b"TXXX", b"\0\0", b"\3%s\0%s" % (_OUR_NAME.encode(), record))
    content = b"\1%s\0\0%s" % (_OUR_NAME.encode("utf-16"), record.decode().encode("utf-16"))
    return Id3Frame(b"TXX", b"", content) if version == 2 else Id3Frame(b"TXXX", b"\0\0", content)


def _record_of(frame: Id3Frame) -> bytes | None:
    """The record in a frame, in whatever encoding another program left it."""
    content = frame.content
    is_ours = _OUR_NAME.encode() in content[:40].replace(b"\0", b"")
    if frame.name not in {b"TXXX", b"TXX"} or not is_ours or content[0] not in _ENCODINGS:
        return None
    name, _, text = content[1:].decode(_ENCODINGS[content[0]], "replace").partition("\0")
    return text.strip("\ufeff\0").encode() if name == _OUR_NAME else None


def _v1_text(field: bytes) -> bytes:
    """The text behind the number of its encoding, which an ID3v1 tag does not tell."""
    text = field.split(b"\0")[0].strip()
    try:
        text.decode()
    except UnicodeDecodeError:
        return b"\0" + text
    return (b"\0" if text.isascii() else b"\3") + text


def _syncsafe(number: int) -> bytes:
    """Four bytes of seven bits, so that none of them looks like the beginning of sound."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _number(syncsafe: bytes) -> int:
    number = 0
    for byte in syncsafe:
        number = number << 7 | byte & 127
    return number


def _strict_number(syncsafe: bytes) -> int | None:
    return _number(syncsafe) if max(syncsafe) < 128 else None


_SIZES: dict[int, tuple[Callable[[bytes], int | None], ...]] = {
    2: (int.from_bytes,),
    3: (int.from_bytes, _strict_number),
    4: (_strict_number, int.from_bytes),  # iTunes wrote plain ones
}
"""What the length of a frame may be read as, the right one first."""
