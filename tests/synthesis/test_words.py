"""Reading a prompt: what is understood, what belongs to what."""

import pytest

from mediatoolkit.synthesis.painting.painter import paint
from mediatoolkit.synthesis.painting.words import PictureScene, read


def motifs(text: str) -> list[tuple[str, int, str]]:
    return [(t.motif, t.count, t.colour) for t in read(text).things]


def test_a_colour_belongs_to_the_noun_it_stands_before() -> None:
    assert motifs("a red fox and a blue sailboat") == [("@fox", 1, "red"), ("SAILBOAT", 1, "blue")]


def test_the_colour_of_a_place_is_not_given_to_a_thing() -> None:
    scene = read("a black cat on a white wall under a green sky")
    assert [t.colour for t in scene.things] == ["black"]
    assert scene.tints == {"wall": "white", "sky": "green"}


def test_colours_without_a_noun_tint_the_whole() -> None:
    assert read("abstract waves in blue and gold").colours == ("blue", "gold")


def test_a_rose_is_a_flower_and_rose_is_a_colour() -> None:
    assert motifs("a rose") == [("ROSE", 1, "")]
    assert motifs("a red rose and a rose cat") == [("ROSE", 1, "red"), ("CAT", 1, "rose")]


def test_clothes_colour_their_wearer() -> None:
    assert motifs("a woman in a blue dress") == [("@woman", 1, "blue")]


@pytest.mark.parametrize(
    ("text", "count"),
    [("an owl", 1), ("two owls", 2), ("owls", 3), ("7 owls", 7), ("a pair of owls", 2)],
)
def test_counts_are_read(text: str, count: int) -> None:
    assert motifs(text) == [("OWL", count, "")]


@pytest.mark.parametrize(
    ("text", "who", "relation", "anchor"),
    [
        ("a cat on a car", 0, "on", 1),
        ("a dog under a tree", 0, "under", 1),
        ("a bear behind a house", 0, "behind", 1),
        ("a bowl of cherries", 1, "of", 0),
        ("a girl with a balloon", 1, "with", 0),
        ("a castle on a hill", 0, "on", "hill"),
        ("an astronaut on the moon", 0, "on", "moon"),
        ("a dragon over snowy mountains", 0, "over", "mountain"),
    ],
)
def test_relations_tie_a_thing_to_its_place(
    text: str, who: int, relation: str, anchor: int | str
) -> None:
    thing = read(text).things[who]
    assert (thing.relation, thing.anchor) == (relation, anchor)


def test_stars_above_are_no_place_to_be_under() -> None:
    assert read("a red fox under the stars").things[0].relation == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a fox at midnight", PictureScene(time="night")),
        ("a fox at dusk", PictureScene(time="sunset")),
        ("a fox in a thunderstorm", PictureScene(season="storm")),
        ("a snowy night", PictureScene(time="night", season="winter")),
        ("watercolor of a fox", PictureScene(style="watercolour")),
        ("a fox, woodcut", PictureScene(style="linocut")),
        ("pixel art fox", PictureScene(style="pixel")),
        ("oil painting of a fox", PictureScene(style="oil")),
    ],
)
def test_mood_and_style_are_read(text: str, expected: PictureScene) -> None:
    scene = read(text)
    assert (scene.time, scene.season, scene.style) == (
        expected.time,
        expected.season,
        expected.style,
    )


def test_emoji_and_japanese_are_words_too() -> None:
    assert motifs("🦊🌙") == [("@fox", 1, "")]
    assert read("🦊🌙").time == "night"
    assert read("日本の山").places == ("japan", "mountain")


def test_any_glyph_of_the_font_is_a_word() -> None:
    assert motifs("an accordion and a kangaroo") == [("ACCORDION", 1, ""), ("KANGAROO", 1, "")]


def test_unknown_words_are_named_and_stop_words_are_not() -> None:
    painting = paint("a blorpish fox on the zzyzx", width=64, height=64, seed=1)
    assert painting.not_drawn == ("blorpish", "zzyzx")
    assert "fox" in painting.understood
    assert not {"a", "on", "the"} & {*painting.understood, *painting.not_drawn}


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("a fox", True),
        ("a stormy sea", True),
        ("at night", True),
        ("an abstract", True),
        ("a red zzyzx, woodcut", False),
        ("blue and gold", False),
        ("", False),
    ],
)
def test_a_colour_or_a_style_is_no_subject(text: str, *, subject: bool) -> None:
    assert read(text).has_subject is subject
