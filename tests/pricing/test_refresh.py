"""The comparison with two tables: it stops where they disagree, and never takes a figure over."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mediatoolkit.pricing.prices import parse
from mediatoolkit.pricing.refresh import main, render

TODAY = str(datetime.now(UTC).date())
OURS: dict[str, Any] = {
    "made": "2026-01-01",
    "sources": {"acme": "a page", "litellm": "a table", "genai-prices": "a table"},
    "rows": [
        {
            "model": "gemini/brush-1",
            "from": None,
            "until": None,
            "per": {
                "input_token": "0.0000005",
                "output_text_token": "0.000003",
                "output_image_token": "0.00006",
            },
            "amount": {"output_image_token": 1120},
            "shutdown": None,
            "checked": "2026-01-01",
            "sources": ["acme"],
            "agree": 1,
        },
        {
            "model": "gemini/voice-1",
            "from": None,
            "until": "2099-01-01",
            "per": {"output_audio_token": "0.000009"},
            "amount": {},
            "shutdown": "2099-06-01",
            "checked": "2026-01-01",
            "sources": ["acme", "litellm"],
            "agree": 2,
        },
        {
            "model": "gemini/voice-1",
            "from": "2099-01-01",
            "until": None,
            "per": {"output_audio_token": "0.000018"},
            "amount": {},
            "shutdown": "2099-06-01",
            "checked": "2026-01-01",
            "sources": ["acme"],
            "agree": 1,
        },
        {
            "model": "gemini/lens-1",
            "from": None,
            "until": None,
            "per": {"second": {"by": "resolution", "720p": "0.4", "4k": "0.6", "else": "0.4"}},
            "amount": {"second": {"per": "seconds"}},
            "shutdown": None,
            "checked": "2026-01-01",
            "sources": ["acme"],
            "agree": 1,
        },
    ],
}
LITELLM: dict[str, Any] = {
    "gemini/brush-1": {
        "input_cost_per_token": 5e-07,
        "output_cost_per_image": 0.045,  # of another size; a token is what is billed
        "output_cost_per_image_token": 6e-05,
        "output_cost_per_token": 3e-06,
        "output_cost_per_token_batches": 1.5e-06,
        "deprecation_date": "2099-03-01",
    },
    "gemini/voice-1": {"output_cost_per_audio_token": 9e-06, "deprecation_date": "2098-01-01"},
    "gemini/lens-1": {"output_cost_per_second": 0.4, "output_cost_per_second_4k": 0.6},
}
GENAI = """
import antigravity  # nothing of this file is run
providers: list[Provider] = [
    Provider(
        id='google',
        models=[
            ModelInfo(
                id='brush-1-preview',
                match=ClauseOr(or_=[ClauseEquals(equals='brush-1')]),
                prices=ModelPrice(
                    input_mtok=Decimal('0.5'), output_mtok=Decimal('3'),
                    output_image_mtok=Decimal('60'),
                    cache_read_mtok=TieredPrices(base=Decimal('1'), tiers=[]),
                ),
            ),
            ModelInfo(
                id='voice-1',
                prices=[
                    ConditionalPrice(prices=ModelPrice(output_mtok=Decimal('9'))),
                    ConditionalPrice(
                        constraint=StartDateConstraint(start_date=datetime.date(2099, 1, 1)),
                        prices=ModelPrice(output_mtok=Decimal('18')),
                    ),
                ],
            ),
        ],
    )
]
"""


class Tables:
    """Our prices and both tables as files, and what the command says of them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Write them."""
        self.ours = folder / "prices.json"
        self.litellm = folder / "litellm.json"
        self.genai = folder / "data.py"
        self._capsys = capsys
        self.ours.write_text(render(OURS))
        self.litellm.write_text(json.dumps(LITELLM))
        self.genai.write_text(GENAI)

    def refresh(self, *more: str) -> tuple[int, str]:
        files = ("--prices", self.ours, "--litellm", self.litellm, "--genai", self.genai)
        status = main([*map(str, files), *more])
        said = self._capsys.readouterr()
        return status, said.out + said.err

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.ours.read_text())["rows"]
        return rows


@pytest.fixture
def tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tables:
    return Tables(tmp_path, capsys)


def test_what_the_tables_agree_on_is_filled_in(tables: Tables) -> None:
    status, said = tables.refresh("--write")
    assert status == 0
    assert "4 of 4 rows" in said
    brush, now, later, lens = tables.rows
    assert brush["sources"] == ["acme", "litellm", "genai-prices"]
    assert [row["agree"] for row in tables.rows] == [3, 3, 2, 2]
    assert later["sources"] == ["acme", "genai-prices"]
    assert (brush["shutdown"], lens["shutdown"]) == ("2099-03-01", None)
    assert now["shutdown"] == "2099-06-01"
    assert "ends on 2099-06-01, by litellm on 2098-01-01" in said
    assert {row["checked"] for row in tables.rows} == {TODAY}
    assert len(parse(tables.ours.read_bytes(), "prices.json")) == 4


def test_a_second_time_changes_nothing(tables: Tables) -> None:
    tables.refresh("--write")
    first = tables.ours.read_bytes()
    assert tables.refresh("--write")[0] == 0
    assert tables.ours.read_bytes() == first


def test_nothing_is_written_unasked(tables: Tables) -> None:
    before = tables.ours.read_bytes()
    assert tables.refresh()[0] == 0
    assert tables.ours.read_bytes() == before


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"output_cost_per_image_token": 6.7e-05}, "output_image_token is $0.00006 in ours"),
        ({"output_cost_per_token": 2.6e-06}, "output_text_token is $0.000003 in ours"),
    ],
)
def test_a_disagreement_stops_it_and_is_named(
    tables: Tables, planted: dict[str, float], words: str
) -> None:
    table = {**LITELLM, "gemini/brush-1": {**LITELLM["gemini/brush-1"], **planted}}
    tables.litellm.write_text(json.dumps(table))
    before = tables.ours.read_bytes()
    status, said = tables.refresh("--write")
    assert status == 1
    assert "gemini/brush-1" in said
    assert words in said
    assert "voice-1: output" not in said
    assert tables.ours.read_bytes() == before


def test_a_disagreement_about_a_later_price_stops_it(tables: Tables) -> None:
    tables.genai.write_text(GENAI.replace("Decimal('18')", "Decimal('21')"))
    status, said = tables.refresh("--write")
    assert status == 1
    assert "gemini/voice-1: output_audio_token is $0.000018 in ours, $0.000021 in theirs" in said


def test_a_disagreement_about_one_resolution_stops_it(tables: Tables) -> None:
    lens = {"output_cost_per_second": 0.4, "output_cost_per_second_4k": 0.7}
    tables.litellm.write_text(json.dumps({**LITELLM, "gemini/lens-1": lens}))
    status, said = tables.refresh()
    assert status == 1
    assert "gemini/lens-1: second 4k is $0.6 in ours, $0.7 in theirs, litellm" in said


def test_less_than_a_tenth_is_no_disagreement(tables: Tables) -> None:
    table = {**LITELLM, "gemini/voice-1": {"output_cost_per_audio_token": 9.8e-06}}
    tables.litellm.write_text(json.dumps(table))
    assert tables.refresh()[0] == 0


def test_a_table_that_no_longer_agrees_is_no_source(tables: Tables) -> None:
    tables.litellm.write_text(json.dumps({"gemini/brush-1": LITELLM["gemini/brush-1"]}))
    tables.refresh("--write")
    assert tables.rows[1]["sources"] == ["acme", "genai-prices"]
    assert tables.rows[1]["agree"] == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("litellm", "{", "no JSON"),
        ("litellm", "[]", "no object of models"),
        ("genai", "def", "no Python"),
        ("genai", "x = 1", "has no model"),
        ("ours", "{}", "has no"),
    ],
)
def test_a_broken_file_is_named(tables: Tables, name: str, content: str, words: str) -> None:
    getattr(tables, name).write_text(content)
    status, said = tables.refresh("--write")
    assert status == 1
    assert words in said


def test_a_missing_file_is_named(tables: Tables) -> None:
    tables.genai.unlink()
    status, said = tables.refresh()
    assert status == 1
    assert "data.py" in said
