"""`python -m tests.benchmarks`: the toolkit beside what people use otherwise, on loopback.

Every figure is a median over rounds, and every ratio is taken within a round, where all ways
follow one another; only ratios mean anything on a machine that others use too.
"""

import argparse
import compileall
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.scenarios import Scenario, scenarios
from tests.benchmarks.server import running
from tests.benchmarks.table import Rounds, summary, table, verdicts

_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a folder in it is made for every run


def main() -> None:
    """Measure, print the tables, write the JSON."""
    chosen = _arguments()
    file_size = 1_000_000_000 if chosen.full else 256_000_000
    folder = chosen.folder or (str(_MEMORY_DISK) if _MEMORY_DISK.is_dir() else "")
    every = scenarios(file_size, folder)
    wanted = [one for one in every if not chosen.only or one.name in chosen.only]
    compileall.compile_dir("mediatoolkit", quiet=1)  # as an installer does
    begun = time.monotonic()
    print(
        f"Python {platform.python_version()} on {platform.system()}, {chosen.repeat} rounds, files "
        f"to {folder or tempfile.gettempdir()}. Medians; × is against aiohttp with one session.\n"
    )
    results: dict[str, tuple[Scenario, Rounds]] = {}
    with running() as server:
        for scenario in wanted:
            rounds = _measured(scenario, server, chosen.repeat)
            results[scenario.name] = scenario, rounds
            print(table(scenario, rounds), "\n", flush=True)
    found = [one for scenario, rounds in results.values() for one in verdicts(scenario, rounds)]
    print(
        f"{sum(one.met for one in found)} of {len(found)} marks met, "
        f"in {time.monotonic() - begun:.0f} s."
    )
    if chosen.json:
        document = {name: summary(*result) for name, result in results.items()}
        Path(chosen.json).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _measured(scenario: Scenario, server: str, repeat: int) -> Rounds:
    rounds: Rounds = {way: [] for way in scenario.ways}
    for number in range(repeat):
        for way in scenario.ways:
            if number and way in scenario.once:
                continue
            _say(f"{scenario.name}: {scenario.labels[way]}, round {number + 1} of {repeat}")
            rounds[way].append(scenario.measure(way, server))
    _say("")
    return rounds


def _say(text: str) -> None:
    """Show what happens now, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    names = [one.name for one in scenarios(0, "")]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, help="these tables alone")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, 3 unless told")
    parser.add_argument("--full", action="store_true", help="one file of 1 GB instead of 256 MB")
    parser.add_argument(
        "--folder", default="", help="where files go; memory where there is a disk of it"
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures there too")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
