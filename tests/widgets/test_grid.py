"""Several things are shown as several: a grid of media, and tables with thumbnails."""

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

import mediatoolkit as mt
from mediatoolkit.media import Media, pixels
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets import grid, results
from mediatoolkit.widgets.accessors import register_accessors
from mediatoolkit.widgets.grid import list_bundle
from mediatoolkit.widgets.tables import table_bundle, to_html

NASTY = "<img src=x onerror=alert(1)>"


def picture(prompt: str = "a fox", colour: str = "red") -> mt.Image:
    record = mt.Provenance(model="local/painter", prompt=prompt, engine="local")
    data = mt.Image.of(Pillow.new("RGB", (400, 300), colour)).data
    return mt.Image(data, provenance=record)


def sound() -> mt.Audio:
    return mt.Audio.from_samples(np.sin(np.arange(8_000) / 9).astype("float32") / 2, 8_000)


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `mt.show` has put out."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(grid, "display", lambda data, **_how: shown.append(data))
    return shown


def captions(html: str) -> list[str]:
    return re.findall(r"<figcaption[^>]*>([^<]*)", html)


@pytest.mark.parametrize("count", [1, 4, 5, 20, 40])
def test_a_list_of_pictures_shows_each_in_order_and_stays_small(count: int) -> None:
    images = mt.MediaList(picture(f"fox {number}") for number in range(count))
    data, metadata = list_bundle(images)
    names = [caption.split(" · ")[0] for caption in captions(data["text/html"])]
    assert names == [f"fox {number}" for number in range(count)]
    assert data["text/plain"] == "\n".join(map(repr, images))
    assert sum(map(len, data.values())) < 40_000 * count
    assert metadata["image/jpeg"]["alt"].startswith("fox 0")
    assert pixels.decode(base64.b64decode(data["image/jpeg"])).size[0] <= 900


def test_of_very_many_the_first_are_shown() -> None:
    image = picture()
    data, _ = list_bundle(mt.MediaList([image] * (results.MOST + 3)))
    assert len(captions(data["text/html"])) == results.MOST
    assert data["text/plain"].endswith("… and 3 more")


def test_a_list_without_media_is_text() -> None:
    for media in (mt.MediaList([]), mt.MediaList([1, 2])):
        assert list_bundle(media) == ({"text/plain": repr(media)}, {})


def test_errors_stand_in_their_places() -> None:
    refusal = mt.RefusalError(NASTY, reason="SAFETY")
    data, _ = list_bundle(mt.MediaList([refusal, picture(), ValueError("a secret")]))
    lines = data["text/plain"].splitlines()
    assert lines[0].startswith("RefusalError: <img")
    assert lines[2].startswith("ValueError: came unexpectedly")
    assert NASTY not in data["text/html"]
    assert "a secret" not in str(data)


def test_columns_and_labels(displayed: list[dict[str, Any]]) -> None:
    mt.show([picture(), sound(), picture()], columns=2, labels=["before", NASTY, 3])  # type: ignore[list-item]
    html = displayed[0]["text/html"]
    assert "repeat(2,minmax(0,1fr))" in html
    assert [captions(html)[0], captions(html)[-1]] == ["before", "3"]
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert NASTY not in html


def test_whatever_is_at_hand_is_shown(tmp_path: Path, displayed: list[dict[str, Any]]) -> None:
    red = picture()
    things: list[Any] = [
        red,
        red.data,
        red.save(tmp_path / "red.png"),
        str(sound().save(tmp_path / "a.wav")),
        Pillow.new("RGB", (40, 30)),
        np.zeros((30, 40, 3), "uint8"),
    ]
    mt.show(things)
    kinds = [line.split()[0] for line in displayed[0]["text/plain"].splitlines()]
    assert kinds == ["<Image"] * 3 + ["<Audio"] + ["<Image"] * 2
    mt.show(np.zeros((30, 40, 3), "uint8"))
    mt.show(red)
    mt.show(tmp_path / "red.png")
    mt.show(pd.Series([red, red]))
    mt.show(image for image in (red, red))
    counts = [len(data["text/plain"].splitlines()) for data in displayed]
    assert counts == [6, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("things", "options", "error", "words"),
    [
        ([], {}, mt.PromptError, "nothing to show"),
        ({"a": 1}, {}, mt.PromptError, "give the values"),
        ([picture(), 1], {}, mt.MediaError, "Number 2 cannot be shown"),
        (None, {}, mt.MediaError, "Number 1 cannot be shown"),
        ("no.png", {}, mt.StorageError, "Number 1 cannot be shown"),
        ([b"<svg/>"], {}, mt.MediaError, "Number 1 cannot be shown"),
        (picture(), {"columns": 0}, mt.PromptError, "from 1 to 20"),
        (picture(), {"columns": "2"}, mt.PromptError, "from 1 to 20"),
        (picture(), {"labels": ["a", "b"]}, mt.PromptError, "one for each"),
        (picture(), {"labels": "a"}, mt.PromptError, "one for each"),
    ],
)
def test_what_cannot_be_shown_is_said_at_once(
    things: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        mt.show(things, **options)


async def test_a_job_is_shown_as_it_stands(displayed: list[dict[str, Any]]) -> None:
    async def paint(_context: CallContext) -> Media:
        return picture("an owl")

    done = Job(paint, CallContext(5), label="an owl")
    running: Job[object] = Job(lambda _: asyncio.sleep(60), CallContext(60), label=NASTY)
    await done
    mt.show([done, running])
    assert displayed[0]["text/plain"] == f"{await done!r}\n{running!r}"
    assert NASTY not in displayed[0]["text/html"]
    table = pd.DataFrame({"media": [done, running]})
    html = to_html(table)
    assert 'alt="an owl"' in html
    assert "&lt;img src=x onerror=alert(1)&gt;: running" in html
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "&lt;img src=x onerror=alert(1)&gt;: cancelled" in to_html(table)


def test_a_table_has_thumbnails_and_escapes_the_rest() -> None:
    table = pd.DataFrame(
        {NASTY: [NASTY, "b"], "media": [picture(NASTY), sound()], "n": [1.5, 2.0]},
        index=["x", "y"],
    )
    data, _ = table_bundle(table)
    html = data["text/html"]
    assert NASTY not in html
    assert html.count("<img src=") == 2
    assert 'src="data:image/jpeg;base64,' in html
    assert "1.0 s</td>" in html, "sound is a small wave and its length"
    assert "<td>1.5</td>" in html, "numbers look as pandas has them"
    assert data["text/plain"] == repr(table)


def test_the_words_of_one_thumbnail_bring_no_other_into_them() -> None:
    """A prompt may hold what stands for a thumbnail until the table is made."""
    html = to_html(pd.DataFrame({"media": [picture("a fox \ue0001\ue001"), picture("an owl")]}))
    assert html.count("<img src=") == 2
    assert html.count('alt="an owl"') == 1


def test_two_prices_in_a_table_are_no_formula() -> None:
    """A page takes what stands between two dollar signs for one."""
    table = pd.DataFrame({"media": [picture()], "price": ["$0.03 to $0.05"]})
    assert "mathjax_ignore" in to_html(table)


def test_a_long_table_is_as_long_as_pandas_shows_it() -> None:
    data, _ = table_bundle(pd.DataFrame({"media": [picture()] * 500}))
    assert data["text/html"].count("<img src=") < 100


def test_pandas_knows_the_media_of_a_table(displayed: list[dict[str, Any]]) -> None:
    register_accessors()
    register_accessors()
    table: Any = pd.DataFrame({"prompt": ["a fox"], "media": [picture()]})
    assert "<img" in table.media.to_html(index=False)
    assert "<img" in table["media"].media.to_html()
    table.media.show()
    table["media"].media.show(columns=1, labels=table.prompt)
    assert ["<table" in data["text/html"] for data in displayed] == [True, False]


def test_media_in_a_cell_is_a_thumbnail_for_whoever_asks_for_html() -> None:
    """What pandas and its Styler call by themselves is `str`."""
    table = pd.DataFrame({"media": [picture(NASTY)]})
    by_hand = table.to_html(escape=False, formatters={"media": mt.Image._repr_html_})
    styled = table.style.format(mt.Image._repr_html_, subset=["media"]).to_html()
    for html in (by_hand, styled):
        assert 'src="data:image/jpeg;base64,' in html
        assert NASTY not in html
