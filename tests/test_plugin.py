"""A package that brings a vendor is built, installed and used; a broken one hurts nobody."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "plugin" / "acme"
BROKEN = """
Metadata-Version: 2.1
Name: broken-media
Version: 0.9
""".lstrip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed, beside one that cannot be imported."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PROJECT, folder / "acme")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    options = ["--no-build-isolation", "--target", str(folder / "site"), str(folder / "acme")]
    subprocess.run([*pip, *options], check=True)  # noqa: S603 - ours
    broken = folder / "site" / "broken_media-0.9.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text(BROKEN)
    (broken / "entry_points.txt").write_text(
        "[mediatoolkit.images]\nbroken = broken_media:Client\n"
        "[mediatoolkit.speech]\nodd = json:JSONDecoder\n"
    )
    (folder / "site" / "broken_media.py").write_text("raise OSError('no such library')\n")
    return folder / "site"


def run(site: Path, *command: str, **environment: str) -> str:
    """What a Python with the packages prints."""
    paths = f"{site}:{Path(__file__).parents[1]}"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, *command],
        env={"PYTHONPATH": paths, "PATH": "/usr/bin:/bin", "HOME": str(site), **environment},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_package_passes_the_contract(site: Path) -> None:
    tests = str(PROJECT / "test_acme.py")
    options = ("-q", "-p", "no:cacheprovider", "-c", "/dev/null", "-o", "asyncio_mode=auto")
    printed = run(site, "-m", "pytest", *options, "--rootdir", str(site), tests)

    assert " passed" in printed
    assert "skipped" not in printed


def test_its_models_are_listed_and_chosen_and_ours_stay_ours(site: Path) -> None:
    printed = run(
        site,
        "-c",
        "import mediatoolkit as mt\n"
        "rows = mt.models('image', vendor='acme')\n"
        "print(list(rows.model), list(rows.sizes), list(rows.seed), list(rows.key))\n"
        "print(mt.ImageGenAgent())\n"
        "from mediatoolkit.providers import registry\n"
        "from mediatoolkit.providers.base import ImageClient\n"
        "print(registry.class_for('gemini', ImageClient).__name__)\n",
        ACME_API_KEY="key-of-acme",
    )

    assert "['acme/brush-1'] ['512/1K'] [True] ['ACME_API_KEY is in the environment']" in printed
    assert "acme/brush-1" in printed.splitlines()[1]
    assert "GeminiImageClient" in printed


def test_a_broken_package_is_named_and_hurts_nobody(site: Path) -> None:
    printed = run(
        site,
        "-W",
        "ignore::RuntimeWarning",
        "-c",
        "import mediatoolkit as mt\n"
        "rows = mt.models()\n"
        "print(list(rows[rows.vendor == 'broken'].available)[0])\n"
        "print(list(rows[rows.vendor == 'odd'].available)[0])\n"
        "print(mt.ImageGenAgent(), mt.VoiceAgent())\n"
        "try: mt.ImageGenAgent('broken/x')\n"
        "except mt.UnknownModelError as error: print(error)\n"
        "print([row.missing for row in mt.keys() if row.vendor == 'broken'])\n",
    )

    reason = (
        "The package broken-media 0.9 offers broken, but fails (OSError: no such library); update "
        "or remove it."
    )
    first, odd, agents, error, missing = printed.splitlines()
    assert first == error == reason
    assert "json:JSONDecoder" in odd
    assert "local/painter" in agents
    assert reason in missing


ODD = {
    "leaving": "raise SystemExit(3)",
    "nothing": "return []",
    "none": "return None",
    "numbers": "return [1, 2]",
    "fails": "raise ValueError('no list')",
}


def odd_packages(folder: Path) -> None:
    """Packages that offer a client whose list of models is none, and two of one name."""
    for name, body in ODD.items():
        offer(folder, name, name, f"    @classmethod\n    def models(cls): {body}\n")
    for name in ("first", "second"):
        offer(folder, f"{name}_twin", "twin", "    pass\n")
    (folder / "odd_leaving.py").write_text("import sys\nsys.exit(3)\n")


def offer(folder: Path, name: str, vendor: str, body: str) -> None:
    head = (
        "from mediatoolkit.providers.base import ImageClient\n"
        f"class Client(ImageClient):\n    provider = {vendor!r}\n"
        "    @classmethod\n    def key_place(cls): return 'there'\n"
    )
    (folder / f"odd_{name}.py").write_text(head + body)
    facts = folder / f"odd_{name}-0.9.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(BROKEN.replace("broken-media", f"odd-{name}"))
    (facts / "entry_points.txt").write_text(
        f"[mediatoolkit.images]\n{vendor} = odd_{name}:Client\n"
    )


def test_packages_that_list_no_models_or_leave_are_in_nobodys_way(tmp_path: Path) -> None:
    odd_packages(tmp_path)
    printed = run(
        tmp_path,
        "-c",
        "import warnings\n"
        "import mediatoolkit as mt\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    rows = mt.models('image')\n"
        f"for name in {list(ODD)}:\n"
        "    print(name, list(rows[rows.vendor == name].available))\n"
        "print(mt.ImageGenAgent('local'), len(list(mt.keys())) > 5)\n"
        "print(*{str(each.message) for each in told if 'twin' in str(each.message)})\n",
    )

    *lines, agent, twins = printed.splitlines()
    for name, line in zip(ODD, lines, strict=True):
        assert f"The package odd-{name} 0.9 offers {name}, but fails" in line
    assert agent == "<ImageGenAgent local/painter> True"
    assert twins.count("offers twin, too") == 1
