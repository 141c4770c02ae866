"""Records of origin: they can always be written, and what is read from a file is checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediatoolkit.media import Audio, Image, Provenance
from mediatoolkit.store import Store
from tests.media.test_image import FORMATS, encoded

RECORD = {"model": "a/b", "prompt": "a fox", "engine": "a"}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "options",
    [
        {"system": "s" * 70_000},
        {"system": '"' * 70_000, "seed": 3},
        {"system": "\ud800", "\ud800": 1},
        {"raw": b"\x00", "number": np.float32(1), "set": {1}, 5: np.zeros(2)},
        {"words": [f"word {number}" for number in range(15_000)]},
        {"&" * 70_000: [["<" * 300] * 30] * 30},
    ],
    ids=["long", "quotes", "surrogate", "foreign", "words", "nested"],
)
async def test_whatever_was_asked_the_picture_is_kept(
    kind: str, options: dict[Any, Any], tmp_path: Path
) -> None:
    origin = Provenance(model="a/b", prompt='"' * 9_000, engine="a", options=options)
    kept = await Store(tmp_path).put(Image(encoded(kind), provenance=origin))
    assert kept.path is not None
    again = Image.open(kept.path)
    assert again.provenance is not None
    assert again.provenance.model == "a/b"
    assert again.provenance.options
    assert (np.asarray(again) == np.asarray(kept)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        None,
        {**RECORD, "prompt": None},
        {**RECORD, "prompt": ["x"]},
        {**RECORD, "model": 1},
        {**RECORD, "engine": {}},
        {"model": "a/b"},
        {**RECORD, "prompt": "half a letter \ud800"},
        {**RECORD, "notes": {"captions": [[0, 1, "\udfff"]]}},
    ],
)
def test_a_record_that_does_not_say_what_was_made_is_none(wrong: object) -> None:
    assert Provenance.from_json(json.dumps(wrong)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": "7"},
        {"options": 7},
        {"notes": [1]},
        {"usage": "much"},
        {"created": 5},
        {"request_id": {}},
        {"version": None},
    ],
)
def test_an_entry_of_another_type_is_left_out(wrong: dict[str, object]) -> None:
    assert Provenance.from_json(json.dumps({**RECORD, **wrong})) == Provenance(
        model="a/b", prompt="a fox", engine="a"
    )


def test_a_model_of_a_file_stays_on_one_line_of_printable_text() -> None:
    record = json.dumps({**RECORD, "model": "a/\x1b[31m\nb\u202e" + "c" * 9_000})
    read = Provenance.from_json(record)
    assert read is not None
    picture = Image(encoded("PNG"), provenance=read)
    assert repr(picture).isprintable()
    assert len(repr(picture)) < 400


@pytest.mark.parametrize("captions", [5, "abc", [1, [2], {"start": "x"}], [[0, 10**400, "x"]]])
def test_captions_that_are_none_are_empty(captions: object) -> None:
    origin = Provenance(model="a/b", prompt="x", engine="a", notes={"captions": captions})
    assert not Audio.from_samples(np.zeros(10), 8_000, provenance=origin).captions


def test_what_stands_in_for_a_picture_is_short() -> None:
    origin = Provenance(model="a/b", prompt="a fox " * 10_000, engine="a")
    data, metadata = Image(encoded("PNG"), provenance=origin)._repr_mimebundle_()
    assert [len(shown["alt"]) for shown in metadata.values()] == [300]
    assert data["text/html"].count("a fox") < 100
