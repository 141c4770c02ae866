"""Previews show a picture while it is painted, small and seldom."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from mediatoolkit.synthesis.painting import previews
from mediatoolkit.synthesis.painting.canvas import Canvas
from mediatoolkit.synthesis.painting.painter import paint
from mediatoolkit.synthesis.painting.previews import Previews

Shown = list[tuple[bytes, float]]


def canvas(width: int, height: int) -> Canvas:
    return Canvas(width, height, np.random.default_rng(1), lambda: None)


def at(times: list[float]) -> Callable[[], float]:
    """A clock that stands at each of *times* in turn."""
    return iter(times).__next__


def test_a_preview_comes_soon_and_then_twice_a_second_at_the_most() -> None:
    shown: Shown = []
    times = [0.0, 0.05, 0.1, 0.12, 0.3, 0.61, 0.7, 0.75, 1.2, 1.2]
    pulls = Previews(canvas(64, 64), lambda *preview: shown.append(preview), now=at(times))
    for done in range(7):
        pulls.show_if_due(done / 10)
    assert [fraction for _, fraction in shown] == [0.1, 0.4]


@pytest.mark.parametrize("size", [(64, 64), (192, 96), (193, 64), (1000, 707), (64, 1536)])
def test_a_preview_is_a_small_jpeg_of_the_same_shape(size: tuple[int, int]) -> None:
    shown: Shown = []
    pulls = Previews(canvas(*size), lambda *preview: shown.append(preview), now=at([0, 1, 1]))
    pulls.show_if_due(0.5)
    picture = Image.open(io.BytesIO(shown[0][0]))
    assert picture.format == "JPEG"
    assert 96 <= max(picture.size) <= 192 or max(size) < 192
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.15)


def test_what_is_not_printed_yet_is_pale_paper() -> None:
    sheet, shown = canvas(128, 128), Shown()
    sheet.planes[:, :64] = 0.2
    Previews(sheet, lambda *preview: shown.append(preview), now=at([0, 1, 1])).show_if_due(0.5)
    tones = np.asarray(Image.open(io.BytesIO(shown[0][0])), np.float32)
    assert tones[:48].mean() < 64
    assert tones[80:].mean() > 224


def test_a_picture_grows_towards_what_it_becomes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last preview looks like the picture, the first does not, and watching changes nothing."""
    monkeypatch.setattr(previews, "FIRST", 0.0)
    monkeypatch.setattr(previews, "NEXT", 0.0)
    shown: Shown = []
    seen = paint(
        "a red fox in the snow",
        width=384,
        height=384,
        seed=3,
        preview=lambda *preview: shown.append(preview),
    )
    unseen = paint("a red fox in the snow", width=384, height=384, seed=3)
    assert np.array_equal(seen.pixels, unseen.pixels)
    fractions = [fraction for _, fraction in shown]
    assert fractions == sorted(fractions)
    small = np.asarray(Image.fromarray(seen.pixels).reduce(2), np.float32)
    first, last = (np.asarray(Image.open(io.BytesIO(shown[n][0])), np.float32) for n in (0, -1))
    assert np.abs(last - small).mean() < 8
    assert np.abs(first - small).mean() > 32
