"""Media as a cell shows it: plain, with a button that opens it while the kernel lives."""

from typing import Any

from mediatoolkit.media import Media, Video
from mediatoolkit.widgets import viewer

Bundle = tuple[dict[str, str], dict[str, Any]]


def bundle(media: Media) -> Bundle:
    """What *media* shows of itself, and a button below it; decodes it the first time.

    Raises:
        MediaError: It cannot be decoded.
    """
    data, metadata = media._repr_mimebundle_()  # type: ignore[attr-defined]
    label = "Play" if isinstance(media, Video) and "<video" not in data["text/html"] else "Open"
    shown = data["text/html"] + viewer.button(media, label)
    return data | {"text/html": shown}, metadata
