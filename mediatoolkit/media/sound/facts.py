"""What the structure of a sound file says."""

from dataclasses import dataclass

Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What the structure says, without a sample decoded.

    Attributes:
        mime_type: `audio/wav`, `audio/mpeg`, `audio/ogg`, `audio/flac` or `audio/mp4`.
        sample_rate: Hertz.
        channels: From 1.
        frames: Samples of one channel.
        bits: How exact a sample is.
        length: Bytes the sound takes; what follows it is not part of it.
    """

    mime_type: str
    sample_rate: int
    channels: int
    frames: int
    bits: int
    length: int


TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
"""How the tags begin that programs put behind sound."""


def with_tags_behind(data: bytes, end: int) -> int:
    """Where the file ends whose sound ends at *end*: tags behind it are kept, rubbish is not."""
    return len(data) if data.startswith(TAGS, end) else end
