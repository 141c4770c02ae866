"""The package as a whole: its public names, what importing it costs, its README."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import mediatoolkit as mt

ROOT = Path(__file__).parents[1]
NAMES: list[str] = vars(mt)["__all__"]
HEAVY = ("aiohttp", "numpy", "PIL", "IPython", "ipywidgets", "anywidget", "aiofiles", "pandas")


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


def test_the_help_of_the_package_says_what_there_is() -> None:
    verbs = ("image", "speech", "video", "film", "jobs", "quote", "budget", "models", "cache")
    for name in (*verbs, "grid", "start_many", "Studio", "Gallery", "compare"):
        assert re.search(rf"\b{name}\b", mt.__doc__ or "")
    for name in ("ImageGenAgent", "VoiceAgent", "VideoGenAgent", "MediaToolkitError"):
        assert name in (mt.__doc__ or "")
    shown = run("import mediatoolkit as mt; help(mt)")
    assert "mediatoolkit - Pictures, speech and film from a Jupyter cell" in shown


def test_every_public_object_says_what_it_is() -> None:
    assert [name for name in NAMES if not getattr(mt, name).__doc__] == []


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


def test_importing_the_package_loads_no_room() -> None:
    loaded = run(
        "import mediatoolkit, sys\n"
        "print(*sorted(name for name in sys.modules if name.startswith('mediatoolkit')))"
    )
    assert loaded == "mediatoolkit mediatoolkit.version"


def test_no_module_stands_in_the_place_of_a_public_name() -> None:
    """An import of `mediatoolkit.budget` would lay the module over the object of that name."""
    package = Path(vars(mt)["__file__"]).parent
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & set(NAMES)


def test_a_budget_shown_in_a_kernel_has_the_widgets_that_show_it() -> None:
    """As the agents have, since the rooms of both know no Jupyter."""
    code = "import mediatoolkit as mt; mt.budget; print('mediatoolkit.verbs' in sys.modules)"
    assert run(f"import sys, IPython; {code}") == "True"
    assert run(f"import sys; {code}") == "False"


def test_agents_and_providers_load_no_jupyter_and_no_pixels() -> None:
    loaded = loaded_after(
        "import mediatoolkit as mt; mt.ImageGenAgent('local'); mt.GeminiImageClient(api_key='k')"
    )
    assert not {"IPython", "ipywidgets", "anywidget", "numpy", "PIL"} & set(loaded)


def test_the_agents_load_nothing_that_speaks_http() -> None:
    loaded = loaded_after("import mediatoolkit as mt; mt.ImageGenAgent")
    assert not {"aiohttp", "pandas", "IPython"} & set(loaded)


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
    assert len(named) == 21
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


def test_an_import_in_a_kernel_starts_no_thread() -> None:
    """What is imported beside a cell can be met half imported by the next one."""
    threads = "print(*threading.enumerate())"
    before, after = run(
        f"import sys, threading; sys.modules['ipykernel'] = sys; {threads}; "
        f"import mediatoolkit; {threads}"
    ).splitlines()
    assert before == after


def test_a_name_of_a_class_means_one_thing() -> None:
    """No two modules have a class of the same name."""
    names = [
        node.name
        for path in Path(mt.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert not {name for name, count in Counter(names).items() if count > 1}
