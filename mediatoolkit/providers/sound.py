"""Sound as vendors send it: bare samples, or a WAV, in pieces."""

import re
from collections.abc import Sequence

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance, Sound
from mediatoolkit.media.containers import riff, wav
from mediatoolkit.media.samples import to_int16

BARE = ("audio/l16", "audio/pcm")
"""How the mime types of samples without a head begin."""

_RATE = re.compile(r"rate=([1-9]\d{3,5})")
_CHANNELS = re.compile(r"channels=([12])\b")
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<svg")


class SoundDecoder:
    """Makes sound of the pieces of one response: bare samples by their mime type, or a WAV.

    Of a WAV only the first piece has the head, and the length in it is not believed. A bare piece
    may end within a sample; the rest of it comes with the next.

    Args:
        provider: The vendor, for errors.
        label: Its name in messages.
        sample_rate: Hertz of bare samples whose mime type does not say it.
        is_float: Bare samples are 32-bit floats from -1 to 1 instead of 16-bit integers; both are
            little-endian.
    """

    __slots__ = ("_head", "_rate", "_rest", "_width", "label", "provider")

    def __init__(
        self, provider: str, label: str, *, sample_rate: int = 24_000, is_float: bool = False
    ) -> None:
        """Start without any piece."""
        self.provider = provider
        self.label = label
        self._rate = sample_rate
        self._width = 4 if is_float else 2
        self._head = self._rest = b""

    def decode(self, data: bytes, mime_type: str = "audio/pcm") -> Sound:
        """The sound of one piece.

        Raises:
            MediaError: It is neither bare samples nor WAV.
        """
        mime = mime_type.lower()
        if wav.sniff(data):
            self._head = wav.head_of(data)
            if riff.is_cut(data, riff.read(data)):  # the rest comes with the next pieces
                data = self._head + data[len(self._head) :]
            return self._sound(data)
        if data[:9].lower().startswith(_MARKUP) or not (self._head or mime.startswith(BARE)):
            raise MediaError(
                f"{self.label} sent something as {mime[:60]!r} that is neither bare samples nor "
                "WAV.",
                provider=self.provider,
                may_have_been_billed=True,
            )
        if self._head:
            return self._sound(self._head + data)
        rate, channels = _RATE.search(mime), _CHANNELS.search(mime)
        count = int(channels[1]) if channels else 1
        data = self._rest + data
        whole = len(data) - len(data) % (self._width * count)
        self._rest = data[whole:]
        samples = data[:whole] if self._width == 2 else to_int16(data[:whole])
        return Sound(samples, int(rate[1]) if rate else self._rate, count)

    def _sound(self, data: bytes) -> Sound:
        try:
            return Audio(data).sound()
        except MediaError as error:
            error.provider, error.may_have_been_billed = self.provider, True
            raise


def joined(sounds: Sequence[Sound], provenance: Provenance | None = None) -> Audio:
    """All of *sounds*, one after the other."""
    first = sounds[0]
    return Audio.from_pcm(
        b"".join(sound.pcm for sound in sounds),
        sample_rate=first.sample_rate,
        channels=first.channels,
        provenance=provenance,
    )
