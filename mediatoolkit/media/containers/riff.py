"""RIFF and its kin RIFX, RF64 and BW64: chunks in a row behind a head, as WAV keeps them.

A server that streams does not know the length when it writes the head, and fills in 0 or the
largest number there is. Other writers forget to count a chunk, or its padding. `repaired` puts the
true lengths in; a file whose head knows a length that is not there was cut.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mediatoolkit.media.containers.base import Piece
from mediatoolkit.media.containers.tags import with_tags_behind

DATA = b"data"
_WIDE_FORMS = (b"RF64", b"BW64")
_FORMS = (b"RIFF", b"RIFX", *_WIDE_FORMS)
_WIDE = b"ds64"
_HEAD = 12
_MOST = 10_000  # chunks; real files have some ten, and each costs the walk some time
SLIP = 64
"""Bytes by which a careless writer counts too many."""
_UNKNOWN = (
    range(0x7FFF0000, 0x80000001),
    range(0xFFFF0000, 1 << 32),
    range(1 << 62, 1 << 64),
)
"""What streaming writers fill in for a length: nearly the largest number there is."""


class Chunk(NamedTuple):
    """The kind of a chunk, and where its content lies."""

    kind: bytes
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is laid out.

    Attributes:
        order: `<` or `>`, as in `struct`.
        is_wide: Whether the lengths of 64 bits count, which stand in a chunk of their own.
        chunks: Those that are whole, in order.
        walked: Where the last of them ends, with its padding.
        claimed: Where the head says that the form ends; 0 where it does not know.
        end: Where it really ends.
        broken: The chunk that reaches beyond the file, or None.
    """

    order: str
    is_wide: bool
    chunks: tuple[Chunk, ...]
    walked: int
    claimed: int
    end: int
    broken: Chunk | None

    def first(self, kind: bytes) -> Chunk | None:
        """The first chunk of its kind, or None."""
        return next((chunk for chunk in self.chunks if chunk.kind == kind), None)


def is_wave(data: bytes) -> bool:
    """Return whether the bytes begin as a WAV does."""
    return data[:4] in _FORMS and data[8:12] == b"WAVE"


def read(data: bytes) -> Form:
    """Walk the chunks, whatever the head says of their length."""
    order = ">" if data[:4] == b"RIFX" else "<"
    claimed = _claimed(data, order)
    chunks: list[Chunk] = []
    broken = None
    at, is_behind = _HEAD, False
    while len(chunks) < _MOST and at + 8 <= len(data):
        here = _chunk_at(data, at, order)
        if is_behind and (here.kind in _FORMS or not _is_printable(here.kind)):
            break
        if here.stop > len(data):
            broken = here if at < claimed or not is_behind else None
            break
        chunks.append(here)
        is_behind |= here.kind == DATA
        at = _after(data, here, order)
    end = claimed if at < claimed <= len(data) else at
    is_wide = bool(chunks) and _has_wide(data)
    return Form(order, is_wide, tuple(chunks), at, claimed, end, broken)


def is_cut(data: bytes, form: Form) -> bool:
    """Return whether the head knows of more than there is."""
    if form.broken is not None:
        return form.claimed > len(data) or form.first(DATA) is None
    if form.claimed > len(data) > form.walked:
        return True
    return form.claimed > form.end + (SLIP if form.first(DATA) else 0)


def repaired(data: bytes) -> bytes:
    """The same with its lengths right; sound of unknown length reaches to the end of the file.

    A file that was cut stays as it is, and so does what is no WAV.
    """
    if not is_wave(data):
        return data
    form = read(data)
    place = _open_sound(data, form)
    if place is not None:
        return _closed(data, form, place)
    if form.end == form.claimed or form.first(DATA) is None or is_cut(data, form):
        return data
    head = bytearray(data[: form.chunks[0].stop])
    _put_length(head, form, form.end - 8)
    return b"".join((head, memoryview(data)[len(head) :]))


def length(data: bytes, form: Form) -> int:
    """Return where the file ends: another file or a tag behind the form is kept, rubbish is not."""
    is_joined = data.startswith(_FORMS, form.end)
    return len(data) if is_joined else with_tags_behind(data, form.end)


def rebuilt(data: bytes, form: Form, chunks: Sequence[Chunk], added: bytes) -> list[Piece]:
    """The file with *chunks* of it, the chunk *added*, and all that lies behind the chunks."""
    view = memoryview(data)
    content: list[Piece] = []
    for chunk in chunks:
        content.append(view[chunk.start - 8 : chunk.stop])
        if (chunk.stop - chunk.start) % 2:
            content.append(b"\0")
    content += [added, view[form.walked : form.end]]
    size = 4 + sum(map(len, content))
    head = bytearray(data[:_HEAD])
    if form.is_wide:
        head += content.pop(0)
    _put_length(head, form, size)
    return [bytes(head), *content, view[form.end : length(data, form)]]


def chunk(kind: bytes, content: bytes, order: str = "<") -> bytes:
    """A chunk with its head and padding."""
    return kind + struct.pack(order + "I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunk_at(data: bytes, at: int, order: str) -> Chunk:
    kind, size = struct.unpack_from(order + "4sI", data, at)
    if kind == DATA and size == 0xFFFFFFFF:
        size = _wide(data)[1] or size
    return Chunk(kind, at + 8, at + 8 + size)


def _after(data: bytes, before: Chunk, order: str) -> int:
    """Return where the next chunk is; some writers forget the padding of an odd one."""
    padded = min(before.stop + (before.stop - before.start) % 2, len(data))
    if padded == before.stop or _is_chunk(data, padded, order):
        return padded
    return before.stop if _is_chunk(data, before.stop, order) else padded


def _is_chunk(data: bytes, at: int, order: str) -> bool:
    if at + 8 > len(data):
        return False
    here = _chunk_at(data, at, order)
    return _is_printable(here.kind) and here.stop <= len(data)


def _is_printable(kind: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in kind)


def _claimed(data: bytes, order: str) -> int:
    (size,) = struct.unpack_from(order + "I", data, 4)
    size = _wide(data)[0] if size == 0xFFFFFFFF else size
    return 0 if _is_unknown(size) else int(size) + 8


def _wide(data: bytes) -> tuple[int, int]:
    """The lengths of an RF64 and of its sound; zeros where it does not say."""
    if not _has_wide(data):
        return 0, 0
    form, sound = struct.unpack_from("<QQ", data, _HEAD + 8)
    return form, sound


def _has_wide(data: bytes) -> bool:
    return data[:4] in _WIDE_FORMS and data[_HEAD : _HEAD + 4] == _WIDE and len(data) >= 44


def _is_unknown(size: int) -> bool:
    return not size or any(size in sizes for sizes in _UNKNOWN)


def _open_sound(data: bytes, form: Form) -> Chunk | None:
    """The chunk of sound whose length the writer did not know, or None."""
    place = form.first(DATA)
    if place is None:
        place = form.broken
        is_open = place is not None and place.kind == DATA
        size = place.stop - place.start if place else 0
        # Where the file ends as its head says, nothing is missing, and only this length is wrong.
        is_open &= _is_unknown(size) or 0 <= len(data) - form.claimed <= 1
    else:
        # A length of 0 with bytes behind it was never filled in; but where the head counts other
        # chunks there, there is no sound.
        is_last = form.chunks[-1] == place
        is_open = place.stop == place.start and form.walked < len(data)
        is_open &= is_last or form.claimed != form.walked
    return place if is_open else None


def _closed(data: bytes, form: Form, place: Chunk) -> bytes:
    """The file with all that follows as samples, up to the last whole one."""
    block = frame_size(data, form)
    size = (len(data) - place.start) // block * block
    head = bytearray(data[: place.start])
    if form.is_wide:
        struct.pack_into("<QQ", head, _HEAD + 16, size, size // block)
        struct.pack_into("<I", head, place.start - 4, 0xFFFFFFFF)
    else:
        struct.pack_into(form.order + "I", head, place.start - 4, size)
    _put_length(head, form, place.start + size + size % 2 - 8)
    samples = memoryview(data)[place.start : place.start + size]
    return b"".join((head, samples, b"\0" * (size % 2)))


def _put_length(head: bytearray, form: Form, size: int) -> None:
    if form.is_wide:
        struct.pack_into("<Q", head, _HEAD + 8, size)
        struct.pack_into("<I", head, 4, 0xFFFFFFFF)
        return
    struct.pack_into(form.order + "I", head, 4, size)
    if head[:4] in _WIDE_FORMS:
        head[:4] = b"RIFF"


def frame_size(data: bytes, form: Form) -> int:
    """Bytes that one sample of every channel takes; 1 where the head does not say."""
    place = form.first(b"fmt ")
    if place is None or place.stop - place.start < 14:
        return 1
    (size,) = struct.unpack_from(form.order + "H", data, place.start + 12)
    return max(1, int(size))
