"""Many pictures as one, in rows and columns with headings."""

from pathlib import Path

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit.media import Media, Provenance, lazy_media, lettering
from mediatoolkit.media.contact_sheet import MODEL, MOST, MOST_PIXELS, contact_sheet
from mediatoolkit.widgets.media_facts import to_code
from tests.media.clips import clip

RED, BLUE, GREEN = (220, 20, 20), (20, 20, 220), (20, 180, 20)
Box = tuple[int, int, int, int]


def picture(
    size: tuple[int, int] = (64, 64), colour: tuple[int, int, int] = RED, model: str = "a/b"
) -> mt.Image:
    pixels = np.full((size[1], size[0], 3), colour, np.uint8)
    return mt.Image(mt.Image.of(pixels).data, Provenance(model=model, prompt="", engine="a"))


def box_of(sheet: mt.Image, colour: tuple[int, int, int]) -> Box:
    """Left, top, right and bottom of all that has the colour."""
    pixels = np.asarray(sheet)
    near = np.ones(pixels.shape[:2], bool)
    for channel, level in enumerate(colour):
        near &= np.abs(pixels[..., channel].astype(np.int16) - level) < 30
    (y,), (x,) = np.nonzero(near.any(axis=1)), np.nonzero(near.any(axis=0))
    return int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1


def size_of(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def ink_in(sheet: mt.Image, box: Box) -> int:
    """Dark pixels in a part of the sheet."""
    left, top, right, bottom = box
    return int((np.asarray(sheet)[top:bottom, left:right].max(axis=2) < 140).sum())


def test_each_picture_stands_in_its_row_and_column() -> None:
    cells = {("a", "x"): [picture()], ("a", "y"): [picture(colour=BLUE)]}
    cells |= {("b", "y"): [picture(colour=GREEN)]}
    sheet = contact_sheet(cells, ["a", "b"], ["x", "y"])
    red, blue, green = (box_of(sheet, colour) for colour in (RED, BLUE, GREEN))
    assert red[1] == blue[1] < red[3] < green[1]
    assert red[0] < red[2] < blue[0] == green[0]
    assert ink_in(sheet, (0, 0, sheet.width, red[1])) > 10
    assert ink_in(sheet, (0, red[1], red[0], sheet.height)) > 10


def test_without_headings_the_pictures_take_all_the_room() -> None:
    sheet = contact_sheet({("", ""): [picture()]}, [""], [""])
    with_both = contact_sheet({("a", "b"): [picture()]}, ["a"], ["b"])
    assert (sheet.width, sheet.height) < (with_both.width, with_both.height)
    assert sheet.height < with_both.height


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1600, 800), (256, 128)),
        ((400, 1600), (64, 256)),
        ((64, 64), (64, 64)),
        ((1600, 100), (256, 16)),
    ],
)
def test_a_picture_keeps_its_shape_and_is_not_enlarged(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    cells = {("a", "x"): [picture(size)], ("a", "y"): [picture((256, 256), BLUE)]}
    sheet = contact_sheet(cells, ["a"], ["x", "y"])
    box = box_of(sheet, RED)
    assert size_of(box) == shown
    square = box_of(sheet, BLUE)
    assert abs((box[1] + box[3]) - (square[1] + square[3])) <= 1  # in the middle of its row


def test_several_of_a_cell_stand_side_by_side_and_many_form_a_block() -> None:
    few = contact_sheet({("", ""): [picture(), picture(colour=BLUE)]}, [""], [""])
    red, blue = box_of(few, RED), box_of(few, BLUE)
    assert red[2] < blue[0]
    assert red[1] == blue[1]
    many = contact_sheet({("", ""): [picture() for _ in range(9)]}, [""], [""])
    wide, high = size_of(box_of(many, RED))
    assert wide == high > 3 * 64


def test_what_has_no_picture_has_a_caption(tmp_path: Path) -> None:
    path = picture().save(tmp_path / "gone.png")
    gone = lazy_media(mt.Image, (tmp_path / "none").read_bytes, path)
    cells: dict[tuple[str, str], list[Media | str]] = {
        ("", "x"): [picture((200, 200))],
        ("", "y"): ["RefusalError"],
        ("", "z"): [gone],
    }
    sheet = contact_sheet(cells, [""], ["x", "y", "z", "empty"])
    (_, top, right, bottom) = box_of(sheet, RED)
    for number in range(3):
        left = right + number * (sheet.width - right) // 3
        assert ink_in(sheet, (left, top, left + (sheet.width - right) // 3, bottom)) > 5


def test_sound_is_its_wave_and_film_its_first_picture() -> None:
    wave = np.sin(np.linspace(0, 4_000, 16_000, dtype=np.float32))
    sound, film = mt.Audio.from_samples(wave, 16_000), mt.Video(clip(frames=3))
    sheet = contact_sheet({("", "x"): [sound], ("", "y"): [film]}, [""], ["x", "y"])
    left, right = np.hsplit(np.asarray(sheet)[:, : sheet.width // 2 * 2], 2)
    blue = (left[..., 2].astype(int) - left[..., 0]) > 60
    assert blue.sum() > 1_000
    assert (right.max(axis=2) < 60).sum() > 160 * 90 / 2


@pytest.mark.parametrize(
    "heading",
    [
        pytest.param("Лиса зимой", id="Cyrillic"),
        pytest.param("ثعلب", id="Arabic"),
        pytest.param("लोमड़ी", id="Devanagari"),
        pytest.param("🦊", id="emoji"),
        pytest.param("狐", id="Chinese"),
        pytest.param("a\u202eb\x00c", id="marks that hide"),
        pytest.param("word " * 400, id="many words"),
        pytest.param("x" * 4_000, id="one long word"),
    ],
)
def test_a_heading_is_drawn_in_its_script_and_finds_room(heading: str) -> None:
    sheet = contact_sheet({(heading, heading): [picture((256, 256))]}, [heading], [heading])
    left, top, right, bottom = box_of(sheet, RED)
    assert size_of((left, top, right, bottom)) == (256, 256)
    assert ink_in(sheet, (0, top, left, bottom)) > 10
    assert ink_in(sheet, (left, 0, right, top)) > 10
    assert sheet.width < 600
    assert sheet.height < 440


@pytest.mark.parametrize("letter", ["я", "ث", "ल", "🦊", "→", "ש", "ไ"])
def test_a_letter_has_a_font_that_shows_it(letter: str) -> None:
    ((file, _),) = lettering._runs(letter)
    assert lettering._has(file, letter)


def test_lines_are_no_wider_than_they_may_be() -> None:
    lines = lettering.lines_of("a fox " * 50 + "y" * 300, 16, 120, 5)
    assert len(lines) == 5
    assert all(lettering.width_of(line, 16) <= 120 for line in lines)
    assert lines[-1].endswith("…")


def test_its_provenance_says_what_it_is_a_sheet_of() -> None:
    cells: dict[tuple[str, str], list[Media | str]] = {
        ("fox", "may"): [picture(), picture(model="c/d")],
        ("owl", "may"): ["RefusalError"],
    }
    sheet = contact_sheet(cells, ["fox", "owl"], ["may"])
    provenance = sheet.provenance
    assert provenance is not None
    assert (provenance.model, provenance.engine) == (MODEL, "local")
    assert provenance.prompt == "contact sheet of 2 pictures: fox, owl by may"
    assert provenance.notes == {"pictures": 2, "made by": ["a/b", "c/d"]}
    assert to_code(sheet).startswith("# a contact sheet")


def test_the_most_pictures_fit_and_more_are_refused() -> None:
    one = picture((300, 300))
    cells = {(str(row), ""): [one] * 10 for row in range(MOST // 10)}
    sheet = contact_sheet(cells, [str(row) for row in range(MOST // 10)], [""])
    assert sheet.width * sheet.height <= MOST_PIXELS
    cells["more", ""] = [one]
    with pytest.raises(mt.MediaError, match="200 pictures at most, and these are 201"):
        contact_sheet(cells, [*map(str, range(MOST // 10)), "more"], [""])


def test_pictures_become_smaller_where_there_is_little_room() -> None:
    names = [str(number) for number in range(100)]
    sheet = contact_sheet({("0", "0"): [picture((256, 256))]}, names, names)
    assert 10_000_000 < sheet.width * sheet.height <= MOST_PIXELS
    assert 24 <= size_of(box_of(sheet, RED))[0] < 100


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (0, 3, "a row and a column"),
        (2, 0, "a row and a column"),
        (2_000, 2_000, "2,000 rows and 2,000 columns are too many"),
    ],
)
def test_what_is_no_sheet_is_refused(rows: int, columns: int, words: str) -> None:
    names = [str(number) for number in range(2_000)]
    with pytest.raises(mt.MediaError, match=words):
        contact_sheet({}, names[:rows], names[:columns])


def test_headings_without_any_picture_are_a_sheet_too() -> None:
    sheet = contact_sheet({}, ["a"], ["b"])
    assert sheet.provenance is not None
    assert sheet.provenance.notes["pictures"] == 0
