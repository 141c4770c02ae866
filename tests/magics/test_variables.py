from types import SimpleNamespace

import pytest

from mediatoolkit.errors import PromptError
from mediatoolkit.magics.options import checked_name, filled
from mediatoolkit.verbs.listing import Table

VALUES = {
    "fox": "a red fox",
    "n": 3.14159,
    "scene": SimpleNamespace(title="dusk", lights=["moon", "lamp"]),
    "by": {"name": "owl"},
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{fox} at night", "a red fox at night"),
        ("{scene.title}, {scene.lights[1]}, {by[name]}", "dusk, lamp, owl"),
        ("{n:.2f} and {fox!r}", "3.14 and 'a red fox'"),
        ("{{fox}} is {fox}", "{fox} is a red fox"),
        ("{{{fox}}}", "{a red fox}"),
        ('{"who": {"what": {fox}}}', '{"who": {"what": a red fox}}'),
        ('{{"a": {{"b": 1}}}}', '{"a": {"b": 1}}'),
        (
            "{} {0} {a b} {fox()} {fox + 1} { fox } }} {",
            "{} {0} {a b} {fox()} {fox + 1} { fox } }} {",
        ),
        ("{lambda: 1} {__import__('os')}", "{lambda: 1} {__import__('os')}"),
    ],
)
def test_only_simple_variables_are_filled_in(text: str, said: str) -> None:
    assert filled(text, VALUES) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{fxo}", r"no variable fxo; did you mean fox\? To keep the braces, write {{fxo}}"),
        ("{zebra}", "no variable zebra; assign it"),
        ("{scene.colour}", "{scene.colour} cannot be looked up: AttributeError"),
        ("{scene.lights[7]}", "IndexError"),
        ("{by[nam]}", "KeyError"),
        ("{n[0]}", "TypeError"),
        ("{fox:.2f}", "cannot be written so"),
    ],
)
def test_what_cannot_be_filled_in_is_said(text: str, words: str) -> None:
    with pytest.raises(PromptError, match=words):
        filled(text, VALUES)


def test_a_value_is_not_filled_in_again() -> None:
    assert filled("{a}", {"a": "{b}", "b": "c"}) == "{b}"


@pytest.mark.parametrize("name", ["1", "a b", "class", "a.b", ""])
def test_a_name_that_no_variable_can_have_is_refused(name: str) -> None:
    with pytest.raises(PromptError, match="--out takes the name of a variable"):
        checked_name(name)


def test_a_table_is_columns_in_a_terminal_and_escaped_in_a_page() -> None:
    table = Table(("model", "is"), (("a/long-one", "<b>"), ("b", "x")))

    assert repr(table).splitlines() == ["model       is", "a/long-one  <b>", "b           x"]
    assert "&lt;b&gt;" in table._repr_html_()
