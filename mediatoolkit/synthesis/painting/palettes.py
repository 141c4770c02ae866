"""The named colours and the palettes of the moods, from `palettes.toml`."""

from dataclasses import dataclass, fields, replace

import numpy as np

from mediatoolkit.synthesis.painting.canvas import Ink
from mediatoolkit.synthesis.tables import load


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


_TABLES = load(__package__, "palettes.toml")


def _palettes(name: str) -> dict[str, Palette]:
    rows = _TABLES.colours(name, len(fields(Palette)))
    return {key: Palette(*map(ink, codes)) for key, codes in rows.items()}


COLOURS = {name: ink(code) for name, (code,) in _TABLES.colours("colours", 1).items()}
TIMES, SEASONS = _palettes("times"), _palettes("seasons")
SPACE = _palettes("places")["space"]


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
