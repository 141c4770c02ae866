"""`make` says what it does while it installs, and that it still does it."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
case "$2" in
venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
pip) case "$*" in *editable*) read answer < "$PIPE"; exit "$answer" ;; esac ;;
mediatoolkit) echo "made it" ;;
esac
"""


def _demo(folder: Path, answer: str) -> tuple[list[str], int]:
    """What `make demo` prints and how it ends, with an install that ends once a tick was seen."""
    python, pipe = folder / "python", folder / "pipe"
    python.write_text(PYTHON)
    python.chmod(0o755)
    os.mkfifo(pipe)
    command = ["make", "-f", str(ROOT / "Makefile"), "demo", f"PYTHON={python}", "TICK=1"]
    # These tests run under `make` themselves, which would make this one a part of that.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = []
    with subprocess.Popen(  # noqa: S603 - our own Makefile
        command,
        cwd=folder,
        env=own | {"PIPE": str(pipe)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as make:
        assert make.stdout is not None
        for line in make.stdout:
            said.append(line.strip())
            if line == "  installing, 1 s\n":
                pipe.write_text(answer)
        make.communicate()
    return said, make.returncode


def test_a_long_install_is_heard_of_every_few_seconds(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    said, status = _demo(tmp_path, "0\n")

    assert status == 0
    ticks = [line for line in said if line.startswith("installing, ")]  # a busy machine has more
    assert ticks[0] == "installing, 1 s"
    assert said == [
        "Making a Python environment in .venv, once.",
        "Installing the local engine and what it needs: once, one to two minutes.",
        *ticks,
        "Making a picture, speech and a film of both, in about half a minute.",
        "made it",
    ]


def test_an_install_that_fails_ends_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    said, status = _demo(tmp_path, "3\n")

    assert status == 2
    assert said[-1].startswith("installing, ")
