"""Thumbnails: a small picture of any media; all of this blocks."""

import contextlib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Audio, Entry, Image, Media, Video, pixels

SIDE = 256
"""Pixels of the longer side, in a gallery."""

SMALL = 192
"""Pixels of the longer side, beside others in a cell."""

LARGEST = 64 << 20
"""Bytes of a file that is read to make a thumbnail."""

_QUALITY = 80  # some 7 kB for a picture of 192 pixels
_WAVE = (256, 120)

_small: WeakKeyDictionary[Media, bytes | None] = WeakKeyDictionary()


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
    """The thumbnail of *entry*; about 30 ms a megapixel, and never fails.

    A file of more than `LARGEST` bytes is not read for it.
    """
    if entry.media is None and entry.size > LARGEST:
        return Thumb(b"", "", f"{entry.size / 1e6:,.0f} MB; open it to see it")
    try:
        return _thumb(entry.open())
    except MediaToolkitError as error:
        return Thumb(b"", "", str(error))


def small(result: object) -> bytes | None:
    """A JPEG of at most `SMALL` pixels, made once and kept as long as *result*.

    None for sound, and for what cannot be decoded.
    """
    if not isinstance(result, (Image, Video)):
        return None
    if result not in _small:
        _small[result] = None  # what cannot be decoded is not tried at every look
        with contextlib.suppress(MediaToolkitError):
            _small[result] = reduced(result.preview().data, SMALL)
    return _small[result]


def jpeg_of(result: object, side: int) -> bytes | None:
    """As `small`, but at most *side* pixels, and kept only where that is `SMALL`."""
    if side < SMALL:
        jpeg = small(result)
        return jpeg and reduced(jpeg, side)
    if side == SMALL or not isinstance(result, (Image, Video)):
        return small(result)
    with contextlib.suppress(MediaToolkitError):
        return reduced(result.preview().data, side)
    return None


def _thumb(media: Media) -> Thumb:
    match media:
        case Image():
            jpeg, note = reduced(media.data, SIDE), f"{media.width}×{media.height}"
        case Audio():
            width, height = _WAVE
            wave = media.waveform(width=width, height=height)
            return Thumb(wave.data, wave.mime_type, f"{media.seconds:.1f} s")
        case Video():
            jpeg, note = reduced(media.poster().data, SIDE), f"{media.seconds:.1f} s"
        case _:
            return Thumb(b"", "", media.noun)
    return Thumb(jpeg, "image/jpeg", note)


def reduced(data: bytes, side: int) -> bytes:
    """A JPEG of the picture *data* that is no longer than *side* pixels.

    Raises:
        MediaError: It cannot be decoded.
    """
    picture = pixels.shown(pixels.decode(data, within=side))
    return pixels.encode(picture, "image/jpeg", quality=_QUALITY, optimize=True)
