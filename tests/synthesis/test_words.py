"""Reading a prompt: what is understood, what belongs to what."""

import pytest

from mediatoolkit.synthesis.painting.painter import paint
from mediatoolkit.synthesis.painting.scene import PictureScene
from mediatoolkit.synthesis.painting.words import read


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


def test_unknown_words_are_named_and_grammar_is_not() -> None:
    painting = paint("a blorpish fox on the zzyzx", width=64, height=64, seed=1)
    assert painting.not_drawn == ("blorpish", "zzyzx")


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a map of Europe", "map, Europe"),
        ("An OLD man, an old house, an Old car", "OLD"),
        ("a walking fox on the moon of Zzyzx", "walking, Zzyzx"),
        ("Please draw a beautiful, highly detailed picture of two owls, 4k", ""),
        ("a cat, a dog, a cow, a pig, a horse and a goat", "goat"),
        ("a red and white house", "white"),
        ("a cat under a car", "under"),
        ("a man in a car", "in"),
        ("a dog between two cats", "between"),
        ("a cat on a mountain", "on"),
        ("a cat on the sea", "on"),
        ("a castle in a storm with stars", "stars"),
        ("a portrait of a tiger in a forest", "forest"),
        ("abstract cats", "abstract"),
        ("a red fox and a blue car, ink drawing", "blue"),
        ("a red fox and a blue car, linocut", "blue"),
        ("a standing fox and a sitting wolf", "standing"),
        ("a boat sailing on a lake and a bird flying over it", "over"),
        ("a giant cat on a chair", "giant"),
        ("three cherries", "three"),
        ("twelve cats", "twelve"),
        ("99 balloons", "99"),
        ("a glass of water", "glass of water"),
        ("no people, just a beach with a palm", ""),
        ("a white sneaker and a cat", "white, sneaker"),
        ("three sneakers next to a cat", "three, sneakers"),
        ("a dark blue car", "dark"),
        ("a girl holding it", "holding"),
        ("🦊 under the milky way", ""),
        ("日本の山", ""),
        ("лиса и fox", "лиса, и"),
        ("a pile of books", ""),
        ("a group of penguins", ""),
        ("two tropical fish on a tropical beach", "tropical"),
        ("a boy flying a kite", ""),
        ("a bird on a car and a cat near the car", "near"),
        ("a foggy forest", "foggy"),
    ],
)
def test_all_that_is_asked_for_and_not_drawn_is_listed(text: str, expected: str) -> None:
    assert ", ".join(paint(text, width=96, height=96, seed=1).not_drawn) == expected


@pytest.mark.parametrize(
    ("text", "motifs"),
    [
        ("a white sneaker and a cat", [("CAT", 1, "")]),
        ("a team of people", [("@woman", 3, "")]),
        ("a pair of owls and a herd of sheep", [("OWL", 2, ""), ("SHEEP", 5, "")]),
        ("six books", [("OPEN BOOK", 6, "")]),
        ("a house without a car", [("HOUSE BUILDING", 1, "")]),
    ],
)
def test_a_modifier_goes_to_its_own_noun_or_to_none(
    text: str, motifs: list[tuple[str, int, str]]
) -> None:
    assert [(t.motif, t.count, t.colour) for t in read(text).things] == motifs


def test_a_table_is_stood_upon_or_stands_among_other_things() -> None:
    assert read("a cat on a table").surface == "table"
    assert [t.motif for t in read("a table and two chairs").things] == ["@table", "CHAIR"]
    under = read("a dog under a table").things[0]
    assert (under.relation, under.anchor) == ("under", 1)
