"""Figures of our own, where the font has only a head or nothing at all."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from mediatoolkit.synthesis.painting import shapes
from mediatoolkit.synthesis.painting.glyphs import Mask

Points = npt.NDArray[np.float64]


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
    return read(shapes.FIGURES[name])


@cache
def sitting(*, tail: bool) -> tuple[Shape, ...]:
    """The body of a sitting animal without its head."""
    return read((shapes.TAIL + "\n" if tail else "") + shapes.SITTING)


def read(text: str) -> tuple[Shape, ...]:
    """Shapes from their notation, see `shapes`."""
    entries: list[list[str]] = []
    for word in text.split():
        if word.isalpha() and (not entries or len(entries[-1]) > 2):
            entries.append([word])
        else:
            entries[-1].append(word)
    return tuple(Shape(role, _outline(kind, pairs)) for role, kind, *pairs in entries)


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
    return np.array(sheet.reduce(2))
