"""`df.media.image("a {animal}")`: a run of the rows of a table."""

from pathlib import Path

import pandas as pd
import pytest

import mediatoolkit as mt
from mediatoolkit.verbs.tables import start_table
from mediatoolkit.widgets import accessors
from mediatoolkit.widgets.accessors import MediaAccessor, register_start

ANIMALS = pd.DataFrame({"animal": ["fox", "owl"], "size": [64, 96]}, index=["x", "y"])


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path))
    monkeypatch.setattr(accessors, "_starts", [])
    register_start(start_table)


async def test_the_template_is_filled_from_the_columns_of_each_row() -> None:
    run = MediaAccessor(ANIMALS).image("a {animal} {{}}", model="local/painter", run="one")
    table = await run
    assert list(table.index) == ["x", "y"]
    assert list(table.prompt) == ["a fox {}", "a owl {}"]
    assert [media.width for media in table.media] == [64, 96]
    assert "prompt" not in ANIMALS


async def test_without_a_template_the_column_prompt_is_taken() -> None:
    frame = pd.DataFrame({"prompt": ["Hello.", "Good day."]})
    table = await MediaAccessor(frame).speech(model="local/hibari")
    assert [type(media) for media in table.media] == [mt.Audio, mt.Audio]


async def test_a_column_of_texts_is_one_of_prompts() -> None:
    table = await MediaAccessor(ANIMALS["animal"]).image(model="local/painter", size=64)
    assert list(table.prompt) == ["fox", "owl"]
    table = await MediaAccessor(ANIMALS["animal"]).image("a {animal}", model="local/painter")
    assert list(table.prompt) == ["a fox", "a owl"]


@pytest.mark.parametrize(
    ("frame", "template", "words"),
    [
        (ANIMALS, "a {animla}", "no such column; did you mean {animal}?"),
        (ANIMALS, "a {animal.size}", "a plain name"),
        (ANIMALS, None, 'no column "prompt"'),
        (
            pd.DataFrame({"a": ["x", None, 3.5, float("nan")]}, dtype=object),
            "{a}",
            "2 of 4 rows have no prompt, so nothing was sent: row 1: {a} is filled in with text",
        ),
        (pd.DataFrame({"a": [None] * 30}), "{a}", "and 20 more."),
        (pd.DataFrame({"prompt": []}), None, "no rows"),
    ],
    ids=["column", "attribute", "no prompt", "cells", "many cells", "empty"],
)
def test_what_is_no_prompt_is_refused(
    frame: pd.DataFrame, template: str | None, words: str
) -> None:
    with pytest.raises(mt.PromptError) as caught:
        MediaAccessor(frame).image(template, model="local/painter")
    assert words in str(caught.value)


def test_model_and_agent_are_one_or_the_other() -> None:
    agent = mt.ImageGenAgent("local")
    with pytest.raises(mt.PromptError, match="either agent= or model="):
        MediaAccessor(ANIMALS).image("{animal}", model="local/painter", agent=agent)
    with pytest.raises(mt.PromptError, match=r"agent takes an mt\.VoiceAgent"):
        MediaAccessor(ANIMALS).speech("{animal}", agent=agent)


def test_before_the_verbs_are_loaded_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accessors, "_starts", [])
    with pytest.raises(mt.PromptError, match=r"Type mt\.image once"):
        MediaAccessor(ANIMALS).video("{animal}")


async def test_all_else_is_asked_of_the_column_of_that_name() -> None:
    table = await MediaAccessor(ANIMALS).image("a {animal}", model="local/painter")
    media = MediaAccessor(table)
    assert media["x"] is table["media"]["x"]
    assert list(media) == list(table["media"])
    assert media.map(lambda it: it.width).tolist() == [64, 96]
    assert len(media) == 2
    assert repr(media) == repr(table["media"])
    assert repr(MediaAccessor(ANIMALS)) == "<media of 2 rows>"
    with pytest.raises(mt.UnknownNameError, match='no column "media"'):
        _ = MediaAccessor(ANIMALS).map
    assert not hasattr(MediaAccessor(ANIMALS), "map")
