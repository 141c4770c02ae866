"""One small whole file of each container, and the parts that foreign ones are built from."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import av
import numpy as np
from PIL import Image as PillowImage

from mediatoolkit.media import Audio
from tests.media.clips import clip


@cache
def _picture(kind: str) -> bytes:
    file = io.BytesIO()
    grey = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    PillowImage.fromarray(grey).save(file, kind)
    return file.getvalue()


@cache
def sound(kind: str, codec: str, seconds: float = 0.2, rate: int = 48_000) -> bytes:
    """Silence of two channels."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="stereo")
        step = stream.codec_context.frame_size or 4_608
        for at in range(0, int(seconds * rate), step):
            form = stream.codec_context.format.name
            frame = av.AudioFrame(form, "stereo", step)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts = rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


SAMPLES: dict[str, bytes] = {
    "a.png": _picture("PNG"),
    "a.jpg": _picture("JPEG"),
    "a.webp": _picture("WEBP"),
    "a.wav": Audio.from_samples(np.zeros((2_000, 2)), 8_000).data,
    "a.mp3": sound("mp3", "libmp3lame"),
    "a.flac": sound("flac", "flac"),
    "a.ogg": sound("ogg", "libopus"),
    "a.mp4": clip(frames=3),
    "a.webm": clip("webm", frames=3),
}


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def png(width: int, height: int, *chunks: bytes, after: bytes = b"") -> bytes:
    """A black picture, with *chunks* before its pixels."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    packer, row = zlib.compressobj(9), bytes(width + 1)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    body = b"".join(chunks) + png_chunk(b"IDAT", pixels) + after
    return b"\x89PNG\r\n\x1a\n" + head + body + png_chunk(b"IEND", b"")


def jpeg_segment(code: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, code]) + struct.pack(">H", len(content) + 2) + content


def riff(form: bytes, chunks: bytes, wrong: int = 0) -> bytes:
    """A RIFF file whose length is *wrong* by so much."""
    return b"RIFF" + struct.pack("<I", (len(chunks) + 4 + wrong) % 2**32) + form + chunks


def riff_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a WAV or a WebP."""
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an MP4."""
    return struct.pack(">I4s", len(content) + 8, kind) + content


def element(name: int, content: bytes) -> bytes:
    """An element of a WebM."""
    size = (len(content) | 1 << 56).to_bytes(8, "big")
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + size + content


def id3(version: int, flags: int, frames: bytes) -> bytes:
    """A tag before an MP3."""
    size = bytes(len(frames) >> bits & 127 for bits in (21, 14, 7, 0))
    return b"ID3" + bytes([version, 0, flags]) + size + frames


def flac_block(kind: int, content: bytes, *, last: bool = False) -> bytes:
    """A block of metadata."""
    return bytes([kind | 0x80 * last]) + len(content).to_bytes(3, "big") + content


def webm(inside: bytes) -> bytes:
    """A film with *inside* before all else in its segment."""
    data = SAMPLES["a.webm"]
    start = data.index(bytes.fromhex("18538067"))
    return data[:start] + element(0x18538067, inside + data[start + 12 :])
