"""A notebook of seeded media is compared with what it was saved with, by `pytest --nbval`."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.kernel.driver import ROOT

pytestmark = pytest.mark.kernel

NOTEBOOK = Path(__file__).with_name("seeded.ipynb")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The notebook as it is saved where its outputs are live."""
    home = tmp_path_factory.mktemp("strict")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MEDIATOOLKIT_STORE", str(home / "store"))
        environment.setenv("IPYTHONDIR", str(home / "ipython"))
        environment.setenv("PYTHONPATH", str(ROOT))
        notebook = home / "notebooks" / NOTEBOOK.name
        notebook.parent.mkdir()
        book = nbformat.read(NOTEBOOK, as_version=4)
        NotebookClient(book, timeout=100).execute(cwd=str(notebook.parent))
        nbformat.write(book, notebook)
        yield notebook


def test_seeded_media_is_the_same_each_time(saved: Path) -> None:
    """And another seed is found out."""
    book = nbformat.read(saved, as_version=4)
    outputs = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    assert [len(each) for each in outputs] == [0, 2, 1, 1, 1]
    assert "<video controls" in outputs[3][0].data["text/html"]
    again, other = saved.with_name("again.ipynb"), saved.with_name("other.ipynb")
    again.write_text(saved.read_text())
    other.write_text(saved.read_text().replace("seed=7", "seed=8"))

    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir=.", "--nbval"]
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [*command, "-p", "no:cacheprovider", saved.name, again.name, other.name],
        cwd=saved.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )

    assert re.search(r"2 failed, 13 passed", run.stdout), run.stdout
    assert set(re.findall(r"FAILED (\w+)", run.stdout)) == {"other"}
