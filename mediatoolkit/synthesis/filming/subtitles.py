"""Words under a picture: split into lines that can be read, and drawn into the frames."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import manimgx_fonts
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter, ImageFont

from mediatoolkit.media.captions import Caption
from mediatoolkit.synthesis.filming.montage import Planes

_FONT = Path(manimgx_fonts.__file__).with_name("NotoSans[wght].ttf")
_WEIGHT = 600
_HEIGHT = 0.052
"""Size of the letters, as a share of the shorter side of the film."""
_WIDEST = 0.82
"""Share of the film's width that a line may take."""
_FOOT = 0.075
"""Room under the last line, as a share of the film's height."""
_LEADING = 1.28
_FADE = 0.12
"""Seconds in which words appear and vanish."""
_WHITE, _BLACK, _GREY = 235, 16, 128


class Titles:
    """Draws the words of a film into its frames, when it is their time.

    Args:
        captions: Words with their times, in order; long ones are shown in parts.
        size: Width and height of the film in pixels.
    """

    def __init__(self, captions: Iterable[Caption], size: tuple[int, int]) -> None:
        """Break the lines."""
        self._size = size
        self._font = _font(max(9, round(min(size) * _HEIGHT)))
        self._cues = list(self._parts(captions))
        self._drawn: tuple[str, _Lettering] | None = None

    def draw(self, frame: Planes, time: float) -> None:
        """Draw what is to be read at a time, in seconds, into a frame."""
        for cue in self._cues:
            if cue.start <= time < cue.end:
                near = min(time - cue.start, cue.end - time) / _FADE
                self._lettering(cue.text).print_on(frame, min(1.0, near))

    def _parts(self, captions: Iterable[Caption]) -> Iterator[Caption]:
        widest = self._size[0] * _WIDEST
        for caption in captions:
            words = caption.text.split()
            if not words:
                continue
            rows = _rows(words, self._font, widest)
            parts = _shares(words, -(-len(rows) // 2))
            yield from _timed(caption, [self._two_rows(part) for part in parts])

    def _two_rows(self, words: Sequence[str]) -> str:
        """The words on one line, or on two of about the same length."""
        line = " ".join(words)
        if self._font.getlength(line) <= self._size[0] * _WIDEST or len(words) == 1:
            return line
        breaks = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
        return "\n".join(min(breaks, key=lambda two: max(map(self._font.getlength, two))))

    def _lettering(self, text: str) -> "_Lettering":
        if self._drawn is None or self._drawn[0] != text:
            self._drawn = text, _letter(text, self._font, self._size)
        return self._drawn[1]


class _Lettering(NamedTuple):
    """Words as masks: the letters and a soft shadow, and where they go."""

    letters: Pillow.Image
    shadow: Pillow.Image
    corner: tuple[int, int]

    def print_on(self, frame: Planes, strength: float) -> None:
        halves = frame.u.width / frame.y.width
        for plane, ink, paper in (
            (frame.y, _WHITE, _BLACK),
            (frame.u, _GREY, _GREY),
            (frame.v, _GREY, _GREY),
        ):
            share = 1.0 if plane is frame.y else halves
            corner = round(self.corner[0] * share), round(self.corner[1] * share)
            for mask, tone in ((self.shadow, paper), (self.letters, ink)):
                plane.paste(tone, corner, _thinned(mask, strength, share))


def _letter(text: str, font: ImageFont.FreeTypeFont, size: tuple[int, int]) -> _Lettering:
    lines = text.split("\n")
    height = font.size
    leading = round(height * _LEADING)
    # All sides and corners are even, because the planes of colour have half the size.
    pad = round(height) // 2 * 2 + 2
    wide = 2 * (round(max(map(font.getlength, lines))) // 2) + 2 * pad
    high = 2 * (leading * len(lines) // 2) + 2 * pad
    letters, halo = Pillow.new("L", (wide, high)), Pillow.new("L", (wide, high))
    for row, line in enumerate(lines):
        at = wide / 2, pad + leading * (row + 0.5)
        ImageDraw.Draw(halo).text(
            at, line, 255, font, anchor="mm", stroke_width=max(1, round(height * 0.08))
        )
        ImageDraw.Draw(letters).text(at, line, 255, font, anchor="mm")
    soft = halo.filter(ImageFilter.GaussianBlur(height * 0.2))
    shadow = soft.point([round(min(255, value * 1.2) * 0.66) for value in range(256)])
    left = (size[0] - wide) // 4 * 2
    top = round(size[1] * (1 - _FOOT)) + pad - high
    return _Lettering(letters, shadow, (left, top // 2 * 2))


def _thinned(mask: Pillow.Image, strength: float, share: float) -> Pillow.Image:
    if share != 1.0:
        mask = mask.resize((round(mask.width * share), round(mask.height * share)))
    if strength < 1.0:
        mask = mask.point([round(value * strength) for value in range(256)])
    return mask


def _rows(words: Sequence[str], font: ImageFont.FreeTypeFont, widest: float) -> list[str]:
    """Lines no wider than *widest*, as far as single words allow."""
    rows: list[str] = []
    for word in words:
        longer = f"{rows[-1]} {word}" if rows else word
        if rows and font.getlength(longer) <= widest:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows


def _shares(words: Sequence[str], count: int) -> list[list[str]]:
    """The words in *count* parts of about the same length, none of them empty."""
    total = sum(len(word) + 1 for word in words)
    parts: list[list[str]] = [[] for _ in range(count)]
    at = 0
    for word in words:
        parts[min(count - 1, int((at + len(word) / 2) * count / total))].append(word)
        at += len(word) + 1
    return [part for part in parts if part]


def _timed(caption: Caption, texts: Sequence[str]) -> Iterator[Caption]:
    """The parts of a caption one after the other, each with time for its letters."""
    total, start = sum(map(len, texts)), caption.start
    for text in texts:
        end = start + (caption.end - caption.start) * len(text) / total
        yield Caption(start, end, text)
        start = end


@lru_cache(maxsize=8)
def _font(height: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(_FONT), height)
    font.set_variation_by_axes([_WEIGHT])
    return font
