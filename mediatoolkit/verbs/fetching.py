"""Files from the web, whole or not at all."""

import functools
import os
from pathlib import Path

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Audio, Image, Media, Video, entry_of
from mediatoolkit.media.signatures import name_of
from mediatoolkit.runtime.context import Timeout, context_for
from mediatoolkit.runtime.files import read_file
from mediatoolkit.transport import Transport
from mediatoolkit.transport.guard import Origin

_ENDINGS: dict[str, tuple[type[Media], str]] = {
    **dict.fromkeys((".png",), (Image, ".png")),
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), (Image, ".jpg")),
    **dict.fromkeys((".webp",), (Image, ".webp")),
    **dict.fromkeys((".wav", ".wave"), (Audio, ".wav")),
    **dict.fromkeys((".mp3",), (Audio, ".mp3")),
    **dict.fromkeys((".ogg", ".oga", ".opus"), (Audio, ".ogg")),
    **dict.fromkeys((".flac",), (Audio, ".flac")),
    **dict.fromkeys((".m4a", ".m4b"), (Audio, ".m4a")),
    **dict.fromkeys((".mp4", ".m4v"), (Video, ".mp4")),
    **dict.fromkeys((".webm",), (Video, ".webm")),
}
"""The media that an ending promises, and the ending that we would give it."""

_NAMES = {
    **dict.fromkeys((".gif",), ("GIF",)),
    **dict.fromkeys((".bmp",), ("BMP",)),
    **dict.fromkeys((".tif", ".tiff"), ("TIFF",)),
    **dict.fromkeys((".heic", ".heif"), ("HEIC", "HEIF")),
    **dict.fromkeys((".avif",), ("AVIF", "HEIF")),
    **dict.fromkeys((".jxl",), ("JPEG XL",)),
    **dict.fromkeys((".svg",), ("SVG",)),
    **dict.fromkeys((".pdf",), ("PDF",)),
    **dict.fromkeys((".aac",), ("AAC", "MP3")),  # "MP3" for a tag before the sound
    **dict.fromkeys((".aif", ".aiff"), ("AIFF",)),
    **dict.fromkeys((".wma", ".wmv"), ("Windows Media",)),
    **dict.fromkeys((".mov",), ("QuickTime", "MP4")),
    **dict.fromkeys((".3gp",), ("MP4",)),
    **dict.fromkeys((".mkv",), ("Matroska", "WebM")),
    **dict.fromkeys((".avi",), ("AVI",)),
    **dict.fromkeys((".mpg", ".mpeg"), ("MPEG",)),
}
"""What other files are, by their first bytes, whose names end so."""

_CHECKED = 64 << 20  # bytes of a file that is checked whole


async def download(
    url: str,
    path: str | os.PathLike[str],
    *,
    check: bool = True,
    timeout: float | Timeout | None = None,
) -> Path:
    """Download a file, whole or not at all.

    Args:
        url: http(s). Its own host may be private; what it redirects to may not.
        path: File to make or replace, in a folder that exists.
        check: Whether what comes must be what the ending of *path* says, such as a film where
            that is `.mp4`. Endings that name no media are never checked.
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
        checked = functools.partial(_check, path) if check else None
        return await transport.download(url, path, context, check=checked)


def _check(target: str | os.PathLike[str], part: Path) -> None:
    """Check that the file at *part* is what the name of *target* promises; blocks."""
    ending = Path(target).suffix.lower()
    reason = None
    if ending in _ENDINGS:
        reason = _mismatch(part, ending)
    elif ending in _NAMES:
        name = name_of(_head(part))
        reason = None if name in _NAMES[ending] else f"It is {name}, not what {ending} says."
    if reason is not None:
        raise MediaError(
            f"What came for {quoted(Path(target).name)} was not kept. {reason} Check the address, "
            "or keep whatever comes with check=False."
        )


def _mismatch(part: Path, ending: str) -> str | None:
    """A sentence that says why the file is not what *ending* promises, or None."""
    kind, extension = _ENDINGS[ending]
    size = part.stat().st_size
    if size > _CHECKED:
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
