"""What stands in for the board where no widget can be shown."""

import re
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from mediatoolkit.widgets import kernel, text_board
from mediatoolkit.widgets.job_row import Row
from mediatoolkit.widgets.text_board import TextBoard

if TYPE_CHECKING:
    from mediatoolkit.widgets.jobs_view import Handle

SCRIPT = "<img src=x onerror=alert(1)>"


def row(**known: Any) -> Row:
    now = time.time() * 1000
    began, deadline = now - 3_000, now + 57_000
    still: Row = {"label": "a fox", "state": "running", "stage": "waiting", "fraction": None}
    still |= {"worked": None, "estimate": None, "is_timed": False, "is_idle": False}
    return still | {"began": began, "deadline": deadline, "price": "", "failure": None} | known


def board(*rows: Row) -> tuple[TextBoard, list[str]]:
    shown: list[str] = []
    named = {str(number): each for number, each in enumerate(rows)}
    handle = cast("Handle", SimpleNamespace(update=lambda it: shown.append(repr(it))))
    made = TextBoard(named)
    made.show_in(handle, is_new=False)
    shown.clear()
    return made, shown


def test_a_job_is_one_line_and_a_bar_that_claims_nothing() -> None:
    bundle = board(row())[0]._repr_mimebundle_()

    assert bundle["text/plain"] == "a fox: waiting, 3.0 s, stops in 57 s"
    assert '<progress max="1" aria-label' in bundle["text/html"]


def test_what_waits_for_its_turn_is_idle_and_has_no_deadline_yet() -> None:
    queued = row(stage="queued", is_idle=True, deadline=None, estimate=4_000)

    bundle = board(queued)[0]._repr_mimebundle_()

    assert bundle["text/plain"] == "a fox: queued, 3.0 s, about 4 s"
    assert '<progress max="1" value="0.000"' in bundle["text/html"]


@pytest.mark.parametrize(
    ("worked", "words", "value"),
    [(2_000, "about 2 s more", 0.45), (8_000, "usually about 4 s", 0.95)],
)
def test_the_work_of_a_vendor_fills_the_bar_by_the_estimate(
    worked: int, words: str, value: float
) -> None:
    began = time.time() * 1000 - worked
    bundle = board(row(worked=began, estimate=4_000, is_timed=True))[0]._repr_mimebundle_()

    shown = re.search(r'value="([\d.]+)"', bundle["text/html"])
    assert words in bundle["text/plain"]
    assert shown is not None
    assert float(shown[1]) == pytest.approx(value, abs=0.02)


def test_the_bar_shows_the_work_where_it_is_known() -> None:
    bundle = board(row(fraction=0.4, stage="drawing the ridges"))[0]._repr_mimebundle_()

    assert 'value="0.400"' in bundle["text/html"]
    assert "drawing the ridges" in bundle["text/plain"]


def test_it_is_shown_anew_twice_a_second_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 10.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    text, shown = board(row())

    for tenth in range(1, 21):
        clock = 10.0 + tenth / 10
        text.tell({"0": {"stage": f"step {tenth}"}})

    assert len(shown) == 4
    assert [line.split(",")[0] for line in shown] == [f"a fox: step {n}" for n in (5, 10, 15, 20)]


def test_many_jobs_are_counted_and_the_oldest_told() -> None:
    rows = [row(state="done"), row(state="failed"), *(row(label=f"owl {n}") for n in range(198))]

    lines = repr(board(*rows)[0]).splitlines()

    assert lines[0] == "1 of 200 jobs are done, 1 failed"
    assert [line.split(":")[0] for line in lines[1:]] == [
        f"owl {n}" for n in range(text_board.AT_ONCE)
    ]


def test_every_word_is_escaped() -> None:
    html = board(row(label=SCRIPT, stage=SCRIPT))[0]._repr_mimebundle_()["text/html"]

    assert "<img" not in html


def test_widgets_are_the_usual() -> None:
    assert kernel.shows_widgets()


def test_a_person_may_choose_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIATOOLKIT_WIDGETS", "plain")
    assert not kernel.shows_widgets()


def test_colab_gets_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    assert not kernel.shows_widgets()


@pytest.mark.parametrize("name", ["anywidget", "ipywidgets"])
def test_a_kernel_without_widgets_gets_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    assert not kernel.shows_widgets()
