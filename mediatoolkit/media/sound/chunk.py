"""Sound on its way: a piece of speech that is still being made."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of sound, bare samples that can be played at once.

    Attributes:
        pcm: Signed 16 bits a sample, little-endian, channels side by side.
        sample_rate: Hertz.
        channels: From 1.
        text: The words in it, where that is known.
    """

    pcm: bytes = field(repr=False)
    sample_rate: int
    channels: int = 1
    text: str | None = None

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / (2 * self.channels * self.sample_rate)
