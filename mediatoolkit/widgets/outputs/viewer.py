"""Media in full quality, on demand: the page asks, and the file comes as bytes, never as base64."""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar

from mediatoolkit.checks import visible
from mediatoolkit.errors import MediaError, MissingExtraError
from mediatoolkit.media import Audio, Image, Media, Video
from mediatoolkit.media.provenance import DEEPEST
from mediatoolkit.widgets.outputs import controls
from mediatoolkit.widgets.outputs.held import Held
from mediatoolkit.widgets.outputs.recall import call_of

PIECE = 1 << 20
"""Bytes in one message; the page asks for the next when it has one."""

MOST = 4
"""Files that pages fetch at once; a page that went away does not say so."""

MOST_FACTS = 200
"""Options, and notes, that are shown of a record."""

_LONGEST_NAME = 60
_LONGEST_FACT = 2_000  # characters; a prompt is shown whole
_WAVE = {"width": 1200, "height": 160}
_KINDS: dict[type[Media], str] = {Image: "picture", Audio: "sound", Video: "film"}


def button(media: Media | Held, label: str = "Open") -> str:
    """HTML of a button that opens *media*, and does not keep it in memory."""
    return controls.button(label, opener(media), title=f"{label} this {media.noun} in full quality")


def opener(media: Media | Held) -> Callable[[], object]:
    """What opens *media* in the page that asks; from its file once it is in memory no more."""
    held = media if isinstance(media, Held) else Held(media)

    async def show() -> None:
        await show_in_page(await asyncio.to_thread(held.get))

    return show


async def show_in_page(media: Media) -> None:
    """Open *media* in the page whose click is answered, or else in every page."""
    view, pictures = await asyncio.to_thread(_described, media)
    file = _Delivery(await asyncio.to_thread(media.serialize))
    controls.tell({"view": view | file.terms()}, pictures)


def file_name(media: Media) -> str:
    """What a person would call the file, such as `a-red-fox.png`."""
    words = re.findall(r"\w+", media.provenance.prompt.lower() if media.provenance else "")
    name = "-".join(words)[:_LONGEST_NAME].strip("-_")
    return (name or media.noun) + media.extension


def facts_of(media: Media) -> list[tuple[str, str]]:
    """What is known of *media*, as pairs of plain text; at most `MOST_FACTS`, each cut."""
    known: dict[str, Any] = {}
    provenance = media.provenance
    if provenance is not None:
        known = {
            "prompt": provenance.prompt,
            "model": provenance.model,
            "seed": provenance.seed,
            **dict(islice(provenance.options.items(), MOST_FACTS)),
            "engine": provenance.engine,
            "created": provenance.created.replace("T", " ").replace("+00:00", " UTC"),
            "request id": provenance.request_id,
            "usage": provenance.usage,
            **{
                name: value
                for name, value in islice(provenance.notes.items(), MOST_FACTS)
                if name != "captions"
            },
        }
    known |= {"file": f"{_measures(media)}, {media.mime_type}, {_bytes(len(media.data))}"}
    known |= {"kept in": str(media.path or "")}
    pairs = (
        (visible(str(name), _LONGEST_NAME).replace("_", " "), _fact(name, value))
        for name, value in known.items()
    )
    return [(name, value) for name, value in pairs if value]


class _Delivery:
    """A file that a page fetches piece by piece, so that no more is under way than it can take."""

    _all: ClassVar[deque["_Delivery"]] = deque()

    def __init__(self, file: Iterable[bytes | memoryview]) -> None:
        """Get ready to be asked."""
        self._left = deque(_messages(file))
        self._more, self._over = controls.keep(self._send), controls.keep(self.end)
        self._all.append(self)
        while len(self._all) > MOST:
            self._all[0].end()

    def terms(self) -> dict[str, Any]:
        """How a page asks for the next piece, how it says that it wants no more, how much it is."""
        size = sum(len(part) for message in self._left for part in message)
        return {"more": self._more, "over": self._over, "bytes": size}

    def end(self) -> None:
        """Forget the file."""
        self._left.clear()
        controls.drop(self._more, self._over)
        if self in self._all:
            self._all.remove(self)

    def _send(self) -> None:
        if self._left:
            controls.tell({"piece": self._more}, self._left.popleft())


def _messages(file: Iterable[bytes | memoryview]) -> list[list[memoryview]]:
    """The parts of a file, cut and gathered to at most `PIECE` bytes each."""
    messages: list[list[memoryview]] = [[]]
    room = PIECE
    for part in file:
        for start in range(0, len(part), PIECE):
            cut = memoryview(part)[start : start + PIECE]
            if len(cut) > room:
                messages.append([])
                room = PIECE
            messages[-1].append(cut)
            room -= len(cut)
    return messages


def _described(media: Media) -> tuple[dict[str, Any], list[bytes]]:
    """What the page shows beside the file, and the picture that stands in until it is there."""
    provenance = media.provenance
    view: dict[str, Any] = {
        "kind": _KINDS[type(media)],
        "noun": media.noun,
        "type": media.mime_type,
        "name": file_name(media),
        "prompt": visible(provenance.prompt) if provenance else "",
        "facts": facts_of(media),
        "recall": call_of(media) if provenance else "",
    }
    if isinstance(media, Audio):
        return view | {"captions": media.captions.to_plain()}, _stand_in(media)
    if isinstance(media, (Image, Video)):
        view |= {"width": media.width, "height": media.height}
    return view, _stand_in(media)


def _stand_in(media: Media) -> list[bytes]:
    try:
        return [media.waveform(**_WAVE).data if isinstance(media, Audio) else media.preview().data]
    except (MediaError, MissingExtraError):
        return []  # the browser may play what this machine cannot decode


def _measures(media: Media) -> str:
    if isinstance(media, Audio):
        return f"{media.seconds:.1f} s, {media.sample_rate} Hz"
    size = f"{media.width}×{media.height}" if isinstance(media, (Image, Video)) else ""
    seconds = media.facts.seconds if isinstance(media, Video) else None
    return f"{seconds:.1f} s, {size}" if seconds else size


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _fact(name: str, value: Any) -> str:
    return visible(_in_words(value), None if name == "prompt" else _LONGEST_FACT)


def _in_words(value: Any, level: int = 1) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Mapping() | list() | tuple() if level > DEEPEST:
            return "…"
        case Mapping():
            entries = islice(value.items(), _LONGEST_FACT)
            return ", ".join(f"{name}: {_in_words(part, level + 1)}" for name, part in entries)
        case list() | tuple():
            return ", ".join(_in_words(part, level + 1) for part in value[:_LONGEST_FACT])
    return str(value)
