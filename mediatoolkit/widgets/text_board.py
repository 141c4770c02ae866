"""The jobs of one cell where no widget can be shown: text and a native bar, written anew.

It takes the same rows as a board, so that a view of jobs need not know which of the two it tells.
"""

import time
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING

from mediatoolkit.runtime.events import expectation
from mediatoolkit.runtime.work import filled_by_time
from mediatoolkit.widgets.job_row import Row
from mediatoolkit.widgets.prices import html_of

if TYPE_CHECKING:
    from mediatoolkit.widgets.jobs_view import Handle

AT_ONCE = 8
"""Running jobs that have a line each; the others are only counted."""


class TextBoard:
    """How far some jobs have come, as text that is replaced while they run.

    Args:
        rows: Every row by its name, as on a board.
    """

    heartbeat = 0.5
    """Seconds after which it is shown again although nothing happened; here no browser counts."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        """Hold *rows*; nothing is displayed yet."""
        self.is_seen = False  # such a front end says nothing of itself
        self._rows = {name: dict(row) for name, row in rows.items()}
        self._handle: Handle | None = None
        self._shown = time.monotonic()

    def show_in(self, handle: "Handle", *, is_new: bool) -> None:
        """Display it in *handle* or, unless that *is_new*, in the place of what stands there."""
        self._handle = handle
        show: Callable[[object], object] = handle.display if is_new else handle.update
        show(self)

    def tell(self, rows: Mapping[str, Row], _pictures: object = None) -> int:
        """Take what is new and show it, at most twice a second; returns in how many messages."""
        for name, row in rows.items():
            self._rows[name] = {**self._rows.get(name, {}), **row}
        clock = time.monotonic()
        if self._handle is not None and clock - self._shown >= self.heartbeat:
            self._shown = clock
            self._handle.update(self)
        return 1

    def sound(self, name: str, piece: object) -> None:
        """Nothing sounds before the player is there."""

    def stop_sound(self, name: str) -> None:
        """Nothing sounds."""

    def close(self) -> None:
        """Nothing is left on the page but text, which the ending replaces."""

    def __repr__(self) -> str:
        """A line for each of the oldest running jobs, and one for all."""
        lines = [f"{' '.join(row['label'].split())[:60]}: {_state(row)}" for row in self._listed()]
        return "\n".join([*self._totals(), *lines])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        rows = "".join(map(_row, self._listed()))
        totals = "".join(f"<div>{escape(line)}</div>" for line in self._totals())
        html = f'<div style="max-width:560px;line-height:1.5">{totals}{rows}</div>'
        return {"text/html": html, "text/plain": repr(self)}

    def _listed(self) -> list[Row]:
        if len(self._rows) == 1:
            return list(self._rows.values())
        return [row for row in self._rows.values() if row["state"] == "running"][:AT_ONCE]

    def _totals(self) -> list[str]:
        """One line, such as `3 of 8 jobs are done, 1 failed`; none for a single job."""
        if len(self._rows) == 1:
            return []
        states = [row["state"] for row in self._rows.values()]
        others = [f"{states.count(end)} {end}" for end in ("failed", "cancelled") if end in states]
        done = f"{states.count('done')} of {len(states)} jobs are done"
        return [", ".join([done, *others])]


def _row(row: Row) -> str:
    label = escape(" ".join(row["label"].split())[:120])
    return (
        f'<div style="margin:4px 0"><div>{label}</div>'
        f'<progress max="1"{_value(row)} aria-label="Progress of {label}" '
        'style="width:100%"></progress>'
        f'<div style="opacity:.75;font-size:.9em">{html_of(_state(row))}</div></div>'
    )


def _state(row: Row) -> str:
    """Such as `waiting for gemini, 3.1 s, about 2 s more, stops in 56 s, $0.067`."""
    if row["state"] != "running":
        return ", ".join(filter(None, (row["state"], row["omissions"], row["price"])))
    pause = f" in {_left(row['next']):.0f} s" if row.get("next") else ""
    limit = [f"stops in {_left(row['deadline']):.0f} s"] if row["deadline"] else []
    estimate = row["estimate"] / 1000 if row["estimate"] else None
    times = [f"{_since(row['began']):.1f} s", *expectation(_worked(row), estimate), *limit]
    return ", ".join(filter(None, [f"{row['stage']}{pause}", *times, row["price"]]))


def _value(row: Row) -> str:
    """The share of the bar that is filled, as an attribute; none where nobody knows."""
    worked, fraction = _worked(row), row["fraction"]
    if row["state"] != "running":
        fraction = 1.0
    elif row["is_idle"]:
        fraction = fraction or 0.0
    elif row["is_timed"] and worked is not None:
        fraction = max(fraction or 0.0, filled_by_time(worked, row["estimate"] / 1000))
    return "" if fraction is None else f' value="{fraction:.3f}"'


def _worked(row: Row) -> float | None:
    return None if row["worked"] is None else _since(row["worked"])


def _since(instant: float) -> float:
    return max(0.0, time.time() - instant / 1000)


def _left(instant: float) -> float:
    return max(0.0, instant / 1000 - time.time())
