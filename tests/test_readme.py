"""The README's code runs as it stands."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.http import HttpClient
from mediatoolkit.providers.registry import LOCAL, ORDER, class_for, vendors
from mediatoolkit.verbs.kinds import AGENTS
from tests.tutorials import KEYS, TUTORIALS, links, repository, with_links

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHAPES = re.compile(r"^(.+)  # (\(\d.+\))$", re.MULTILINE)
VENDOR = re.compile(r"^\| `([a-z0-9-]+)` \| ([a-z, ]+) \| (.*?)\|", re.MULTILINE)


async def test_every_block_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With top-level await, as in a cell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIATOOLKIT_STORE", str(tmp_path / "store"))
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    mt.budget.release()  # what earlier tests have spent would not fit into the limit that it sets
    mt.budget.reset()
    monkeypatch.setattr(mt.budget, "limit", None)  # that one ends with the test
    cell: dict[str, object] = {}
    for block in BLOCKS:
        code = compile(block, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, cell)  # noqa: S307 - our own README
        if inspect.isawaitable(result):
            await result
        for expression, value in SHAPES.findall(block):
            assert repr(eval(expression, cell)) == value  # noqa: S307 - our own README
    owl = cell["owl"]
    assert isinstance(owl, mt.Image)
    assert (tmp_path / "owl.png").exists()
    await mt.close()


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)


@pytest.mark.parametrize("path", [ROOT / "README.md", *TUTORIALS], ids=lambda path: path.stem)
def test_every_badge_leads_to_the_repository(path: Path) -> None:
    """Which only pyproject.toml knows; `make badges` carries it to the others."""
    text = path.read_text()
    assert with_links(text) == text
    assert {link.split("/")[0] for link in links(text)} == {
        "colab.research.google.com",
        "https:",
        "mybinder.org",
    }
    opened = re.findall(rf"{repository()}/(?:HEAD\?urlpath=lab/tree|blob/main)/([\w/.]+)", text)
    name = TUTORIALS[0].name if path.suffix == ".md" else path.name
    assert opened == [f"notebooks/{name}"] * 2


def test_the_two_commands_stand_at_its_top() -> None:
    top = README[: README.index("```python")]
    assert "$ make demo" in top
    assert "$ make test" in top


def test_its_table_of_vendors_is_what_the_package_has() -> None:
    """In the order in which a default is chosen, with all kinds of media and all variables."""
    table = README[README.index("## Vendors") : README.index("## What it costs")]
    rows = [
        (vendor, makes.split(", "), re.findall(r"`(\w+)`", names))
        for vendor, makes, names in VENDOR.findall(table)
    ]
    keys = mt.keys()
    ours = [row for row in keys if row.vendor in {*ORDER, LOCAL}]
    assert rows == [
        (row.vendor, row.makes.split(", "), list(_variables(row.vendor))) for row in ours
    ]


def _variables(vendor: str) -> dict[str, None]:
    """The variables for the address of a server of one's own, then those for a key."""
    kinds = [agent.client_type for agent in AGENTS.values()]
    clients = [class_for(vendor, kind) for kind in kinds if vendor in vendors(kind)]
    return dict.fromkeys(
        name
        for client in clients
        if issubclass(client, HttpClient)
        for name in (*(client.base_url_names if client.is_own_server else ()), *client.key_names)
    )
