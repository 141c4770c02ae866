"""Runs tests on every Python of this machine that the package supports.

`python -m tests.matrix [--others] [what pytest takes]`: on each, or on each but this one. Every
Python has an environment of its own in `.pythons`, which is made when it is missing or old.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = (3, 11)

_VERSION = "import sys; v = sys.version_info; print(*v[:3], v.releaselevel, sys.executable)"

Version = tuple[int, int]


def pythons() -> dict[Version, Path]:
    """The newest final release of each supported version, among the commands and pyenv's."""
    releases: dict[Version, tuple[int, Path]] = {}
    for command in {*_commands()}:
        # Run elsewhere: pyenv's commands heed a `.python-version` of the folder they run in.
        answer = subprocess.run(  # noqa: S603 - a Python of this machine
            [command, "-c", _VERSION], capture_output=True, text=True, check=False, cwd="/"
        )
        if answer.returncode != 0:
            continue  # a command of pyenv's whose version is not switched on
        major, minor, micro, level, executable = answer.stdout.strip().split(" ", 4)
        version, release = (int(major), int(minor)), (int(micro), Path(executable))
        if version >= OLDEST and level == "final":
            releases[version] = max(release, releases.get(version, release))
    return {version: releases[version][1] for version in sorted(releases)}


def _commands() -> Iterator[str]:
    names = ["python3", *(f"python3.{minor}" for minor in range(OLDEST[1], OLDEST[1] + 10))]
    yield from filter(None, map(shutil.which, names))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, pyenv.glob("versions/*/bin/python3"))


def environment(version: Version, python: Path) -> Path:
    """The interpreter of an environment in which the tests run on *python*."""
    folder = ROOT / ".pythons" / ".".join(map(str, version))
    inside, made = folder / "bin" / "python", folder / ".made"
    project = ROOT / "pyproject.toml"
    if not made.exists() or made.stat().st_mtime < project.stat().st_mtime:
        print(f"Making {folder.relative_to(ROOT)} …", flush=True)
        _run(python, "-m", "venv", "--clear", folder)
        _run(inside, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
        groups = ("--group", "test", "--group", "conformance", "--group", "bench")
        _run(inside, "-m", "pip", "install", "--quiet", "--editable", ".[lab,local]", *groups)
        made.touch()
    return inside


def _run(*command: str | Path) -> None:
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - ours, on a Python of this machine


def main(arguments: list[str]) -> int:
    """Run pytest with *arguments* on each Python; how many failed."""
    others = "--others" in arguments
    failed = []
    for version, python in pythons().items():
        if others and version == sys.version_info[:2]:
            continue
        name = ".".join(map(str, version))
        print(f"\nPython {name}", flush=True)
        tests = [word for word in arguments if word != "--others"]
        inside = sys.executable if version == sys.version_info[:2] else environment(version, python)
        command = [str(inside), "-m", "pytest", *tests]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:  # noqa: S603 - as above
            failed.append(name)
    print(f"\nPythons on which tests failed: {', '.join(failed) or 'none'}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
