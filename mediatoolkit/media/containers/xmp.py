"""XMP packets: XML in which programs, cameras and this package write what they know of a picture.

A file has one packet, so what is ours goes into the one that is there, and nothing else of it
changes. A JPEG segment holds 64 kB; what does not fit goes on in "extended" segments
(XMP specification, part 3).
"""

import hashlib
import re
import struct
from collections.abc import Iterable
from html import escape, unescape

from mediatoolkit.media.provenance import Provenance

JPEG_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
JPEG_ROOM = 65_533 - len(JPEG_HEAD)
"""Bytes of a packet in a JPEG segment."""

_RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
_BEGIN = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
    + b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    + _RDF
    + b">"
)
_END = b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
EMPTY = _BEGIN + _END
"""A packet that says nothing yet."""

_RECORD_BEGIN = b' xmlns:mt="urn:mediatoolkit:provenance"><mt:record>'
_RECORD_END = b"</mt:record></rdf:Description>"
_RECORD = re.compile(rb"urn:mediatoolkit:provenance.{0,9}?<mt:record>", re.DOTALL)
_LEAST_ROOM = 1_000  # bytes; a shorter record says nothing
_LARGEST_RECORD = 1 << 18  # bytes, escaped

_RDF_END = re.compile(rb"</(?:[\w.-]+:)?RDF\s*>")
_RDF_EMPTY = re.compile(rb"<((?:[\w.-]+:)?RDF\b)([^<>]*)/>")
_META_END = re.compile(rb"</(?:[\w.-]+:)?xmpmeta\s*>")
_ABOUT = re.compile(rb"rdf:about\s*=\s*[\"']([^\"'<>]*)[\"']")
_PADDING = re.compile(rb"\s+(?=<\?xpacket end)")
_DESCRIPTIONS = re.compile(rb"<((?:[\w.-]+:)?RDF)\b[^<>]*>(.*)</\1\s*>", re.DOTALL)
_EXTENSION = re.compile(rb"\s*xmpNote:HasExtendedXMP\s*=\s*[\"'](\w{32})[\"']")
_PART = 65_400  # bytes of an extended packet in a segment

_PROPERTIES = {
    "Title": ("dc:title", "Alt"),
    "Description": ("dc:description", "Alt"),
    "Copyright": ("dc:rights", "Alt"),
    "Author": ("dc:creator", "Seq"),
    "Software": ("xmp:CreatorTool", ""),
}
"""Keywords of PNG that XMP has a property for."""

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def with_provenance(
    packet: bytes, provenance: Provenance, *, most: int | None = None
) -> bytes | None:
    """*packet* with the record of *provenance* in it; an older one is replaced.

    Args:
        packet: XMP of any program.
        provenance: What to write.
        most: Bytes that the packet may take; the record is shortened until it fits.

    Returns:
        None where the packet cannot be understood, or has no room.
    """
    halves = _around_record(packet)
    if halves is None:
        return None
    before, after = halves
    if most is None:
        record = provenance.to_json()
    else:
        if most - len(before) - len(after) < _LEAST_ROOM:
            after = _PADDING.sub(b"", after)
        room = most - len(before) - len(after)
        if room < _LEAST_ROOM:
            return None
        record = provenance.to_json(room=room)
    return before + escape(record).encode() + after


def provenance_in(data: bytes, start: int, end: int) -> Provenance | None:
    """Return what our record in the packet between two offsets says."""
    place = _record_in(data, start, end)
    if place is None or place[1] - place[0] > _LARGEST_RECORD:
        return None
    return Provenance.from_json(unescape(data[place[0] : place[1]].decode("utf-8", "replace")))


def is_ours_alone(packet: bytes) -> bool:
    """Return whether nothing but our record stands in it."""
    place = _record_in(packet, 0, len(packet))
    if place is None:
        return False
    rest = packet[: place[0]] + packet[place[1] :]
    alone = _BEGIN + _description(b"") + _RECORD_BEGIN + _RECORD_END + _END
    return rest.replace(_RDF, b"").split() == alone.replace(_RDF, b"").split()


def unless_ours(packet: bytes) -> bytes:
    """The packet, or nothing where our record is all that stands in it."""
    return b"" if is_ours_alone(packet) else packet


def with_texts(packet: bytes, texts: Iterable[tuple[str, str]]) -> bytes:
    """*packet* with the texts of a PNG or JPEG in it, by keyword; what it says already stays."""
    described: list[str] = []
    others: list[str] = []
    for keyword, text in texts:
        name, kind = _PROPERTIES.get(keyword, ("", ""))
        line = escape(_NO_XML.sub("", text))
        if name and name.encode() not in packet and all(name not in line for line in described):
            described.append(_property(name, kind, line))
        elif f"<t:text>{line}</t:text>".encode() not in packet:
            word = escape(_NO_XML.sub("", keyword))
            resource = f"<t:keyword>{word}</t:keyword><t:text>{line}</t:text>"
            others.append(f'<rdf:li rdf:parseType="Resource">{resource}</rdf:li>')
    if others:
        described.append(f"<t:texts><rdf:Bag>{''.join(others)}</rdf:Bag></t:texts>")
    if not described:
        return packet
    spaces = (
        b' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        b' xmlns:t="urn:mediatoolkit:texts">'
    )
    halves = _ends(packet) or (_BEGIN, _END)
    about = _description(_about(packet))
    body = "".join(described).encode()
    return halves[0] + about + spaces + body + b"</rdf:Description>" + halves[1]


def joined(packet: bytes, extended: bytes) -> bytes:
    """One packet of a standard one and of what went on in extended segments."""
    inner, halves = _DESCRIPTIONS.search(extended), _ends(_EXTENSION.sub(b"", packet))
    return halves[0] + inner[2] + halves[1] if inner and halves else packet


def extension_of(packet: bytes) -> bytes | None:
    """The id under which a packet goes on in extended segments."""
    match = _EXTENSION.search(packet)
    return match[1] if match else None


def extended_part(content: bytes) -> tuple[bytes, int, bytes]:
    """Split an extended segment: the id of its packet, the offset of its part, and the part."""
    at = len(EXTENDED_HEAD)
    (offset,) = struct.unpack_from(">I", content, at + 36)
    return content[at : at + 32], offset, content[at + 40 :]


def split(packet: bytes) -> tuple[bytes, list[bytes]]:
    """Return what JPEG segments hold: a standard packet, and the contents of extended segments."""
    if len(packet) <= JPEG_ROOM:
        return packet, []
    whole = packet[packet.find(b"<x:xmpmeta") : packet.rfind(b"<?xpacket end")] or packet
    name = hashlib.md5(whole, usedforsecurity=False).hexdigest().upper().encode()
    note = b' xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
    standard = _BEGIN + _description(_about(packet)) + note + name + b'"/>' + _END
    return standard, [
        EXTENDED_HEAD + name + struct.pack(">II", len(whole), at) + whole[at : at + _PART]
        for at in range(0, len(whole), _PART)
    ]


def _around_record(packet: bytes) -> tuple[bytes, bytes] | None:
    """Return what stands before and after the text of our record, be it there already or not."""
    place = _record_in(packet, 0, len(packet))
    if place is not None:
        return packet[: place[0]], packet[place[1] :]
    halves = _ends(packet)
    if halves is None:
        return None
    return halves[0] + _description(_about(packet)) + _RECORD_BEGIN, _RECORD_END + halves[1]


def _record_in(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    match = _RECORD.search(data, start, end)
    close = data.find(b"</mt:record>", match.end(), end) if match else -1
    return (match.end(), close) if match and close >= 0 else None


def _ends(packet: bytes) -> tuple[bytes, bytes] | None:
    """Return what stands before and after the place of another description; None for no packet."""
    for close in reversed(list(_RDF_END.finditer(packet))):
        return packet[: close.start()], packet[close.start() :]
    empty = _RDF_EMPTY.search(packet)
    if empty is not None:
        name, attributes = empty.groups()
        before = packet[: empty.start()] + b"<" + name + attributes + b">"
        return before, b"</" + name + b">" + packet[empty.end() :]
    for close in reversed(list(_META_END.finditer(packet))):
        before, after = packet[: close.start()], packet[close.start() :]
        return before + b"<rdf:RDF " + _RDF + b">", b"</rdf:RDF>" + after
    return None


def _about(packet: bytes) -> bytes:
    """Return what the packet is about; all descriptions of a packet have to agree."""
    match = _ABOUT.search(packet)
    return match[1] if match else b""


def _description(about: bytes) -> bytes:
    """The beginning of a description, whatever prefix the packet uses itself."""
    return b"<rdf:Description " + _RDF + b' rdf:about="' + about + b'"'


def _property(name: str, kind: str, line: str) -> str:
    language = ' xml:lang="x-default"' if kind == "Alt" else ""
    listed = f"<rdf:{kind}><rdf:li{language}>{line}</rdf:li></rdf:{kind}>" if kind else line
    return f"<{name}>{listed}</{name}>"
