"""Tables are data files that a person edits: a slip is an error that says where it is."""

import re
import subprocess
import sys
import unicodedata

import pytest

from mediatoolkit.synthesis.painting import (
    layout,
    motifs,
    object_traits,
    outlines,
    palettes,
    vocabulary,
)
from mediatoolkit.synthesis.painting.painter import paint
from mediatoolkit.synthesis.tables import Tables


@pytest.mark.parametrize(
    ("text", "method", "message"),
    [
        ('[days]\na = "b" c', lambda t: t, "days.toml: .*line 2"),
        ("", lambda t: t.words("plain"), "days.toml: plain is missing"),
        ("plain = 3", lambda t: t.words("plain"), "plain is 3, not a list of words"),
        ("plain = [1]", lambda t: t.words("plain"), r"plain is \[1\], not a list of words"),
        ("", lambda t: t.section("days"), r"\[days\] is missing"),
        ("[days]\na = 1", lambda t: t.texts("days"), r"\[days\] a is 1, not a text"),
        ('[days]\na = "x"', lambda t: t.numbers("days"), r"\[days\] a is 'x', not a number"),
        ("[days]\na = -1", lambda t: t.numbers("days"), "not a number above 0"),
        ('[days]\na = "x"\nb = "y x"', lambda t: t.meanings("days"), 'b has "x" a second time'),
        ('[days]\na = "d9622b"', lambda t: t.colours("days", 2), "a has 1 colours, not 2"),
        ('[days]\na = "d9622"', lambda t: t.colours("days", 1), '"d9622", not six hexadecimal'),
        ('fur = "d9622g"', lambda t: t.colour_list("fur"), 'fur has "d9622g", not six'),
        ("[blocks]\na = [[5, 3]]", object_traits._blocks, r"\[blocks\] a has more than"),
    ],
)
def test_a_slip_in_a_table_says_where_it_is(text: str, method: object, message: str) -> None:
    assert callable(method)
    with pytest.raises(ValueError, match=message):
        method(Tables("days.toml", text))


@pytest.mark.parametrize(
    "shapes",
    ["mian curve 1,2 3,4", "main curv 1,2 3,4", "main curve 1,2 3;4", "main curve", "", "light"],
)
def test_a_slip_in_a_figure_names_the_figure(shapes: str) -> None:
    with pytest.raises(ValueError, match=re.escape("figures.toml: [figures] @fox has")):
        outlines.parse_shapes("@fox", shapes)


@pytest.mark.parametrize("name", outlines.FIGURES)
def test_every_figure_can_be_read(name: str) -> None:
    assert outlines.figure(name)


def test_every_motif_of_the_tables_is_a_figure_or_a_character() -> None:
    """A character that is newer than this Python's Unicode has no name yet."""
    traits = object_traits._TABLES
    names = {
        *vocabulary.EVERYDAY.values(),
        *motifs._USUAL,
        *traits.numbers("lengths"),
        *traits.numbers("seats"),
        *traits.numbers("shelters"),
        *vocabulary.CLOTHES,
    }
    for entry in object_traits.SETS:
        names |= {*traits.words(entry)}
    for name in names - {"JELLYFISH", *outlines.FIGURES}:
        assert unicodedata.lookup(name), name


def test_what_the_vocabulary_means_is_known_to_the_painter() -> None:
    assert {*vocabulary.SETTINGS["time"].values()} == {*palettes.TIMES}
    assert {*vocabulary.SETTINGS["season"].values()} == {*palettes.SEASONS}
    assert {*vocabulary.RELATIONS.values()} == {*layout.TIES, "beside", "over"}
    assert {*vocabulary.IMPLIED.values()} <= {*vocabulary.EVERYDAY.values()}
    for style in {*vocabulary.SETTINGS["style"].values()}:
        assert paint(style, width=64, height=64, seed=1).not_drawn == ()


def test_importing_the_package_reads_no_table() -> None:
    code = (
        "import sys; names = [];"
        "sys.addaudithook(lambda event, args: names.append(str(args[0])) if args else None);"
        "import mediatoolkit; mediatoolkit.LocalImageClient(); mediatoolkit.LocalSpeechClient();"
        "print([name for name in names if name.endswith('.toml')])"
    )
    opened = subprocess.run(  # noqa: S603 - the command is ours
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert opened.stdout.strip() == "[]"
