"""The tutorial on costs pays once: run again, all of its pictures come from what is kept."""

import shutil
import socket
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.chosen import chosen
from tests.kernel.driver import ROOT
from tests.tutorials import executed

pytestmark = pytest.mark.kernel

NOTEBOOK = ROOT / "notebooks" / "06_what_it_costs.ipynb"
FIRST = 7
"""Requests of the first run: a fox, an owl twice because one answer is lost, four lighthouses."""

_REPORT = """
print(len(sim.requests), *[each.content_digest() for each in (fox, owl, *lights)])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for everything, whose kernels have nobody's settings and no key."""
    home = tmp_path_factory.mktemp("costs")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("IPYTHONDIR", str(home / "ipython"))
        environment.setenv("PYTHONPATH", str(ROOT))
        for name, vendor in chosen("local").items():
            environment.setenv(name, vendor)
        for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"):
            environment.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="module")
def port() -> int:
    """A free one; that of the notebook may be in use by whoever runs it meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    return number


async def test_nothing_is_sent_from_the_second_time_on(
    home: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one kernel, in a new one, and beside a copy of the store: the same six pictures."""
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(home / "store"))
    first, second = await _reports(home, port, runs=2)
    (third,) = await _reports(home, port)
    shutil.move(home / "store", home / "elsewhere")
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(home / "elsewhere"))
    (fourth,) = await _reports(home, port)

    sent = [int(report[0]) for report in (first, second, third, fourth)]
    assert sent == [FIRST, 0, 0, 0]
    assert first[1:] == second[1:] == third[1:] == fourth[1:]
    assert len(set(first[1:])) == 6


async def test_it_runs_where_another_kernel_has_the_port(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(home / "other"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        (report,) = await _reports(home, server.getsockname()[1])

    assert int(report[0]) == FIRST


async def _reports(home: Path, port: int, *, runs: int = 1) -> list[list[str]]:
    """Run the notebook in a new kernel: how many requests each run sent, and what it has."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    cells = [*book.cells, nbformat.v4.new_code_cell(_REPORT)]
    assert sum("port=8791" in cell.source for cell in cells) == 1
    for cell in cells:
        cell.source = cell.source.replace("port=8791", f"port={port}")
    book.cells = [_again(cell) for _ in range(runs) for cell in cells]
    path = home / NOTEBOOK.name
    nbformat.write(book, path)
    ran = await executed(path, home)
    # A busy kernel may send one line in several pieces.
    return [
        "".join(output.text for output in cell.outputs).split()
        for cell in ran.cells
        if cell.source == _REPORT
    ]


def _again(cell: Any) -> Any:
    """The same cell under another id."""
    copy = deepcopy(cell)
    copy.id = nbformat.v4.new_code_cell().id
    return copy
