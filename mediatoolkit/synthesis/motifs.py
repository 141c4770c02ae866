"""Motifs: what a thing looks like, as masks with the inks they are printed in."""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np

from mediatoolkit.synthesis import figures, glyphs, kinds
from mediatoolkit.synthesis.canvas import Ink
from mediatoolkit.synthesis.glyphs import Glyph, Mask
from mediatoolkit.synthesis.inks import COLOURS, WARM_WHITE, Palette, ink, lightness, mix

# Motif: colour of the body, colour of its solid parts (or "-" for a darker body).
COATS = {
    name.replace("~", " "): (body, solid)
    for name, body, solid in (
        line.split()
        for line in """
        @fox d9622b 3a2020
        @astronaut efeae0 2a3350
        @lighthouse d0402f 23283c
        @robot 8fa9b8 38475c
        @girl d8483f 3a2a2a
        @boy 3f86b8 3a2a2a
        @woman b0405a 33242c
        @man 3d5f8a 2a2430
        @wizard 5a4aa8 2a2430
        @bowl 4f86a8 2c4a66
        @balloonist d8523a 7a4a2c
        @windmill f0e4cc 6a3a2c
        @pine 2f6b4e 24402f
        @tree 5a8f45 5a3a24
        @crystal c98a5a 7a4a3a
        CAT 8b8794 3c3944
        CAT~FACE e0a050 3c3944
        DOG c98f55 5a3a26
        DOG~FACE d8a468 5a3a26
        OWL 9a6b40 4a2f20
        BEAR~FACE 8a5a36 8a5a36
        PANDA~FACE f2eee6 2b2a30
        WOLF~FACE 8f98a6 3c4452
        LION~FACE e2a648 a8622a
        TIGER ec8f32 33221c
        ELEPHANT 9b9aa6 5b5a68
        HORSE 8a5838 3a241c
        HORSE~FACE 8a5838 3a241c
        UNICORN~FACE f3edf4 c774b8
        RABBIT e9dfd2 8a7a70
        DEER a8703c 5a3620
        COW f2ece0 4a3028
        PIG f0a8a8 a85a62
        DROMEDARY~CAMEL cf9a58 7a4a28
        BACTRIAN~CAMEL cf9a58 7a4a28
        GIRAFFE~FACE e8b45c 8a4a24
        MONKEY 8a5a38 4a2c1c
        KANGAROO b87a48 5a3620
        CRICKET 6a9a3c 3c5a24
        LOTUS f0a8bc a84a6a
        CHERRY~BLOSSOM f4b8c8 c85a7a
        SHEEP f4efe4 4a4248
        MOUSE a8a2a8 5a545c
        RACCOON 9a9aa2 32323c
        KOALA 9aa0a8 3c4048
        HAMSTER~FACE e8b070 8a5a36
        FROG~FACE 63b04a 2c5a2c
        PENGUIN f2eee4 2c3648
        DUCK f0c23c b06a24
        SWAN f6f2ea 2c2c34
        FLAMINGO f08aa0 5a2c3c
        EAGLE 7a5030 3a2418
        BIRD 4f8fc0 2c4a6a
        PARROT 3fa05a 24502f
        PEACOCK 2f8a92 1f4a5a
        ROOSTER c8482f 7a2a20
        DRAGON 3f9a5c 1f5238
        DRAGON~FACE 3f9a5c 1f5238
        SAUROPOD 7aa05a 3f5a34
        T-REX 8a9a4a 4a5228
        SPOUTING~WHALE 4678ac 24425f
        WHALE 4678ac 24425f
        DOLPHIN 5f93b8 2f5472
        SHARK 7a8c9a 3c4a58
        FISH f09a3c a85a24
        OCTOPUS c8567a 7a2c4a
        CRAB d8503a 7a2c20
        TURTLE 6a9a4f 3c5a30
        BUTTERFLY ea9130 4a2a1c
        HONEYBEE f2c23c 3a2c1c
        SNAIL c89a62 7a5434
        HEDGEHOG e0c8a0 5a4030
        BAT 4a4458 2c2838
        EUROPEAN~CASTLE b9b2ae 4d4658
        JAPANESE~CASTLE ece4d4 3f4658
        HOUSE~BUILDING e0b88c 7a3a30
        HOUSE~WITH~GARDEN e0b88c 3f7a4a
        HUT b88a58 5a3a24
        CHURCH ece4d6 5a4a58
        SAILBOAT f4ead6 7a3f2c
        SHIP ece6da b8442f
        CANOE b8743c 5a3420
        AUTOMOBILE cf4433 33303a
        STEAM~LOCOMOTIVE 4a5560 23262e
        AIRPLANE ece8e0 8a929c
        ROCKET efebe2 cf4433
        FLYING~SAUCER a8b4c0 4a5668
        BICYCLE c8483a 2c2c34
        HOT~BEVERAGE f2ead8 5a3420
        TEACUP~WITHOUT~HANDLE e8efe8 4a7a6a
        @cherries c8283a 5a7a34
        RED~APPLE d23a30 d23a30
        GREEN~APPLE 8cbc45 8cbc45
        LEMON f4d23c 6a9a3c
        BANANA f4d04a 8a6a2c
        TANGERINE f0922c 4f8a3c
        PEAR b8c64a 6a7a2c
        PEACH f4a078 5f8a3c
        STRAWBERRY d8343f 4f8a3c
        GRAPES 7a4a9a 4f7a3c
        WATERMELON e0525a 3f8a4a
        PINEAPPLE e8b03c 4f8a3c
        BALLOON d8403c 8a2424
        ROSE cc3048 2f6a40
        TULIP e0566a 3f8a4a
        SUNFLOWER f2bb34 6a4020
        MUSHROOM f2e8d6 cf4030
        CACTUS 4f9458 2f6040
        PALM~TREE 4f9450 2f6038
        EVERGREEN~TREE 2f7350 1f4a34
        DECIDUOUS~TREE 5a9448 3f6a34
        CHRISTMAS~TREE 2f7350 c83a34
        SNOWMAN~WITHOUT~SNOW f6f3ec 2c2c38
        JACK-O-LANTERN e8822a 3a2418
        TENT e09a4a 5a3a2c
        GUITAR c8783a 4a2c20
        VIOLIN b0602c 4a2418
        BOOKS b84a3c 2f4a6a
        OPEN~BOOK f2ead6 4a3a34
        TEDDY~BEAR b07a48 6a4428
        TOKYO~TOWER d8503a 7a2c24
        GHOST f2f0ee 3a3a4a
        MAGE 5a4aa0 2f2860
        CROWN e8b23a 8a5a1c
        FIRE f0802c d8402c
        POTTED~PLANT 4f9458 b8643c
        HEAVY~BLACK~HEART d83a44 d83a44
        """.strip().splitlines()
    )
}
FACES = {
    "WOLF FACE": True,
    "BEAR FACE": False,
    "PANDA FACE": False,
    "LION FACE": True,
    "FROG FACE": False,
    "KOALA": False,
    "RACCOON": True,
    "HAMSTER FACE": False,
    "DOG FACE": True,
    "CAT FACE": True,
    "RABBIT FACE": False,
    "TIGER FACE": True,
    "MOUSE FACE": True,
    "COW FACE": False,
    "PIG FACE": False,
    "MONKEY FACE": True,
}
"""Glyphs that are only an animal's face, and whether the animal has a tail to show."""
_FUR = "b07a48 8f7a68 a8683c 8a8a90 c09a5c"
_GOODS = "d9622b 4f8a78 b8485a e0a93c 4f7fa8 c98a5a"
SKIN = ("f0c8a0", "e0a878", "b87a4c", "8a5636")
HAIR = ("8a4a24", "4a2c20", "2c2020", "1c1a20")
"""Tones of people, skin and hair in pairs."""


@dataclass(frozen=True)
class Part:
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
    parts: tuple[Part, ...]
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
    if name in FACES:
        return _sitting(name, size, colour, inks, rng)
    glyph = glyphs.take_apart(glyphs.outline(unicodedata.lookup(name), size, _weight(size)))
    parts, body = _glyph_parts(name, glyph, colour, inks, rng)
    return _cropped(Motif(glyph.silhouette, parts, body, outlined=True))


@cache
def proportions(name: str) -> tuple[float, float]:
    """Width and height of a motif as shares of its longest side."""
    if name in FACES:
        return 0.72, 0.97
    if name.startswith("@"):
        corners = [
            corner
            for shape in figures.FIGURES[name]
            for corner in figures.outline_points(shape, 0.009, 0, 0)
        ]
        width, height = (max(axis) - min(axis) for axis in zip(*corners, strict=True))
        return width, height
    height, width = glyphs.outline(unicodedata.lookup(name), 100, 400).shape
    return width / 100, height / 100


def _weight(size: int) -> int:
    """Small motifs need bold strokes to be seen, large ones fine strokes to look drawn."""
    return int(np.interp(size, (50, 130, 260), (600, 450, 300)))


def _coat(
    name: str, colour: str, inks: Palette, rng: np.random.Generator
) -> tuple[Ink, Ink]:
    free = tuple(ink(code) for code in (_FUR if _is_animal(name) else _GOODS).split())
    body, solid = COATS.get(name, ("", ""))
    main = ink(body) if body else free[int(rng.integers(len(free)))]
    if kinds.is_face(name) and not body:
        main = ink(SKIN[int(rng.integers(len(SKIN)))]) if _is_person(name) else inks.disc
    if colour:
        main = COLOURS[colour]
    second = ink(solid) if solid else mix(main, inks.line, 0.5)
    if solid and solid == body:
        return main, main
    if lightness(main) < 0.22:
        second = mix(main, WARM_WHITE, 0.08)
    return main, second


def _is_animal(name: str) -> bool:
    code = 0 if name.startswith("@") else ord(unicodedata.lookup(name))
    return 0x1F400 <= code <= 0x1F43F or 0x1F980 <= code <= 0x1F9AE


def _is_person(name: str) -> bool:
    return not 0x1F600 <= ord(unicodedata.lookup(name)) <= 0x1F92F


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
) -> tuple[tuple[Part, ...], Ink]:
    body, second = _coat(name, colour, inks, rng)
    line = _line_ink(body, inks)
    detail = mix(body, WARM_WHITE, 0.72)
    if _is_building(name):
        detail = inks.lamp
    if body is second or (name not in COATS and glyph.solid_share > 0.5):
        # Nearly all of this glyph is solid: the solid is the body and the gaps are the lines.
        light = mix(body, WARM_WHITE, 0.6)
        parts = (
            Part(light, glyph.silhouette),
            Part(line, glyph.details),
            Part(line, glyph.lines),
            Part(body, glyph.solid),
        )
        return parts, body
    strokes = glyph.lines if lightness(body) >= 0.22 else np.minimum(glyph.lines, glyph.core)
    parts = (
        Part(body, glyph.silhouette),
        Part(detail, glyph.details),
        Part(line, strokes),
        Part(second, glyph.solid),
    )
    return parts, body


def _is_building(name: str) -> bool:
    code = ord(unicodedata.lookup(name))
    return 0x1F3E0 <= code <= 0x1F3F0 or code in {0x26EA, 0x1F54C, 0x1F6D6, 0x1F686, 0x1F6F3}


def _figure(
    name: str, size: int, colour: str, inks: Palette, rng: np.random.Generator
) -> Motif:
    body, second = _coat(name, colour, inks, rng)
    person = int(rng.integers(len(SKIN)))
    skin = ink(SKIN[person])
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
        "hair": ink(HAIR[person]),
    }
    parts, silhouette = [], np.zeros((size, size), np.uint8)
    for shape in figures.FIGURES[name]:
        mask = figures.draw(shape, size)
        silhouette = np.maximum(silhouette, mask)
        parts.append(Part(roles[shape[0]], mask))
    return _cropped(Motif(silhouette, tuple(parts), body, outlined=False))


def _sitting(
    name: str, size: int, colour: str, inks: Palette, rng: np.random.Generator
) -> Motif:
    """A sitting animal: a body of ours, the font's face on top."""
    head_size = round(size * 0.6)
    glyph = glyphs.take_apart(
        glyphs.outline(unicodedata.lookup(name), head_size, _weight(head_size))
    )
    head, body = _glyph_parts(name, glyph, colour, inks, rng)
    line, belly = _line_ink(body, inks), mix(body, WARM_WHITE, 0.55)
    stroke = head_size * np.interp(_weight(head_size), (300, 600), (0.034, 0.06))
    parts, silhouette = [], np.zeros((size, size), np.uint8)
    for shape in ([figures.TAIL] if FACES[name] else []) + figures.SITTING:
        fill = figures.draw(shape, size)
        parts.append(Part(belly if shape[0] == "belly" else body, fill))
        if shape[0] == "outline":
            edge = figures.draw(shape, size, stroke=float(stroke))
            parts.append(Part(line, edge))
            fill = np.maximum(fill, edge)
        silhouette = np.maximum(silhouette, fill)
    left = (size - glyph.lines.shape[1]) // 2
    for part in head:
        mask = np.zeros((size, size), np.uint8)
        mask[: part.mask.shape[0], left : left + part.mask.shape[1]] = part.mask
        silhouette = np.maximum(silhouette, mask)
        parts.append(Part(part.ink, mask))
    return _cropped(Motif(silhouette, tuple(parts), body, outlined=False))


def _cropped(motif: Motif) -> Motif:
    rows = np.flatnonzero(motif.silhouette.max(1) > 8)
    columns = np.flatnonzero(motif.silhouette.max(0) > 8)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    parts = tuple(Part(p.ink, p.mask[box]) for p in motif.parts)
    return Motif(motif.silhouette[box], parts, motif.body, motif.outlined)
