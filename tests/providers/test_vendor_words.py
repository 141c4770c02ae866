"""Every vendor that the package names keeps the same form, and keeps to itself."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import mediatoolkit
from mediatoolkit.providers.base import Client
from mediatoolkit.providers.http import HttpClient

PACKAGE = Path(mediatoolkit.__file__).parent
PROVIDERS = PACKAGE / "providers"
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CLIENTS = sorted(
    (vendor, value)
    for group, entries in PROJECT["entry-points"].items()
    if group.startswith("mediatoolkit.")
    for vendor, value in entries.items()
)
VENDORS = sorted({value.partition(":")[0].rpartition(".")[2] for _, value in CLIENTS})
SHARED = ("openai_like", "fal_queue", "hosted_models")
"""How the modules begin that hold what several vendors speak."""

LONGEST, LONGEST_OF_OLDER = 350, 500
OLDER = {"gemini", "local"}
TRANSPORT_ONLY = {"aiohttp", "ClientSession", "sleep"}


def owner_of(name: str) -> str:
    """The vendor whose module *name* is, as `openai_batch` is OpenAI's; empty for the kit's."""
    if name.startswith(SHARED):
        return ""
    owners = [vendor for vendor in VENDORS if f"{name}_".startswith(f"{vendor}_")]
    return max(owners, key=len, default="")


MODULES = sorted(
    path
    for path in PROVIDERS.rglob("*.py")
    if owner_of(path.relative_to(PROVIDERS).with_suffix("").parts[0])
    or path.name.startswith(SHARED)
)


def loaded(value: str) -> type[Client[Any, Any]]:
    module, _, name = value.partition(":")
    client: type[Client[Any, Any]] = getattr(import_module(module), name)
    return client


def documentation(client: type[Client[Any, Any]]) -> str:
    """Its own docstring, with those of the classes of its module to which it refers."""
    module, text = import_module(client.__module__), _docstring(client)
    classes = {getattr(module, name, None) for name in re.findall(r"`(\w+)`", text)}
    others = sorted(_docstring(each) for each in classes if isinstance(each, type))
    return "\n".join([text, *others])


def _docstring(kind: type) -> str:
    return inspect.cleandoc(vars(kind).get("__doc__") or "")


class Running(ast.NodeTransformer):
    """Leaves out what only type checkers read."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if is_for_types else self.generic_visit(node)


def named(path: Path) -> str:
    return path.relative_to(PROVIDERS).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, wherever that stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def words(tree: ast.AST) -> Iterator[str]:
    """Every name in the code; comments and docstrings are none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
    for name in imports(tree):
        yield from name.split(".")


@pytest.mark.parametrize(("vendor", "value"), CLIENTS, ids=[value for _, value in CLIENTS])
def test_a_client_says_who_it_is_and_what_it_takes(vendor: str, value: str) -> None:
    """A docstring of its own, the variables that it reads, and models under its vendor's name."""
    client = loaded(value)
    text = documentation(client)

    assert "\nArgs:\n" in text
    assert client.provider == vendor
    assert client.catalog or client.unlisted
    assert all(info.model_id.startswith(f"{vendor}/") for info in client.catalog)
    if issubclass(client, HttpClient):
        assert client.label
        variables = (*client.key_names, *client.base_url_names)
        assert variables
        assert [name for name in variables if name not in text] == []


@pytest.mark.parametrize("value", [value for _, value in CLIENTS])
def test_what_a_docstring_refers_to_can_be_looked_up(value: str) -> None:
    """Else `mt.FalImageClient?` ends at a name that nobody can type."""
    client = loaded(value)
    named = re.findall(r"`(?:mt\.)?([A-Z]\w*(?:Client|Service))`", client.__doc__ or "")
    assert [name for name in named if not hasattr(mediatoolkit, name)] == []


@pytest.mark.parametrize("path", MODULES, ids=map(named, MODULES))
def test_a_vendor_keeps_to_itself(path: Path) -> None:
    """Its module is short, imports no other vendor, and leaves HTTP and waiting to the kit."""
    source = path.read_text(encoding="utf-8")
    parts = path.relative_to(PROVIDERS).with_suffix("").parts
    tree, owner = Running().visit(ast.parse(source)), owner_of(parts[0])
    room = "mediatoolkit.providers."
    others = {
        owner_of(name.removeprefix(room).partition(".")[0])
        for name in imports(tree)
        if name.startswith(room)
    }

    assert others <= {owner, ""}
    assert not TRANSPORT_ONLY.intersection(words(tree))
    assert len(source.splitlines()) <= (LONGEST_OF_OLDER if owner in OLDER else LONGEST)
