"""Where things stand: as many as asked for, and in the relation that the prompt has."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediatoolkit.synthesis.painting import motifs, vocabulary
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.composition import Composition, compose
from mediatoolkit.synthesis.painting.layout import Spot
from mediatoolkit.synthesis.painting.omissions import not_drawn
from mediatoolkit.synthesis.painting.setting import look_at
from mediatoolkit.synthesis.painting.words import read

SIZES = ((512, 512), (512, 288), (288, 512))
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def composed(text: str, size: tuple[int, int] = (512, 512), seed: int = 1) -> Composition:
    sheet = Canvas(*size, np.random.default_rng(1), lambda: None)
    return compose(look_at(read(text), sheet, (seed, 1)))


def placed(text: str, size: tuple[int, int] = (512, 512), seed: int = 1) -> list[list[Spot]]:
    """The spots of each thing of a prompt."""
    composition = composed(text, size, seed)
    things = composition.view.scene.things
    return [[spot for spot in composition.spots if spot.thing is thing] for thing in things]


def box(spot: Spot) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    wide, tall = (spot.size * share for share in motifs.proportions(spot.thing.motif))
    return spot.x - wide / 2, spot.base - tall, spot.x + wide / 2, spot.base


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text",
    ["{} apples in a bowl", "a bowl of {} apples", "{} owls on a branch", "{} cats on a car"],
)
def test_small_numbers_are_kept(text: str, size: tuple[int, int], count: int) -> None:
    prompt = text.format(NUMBERS[count - 1])
    spots = max(placed(prompt, size), key=len)
    assert len(spots) == count
    assert len({(round(spot.x), round(spot.base)) for spot in spots}) == count
    assert not_drawn(composed(prompt, size)) == ()


def test_a_heap_without_a_number_is_a_heap() -> None:
    assert len(placed("a bowl of apples")[1]) > 3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", SIZES)
def test_a_dog_under_a_table_is_below_its_top(size: tuple[int, int], seed: int) -> None:
    (dog,), (table,) = placed("a dog under a table", size, seed)
    left, top, right, bottom = box(table)
    assert left < box(dog)[0] < box(dog)[2] < right
    assert top + 0.1 * (bottom - top) < box(dog)[1]
    assert dog.depth > table.depth


def test_a_cat_on_a_table_stands_on_it() -> None:
    assert "table" in {name for name, _ in composed("a cat on a table").background}


def test_a_cat_on_a_chair_is_on_its_seat() -> None:
    (cat,), (chair,) = placed("a cat on a chair")
    assert box(chair)[1] < cat.base < box(chair)[3]


def test_in_front_of_and_behind_differ() -> None:
    for text, nearer in (("a cat in front of a house", True), ("a cat behind a house", False)):
        (cat,), (house,) = placed(text)
        assert (cat.depth > house.depth) is nearer
        assert (cat.base > house.base) is nearer


def test_a_dog_in_a_boat_is_aboard() -> None:
    (dog,), (boat,) = placed("a dog in a boat")
    assert box(boat)[0] < dog.x < box(boat)[2]
    assert box(boat)[1] < dog.base < box(boat)[3]


def test_a_chain_of_relations_holds() -> None:
    (cat,), (chair,), (tree,) = placed("a cat on a chair under a tree")
    assert box(tree)[0] < box(chair)[0]
    assert box(chair)[0] < cat.x < box(chair)[2]


def test_the_fox_is_the_fox_of_before() -> None:
    assert len(placed("a fox walks, then the fox sleeps")) == 1
    assert len(placed("a red fox walks, then the red fox sleeps")) == 1
    assert len(placed("a red fox sees the blue fox")) == 2
    assert len(placed("a fox and a fox")) == 2


def test_a_pyramid_grows_smaller_upwards() -> None:
    spots = sorted(placed("nine apples in a bowl")[0], key=lambda spot: -spot.depth)
    rows = [spots[:4], spots[4:7], spots[7:]]
    middles = [np.mean([spot.base for spot in row]) for row in rows]
    assert all(lower > upper for lower, upper in pairwise(middles))


_WORDS = (
    *("a", "the", "and", "no", "it", "zzyzx", "red", "blue", "dress", "sky", "moon", "12", "dark"),
    *("cat", "car", "boat", "bowl", "apples", "table", "girl", "birds", "tree", "chair", "fish"),
    *vocabulary.RELATIONS,
    *vocabulary.POSES,
    *vocabulary.COUNTS,
    *(word for table in vocabulary.SETTINGS.values() for word in table),
)


@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=14), st.integers(0, 9))
def test_any_mixture_of_words_can_be_composed(words: list[str], seed: int) -> None:
    """What is listed was written, each word once and in its order."""
    missing = not_drawn(composed(" ".join(words), (96, 64), seed))
    rest = iter(words)
    assert all(word in rest for word in missing), missing


@pytest.mark.parametrize("text", ["the sun behind a mountain", "the sun over a city at dusk"])
def test_a_sun_that_is_asked_for_is_clear_of_the_land(text: str) -> None:
    view = composed(text).view
    assert view.light[1] < view.horizon * 0.4
