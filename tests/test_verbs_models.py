"""Every model as a table: what it takes, what it costs, what it lacks."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import EntryPoint
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

import mediatoolkit as mt
from mediatoolkit.pricing.prices import Prices
from mediatoolkit.providers import registry
from mediatoolkit.providers.capabilities import ModelInfo
from mediatoolkit.providers.local import LocalImageClient
from mediatoolkit.verbs import models as room
from mediatoolkit.verbs.kinds import AGENTS
from mediatoolkit.verbs.listing import Table
from mediatoolkit.verbs.models import ModelRow

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is not installed."""
    monkeypatch.setitem(sys.modules, "pandas", None)


def row(model: str) -> Any:
    rows = mt.models()
    return next(rows[rows.model == model].itertuples())


def test_every_model_of_every_vendor_is_there_once() -> None:
    listed = mt.models()

    expected = [info for each in AGENTS.values() for info in registry.models(each.client_type)]
    assert listed.model.tolist() == [info.model_id for info in expected]
    assert not listed.duplicated(["kind", "model"]).any()
    assert set(listed.vendor) == {*registry.ORDER, "local"}
    assert tuple(listed.columns) == ModelRow._fields


@pytest.mark.parametrize("kind", ["image", "speech", "video"])
def test_a_kind_is_listed_alone(kind: Any) -> None:
    listed = mt.models(kind)

    assert set(listed.kind) == {kind}
    assert len(listed) == sum(mt.models().kind == kind)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("images", "did you mean 'image'?"),
        ("Video", "did you mean 'video'?"),
        ("audio", "did you mean 'speech'?"),
        ("film", "did you mean 'video'?"),
        ("smell", "it takes 'image', 'speech', 'video'."),
        (7, "it takes"),
    ],
)
def test_another_kind_is_refused_with_the_near_one(kind: Any, hint: str) -> None:
    with pytest.raises(mt.PromptError) as caught:
        mt.models(kind)
    assert hint in str(caught.value)


def test_the_price_is_the_one_of_a_plain_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """By each client, which has a key here."""
    for name in chain(*registry.ORDER.values()):
        monkeypatch.setenv(name, "http://127.0.0.1:9" if name.endswith("_URL") else "test-key")
    for each in mt.models(available=True).itertuples():
        if pd.isna(each.ends):  # of the others a client warns
            client = registry.client_for(each.model, AGENTS[each.kind].client_type)
            text = "a" * (1_000 if each.kind == "speech" else 100)
            assert each.price == client.quote(client.prompt_type.of(text)), each.model


def test_prices_are_those_that_the_sources_say() -> None:
    """1,120 tokens of picture at $60 a million; 3 to 10 s of 5,792 tokens at $12 a million."""
    assert str(row("local/painter").price) == "free"
    picture = row("gemini/gemini-3.1-flash-image").price
    assert 0.0672 < picture.low < picture.high < 0.073
    film = row("gemini/gemini-omni-1.2-flash").price
    assert 0.2085 < film.low < 0.209
    assert 0.695 < film.high < 0.71


@pytest.mark.usefixtures("no_pandas")
def test_what_nobody_knows_is_unknown_and_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, PlainClient)

    plain = next(each for each in mt.models("image") if each.vendor == "plain")

    assert (plain.model, str(plain.price), plain.takes) == ("plain", "price unknown", "")
    assert plain.available == "yes"


class PlainClient(LocalImageClient):
    """Of a package that says nothing of its models."""

    provider = "plain"
    is_free = False
    catalog: ClassVar[tuple[ModelInfo, ...]] = ()


def plant(monkeypatch: pytest.MonkeyPatch, client: type[LocalImageClient]) -> None:
    """As if a package were installed that brings *client*."""
    entry = EntryPoint(client.provider, f"{__name__}:{client.__name__}", client.entry_points)
    monkeypatch.setattr(EntryPoint, "load", lambda _self: client)
    monkeypatch.setattr(registry, "_installed", lambda _group: {client.provider: entry})


def test_a_day_on_which_a_model_ends_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client's own, else the one of its price."""
    older = row("openai/gpt-image-1.5")
    assert (older.ends.date(), older.successor) == (
        date(2026, 12, 1),
        "openai/gpt-image-2.6-sunburst",
    )
    price = {
        "model": "openai/gpt-image-2",
        "per": {"image": "0.05"},
        "amount": {"image": 1},
        "shutdown": "2031-05-06",
        "checked": "2030-01-01",
        "sources": ["page"],
        "agree": 1,
    }
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"made": "2030-01-01", "sources": {"page": "…"}, "rows": [price]}))
    newer = Prices()
    newer.update(file)
    monkeypatch.setattr(room, "prices", newer)

    assert row("openai/gpt-image-2").ends.date() == date(2031, 5, 6)
    assert str(row("openai/gpt-image-2").price) == "$0.050"
    assert row("openai/gpt-image-1.5").ends.date() == date(2026, 12, 1)
    assert pd.isna(row("local/painter").ends)


def test_a_missing_key_is_named_until_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert row("openai/gpt-image-2").available == "Needs a key: set OPENAI_API_KEY."
    assert row("local/painter").available == "yes"

    monkeypatch.setenv("OPENAI_API_KEY", "a-secret-of-mine")
    assert row("openai/gpt-image-2").available == "yes"
    assert "a-secret-of-mine" not in mt.models().to_csv()
    assert mt.models("image").model[0] == "openai/gpt-image-2.6-sunburst", "the default is first"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("local/painter", "size 512/1K/2K or pixels up to 2048×2048, 10 aspects, seed"),
        ("replicate/black-forest-labs/flux-dev", "size pixels, 16 references"),
        ("gemini/gemini-3.1-flash-image", "size 512/1K/2K/4K, 14 aspects, seed"),
        ("gemini/gemini-3.8-flash-tts", "30 voices, style, language, speakers"),
        ("gemini/gemini-omni-1.2-flash", "aspect 16:9/9:16, 3 to 10 seconds, resolution 360p"),
        ("openai/gpt-image-2", "16 references, mask, previous, quality, background"),
    ],
)
def test_what_a_model_takes_is_said_in_few_words(model: str, words: str) -> None:
    assert words in row(model).takes


def test_a_limit_that_nobody_knows_is_none_and_never_leaves_a_model_out() -> None:
    """Gemini takes several pictures, and its documents here say no number."""
    assert pd.isna(row("gemini/gemini-3.1-flash-image").references)
    assert row("openai/gpt-image-2").references == 16
    assert "&lt;NA&gt;" not in mt.models("image")._repr_html_()
    assert "gemini" in set(mt.models("image", references=2).vendor)
    assert "gemini" in set(mt.models("image", references=True).vendor)
    assert "local" not in set(mt.models("image", references=1).vendor)


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ({"stream": True}, "did you mean streams=?"),
        ({"xyzzy": True}, "it has vendor, model, kind"),
        ({"price": 0.05}, "price= takes a text that stands in it, or True or False, not 0.05."),
        ({"references": "2"}, "references= takes the least number, or True or False, not '2'."),
        ({"seed": "yes"}, "seed= takes True or False, not 'yes'."),
        ({"vendor": ["fal", "bfl"]}, "vendor= takes a text"),
        ({"ends": 2026}, "ends= takes a day, a text"),
    ],
)
def test_a_filter_that_nothing_can_fit_is_refused(wanted: dict[str, Any], answer: str) -> None:
    with pytest.raises(mt.PromptError) as caught:
        mt.models(**wanted)
    assert answer in str(caught.value)


def test_a_price_is_there_where_it_is_known() -> None:
    known, unknown = mt.models("image", price=True), mt.models("image", price=False)
    assert "price unknown" not in set(map(str, known.price))
    assert set(map(str, unknown.price)) == {"price unknown"}
    assert "local/painter" in set(known.model)


def test_the_day_on_which_a_model_ends_can_be_asked_for() -> None:
    ending = mt.models(ends=date(2026, 12, 1))
    assert "openai/gpt-image-1.5" in set(ending.model)
    assert set(mt.models(ends="2026-12-01").model) == set(ending.model)


def test_whoever_shows_partial_pictures_or_streams_sound_says_so() -> None:
    streaming = set(mt.models(streams=True)["vendor"])
    assert {"openai", "elevenlabs", "comfyui", "automatic1111", "diffusers"} <= streaming


@pytest.mark.usefixtures("no_pandas")
def test_without_pandas_it_is_a_sequence_of_rows() -> None:
    listed = mt.models("video")

    assert isinstance(listed, Table)
    assert isinstance(listed, Sequence)
    assert list(listed) == [listed[0], *listed[1:]]
    assert listed[0].model == "local/film"
    assert listed[-1] in listed
    assert isinstance(listed[:2], Table)
    assert len(listed[:2]) == 2
    with pytest.raises(TypeError):
        listed[0] = listed[1]  # type: ignore[index]
    with pytest.raises(AttributeError):
        listed[0].model = "acme/one"


def test_a_table_shows_itself_as_text_and_as_html() -> None:
    rows = [("a/long-one", "<b>"), ("b", None), ("c", "x" * 200)]
    table = Table(("model", "is"), rows, widest=60)

    lines = repr(table).splitlines()
    assert lines[:3] == ["model       is", "a/long-one  <b>", "b"]
    assert lines[3] == f"c           {'x' * 59}…"
    page = table._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "x" * 200 in page
    assert "x" * 200 in repr(Table(("model", "is"), rows))


def test_an_empty_table_shows_its_head() -> None:
    assert repr(Table(("model", "is"), [])) == "model  is"


def test_pandas_is_imported_by_this_call_alone() -> None:
    code = (
        "import sys, mediatoolkit as mt\n"
        "for name in mt.__all__: getattr(mt, name)\n"
        "assert 'pandas' not in sys.modules\n"
        "print(type(mt.models()).__name__)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "ModelFrame"


def test_a_page_takes_no_prices_for_a_formula() -> None:
    for table in (mt.models("image"), mt.models("image")[["model", "price"]]):
        assert 'class="mathjax_ignore tex2jax_ignore"' in table._repr_html_()
    assert "tex2jax_ignore" in mt.models("image")[:0]._repr_html_()


def test_a_page_shows_every_model_in_a_line_and_no_empty_column() -> None:
    listed = mt.models("speech")
    page = listed._repr_html_()

    assert page.count("<tr>") == len(listed) + 1
    assert "..." not in page
    assert ">voices<" in page
    for column in (">sizes<", ">aspects<", "NaT", "nan"):
        assert column not in page
    voices = max(listed["voices"], key=len)
    assert f'text-overflow:ellipsis" title="{voices}">{voices}</td>' in page
