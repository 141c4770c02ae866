"""Words in a picture: on a sign board in the scene, or in a strip under it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Band, Canvas, Field, Ink
from mediatoolkit.synthesis.painting.outlines import as_field
from mediatoolkit.synthesis.painting.palettes import (
    COLOURS,
    PAPER,
    WARM_WHITE,
    ink,
    lightness,
    mix,
)
from mediatoolkit.synthesis.painting.scene import PictureScene
from mediatoolkit.synthesis.painting.setting import SceneView, Step
from mediatoolkit.synthesis.painting.typesetting import SetType, set_in_type

ON_PAPER = frozenset({"linocut", "watercolour", "ink"})
"""Styles that leave a margin of bare paper."""
_DARK = ink("1b1d26")
_SMALLEST = 0.024
_FEWEST_PIXELS = 8


class Rectangle(NamedTuple):
    """Edges in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> tuple[float, float]:
        """Column and row."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def inset(self, by: float) -> "Rectangle":
        """The rectangle without a rim; a negative one adds to it."""
        return Rectangle(self.left + by, self.top + by, self.right - by, self.bottom - by)


def sizes(unit: float, largest: float) -> tuple[float, float]:
    """The smallest letters that can be read, and the largest, in pixels.

    Args:
        unit: The shorter side of the picture in pixels.
        largest: As a share of it.
    """
    return max(_FEWEST_PIXELS, unit * _SMALLEST), unit * largest


def print_words(
    canvas: Canvas, words: SetType, middle: tuple[float, float], colour: str = ""
) -> None:
    """Print words about a point, in an ink that stands out from what lies under them.

    Args:
        canvas: What to print on.
        words: What to print.
        middle: Column and row in pixels.
        colour: Name of the wanted ink; one that could not be read is not taken.
    """
    height, width = words.mask.shape
    left, top = round(middle[0] - width / 2), round(middle[1] - height / 2)
    under = canvas.planes[:, max(0, top) : top + height : 3, max(0, left) : left + width : 3]
    ground = lightness(under.mean((1, 2)))
    letters = _DARK if ground > 0.5 else WARM_WHITE
    if colour and abs(lightness(COLOURS[colour]) - ground) > 0.25:
        letters = COLOURS[colour]
    canvas.stamp(letters, as_field(words.mask), left, top)


def rounded(box: Rectangle, radius: float) -> Callable[[Band], Field]:
    """Cover a rectangle with round corners."""
    x, y = box.middle
    half_wide, half_high = (box.right - box.left) / 2 - radius, (box.bottom - box.top) / 2 - radius

    def cover(band: Band) -> Field:
        across, down = np.abs(band.x - x) - half_wide, np.abs(band.y - y) - half_high
        outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
        distance = outside + np.minimum(np.maximum(across, down), 0) - radius
        return np.asarray(np.clip(0.5 - distance, 0, 1), np.float32)

    return cover


def _fill(canvas: Canvas, colour: Ink, box: Rectangle, radius: float, strength: float = 1) -> None:
    cover = rounded(box, radius)
    canvas.lay(colour, lambda band: cover(band) * strength, box.top - 1, box.bottom + 1)


class SignBoard(NamedTuple):
    """A board on two posts.

    Attributes:
        words: What stands on it.
        box: The board.
    """

    words: SetType
    box: Rectangle


def sign_board(view: SceneView) -> SignBoard:
    """The board of a scene, as large as its words; higher up when something stands before it."""
    canvas, scene = view.canvas, view.scene
    tall, row = (0.2, 0.25) if scene.things else (0.32, 0.46)
    words = set_in_type(
        scene.lettering,
        (canvas.width * 0.62, canvas.height * tall),
        sizes(view.unit, tall * 0.8),
        crisp=scene.style == "pixel",
    )
    height, width = words.mask.shape
    half = max(width / 2, view.unit * 0.12) + view.unit * 0.06
    x = canvas.width * (0.5 if scene.things else view.rng("sign").uniform(0.46, 0.54))
    high = max(height / 2, view.unit * 0.05) + view.unit * 0.05
    y = canvas.height * row
    return SignBoard(words, Rectangle(x - half, y - high, x + half, y + high))


def sign(view: SceneView, foot: float) -> list[Step]:
    """The bare board on its posts, where the scene has one.

    Args:
        view: The scene.
        foot: Row in pixels on which the posts stand.
    """
    return [] if view.scene.sign is None else [("sign", partial(_board, view, foot))]


def _board(view: SceneView, foot: float) -> None:
    canvas, box, unit = view.canvas, sign_board(view).box, view.unit
    wood = mix(ink("7a5233"), view.inks.line, 0.35 if view.night else 0.1)
    for x in (box.left * 0.8 + box.right * 0.2, box.left * 0.2 + box.right * 0.8):
        post = Rectangle(x - unit * 0.012, box.bottom - 2, x + unit * 0.012, foot)
        _fill(canvas, wood, post, 0)
    edge = unit * 0.01
    below = Rectangle(box.left + edge, box.top + edge, box.right + edge, box.bottom + edge)
    _fill(canvas, mix(wood, view.inks.line, 0.5), below, unit * 0.02)
    _face(view, box, 1)


def _face(view: SceneView, box: Rectangle, strength: float) -> None:
    """The painted side of a board, with a line along its edge."""
    unit, colour = view.unit, view.scene.sign
    face = COLOURS[colour] if colour else PAPER
    line = mix(face, _DARK if lightness(face) > 0.5 else WARM_WHITE, 0.75)
    for inset, ground in ((0.0, face), (0.014, line), (0.021, face)):
        radius = max(0.0, unit * (0.02 - inset * 0.5))
        _fill(view.canvas, ground, box.inset(unit * inset), radius, strength)


def strip(scene: PictureScene, canvas: Canvas) -> SetType:
    """The words under a picture; none where a sign board bears them."""
    return set_in_type(
        scene.lettering if scene.sign is None else "",
        (canvas.width * 0.86, canvas.height * 0.26),
        sizes(canvas.unit, 0.12),
        crisp=scene.style == "pixel",
    )


def strip_height(words: SetType, canvas: Canvas) -> int:
    """Rows that the strip with some words takes."""
    return round(len(words.mask) + canvas.unit * 0.09) if words.mask.any() else 0


def print_strip(view: SceneView, sheet: Canvas, words: SetType) -> None:
    """Print words on paper, or on a dark ground, in the rows of the sheet under the picture."""
    top = view.canvas.height
    paper = mix(PAPER, view.inks.low, 0.0 if view.scene.style in ON_PAPER else 0.2)
    dark = view.scene.style not in ON_PAPER and view.scene.time in {"night", "sunset"}
    ground = mix(view.inks.line, _DARK, 0.3) if dark else paper
    sheet.lay(ground, lambda band: (band.y > top) * np.ones_like(band.grain), top)
    middle = sheet.width / 2, (top + sheet.height) / 2
    print_words(sheet, words, middle, view.scene.lettering_colour)


def print_on_board(view: SceneView) -> None:
    """Print words on the board; where the finish has cut or washed it, it is printed anew."""
    board = sign_board(view)
    if view.scene.style in {"linocut", "ink"}:
        _face(view, board.box, 0.85)
    print_words(view.canvas, board.words, board.box.middle, view.scene.lettering_colour)
