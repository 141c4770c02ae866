"""Inks: named colours and the palettes of the moods."""

from dataclasses import dataclass, fields, replace

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Ink


def ink(code: str) -> Ink:
    """An ink from six hexadecimal digits."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / np.float32(255)


def mix(a: Ink, b: Ink, share: float) -> Ink:
    """`a` with a share of `b`, 0 to 1."""
    return np.asarray(a + (b - a) * np.float32(share), np.float32)


def lightness(a: Ink) -> float:
    """How bright an ink looks, 0 to 1."""
    return float(a @ np.array([0.3, 0.59, 0.11], np.float32))


PAPER = ink("f6f0e2")
WARM_WHITE = ink("fbf4e4")

COLOURS = {
    name: ink(code)
    for name, code in {
        "red": "d63a2c",
        "crimson": "b3202f",
        "scarlet": "e0331f",
        "orange": "ec8024",
        "amber": "f0a52a",
        "yellow": "f3c935",
        "golden": "e0a92b",
        "gold": "e0a92b",
        "lime": "9ccc3a",
        "green": "3f9650",
        "emerald": "1f9a63",
        "olive": "7f8038",
        "teal": "1f8e8a",
        "turquoise": "37b9b0",
        "cyan": "35bcd6",
        "blue": "2f6bd0",
        "navy": "22366f",
        "indigo": "4a3fa8",
        "purple": "7f3fb0",
        "violet": "8458d0",
        "lavender": "a992d8",
        "lilac": "b79ad6",
        "magenta": "cf2f93",
        "pink": "ee7fae",
        "rose": "e0607e",
        "coral": "f07860",
        "brown": "83532f",
        "beige": "d8c3a0",
        "cream": "f3e6c6",
        "black": "25242c",
        "white": "f7f3ea",
        "grey": "8d9097",
        "gray": "8d9097",
        "silver": "b7bdc6",
        "bronze": "a8703a",
        "copper": "b8683c",
    }.items()
}


@dataclass(frozen=True)
class Palette:
    """The inks of one mood.

    Attributes:
        top: Sky overhead.
        middle: Sky half way.
        low: Sky at the horizon, and the haze.
        disc: Sun or moon.
        cloud: Clouds and mist.
        far: Farthest land.
        near: Nearest land.
        ground: Where figures stand.
        water: Sea and lake.
        line: The darkest ink.
        lamp: Windows, fireflies and other small lights.
    """

    top: Ink
    middle: Ink
    low: Ink
    disc: Ink
    cloud: Ink
    far: Ink
    near: Ink
    ground: Ink
    water: Ink
    line: Ink
    lamp: Ink


def _palette(codes: str) -> Palette:
    return Palette(*(ink(code) for code in codes.split()))


# top middle low disc cloud far near ground water line lamp
TIMES = {
    "day": _palette("4a97c4 8cc3d2 e3ecd8 f7c64c fbf3e0 93bdb0 2f6d5a 6f9f4c 2f7f9f 1c3140 ffe9a8"),
    "dawn": _palette(
        "7787bf c9a5c0 fbd3b0 f58d6b fbe6d6 b3a4c4 4c5480 78937f 7d93c0 2b2c4c ffdf9c"
    ),
    "sunset": _palette(
        "3b2a68 b6446f f99a58 ffd873 f3745c a24670 321f49 432347 5c3270 1d1230 ffd06a"
    ),
    "night": _palette(
        "0c1533 182a58 33599a f7edc8 2b4476 33558c 0d1a38 142444 14315c 070d20 f9cb5c"
    ),
}
SEASONS = {
    "storm": _palette(
        "2b3440 4d5963 98a39f dfe2d6 38424c 6c7a7b 232d30 39443f 35505c 12181d f4d27a"
    ),
    "winter": _palette(
        "6a98c2 a8c3d6 f3e8d8 f6d29a f6f4ee a3bdd2 5d83a4 eef2f2 5d8aa8 22344a ffd98a"
    ),
    "autumn": _palette(
        "6f9aa6 c9c9a8 fae0ac f2a945 fbeed2 cd9f6b 7a3d22 b96a2c 5f8690 3a1d17 ffdf8e"
    ),
    "fantasy": _palette(
        "1c0f4c 6f2a94 f0629f a2f4e4 8a3fae 7d41a4 1b1138 2a1850 2c2a86 0e0826 5ff0da"
    ),
}
SPACE = _palette("080b20 121640 2a2766 f3e6c0 2d2a66 3c3a78 12122e 3a3a55 14204a 05060f f9d46c")


def palette(time: str, season: str) -> Palette:
    """The inks of a time of day in a season or weather, either of them may be empty."""
    if season and not time:
        return SEASONS[season]
    base = TIMES[time or "day"]
    if not season or season == "fantasy":
        return base if not season else SEASONS[season]
    other, share = SEASONS[season], 0.3 if time in {"night", "sunset"} else 0.5
    blend = {
        f.name: mix(getattr(base, f.name), getattr(other, f.name), share) for f in fields(base)
    }
    return replace(Palette(**blend), disc=base.disc, line=base.line, lamp=base.lamp)


def tinted(inks: Palette, tints: dict[str, Ink]) -> Palette:
    """A palette with some of its inks drawn towards a colour, each keeping its lightness."""
    changed = {}
    for name, colour in tints.items():
        old = getattr(inks, name)
        lift = (lightness(old) + 0.25) / (lightness(colour) + 0.25)
        changed[name] = np.clip(mix(old, colour * np.float32(lift), 0.8), 0, 1)
    return replace(inks, **changed)
