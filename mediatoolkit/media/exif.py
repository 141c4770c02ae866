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


def without_orientation(exif: bytes) -> bytes:
    """The same for pixels that were turned upright; nothing else in it moves or changes."""
    head = EXIF_HEAD if exif.startswith(EXIF_HEAD) else b""
    tiff = exif.removeprefix(EXIF_HEAD)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    if not order:
        return exif
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        end = at + 2 + 12 * count + 4
        for place in range(at + 2, end - 4, 12):
            if struct.unpack_from(f"{order}H", tiff, place) == (_ORIENTATION,):
                fewer = struct.pack(f"{order}H", count - 1)
                rest = tiff[place + 12 : end].ljust(end - place, b"\0")
                return head + tiff[:at] + fewer + tiff[at + 2 : place] + rest + tiff[end:]
    except struct.error:
        return exif
    return exif
