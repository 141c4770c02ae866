"""Shows every vendor and kind of media to people: `python -m tests.conformance.table`.

Each cell of the columns "ours" and "SDK" is a call that is made now, at the simulator. Lines are
those with code in them: no blanks, comments or docstrings. What several vendors stand on is counted
apart.
"""

import argparse
import ast
import asyncio
import io
import tokenize
import warnings
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from mediatoolkit.simulator.server import VENDORS
from tests.conformance.rows import ROWS, Row, entry_points

PACKAGE = Path(__file__).parents[2] / "mediatoolkit"
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def lines_of_code(source: str) -> int:
    """How many lines of *source* have code in them."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {
        line
        for token in tokens
        if token.type not in _NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - _docstrings(source))


def _docstrings(source: str) -> set[int]:
    texts = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return {line for node in texts for line in range(node.lineno, (node.end_lineno or 0) + 1)}


class Room:
    """The modules of one folder, and which of them a vendor has for itself.

    Args:
        name: Of the folder, such as `"providers"`.
        mains: The module or package of each vendor, by the vendor.
    """

    def __init__(self, name: str, mains: dict[str, str]) -> None:
        """Read all of them."""
        self._prefix = f"mediatoolkit.{name}."
        files = {path.stem: [path] for path in (PACKAGE / name).glob("*.py")}
        files |= {path.parent.name: [*path.parent.rglob("*.py")] for path in _packages(name)}
        self._sources = {
            part: [path.read_text() for path in paths] for part, paths in files.items()
        }
        reached = {vendor: self._reached(main) for vendor, main in mains.items()}
        self._users: dict[str, set[str]] = {}
        for vendor, main in mains.items():
            for part in reached[vendor]:
                self._users.setdefault(part, set()).add(main)

    def own(self, main: str) -> int:
        """Lines of what nobody else uses."""
        return sum(self._lines(part) for part, users in self._users.items() if users == {main})

    def shared(self, most: int) -> dict[str, int]:
        """Lines of what several vendors use, but at most so many; else it is everybody's."""
        return {
            part: self._lines(part)
            for part, users in sorted(self._users.items())
            if 1 < len(users) <= most
        }

    def _lines(self, part: str) -> int:
        return sum(map(lines_of_code, self._sources[part]))

    def _reached(self, main: str) -> set[str]:
        found, next_ones = {main}, [main]
        while next_ones:
            parts = self._imports(next_ones.pop()) - found
            found |= parts
            next_ones += parts
        return found

    def _imports(self, part: str) -> set[str]:
        nodes = [node for source in self._sources[part] for node in ast.walk(ast.parse(source))]
        places = {
            f"{node.module}.{alias.name}"
            for node in nodes
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        names = {place.removeprefix(self._prefix).split(".")[0] for place in places}
        return names & self._sources.keys()


def _packages(name: str) -> Iterable[Path]:
    return (PACKAGE / name).glob("*/__init__.py")


async def tried(make: Callable[[Any], Awaitable[Any]], row: Row) -> str:
    """A mark and how many milliseconds it took, or the name of the error."""
    async with row.simulator() as sim:
        begun = perf_counter()
        try:
            await make(sim)
        except Exception as error:  # noqa: BLE001 - it is shown
            return f"✗ {type(error).__name__}"
        return f"✓ {1000 * (perf_counter() - begun):.0f} ms"


async def line_of(row: Row, clients: Room, dialects: Room) -> list[str]:
    """One line of the table."""
    main = _module(entry_points()[row.vendor, row.kind])
    theirs = row.theirs
    their = f"none: {theirs}" if isinstance(theirs, str) else await tried(theirs, row)
    dialect = _module(VENDORS[row.played]) if row.played else ""
    return [
        row.played or row.vendor,
        row.kind,
        await tried(row.ours, row),
        f"{row.sdk} {version(row.sdk)} {their}" if row.sdk else their,
        str(clients.own(main)),
        str(dialects.own(dialect)) if dialect else "–",
    ]


def _module(place: str) -> str:
    return place.partition(":")[0].removeprefix("mediatoolkit.providers.")


def laid_out(lines: Iterable[Iterable[str]]) -> str:
    """*lines* in columns."""
    rows = [list(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


async def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("only", nargs="*", help="vendors to show; left out, all")
    only = parser.parse_args().only
    warnings.simplefilter("ignore")  # of models and SDKs that end
    clients = Room("providers", {place: _module(place) for place in entry_points().values()})
    dialects = Room("simulator", {vendor: _module(place) for vendor, place in VENDORS.items()})
    rows = [row for row in ROWS if not only or {row.vendor, row.played} & set(only)]
    lines = [await line_of(row, clients, dialects) for row in rows]
    print(laid_out([["vendor", "kind", "ours", "SDK", "client", "dialect"], *lines]))
    for title, room, most in (("clients", clients, 8), ("dialects", dialects, 8)):
        shared = ", ".join(f"{part} {lines}" for part, lines in room.shared(most).items())
        print(f"\nShared by some {title}: {shared}")


if __name__ == "__main__":
    asyncio.run(main())
