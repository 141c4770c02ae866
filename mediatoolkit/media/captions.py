"""What is spoken when, as a value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from typing import Any

from mediatoolkit.checks import visible
from mediatoolkit.media.containers.base import MAX_SECONDS

MOST = 20_000
"""Captions that are read; a day of speech has fewer sentences."""

_LETTERS_OF_TIMES = 32  # and line ends, of one caption


@dataclass(frozen=True, slots=True)
class Caption:
    """A few words and when they are spoken.

    Attributes:
        start: Seconds from the beginning.
        end: Seconds from the beginning; after *start*.
        text: The words.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Captions(Sequence[Caption]):
    """Captions in the order they are spoken; empty where the times are not known."""

    entries: tuple[Caption, ...] = ()

    def srt(self) -> str:
        """SubRip, for `.srt` files."""
        return "\n".join(
            f"{number}\n{_times(caption, ',')}\n{_lines(caption.text)}\n"
            for number, caption in enumerate(self.entries, start=1)
        )

    def vtt(self) -> str:
        """WebVTT, for `.vtt` files and the browser."""
        cues = (
            f"{_times(caption, '.')}\n{escape(_lines(caption.text), quote=False)}\n"
            for caption in self.entries
        )
        return "\n".join(["WEBVTT\n", *cues])

    def later(self, seconds: float) -> "Captions":
        """The same words *seconds* later."""
        moved = (Caption(each.start + seconds, each.end + seconds, each.text) for each in self)
        return Captions(tuple(moved))

    def shortened(self, letters: int) -> "Captions":
        """The first of them, whose words and times together take *letters* at most."""
        ends = accumulate(len(each.text) + _LETTERS_OF_TIMES for each in self)
        return Captions(self.entries[: sum(end <= letters for end in ends)])

    def to_plain(self) -> list[list[Any]]:
        """As plain JSON: `[start, end, text]` for each."""
        return [[round(each.start, 3), round(each.end, 3), each.text] for each in self.entries]

    @classmethod
    def from_plain(cls, plain: object) -> "Captions":
        """Read what `to_plain` wrote, `MOST` at most; empty when it is something else."""
        if not isinstance(plain, (list, tuple)):
            return cls()
        try:
            return cls(tuple(_caption(*entry) for entry in plain[:MOST]))
        except (TypeError, ValueError, OverflowError):
            return cls()

    def __len__(self) -> int:
        """Count the captions."""
        return len(self.entries)

    def __getitem__(self, index: Any) -> Any:
        """Return one caption, or a tuple of several."""
        return self.entries[index]

    def __iter__(self) -> Iterator[Caption]:
        """Iterate over the captions."""
        return iter(self.entries)


def _caption(start: object, end: object, text: object) -> Caption:
    if not isinstance(start, (int, float)) or not isinstance(end, (int, float)):
        raise TypeError
    if not isinstance(text, str) or not 0 <= start <= end <= MAX_SECONDS:
        raise ValueError
    return Caption(float(start), float(end), text)


def _times(caption: Caption, point: str) -> str:
    return f"{_clock(caption.start, point)} --> {_clock(caption.end, point)}"


def _clock(seconds: float, point: str) -> str:
    thousandths = round(seconds * 1000)
    whole, thousandths = divmod(thousandths, 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{thousandths:03}"


def _lines(text: str) -> str:
    """Leave out empty lines, which would end the caption, arrows, and what hides words."""
    lines = (visible(line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line).replace("-->", "→")
