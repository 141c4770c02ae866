"""Records of provenance: they can always be written, and what is read from a file is checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediatoolkit.media import Audio, Image, Provenance
from mediatoolkit.media.captions import Captions
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
    provenance = Provenance(model="a/b", prompt='"' * 9_000, engine="a", options=options)
    saved = await Store(tmp_path).put(Image(encoded(kind), provenance=provenance))
    assert saved.path is not None
    again = Image.open(saved.path)
    assert again.provenance is not None
    assert again.provenance.model == "a/b"
    assert again.provenance.options
    assert (np.asarray(again) == np.asarray(saved)).all()


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
    provenance = Provenance(model="a/b", prompt="x", engine="a", notes={"captions": captions})
    assert not Audio.from_samples(np.zeros(10), 8_000, provenance=provenance).captions


@pytest.mark.parametrize("depth", [46, 600, 100_000])
def test_a_record_is_no_deeper_than_fifty_lists(depth: int) -> None:
    nested = json.dumps(RECORD)[:-1] + ', "options": {"a": ' + "[" * depth + "]" * depth + "}}"
    assert (Provenance.from_json(nested) is not None) == (depth == 46)


@pytest.mark.parametrize("length", [50_000, 80_000, 35_000_000])
def test_a_record_is_no_longer_than_64_kb(length: int) -> None:
    record = json.dumps({**RECORD, "prompt": "x" * length})
    assert (Provenance.from_json(record) is not None) == (length == 50_000)
    assert (Provenance.from_json(record.encode()) is not None) == (length == 50_000)


@pytest.mark.parametrize(
    "options",
    [
        {"system": "s" * 35_000_000},
        {"words": ["a word"] * 200_000},
        {f"option {number}": number for number in range(100_000)},
        {"number": 10**5000, "nan": float("nan"), "inf": float("inf")},
    ],
    ids=["long", "list", "many", "numbers"],
)
def test_what_is_written_can_be_read_again(options: dict[str, Any]) -> None:
    """Also of a record too large to be read, and of numbers that JSON does not know."""
    line = Provenance(model="a/b", prompt="p", engine="a", options=options).to_json()
    assert len(line.encode()) <= 64 << 10
    read = Provenance.from_json(line)
    assert read is not None
    assert read.options


def test_options_inside_each_other_are_cut_where_they_could_not_be_read() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    line = Provenance(model="a/b", prompt="p", engine="a", options={"deep": deep, "n": 7}).to_json()
    read = Provenance.from_json(line)
    assert read is not None
    assert read.options["n"] == 7


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
def test_what_is_no_number_is_none(number: str) -> None:
    read = Provenance.from_json(
        json.dumps(RECORD)[:-1] + f', "options": {{"strength": {number}}}}}'
    )
    assert read is not None
    assert read.options == {"strength": None}


HIDDEN = "a\x00 \x1b[31mfox\u202e \u2066looks"


def test_what_hides_or_turns_words_round_is_in_no_caption() -> None:
    """An override would turn round the model and the size that follow the prompt."""
    provenance = Provenance(
        model="a/b", prompt=HIDDEN, engine="a", notes={"captions": [[0, 1, HIDDEN], [1, 2, HIDDEN]]}
    )
    picture, sound = (
        Image(encoded("PNG"), provenance),
        Audio.from_samples(np.zeros(8_000), 8_000, provenance=provenance),
    )
    shown = [str(picture._repr_mimebundle_()), str(sound._repr_mimebundle_())]
    shown += [sound.captions.srt(), sound.captions.vtt()]
    for text in shown:
        assert not {"\x00", "\x1b", "\u202e", "\u2066"} & set(text)
        assert not any(mark in text for mark in (r"\x00", r"\x1b", r"\u202e", r"\u2066"))
        assert "fox" in text


def test_captions_are_bounded() -> None:
    captions = [[0, 1, "word"]] * 100_000
    provenance = Provenance(model="a/b", prompt="x", engine="a", notes={"captions": captions})
    assert len(Audio.from_samples(np.zeros(10), 8_000, provenance=provenance).captions) == 20_000


@pytest.mark.parametrize("end", [1e308, float("inf"), float("nan")])
def test_a_caption_ends_at_some_time(end: float) -> None:
    assert not Captions.from_plain([[0, end, "word"]])


def test_what_stands_in_for_a_picture_is_short() -> None:
    provenance = Provenance(model="a/b", prompt="a fox " * 10_000, engine="a")
    data, metadata = Image(encoded("PNG"), provenance=provenance)._repr_mimebundle_()
    assert [len(shown["alt"]) for shown in metadata.values()] == [300]
    assert data["text/html"].count("a fox") < 100
