"""Media as a cell shows it: plain, with a button that opens it while the kernel lives."""

from html import escape

from mediatoolkit.checks import visible
from mediatoolkit.media import Audio, Media, Video
from mediatoolkit.widgets.outputs import viewer
from mediatoolkit.widgets.page import Bundle

MOST = 300
"""Captions that stand in a page, and are saved with its notebook."""

_LONGEST = 500  # characters of each


def bundle(media: Media) -> Bundle:
    """What *media* shows of itself, and a button below it; decodes it the first time.

    Under speech its words can be unfolded, also without a kernel.

    Raises:
        MediaError: It cannot be decoded.
    """
    data, metadata = media._repr_mimebundle_()  # type: ignore[attr-defined]
    label = "Play" if isinstance(media, Video) and "<video" not in data["text/html"] else "Open"
    words = _words(media) if isinstance(media, Audio) else ""
    shown = data["text/html"] + words + viewer.button(media, label)
    return data | {"text/html": shown}, metadata


def _words(audio: Audio) -> str:
    """What is said and when, where it is more than what stands under the player anyway."""
    captions = audio.captions
    if len(captions) < 2:
        return ""
    lines = "<br>".join(
        f'<span style="opacity:.75">{_clock(line.start)}</span> '
        f"{escape(visible(line.text, _LONGEST))}"
        for line in captions[:MOST]
    )
    if len(captions) > MOST:
        lines += f"<br>… and {len(captions) - MOST:,} more: <code>.captions</code>"
    return f'<details style="font-size:.85em"><summary>Words</summary>{lines}</details>'


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
