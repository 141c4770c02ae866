"""What sound the bytes are, read from their structure without decoding a sample."""

import struct
from types import ModuleType

from mediatoolkit.errors import MediaError
from mediatoolkit.media import boxes
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
    if boxes.is_mp4(data):
        return m4a
    name = _name_of(data[id3.after_tags(data) :][:1024])
    if name is None and mpeg.is_mp3(data):
        return mpeg
    name = name or ("unknown data" if data else "empty")
    raise MediaError(
        f"This is {name}, not a sound we take: use WAV, MP3, Ogg, FLAC or M4A; ffmpeg and Audacity "
        "convert others."
    )


_NAMES = (
    (b"FORM", "AIFF"),
    (b"\xff\xf1", "AAC without a container"),
    (b"\xff\xf9", "AAC without a container"),
    (b"\x0b\x77", "AC-3"),
    (b"caff", "CAF"),
    (b"#!AMR", "AMR"),
    (b"\x30\x26\xb2\x75", "WMA"),
    (b"MThd", "MIDI"),
    (b".snd", "AU"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF"),
    (b"{", "JSON or text"),
)


def _name_of(data: bytes) -> str | None:
    """What bytes that are none of our formats seem to be, or None."""
    if data[:512].lstrip().startswith(b"<"):
        return "HTML or XML"
    if mpeg.is_mp2(data):
        return "MP2 (MPEG layer II)"
    return next((name for mark, name in _NAMES if data.startswith(mark)), None)
