"""Tables of medians, ratios within one round, and marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.benchmarks.scenarios import BASE, Column, Mark, Measured, Scenario

Rounds = dict[str, list[Measured]]
"""What was measured, by way; one item for each round."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A mark and how it was met."""

    text: str
    met: bool

    def __str__(self) -> str:
        """One line."""
        return f"  {'✓' if self.met else '✗'} {self.text}"


def table(scenario: Scenario, rounds: Rounds) -> str:
    """Title, one line per way, one line per mark."""
    head = ["", *(column.title for column in scenario.columns)]
    rows = [
        [scenario.labels[way], *(_cell(column, way, rounds) for column in scenario.columns)]
        for way in scenario.ways
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  " + "   ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([scenario.title, *lines, *map(str, verdicts(scenario, rounds))])


def verdicts(scenario: Scenario, rounds: Rounds) -> list[Verdict]:
    """How the marks of *scenario* were met."""
    return [
        _verdict(scenario, column, mark, rounds)
        for column in scenario.columns
        for mark in column.marks
    ]


def summary(scenario: Scenario, rounds: Rounds) -> dict[str, Any]:
    """The same for a program."""
    return {
        "title": scenario.title,
        "rounds": rounds,
        "medians": {
            way: {column.name: middle(rounds[way], column.name) for column in scenario.columns}
            for way in scenario.ways
        },
        "marks": [{"text": one.text, "met": one.met} for one in verdicts(scenario, rounds)],
    }


def middle(rounds: Sequence[Measured], name: str) -> float | str:
    """Median of one figure; words as they are."""
    figures = [one[name] for one in rounds]
    numbers = [figure for figure in figures if not isinstance(figure, str)]
    return median(numbers) if numbers else figures[-1]


def ratio(rounds: Rounds, name: str, way: str, of: str) -> float:
    """Median of the ratios of *way* to *of* in the rounds that both have: neighbours in time."""
    pairs = zip(rounds[way], rounds[of], strict=False)
    return median(float(mine[name]) / (float(theirs[name]) or 1e-9) for mine, theirs in pairs)


def _cell(column: Column, way: str, rounds: Rounds) -> str:
    figure = middle(rounds[way], column.name)
    if isinstance(figure, str):
        return figure
    number = f"{figure:,.{column.digits}f}"
    if not column.ratio or BASE not in rounds:
        return number
    return f"{number} {ratio(rounds, column.name, way, BASE):6.2f}×"


def _verdict(scenario: Scenario, column: Column, mark: Mark, rounds: Rounds) -> Verdict:
    if mark.of:
        figure = ratio(rounds, column.name, mark.way, mark.of)
        unit = f" × {scenario.labels[mark.of]}"
        digits = 2
    else:
        figure = float(middle(rounds[mark.way], column.name))
        unit, digits = "", column.digits
    sign = "≥" if mark.at_least else "≤"
    return Verdict(
        f"{scenario.labels[mark.way]}: {column.title} {figure:,.{digits}f}, "
        f"mark {sign} {mark.bound:g}{unit}",
        mark.met(figure),
    )
