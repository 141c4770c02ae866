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
