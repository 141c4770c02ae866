"""What a picture's file says beside its pixels, and how that moves into another format."""

import re
import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mediatoolkit.media import xmp
from mediatoolkit.media.exif import EXIF_HEAD, orientation, without_orientation
from mediatoolkit.media.formats import jpeg_segments, png_chunks, webp_chunks

if TYPE_CHECKING:
    from PIL import Image as PillowImage

_ICC_HEAD = b"ICC_PROFILE\0"
_XMP_KEYWORD = "XML:com.adobe.xmp"
_OURS = "mediatoolkit"
_LARGEST = 64 << 20  # bytes of a profile or text, unpacked
_LONGEST_COMMENT = 65_533  # bytes, in a JPEG
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_RAW = re.compile(r"\s*(\w+)\s+(\d+)\s+([0-9a-fA-F\s]*)")
_TAIL_NOTES = re.compile(
    rb"\s[\w.-]+:(?:MotionPhoto\w*|MicroVideo\w*|HasExtendedXMP)\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')"
)
"""The part of XMP that announces the film behind a motion photo."""

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


def read_metadata(data: bytes, mime_type: str) -> Metadata:
    """What a PNG, JPEG or WebP whose structure is checked says; our record is left out."""
    return _READERS[mime_type](data)


def metadata_of(picture: "PillowImage.Image") -> Metadata:
    """What Pillow keeps of the file that *picture* was read from; its pixels are upright."""
    info = picture.info
    texts = {"Comment": info.get("comment"), **getattr(picture, "text", {})}
    return Metadata(
        exif=_bytes(info.get("exif")).removeprefix(EXIF_HEAD),
        xmp=_bytes(info.get("xmp")),
        texts=tuple(
            (name, _decoded(_bytes(text)))
            for name, text in texts.items()
            if text and name not in (_XMP_KEYWORD, _OURS)
        ),
    )


def options_for(metadata: Metadata, mime_type: str) -> dict[str, Any]:
    """How Pillow is told to write it; the colour profile goes with the pixels.

    A JPEG's XMP may be too long for one segment, which Pillow refuses.
    """
    if mime_type == "image/png":
        return {"exif": metadata.exif or None, "pnginfo": _png_info(metadata)}
    comment = b""
    texts = list(metadata.texts)
    if mime_type == "image/jpeg":
        for keyword, text in metadata.texts:
            if keyword == "Comment" and not comment and len(text.encode()) <= _LONGEST_COMMENT:
                comment = text.encode()
                texts.remove((keyword, text))
    packet = xmp.with_texts(metadata.xmp, texts) if texts else metadata.xmp
    head = EXIF_HEAD if metadata.exif and mime_type == "image/jpeg" else b""
    options: dict[str, Any] = {"exif": head + metadata.exif, "xmp": packet}
    return options | ({"comment": comment} if mime_type == "image/jpeg" else {})


def _png_info(metadata: Metadata) -> Any:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for keyword, text in metadata.texts:
        info.add_itxt(keyword[:79] or "Comment", text.replace("\0", ""))
    if metadata.xmp:
        info.add_itxt(_XMP_KEYWORD, metadata.xmp.decode("utf-8", "replace").replace("\0", ""))
    return info


def _of_jpeg(data: bytes) -> Metadata:
    exif, packet, comments = b"", b"", []
    profile: list[tuple[int, bytes]] = []
    extended: dict[bytes, list[tuple[int, bytes]]] = {}
    for code, start, end in jpeg_segments(data):
        content = data[start:end] if code in (0xE1, 0xE2, 0xFE) else b""
        if code == 0xFE:
            comments.append(_decoded(content))
        elif content.startswith(EXIF_HEAD):
            exif = exif or content.removeprefix(EXIF_HEAD)
        elif content.startswith(xmp.JPEG_HEAD):
            packet = packet or _foreign(content.removeprefix(xmp.JPEG_HEAD))
        elif content.startswith(_ICC_HEAD) and len(content) > len(_ICC_HEAD) + 2:
            number = content[len(_ICC_HEAD)]
            profile.append((number, content[len(_ICC_HEAD) + 2 :]))
        elif content.startswith(xmp.EXTENDED_HEAD) and len(content) > len(xmp.EXTENDED_HEAD) + 40:
            name, at, part = _extended_part(content)
            extended.setdefault(name, []).append((at, part))
    rest = extended.get(xmp.extension_of(packet) or b"")
    if rest is not None:
        packet = xmp.joined(packet, _in_order(rest))
    return Metadata(
        exif,
        _in_order(profile),
        _TAIL_NOTES.sub(b"", packet),
        tuple(("Comment", comment) for comment in comments),
    )


def _of_png(data: bytes) -> Metadata:
    known = Metadata()
    texts = []
    for kind, start, end in png_chunks(data):
        if kind == b"eXIf":
            known = replace(known, exif=data[start:end].removeprefix(EXIF_HEAD))
        elif kind == b"iCCP":
            packed = data[start:end].partition(b"\0")[2][1:]
            known = replace(known, profile=_unpacked(packed))
        elif kind in _TEXTS:
            texts.append(_png_text(kind, data[start:end]))
    for keyword, text in texts:
        if keyword == _XMP_KEYWORD:
            known = replace(known, xmp=_foreign(text.encode()))
        elif keyword in ("Raw profile type exif", "Raw profile type APP1"):
            known = _with_raw(known, text)
        elif keyword not in ("", _OURS):
            known = replace(known, texts=(*known.texts, (keyword, text)))
    return known


def _of_webp(data: bytes) -> Metadata:
    chunks = {kind: data[start:end] for kind, start, end in reversed(list(webp_chunks(data)))}
    return Metadata(
        chunks.get(b"EXIF", b"").removeprefix(EXIF_HEAD),
        chunks.get(b"ICCP", b""),
        _foreign(chunks.get(b"XMP ", b"")),
    )


_READERS = {"image/jpeg": _of_jpeg, "image/png": _of_png, "image/webp": _of_webp}


def _foreign(packet: bytes) -> bytes:
    return b"" if xmp.is_ours_alone(packet) else packet


def _extended_part(content: bytes) -> tuple[bytes, int, bytes]:
    at = len(xmp.EXTENDED_HEAD)
    (offset,) = struct.unpack_from(">I", content, at + 36)
    return content[at : at + 32], offset, content[at + 40 :]


def _in_order(parts: list[tuple[int, bytes]]) -> bytes:
    return b"".join(part for _, part in sorted(parts, key=lambda part: part[0]))


def _png_text(kind: bytes, content: bytes) -> tuple[str, str]:
    """Keyword and text; both empty where it cannot be read."""
    keyword, _, rest = content.partition(b"\0")
    packed, encoding = kind == b"zTXt", "latin-1"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        packed, encoding = rest[:1] == b"\x01", "utf-8"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    text = _unpacked(rest) if packed else rest
    return keyword.decode("latin-1"), text.decode(encoding, "replace")


def _with_raw(metadata: Metadata, text: str) -> Metadata:
    """Exif or XMP as ImageMagick writes them into a PNG, in hexadecimal."""
    match = _RAW.match(text)
    try:
        content = bytes.fromhex(match[3]) if match else b""
    except ValueError:
        content = b""
    if content.startswith(xmp.JPEG_HEAD):
        return replace(metadata, xmp=metadata.xmp or content.removeprefix(xmp.JPEG_HEAD))
    if content.startswith((EXIF_HEAD, b"II*\0", b"MM\0*")):
        exif = without_orientation(content.removeprefix(EXIF_HEAD))  # nobody turns a PNG by that
        return replace(metadata, exif=metadata.exif or exif)
    return metadata


def _unpacked(packed: bytes) -> bytes:
    """What zlib packed; nothing where it is broken or a bomb."""
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(packed, _LARGEST)
    except zlib.error:
        return b""
    return content if unpack.eof else b""


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return bytes(value) if isinstance(value, (bytes, bytearray)) else b""
