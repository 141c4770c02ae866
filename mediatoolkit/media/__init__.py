"""Finished bytes that know their type and origin and can show themselves."""

from mediatoolkit.media.audio import Audio
from mediatoolkit.media.base import Media
from mediatoolkit.media.captions import Caption, Captions
from mediatoolkit.media.entry import Entry, entries_in, entry_of
from mediatoolkit.media.formats import Facts, inspect
from mediatoolkit.media.image import Image, ImageLike
from mediatoolkit.media.joining import concatenate
from mediatoolkit.media.preview import Preview
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.sound.chunk import Sound
from mediatoolkit.media.video import Video

__all__ = [
    "Audio",
    "Caption",
    "Captions",
    "Entry",
    "Facts",
    "Image",
    "ImageLike",
    "Media",
    "Preview",
    "Provenance",
    "Sound",
    "Video",
    "concatenate",
    "entries_in",
    "entry_of",
    "inspect",
]
