"""What two pictures have in common, and what not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image, Provenance
from mediatoolkit.widgets.compare import changes, compare, differences
from tests.test_prompts import picture

FOX = Provenance(
    model="local/painter", prompt="a red fox", engine="local", seed=7, options={"aspect": "1:1"}
)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("", "", []),
        ("a fox", "a fox", [["same", "a fox"]]),
        (
            "a red fox",
            "a blue fox, asleep",
            [
                ["same", "a"],
                ["gone", " red"],
                ["new", " blue"],
                ["same", " fox"],
                ["new", ", asleep"],
            ],
        ),
        ("a  fox\nsits", "a fox", [["same", "a fox"], ["gone", " sits"]]),
        ("", "a fox", [["new", "a fox"]]),
    ],
)
def test_a_prompt_is_compared_word_by_word(before: str, after: str, found: list[list[str]]) -> None:
    assert changes(before, after) == found


def test_prompts_too_long_to_compare_are_shown_whole() -> None:
    before, after = "a " * 3_000, "b " * 3_000
    assert changes(before, after) == [["gone", before], ["new", f" {after}"]]


def test_only_options_that_differ_are_told() -> None:
    a = Image(picture(), FOX)
    b = replace(a, provenance=replace(FOX, seed=8, options={"aspect": "16:9", "style": ["x"]}))

    assert differences(a, a) == []
    assert differences(a, b) == [
        ["seed", "7", "8"],
        ["aspect", "1:1", "16:9"],
        ["style", "–", '["x"]'],
    ]


@pytest.mark.parametrize(
    ("size", "words"),
    [((8, 8), ""), ((16, 16), "both are shown at one size"), ((16, 8), "fits the second into")],
)
def test_other_sizes_are_fitted_and_it_says_so(size: tuple[int, int], words: str) -> None:
    note = compare(picture(), picture(size)).note
    assert words in note if words else not note


def test_what_people_have_at_hand_is_compared() -> None:
    shown = compare(np.zeros((4, 6, 3), np.uint8), Image(picture()).to_pil())
    assert repr(shown) == "<Comparison of 6×4 and 8×8, 1 difference>"


@pytest.mark.parametrize("thing", [b"no picture", None, 7, np.zeros((3,))])
def test_what_is_no_picture_is_refused(thing: object) -> None:
    with pytest.raises(MediaError, match="The second cannot be compared: "):
        compare(picture(), thing)


async def test_a_job_is_refused_with_what_to_do() -> None:
    async def job() -> None:
        raise AssertionError

    waiting = job()
    with pytest.raises(PromptError, match="await the job"):
        compare(waiting, picture())
    waiting.close()


def test_full_quality_is_sent_when_a_page_asks_and_never_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b = Image(picture()), Image(picture((9, 9)))
    comparison = compare(a, b)
    sent: list[Any] = []
    monkeypatch.setattr(
        comparison, "send", lambda message, buffers: sent.append((message, buffers))
    )

    comparison._hear(comparison, "nonsense", [])
    assert sent == []
    comparison._hear(comparison, "show", [])
    assert sent == [({"types": ["image/png", "image/png"]}, [a.data, b.data])]
    assert not any(isinstance(value, bytes) for value in comparison.get_state().values())

    comparison.close()
    comparison._hear(comparison, "show", [])
    assert len(sent) == 1


def test_a_prompt_stays_text_without_widgets() -> None:
    nasty = "<img src=x onerror=alert(1)>"
    a, b = Image(picture(), FOX), Image(picture(), replace(FOX, prompt=nasty, options={"a": nasty}))

    data, _ = compare(a, b)._repr_mimebundle_()

    assert "<img src=x" not in data["text/html"]
    assert data["text/html"].count("<img") == 2
    assert "&lt;img" in data["text/html"]
