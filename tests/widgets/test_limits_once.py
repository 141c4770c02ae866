"""A limit is written once: what a model takes is the same value wherever it is shown or checked."""

from dataclasses import replace
from typing import Any

import pytest
from IPython.core.completer import CompletionContext

import mediatoolkit as mt
from mediatoolkit.magics.completion import matcher_for
from mediatoolkit.providers.capabilities import OneOf
from mediatoolkit.widgets.studio import offered

MODEL = "gemini/gemini-3.1-flash-image"


def shapes_taken(client: mt.GeminiImageClient) -> set[str]:
    """Of some shapes, those that `check` lets pass."""
    taken = set()
    for shape in ("1:1", "5:7", "16:9"):
        try:
            client.check(mt.ImagePrompt("fox", aspect=shape))
        except mt.PromptError:
            continue
        taken.add(shape)
    return taken


def shapes_completed() -> list[str]:
    """What Tab offers behind `--aspect`."""
    line = f"%%image {MODEL} --aspect "
    shell: Any = type("Shell", (), {"user_ns": {}, "user_ns_hidden": {}})()
    context = CompletionContext(
        token="", full_text=line, cursor_position=len(line), cursor_line=0, limit=None
    )
    completions = matcher_for(shell)(context)["completions"]
    return [completion.text for completion in completions if ":" in completion.text]


async def test_the_studio_the_magics_the_table_and_the_check_follow_one_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-of-tests")
    catalog = mt.GeminiImageClient.catalog
    assert catalog[0].model_id == MODEL
    changed = replace(catalog[0].capabilities, aspect=OneOf(("5:7", "16:9")))
    catalog = (replace(catalog[0], capabilities=changed), *catalog[1:])
    monkeypatch.setattr(mt.GeminiImageClient, "catalog", catalog)

    async with mt.GeminiImageClient() as client:
        checked = shapes_taken(client)
    rows = mt.models("image")
    (table,) = rows[rows.model == MODEL].aspects
    (studio,) = [each for each in offered()["image"] if each["model"] == MODEL]

    assert checked == {"5:7", "16:9"}
    assert table == "5:7, 16:9"
    assert studio["choices"]["aspect"] == ["5:7", "16:9"]
    assert shapes_completed() == ["5:7", "16:9"]
