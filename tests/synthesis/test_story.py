"""A prompt becomes scenes that hang together."""

import pytest

from mediatoolkit.synthesis.filming.story import illustrate, scenes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a red fox", ["a red fox"]),
        ("A fox. A lake.\nA hill", ["A fox.", "A lake", "A hill"]),
        ("a fox, then a lake; a hill", ["a fox", "a lake", "a hill"]),
        ("A fox. And then, a lake.", ["A fox.", "a lake"]),
        ("狐。湖！", ["狐。", "湖！"]),  # noqa: RUF001
        ("...", ["..."]),
        (
            'A fox says "Hi. Then what?" A lake; a hill',
            ['A fox says "Hi. Then what?" A lake', "a hill"],
        ),
    ],
)
def test_sentences_and_what_follows_a_then_are_scenes(text: str, expected: list[str]) -> None:
    assert scenes(text) == expected


def test_more_sentences_than_scenes_share_one() -> None:
    assert scenes("A fox. A lake. A hill. A house.", 2) == ["A fox. A lake.", "A hill. A house"]
    assert len(scenes("A fox. " * 50)) == 3


def test_it_stands_for_the_first_subject() -> None:
    assert scenes("A red fox by the sea. It sleeps.")[1] == "the red fox sleeps"
    assert scenes("An owl. Then upwards.")[1] == "the owl upwards"


def test_style_season_and_time_of_day_stay_until_others_are_named() -> None:
    first = "A watercolour of a fox at night in winter. "
    assert scenes(first + "A lake.")[1] == "A lake, watercolour, winter, night"
    assert scenes(first + "A lake at sunset.")[1] == "A lake at sunset, watercolour, winter"


def test_a_very_long_prompt_is_read_in_part() -> None:
    assert len(scenes("a. " * 33_000)) == 3
    assert len(scenes(" " * 90_000 + "fox")) == 1


def test_scenes_are_painted_a_little_larger_than_the_film() -> None:
    shares: list[float] = []
    painted = illustrate(
        ["a fox", "a zzyzx"], size=(160, 90), seed=7, progress=lambda _, share: shares.append(share)
    )
    (first, all_drawn), (second, not_drawn) = painted
    assert first.shape == second.shape == (108, 192, 3)
    assert (all_drawn, not_drawn) == ((), ("zzyzx",))
    assert (first != second).any()
    assert shares == sorted(shares)


def test_the_largest_film_is_painted_as_large_as_can_be() -> None:
    (pixels, _) = next(illustrate(["a hill"], size=(1920, 824), seed=1))
    assert pixels.shape[1] == 2048
