"""The Binder folder, checked by Binder's own builder, without Docker."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """What would be built."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug"]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, "--Repo2Docker.default_buildpack=None", str(ROOT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_binder_takes_the_folder_with_our_python(dockerfile: str) -> None:
    assert "Building conda environment for python=3.11" in dockerfile


def test_requirements_are_a_layer_before_the_project(dockerfile: str) -> None:
    """So that a change of ours does not install everything anew."""
    requirements = dockerfile.index("binder/requirements.txt")
    project = re.search(r"COPY --chown=\S+ src/ \$\{REPO_DIR\}", dockerfile)
    assert project
    assert requirements < project.start()
    assert "binder/postBuild" in dockerfile[project.start() :]


def test_requirements_are_pinned_and_cover_what_the_package_needs() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "binder/requirements.txt").read_text().split()
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["lab"], *extras["local"], *extras["pandas"]]
    assert {re.split(r"[>=<]", one)[0] for one in needed} <= set(pinned)
