"""The list of comments that Opus, Vorbis and FLAC share: `NAME=text`, lengths before each."""

import struct
from typing import NamedTuple

_OURS = b"MEDIATOOLKIT="
_MOST = 20_000


class _List(NamedTuple):
    """What can be read of a list, and the bytes of what cannot."""

    vendor: bytes
    comments: list[bytes]
    unread: int
    rest: bytes


def with_record(block: bytes, record: bytes) -> bytes:
    """The list with *record* as its first comment, in the place of an older one of ours."""
    parsed = _parsed(block)
    return _written(parsed._replace(comments=[_OURS + record, *_others(parsed.comments)]))


def without_record(block: bytes) -> bytes:
    """The list without a comment of ours."""
    parsed = _parsed(block)
    others = _others(parsed.comments)
    return block if others == parsed.comments else _written(parsed._replace(comments=others))


def record_in(block: bytes) -> bytes | None:
    """Return what `with_record` wrote, or None."""
    for comment in _parsed(block).comments:
        if comment.startswith(_OURS):
            return comment[len(_OURS) :]
    return None


def is_empty(block: bytes) -> bool:
    """Return whether there is no comment."""
    parsed = _parsed(block)
    return not (parsed.comments or parsed.unread)


def _others(comments: list[bytes]) -> list[bytes]:
    return [comment for comment in comments if not comment.startswith(_OURS)]


def _written(parsed: _List) -> bytes:
    count = struct.pack("<I", len(parsed.comments) + parsed.unread)
    return b"".join(
        (_measured(parsed.vendor), count, *map(_measured, parsed.comments), parsed.rest)
    )


def _measured(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def _parsed(block: bytes) -> _List:
    """Parse up to the first comment that is cut; the sound may be whole all the same."""
    comments: list[bytes] = []
    count = at = 0
    vendor = b""
    try:
        vendor, at = _entry(block, 0)
        (count,) = struct.unpack_from("<I", block, at)
        at += 4
        for _ in range(min(count, _MOST)):
            comment, at = _entry(block, at)
            comments.append(comment)
    except struct.error:
        pass  # the rest is kept as it is
    return _List(vendor, comments, count - len(comments), block[at:])


def _entry(block: bytes, at: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from("<I", block, at)
    if at + 4 + size > len(block):
        raise struct.error
    return block[at + 4 : at + 4 + size], at + 4 + size
