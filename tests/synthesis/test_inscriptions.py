"""Which words of a prompt are lettered, which are left to be painted."""

# ruff: noqa: RUF001 - quotation marks are what this is about

import pytest

from mediatoolkit.synthesis.painting.inscriptions import find
from mediatoolkit.synthesis.painting.words import read


@pytest.mark.parametrize(
    "prompt",
    [
        'a poster with "Hello, World"',
        "a poster with “Hello, World”",
        "a poster with ”Hello, World”",
        "a poster with „Hello, World“",
        "a poster with «Hello, World»",
        "a poster with »Hello, World«",
        "a poster with ‘Hello, World’",
        "a poster with 'Hello, World'",
    ],
)
def test_quotes_of_all_kinds_hold_words_to_letter(prompt: str) -> None:
    assert find(prompt).words == "Hello, World"
    assert find(prompt).rest.split() == ["a", "poster"]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a sign that says OPEN", "OPEN"),
        ("a sign that says OPEN 24 HOURS in the snow", "OPEN 24 HOURS"),
        ("a sign saying Keep off the grass, in a park", "Keep off the grass"),
        ("a billboard that says Made in Germany", "Made in Germany"),
        ("a sign that says Welcome to Paris in the rain", "Welcome to Paris"),
        ("a sign reading no dogs", "no dogs"),
        ("a poster that reads hello", "hello"),
        ("a wall that reads STAY CALM", "STAY CALM"),
        ("a card with the words Happy Birthday Anna", "Happy Birthday Anna"),
        ("a card with the text: hello", "hello"),
        ("a book titled The Great Escape, in winter", "The Great Escape"),
        ("a fox with the caption sly", "sly"),
        ("a fox, title: My Talk.", "My Talk"),
        ('a poster with "SALE" and "50% off"', "SALE\n50% off"),
        ("a sign that says 'don't panic'", "don't panic"),
        ("a cat saying Öffnet Ωμέγα Привет", "Öffnet Ωμέγα Привет"),
    ],
)
def test_words_are_taken_as_they_are_written(prompt: str, words: str) -> None:
    assert find(prompt).words == words


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox that doesn't sleep and isn't red",
        "the dogs' bowl and the cats' toys",
        "a '80s car and the neighbours' house",
        "rock 'n' roll",
        'a 5" by 7" photo of a fox',
        "a girl reads a book under a tree",
        "a robot that reads the newspaper",
        "a robot reading a book",
        "the text is blurred",
        "an unclosed “quote",
        '"" and " "',
    ],
)
def test_apostrophes_inches_and_readers_hold_none(prompt: str) -> None:
    assert find(prompt).words == ""


def test_what_is_lettered_is_not_searched_for_things_and_not_missed() -> None:
    scene = read('a castle with a sign that says "The red fox"')
    assert [thing.motif for thing in scene.things] == ["EUROPEAN CASTLE"]
    assert (scene.lettering, scene.sign, scene.unknown) == ("The red fox", "", ())


@pytest.mark.parametrize(
    ("prompt", "colour", "sign"),
    [
        ("a red sign that says STOP", "", "red"),
        ('a "CLOSED" sign on a door', "", ""),
        ('a cake with "Anna" written on it in bold gold letters', "gold", None),
        ('a fox with "Sly"', "", None),
        ("a red sign", "", None),
    ],
)
def test_board_and_letters_have_their_own_colours(
    prompt: str, colour: str, sign: str | None
) -> None:
    assert find(prompt)[1:3] == (colour, sign)
    assert not {"bold", "written", "letters"} & {*read(prompt).unknown}


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox with a banner that says Hi",
        'a fox with the words "Hi"',
        'a fox called "Hi"',
        'a fox, and the title is "Hi"',
        'a fox with a label saying "Hi"',
    ],
)
def test_words_that_introduce_the_lettering_are_done_with_it(prompt: str) -> None:
    scene = read(prompt)
    assert (scene.lettering, scene.unknown) == ("Hi", ())


def test_a_manner_that_is_not_drawn_is_said() -> None:
    assert "cursive" in read('a cake with "Anna" in cursive letters').unknown


def test_of_a_very_long_prompt_the_beginning_is_read() -> None:
    inscription = find('a fox with "Sly" ' + "and a cat " * 10_000)
    assert inscription.words == "Sly"
    assert len(inscription.rest) < 10_100
