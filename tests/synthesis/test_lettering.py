"""Lettering: the picture holds the very letters, in every style, or says which it lacks."""

import numpy as np
import pytest

from mediatoolkit.synthesis.painting import lettering
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.outlines import Mask
from mediatoolkit.synthesis.painting.painter import Painting, paint
from mediatoolkit.synthesis.painting.setting import look_at
from mediatoolkit.synthesis.painting.typesetting import set_in_type
from mediatoolkit.synthesis.painting.words import read

WIDTH, HEIGHT = 400, 300
STYLES = ("poster", "linocut", "watercolour", "oil painting", "ink drawing")
BOX, SIZES = (340.0, 80.0), (9.0, 40.0)


def painted(prompt: str, seed: int = 1) -> Painting:
    return paint(prompt, width=WIDTH, height=HEIGHT, seed=seed)


def likeness(painting: Painting, letters: Mask) -> float:
    """How much the place most like some letters resembles them, 1 for dark on white or reverse."""
    tones = painting.pixels.mean(2)
    pattern = letters - letters.mean()
    spectrum = np.fft.rfft2(tones - tones.mean()) * np.fft.rfft2(pattern, tones.shape).conj()
    match = np.abs(np.fft.irfft2(spectrum, tones.shape))
    high, wide = letters.shape
    match[tones.shape[0] - high + 1 :], match[:, tones.shape[1] - wide + 1 :] = 0, 0
    top, left = np.unravel_index(match.argmax(), match.shape)
    there = tones[top : top + high, left : left + wide]
    return float(abs(np.corrcoef(there.ravel(), letters.ravel())[0, 1]))


def on_strip(prompt: str) -> Mask:
    sheet = Canvas(WIDTH, HEIGHT, np.random.default_rng(1), lambda: None)
    return lettering.strip(read(prompt), sheet).mask


def on_board(prompt: str) -> Mask:
    sheet = Canvas(WIDTH, HEIGHT, np.random.default_rng(1), lambda: None)
    return lettering.sign_board(look_at(read(prompt), sheet, (1, 1))).words.mask


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("scene", ["a sign", "a dark blue sign", "a fox beside a grey sign"])
def test_a_sign_shows_its_words_in_every_style(style: str, scene: str) -> None:
    prompt = f"{style} of {scene} that says Wet Paint"
    picture = painted(prompt)
    assert likeness(picture, on_board(prompt)) > 0.9
    assert not {"sign", "says", "wet", "paint", "Wet", "Paint"} & {*picture.not_drawn}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("time", ["at night", "at noon"])
def test_other_words_stand_under_the_picture_in_every_style(style: str, time: str) -> None:
    prompt = f'{style} of a fox {time} with the words "Sly as ever"'
    assert likeness(painted(prompt), on_strip(prompt)) > 0.97


def test_pixel_art_has_letters_of_whole_pixels() -> None:
    picture = paint('pixel art of a fox with "Sly"', width=264, height=264, seed=1)
    coarse = picture.pixels[::2, ::2]
    sheet = Canvas(132, 132, np.random.default_rng(1), lambda: None)
    letters = lettering.strip(read('pixel art of a fox with "Sly"'), sheet).mask
    assert set(np.unique(letters)) == {0, 255}
    assert likeness(Painting(coarse, ()), letters) > 0.99
    assert (picture.pixels == coarse.repeat(2, 0).repeat(2, 1)).all()


def test_case_and_accents_are_kept() -> None:
    picture = painted('a fox with "Größe"')
    assert likeness(picture, on_strip('a fox with "Größe"')) > 0.97
    for other in ("GRÖSSE", "größe", "Grosse"):
        assert likeness(picture, on_strip(f'a fox with "{other}"')) < 0.9


def test_letters_have_the_colour_they_shall_have_where_it_can_be_read() -> None:
    red, white = (
        painted(f'a fox with "Sly" in {name} letters').pixels for name in ("red", "white")
    )
    changed = (red != white).any(2)
    assert (red[changed][:, 0] > red[changed][:, 2].astype(int) + 90).mean() > 0.7
    assert (white[changed].mean(1) < 120).mean() > 0.7


def test_the_picture_over_the_words_is_whole() -> None:
    """Nothing is covered: the scene is laid out for the rows that are left."""
    picture = painted('a fox with "Sly"')
    sheet = Canvas(WIDTH, HEIGHT, np.random.default_rng(1), lambda: None)
    rows = lettering.strip_height(lettering.strip(read('a fox with "Sly"'), sheet), sheet)
    assert 40 < rows < 110
    strip = picture.pixels[HEIGHT - rows :].reshape(-1, 3)
    assert len(np.unique(strip, axis=0)) < 300
    assert picture.pixels[HEIGHT - rows - 1].std() > 15


@pytest.mark.parametrize("words", ["営業中", "مرحبا", "שלום", "नमस्ते", "❤", "☃", "สวัสดี"])
@pytest.mark.parametrize("scene", ["a fox with", "a sign that says", "a zzyzx with"])
def test_what_the_font_cannot_show_is_listed_and_no_boxes_are_drawn(words: str, scene: str) -> None:
    assert not set_in_type(words, BOX, SIZES).mask.any()
    assert words in painted(f'{scene} "{words}"').not_drawn


def test_words_that_can_be_shown_stand_without_the_others() -> None:
    words = set_in_type("OPEN 営業中", BOX, SIZES)
    assert words.left_out == ("営業中",)
    assert np.array_equal(words.mask, set_in_type("OPEN", BOX, SIZES).mask)


def test_a_long_text_is_wrapped_and_smaller() -> None:
    short, long = (set_in_type("Keep off the grass " * n, BOX, SIZES) for n in (1, 4))
    for words in (short, long):
        assert words.left_out == ()
        assert words.mask.shape[1] <= BOX[0]
        assert words.mask.shape[0] <= BOX[1]
    assert _rows(long.mask) > _rows(short.mask) == 1


def _rows(letters: Mask) -> int:
    """How many lines: bands of rows with ink, taller than a dot."""
    inked = np.concatenate([[0], letters.any(1).astype(int), [0]])
    starts, ends = np.flatnonzero(np.diff(inked) == 1), np.flatnonzero(np.diff(inked) == -1)
    return int(((ends - starts) > 5).sum())


def test_what_does_not_fit_is_listed() -> None:
    many = [f"word{number}" for number in range(300)]
    words = set_in_type(" ".join(many), BOX, SIZES)
    assert 5 < len(words.left_out) < 300
    assert list(words.left_out) == many[-len(words.left_out) :]
    picture = painted(f'a fox with "{" ".join(many)}"')
    assert {"word299", *words.left_out[-50:]} <= {*picture.not_drawn}


def test_a_word_wider_than_the_picture_is_listed() -> None:
    assert set_in_type("W" * 200, BOX, SIZES).left_out == ("W" * 200,)


@pytest.mark.parametrize("size", [(64, 64), (2048, 64), (64, 2048), (333, 97)])
def test_lettering_fits_any_size(size: tuple[int, int]) -> None:
    for prompt in ('a fox with "Sly"', "a sign that says OPEN", "a map of Europe"):
        picture = paint(prompt, width=size[0], height=size[1], seed=1)
        assert picture.pixels.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("prompt", ['a fox with "Sly"', "a sign that says OPEN", "a map of Europe"])
def test_the_same_seed_gives_the_same_pixels(prompt: str) -> None:
    assert np.array_equal(painted(prompt, 3).pixels, painted(prompt, 3).pixels)
    assert not np.array_equal(painted(prompt, 3).pixels, painted(prompt, 4).pixels)
