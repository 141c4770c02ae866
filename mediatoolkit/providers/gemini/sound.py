"""Sound as Gemini sends it: bare samples, or a WAV, in pieces."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mediatoolkit.errors import MediaError
from mediatoolkit.media import Audio, Provenance, Sound
from mediatoolkit.media.containers import riff, wav

BARE = ("audio/l16", "audio/pcm")
"""How the mime types of samples without a head begin."""

_RATE = re.compile(r"rate=([1-9]\d{3,5})")
_CHANNELS = re.compile(r"channels=([12])\b")
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<svg")


class SoundDecoder:
    """Makes sound of the pieces of one response: bare samples by their mime type, or a WAV.

    Of a WAV only the first piece has the head. A bare piece may end within a sample; the rest of
    it comes with the next.
    """

    __slots__ = ("_head", "_rest")

    def __init__(self) -> None:
        """Start without any piece."""
        self._head = self._rest = b""

    def decode(self, inline: Mapping[str, Any]) -> Sound:
        """The sound of one `inlineData`.

        Raises:
            MediaError: It is neither bare samples nor WAV.
        """
        data, mime = bytes(inline["data"]), str(inline.get("mimeType", "")).lower()
        if wav.sniff(data):
            self._head = wav.head_of(data)
            if riff.is_cut(data, riff.read(data)):  # the rest comes with the next pieces
                data = self._head + data[len(self._head) :]
            return _sound(data)
        if data[:9].lower().startswith(_MARKUP) or not (self._head or mime.startswith(BARE)):
            raise MediaError(
                f"Gemini sent something as {mime[:60]!r} that is neither bare samples nor WAV.",
                provider="gemini",
                may_have_been_billed=True,
            )
        if self._head:
            return _sound(self._head + data)
        rate, channels = _RATE.search(mime), _CHANNELS.search(mime)
        count = int(channels[1]) if channels else 1
        data = self._rest + data
        whole = len(data) - len(data) % (2 * count)
        self._rest = data[whole:]
        return Sound(data[:whole], int(rate[1]) if rate else 24_000, count)


def _sound(data: bytes) -> Sound:
    try:
        return Audio(data).sound()
    except MediaError as error:
        error.provider, error.may_have_been_billed = "gemini", True
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
