"""The rows of prices: read once, found by day, replaced by whole files or not at all."""

import json
import threading
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from mediatoolkit.errors import PromptError, StorageError
from mediatoolkit.pricing import prices as room
from mediatoolkit.pricing.prices import Prices
from mediatoolkit.pricing.quotes import quote

FILE = files("mediatoolkit.pricing").joinpath("prices.json")
ROW: dict[str, Any] = {
    "model": "acme/paint-1",
    "from": None,
    "until": None,
    "per": {"image": "0.5"},
    "amount": {"image": 1},
    "lanes": {"batch": "0.5"},
    "shutdown": None,
    "checked": "2026-12-01",
    "sources": ["acme"],
    "agree": 1,
}


def document(*rows: dict[str, Any], **changes: object) -> dict[str, Any]:
    content = {"made": "2027-06-01", "sources": {"acme": "https://acme.example"}}
    return {**content, "rows": list(rows or (ROW,)), **changes}


def written(folder: Path, content: object) -> Path:
    path = folder / "newer.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_file_is_small_and_has_many_models() -> None:
    assert len(FILE.read_bytes()) <= 40_000
    assert len({row.model for row in Prices()}) >= 25
    for row in Prices():
        assert row.per
        assert row.agree <= len(row.sources)


def test_the_notices_of_both_tables_go_along() -> None:
    notice = files("mediatoolkit.pricing").joinpath("NOTICE").read_text()
    for words in ("Copyright (c) 2023 Berri AI", "Copyright (c) Pydantic Services Inc.", "AS IS"):
        assert words in notice


def test_nothing_is_read_before_a_price_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    bundled = room._bundled

    def counted() -> room._Table:
        reads.append(1)
        return bundled()

    monkeypatch.setattr(room, "_bundled", counted)
    prices = Prices()
    assert reads == []
    threads = [threading.Thread(target=prices.find, args=("local/painter",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads == [1]


@pytest.mark.parametrize("model", ["gemini-3.8-flash-tts", "gemini-3.8-flash-lite-tts"])
def test_a_dated_row_holds_until_the_day_before(model: str) -> None:
    prices = Prices()
    last, first = (prices.find(f"gemini/{model}", date(2026, 12, 31)),
                   prices.find(f"gemini/{model}", date(2027, 1, 1)))  # fmt: skip
    assert last
    assert first
    assert last.ends == first.starts == date(2027, 1, 1)
    assert last != first


def test_a_model_without_a_row_is_none() -> None:
    prices = Prices()
    for model in ("gemini/gemini-9-image", "local/painter", "gpt-image-2", ""):
        assert prices.find(model) is None


def test_a_snapshot_costs_what_its_model_does() -> None:
    prices = Prices()
    row = prices.find("openai/gpt-image-2.5-flare-2026-09-08")
    assert row is prices.find("openai/gpt-image-2.5-flare")
    assert row is not None


def test_another_file_lies_over_the_rows(tmp_path: Path) -> None:
    prices = Prices()
    before = len(prices)
    changed = {**ROW, "model": "gemini/gemini-3-pro-image"}
    prices.update(written(tmp_path, document(ROW, changed)))
    assert len(prices) == before + 1
    assert prices.made == date(2027, 6, 1)
    for model in ("acme/paint-1", "gemini/gemini-3-pro-image"):
        assert str(quote(prices.find(model), {})) == "$0.500"
    assert prices.find("openai/gpt-image-2")


def test_another_file_takes_the_place_of_all_rows(tmp_path: Path) -> None:
    prices = Prices()
    prices.update(written(tmp_path, document()), alone=True)
    assert [row.model for row in prices] == ["acme/paint-1"]
    assert prices.find("openai/gpt-image-2") is None


def test_other_prices_know_nothing_of_it(tmp_path: Path) -> None:
    Prices().update(written(tmp_path, document()))
    assert Prices().find("acme/paint-1") is None


def row_with(**changes: object) -> dict[str, Any]:
    return document({**ROW, **changes})


DEEP: Callable[[int], Any] = lambda n: n if not n else {"sum": [DEEP(n - 1)]}  # noqa: E731


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no JSON"),
        ('{"made": "2027-06-01"', "is no JSON"),
        ("[" * 100_000, "brackets|is no JSON"),
        ("[]", "is no object"),
        ({}, "has no 'made'"),
        (document(rows=[]), "has no row"),
        (document(rows={}), "a list in"),
        (document(made="1 June"), "not a day"),
        (document(made="2027-13-01"), "not a day"),
        (document(made="2026-11-27"), "get a newer file"),
        (document(extra=1), "'extra', which means nothing"),
        (document(7), "row 1 is no object"),  # type: ignore[arg-type]
        (document(ROW, ROW), "two rows of acme/paint-1 for the same day"),
        (row_with(model="paint-1"), "not vendor/model"),
        (row_with(colour="red"), "'colour', which means nothing"),
        (row_with(per={}), 'no price in "per"'),
        (row_with(per={"image": 0.5}), "decimal in quotes"),
        (row_with(per={"image": float("nan")}), "decimal in quotes"),
        (row_with(per={"image": "-1"}), "not a whole number or a decimal"),
        (row_with(per={"image": "1e3"}), "not a whole number or a decimal"),
        (row_with(per={"image": True}), "not a whole number or a decimal"),
        (row_with(per={"image": None}), "not a whole number or a decimal"),
        (row_with(per={"Bild!": "1"}), "names are small letters"),
        (row_with(amount={"second": 1}), '"per" has no price for'),
        (row_with(amount={"image": []}), "has 0 numbers, not two"),
        (row_with(amount={"image": [2, 1]}), "write the least first"),
        (row_with(amount={"image": {}}), "has none of"),
        (row_with(amount={"image": {"by": "size"}}), "lists no case"),
        (row_with(amount={"image": {"by": 3, "a": 1}}), "its name is small letters"),
        (row_with(amount={"image": {"per": "seconds", "every": 1}}), "'every', which means"),
        (row_with(amount={"image": {"per": "seconds", "block": 0}}), "whole number from 1"),
        (row_with(amount={"image": {"sum": 3}}), "holds a list"),
        (row_with(amount={"image": {"grid": "x"}}), "not a whole number or a decimal"),
        (row_with(amount={"image": DEEP(20)}), "inside each other"),
        (row_with(lanes={"batch": "half"}), "not a whole number or a decimal"),
        (row_with(sources=["elsewhere"]), 'which "sources" does not'),
        (row_with(sources=[]), 'which "sources" does not'),
        (row_with(sources=[["acme"]]), 'which "sources" does not'),
        (row_with(agree=0), "not a whole number above 0"),
        (row_with(checked=None), 'no day in "checked"'),
        (row_with(note=3), "not text"),
        (row_with(**{"from": "2027-02-01", "until": "2027-02-01"}), "before it starts"),
    ],
)  # fmt: skip
def test_a_wrong_file_changes_nothing(tmp_path: Path, content: object, words: str) -> None:
    prices = Prices()
    before = list(prices)
    with pytest.raises(PromptError, match=words) as caught:
        prices.update(written(tmp_path, content))
    assert "newer.json" in str(caught.value) or "decimal in quotes" in str(caught.value)
    assert list(prices) == before


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer.json"
    path.write_bytes(b'{"made": "\xff\xfe"}')
    with pytest.raises(PromptError, match="no JSON"):
        Prices().update(path)


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    prices = Prices()
    before = list(prices)
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (room.LARGEST + 1))
    for path in (tmp_path / "none.json", tmp_path, large):
        with pytest.raises(StorageError):
            prices.update(path)
    with pytest.raises(StorageError):
        prices.update(3)  # type: ignore[arg-type]
    assert list(prices) == before


def test_a_row_is_a_value() -> None:
    row = Prices().find("openai/gpt-image-2")
    assert row
    with pytest.raises(AttributeError):
        row.agree = 9  # type: ignore[misc]
    with pytest.raises(TypeError):
        row.per["image"] = 1  # type: ignore[index]
