"""Rows of trees: conifers, or round crowns in autumn."""

import numpy as np
from PIL import Image, ImageDraw

from mediatoolkit.synthesis.painting.glyphs import as_field
from mediatoolkit.synthesis.painting.inks import ink, mix
from mediatoolkit.synthesis.painting.land import lay_body
from mediatoolkit.synthesis.painting.texture import Field, smooth, wander
from mediatoolkit.synthesis.painting.view import View

LEAVES = ("d9722a", "c4502a", "e3a23a", "a83f28")


def treeline(view: View, *, rows: int = 3, tall: float = 1.0) -> None:
    """Rows of trees, nearer, darker and larger downwards.

    Args:
        view: The scene.
        rows: How many rows.
        tall: Factor on the height of the trees.
    """
    inks, rng = view.inks, view.rng("trees")
    autumn = view.scene.season == "autumn"
    for index in range(rows):
        near = (index + 1) / rows
        colour = mix(inks.far, inks.near, 0.3 + 0.7 * near)
        if view.scene.season == "winter":
            colour = mix(inks.far, inks.line, 0.25 + 0.45 * near)
        high = tall * view.unit * (0.07 + 0.15 * near**1.3)
        bumps = wander(rng, view.canvas.width, view.unit * 0.5, octaves=2) - 0.5
        line = view.horizon + view.unit * (0.035 + 0.065 * near) + view.unit * 0.03 * bumps
        at = -high * rng.random() * 0.3
        while at < view.canvas.width + high * 0.3:
            size = high * rng.uniform(0.55, 1.1)
            leaf = mix(ink(LEAVES[int(rng.integers(4))]), colour, 0.55 - 0.4 * near)
            mask = _crown(rng, size) if autumn else _conifer(rng, size)
            root = float(line[int(np.clip(at, 0, len(line) - 1))])
            left, top = int(at) - mask.shape[1] // 2, int(root + size * 0.06) - mask.shape[0]
            view.canvas.stamp(leaf if autumn else colour, mask, left, top)
            if near > 0.6:
                _shade(view, mask, left, top)
            at += high * rng.uniform(0.16, 0.5) * (1.4 if autumn else 1)
        if autumn:
            colour = mix(mix(inks.ground, inks.far, 0.4 * (1 - near)), inks.line, 0.12)
        haze = mix(inks.low, inks.far, 0.5)
        lay_body(view, line, colour, haze, depth=high, strength=0.4 * (1 - near))


def _shade(view: View, mask: Field, left: int, top: int) -> None:
    """Grain on the side of a tree away from the light."""
    across = np.linspace(-1, 1, mask.shape[1], dtype=np.float32)[None, :]
    side = -1 if view.light[0] > view.canvas.width / 2 else 1
    dark = 0.8 * smooth(-0.2, 1.0, side * across) * np.ones_like(mask)
    dots = view.canvas.stipple_at(dark, left, top)
    view.canvas.stamp(view.inks.line, (mask * dots * 0.45).astype(np.float32), left, top)


def _polygon(points: np.ndarray, width: int, height: int) -> Field:
    sheet = Image.new("L", (2 * width, 2 * height))
    ImageDraw.Draw(sheet).polygon([(2 * float(x), 2 * float(y)) for x, y in points], fill=255)
    return as_field(np.asarray(sheet.reduce(2)))


def _conifer(rng: np.random.Generator, size: float) -> Field:
    """A spire with drooping branches, ragged on both sides."""
    height, half = max(6, int(size)), max(3, int(size * rng.uniform(0.17, 0.23)))
    tiers = int(np.clip(size / 9, 3, 9))
    right: list[tuple[float, float]] = []
    left: list[tuple[float, float]] = []
    for tier in range(1, tiers + 1):
        t = tier / tiers
        for side in (right, left):
            reach = half * t**0.85 * rng.uniform(0.8, 1.08)
            side += [(reach, height * (t * 0.9 + 0.015)), (reach * 0.5, height * (t * 0.9 - 0.02))]
    stem, foot = half * 0.06 + 0.5, height * 0.88
    trunk = [(stem, foot), (stem, float(height)), (-stem, float(height)), (-stem, foot)]
    outline = [(0.0, 0.0), *right[:-1], *trunk, *((-x, y) for x, y in reversed(left[:-1]))]
    return _polygon(np.array(outline) + np.array([half, 0]), 2 * half + 1, height)


def _crown(rng: np.random.Generator, size: float) -> Field:
    """A round tree: a cloud of leaves on a short trunk."""
    height, half = max(6, int(size)), max(3, int(size * 0.4))
    turn = np.linspace(0, 2 * np.pi, 40)[:-1]
    lumps = 0.86 + 0.12 * np.sin(turn * rng.integers(5, 8) + rng.random() * 6)
    x = half + half * lumps * np.cos(turn)
    y = height * 0.42 + height * 0.44 * lumps * np.sin(turn)
    crown = _polygon(np.stack([x, y], 1), 2 * half + 1, height)
    trunk = max(0.6, size * 0.03)
    columns = np.abs(np.arange(2 * half + 1, dtype=np.float32) - half)[None, :]
    rows = np.arange(height, dtype=np.float32)[:, None]
    stem = np.clip(trunk - columns + 0.5, 0, 1) * (rows > height * 0.6)
    return np.maximum(crown, stem).astype(np.float32)
