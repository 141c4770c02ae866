"""Which way up a photograph is, as its camera noted it.

Exif is a TIFF in a segment or chunk of its own; its first directory lists tags of 12 bytes each
(CIPA DC-008).
"""

import struct

EXIF_HEAD = b"Exif\0\0"
_ORIENTATION = 0x112


def orientation(exif: bytes) -> int:
    """1 to 8 as the standard counts; 1, which is upright, where nothing is said or it is broken."""
    tiff = exif.removeprefix(EXIF_HEAD)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
