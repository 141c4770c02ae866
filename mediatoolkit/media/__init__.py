"""Finished bytes that know their type and provenance and can show themselves."""

from mediatoolkit.media.audio import Audio, concatenate
from mediatoolkit.media.base import Media, file_name
from mediatoolkit.media.captions import Caption, Captions
from mediatoolkit.media.containers import inspect
from mediatoolkit.media.containers.base import Facts
from mediatoolkit.media.image import Image, ImageLike
from mediatoolkit.media.index import Entry, entries_in, entry_of
from mediatoolkit.media.lazy import is_in_memory, is_lazy, lazy_media
from mediatoolkit.media.media_list import MediaList
from mediatoolkit.media.preview import Preview
from mediatoolkit.media.provenance import Provenance
from mediatoolkit.media.samples import Sound
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
    "MediaList",
    "Preview",
    "Provenance",
    "Sound",
    "Video",
    "concatenate",
    "entries_in",
    "entry_of",
    "file_name",
    "inspect",
    "is_in_memory",
    "is_lazy",
    "lazy_media",
]
