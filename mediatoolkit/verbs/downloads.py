"""Files from the web, whole or not at all."""

import functools
import os
from pathlib import Path

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Audio, Image, Media, Video, entry_of
from mediatoolkit.media.containers.signatures import name_of
from mediatoolkit.runtime.context import Timeout, context_for
from mediatoolkit.runtime.files import read_file
from mediatoolkit.transport import Transport
from mediatoolkit.transport.guard import Origin

_CHECKED_WHOLE = 64 << 20  # bytes; of a larger download only the structure is checked

_MEDIA_ENDINGS: dict[type[Media], tuple[str, ...]] = {
    Image: (".png", ".jpg .jpeg .jpe .jfif", ".webp"),
    Audio: (".wav .wave", ".mp3", ".ogg .oga .opus", ".flac", ".m4a .m4b"),
    Video: (".mp4 .m4v", ".webm"),
}
"""Endings by the media that they promise; we write the first ending of each group."""

_OTHER_ENDINGS = {
    ".gif": "GIF",
    ".bmp": "BMP",
    ".tif .tiff": "TIFF",
    ".heic .heif": "HEIC, HEIF",
    ".avif": "AVIF, HEIF",
    ".jxl": "JPEG XL",
    ".svg": "SVG",
    ".pdf": "PDF",
    ".aac": "AAC, MP3",  # MP3 for a tag before the sound
    ".aif .aiff": "AIFF",
    ".wma .wmv": "Windows Media",
    ".mov": "QuickTime, MP4",
    ".3gp": "MP4",
    ".mkv": "Matroska, WebM",
    ".avi": "AVI",
    ".mpg .mpeg": "MPEG",
}
"""Other endings, with what the first bytes of such a file may tell."""


async def download(
    url: str,
    path: str | os.PathLike[str],
    *,
    check: bool = True,
    timeout: float | Timeout | None = None,
) -> Path:
    """Download a file, whole or not at all.

    Args:
        url: http(s). Its own host may be private; an address that it redirects to may not.
        path: File to make or replace, in a folder that exists.
        check: Whether the file must be what the ending of *path* says, such as a film for
            `.mp4`. Endings that name no media are never checked.
        timeout: Seconds for everything together; left out, 180.

    Returns:
        *path*.

    Raises:
        MediaError: Something else came, such as a page that asks to log in; nothing is left
            behind.
        UnsafeURLError: *url*, or what it redirects to, is not fetched.
        StorageError: The file could not be written; nothing is left behind.
        TransportError: It did not arrive whole in time.
    """
    if not isinstance(check, bool):
        raise PromptError(f"check takes True or False, not {quoted(check)}.")
    origin = Origin.of(url)
    async with (
        Transport(str(origin), provider=origin.host) as transport,
        context_for(timeout, Timeout()) as context,
    ):
        check_file = functools.partial(_check, path) if check else None
        return await transport.download(url, path, context, check=check_file)


def _check(target: str | os.PathLike[str], part: Path) -> None:
    """Check that the file at *part* is what the name of *target* promises; blocks.

    Raises:
        MediaError: It is something else.
    """
    ending = Path(target).suffix.lower()
    reason = _mismatch(part, ending) if ending else None
    if reason is not None:
        raise MediaError(
            f"What came for {quoted(Path(target).name)} was not kept. {reason} Check the address, "
            "or keep whatever comes with check=False."
        )


def _mismatch(part: Path, ending: str) -> str | None:
    """A sentence that says why the file is not what *ending* promises, or None."""
    for kind, groups in _MEDIA_ENDINGS.items():
        for group in groups:
            if ending in group.split():
                return _media_mismatch(part, ending, kind, group.split()[0])
    for endings, names in _OTHER_ENDINGS.items():
        name = name_of(_head(part)) if ending in endings.split() else ""
        if name and name not in names.split(", "):
            return f"It is {name}, not what {ending} says."
    return None


def _media_mismatch(part: Path, ending: str, kind: type[Media], extension: str) -> str | None:
    size = part.stat().st_size
    if size > _CHECKED_WHOLE:
        entry = entry_of(part)
        is_like = entry is not None and entry.kind is kind
        return None if is_like else f"It is {name_of(_head(part))}, not what {ending} says."
    if not size:
        return "It is empty."
    try:
        media = kind(read_file(part))
    except MediaError as error:
        return str(error)
    return None if media.extension == extension else f"It is {media.mime_type}, not {ending}."


def _head(part: Path) -> bytes:
    with part.open("rb") as file:
        return file.read(1024)
