"""Jobs in a plain IPython terminal: one line of text that is written over, and Ctrl-C.

At the end of a cell stands where the files are, since a terminal shows no picture.
"""

import asyncio
import functools
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any
from unicodedata import combining, east_asian_width

from IPython import get_ipython

from mediatoolkit.media import Media
from mediatoolkit.runs import summary
from mediatoolkit.runs.run import Run
from mediatoolkit.runtime.events import State
from mediatoolkit.runtime.job import Job
from mediatoolkit.widgets.prices import Paid, quote_of

PERIOD = 0.1  # seconds between two states of the line
MOST_FILES = 8
"""Files that are named at the end of a cell; of more, only the folders."""

_ERASE = "\r\x1b[K"
_BAR = 12  # columns


def show(job: Job[Any]) -> None:
    """Tell on stderr how *job* stands while a cell waits; nothing where nobody would see it.

    Ctrl-C stops the jobs on the loop of the cell, and only where there are none, the cell.
    """
    line = _line_of(get_ipython())
    if not job.done():
        line.add(job)


@functools.cache
def _line_of(shell: Any) -> "_JobsLine":
    line = _JobsLine()
    shell.events.register("pre_run_cell", lambda _cell: line.open(is_open=True))
    shell.events.register("post_run_cell", lambda _result: line.open(is_open=False))
    return line


class _JobsLine:
    """The line: its oldest job, and how many there are; seen only while a cell runs."""

    def __init__(self) -> None:
        self._jobs: list[Job[Any]] = []
        self._unnamed: list[Job[Any]] = []  # their files
        self._usual: Any = None
        self._is_open = True
        self._is_written = False
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.RLock()

    def open(self, *, is_open: bool) -> None:
        """Erase the line; while no cell runs, the prompt stands in its place."""
        with self._lock:
            self._write("")
            self._is_open = is_open
            over = [] if is_open else [job for job in self._unnamed if job.done()]
            self._unnamed = [job for job in self._unnamed if job not in over]
        if over and sys.stderr.isatty():
            sys.stderr.writelines(f"{line}\n" for line in files_of(over))

    def add(self, job: Job[Any]) -> None:
        with self._lock:
            self._jobs.append(job)
            self._unnamed.append(job)
        job.on_start(self._begin)
        job.before_done(self._erase)  # what waits for it may print in the next moment
        job.on_done(self._over)

    def _begin(self, job: Job[Any]) -> None:
        """Runs on the job's loop, as do `_tick` and `_over`."""
        self._take_over_interrupts()
        with self._lock:
            if job in self._jobs and self._timer is None:
                self._tick(job.loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            running = next((job for job in self._jobs if job.loop is loop and not job.done()), None)
            if running is None:
                self._timer = None
            else:
                self._write(line_of(running, len(self._jobs), _columns()))
                self._timer = loop.call_later(PERIOD, self._tick, loop)

    def _over(self, job: Job[Any]) -> None:
        with self._lock:
            self._jobs.remove(job)
            others = [other for other in self._jobs if other.loop is job.loop]
            if not others and self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._jobs:
                self._write("")
            elif not others:
                self._jobs[0].on_start(self._begin)
        self._give_back_interrupts()

    def _erase(self) -> None:
        with self._lock:
            self._write("")

    def _write(self, text: str) -> None:
        if (text or self._is_written) and self._is_open and sys.stderr.isatty():
            sys.stderr.write(_ERASE + text)
            sys.stderr.flush()
            self._is_written = bool(text)

    def _take_over_interrupts(self) -> None:
        """Have Ctrl-C cancel jobs: a KeyboardInterrupt leaves the loop, and the job, standing."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self._usual is None and self._of_this_loop():
            self._usual = signal.signal(signal.SIGINT, self._interrupt)

    def _give_back_interrupts(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self._usual is not None and not self._of_this_loop():
            signal.signal(signal.SIGINT, self._usual)
            self._usual = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        jobs = self._of_this_loop()
        for job in jobs:
            job.cancel()
        is_waiting = jobs and not asyncio.current_task(jobs[0].loop)
        if not is_waiting and callable(self._usual):  # a computation, which no job can end
            self._usual(number, frame)

    def _of_this_loop(self) -> list[Job[Any]]:
        """Jobs on the loop that this thread runs just now."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - None where there is none
        return [job for job in self._jobs if job.loop is loop]


def files_of(jobs: list[Job[Any]]) -> list[str]:
    """Say where the files are that *jobs*, which are over, have made, what they lack and cost."""
    runs = [line for job in jobs if isinstance(job, Run) for line in _lines_of(job)]
    done = [job for job in jobs if job.progress.state is State.DONE and not isinstance(job, Run)]
    made = [(job.label, media) for job in done if isinstance(media := job.result(), Media)]
    kept = [(label, media, media.path) for label, media in made if media.path]
    if len(kept) > MOST_FILES:
        folders = dict.fromkeys(str(path.parent) for *_, path in kept)
        return [*runs, f"{len(kept)} files are kept in {', '.join(folders)}"]
    return runs + [
        f"{_plain(label)}: {'; '.join(filter(None, facts))}"
        for label, media, path in kept
        for facts in [(media.omissions, str(Paid.of(media)), f"kept in {path}")]
    ]


def _lines_of(run: Run) -> list[str]:
    """How *run* has ended, its first failures, and where its table is."""
    lines = [summary.line_of(run), *summary.failures_of(run), f"the table is in {run.folder}"]
    return [_plain(line) for line in lines]


def line_of(job: Job[Any], jobs: int, columns: int) -> str:
    """How *job* stands, in fewer than *columns* columns.

    Args:
        job: Running.
        jobs: How many run in all.
        columns: Width of the terminal.
    """
    progress = job.progress
    count = f"{jobs} jobs, " if jobs > 1 else ""
    facts = f"{_bar(progress.fraction)}{', '.join(filter(None, (str(progress), quote_of(job))))}"
    return _cut(f"{count}{facts}  {_plain(job.label)}", columns - 1)


def _plain(text: str) -> str:
    """*text* on one line, with nothing in it that a terminal would obey."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _bar(fraction: float | None) -> str:
    """Such as `[####--------] `; empty when nobody knows how much is done."""
    if fraction is None:
        return ""
    full = round(_BAR * fraction)
    return f"[{'#' * full}{'-' * (_BAR - full)}] "


def _cut(text: str, columns: int) -> str:
    """As much of *text* as fits; wide letters take two columns, accents none."""
    if sum(map(_width, text)) <= columns:
        return text
    start, left = "", columns - 1
    for letter in text:
        left -= _width(letter)
        if left < 0:
            break
        start += letter
    return f"{start}…" if columns > 0 else ""


def _width(letter: str) -> int:
    if combining(letter):
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 80
