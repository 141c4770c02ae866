"""The title card: what the painter knows nothing of is set in type, and said to be not drawn."""

import numpy as np
import pytest

from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.card import TitleCard, is_card
from mediatoolkit.synthesis.painting.painter import paint
from mediatoolkit.synthesis.painting.setting import look_at
from mediatoolkit.synthesis.painting.words import read
from tests.synthesis.test_lettering import HEIGHT, STYLES, WIDTH, likeness, painted

UNKNOWN = (
    "a line chart going up",
    "a map of Europe",
    "product photo of a white sneaker on a grey background",
    "a happy customer",
    "portrait of a chief executive",
    "a dark logo",
    "Ωμέγα и Привет",
)


def card(prompt: str, width: int = WIDTH, height: int = HEIGHT, seed: int = 1) -> TitleCard:
    scene = read(prompt)
    sheet = Canvas(width, height, np.random.default_rng(1), lambda: None)
    return TitleCard(look_at(scene, sheet, (seed, 1)), scene.lettering or prompt)


@pytest.mark.parametrize("prompt", UNKNOWN)
def test_a_prompt_of_which_nothing_is_known_is_set_in_type(prompt: str) -> None:
    assert is_card(read(prompt))
    picture = painted(prompt)
    likely = max(likeness(picture, card(prompt, seed=seed).words.mask) for seed in range(8))
    assert likely > 0.95
    assert picture.not_drawn, "its words are there, but not what they mean"


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox on a dark map",
        "a chart at night",
        "snow in Zürich",
        "a landscape",
        "watercolour",
        "?!",
        "red",
    ],
)
def test_what_can_be_shown_and_what_asks_for_nothing_is_painted(prompt: str) -> None:
    assert not is_card(read(prompt))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(4))
def test_a_card_can_be_read_in_every_style(style: str, seed: int) -> None:
    prompt = f"{style} of a map of Europe in blue"
    picture = painted(prompt, seed)
    assert max(likeness(picture, card(prompt, seed=s).words.mask) for s in range(8)) > 0.95


def test_a_poster_with_words_alone_shows_these() -> None:
    prompt = 'a poster with the text "Hello World"'
    picture = painted(prompt)
    assert max(likeness(picture, card(prompt, seed=s).words.mask) for s in range(8)) > 0.95
    assert picture.not_drawn == ()


def test_colours_of_the_prompt_are_those_of_ground_and_letters() -> None:
    corner = painted("product photo of a white sneaker on a red background").pixels[40:60, 5:25]
    red, green, blue = corner.reshape(-1, 3).mean(0)
    assert red > green + 60
    assert red > blue + 60
    assert painted("a red and white chart").not_drawn == ("chart",)


def test_seeds_vary_ground_and_layout() -> None:
    pictures = [paint("a map of Europe", width=120, height=90, seed=seed) for seed in range(12)]
    grounds = {tuple(picture.pixels[8, 60] // 32) for picture in pictures}
    sides = {card("a map of Europe", seed=seed).framed for seed in range(12)}
    assert len(grounds) > 3
    assert sides == {True, False}


def test_a_very_long_prompt_is_cut_on_its_card() -> None:
    picture = painted("zzyzx quux " * 2000)
    assert set(picture.not_drawn) == {"zzyzx", "quux"}
