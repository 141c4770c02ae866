"""Thumbnails: a small picture of any media, made in a thread."""

from dataclasses import dataclass

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Entry, Image, Media, Video, pixels

SIDE = 256
"""Pixels of the longer side."""

_WAVE = (256, 120)


@dataclass(frozen=True, slots=True)
class Thumb:
    """A small picture.

    Attributes:
        data: JPEG, or PNG where the page shows through; empty when there is none.
        mime_type: Of `data`.
        note: What the media measures, or why there is no picture.
    """

    data: bytes
    mime_type: str
    note: str


def thumb_of(entry: Entry) -> Thumb:
    """The thumbnail of *entry*; blocks, about 30 ms a megapixel, and never fails."""
    try:
        return _thumb(entry.open())
    except MediaToolkitError as error:
        return Thumb(b"", "", str(error))


def _thumb(media: Media) -> Thumb:
    match media:
        case Image():
            small = pixels.decode(media.data, within=SIDE)
            note = f"{media.width}×{media.height}"
        case Audio():
            width, height = _WAVE
            wave = media.waveform(width=width, height=height)
            return Thumb(wave.data, wave.mime_type, f"{media.seconds:.1f} s")
        case Video():
            small = pixels.decode(media.poster().data, within=SIDE)
            note = f"{media.seconds:.1f} s"
        case _:
            return Thumb(b"", "", media.noun)
    return Thumb(pixels.encode(small, "image/jpeg", quality=78), "image/jpeg", note)
