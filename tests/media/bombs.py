"""Small files of much sound, made by a few lines each."""

import struct

from mediatoolkit.media.containers import flac, ogg, wav

FRAME = 65_535  # samples of one channel in a FLAC frame


def flac_of_silence(frames: int, channels: int = 8) -> bytes:
    """Some 34 bytes for each one and a half seconds of eight channels."""
    packed = 44_100 << 44 | channels - 1 << 41 | 15 << 36 | frames * FRAME
    info = struct.pack(">HH6x", FRAME, FRAME) + packed.to_bytes(8) + bytes(16)
    return b"fLaC\x80\0\0\x22" + info + b"".join(_frame(n, channels) for n in range(frames))


def _frame(number: int, channels: int) -> bytes:
    written = bytes(chr(number), "utf-8")
    head = bytes([0xFF, 0xF8, 0x79, channels - 1 << 4 | 8]) + written + (FRAME - 1).to_bytes(2)
    head += bytes([flac._checksum(head, 0x07, 8)])
    body = head + bytes(3 * channels)
    return body + flac._checksum(body, 0x8005, 16).to_bytes(2)


def opus_of_silence(packets: int, channels: int = 2) -> bytes:
    """Three bytes for each 120 ms."""
    head = b"OpusHead\1" + struct.pack("<BHIhB", channels, 312, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + bytes(4)
    pages = [_page(0, 2, 0, [head]), _page(1, 0, 0, [tags])]
    packet = bytes([31 << 3 | (channels == 2) << 2 | 3, 6])
    for start in range(0, packets, 255):
        count = min(255, packets - start)
        last = 4 if start + count == packets else 0
        pages.append(_page(len(pages), last, (start + count) * 5_760, [packet] * count))
    return b"".join(pages)


def _page(number: int, flags: int, position: int, packets: list[bytes]) -> bytes:
    lacing = bytes(map(len, packets))
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, number, 0, len(packets))
    return ogg._signed(head + lacing + b"".join(packets))


def mp3_of_silence(minutes: int) -> bytes:
    """60 kB for a minute."""
    frame = b"\xff\xf3\x14\xc0".ljust(24, b"\0")
    return frame * (minutes * 60 * 24_000 // 576)


def wav_of_silence(megabytes: int, channels: int = 1) -> bytes:
    """One byte for a sample."""
    pcm = bytes(megabytes << 20)
    return wav.wrapped(pcm, sample_rate=8_000, channels=channels, bits=8)


def wav_of_many_channels() -> bytes:
    """A tenth of a millisecond of what no ear has."""
    return wav.wrapped(bytes(64 * 100), sample_rate=999_999, channels=64, bits=8)
