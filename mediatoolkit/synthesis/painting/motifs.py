"""Motifs: what a thing looks like, as masks with the inks they are printed in."""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np

from mediatoolkit.synthesis.painting import object_traits as traits
from mediatoolkit.synthesis.painting import outlines
from mediatoolkit.synthesis.painting.canvas import Ink
from mediatoolkit.synthesis.painting.outlines import Glyph, Mask
from mediatoolkit.synthesis.painting.palettes import (
    COLOURS,
    WARM_WHITE,
    Palette,
    ink,
    lightness,
    mix,
)
from mediatoolkit.synthesis.tables import load

_TABLES = load(__package__, "object_colours.toml")
_USUAL = _TABLES.colours("motifs", 2)
_FUR, _GOODS, _SKIN, _HAIR = map(_TABLES.colour_list, ("fur", "goods", "skin", "hair"))


@dataclass(frozen=True)
class InkedMask:
    """One ink of a motif and where it goes."""

    ink: Ink
    mask: Mask


@dataclass(frozen=True)
class Motif:
    """A thing ready to print.

    Attributes:
        silhouette: Everything the motif covers, 0 to 255.
        parts: Inks in printing order.
        body: The main ink.
        outlined: Whether lines are printed last and may slip a little.
    """

    silhouette: Mask
    parts: tuple[InkedMask, ...]
    body: Ink
    outlined: bool


def build(name: str, size: int, colour: str, inks: Palette, rng: np.random.Generator) -> Motif:
    """Make a motif.

    Args:
        name: A glyph's Unicode name or the name of a figure.
        size: Longest side in pixels.
        colour: Name of the colour it shall have, or an empty string for its own.
        inks: The palette of the picture.
        rng: Chooses among colours where the name leaves them open.
    """
    size = max(size, 8)
    if name.startswith("@"):
        return _figure(name, size, colour, inks, rng)
    if name in traits.FACES:
        return _sitting(name, size, colour, inks, rng)
    glyph = outlines.take_apart(outlines.outline(unicodedata.lookup(name), size, _weight(size)))
    parts, body = _glyph_parts(name, glyph, colour, inks, rng)
    return _cropped(Motif(glyph.silhouette, parts, body, outlined=True))


@cache
def proportions(name: str) -> tuple[float, float]:
    """Width and height of a motif as shares of its longest side."""
    if name in traits.FACES:
        return 0.72, 0.97
    if name.startswith("@"):
        corners = np.concatenate([shape.points for shape in outlines.figure(name)])
        width, height = np.ptp(corners, axis=0) * 0.009
        return float(width), float(height)
    height, width = outlines.outline(unicodedata.lookup(name), 100, 400).shape
    return width / 100, height / 100


def _weight(size: int) -> int:
    """Small motifs need bold strokes to be seen, large ones fine strokes to look drawn."""
    return int(np.interp(size, (50, 130, 260), (600, 450, 300)))


def _colours_of(name: str, colour: str, inks: Palette, rng: np.random.Generator) -> tuple[Ink, Ink]:
    free = _FUR if traits.is_animal(name) else _GOODS
    body, solid = _USUAL.get(name, ("", ""))
    main = ink(body or free[int(rng.integers(len(free)))])
    if traits.is_face(name) and not body:
        main = ink(_SKIN[int(rng.integers(len(_SKIN)))]) if traits.is_person(name) else inks.disc
    if colour:
        main = COLOURS[colour]
    second = ink(solid) if solid else mix(main, inks.line, 0.5)
    if solid and solid == body:
        return main, main
    if lightness(main) < 0.22:
        second = mix(main, WARM_WHITE, 0.08)
    return main, second


def _contrast(body: Ink) -> Ink:
    """Red beside most inks, blue beside red."""
    return ink("3f86b8") if body[0] > body[2] + 0.25 and body[1] < 0.6 else ink("d8523a")


def _line_ink(body: Ink, inks: Palette) -> Ink:
    """Darker than the body; on a black body a light line, as if cut out."""
    if lightness(body) < 0.22:
        return mix(body, WARM_WHITE, 0.42)
    return mix(body * np.float32(0.34), inks.line, 0.4)


def _glyph_parts(
    name: str, glyph: Glyph, colour: str, inks: Palette, rng: np.random.Generator
) -> tuple[tuple[InkedMask, ...], Ink]:
    body, second = _colours_of(name, colour, inks, rng)
    line = _line_ink(body, inks)
    detail = mix(body, WARM_WHITE, 0.72)
    if traits.has_windows(name):
        detail = inks.lamp
    if body is second or (name not in _USUAL and glyph.solid_share > 0.5):
        # Nearly all of this glyph is solid: the solid is the body and the gaps are the lines.
        light = mix(body, WARM_WHITE, 0.6)
        parts = (
            InkedMask(light, glyph.silhouette),
            InkedMask(line, glyph.details),
            InkedMask(line, glyph.lines),
            InkedMask(body, glyph.solid),
        )
        return parts, body
    strokes = glyph.lines if lightness(body) >= 0.22 else np.minimum(glyph.lines, glyph.core)
    parts = (
        InkedMask(body, glyph.silhouette),
        InkedMask(detail, glyph.details),
        InkedMask(line, strokes),
        InkedMask(second, glyph.solid),
    )
    return parts, body


def _figure(name: str, size: int, colour: str, inks: Palette, rng: np.random.Generator) -> Motif:
    body, second = _colours_of(name, colour, inks, rng)
    person = int(rng.integers(len(_SKIN)))
    skin = ink(_SKIN[person])
    roles = {
        "main": body,
        "light": mix(body, WARM_WHITE, 0.85),
        "shade": mix(body, inks.line, 0.22),
        "dark": second if lightness(body) >= 0.22 else mix(body, WARM_WHITE, 0.3),
        "line": mix(inks.line, ink("4a3a24"), 0.5),
        "pale": ink("ece6da"),
        "leaf": ink("5f9440"),
        "lamp": inks.lamp,
        "accent": _contrast(body),
        "skin": skin,
        "blush": mix(skin, ink("d8503a"), 0.45),
        "hair": ink(_HAIR[person]),
    }
    parts, silhouette = [], np.zeros((size, size), np.uint8)
    for shape in outlines.figure(name):
        mask = outlines.draw(shape, size)
        silhouette = np.maximum(silhouette, mask)
        parts.append(InkedMask(roles[shape.role], mask))
    return _cropped(Motif(silhouette, tuple(parts), body, outlined=False))


def _sitting(name: str, size: int, colour: str, inks: Palette, rng: np.random.Generator) -> Motif:
    """A sitting animal: a body of ours, the font's face on top."""
    head_size = round(size * 0.6)
    glyph = outlines.take_apart(
        outlines.outline(unicodedata.lookup(name), head_size, _weight(head_size))
    )
    head, body = _glyph_parts(name, glyph, colour, inks, rng)
    line, belly = _line_ink(body, inks), mix(body, WARM_WHITE, 0.55)
    stroke = head_size * np.interp(_weight(head_size), (300, 600), (0.034, 0.06))
    parts, silhouette = [], np.zeros((size, size), np.uint8)
    for shape in outlines.sitting(tail=traits.FACES[name]):
        fill = outlines.draw(shape, size)
        parts.append(InkedMask(belly if shape.role == "belly" else body, fill))
        if shape.role == "outline":
            edge = outlines.draw(shape, size, stroke=float(stroke))
            parts.append(InkedMask(line, edge))
            fill = np.maximum(fill, edge)
        silhouette = np.maximum(silhouette, fill)
    left = (size - glyph.lines.shape[1]) // 2
    for part in head:
        mask = np.zeros((size, size), np.uint8)
        mask[: part.mask.shape[0], left : left + part.mask.shape[1]] = part.mask
        silhouette = np.maximum(silhouette, mask)
        parts.append(InkedMask(part.ink, mask))
    return _cropped(Motif(silhouette, tuple(parts), body, outlined=False))


def _cropped(motif: Motif) -> Motif:
    rows = np.flatnonzero(motif.silhouette.max(1) > 8)
    columns = np.flatnonzero(motif.silhouette.max(0) > 8)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    parts = tuple(InkedMask(p.ink, p.mask[box]) for p in motif.parts)
    return Motif(motif.silhouette[box], parts, motif.body, motif.outlined)
