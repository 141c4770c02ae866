"""What falls or floats before everything else: rain, snow, fireflies, petals."""

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Ink
from mediatoolkit.synthesis.painting.inks import WARM_WHITE, ink, mix
from mediatoolkit.synthesis.painting.texture import Field
from mediatoolkit.synthesis.painting.view import View


def rain(view: View) -> None:
    """Slanting strokes of three lengths."""
    canvas, rng = view.canvas, view.rng("rain")
    pale = mix(view.inks.low, WARM_WHITE, 0.45)
    strokes = [_stroke(view.unit * long, view.unit * 0.0011) for long in (0.03, 0.05, 0.08)]
    for index in range(int(230 * canvas.width * canvas.height / view.unit**2)):
        stroke = strokes[index % 3] * np.float32(0.3 + 0.4 * rng.random())
        x, y = (
            rng.random() * (canvas.width + view.unit * 0.05),
            rng.uniform(-0.05, 1) * canvas.height,
        )
        canvas.stamp(pale, stroke, int(x) - stroke.shape[1], int(y))


def _stroke(long: float, thick: float) -> Field:
    height, width = max(3, int(long)), max(3, int(long * 0.22) + 3)
    y = np.arange(height, dtype=np.float32)[:, None]
    x = np.arange(width, dtype=np.float32)[None, :]
    away = np.abs(x - (width - 2) + y * (width - 3) / height)
    return np.clip(max(thick, 0.45) - away + 0.5, 0, 1).astype(np.float32)


def snow(view: View) -> None:
    """Round flakes, few of them large."""
    _scatter(view, "snow", mix(WARM_WHITE, view.inks.low, 0.1), 190, (0.0016, 0.0075))


def petals(view: View) -> None:
    """Blossom on the wind."""
    _scatter(view, "petals", ink("f2a9bd"), 90, (0.003, 0.008))


def _scatter(view: View, name: str, colour: Ink, count: int, sizes: tuple[float, float]) -> None:
    canvas, rng = view.canvas, view.rng(name)
    for _ in range(int(count * canvas.width * canvas.height / view.unit**2)):
        size = view.unit * (sizes[0] + (sizes[1] - sizes[0]) * rng.random() ** 3)
        spot = _dot(max(size, 0.6))
        x, y = int(rng.random() * canvas.width), int(rng.random() * canvas.height)
        canvas.stamp(colour, spot, x, y)


def _dot(radius: float) -> Field:
    reach = int(radius) + 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    return np.asarray(np.clip(radius - np.hypot(x, y) + 0.5, 0, 1), np.float32)


def fireflies(view: View) -> None:
    """Warm points with a halo of grain, near the ground."""
    canvas, rng = view.canvas, view.rng("fireflies")
    lamp = mix(view.inks.lamp, ink("f4f08a"), 0.4)
    for _ in range(int(42 * canvas.width / view.unit)):
        x = int(rng.random() * canvas.width)
        y = int(view.horizon * 0.8 + (canvas.height - view.horizon * 0.8) * rng.random() ** 0.8)
        size = view.unit * rng.uniform(0.002, 0.0045)
        reach = int(size * 5) + 2
        yy, xx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
        far = np.hypot(xx, yy)
        halo = canvas.stipple_at(0.6 * (1 - far / reach), x - reach, y - reach) * (far < reach)
        canvas.stamp(lamp, (halo * 0.6).astype(np.float32), x - reach, y - reach)
        canvas.stamp(
            mix(lamp, WARM_WHITE, 0.6), np.clip(size - far + 0.5, 0, 1), x - reach, y - reach
        )
