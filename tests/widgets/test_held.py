"""What widgets and views keep in memory, which is not what they have shown."""

import gc
import weakref
from pathlib import Path

import anywidget
import numpy as np
import pytest

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Image
from mediatoolkit.widgets.board import Board
from mediatoolkit.widgets.buttons import Buttons
from mediatoolkit.widgets.compare import Comparison
from mediatoolkit.widgets.gallery import Gallery
from mediatoolkit.widgets.job_row import MediaRef
from mediatoolkit.widgets.sessions import SessionPanel
from mediatoolkit.widgets.studio import StudioForm


def _picture() -> Image:
    return Image.of(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize("kind", [Board, Buttons, Comparison, Gallery, SessionPanel, StudioForm])
def test_nothing_reloads_a_widget_s_files(kind: type[anywidget.AnyWidget]) -> None:
    """Of a path, anywidget makes a watcher that keeps every widget of the class for good."""
    assert type(kind._esm) is str
    assert type(kind._css) is str


def test_a_closed_board_is_forgotten() -> None:
    board = Board(lambda _action, _name: None)
    board.close()
    left = weakref.ref(board)

    del board
    gc.collect()

    assert left() is None


def test_media_is_read_again_when_nobody_has_kept_it(tmp_path: Path) -> None:
    media = Image.open(_picture().save(tmp_path / "fox.png"))
    held = MediaRef(media)
    assert held.get() is media

    del media

    assert held.alive() is None
    assert held.get().data


def test_media_that_was_in_no_file_says_what_to_do() -> None:
    held = MediaRef(_picture())

    with pytest.raises(MediaToolkitError, match="run its cell again"):
        held.get()
