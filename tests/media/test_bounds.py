"""Whatever a file is made of, looking at it takes little, and ends in a `MediaError` at worst."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media.bounded import Looker
from tests.media.samples import (
    SAMPLES,
    box,
    element,
    flac_block,
    id3,
    jpeg_segment,
    png,
    png_chunk,
    riff,
    riff_chunk,
    sound,
    webm,
)

_DEEP = 10_000


def _nested(make: Callable[[bytes], bytes], depth: int) -> bytes:
    inside = b""
    for _ in range(depth):
        inside = make(inside)
    return inside


def _record(**parts: str) -> bytes:
    """A record of ours, written by a stranger."""
    known = {"model": '"a/b"', "prompt": '"a fox"', "engine": '"a"', **parts}
    entries = ", ".join(f'"{name}": {value}' for name, value in known.items())
    return f"{{{entries}}}".encode()


_OURS = bytes.fromhex("8f6ff4b49d1f4f6ab1a0c1f0d3a6e27c")
_ITXT = b"mediatoolkit\0\0\0\0\0"
_LONG = _record(prompt='"' + "x" * 35_000_000 + '"')
_NESTED = _record(options='{"a": ' + "[" * 600 + "]" * 600 + "}")
_LINES = _record(notes='{"captions": [' + '[0,1,"x"],' * 1_000_000 + "[0,1,2]]}")
_MP3 = SAMPLES["a.mp3"]
_FLAC_HEAD = SAMPLES["a.flac"][8:42]

BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "many kinds of boxes": (
        "a.mp4",
        lambda: (
            SAMPLES["a.mp4"]
            + b"".join(struct.pack(">II", 8, 0x20000000 + number) for number in range(1_000_000))
        ),
    ),
    "many free boxes": ("a.mp4", lambda: SAMPLES["a.mp4"] + box(b"free", b"") * 5_000_000),
    "boxes in boxes": (
        "a.mp4",
        lambda: SAMPLES["a.mp4"] + _nested(lambda b: box(b"moov", b), _DEEP),
    ),
    "many tracks": (
        "a.mp4",
        lambda: SAMPLES["a.mp4"][:32] + box(b"moov", box(b"trak", b"") * 4_000_000),
    ),
    "fragments in fragments of a large film": (
        "a.mp4",
        lambda: SAMPLES["a.mp4"] + _nested(lambda b: box(b"moof", b), 300) * 200,
    ),
    "many runs": (
        "a.mp4",
        lambda: SAMPLES["a.mp4"] + box(b"moof", box(b"traf", box(b"tfhd", bytes(8))) * 100_000),
    ),
    "long record in a film": ("a.mp4", lambda: SAMPLES["a.mp4"] + box(b"uuid", _OURS + _LONG)),
    "deep record in a film": ("a.mp4", lambda: SAMPLES["a.mp4"] + box(b"uuid", _OURS + _NESTED)),
    "many empty elements": ("a.webm", lambda: webm(b"\xec\x80" * 4_000_000)),
    "many kinds of elements": (
        "a.webm",
        lambda: webm(
            b"".join(struct.pack(">IB", 0x10000000 + number, 0x80) for number in range(1_000_000))
        ),
    ),
    "elements in elements": (
        "a.webm",
        lambda: webm(_nested(lambda e: element(0x1254C367, e), 900)),
    ),
    "many chunks": ("a.png", lambda: png(8, 8, png_chunk(b"tEXt", b"") * 3_000_000)),
    "a large picture": ("a.png", lambda: png(7_000, 7_000)),
    "a wide picture": ("a.png", lambda: png(50_000_000, 1)),
    "texts that unpack": (
        "a.png",
        lambda: png(8, 8, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000))) * 9),
    ),
    "long record in a picture": ("a.png", lambda: png(8, 8, png_chunk(b"iTXt", _ITXT + _LONG))),
    "deep record in a picture": ("a.png", lambda: png(8, 8, png_chunk(b"iTXt", _ITXT + _NESTED))),
    "many captions": ("a.png", lambda: png(8, 8, png_chunk(b"iTXt", _ITXT + _LINES))),
    "bytes that fill up": (
        "a.jpg",
        lambda: SAMPLES["a.jpg"][:2] + b"\xff" * 40_000_000 + SAMPLES["a.jpg"][2:],
    ),
    "many segments": (
        "a.jpg",
        lambda: SAMPLES["a.jpg"][:2] + jpeg_segment(0xFE, b"") * 5_000_000 + SAMPLES["a.jpg"][2:],
    ),
    "many chunks of a webp": (
        "a.webp",
        lambda: riff(b"WEBP", SAMPLES["a.webp"][12:] + riff_chunk(b"EXIF", b"") * 3_000_000),
    ),
    "many chunks of a wav": (
        "a.wav",
        lambda: riff(b"WAVE", SAMPLES["a.wav"][12:] + riff_chunk(b"LIST", b"") * 3_000_000),
    ),
    "an hour of silence": (
        "a.wav",
        lambda: riff(
            b"WAVE",
            riff_chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16))
            + riff_chunk(b"data", bytes(60_000_000)),
        ),
    ),
    "many frames of a tag": ("a.mp3", lambda: id3(3, 0, b"TIT2\0\0\0\1\0\0\0" * 3_000_000) + _MP3),
    "forty minutes in an mp3": ("a.mp3", lambda: _MP3 + _MP3[-384:] * 100_000),
    "minutes in little": ("a.flac", lambda: sound("flac", "flac", 450)),
    "heads without frames": (
        "a.flac",
        lambda: (
            b"fLaC"
            + flac_block(0, _FLAC_HEAD, last=True)
            + bytes.fromhex("fff8690801005a") * 140_000
        ),
    ),
    "many blocks": (
        "a.flac",
        lambda: SAMPLES["a.flac"][:42] + flac_block(1, b"") * 5_000_000 + SAMPLES["a.flac"][42:],
    ),
    "minutes of opus": ("a.ogg", lambda: sound("ogg", "libopus", 300)),
}


@pytest.fixture(scope="module")
def looker() -> Iterator[Looker]:
    """Looks at files; started once, as what it loads takes a while."""
    with Looker() as process:
        yield process


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_made_to_take_much_takes_little(looker: Looker, bomb: str) -> None:
    name, make = BOMBS[bomb]
    assert looker.faults(name, make()) == []


def _tag(kind: bytes, content: bytes) -> bytes:
    version = 2 + len(content) % 3
    return id3(version, len(content) & 0xF0, kind + struct.pack(">I2x", len(content)) + content)


_PARTS: dict[str, tuple[tuple[Any, ...], Callable[[Any, bytes], bytes]]] = {
    "a.png": ((b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"tRNS", b"IDAT", b"acTL"), png_chunk),
    "a.jpg": ((0xE0, 0xE1, 0xE2, 0xED, 0xFE, 0xDB, 0xC4, 0xC0, 0xDA, 0xDD), jpeg_segment),
    "a.webp": ((b"VP8X", b"EXIF", b"XMP ", b"ICCP", b"ANMF", b"VP8 "), riff_chunk),
    "a.wav": ((b"fmt ", b"LIST", b"data", b"id3 ", b"fact", b"bext"), riff_chunk),
    "a.mp3": (
        (b"TXXX", b"APIC", b"COMM", b"TIT2", b"\0\0\0\0"),
        _tag,
    ),
    "a.flac": (tuple(range(8)), flac_block),
    "a.ogg": (tuple(range(8)), lambda kind, content: b"OggS\0" + bytes([kind]) + content),
    "a.mp4": ((b"moov", b"moof", b"trak", b"mvex", b"uuid", b"free", b"mdat", b"meta"), box),
    "a.webm": ((0xEC, 0x1254C367, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0xA3, 0x4487), element),
}
"""Kinds of parts that a container has, and what makes one of a kind and its content."""


_PLACES = {"a.png": 33, "a.jpg": 2, "a.webp": 12, "a.wav": 12, "a.mp3": 0, "a.flac": 42}
"""Where more parts may stand in a sample; in others behind it."""


@st.composite
def files(draw: st.DrawFn, name: str) -> bytes:
    """A sample with parts of any kind, size, number and depth in it, some bytes changed, cut."""
    data, (kinds, make) = SAMPLES[name], _PARTS[name]
    part = draw(st.binary(max_size=40))
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=4)) * draw(
        st.sampled_from([1, 300])
    ):
        part = make(kind, part)
    part *= draw(st.sampled_from([0, 1, 1, 3, 1_000]))
    place = draw(st.sampled_from([_PLACES.get(name, len(data)), len(data)]))
    data = data[:place] + part + data[place:]
    if name in {"a.webp", "a.wav"}:
        data = riff(data[8:12], data[12:], draw(st.sampled_from([0, 0, 1, -3, 2**31])))
    changed = bytearray(data)
    for at, byte in draw(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 255)), max_size=9)):
        changed[at % len(changed)] = byte
    return bytes(changed[: int(len(changed) * draw(st.sampled_from([1.0, 1.0, 0.97, 0.5])))])


@pytest.mark.parametrize("name", SAMPLES)
@given(data=st.data())
@settings(max_examples=20)
def test_a_file_of_any_parts_ends_in_a_media_error_at_worst(
    looker: Looker, name: str, data: st.DataObject
) -> None:
    assert looker.faults(name, data.draw(files(name))) == []
