"""What a notebook keeps: it is small and shows without a kernel, in any page."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.chosen import chosen
from tests.kernel.driver import ROOT

pytestmark = pytest.mark.kernel

PROMPTS = (
    "a red fox under the stars",
    "an owl on a branch at midnight",
    "a lighthouse in a storm",
    "a sailboat at sunset",
    "a city in the rain",
    "a mountain above a lake",
    "a whale, a linocut",
    'a "girl" & a <b>balloon</b>',
)
PAIR = (("a", "a red fox"), ("b", "an owl"))
IMPORT = "import asyncio\nimport mediatoolkit as mt"
THIRTY_SECONDS = "A red fox sits under the stars, and far away an owl calls in the wood. " * 8


@pytest.fixture(autouse=True)
def nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name, vendor in chosen("local").items():
        monkeypatch.setenv(name, vendor)
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def _executed(folder: Path, *cells: str, with_widgets: bool = False) -> Any:
    """The notebook as it is saved; as a browser does, it keeps what comes after a cell's end."""
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (IMPORT, *cells)]
    )
    client = NotebookClient(
        book, timeout=100, kernel_name="python3", store_widget_state=with_widgets
    )
    await client.async_execute(cwd=str(folder))
    nbformat.validate(book)
    return book


def _page(book: Any) -> str:
    """The page that `nbconvert --to html` makes."""
    page, _ = HTMLExporter().from_notebook_node(book)
    return str(page)


class _Pictures(HTMLParser):
    """The alternative texts of the pictures that a page shows from its own bytes, in order."""

    def __init__(self) -> None:
        """None seen yet."""
        super().__init__()
        self.alts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "img" and (known.get("src") or "").startswith("data:image/"):
            self.alts.append(known.get("alt"))


def _alts(page: str) -> list[str | None]:
    parser = _Pictures()
    parser.feed(page)
    return parser.alts


def _size(book: Any) -> int:
    return len(nbformat.writes(book).encode())


def _is_whole(page: str) -> bool:
    return "Error displaying widget" not in page and "widget-view+json" not in page


async def test_eight_pictures_in_eight_cells(tmp_path: Path) -> None:
    cells = [f"await mt.image({prompt!r}, seed={n})" for n, prompt in enumerate(PROMPTS)]

    book = await _executed(tmp_path, *cells)
    page = _page(book)
    print(f"eight pictures in eight cells: {_size(book):,} bytes")

    assert _size(book) < 1_000_000
    assert _alts(page) == list(PROMPTS)
    assert _is_whole(page)
    assert len([cell for cell in book.cells if len(cell.get("outputs", ())) == 1]) == len(PROMPTS)


async def test_eight_pictures_of_one_loop(tmp_path: Path) -> None:
    loop = (
        f"jobs = [mt.image(prompt, seed=1) for prompt in {PROMPTS}]\n"
        "pictures = await asyncio.gather(*jobs)\n"
        "assert [picture.width for picture in pictures] == [1024] * 8"
    )

    book = await _executed(tmp_path, loop)
    page = _page(book)
    print(f"eight pictures of one loop: {_size(book):,} bytes")

    assert _size(book) < 1_000_000
    assert _alts(page) == list(PROMPTS)
    assert _is_whole(page)


async def test_pictures_of_a_loop_that_outlive_their_cell(tmp_path: Path) -> None:
    loop = f"jobs = [mt.image(prompt, size=512, seed=1) for prompt in {PROMPTS}]"

    book = await _executed(tmp_path, loop, "pictures = await asyncio.gather(*jobs)", "pass")
    page = _page(book)

    assert _alts(page) == list(PROMPTS)
    assert _is_whole(page)


async def test_the_state_of_widgets_is_small_and_whole(tmp_path: Path) -> None:
    """Kept bytes whose row is gone would end the page's script, for every widget in it."""
    cells = [f"await mt.image({prompt!r}, size=512)" for prompt in PROMPTS[:3]]
    loop = "await asyncio.gather(*(mt.image(f'fox {n}', size=512) for n in range(6)))"

    book = await _executed(tmp_path, *cells, loop, with_widgets=True)

    [saved] = book.metadata.widgets.values()
    assert not [model for model in saved["state"].values() if "buffers" in model]
    boards = [
        len(json.dumps(model)) for model in saved["state"].values() if "rows" in model["state"]
    ]
    assert len(boards) == 4
    assert max(boards) < 2_000


async def test_many_short_narrations(tmp_path: Path) -> None:
    loop = (
        "words = [f'Fox {n}.' for n in range(31)]\n"
        "await asyncio.gather(*(mt.speech(each, model='local/pico') for each in words))\n"
        "None"
    )

    book = await _executed(tmp_path, loop)

    assert "Fox 30." in _page(book)
    assert _size(book) < 100_000


async def test_a_narration_of_thirty_seconds(tmp_path: Path) -> None:
    before = await _executed(tmp_path, "None")
    book = await _executed(
        tmp_path,
        f"voice = await mt.speech({THIRTY_SECONDS!r}, model='local')",
        "assert 25 < voice.seconds < 45, voice.seconds",
    )
    page = _page(book)
    print(f"a narration of thirty seconds: {_size(book) - _size(before):,} bytes")

    assert _size(book) - _size(before) < 150_000
    assert re.search(r"<audio\b[^>]*controls", page)
    assert _is_whole(page)


async def test_cells_of_words_are_kept_like_others(tmp_path: Path) -> None:
    book = await _executed(
        tmp_path,
        "%load_ext mediatoolkit",
        "%%image --seed 1 --out fox\na red fox under the stars",
        "x = await fox",
        "%media models",
    )
    page = _page(book)

    assert _alts(page) == ["a red fox under the stars"]
    assert _is_whole(page)
    assert "local/painter" in page


async def test_panels_are_kept_as_what_they_show(tmp_path: Path) -> None:
    """A widget without its kernel would be an error where its pictures could stand."""
    book = await _executed(
        tmp_path,
        *(f"{name} = await mt.image({prompt!r}, size=256, seed=1)" for name, prompt in PAIR),
        "mt.Gallery()",
        "mt.compare(a, b)",
        "mt.sessions",
        "mt.jobs",
        "mt.Studio()",
        "pass",
    )
    page = _page(book)
    gallery, comparison, sessions, jobs, studio = (cell.outputs for cell in book.cells[3:8])

    assert _alts(page) == [prompt for _, prompt in [*PAIR, *reversed(PAIR), *PAIR]]
    for words in ("A gallery of 2 pictures.", "no open sessions", "no jobs", "Studio: run this"):
        assert words in page
    assert _is_whole(page)
    assert len(json.dumps(gallery)) < 100_000
    assert len(json.dumps(comparison)) < 100_000
    assert all(len(json.dumps(outputs)) < 2_000 for outputs in (sessions, jobs, studio))


async def test_a_sheet_of_many_is_small(tmp_path: Path) -> None:
    loop = "await asyncio.gather(*(mt.image(f'fox {n}', size=256) for n in range(40)))\nNone"

    book = await _executed(tmp_path, loop, "mt.Gallery()", "await asyncio.sleep(1)", "pass")

    assert re.search(r"A gallery of 40 pictures, \d+ of which are shown here", _page(book))
    assert len(json.dumps(book.cells[2].outputs)) < 100_000


async def test_no_key_and_no_path_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "key-that-nobody-may-see")

    here = tmp_path / "here"
    here.mkdir()
    film = 'await mt.film(x, narration="An owl.", seconds=3, size="64x64")'
    book = await _executed(
        here,
        'x = await mt.image("an owl", model="local", size=64)\nx',
        film,
        f"mt.configure(embed=0)\n{film}",
        "mt.Gallery()",
        "mt.compare(x, x)",
    )

    assert "<track kind" in _page(book)
    assert "This page plays the film when <a" in _page(book)
    assert "file:" not in json.dumps(book)
    assert "key-that-nobody-may-see" not in json.dumps(book)
    assert str(tmp_path) not in json.dumps(book)
