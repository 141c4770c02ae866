"""Figures in the picture: their colour, their number, their place."""

import colorsys

import numpy as np
import pytest
from PIL import Image

from mediatoolkit.synthesis.painting import motifs, vocabulary
from mediatoolkit.synthesis.painting.canvas import Field
from mediatoolkit.synthesis.painting.outlines import FIGURES, outline, take_apart
from mediatoolkit.synthesis.painting.painter import paint
from mediatoolkit.synthesis.painting.palettes import COLOURS, TIMES


def hue(colour: Field) -> float:
    """Degrees around the colour circle."""
    return 360 * colorsys.rgb_to_hsv(*(float(v) for v in colour))[0]


def shown(text: str, seed: int = 4) -> Field:
    """A picture as values from 0 to 1."""
    pixels = paint(text, width=256, height=256, seed=seed).pixels
    return np.divide(pixels, 255, dtype=np.float32)


def difference(text: str, other: str) -> tuple[Field, Field]:
    """Two pictures of one seed."""
    return shown(text), shown(other)


@pytest.mark.parametrize("name", ["red", "orange", "green", "blue", "purple"])
def test_a_motif_takes_the_colour_of_the_prompt(name: str) -> None:
    motif = motifs.build("CAT", 120, name, TIMES["day"], np.random.default_rng(1))
    body = motif.parts[0]
    share = (body.mask > 128).mean()
    assert np.allclose(body.ink, COLOURS[name])
    assert share > 0.4


@pytest.mark.parametrize(("name", "degrees"), [("red", 5), ("green", 130), ("blue", 218)])
def test_the_figure_in_the_picture_has_that_hue(name: str, degrees: float) -> None:
    pixels = shown(f"a {name} fox in the snow at noon")
    # The fox sits in the lower middle; its body is by far the most vivid thing there.
    area = pixels[120:225, 90:200].reshape(-1, 3)
    vivid = np.ptp(area, axis=1)
    colour = COLOURS[name]
    near = area[(vivid > 0.25) & (np.abs(area - colour).max(1) < 0.2)]
    assert len(near) > 0.12 * len(area)
    assert abs(hue(near.mean(0)) - degrees) < 15


def test_the_colour_of_a_thing_leaves_sky_and_ground_alone() -> None:
    red, blue = difference("a red fox in a meadow", "a blue fox in a meadow")
    changed = (red != blue).any(2)
    assert 0.03 < changed.mean() < 0.25
    assert not changed[:60].any()
    assert not changed[:, :20].any()


def islands(mask: Field) -> int:
    """How many separate spots of some size a mask has."""
    small = np.asarray(Image.fromarray((mask * 255).astype(np.uint8)).resize((128, 128)))
    left = {(int(y), int(x)) for y, x in np.argwhere(small > 127)}
    count = 0
    while left:
        edge, size = [left.pop()], 1
        while edge:
            y, x = edge.pop()
            around = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= around
            edge += around
            size += len(around)
        count += size > 12
    return count


@pytest.mark.parametrize(("word", "count"), [("a", 1), ("two", 2), ("three", 3)])
def test_as_many_are_printed_as_the_prompt_says(word: str, count: int) -> None:
    text = f"{word} purple balloon{'s' * (count > 1)} over a desert at noon"
    pixels = shown(text, seed=6)
    purple = np.abs(pixels - COLOURS["purple"]).max(2) < 0.12
    assert islands(purple.astype(np.float32)) == count


def test_a_black_thing_keeps_its_lines() -> None:
    motif = motifs.build("CAT", 200, "black", TIMES["day"], np.random.default_rng(1))
    lines = motif.parts[2]
    assert lines.ink.mean() > motif.body.mean() + 0.2
    assert (lines.mask > 128).sum() > 150


def test_a_silhouette_has_no_holes_inside_its_outline() -> None:
    glyph = take_apart(outline("🐈", 160, 400))
    assert glyph.silhouette.shape == glyph.lines.shape
    assert (glyph.silhouette > 128).sum() > 1.5 * (glyph.lines > 128).sum()
    assert (glyph.silhouette >= glyph.lines).all()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_figure_of_our_own_can_be_built(name: str) -> None:
    motif = motifs.build(name, 80, "", TIMES["day"], np.random.default_rng(1))
    assert (motif.silhouette > 128).mean() > 0.15


def test_every_everyday_noun_has_a_motif() -> None:
    for motif in set(vocabulary.EVERYDAY.values()):
        width, height = motifs.proportions(motif)
        assert 0 < width <= 1.05
        assert 0 < height <= 1.05


def test_a_cat_on_a_car_is_above_the_car() -> None:
    pixels = shown("a purple cat on a red car in the snow")
    cat = np.flatnonzero((np.abs(pixels - COLOURS["purple"]).max(2) < 0.12).any(1))
    car = np.flatnonzero((np.abs(pixels - COLOURS["red"]).max(2) < 0.12).any(1))
    assert np.median(cat) < np.median(car) - 20
