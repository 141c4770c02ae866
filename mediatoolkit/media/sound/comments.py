"""The list of comments that Opus, Vorbis and FLAC share: `NAME=text`, lengths before each."""

import struct

_OURS = b"MEDIATOOLKIT="


def with_record(block: bytes, record: bytes) -> bytes:
    """The list with *record* in it, in the place of an older one of ours."""
    vendor, comments = _parsed(block)
    kept = [one for one in comments if not one.startswith(_OURS)] + [_OURS + record]
    return _measured(vendor) + struct.pack("<I", len(kept)) + b"".join(map(_measured, kept))


def record_in(block: bytes) -> bytes | None:
    """What `with_record` wrote, or None."""
    for comment in _parsed(block)[1]:
        if comment.startswith(_OURS):
            return comment[len(_OURS) :]
    return None


def _measured(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def _parsed(block: bytes) -> tuple[bytes, list[bytes]]:
    """Vendor and comments; up to the first that is cut, for the sound may be whole all the same."""
    comments: list[bytes] = []
    try:
        vendor, at = _one(block, 0)
        (count,) = struct.unpack_from("<I", block, at)
        at += 4
        for _ in range(count):
            comment, at = _one(block, at)
            comments.append(comment)
    except struct.error:
        return b"", comments
    return vendor, comments


def _one(block: bytes, at: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from("<I", block, at)
    if at + 4 + size > len(block):
        raise struct.error
    return block[at + 4 : at + 4 + size], at + 4 + size
