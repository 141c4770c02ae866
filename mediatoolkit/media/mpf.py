"""The index of a JPEG that holds several pictures (CIPA DC-007).

It is a TIFF in a segment of the first picture. It tells the size of each picture and, except for
the first, its offset from the beginning of that TIFF.
"""

import struct

HEAD = b"MPF\0"
_ENTRIES = 0xB002


def moved(content: bytes, *, grown: int, behind: int) -> bytes:
    """The content of the segment, after the first picture has grown.

    Args:
        content: From `HEAD` on.
        grown: Bytes by which the first picture is longer.
        behind: How many of these lie behind the index.

    Returns:
        The same bytes where the index is not understood.
    """
    changed, base = bytearray(content), len(HEAD)
    order = {b"II": "<", b"MM": ">"}.get(content[base : base + 2])
    if order is None:
        return content
    try:
        for at, size in _entries(content, base, order):
            for place in range(at, at + size - 15, 16):
                length, offset = struct.unpack_from(f"{order}II", content, place + 4)
                if offset:
                    offset += behind
                elif length:
                    length += grown
                struct.pack_into(f"{order}II", changed, place + 4, length, offset)
    except struct.error:
        return content
    return bytes(changed)


def _entries(content: bytes, base: int, order: str) -> list[tuple[int, int]]:
    """Where the entries of the pictures lie, and how many bytes they take."""
    (first,) = struct.unpack_from(f"{order}I", content, base + 4)
    (count,) = struct.unpack_from(f"{order}H", content, base + first)
    fields = [
        struct.unpack_from(f"{order}HHII", content, base + first + 2 + 12 * number)
        for number in range(count)
    ]
    return [(base + value, size) for tag, _, size, value in fields if tag == _ENTRIES]
