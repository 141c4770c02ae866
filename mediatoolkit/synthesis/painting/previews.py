"""Previews: small copies of a picture that is not finished, to look at meanwhile."""

import io
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from mediatoolkit.synthesis.painting.canvas import Canvas

SIDE = 192
"""Pixels of the longest side at the most."""
FIRST, NEXT = 0.1, 0.5
"""Seconds from the start to the first preview, and from one to the next, at the least."""

ShowPreview = Callable[[bytes, float], None]


class Previews:
    """Shows a canvas while it is being printed on; each preview takes about a millisecond.

    Args:
        canvas: What is printed on.
        show: Called with a JPEG and the share of the work that is done, 0 to 1.
        now: A clock that never goes back, seconds.
    """

    def __init__(
        self, canvas: Canvas, show: ShowPreview, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock."""
        self._canvas, self._show, self._now = canvas, show, now
        self._due = now() + FIRST

    def show_if_due(self, fraction: float) -> None:
        """Show how the picture looks now, if it is time for that."""
        if self._now() < self._due:
            return
        self._show(_jpeg(self._canvas), fraction)
        self._due = self._now() + NEXT


def _jpeg(canvas: Canvas) -> bytes:
    """Every pixel of the preview is the mean of four, so that the grain stays quiet."""
    step = -(-max(canvas.shape) // SIDE)
    half = step // 2
    high, wide = (side // step * step for side in canvas.shape)
    planes = canvas.planes[:, :high, :wide]
    points = [planes[:, y::step, x::step] for y in (0, half) for x in (0, half)]
    tones = np.clip(np.mean(points, axis=0) * 255, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.moveaxis(tones, 0, -1))).save(file, "JPEG", quality=70)
    return file.getvalue()
