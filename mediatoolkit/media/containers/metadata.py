"""What a picture's file says beside its pixels, and which way up Exif says a photograph is.

Exif is a TIFF in a segment or chunk of its own; its first directory lists tags of 12 bytes each
(CIPA DC-008).
"""

import re
import struct
from dataclasses import dataclass, replace

EXIF_HEAD = b"Exif\0\0"
RECORD_KEYWORD = "mediatoolkit"
"""The keyword of a PNG's text that holds our record."""

_ORIENTATION = 0x112
_TURN = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|\s*>))\s*[2-8]")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the file says.

    Attributes:
        exif: A TIFF, without a head; empty where there is none.
        profile: ICC profile; empty where there is none.
        xmp: XMP packet; empty where there is none.
        texts: Keywords and texts of a PNG; the comment of a JPEG is `"Comment"`.
    """

    exif: bytes = b""
    profile: bytes = b""
    xmp: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()

    def upright(self) -> "Metadata":
        """The same of pixels that were turned the right way up, if Exif says so."""
        if orientation(self.exif) == 1:
            return self
        packet = _TURN.sub(rb"\g<1>1", self.xmp)
        return replace(self, exif=without_orientation(self.exif), xmp=packet)


def byte_order(tiff: bytes) -> str:
    """`<` or `>`, as in `struct`; empty for what is no TIFF."""
    return {b"II": "<", b"MM": ">"}.get(tiff[:2], "")


def orientation(exif: bytes) -> int:
    """1 to 8 as the standard counts; 1, which is upright, where Exif is silent or broken."""
    tiff = exif.removeprefix(EXIF_HEAD)
    order = byte_order(tiff)
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
    order = byte_order(tiff)
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


def shown_size(width: int, height: int, exif: bytes) -> tuple[int, int]:
    """Width and height the right way up."""
    return (height, width) if orientation(exif) > 4 else (width, height)
