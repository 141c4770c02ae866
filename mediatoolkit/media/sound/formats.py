"""What sound the bytes are, read from their structure without decoding a sample."""

import struct
from types import ModuleType

from mediatoolkit.errors import MediaError
from mediatoolkit.media import boxes
from mediatoolkit.media.signatures import PICTURE, kind_of, not_taken
from mediatoolkit.media.sound import flac, id3, m4a, mpeg, ogg, wav
from mediatoolkit.media.sound.facts import Piece, SoundFacts

RATES = range(1, 1_000_000)
EXTENSIONS = {
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/mp4": ".m4a",
}
_PERHAPS_MP3 = ("MP3", "unknown data", "empty")  # or nothing behind its tags
_MODULES: dict[str, ModuleType] = {
    "audio/wav": wav,
    "audio/mpeg": mpeg,
    "audio/ogg": ogg,
    "audio/flac": flac,
    "audio/mp4": m4a,
}


def inspect(data: bytes) -> SoundFacts:
    """Check the structure of a sound file; above a megabyte, better in a thread.

    Raises:
        MediaError: Not WAV, MP3, Ogg, FLAC or M4A, cut short, corrupt, or without a sample.
    """
    module = _module_for(data)
    try:
        facts: SoundFacts | None = module.inspect(data)
    except (IndexError, struct.error):
        facts = None
    if facts is None:
        raise MediaError("The sound is cut short or corrupt; fetch or save it again.")
    if facts.frames <= 0:
        raise MediaError("The sound file holds no sound.")
    if facts.sample_rate not in RATES:
        raise MediaError(
            f"The sound has {facts.sample_rate:,} samples a second; {RATES[-1]:,} are the most."
        )
    return facts


def written_into(data: bytes, facts: SoundFacts, record: bytes) -> list[Piece]:
    """The file with *record* in it, the sound untouched."""
    pieces: list[Piece] = _MODULES[facts.mime_type].written_into(data, record)
    return pieces


def record_in(data: bytes, facts: SoundFacts) -> bytes | None:
    """What `written_into` wrote, or None."""
    try:
        record: bytes | None = _MODULES[facts.mime_type].record_in(data)
    except (IndexError, struct.error):  # the sound is whole, its comments are not
        return None
    return record


def record_in_head(head: bytes) -> bytes | None:
    """The same from the first bytes of a file; None when they do not reach as far.

    Raises:
        MediaError: No sound that we take.
    """
    try:
        record: bytes | None = _module_for(head).record_in(head)
    except (IndexError, struct.error):
        return None
    return record


def _module_for(data: bytes) -> ModuleType:
    if wav.is_wav(data):
        return wav
    if ogg.is_ogg(data):
        return ogg
    if flac.is_flac(data):
        return flac
    behind = data[id3.after_tags(data) :][:1024]
    kind = kind_of(behind)
    if boxes.is_mp4(data) and kind.family != PICTURE and kind.name != "QuickTime":
        return m4a
    if kind.name in _PERHAPS_MP3 and mpeg.is_mp3(data):
        return mpeg
    raise MediaError(not_taken(behind, "sound", "WAV, MP3, Ogg, FLAC or M4A"))
