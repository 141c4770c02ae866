"""Endings that wait for a page take little memory, however many there are."""

import pytest

from mediatoolkit.widgets import kept_endings
from mediatoolkit.widgets.board import Board
from mediatoolkit.widgets.kept_endings import MOST_BYTES, KeptEndings
from mediatoolkit.widgets.output_handle import OutputHandle


def _bundle(size: int) -> dict[str, str]:
    return {"image/jpeg": "x" * size, "text/plain": "<Image 8x8>", "text/html": "<img>"}


def _board(kept: KeptEndings, size: int) -> Board:
    board = Board(lambda _action, _name: None)
    data = _bundle(size)
    kept.keep(board, data)
    board.end(data, {})
    return board


def test_the_oldest_give_up_their_pictures_for_a_line() -> None:
    kept = KeptEndings()
    handle = OutputHandle([])
    data = _bundle(MOST_BYTES // 2)
    handle.update(data, raw=True)
    kept.keep(handle, data)
    old, young = (_board(kept, MOST_BYTES // 3) for _ in range(2))
    try:
        assert "image/jpeg" not in handle.outputs[0]["data"]
        assert "run the cell again" in handle.outputs[0]["data"]["text/html"]
        assert all("image/jpeg" in board.ending["data"] for board in (old, young))
    finally:
        for widget in (handle, old, young):
            widget.close()


def test_the_oldest_boards_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_endings, "MOST_BOARDS", 3)
    kept = KeptEndings()
    boards = [_board(kept, 10) for _ in range(5)]

    try:
        assert [board.comm is None for board in boards] == [True, True, False, False, False]
    finally:
        for board in boards:
            board.close()
