"""Sound as vendors send it: bare samples, or a WAV, in pieces."""

import contextlib
import re
from collections.abc import Iterator, Sequence

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance, Sound
from mediatoolkit.media.containers import riff, wav
from mediatoolkit.media.samples import to_int16

BARE = ("audio/l16", "audio/pcm")
"""How the mime types of samples without a head begin."""

_RATE = re.compile(r"rate=([1-9]\d{3,5})")
_CHANNELS = re.compile(r"channels=([12])\b")
_WAVE = b"RIFF"
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<svg")


class SoundDecoder:
    """Makes sound of the pieces of one response: bare samples by their mime type, or a WAV.

    Of a WAV only the first piece has the head, or its beginning, and the length in it is not
    believed. A piece may end within a sample; the rest of it comes with the next.

    Args:
        provider: The vendor, for errors.
        label: Its name in messages.
        sample_rate: Hertz of bare samples whose mime type does not say it.
        is_float: Bare samples are 32-bit floats from -1 to 1 instead of 16-bit integers; both are
            little-endian.
    """

    __slots__ = ("_block", "_head", "_rate", "_rest", "_width", "label", "provider")

    def __init__(
        self, provider: str, label: str, *, sample_rate: int = 24_000, is_float: bool = False
    ) -> None:
        """Start without any piece."""
        self.provider = provider
        self.label = label
        self._rate = sample_rate
        self._width = 4 if is_float else 2
        self._head = self._rest = b""
        self._block = 1  # bytes of a frame of the WAV

    def decode(self, data: bytes, mime_type: str = "audio/pcm") -> Sound:
        """The sound of one piece; none as long as it takes more of them for the first sample.

        Raises:
            MediaError: It is neither bare samples nor WAV.
        """
        mime = mime_type.lower()
        is_bare = mime.startswith(BARE)
        data, self._rest = self._rest + data, b""
        if wav.sniff(data):
            return self._begin(data)
        if self._head:
            return self._go_on(data)
        if data[:9].lower().startswith(_MARKUP) or not (is_bare or _WAVE.startswith(data[:4])):
            raise MediaError(
                f"{self.label} sent something as {mime[:60]!r} that is neither bare samples nor "
                "WAV.",
                provider=self.provider,
                may_have_been_billed=True,
            )
        if not is_bare:  # too short for a head
            self._rest = data
            return Sound(b"", self._rate)
        rate, channels = _RATE.search(mime), _CHANNELS.search(mime)
        count = int(channels[1]) if channels else 1
        whole = self._whole(data, self._width * count)
        samples = whole if self._width == 2 else to_int16(whole)
        return Sound(samples, int(rate[1]) if rate else self._rate, count)

    def _begin(self, data: bytes) -> Sound:
        """The sound of a piece that begins as a WAV does."""
        head, form = wav.head_of(data), riff.read(data)
        if not head:
            self._rest = data
            return Sound(b"", self._rate)
        self._head, self._block = head, riff.frame_size(data, form)
        place = form.first(riff.DATA)
        is_exact = form.claimed and 0 <= len(data) - form.claimed <= 1  # and no sound behind it
        if is_exact and place and place.start < place.stop and not riff.is_cut(data, form):
            return self._sound(data)
        return self._go_on(data[len(head) :])

    def _go_on(self, data: bytes) -> Sound:
        """The sound of a piece that follows the head."""
        whole = self._whole(data, self._block)
        return self._sound(self._head + whole) if whole else Sound(b"", self._rate)

    def _whole(self, data: bytes, block: int) -> bytes:
        """The whole frames of *data*; the rest is kept."""
        size = len(data) - len(data) % block
        self._rest = data[size:]
        return data[:size]

    def _sound(self, data: bytes) -> Sound:
        with billed(self.provider):
            return Audio(data).sound()


@contextlib.contextmanager
def billed(provider: str) -> Iterator[None]:
    """Say of a sound that cannot be read in the block that *provider* may have billed it."""
    try:
        yield
    except MediaError as error:
        error.provider, error.may_have_been_billed = provider, True
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
