"""What a gallery lists: where it comes from, what a filter keeps of it, in which order."""

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload
from weakref import WeakValueDictionary

from mediatoolkit.checks import quoted, visible
from mediatoolkit.errors import MediaError, MediaToolkitError, PromptError, StorageError
from mediatoolkit.media import Audio, Entry, Image, Media, Video, entry_of
from mediatoolkit.media.pixels import reduced
from mediatoolkit.runtime.files import path_of
from mediatoolkit.store import Store
from mediatoolkit.widgets.media_facts import counted, measures

MOST = 5_000
"""Files of a folder that are listed; older ones are left out."""

KINDS: Mapping[str, type[Media]] = {"image": Image, "audio": Audio, "video": Video}
NAMES: Mapping[type[Media], str] = {kind: name for name, kind in KINDS.items()}

SIDE = 256
"""Pixels of the longer side of a thumbnail."""

LARGEST = 64 << 20
"""Bytes of a file that is read to make a thumbnail."""

_PROMPT = 160  # characters of a prompt that a tile has room for
_WAVE = {"width": 256, "height": 120}

_ORDERS: Mapping[str, Callable[[Entry], Any] | None] = {
    "newest": lambda entry: -entry.modified,
    "oldest": lambda entry: entry.modified,
    "prompt": lambda entry: (not entry.prompt, entry.prompt.casefold()),
    "model": lambda entry: (not entry.model, entry.model, -entry.modified),
    "size": lambda entry: -entry.size,
    "given": None,
}


@dataclass(frozen=True, slots=True)
class Thumb:
    """A small picture.

    Attributes:
        data: JPEG, or PNG where the page shows through; empty when there is none.
        mime_type: Type of `data`.
        note: What the media measures, or why there is no picture.
    """

    data: bytes
    mime_type: str
    note: str


def thumb_of(entry: Entry) -> Thumb:
    """Make the thumbnail of *entry*; takes about 30 ms a megapixel, and never fails.

    A file of more than `LARGEST` bytes is not read for it.
    """
    if entry.media is None and entry.size > LARGEST:
        return Thumb(b"", "", f"{entry.size / 1e6:,.0f} MB; open it to see it")
    try:
        media = entry.open()
        if isinstance(media, Audio):
            wave = media.waveform(**_WAVE)
            return Thumb(wave.data, wave.mime_type, measures(media))
        picture = media.data if isinstance(media, Image) else media.preview().data
        note = f"{media.seconds:.1f} s" if isinstance(media, Video) else measures(media)
        return Thumb(reduced(picture, SIDE), "image/jpeg", note)
    except MediaToolkitError as error:
        return Thumb(b"", "", str(error))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted, and in which order.

    Args:
        word: Words that all stand in the prompt, in any case.
        model: Model id.
        kind: `"image"`, `"audio"` or `"video"`.
        sort: `"newest"`, `"oldest"`, `"prompt"`, `"model"`, `"size"` (largest first) or `"given"`.

    What is left out or empty takes everything.

    Raises:
        PromptError: There is no such kind or order.
    """

    word: str = ""
    model: str = ""
    kind: str = ""
    sort: str = "newest"

    def __post_init__(self) -> None:
        """Check."""
        for name in ("word", "model", "kind", "sort"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise PromptError(
                    f"{name}={quoted(value)} is not text; leave it out to see everything."
                )
        _check("kind", self.kind, ("", *KINDS))
        _check("sort", self.sort, _ORDERS)

    def apply(self, entries: Mapping[int, Entry]) -> list[int]:
        """The numbers of those that are wanted, in order."""
        words = self.word.casefold().split()
        numbers = [number for number, entry in entries.items() if self._takes(entry, words)]
        order = _ORDERS[self.sort]
        return sorted(numbers, key=lambda number: order(entries[number])) if order else numbers

    def _takes(self, entry: Entry, words: list[str]) -> bool:
        if self.kind and entry.kind is not KINDS[self.kind]:
            return False
        if self.model and entry.model != self.model:
            return False
        prompt = entry.prompt.casefold()
        return all(word in prompt for word in words)


def _check(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        words = ", ".join(repr(word) for word in known if word)
        raise PromptError(f"{name}={quoted(value)} is not known; use one of {words}.")


@dataclass(frozen=True, slots=True)
class MediaSource:
    """Where the entries come from: a store, or a list.

    Attributes:
        store: Looked into at each `look`; None when the entries are fixed.
        fixed: The entries of a list.
        empty: What to say, and to do, when there is nothing.
    """

    store: Store | None
    fixed: tuple[Entry, ...] = ()
    empty: str = "The list is empty."
    _media: WeakValueDictionary[Hashable, Media] = field(
        init=False, default_factory=WeakValueDictionary, repr=False, compare=False
    )

    @classmethod
    def of(cls, source: object) -> "MediaSource":
        """Return the source of what people have at hand.

        Args:
            source: None for the default store, a `Store`, the path of a folder, or media and
                paths of media.

        Raises:
            StorageError: There is no such folder or file.
            MediaError: A file is no media that we take.
            PromptError: It is none of these.
        """
        if source is None or isinstance(source, Store):
            store = source or Store.default()
            make = 'await mt.image("a red fox under the stars")'
            return cls(store, empty=f"Nothing is kept here yet. Make a picture: {make}")
        if isinstance(source, (str, os.PathLike)):
            folder = path_of(source)
            if not folder.is_dir():
                raise StorageError(f"There is no folder {str(folder)!r}; name one with media.")
            return cls(Store(folder), empty="This folder holds no pictures, sound or films.")
        if isinstance(source, Iterable) and not isinstance(source, (bytes, Mapping)):
            return cls(None, tuple(map(_entry, source)))
        raise PromptError(
            f"A gallery shows a store, a folder or a list of media, not {type(source).__name__}."
        )

    def look(self) -> list[Entry]:
        """What is there now; blocks.

        Raises:
            StorageError: The folder cannot be read.
        """
        return self.store.look(MOST) if self.store else list(self.fixed)

    def open(self, entry: Entry) -> Media:
        """The media of *entry*, the same object as long as somebody holds it; blocks."""
        media = self._media.get(entry.identity)
        if media is None:
            media = self._media[entry.identity] = entry.open()
        return media

    def delete(self, entry: Entry) -> None:
        """Delete the file of *entry* for good; blocks.

        Raises:
            StorageError: It does not lie in the folder that is shown, or cannot be deleted.
        """
        if self.store is None or entry.path is None:
            raise StorageError("A gallery of a list deletes nothing; name the folder instead.")
        self.store.remove(entry.path)

    def opened(self, entries: Iterable[Entry]) -> "LazyMedia":
        """The media of *entries*, in that order."""
        return LazyMedia(self, tuple(entries))


def _entry(thing: object) -> Entry:
    if isinstance(thing, Media):
        return Entry.of(thing)
    if isinstance(thing, (str, os.PathLike)):
        path = path_of(thing)
        entry = entry_of(path)
        if entry is None:
            raise MediaError(f"{str(path)!r} is not a picture, a sound or a film that we take.")
        return entry
    raise PromptError(
        f"A gallery shows media, not {type(thing).__name__}; await a job to have its media."
    )


class LazyMedia(Sequence[Media]):
    """Media in order, each read when it is asked for and held only as long as it is used.

    Attributes:
        source: Where it is read from.
        entries: What is known of it without reading.
    """

    def __init__(self, source: MediaSource, entries: tuple[Entry, ...]) -> None:
        """Nothing is read yet."""
        self.source = source
        self.entries = entries

    def __len__(self) -> int:
        """How many."""
        return len(self.entries)

    def __eq__(self, other: object) -> bool:
        """Whether *other* holds the same media; only a list or tuple is read for it."""
        if isinstance(other, LazyMedia):
            return [each.identity for each in self.entries] == [
                each.identity for each in other.entries
            ]
        return list(self) == list(other) if isinstance(other, (list, tuple)) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as a list

    @overload
    def __getitem__(self, at: int) -> Media: ...
    @overload
    def __getitem__(self, at: slice) -> list[Media]: ...
    def __getitem__(self, at: int | slice) -> Media | list[Media]:
        """One piece, or a list; blocks."""
        if isinstance(at, slice):
            return [self.source.open(entry) for entry in self.entries[at]]
        return self.source.open(self.entries[at])

    def __iter__(self) -> Iterator[Media]:
        """One after the other."""
        return map(self.source.open, self.entries)

    def __repr__(self) -> str:
        """One line, without reading."""
        return f"<{in_words(self.entries)}>"


def in_words(entries: Iterable[Entry]) -> str:
    """How many of what, such as `2,000 pictures, 1 sound`."""
    kinds = Counter(entry.kind.noun for entry in entries)
    nouns = [kind.noun for kind in NAMES if kinds[kind.noun]]
    return ", ".join(counted(kinds[noun], noun) for noun in nouns) or "nothing"


def row(number: int, entry: Entry) -> dict[str, object]:
    """What a page may write under a thumbnail."""
    name = entry.path.name if entry.path else ""
    cut = visible(" ".join((entry.prompt or name).split()), _PROMPT)
    omissions = entry.provenance.omissions if entry.provenance else ""
    words = {"prompt": cut, "model": entry.model, "omissions": omissions}
    return {"id": number, "kind": NAMES[entry.kind], **words}
