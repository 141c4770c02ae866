"""The tutorials run from top to bottom without a key, and are stored with small outputs."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.chosen import chosen
from tests.kernel.driver import path_for
from tests.tutorials import KEYS, LARGEST, TUTORIALS, differences, executed, shrink

pytestmark = pytest.mark.kernel

each_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
_LINK = re.compile(r"\]\((\w+\.ipynb)\)")
_WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def nobodys_settings(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", path_for(version))
    for name, vendor in chosen("local").items():
        monkeypatch.setenv(name, vendor)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@each_tutorial
def test_its_outputs_are_small_and_say_nothing_of_the_machine_that_made_them(path: Path) -> None:
    outputs = [json.dumps(out) for cell in _code_cells(path) for out in cell["outputs"]]
    assert outputs
    for output in outputs:
        assert len(output) <= LARGEST
        assert not re.search(r"file://|/home|/root|/tmp|widget-view", output)
    assert sum(map(len, outputs)) < 150_000


@each_tutorial
def test_a_cell_has_five_lines_at_the_most(path: Path) -> None:
    assert max(len(cell["source"].splitlines()) for cell in _code_cells(path)) <= 5


def test_the_first_leads_to_all_others_and_each_to_the_next() -> None:
    leads = [_LINK.findall(path.read_text()) for path in TUTORIALS]
    names = [path.name for path in TUTORIALS]
    assert leads[0] == names[1:]
    assert leads[1:] == [*([name] for name in names[2:]), []]


@each_tutorial
@pytest.mark.usefixtures("nobodys_settings")
async def test_it_runs_and_leaves_a_small_notebook_with_no_widget_but_those_asked_for(
    path: Path, tmp_path: Path
) -> None:
    """A gallery or a studio is what its cell ends in; the view of a job is gone with it."""
    book = await executed(path, tmp_path)

    shown = [output for cell in book.cells for output in cell.get("outputs", [])]
    assert shown
    left = [output for output in shown if _WIDGET in output.get("data", {})]
    assert {output.output_type for output in left} <= {"execute_result"}
    assert len(json.dumps(book)) < 1_000_000

    shrink(book)
    stored = nbformat.read(path, as_version=4)
    assert differences(stored, book) == [], "`make outputs` stores what the notebooks show now"


@pytest.mark.usefixtures("nobodys_settings")
async def test_a_picture_that_outlived_its_cell_is_kept_below_it(tmp_path: Path) -> None:
    """Also by an executor that listens to one cell after the other."""
    cells = [
        'import asyncio\nimport mediatoolkit as mt\nowl = mt.image("an owl", size="512")',
        "while not owl.done():\n    await asyncio.sleep(0.05)\nawait asyncio.sleep(0.5)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])

    await _executed(book, tmp_path)

    first, second = (cell.outputs for cell in book.cells)
    assert [sorted(output.data) for output in first] == [["image/jpeg", "text/html", "text/plain"]]
    assert not second


async def _executed(book: Any, folder: Path) -> Any:
    client = NotebookClient(book, timeout=60, kernel_name="python3")
    await client.async_execute(cwd=str(folder))
    return book


def _code_cells(path: Path) -> list[Any]:
    book = nbformat.read(path, as_version=4)
    return [cell for cell in book.cells if cell.cell_type == "code"]
