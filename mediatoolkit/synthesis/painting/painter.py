"""Prompt in, picture out."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from mediatoolkit.synthesis.painting import lettering, words
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.card import TitleCard, is_card
from mediatoolkit.synthesis.painting.composition import Composition, compose
from mediatoolkit.synthesis.painting.omissions import not_drawn
from mediatoolkit.synthesis.painting.previews import Previews, ShowPreview
from mediatoolkit.synthesis.painting.scene import PictureScene
from mediatoolkit.synthesis.painting.setting import Step, look_at
from mediatoolkit.synthesis.painting.styles import finish, grain_of
from mediatoolkit.synthesis.painting.vocabulary import essence

SIDES = range(64, 2049)
"""Widths and heights in pixels that can be painted."""


@dataclass(frozen=True)
class Painting:
    """A finished picture.

    Attributes:
        pixels: Array of shape `(height, width, 3)`, red, green and blue from 0 to 255.
        not_drawn: Words of the prompt of which the picture shows nothing, in order.
    """

    pixels: npt.NDArray[np.uint8]
    not_drawn: tuple[str, ...]

    def png(self) -> bytes:
        """The picture as a PNG file."""
        return _png(self.pixels)


def ignore(step: str, fraction: float) -> None:
    """Ignore progress."""


def paint(
    text: str,
    *,
    width: int,
    height: int,
    seed: int,
    progress: Callable[[str, float], None] = ignore,
    preview: ShowPreview | None = None,
) -> Painting:
    """Paint what a text describes; the same text, seed and size give the same pixels.

    Texts that differ in their colours only give the same composition.

    Args:
        text: What to paint. English words and emoji are understood, anything gives a picture.
        width: Pixels across, 64 to 2048.
        height: Pixels down, 64 to 2048.
        seed: Any whole number; another seed gives another picture of the same scene.
        progress: Called many times a second with the name of the current step and the share
            of the work that is done, 0 to 1, never less than before. What it raises stops the
            painting and passes through.
        preview: Called at most twice a second with a small JPEG of the picture as it is so far and
            the share of the work that is done.

    Raises:
        ValueError: The text is empty or a side is out of range.
    """
    if not text:
        raise ValueError("There is nothing to paint: the text is empty.")
    if width not in SIDES or height not in SIDES:
        raise ValueError(
            f"A side has {SIDES.start} to {SIDES.stop - 1} pixels, not {width}x{height}."
        )
    scene = words.read(text)
    clock = _Clock(progress)
    seeds = (seed % 2**64, zlib.crc32(essence(text).encode("utf-8", "replace")))
    # Pixel art is painted small, so that its figures are drawn for the pixels they get.
    cell = max(1, round(min(width, height) / 132)) if scene.style == "pixel" else 1
    canvas = Canvas(
        -(-width // cell),
        -(-height // cell),
        np.random.default_rng(seeds),
        clock.tick,
        shading=grain_of(scene.style),
    )
    if preview is not None:
        clock.previews = Previews(canvas, preview)
    steps, missing = _plan(scene, canvas, seeds, text)
    for index, (step, work) in enumerate(steps):
        clock.enter(step, index / (len(steps) + 1), (index + 1) / (len(steps) + 1))
        work()
    clock.enter("pull", len(steps) / (len(steps) + 1), 1.0)
    pixels = _as_bytes(canvas, cell, height, width)
    progress("done", 1.0)
    return Painting(pixels, missing)


def _plan(
    scene: PictureScene, sheet: Canvas, seeds: tuple[int, int], text: str
) -> tuple[list[Step], tuple[str, ...]]:
    """All steps of a picture, and the words of which it shows nothing."""
    if is_card(scene):
        view = look_at(scene, sheet, seeds)
        card = TitleCard(view, scene.lettering or text)
        composition = Composition(view, card.ground(), [], [])
        left_out = card.words.left_out if scene.lettering else ()
        omitted = [word for word in not_drawn(composition) if not card.shows(word)]
        steps = [*composition.steps, *finish(view), ("lettering", card.print_words)]
        return steps, (*omitted, *left_out)
    strip = lettering.strip(scene, sheet)
    view = look_at(scene, sheet.upper(sheet.height - lettering.strip_height(strip, sheet)), seeds)
    composition = compose(view)
    steps, missing = [*composition.steps, *finish(view)], not_drawn(composition)
    if scene.sign is not None:
        steps.append(("lettering", partial(lettering.print_on_board, view)))
        return steps, (*missing, *lettering.sign_board(view).words.left_out)
    if strip.mask.any():
        steps.append(("lettering", partial(lettering.print_strip, view, sheet, strip)))
    return steps, (*missing, *strip.left_out)


class _Clock:
    """Turns ticks of work into a fraction that never falls."""

    def __init__(self, progress: Callable[[str, float], None]) -> None:
        self._progress = progress
        self._step, self._start, self._end, self._ticks = "words", 0.0, 0.0, 0
        self.previews: Previews | None = None

    def enter(self, step: str, start: float, end: float) -> None:
        """Begin a step that runs from one fraction to another."""
        self._step, self._start, self._end, self._ticks = step, start, end, 0
        self._report(start)

    def tick(self) -> None:
        """One more piece of the step is done; how many there will be is not known."""
        self._ticks += 1
        share = 1 - 1 / (1 + self._ticks / 60)
        self._report(self._start + (self._end - self._start) * share)

    def _report(self, fraction: float) -> None:
        self._progress(self._step, fraction)
        if self.previews is not None:
            self.previews.show_if_due(fraction)


def _as_bytes(canvas: Canvas, cell: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """The inks as bytes, each canvas pixel `cell` wide."""
    pixels = np.empty((height, width, 3), np.uint8)
    for band in canvas.bands():
        rows = np.s_[band.start * cell : band.stop * cell]
        for channel, plane in enumerate(canvas.planes):
            inked = np.clip(plane[band.start : band.stop] * 255 + np.float32(0.5), 0, 255)
            large = inked.astype(np.uint8).repeat(cell, 0).repeat(cell, 1)
            pixels[rows, :, channel] = large[: len(pixels[rows]), :width]
    return pixels


_ROWS = 64
"""Rows per call into zlib."""


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Write pixels of shape `(height, width, 3)` as a PNG, and let other threads run meanwhile.

    Pillow's writer holds the interpreter lock for the whole picture; zlib releases it.

    The rows are not filtered: grain in flat inks repeats as it is but not as differences. A
    print of 1024 by 1024 takes 50 ms and 0.7 MB so, 1.1 MB with a filter.
    """
    height, width, _ = pixels.shape
    rows = pixels.reshape(height, width * 3)
    deflate = zlib.compressobj(3, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY)
    body = []
    for start in range(0, height, _ROWS):
        part = rows[start : start + _ROWS]
        lines = np.empty((len(part), width * 3 + 1), np.uint8)
        lines[:, 0] = 0  # no filter
        lines[:, 1:] = part
        body.append(deflate.compress(lines.data))
    body.append(deflate.flush())
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", header), _chunk(b"IDAT", b"".join(body)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    size, check = struct.pack(">I", len(data)), struct.pack(">I", zlib.crc32(kind + data))
    return size + kind + data + check
