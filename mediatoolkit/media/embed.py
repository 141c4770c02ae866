"""Provenance inside a picture file, without touching a pixel.

PNG gets one iTXt chunk, JPEG and WebP one XMP packet. Files are handled as pieces, so that a
large picture is not copied to gain a line of text.
"""

import re
import struct
import zlib
from html import escape, unescape

from mediatoolkit.errors import MediaError
from mediatoolkit.media.formats import (
    PNG_START,
    Facts,
    jpeg_segments,
    png_chunks,
    webp_chunks,
)
from mediatoolkit.media.provenance import Provenance

_ITXT_HEAD = b"mediatoolkit\0\0\0\0\0"  # keyword, not compressed, no language, no translation
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:mt="urn:mediatoolkit:provenance">'
    "<mt:record>{}</mt:record>"
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_XMP_RECORD = re.compile(
    rb"urn:mediatoolkit:provenance.{0,9}?<mt:record>(.*?)</mt:record>", re.DOTALL
)
_XMP_ROOM = 65_533 - len(_XMP_HEAD) - len(_XMP.encode())  # bytes; a JPEG segment holds no more
_VP8X_XMP, _VP8X_ALPHA = 0x04, 0x10

Piece = bytes | memoryview


def written_into(data: bytes, facts: Facts, provenance: Provenance) -> list[Piece]:
    """The file of a picture with *provenance* in it; an older record of ours is replaced."""
    return _WRITERS[facts.mime_type](data, facts, provenance)


def read_from(data: bytes, facts: Facts) -> Provenance | None:
    """The provenance that a file of ours carries, or None."""
    return _READERS[facts.mime_type](data)


def read_from_head(head: bytes, mime_type: str) -> Provenance | None:
    """The same from the first bytes of a file; None when they do not reach as far."""
    try:
        return _READERS[mime_type](head)
    except (IndexError, struct.error, MediaError):
        return None


def _into_png(data: bytes, _facts: Facts, provenance: Provenance) -> list[Piece]:
    content = _ITXT_HEAD + provenance.to_json().encode()
    chunk = b"iTXt" + content
    ours = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    view, head = memoryview(data), len(PNG_START) + 25
    pieces: list[Piece] = [view[:head], ours]
    rest = head
    for kind, start, end in png_chunks(data):
        if kind == b"iTXt" and data.startswith(_ITXT_HEAD, start):
            pieces.append(view[rest : start - 8])
            rest = end + 4
    return [*pieces, view[rest:]]


def _from_png(data: bytes) -> Provenance | None:
    for kind, start, end in png_chunks(data):
        if kind == b"iTXt" and data.startswith(_ITXT_HEAD, start):
            return Provenance.from_json(data[start + len(_ITXT_HEAD) : end])
    return None


def _into_jpeg(data: bytes, _facts: Facts, provenance: Provenance) -> list[Piece]:
    packet = _XMP_HEAD + _xmp_packet(provenance)
    view = memoryview(data)
    pieces: list[Piece] = [view[:2]]
    place, rest = 1, 2
    for code, start, end in jpeg_segments(data):
        rest = start - 4
        if code == 0xDA:
            break
        if code == 0xE1 and _XMP_RECORD.search(data, start, end):
            continue
        pieces.append(view[rest:end])
        if code in (0xE0, 0xE1):
            place = len(pieces)
    pieces.insert(place, b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet)
    return [*pieces, view[rest:]]


def _from_jpeg(data: bytes) -> Provenance | None:
    for code, start, end in jpeg_segments(data):
        if code == 0xE1 and data.startswith(_XMP_HEAD, start):
            found = _from_packet(data, start, end)
            if found is not None:
                return found
    return None


def _into_webp(data: bytes, facts: Facts, provenance: Provenance) -> list[Piece]:
    view = memoryview(data)
    body: list[Piece] = []
    for kind, start, end in webp_chunks(data):
        if not (kind == b"XMP " and _XMP_RECORD.search(data, start, end)):
            body.append(view[start - 8 : end + end % 2])
    body[0] = _extended_header(bytes(body[0]), facts)
    packet = _xmp_packet(provenance)
    body.append(b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2))
    size = sum(map(len, body)) + 4
    return [b"RIFF" + struct.pack("<I", size) + b"WEBP", *body]


def _extended_header(first: bytes, facts: Facts) -> bytes:
    """The first chunk, preceded by or being a VP8X header that announces XMP."""
    if first.startswith(b"VP8X"):
        return first[:8] + bytes([first[8] | _VP8X_XMP]) + first[9:]
    lossless_with_alpha = first.startswith(b"VP8L") and first[12] & 0x10
    flags = _VP8X_XMP | (_VP8X_ALPHA if lossless_with_alpha else 0)
    canvas = (facts.width - 1).to_bytes(3, "little") + (facts.height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<IB3x", 10, flags) + canvas + first


def _from_webp(data: bytes) -> Provenance | None:
    for kind, start, end in webp_chunks(data):
        found = _from_packet(data, start, end) if kind == b"XMP " else None
        if found is not None:
            return found
    return None


def _xmp_packet(provenance: Provenance) -> bytes:
    return _XMP.format(escape(provenance.to_json(room=_XMP_ROOM))).encode()


def _from_packet(data: bytes, start: int, end: int) -> Provenance | None:
    record = _XMP_RECORD.search(data, start, end)
    return Provenance.from_json(unescape(record[1].decode("utf-8", "replace"))) if record else None


_WRITERS = {"image/png": _into_png, "image/jpeg": _into_jpeg, "image/webp": _into_webp}
_READERS = {"image/png": _from_png, "image/jpeg": _from_jpeg, "image/webp": _from_webp}
