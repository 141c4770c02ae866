"""The finish: what makes a print a poster, a linocut, a watercolour."""

from collections.abc import Callable
from functools import partial

import numpy as np

from mediatoolkit.synthesis.canvas import Band
from mediatoolkit.synthesis.inks import PAPER
from mediatoolkit.synthesis.texture import Field, Noise, smooth
from mediatoolkit.synthesis.view import View

Step = tuple[str, Callable[[], None]]


def finish(view: View) -> list[Step]:
    """The last steps, by the style of the scene; the house style is the poster."""
    return [("print", partial(poster, view))]


def poster(view: View) -> None:
    """Paper shows through where ink is thin, in specks."""
    canvas = view.canvas
    worn = Noise(view.rng("worn"), canvas.shape, view.unit * 0.5, octaves=3)

    def specks(band: Band) -> Field:
        thin = worn.rows(band.start, band.stop)
        return smooth(0.012, 0.0, band.grain - 0.02 * thin) * 0.5

    canvas.lay(PAPER, specks)
