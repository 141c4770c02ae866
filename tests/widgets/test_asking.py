"""A key is asked for only where that freezes nothing: in a cell, at a page, with no job running."""

import getpass
from types import SimpleNamespace
from typing import Any

import pytest

from mediatoolkit.widgets import kernel


def kernel_of(monkeypatch: pytest.MonkeyPatch, *, allows: bool, message: str) -> Any:
    """A kernel whose person types at once."""
    header = {"msg_id": "1", "msg_type": message}
    inner = SimpleNamespace(_allow_stdin=allows)
    this = kernel.Kernel.__new__(kernel.Kernel)
    this._shell = SimpleNamespace(kernel=inner, get_parent=lambda: {"header": header})
    this.is_busy = True
    monkeypatch.setattr(getpass, "getpass", lambda _line: "typed")
    return this


def test_a_cell_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    this = kernel_of(monkeypatch, allows=True, message="execute_request")

    assert this.ask("a key: ") == "typed"


@pytest.mark.parametrize(
    ("allows", "message", "is_busy", "jobs"),
    [
        (False, "execute_request", True, 0),
        (True, "comm_msg", True, 0),
        (True, "execute_request", False, 0),
        (True, "execute_request", True, 1),
    ],
    ids=["no_page", "click", "no_cell", "job"],
)
def test_nobody_is_asked_where_the_kernel_would_freeze(
    monkeypatch: pytest.MonkeyPatch, *, allows: bool, message: str, is_busy: bool, jobs: int
) -> None:
    this = kernel_of(monkeypatch, allows=allows, message=message)
    this.is_busy = is_busy
    monkeypatch.setattr(kernel, "running_jobs", lambda: [object()] * jobs)

    assert this.ask("a key: ") is None
