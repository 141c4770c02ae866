"""Make a whole table from the command line: `python -m mediatoolkit run prompts.csv --run posters`.

The table is CSV with a header line, or JSON objects, one on each line. Columns that the model takes
make the request, `prompt` among them; all others travel along. An empty cell of a CSV counts as
left out. The same name goes on where its run stood. The exit code is 0 when all rows are done, 1
when some are not, 2 when nothing was sent, and 130 after Ctrl-C.
"""

import argparse
import asyncio
import csv
import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mediatoolkit.agents import Agent, ImageGenAgent, VideoGenAgent, VoiceAgent
from mediatoolkit.caching import TYPED_WORDS
from mediatoolkit.checks import meaning, quoted, visible
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.providers.capabilities import Flag, Number
from mediatoolkit.runs.run import Run
from mediatoolkit.runs.summary import failures_of, line_of
from mediatoolkit.runtime.events import Progress, RowsEnded
from mediatoolkit.runtime.files import path_of, read_file
from mediatoolkit.store import Store

ALL_DONE, SOME_FAILED, NOTHING_SENT = 0, 1, 2

_AGENTS: dict[str, type[Agent[Any, Any]]] = {
    "image": ImageGenAgent,
    "speech": VoiceAgent,
    "video": VideoGenAgent,
}
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")
_NUMBERS = {"seed": int, "seconds": float, "speed": float}
"""Keywords that are numbers, also where a model says nothing of them."""

_FILES = ("table.csv", "ledger.sqlite3")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def add_to(kinds: Any) -> None:
    """Add the command to a parser's *kinds*."""
    run = kinds.add_parser("run", help="make all rows of a table", description=__doc__)
    run.add_argument("table", help=".csv, .tsv or .jsonl")
    run.add_argument("--kind", choices=list(_AGENTS), default="image", help="what to make")
    run.add_argument("--model", help="vendor/model; left out, a vendor with a key, else local")
    run.add_argument("--run", metavar="NAME", help="name under which it can go on later")
    run.add_argument("--cap", metavar="USD", help="the most that the run may spend")
    run.add_argument("--rate", help="how many rows may be sent, such as 300/min")
    run.add_argument("--concurrency", type=int, default=64, help="how many at once (64)")
    run.add_argument("--on", help="processes of this machine, or batch: half price, within a day")
    run.add_argument("--changed", choices=["add", "replace"], help="if rows are not as before")
    run.add_argument("--retry", action="store_true", help="make again what has failed")
    run.add_argument("--timeout", type=float, help="seconds for each row")
    run.add_argument("--cache", nargs="?", metavar="WORD", help="as for the other commands")


async def make(arguments: argparse.Namespace) -> int:
    """Make the table, say on stdout how it ended and where it is; returns the exit code."""
    try:
        options = _options(arguments)
        kind, store = _AGENTS[arguments.kind], Store.default()
        async with kind(arguments.model, store=store) as agent:
            rows = await asyncio.to_thread(read_rows, arguments.table, agent)
            return await _finish(agent.start_many(rows, **options), retry=arguments.retry)
    except MediaToolkitError as error:
        _say(f"{type(error).__name__}: {error}")
        return NOTHING_SENT


def read_rows(name: str, agent: Agent[Any, Any]) -> list[dict[str, Any]]:
    """The rows of a file, with numbers where the first model of *agent* takes numbers; blocks.

    Raises:
        PromptError: It is no such table; names the line.
        StorageError: It cannot be read.
    """
    path = path_of(name)
    text = _text(path)
    suffix = path.suffix.lower()
    if suffix in _LINES:
        return list(_objects(text))
    if suffix in _DELIMITERS:
        return list(_records(text, _DELIMITERS[suffix], agent))
    known = ", ".join([*_DELIMITERS, *_LINES])
    raise PromptError(f"A table ends in {known}, not in {suffix!r}.")


def _text(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path.name} is no UTF-8 at byte {error.start:,}; save it as UTF-8."
        raise PromptError(message) from error


def _objects(text: str) -> Iterator[dict[str, Any]]:
    # `splitlines` also cuts at characters that JSON allows within a text.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise PromptError(f"Line {number:,} is no JSON: {error}.") from error
        if not isinstance(record, dict):
            raise PromptError(f"Line {number:,} is no JSON object but {quoted(record)}.")
        yield record


def _records(text: str, delimiter: str, agent: Agent[Any, Any]) -> Iterator[dict[str, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        head = [name.strip() for name in next(reader, [])]
        _check_head(head)
        for cells in reader:
            if any(cells):
                yield _record(head, cells, reader.line_num, agent)
    except csv.Error as error:
        raise PromptError(f"Line {reader.line_num:,} is no CSV: {error}.") from error


def _check_head(head: list[str]) -> None:
    if not head:
        raise PromptError("The table is empty; its first line names the columns.")
    twice = [name for name in head if head.count(name) > 1]
    if twice:
        raise PromptError(f"Two columns are called {quoted(twice[0])}; rename one.")


def _record(head: list[str], cells: list[str], line: int, agent: Agent[Any, Any]) -> dict[str, Any]:
    if len(cells) > len(head):
        raise PromptError(
            f"Line {line:,} has {len(cells)} cells, and the head {len(head)}; put a text with a "
            "comma into double quotes."
        )
    typed = {name: _typed(name, cell, line, agent) for name, cell in zip(head, cells, strict=False)}
    return {name: typed.get(name) for name in head}


def _typed(name: str, cell: str, line: int, agent: Agent[Any, Any]) -> Any:
    """The value of a cell, by what the keyword *name* takes; None where it is empty."""
    if not cell.strip():
        return None
    capabilities = agent.clients[0].capabilities
    rule = capabilities.keywords.get(name) if capabilities else None
    try:
        if isinstance(rule, Flag):
            return meaning(cell.strip().lower(), _FLAGS, name)
        if isinstance(rule, Number) or name in _NUMBERS:
            number = float(cell)
            is_whole = number.is_integer() and _NUMBERS.get(name) is not float
            return int(cell) if is_whole and cell.strip().lstrip("+-").isdecimal() else number
    except (ValueError, OverflowError) as error:
        reason = str(error) if isinstance(error, PromptError) else f"{quoted(cell)} is no number."
        raise PromptError(f"Line {line:,}: {name}: {reason}") from error
    return cell.split(";") if name == "references" else cell


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords for `start_many`.

    Raises:
        PromptError: `--on` or `--cache` is none.
    """
    word = arguments.cache
    given: Mapping[str, Any] = {
        "run": arguments.run,
        "cap": arguments.cap,
        "rate": arguments.rate,
        "on": _place(arguments.on),
        "changed": arguments.changed,
        "timeout": arguments.timeout,
        "cache": None if word is None else meaning(word, TYPED_WORDS, "--cache"),
    }
    stated = {name: value for name, value in given.items() if value is not None}
    return {"concurrency": arguments.concurrency, **stated}


def _place(word: str | None) -> int | str | None:
    if word is None or word == "batch":
        return word
    if word.isdecimal() and word.isascii():
        return int(word)
    raise PromptError(f"--on takes a number of processes or batch, not {quoted(word)}.")


async def _finish(run: Run, *, retry: bool) -> int:
    """Wait for *run*, and say how it ended; returns the exit code."""
    progress = _Progress()
    try:
        await progress.watch(run)
        if retry and run.counts["failed"]:
            run = run.retry()
            await progress.watch(run)
    except MediaToolkitError as error:
        progress.erase()
        _say(f"{type(error).__name__}: {error}")
        if not progress.has_news:
            return NOTHING_SENT
    except asyncio.CancelledError:
        _tell(run)
        raise
    _tell(run)
    return ALL_DONE if run.counts["done"] == sum(run.counts.values()) else SOME_FAILED


def _tell(run: Run) -> None:
    """Print how it ended, and where its table and its ledger are; failures go to stderr."""
    _say(*failures_of(run))
    print(line_of(run))  # noqa: T201 - a command
    folder = run.folder
    files = [folder / name for name in _FILES] if isinstance(folder, Path) else []
    written: list[object] = [path for path in files if path.exists()]
    for place in written or [folder]:
        print(place)  # noqa: T201 - a command


class _Progress:
    """One line on a terminal, written over.

    Attributes:
        has_news: Whether a row has ended in this process.
    """

    def __init__(self) -> None:
        self.has_news = False
        self._at_first: int | None = None

    async def watch(self, run: Run) -> None:
        """Wait for *run* while the line tells of it."""
        stop = run.subscribe(self._hear)
        try:
            await run
        finally:
            stop()
            self.erase()

    def _hear(self, progress: Progress) -> None:
        event = progress.event
        if isinstance(event, RowsEnded):
            ended = event.done + event.failed
            self._at_first = ended if self._at_first is None else self._at_first
            self.has_news |= ended > self._at_first
        columns = shutil.get_terminal_size().columns
        self._write(visible(str(event), max(2, columns - 1), one_line=True))

    def erase(self) -> None:
        """Leave the line empty."""
        self._write("")

    @staticmethod
    def _write(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)  # noqa: T201 - a command


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - a command
