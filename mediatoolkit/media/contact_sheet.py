"""Many pictures as one, in rows and columns with headings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, isqrt, sqrt
from typing import TYPE_CHECKING

from mediatoolkit.errors import MediaError, MediaToolkitError
from mediatoolkit.media import lettering, pixels
from mediatoolkit.media.audio import Audio
from mediatoolkit.media.base import Media
from mediatoolkit.media.image import Image
from mediatoolkit.media.provenance import Provenance

if TYPE_CHECKING:
    from PIL import Image as PillowImage
    from PIL import ImageDraw

MODEL = "local/contact-sheet"
"""What the provenance of a sheet names as its model."""

MOST = 200
"""Pictures on one sheet."""

MOST_PIXELS = 40_000_000
"""Pixels of one sheet; of a larger one the pictures become smaller."""

SIDE = 256
"""Pixels of the longer side of a picture, unless there are too many."""

_SMALLEST = 24  # pixels of that side
_SHRINK = 0.85
_IN_A_LINE = 4  # pictures of one cell; of more, they form a block
_MOST_LINES = 4  # of a heading or of a caption
_PAPER, _INK, _SOFT, _PANEL = "#ffffff", "#222222", "#6b6b6b", "#f1f1f1"
_QUALITY = 90

_NOTHING = "–"

Cells = Mapping[tuple[str, str], Sequence[Media | str]]
Drawn = Mapping[tuple[str, str], "Sequence[PillowImage.Image | str]"]


def contact_sheet(
    cells: Cells, rows: Sequence[str], columns: Sequence[str], *, side: int = SIDE
) -> Image:
    """Draw media in rows and columns with headings; blocks, some 10 ms for a picture of 1K.

    Pictures keep their shape and are never enlarged. A film is its first picture, a sound its wave.

    Args:
        cells: By the headings of their row and column: what stands there, side by side. A text
            stands for what has no media, such as the name of an error.
        rows: Headings, from top to bottom; empty texts take no room.
        columns: Headings, from left to right.
        side: Pixels of the longer side of a picture, at most.

    Raises:
        MediaError: There is nothing to show, there are more than 200 pictures, or so many rows and
            columns that the pictures would be too small.
    """
    _check_room(rows, columns)
    wanted = [cells.get((row, column), ()) for row in rows for column in columns]
    media = [each for cell in wanted for each in cell if isinstance(each, Media)]
    _check_count(len(media))
    side = min(side, isqrt(MOST_PIXELS // max(1, len(media))))
    # Each is read once and made small at once, so that all together take little memory.
    drawn = {
        (row, column): [_small(each, side) for each in cells.get((row, column), ())]
        for row in rows
        for column in columns
    }
    layout = _Layout(drawn, rows, columns, side)
    while layout.pixels > MOST_PIXELS:
        side = int(side * _SHRINK)
        if side < _SMALLEST:
            raise _too_many(rows, columns)
        layout = _Layout(drawn, rows, columns, side)
    return Image(
        pixels.encode(layout.draw(), "image/jpeg", quality=_QUALITY, subsampling=0),
        _provenance(media, rows, columns),
    )


def _check_room(rows: Sequence[str], columns: Sequence[str]) -> None:
    cells = len(rows) * len(columns)
    if not cells:
        raise MediaError("A contact sheet needs a row and a column at least.")
    if cells * _SMALLEST**2 > MOST_PIXELS:
        raise _too_many(rows, columns)


def _check_count(pictures: int) -> None:
    if pictures > MOST:
        raise MediaError(
            f"A contact sheet has {MOST} pictures at most, and these are {pictures:,}; take a part "
            "of the rows."
        )


def _too_many(rows: Sequence[str], columns: Sequence[str]) -> MediaError:
    return MediaError(
        f"{len(rows):,} rows and {len(columns):,} columns are too many for one contact sheet; take "
        "a part of them."
    )


def _small(thing: Media | str, side: int) -> "PillowImage.Image | str":
    """A picture no longer than *side*, or a text for what has none."""
    if isinstance(thing, str):
        return thing
    try:
        if isinstance(thing, Audio):
            return pixels.shown(thing.waveform(width=side, height=max(1, side // 3)).to_pil())
        data = thing.data if isinstance(thing, Image) else thing.preview().data
        return pixels.shown(pixels.decode(data, within=side))
    except MediaToolkitError as error:
        return type(error).__name__


def _provenance(media: Sequence[Media], rows: Sequence[str], columns: Sequence[str]) -> Provenance:
    headings = " by ".join(", ".join(names) for names in (rows, columns) if any(names))
    models = set[str]()
    for each in media:
        with suppress(MediaToolkitError):  # its file is gone
            models |= {each.provenance.model} if each.provenance else set()
    noun = "picture" if len(media) == 1 else "pictures"
    return Provenance(
        model=MODEL,
        prompt=f"contact sheet of {len(media)} {noun}{headings and ': '}{headings}",
        engine="local",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        options={"rows": list(rows), "columns": list(columns)},
        notes={"pictures": len(media), "made by": sorted(models)},
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A heading or caption, broken into lines."""

    lines: Sequence[str]
    size: int

    @classmethod
    def of(cls, text: str, size: int, width: float) -> "_Text":
        return cls(lettering.lines_of(text, size, width, _MOST_LINES) if text else (), size)

    @property
    def width(self) -> int:
        return ceil(max((lettering.width_of(line, self.size) for line in self.lines), default=0))

    @property
    def height(self) -> int:
        return ceil(len(self.lines) * self.size * lettering.LEADING)

    def draw(self, pen: "ImageDraw.ImageDraw", middle: tuple[float, float], ink: str) -> None:
        """Draw the lines below each other, centred around *middle*."""
        x, y = middle
        step = self.size * lettering.LEADING
        first = y - step * (len(self.lines) - 1) / 2
        for number, line in enumerate(self.lines):
            left = x - lettering.width_of(line, self.size) / 2
            lettering.draw(pen, (left, first + number * step), line, self.size, ink)


@dataclass(frozen=True, slots=True)
class _Cell:
    """How the pictures of one cell stand: the same in each.

    Attributes:
        across: Pictures in a line.
        wide: Pixels of the room for one picture.
        high: Pixels of that room.
        gap: Pixels between two pictures.
        size: Pixels of the whole cell, width and height.
    """

    across: int
    wide: int
    high: int
    gap: int
    size: tuple[int, int]

    @classmethod
    def of(cls, drawn: Drawn, side: int, least: int) -> "_Cell":
        """Room for any cell, whose words need at least *least* pixels."""
        wide, high = _box(drawn, side, least)
        most, gap = max([1, *map(len, drawn.values())]), max(2, side // 40)
        across = most if most <= _IN_A_LINE else ceil(sqrt(most))
        lines = ceil(most / across)
        size = across * (wide + gap) - gap, lines * (high + gap) - gap
        return cls(across, wide, high, gap, size)

    def places(self, count: int) -> Iterator[tuple[int, int]]:
        """Where *count* pictures begin, left and top; a line of a few is centred."""
        spare = (self.across - min(count, self.across)) * (self.wide + self.gap) // 2
        for number in range(count):
            line, place = divmod(number, self.across)
            yield spare + place * (self.wide + self.gap), line * (self.high + self.gap)


class _Layout:
    """Where everything stands on a sheet whose pictures are no longer than *side*."""

    def __init__(
        self, drawn: Drawn, rows: Sequence[str], columns: Sequence[str], side: int
    ) -> None:
        self._drawn, self._rows, self._columns = drawn, rows, columns
        # Between two cells is more room than between the pictures of one.
        self._letters = self._margin = max(9, min(22, side // 11))
        self._cell = _Cell.of(drawn, side, 6 * self._letters)
        wide, high = self._cell.size
        self._tops = [_Text.of(name, self._letters, wide) for name in columns]
        self._lefts = [_Text.of(name, self._letters, max(90, side)) for name in rows]
        self._steps = [max(text.height, high) + self._margin for text in self._lefts]
        left = max(text.width for text in self._lefts)
        top = max(text.height for text in self._tops)
        self._x = self._margin + left + (self._margin if left else 0)
        self._y = self._margin + top + (self._margin // 2 if top else 0)
        self._size = self._x + len(columns) * (wide + self._margin), self._y + sum(self._steps)

    @property
    def pixels(self) -> int:
        """Of the whole sheet."""
        return self._size[0] * self._size[1]

    def draw(self) -> "PillowImage.Image":
        """Draw it."""
        from PIL import Image as Pillow
        from PIL import ImageDraw

        sheet = Pillow.new("RGB", self._size, _PAPER)
        pen = ImageDraw.Draw(sheet)
        wide, high = self._cell.size
        lefts = [self._x + number * (wide + self._margin) for number in range(len(self._columns))]
        for left, text in zip(lefts, self._tops, strict=True):
            text.draw(pen, (left + wide / 2, self._margin + text.height / 2), _INK)
        top = self._y
        for row, text, step in zip(self._rows, self._lefts, self._steps, strict=True):
            text.draw(pen, (self._x / 2, top + high / 2), _INK)
            for left, column in zip(lefts, self._columns, strict=True):
                self._draw_cell(sheet, pen, self._drawn[row, column], (left, top))
            top += step
        return sheet

    def _draw_cell(
        self,
        sheet: "PillowImage.Image",
        pen: "ImageDraw.ImageDraw",
        things: "Sequence[PillowImage.Image | str]",
        at: tuple[int, int],
    ) -> None:
        cell = self._cell
        if not things:
            middle = at[0] + cell.size[0] / 2, at[1] + cell.size[1] / 2
            _Text((_NOTHING,), self._letters).draw(pen, middle, _SOFT)
        for thing, (left, top) in zip(things, cell.places(len(things)), strict=True):
            x, y = at[0] + left, at[1] + top
            if isinstance(thing, str):
                self._draw_caption(pen, thing, (x, y))
            else:
                picture = _fitted(thing, (cell.wide, cell.high))
                spare = cell.wide - picture.width, cell.high - picture.height
                sheet.paste(picture, (x + spare[0] // 2, y + spare[1] // 2))

    def _draw_caption(self, pen: "ImageDraw.ImageDraw", words: str, at: tuple[int, int]) -> None:
        (x, y), (wide, high) = at, (self._cell.wide, self._cell.high)
        pen.rectangle((x, y, x + wide - 1, y + high - 1), _PANEL)
        text = _Text.of(words, max(8, round(self._letters * 0.8)), wide - self._cell.gap)
        text.draw(pen, (x + wide / 2, y + high / 2), _SOFT)


def _box(drawn: Drawn, side: int, least: int) -> tuple[int, int]:
    """Room for any of the pictures, and for words of *least* pixels where there are some."""
    things = [thing for cell in drawn.values() for thing in cell]
    sizes = [(thing.width, thing.height) for thing in things if not isinstance(thing, str)]
    scaled = [_scaled(size, (side, side)) for size in sizes] or [(side, side // 3)]
    wide, high = (max(lengths) for lengths in zip(*scaled, strict=True))
    if len(sizes) < len(things):
        wide, high = max(wide, min(side, least)), max(high, min(side, least) // 2)
    return wide, high


def _scaled(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of that shape that fits, no larger than it is."""
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _fitted(picture: "PillowImage.Image", box: tuple[int, int]) -> "PillowImage.Image":
    size = _scaled(picture.size, box)
    return picture if size == picture.size else picture.resize(size)
