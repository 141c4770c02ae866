"""The painter: any words, any size, the same picture every time, and it can be stopped."""

import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mediatoolkit.synthesis.painting.painter import Painting, paint

STYLES = ("poster", "linocut", "watercolour", "oil", "ink", "pixel art")
PLACES = (
    "a fox in a forest with fireflies",
    "a boat on the sea in a storm",
    "a city in the rain at night",
    "a camel in the desert",
    "an astronaut on the moon",
    "a rocket in space",
    "two fish under water",
    "three owls on a branch",
    "a black cat on a white wall",
    "a bowl of cherries",
    "portrait of a girl with a balloon",
    "a castle on a hill in winter",
    "mountains in autumn",
    "abstract waves in blue and gold",
    "northern lights over a lake",
    "Mount Fuji at dawn",
    "a sandy beach with a palm",
)


class StopPaintingError(Exception):
    """What a caller raises to stop the painter."""


def small(text: str, *, seed: int = 1, side: int = 96) -> Painting:
    return paint(text, width=side, height=side, seed=seed)


def test_same_words_seed_and_size_give_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from mediatoolkit.synthesis.painting.painter import paint;"
        "p = paint('two red foxes under the stars', width=160, height=120, seed=5);"
        "print(hashlib.sha256(p.png()).hexdigest())"
    )
    there = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    here = paint("two red foxes under the stars", width=160, height=120, seed=5)
    assert hashlib.sha256(here.png()).hexdigest() == there.stdout.strip()


def test_another_seed_gives_another_picture() -> None:
    assert not np.array_equal(small("a fox", seed=1).pixels, small("a fox", seed=2).pixels)


@pytest.mark.parametrize("seed", [-1, 0, 2**70])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert small("a fox", seed=seed).pixels.shape == (96, 96, 3)


@pytest.mark.parametrize(
    ("width", "height"), [(64, 64), (65, 191), (333, 64), (2048, 64), (64, 2048)]
)
def test_the_picture_has_the_size_asked_for(width: int, height: int) -> None:
    painting = paint("a lighthouse by the sea", width=width, height=height, seed=3)
    assert painting.pixels.shape == (height, width, 3)
    assert painting.pixels.dtype == np.uint8


@pytest.mark.parametrize(("width", "height"), [(63, 64), (64, 2049), (0, 64), (64, -64)])
def test_a_side_out_of_range_is_refused_with_its_limits(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="64 to 2048"):
        paint("a fox", width=width, height=height, seed=1)


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        small("")


@pytest.mark.parametrize("text", PLACES)
@pytest.mark.parametrize("size", [(64, 64), (160, 90), (90, 160)])
def test_every_kind_of_scene_is_a_picture(text: str, size: tuple[int, int]) -> None:
    pixels = paint(text, width=size[0], height=size[1], seed=2).pixels
    assert pixels.std() > 12


@pytest.mark.parametrize("style", STYLES)
def test_every_style_changes_the_picture(style: str) -> None:
    plain, styled = small("a castle at night"), small(f"{style} of a castle at night")
    assert styled.pixels.shape == plain.pixels.shape
    assert np.abs(styled.pixels.astype(int) - plain.pixels).mean() > 1


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "\x00\n\t",
        "🦊🌙",
        "👩‍🚀 🏳️‍🌈",
        "日本の山",
        "лиса под звёздами",
        "fox " * 2500,
        "?!",
        "9999999999999999999999 foxes",
        "the a of and",
        "\ud800",
        "on under in of with behind",
        "red",
        "nine owls, nine cats, nine dogs, nine cows, nine pigs and nine sheep",
    ],
)
def test_odd_prompts_are_painted_too(text: str) -> None:
    assert small(text).pixels.std() > 5


def test_the_png_holds_the_pixels() -> None:
    painting = paint("a red fox under the stars", width=200, height=130, seed=1)
    with Image.open(io.BytesIO(painting.png())) as image:
        image.load()
        assert np.array_equal(np.asarray(image), painting.pixels)


def test_the_png_of_a_usual_picture_is_small() -> None:
    painting = paint("a blue sailboat at sunset", width=1024, height=1024, seed=1)
    assert len(painting.png()) < 1_500_000


@pytest.mark.parametrize("style", STYLES)
def test_progress_never_falls_and_ends_at_one(style: str) -> None:
    seen: list[tuple[str, float]] = []
    paint(
        f"{style} of a red fox in the snow",
        width=128,
        height=128,
        seed=1,
        progress=lambda stage, share: seen.append((stage, share)),
    )
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert {"sky", "fox"} <= {stage for stage, _ in seen}


def test_what_progress_raises_stops_the_painting_and_passes_through() -> None:
    calls = 0

    def stop(stage: str, share: float) -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise StopPaintingError(f"{stage} at {share}")

    with pytest.raises(StopPaintingError):
        paint("a fox", width=512, height=512, seed=1, progress=stop)
    assert calls == 20


@pytest.mark.parametrize("style", STYLES)
def test_progress_is_told_often_enough_to_stop_a_large_picture(style: str) -> None:
    calls = 0

    def count(stage: str, share: float) -> None:
        del stage, share
        nonlocal calls
        calls += 1

    # Nothing is stamped here, so each call is one band of rows.
    paint(f"{style} of an abstract pattern", width=256, height=256, seed=1, progress=count)
    assert calls > 60


def test_importing_the_room_is_cheap() -> None:
    code = (
        "import sys, mediatoolkit.synthesis;"
        "print(sorted({'numpy', 'PIL', 'manimgx_fonts'} & set(sys.modules)))"
    )
    loaded = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert loaded.stdout.strip() == "[]"
