"""Outlines: glyphs of Noto Emoji taken apart, and the figures of `figures.toml`."""

import re
import struct
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import manimgx_fonts
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mediatoolkit.synthesis.painting.canvas import Field
from mediatoolkit.synthesis.tables import load

Mask = npt.NDArray[np.uint8]

_FONT = Path(manimgx_fonts.__file__).with_name("NotoEmoji[wght].ttf")
_COARSE = 224
"""Side in pixels of the copy on which fields are found."""
_ROWS = 256
"""Rows of a mask that are scaled at once, because Pillow holds the interpreter meanwhile."""
_INVISIBLE = {"\ufe0e", "\ufe0f", "\u200d"}


@dataclass(frozen=True)
class Glyph:
    """The parts of a glyph as masks of equal shape, 0 to 255.

    Attributes:
        silhouette: Everything inside the outer outline.
        lines: Strokes and solid parts.
        solid: Parts that are filled with ink, without the strokes.
        details: Small enclosed fields: eyes, windows, spots.
        core: The silhouette without its rim.
        solid_share: Solid part of the silhouette, 0 to 1.
    """

    silhouette: Mask
    lines: Mask
    solid: Mask
    details: Mask
    core: Mask
    solid_share: float


@cache
def _characters() -> frozenset[int]:
    """Code points with a glyph, from the font's `cmap` table (OpenType, format 12)."""
    data = _FONT.read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4sLLL", data, 12 + 16 * i) for i in range(tables))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (count,) = struct.unpack_from(">H", data, start + 2)
    for i in range(count):
        (offset,) = struct.unpack_from(">4xL", data, start + 4 + 8 * i)
        if struct.unpack_from(">H", data, start + offset) == (12,):
            (groups,) = struct.unpack_from(">L", data, start + offset + 12)
            spans = struct.iter_unpack(
                ">LLL", data[start + offset + 16 : start + offset + 16 + 12 * groups]
            )
            return frozenset(c for low, high, _ in spans for c in range(low, high + 1))
    return frozenset()


def has_glyph(character: str) -> bool:
    """Whether the font draws this single character as a picture."""
    return ord(character) > 0x2190 and (
        ord(character) in _characters() and character not in _INVISIBLE
    )


@lru_cache(maxsize=8)
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(_FONT, size, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font


def outline(character: str, size: int, weight: int) -> Mask:
    """The glyph as drawn by the font, cropped to its ink, about `size` pixels at its longest.

    Args:
        character: One character that has a glyph.
        size: Longest side in pixels.
        weight: Stroke weight, 300 to 700.
    """
    probe = _font(200, weight).getbbox(character)
    em = max(8, round(size * 200 / max(probe[2] - probe[0], probe[3] - probe[1])))
    font = _font(em, weight)
    left, top, right, bottom = font.getbbox(character)
    sheet = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(sheet).text((-left, -top), character, fill=255, font=font)
    return np.array(sheet)


def take_apart(lines: Mask) -> Glyph:
    """Find silhouette, solid parts and details of a drawn outline."""
    scale = _COARSE / max(lines.shape)
    size = (max(8, round(lines.shape[1] * scale)), max(8, round(lines.shape[0] * scale)))
    coarse = np.pad(np.asarray(Image.fromarray(lines).resize(size, Image.Resampling.BOX)), 4)
    free = coarse < 100
    fields = _fields(free)
    inside = fields != fields[0, 0]
    body = int(inside.sum())
    sizes = np.bincount(fields.ravel(), minlength=int(fields.max()) + 1)
    small = free & inside & (sizes[fields] < 0.035 * body)
    # What is left after shrinking by more than half a stroke is solid.
    solid = _grown(_shrunk(~free, 6), 7) & ~free
    # The edge of the coarse silhouette lies under the stroke, so its steps never show.
    silhouette = np.maximum(_enlarge(_shrunk(inside, 2), lines), lines)
    return Glyph(
        silhouette,
        lines,
        np.minimum(_enlarge(solid, lines), lines),
        np.minimum(_enlarge(_grown(small, 2), lines), 255 - lines),
        _enlarge(_shrunk(inside, 7), lines),
        float(solid.sum()) / max(body, 1),
    )


def _grown(mask: npt.NDArray[np.bool_], steps: int) -> npt.NDArray[np.bool_]:
    """A mask with a rim of `steps` pixels: crosses and squares by turns give round corners."""
    for step in range(steps):
        wide = mask.copy()
        wide[1:] |= mask[:-1]
        wide[:-1] |= mask[1:]
        across = wide if step % 2 else mask
        wide[:, 1:] |= across[:, :-1].copy()
        wide[:, :-1] |= across[:, 1:].copy()
        mask = wide
    return mask


def _shrunk(mask: npt.NDArray[np.bool_], steps: int) -> npt.NDArray[np.bool_]:
    """A mask without its rim of `steps` pixels."""
    return ~_grown(~mask, steps)


def _enlarge(coarse: npt.NDArray[np.bool_], like: Mask) -> Mask:
    inner = Image.fromarray(coarse[4:-4, 4:-4].astype(np.uint8) * 255)
    large = np.empty_like(like)
    scale = inner.height / len(like)
    for top in range(0, len(like), _ROWS):
        rows = large[top : top + _ROWS]
        box = (0, top * scale, inner.width, (top + len(rows)) * scale)
        rows[:] = np.asarray(inner.resize(rows.shape[::-1], Image.Resampling.BICUBIC, box))
    return large


def _fields(free: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Number the connected free fields; not-free pixels get 0.

    Each free pixel starts with a number of its own and the largest number of a field sweeps
    over it, row by row and column by column, until nothing changes.
    """
    numbers = np.where(free, np.arange(1, free.size + 1, dtype=np.int32).reshape(free.shape), 0)
    while True:
        before = numbers.copy()
        for grid, open_ in ((numbers, free), (numbers.T, free.T)):
            length = len(grid)
            for i in range(1, length):
                np.maximum(grid[i], grid[i - 1], out=grid[i], where=open_[i] & open_[i - 1])
            for i in range(length - 2, -1, -1):
                np.maximum(grid[i], grid[i + 1], out=grid[i], where=open_[i] & open_[i + 1])
        if np.array_equal(before, numbers):
            break
    _, compact = np.unique(numbers, return_inverse=True)
    return np.asarray(compact, np.int32).reshape(free.shape)


def as_field(mask: Mask) -> Field:
    """A mask as coverage from 0 to 1."""
    return mask.astype(np.float32) / np.float32(255)


Points = npt.NDArray[np.float64]

_TABLES = load(__package__, "figures.toml")
FIGURES = _TABLES.texts("figures")
"""Name to the notation of its shapes."""
ROLES = {
    *("main", "light", "shade", "dark", "line", "pale", "leaf", "lamp", "accent", "skin"),
    *("blush", "hair", "outline", "belly"),
}
_KINDS = frozenset({"curve", "poly", "disc"})
_POINTS = re.compile(r"(?:-?[\d.]+,-?[\d.]+ ?){2,}")


@dataclass(frozen=True)
class Shape:
    """One shape of a figure, in a box of 100 by 100.

    Attributes:
        role: What its ink depends on: `main`, `light`, `shade`, `dark`, `skin` and so on.
        points: Corners of its outline, shape `(corners, 2)`.
    """

    role: str
    points: Points


@cache
def figure(name: str) -> tuple[Shape, ...]:
    """The shapes of a figure, the lowest first."""
    return parse_shapes(name, FIGURES[name])


@cache
def sitting(*, tail: bool) -> tuple[Shape, ...]:
    """The body of a sitting animal without its head."""
    text = " ".join([*(_TABLES.words("tail") if tail else ()), *_TABLES.words("sitting")])
    return parse_shapes("sitting", text)


def parse_shapes(name: str, text: str) -> tuple[Shape, ...]:
    """Shapes from their notation, which `figures.toml` explains.

    Raises:
        ValueError: The notation is wrong; the message names the figure and the shape.
    """
    shapes = []
    for shape in re.split(r"\s+(?=[a-z]+ [a-z]+ )", " ".join(text.split())):
        role, kind, pairs = (*shape.split(" ", 2), "", "")[:3]
        if role not in ROLES or kind not in _KINDS or not _POINTS.fullmatch(pairs):
            raise _TABLES.wrong(f"[figures] {name}", f'has "{shape[:40]}", which is no shape')
        shapes.append(Shape(role, _outline(kind, pairs.split())))
    return tuple(shapes)


def _outline(kind: str, pairs: list[str]) -> Points:
    points = np.array([[float(v) for v in pair.split(",")] for pair in pairs])
    if kind == "disc":
        centre, radius = points.mean(0), (points[1] - points[0]) / 2
        turn = np.linspace(0, 2 * np.pi, 65)[:-1, None]
        return np.asarray(centre + radius * np.hstack([np.cos(turn), np.sin(turn)]))
    return _smooth_through(points) if kind == "curve" else points


def _smooth_through(points: Points) -> Points:
    """A closed Catmull-Rom curve through the points."""
    before, after = np.roll(points, 1, 0), np.roll(points, -1, 0)
    beyond = np.roll(points, -2, 0)
    t = np.linspace(0, 1, 13)[:-1, None, None]
    curve = 0.5 * (
        2 * points
        + (after - before) * t
        + (2 * before - 5 * points + 4 * after - beyond) * t**2
        + (3 * points - before - 3 * after + beyond) * t**3
    )
    bends = np.abs(after - points).sum(1) > 0  # a doubled point is a corner, not a loop
    return np.asarray(curve.transpose(1, 0, 2)[bends].reshape(-1, 2), np.float64)


def draw(shape: Shape, size: int, *, stroke: float = 0.0) -> Mask:
    """Rasterise a shape into a square mask.

    Args:
        shape: The shape in its box of 100 by 100.
        size: Side of the mask in pixels.
        stroke: Width of the outline in pixels; 0 fills the shape instead.
    """
    margin = size // 20
    inner = size - 2 * margin
    corners = shape.points * (2 * inner / 100) + 2 * margin
    points = [(float(x), float(y)) for x, y in corners]
    sheet = Image.new("L", (2 * size, 2 * size))
    pen = ImageDraw.Draw(sheet)
    if stroke:
        pen.line([*points, *points[:2]], fill=255, width=max(2, round(2 * stroke)), joint="curve")
    else:
        pen.polygon(points, fill=255)
    mask = np.empty((size, size), np.uint8)
    for top in range(0, size, _ROWS):
        rows = mask[top : top + _ROWS]
        rows[:] = np.asarray(sheet.reduce(2, (0, 2 * top, 2 * size, 2 * (top + len(rows)))))
    return mask
