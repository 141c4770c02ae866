"""What bytes seem to be, by how they begin: the names for errors, and the way out.

It knows more than is taken here, so that a photograph of a phone or a page of HTML is called by
its name wherever a picture, sound or film is wanted. To add one, write a line into the table.
"""

import re
from dataclasses import dataclass

from mediatoolkit.media.containers.tags import after_id3

PICTURE, SOUND, FILM, OTHER = "picture", "sound", "film", ""

_WITH_PILLOW = "open it with Pillow, then mt.Image.of(…)"
_WITH_HEIF = "open it with Pillow and pillow-heif, then mt.Image.of(…)"
_AS_PNG = "save it as PNG"
_AS_WAV = "save it as WAV, MP3 or FLAC"
_AS_MP4 = "save it as MP4"
_HEAD = 1024  # bytes that are looked at


@dataclass(frozen=True, slots=True)
class Kind:
    """What bytes seem to be.

    Attributes:
        name: Such as `"HEIC"`, as it stands in a sentence.
        family: `"picture"`, `"sound"`, `"film"`, or `""` for what is no media.
        way_out: How to bring it here, such as `"save it as PNG"`; empty where that is not known.
    """

    name: str
    family: str = OTHER
    way_out: str = ""


_UNKNOWN, _EMPTY = Kind("unknown data"), Kind("empty")
_MP3 = Kind("MP3", SOUND)

_BRANDS = {
    b"heic": Kind("HEIC", PICTURE, _WITH_HEIF),
    b"heix": Kind("HEIC", PICTURE, _WITH_HEIF),
    b"heim": Kind("HEIC", PICTURE, _WITH_HEIF),
    b"heis": Kind("HEIC", PICTURE, _WITH_HEIF),
    b"hevc": Kind("HEIC", PICTURE, _WITH_HEIF),
    b"hevx": Kind("HEIC", PICTURE, _WITH_HEIF),
    b"mif1": Kind("HEIF", PICTURE, _WITH_HEIF),
    b"msf1": Kind("HEIF", PICTURE, _WITH_HEIF),
    b"avif": Kind("AVIF", PICTURE, _WITH_PILLOW),
    b"avis": Kind("AVIF", PICTURE, _WITH_PILLOW),
    b"crx ": Kind("Canon raw (CR3)", PICTURE, "develop it and save it as JPEG"),
    b"qt  ": Kind("QuickTime", FILM, _AS_MP4),
    b"M4A ": Kind("M4A (sound in MP4)", SOUND, "mt.Audio takes it"),
    b"M4B ": Kind("M4B (sound in MP4)", SOUND, "mt.Audio takes it"),
    b"F4A ": Kind("F4A (sound in MP4)", SOUND, "mt.Audio takes it"),
}
"""ISO base media files by their brand; any other is MP4."""

_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (rb"\x89PNG\r\n\x1a\n.{4}IHDR", Kind("PNG", PICTURE)),
    (rb"\xff\xd8\xff", Kind("JPEG", PICTURE)),
    (rb"RIFF.{4}WEBP", Kind("WebP", PICTURE)),
    (rb"GIF8[79]a", Kind("GIF", PICTURE, _WITH_PILLOW)),
    (rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", Kind("BMP", PICTURE, _WITH_PILLOW)),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", Kind("JPEG XL", PICTURE, _AS_PNG)),
    (
        rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
        Kind("JPEG 2000", PICTURE, _WITH_PILLOW),
    ),
    (rb"8BPS", Kind("PSD", PICTURE, _AS_PNG)),
    (rb"\0\0[\x01\x02]\0[^\0]\0", Kind("ICO", PICTURE, _WITH_PILLOW)),
    (rb"II[*+]\0|MM\0[*+]", Kind("TIFF", PICTURE, _WITH_PILLOW)),
    (rb"v/1\x01", Kind("OpenEXR", PICTURE, _AS_PNG)),
    (rb"#\?RADIANCE|#\?RGBE", Kind("Radiance HDR", PICTURE, _AS_PNG)),
    (rb"DDS ", Kind("DDS", PICTURE, _WITH_PILLOW)),
    (rb"qoif", Kind("QOI", PICTURE, _WITH_PILLOW)),
    (rb"P[1-7]\s", Kind("Netpbm", PICTURE, _WITH_PILLOW)),
    (rb"gimp xcf", Kind("XCF", PICTURE, _AS_PNG)),
    (rb"%PDF-", Kind("PDF", OTHER, "save its page as PNG")),
    (rb"%!PS|\xc5\xd0\xd3\xc6", Kind("PostScript", OTHER, _AS_PNG)),
    (rb"(RIFF|RF64|RIFX|BW64).{4}WAVE", Kind("WAV", SOUND)),
    (rb"RIFF.{4}AVI ", Kind("AVI", FILM, _AS_MP4)),
    (rb"FORM.{4}AIF[FC]", Kind("AIFF", SOUND, _AS_WAV)),
    (rb"riff\x2e\x91\xcf\x11", Kind("Wave64", SOUND, _AS_WAV)),
    (rb"OggS", Kind("Ogg", SOUND)),
    (rb"fLaC", Kind("FLAC", SOUND)),
    (rb"\xff[\xf0\xf1\xf8\xf9]", Kind("AAC", SOUND, _AS_WAV)),
    (rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", _MP3),
    (rb"\xff[\xf4\xf5\xfc\xfd]", Kind("MP2", SOUND, _AS_WAV)),
    (rb"#!AMR", Kind("AMR", SOUND, _AS_WAV)),
    (rb"caff\0", Kind("CAF", SOUND, _AS_WAV)),
    (rb"wvpk", Kind("WavPack", SOUND, _AS_WAV)),
    (rb"MAC ", Kind("Monkey's Audio", SOUND, _AS_WAV)),
    (rb"MThd", Kind("MIDI", SOUND, "render it to WAV")),
    (rb"\.snd", Kind("AU", SOUND, _AS_WAV)),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("Windows Media", FILM, "save it as MP4 or WAV")),
    (rb"FLV\x01", Kind("Flash video", FILM, _AS_MP4)),
    (rb"\0\0\x01[\xba\xb3]", Kind("MPEG", FILM, _AS_MP4)),
    (rb"\x47.{187}\x47.{187}\x47", Kind("MPEG transport stream", FILM, _AS_MP4)),
    (rb"....(moov|mdat|wide|free|skip)", Kind("QuickTime", FILM, _AS_MP4)),
    (rb"PK\x03\x04|PK\x05\x06", Kind("a ZIP archive", OTHER, "unpack it first")),
    (rb"\x1f\x8b", Kind("gzip data", OTHER, "unpack it first")),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|BZh\d|\xfd7zXZ\0", Kind("an archive", OTHER)),
    (rb"\x93NUMPY", Kind("a NumPy file", OTHER, "np.load it, and give the array")),
    (rb"version https://git-lfs", Kind("a Git LFS pointer", OTHER, "fetch the file itself")),
)

_TABLE = [(re.compile(start, re.DOTALL), kind) for start, kind in _STARTS]


def kind_of(data: bytes) -> Kind:
    """Return what *data* seem to be; the first kilobyte says it, or that behind ID3 tags."""
    if not data.startswith(b"ID3"):
        return _kind_of_head(data[:_HEAD])
    behind = after_id3(data)
    kind = _kind_of_head(data[behind : behind + _HEAD])
    return _MP3 if kind in (_UNKNOWN, _EMPTY) else kind


def name_of(data: bytes) -> str:
    """Return what *data* seem to be, in a word for an error."""
    return kind_of(data).name


def not_taken(data: bytes, noun: str, formats: str) -> str:
    """The message for bytes that are not the media that is wanted.

    Args:
        data: The bytes, or the first kilobyte of them.
        noun: What is wanted: `"picture"`, `"sound"` or `"film"`.
        formats: Those that are taken, such as `"PNG, JPEG or WebP"`.
    """
    kind = kind_of(data)
    family = f", a {kind.family}" if kind.family not in (OTHER, noun) else ""
    message = f"This is {kind.name}{family}, not a {noun} we take: use {formats}"
    return f"{message}; {kind.way_out}." if kind.way_out else f"{message}."


def _kind_of_head(head: bytes) -> Kind:
    if not head:
        return _EMPTY
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        webm = b"webm" in head[:64]
        return Kind("WebM", FILM) if webm else Kind("Matroska", FILM, "save it as MP4 or WebM")
    return next((kind for start, kind in _TABLE if start.match(head)), None) or _of_text(head)


def _of_brands(head: bytes) -> Kind:
    """Judge by the major brand, then by the compatible ones."""
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    for brand in brands if brands[0] in (b"mif1", b"msf1") else brands[:1]:
        if brand in _BRANDS and brand not in (b"mif1", b"msf1"):
            return _BRANDS[brand]
    return _BRANDS.get(brands[0], Kind("MP4", FILM))


def _of_text(head: bytes) -> Kind:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[2:].replace(b"\0", b"").lstrip().lower()
    if text.startswith(b"<") and b"<svg" in text:
        return Kind("SVG", PICTURE, _AS_PNG)
    if text.startswith(b"<"):
        return Kind("HTML or XML")
    if re.match(rb'[{\[]\s*(["\[{\]}\d-]|true|false|null)', text):
        return Kind("JSON")
    if text.startswith(b"data:"):
        return Kind("a data: address", OTHER, "decode what follows its comma with base64")
    if text.startswith((b"http://", b"https://")):
        return Kind("an address", OTHER, "fetch it with mt.download")
    return _UNKNOWN
