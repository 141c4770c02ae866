"""The package as a whole: its public names, what importing it costs, its README."""

import ast
import importlib.metadata
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import mediatoolkit as mt

ROOT = Path(__file__).parents[1]
MAKE = (sys.executable, "-m", "mediatoolkit")
NAMES: list[str] = vars(mt)["__all__"]
HEAVY = ("aiohttp", "numpy", "PIL", "IPython", "ipywidgets", "anywidget", "aiofiles")


def run(code: str) -> str:
    """What *code* prints in a fresh interpreter that takes every warning for an error."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_is_there_sorted_and_listed_once() -> None:
    assert sorted(set(NAMES), key=lambda name: (name.islower(), name)) == NAMES
    for name in NAMES:
        assert getattr(mt, name) is not None
    assert {name for name in dir(mt) if not name.startswith("__")} == set(NAMES)


def test_type_checkers_see_the_names_where_they_are() -> None:
    """The stub, the lazy table and `__all__` say the same."""
    stub = ast.parse((ROOT / "mediatoolkit/__init__.pyi").read_text("utf-8"))
    seen = {
        alias.asname: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    table = vars(mt)["_MODULE_OF"]
    assert seen == {name: (f"mediatoolkit.{module}", name) for name, module in table.items()}
    assert set(seen) == set(NAMES)


def test_it_tells_the_version_that_is_installed() -> None:
    assert mt.__version__ == importlib.metadata.version("mediatoolkit")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="imgae"):
        mt.imgae  # type: ignore[attr-defined]  # noqa: B018


def loaded_after(code: str) -> list[str]:
    check = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"
    names: list[str] = eval(run(f"{code}\n{check}"))  # noqa: S307 - our own output
    return names


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import mediatoolkit") == []


def test_agents_and_providers_load_no_jupyter_and_no_pixels() -> None:
    loaded = loaded_after(
        "import mediatoolkit as mt; mt.ImageGenAgent('local'); mt.GeminiImageClient(api_key='k')"
    )
    assert not {"IPython", "ipywidgets", "anywidget", "numpy", "PIL"} & set(loaded)


def test_outside_jupyter_a_picture_is_made_in_silence(tmp_path: Path) -> None:
    code = f"""
import asyncio, os, sys
os.environ["MEDIATOOLKIT_STORE"] = {str(tmp_path)!r}
import mediatoolkit as mt
async def main():
    image = await mt.image("a red fox", size=64, seed=7)
    assert image.path.exists()
    await mt.close()
asyncio.run(main())
assert not {{"IPython", "ipywidgets"}} & set(sys.modules)
"""
    assert run(code) == ""


def test_a_script_without_await_makes_a_picture_too(tmp_path: Path) -> None:
    code = f"""
import os
os.environ["MEDIATOOLKIT_STORE"] = {str(tmp_path)!r}
import mediatoolkit as mt
assert mt.image("a red fox", size=64, seed=7).result().path.exists()
"""
    assert run(code) == ""


def test_every_error_of_ours_is_in_the_drawn_tree() -> None:
    from mediatoolkit import errors

    drawn = errors.__doc__ or ""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    named = [kind for kind in kinds if issubclass(kind, mt.MediaToolkitError)]
    assert len(named) == 19
    for kind in named:
        assert f" {kind.__name__}" in drawn
        assert len({base.family for base in kind.__mro__ if hasattr(base, "family")}) >= 1


def test_errors_survive_a_pickle() -> None:
    import pickle

    error = mt.RateLimitError("slow down", retry_after=3, provider="gemini", request_id="r1")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(again), again.retry_after, again.status, again.provider) == (
        "slow down",
        3,
        429,
        "gemini",
    )


def test_an_error_that_may_cost_twice_says_so() -> None:
    error = mt.TransportError("The connection was lost.", may_have_been_billed=True)
    assert "may pay twice" in str(error)


def test_the_command_makes_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "fox.png"
    done = subprocess.run(  # noqa: S603 - our own command
        [
            sys.executable,
            "-m",
            "mediatoolkit",
            "image",
            "a red fox",
            "--size",
            "64x64",
            "--out",
            str(out),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [repr(mt.Image.open(out)), str(out)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["image", "", "--out", "fox.png"], "PromptError: The prompt is empty"),
        (["image", "fox", "--size", "banana"], "PromptError: size='banana'"),
        (["speech", "fox", "--out", "missing/fox.wav"], "StorageError: There is no folder"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    arguments: list[str], words: str, tmp_path: Path
) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(words)
    assert len(done.stderr.splitlines()) == 1


def test_the_command_ends_in_silence_at_ctrl_c(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as vendor:
        command = subprocess.Popen(  # noqa: S603 - our own command
            [*MAKE, "image", "a red fox"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=asking(f"http://127.0.0.1:{vendor.getsockname()[1]}"),
        )
        with command, vendor.accept()[0]:
            command.send_signal(signal.SIGINT)
            _, said = command.communicate(timeout=60)
    assert said == ""
    assert command.returncode == 130


def test_an_error_takes_the_place_of_the_line_that_shows_progress(tmp_path: Path) -> None:
    reads, writes = pty.openpty()
    done = subprocess.run(  # noqa: S603 - our own command
        [*MAKE, "image", "a red fox"],
        stderr=writes,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=asking("http://127.0.0.1:9"),
    )
    os.close(writes)
    shown = os.read(reads, 100_000).decode()
    os.close(reads)
    assert done.returncode == 1
    assert "\r\x1b[KTransportError: " in shown


def asking(address: str) -> dict[str, str]:
    """An environment in which Gemini is at *address*."""
    vendor = {"GEMINI_API_KEY": "test-key", "GOOGLE_GEMINI_BASE_URL": address}
    return os.environ | vendor | {"PYTHONPATH": str(ROOT)}
