"""What is measured, by which ways, and what the toolkit is meant to reach."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.benchmarks.cluster import PROCESSES, painted_by
from tests.benchmarks.first_bar import MOMENTS, falls, first_bar
from tests.benchmarks.hits import HITS, hits
from tests.benchmarks.imports import IMPORTS, imported
from tests.benchmarks.runs import KILLS, RUNS, killed, run_of
from tests.benchmarks.worker import SMALL, Order

BASE = "base"
"""The way that ratios are taken against."""

Measured = dict[str, float | str]

LABELS = {
    "client": "toolkit, client",
    "agent": "toolkit, agent",
    "store": "toolkit, agent with a store",
    "download": "toolkit",
    "base": "aiohttp, one session",
    "per call": "aiohttp, new session per call",
    "requests": "requests, one by one",
    "raw": "raw socket",
}
_PICTURES = ("client", "agent", "store", "base", "per call", "requests", "raw")
_AT_ONCE = ("client", "agent", "store", "base", "per call", "raw")
_SOUNDS = ("client", "agent", "base")
_FILES = ("download", "base", "requests", "raw")


@dataclass(frozen=True, slots=True)
class Mark:
    """What one way is meant to reach in one column.

    Attributes:
        way: Whose figure.
        bound: Number that it may not pass.
        of: Way whose figure is the unit of *bound*; empty, it is a plain number.
        at_least: The figure may not be lower, else not higher.
    """

    way: str
    bound: float
    of: str = ""
    at_least: bool = False

    def met(self, figure: float) -> bool:
        """Whether *figure*, or its ratio, reaches it."""
        return figure >= self.bound if self.at_least else figure <= self.bound


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of every way.

    Attributes:
        name: Key among what was measured.
        title: Heading with unit.
        digits: Digits behind the point.
        ratio: Show it as a multiple of the base, too.
        marks: What is meant to be reached.
    """

    name: str
    title: str
    digits: int = 0
    marks: tuple[Mark, ...] = ()
    ratio: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """One table.

    Attributes:
        name: Word for the command line.
        title: Heading.
        ways: Rows; those in `once` are not repeated, for their time does not vary.
        columns: Figures.
        measure: Measures one way; takes its name and the server's address.
    """

    name: str
    title: str
    ways: tuple[str, ...]
    columns: tuple[Column, ...]
    measure: Callable[[str, str], Measured]
    once: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=LABELS.copy)


def scenarios(file_size: int, folder: str) -> list[Scenario]:
    """All of them.

    Args:
        file_size: Bytes of the one large file.
        folder: Where files are written, or empty for the temporary folder.
    """
    mb = file_size // 1_000_000
    return [
        Scenario(
            "import",
            "An import in a fresh interpreter",
            tuple(IMPORTS),
            (
                Column("warm", "warm, ms", marks=(Mark("mediatoolkit", 100),)),
                Column("cold", "without bytecode, ms"),
                Column("heavy", "heavy modules"),
            ),
            lambda way, _: imported(way),
            labels={name: name for name in IMPORTS},
        ),
        Scenario(
            "first_bar",
            "From the start of a cell to a bar in JupyterLab",
            tuple(MOMENTS),
            (Column("seen", "ms", marks=(Mark("cold", 1_000), Mark("warm", 300))),),
            lambda way, _: first_bar(way),
            labels=MOMENTS,
        ),
        Scenario(
            "hits",
            "A request that is kept, beside reading its file",
            tuple(HITS),
            (
                Column("read", "read, ms", 1),
                Column("hit", "kept, ms", 1),
                Column("over", "over reading, ms", 1, (Mark("small", 3), Mark("large", 3))),
                Column("requests", "requests", marks=(Mark("small", 0), Mark("large", 0))),
            ),
            lambda way, _server: hits(way),
            labels=HITS,
        ),
        Scenario(
            "runs",
            "Runs of many, by a vendor that answers at once",
            tuple(RUNS),
            (
                Column("per_row", "a row, ms", 2, (Mark("100000", 1.2, "1000"),)),
                Column("cpu", "CPU a row, ms", 2),
                Column("lag", "loop late, p99, ms", 1, (Mark("100000", 50),)),
                Column("ledger", "ledger, MB", 1, (Mark("100000", 20),)),
                Column("resume", "resumed after, s", 2, (Mark("100000", 5),)),
                Column("waiting", "bytes a waiting row", 0, (Mark("100000", 2_000),)),
            ),
            lambda way, _server: run_of(way),
            once=frozenset(RUNS),
            labels=RUNS,
        ),
        Scenario(
            "kill",
            "A run that is killed and goes on",
            tuple(KILLS),
            (
                Column("lost", "rows lost", marks=(Mark("killed", 0),)),
                Column("twice", "rows sent again", marks=(Mark("killed", 64),)),
                Column("unclear", "unclear"),
                Column("failed", "failed"),
                Column("first", "first sent after, s", 2, (Mark("killed", 3),)),
            ),
            lambda way, _server: killed(way),
            once=frozenset(KILLS),
            labels=KILLS,
        ),
        Scenario(
            "processes",
            "Pictures of 512×512 by the local painter, on a cluster of this machine",
            tuple(PROCESSES),
            (
                Column("rate", "pictures a second", 2, (Mark("2", 1.7, "1", at_least=True),)),
                Column("cpu", "CPU a picture, ms", 0),
                Column("lag", "loop late, p99, ms", 1, (Mark("2", 50),)),
            ),
            lambda way, _server: painted_by(way),
            labels=PROCESSES,
        ),
        Scenario(
            "bar_falls",
            "Ten jobs whose bars are looked at every 50 ms",
            ("ten",),
            (
                Column("bars", "bars"),
                Column("samples", "samples"),
                Column("falls", "times back", marks=(Mark("ten", 0),)),
            ),
            lambda _way, _server: falls(),
            labels={"ten": "seven pictures, two voices, a film"},
        ),
        Scenario(
            "first",
            "From before the import to the first picture",
            _PICTURES,
            (Column("milliseconds", "ms", marks=(Mark("client", 1.1, BASE),)),),
            _ordered("first"),
        ),
        Scenario(
            "small",
            f"1,000 calls one after the other, pictures of {SMALL // 1000} kB",
            _PICTURES,
            (
                Column(
                    "cpu",
                    "CPU per call, ms",
                    3,
                    (Mark("client", 0.6, BASE), Mark("agent", 0.9, BASE), Mark("store", 1.5, BASE)),
                ),
                Column(
                    "sessions",
                    "sessions",
                    0,
                    (Mark("client", 1), Mark("agent", 1), Mark("store", 1)),
                    ratio=False,
                ),
                Column("connections", "connections", ratio=False),
            ),
            _ordered("calls", count=1000),
        ),
        Scenario(
            "parallel",
            "64 calls, answers after 300 ms",
            _PICTURES,
            (
                Column("seconds", "s", 2),
                Column(
                    "rate",
                    "pictures/s",
                    1,
                    (
                        Mark("client", 20, "requests", at_least=True),
                        Mark("agent", 20, "requests", at_least=True),
                    ),
                ),
                Column("cpu", "CPU per call, ms", 2),
            ),
            _ordered("at_once", count=64, delay=0.3),
            once=frozenset({"requests"}),
        ),
        Scenario(
            "burst",
            "512 calls at once, answers after 300 ms",
            _AT_ONCE,
            (
                Column(
                    "seconds",
                    "s",
                    2,
                    (
                        Mark("client", 1.5, "raw"),
                        Mark("agent", 1.5, "raw"),
                        Mark("store", 2, "raw"),
                    ),
                ),
                Column("rate", "pictures/s"),
                Column("cpu", "CPU per call, ms", 2),
            ),
            _ordered("at_once", count=512, delay=0.3),
        ),
        Scenario(
            "large",
            "One picture of 8 MB",
            _PICTURES,
            (
                Column(
                    "hold",
                    "loop held, ms",
                    1,
                    (Mark("client", 2.5), Mark("agent", 2.5), Mark("store", 2.5)),
                ),
                Column(
                    "cpu", "CPU, ms", 1, (Mark("client", 0.15, BASE), Mark("agent", 0.15, BASE))
                ),
                Column("memory", "extra memory, MB", ratio=False),
            ),
            _ordered("large", size=8_000_000, count=5),
        ),
        Scenario(
            "heard",
            "The first piece of streamed speech, its rest 100 ms later",
            _SOUNDS,
            (
                Column(
                    "milliseconds", "ms", 2, (Mark("client", 1.1, BASE), Mark("agent", 1.1, BASE))
                ),
            ),
            _ordered("heard", count=40, delay=0.1),
        ),
        Scenario(
            "file",
            f"One file of {mb} MB",
            _FILES,
            _file_columns(
                rate=(
                    Mark("download", 2.5, BASE, at_least=True),
                    Mark("download", 1, "requests", at_least=True),
                ),
                memory=(Mark("download", 20),),
            ),
            _ordered("files", size=file_size, folder=folder),
        ),
        Scenario(
            "files",
            "8 files of 50 MB at once",
            _FILES,
            _file_columns(),
            _ordered("files", size=50_000_000, count=8, folder=folder),
        ),
    ]


def _file_columns(
    *, rate: tuple[Mark, ...] = (), memory: tuple[Mark, ...] = ()
) -> tuple[Column, ...]:
    return (
        Column("rate", "MB/s", 0, rate),
        Column("cpu", "CPU, ms"),
        Column("memory", "extra memory, MB", 1, memory, ratio=False),
    )


def _ordered(
    task: str, *, size: int = SMALL, count: int = 1, delay: float = 0.0, folder: str = ""
) -> Callable[[str, str], Measured]:
    def measure(way: str, server: str) -> Measured:
        order = Order(task, way, server, size=size, count=count, delay=delay, folder=folder)
        done = subprocess.run(  # noqa: S603 - our own interpreter
            order.command(), stdout=subprocess.PIPE, text=True, check=True
        )
        measured: Measured = json.loads(done.stdout)
        return measured

    return measure
