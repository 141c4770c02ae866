"""Many pieces of media at once: what is in sight, filtered, selected, by mouse and by keyboard."""

import asyncio
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.media import Audio, Image, Media, Provenance
from mediatoolkit.media.pixels import encode, pillow_of
from mediatoolkit.providers.local.film import FilmPlan, make_film
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.synthesis.painting.painter import paint
from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

OPEN = 'gallery = mt.Gallery("media")\ngallery'
NASTY = "<img src=x onerror=document.title='caught'> <b>fox</b>"
SEEN = [
    "a red fox under the stars",
    "an owl in a snowy forest at night",
    "a sailing boat on a calm sea at sunset, watercolor",
    "a lighthouse in a storm",
    "a house by a lake in autumn",
    "a castle on a hill, pixel art",
    "mountains in the morning mist",
    "a cat on a roof under the moon",
    "a whale below the waves",
    "a field of sunflowers at noon",
    NASTY,
]


@pytest.fixture(scope="module")
def media(jupyter: Lab, loop: asyncio.AbstractEventLoop) -> Path:
    """A folder of paintings, one voice, one film; the fox is the newest."""
    folder = jupyter.files / "media"
    folder.mkdir()
    pieces: list[Media] = [_painted(prompt, seed) for seed, prompt in enumerate(SEEN)]
    film = make_film(
        FilmPlan.of(pieces[:2], captions=False, seconds=2, size="320x320"), CallContext(60)
    )
    pieces += [
        Audio.from_samples(_voice(), 24_000, provenance=_origin("A fox looks up.", "local/hibari")),
        replace(
            asyncio.run_coroutine_threadsafe(film, loop).result(60),
            provenance=_origin("the fox looks up", "local/camera"),
        ),
    ]
    for age, piece in enumerate(pieces):
        path = piece.save(folder / f"{age:02}")
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    return folder


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_gallery_shows_what_a_folder_holds(jupyter: Lab, theme: Theme) -> None:
    with _gallery(jupyter, f"{theme}-gallery.ipynb", theme=theme) as sheet:
        tiles = _tiles(sheet)
        expect(tiles).to_have_count(len(SEEN) + 2)
        expect(_said(sheet)).to_have_text("13 pieces")
        for tile in tiles.all():
            tile.scroll_into_view_if_needed()
            expect(tile.locator("img")).to_have_attribute("src", re.compile("^blob:"))
        expect(tiles.first).to_have_attribute("aria-label", f"{SEEN[0]}, picture, local/painter")
        tiles.nth(0).click()
        tiles.nth(2).click(modifiers=["Control"])
        expect(_said(sheet)).to_have_text("13 pieces · 2 selected")
        sheet.output(1).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-gallery")
        tiles.last.scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-gallery-end")
        assert "caught" not in sheet.page.title()
        assert sheet.faults(".mt-gallery") == []


@pytest.mark.usefixtures("media")
def test_filters_and_order(jupyter: Lab) -> None:
    code = "print(gallery.word, gallery.kind, gallery.sort, len(gallery.media), gallery.media[0])"
    with _gallery(jupyter, "filter.ipynb", code, 'gallery.word = "owl"') as sheet:
        sheet.output(1).get_by_label("Words").fill("FOX")
        expect(_said(sheet)).to_have_text("4 of 13 pieces")
        sheet.output(1).get_by_role("combobox", name="Kind").select_option("pictures")
        sheet.output(1).get_by_role("combobox", name="Order").select_option("Oldest")
        expect(_said(sheet)).to_have_text("2 of 13 pieces")
        expect(_tiles(sheet).first).to_contain_text(NASTY)
        sheet.run(2)
        expect(sheet.output(2)).to_have_text(
            "FOX image oldest 2 <Image 192×192 image/png, local/painter>"
        )

        sheet.run(3)
        expect(_said(sheet)).to_have_text("1 of 13 pieces")
        sheet.output(1).get_by_label("Words").fill("zebra")
        expect(sheet.output(1).get_by_text("Nothing matches.")).to_be_visible()
        sheet.output(1).get_by_role("button", name="Show all").click()
        expect(_said(sheet)).to_have_text("13 pieces")


@pytest.mark.usefixtures("media")
def test_the_keyboard_alone_is_enough(jupyter: Lab) -> None:
    code = "print([one.provenance.prompt for one in gallery.selected])"
    with _gallery(jupyter, "keys.ipynb", code) as sheet:
        press = sheet.page.keyboard.press
        expect(_tiles(sheet)).to_have_count(13)
        sheet.output(1).get_by_role("combobox", name="Order").focus()
        press("Tab")
        expect(_tiles(sheet).nth(0)).to_be_focused()
        for key in ("Space", "ArrowRight", "Shift+ArrowRight"):
            press(key)
        expect(_tiles(sheet).nth(2)).to_be_focused()
        expect(_selected(sheet)).to_have_count(2)
        for key in ("ArrowDown", "ArrowUp", "Home", "Space"):
            press(key)
        expect(_said(sheet)).to_have_text("13 pieces · 3 selected")
        sheet.shoot("light-gallery-keys")
        sheet.run(2)
        expect(sheet.output(2)).to_have_text(str(SEEN[:3]))

        _tiles(sheet).nth(0).focus()
        press("Control+a")
        expect(_said(sheet)).to_have_text("13 pieces · 13 selected")
        press("Escape")
        expect(_said(sheet)).to_have_text("13 pieces")
        press("End")
        expect(_tiles(sheet).last).to_be_focused()
        press("Home")
        press("Enter")
        dialog = sheet.page.get_by_role("dialog")
        expect(dialog).to_contain_text(SEEN[0])
        sheet.shoot("light-gallery-opened")
        press("Escape")
        expect(dialog).to_be_hidden()
        expect(_tiles(sheet).first).to_be_focused()
        assert sheet.page.locator(".jp-Notebook .jp-Cell").count() == 4, "keys reached the notebook"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_selected_is_compared_saved_and_deleted(
    jupyter: Lab, media: Path, theme: Theme
) -> None:
    folder = jupyter.files / f"{theme}-doing"
    shutil.copytree(media, folder)
    code = f'gallery = mt.Gallery("{folder.name}")\ngallery'
    with jupyter.notebook(f"{theme}-doing.ipynb", IMPORT, code, theme=theme) as sheet:
        sheet.run(0)
        sheet.run(1)
        press, tools = (
            sheet.page.keyboard.press,
            sheet.output(1).get_by_label("Selection", exact=True),
        )
        expect(_tiles(sheet)).to_have_count(13)
        expect(tools).to_be_hidden()
        _tiles(sheet).nth(0).click()
        expect(tools.get_by_role("button", name="Compare")).to_be_hidden()
        with sheet.page.expect_download() as saving:
            tools.get_by_role("button", name="Save").click()
        assert saving.value.suggested_filename == "a-red-fox-under-the-stars.png"
        press("Escape")

        _tiles(sheet).nth(0).click()
        press("Shift+ArrowRight")
        sheet.page.set_viewport_size({"width": 700, "height": 760})
        expect(_said(sheet)).to_have_text("13 pieces · 2 selected")
        box = _said(sheet).bounding_box()
        assert box
        assert box["height"] < 24, "on one line"
        sheet.output(1).locator(".mt-gallery-foot").scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-gallery-narrow")
        sheet.page.set_viewport_size({"width": 1000, "height": 760})
        sheet.shoot(f"{theme}-gallery-selected")
        assert sheet.faults(".mt-gallery") == []
        with sheet.page.expect_download() as saving:
            tools.get_by_role("button", name="Save").click()
        with ZipFile(saving.value.path()) as archive:
            assert len(archive.namelist()) == 2

        _compare_and_delete(sheet, theme)
        assert len(list(folder.iterdir())) == 11
        assert len(list(media.iterdir())) == 13


def _compare_and_delete(sheet: Sheet, theme: Theme) -> None:
    press = sheet.page.keyboard.press
    tools = sheet.output(1).get_by_label("Selection", exact=True)
    tools.get_by_role("button", name="Compare").click()
    compared = sheet.page.get_by_role("dialog", name="Comparison")
    expect(compared.locator("del")).to_contain_text("red fox under")
    expect(compared.locator("img").first).to_have_attribute("src", re.compile("^blob:"))
    assert sheet.faults(".mt-ask") == []
    sheet.shoot(f"{theme}-gallery-compared")
    press("Escape")
    expect(compared).to_have_count(0)

    _tiles(sheet).nth(1).focus()
    press("Delete")
    question = sheet.page.get_by_role("dialog")
    expect(question).to_have_accessible_name("Delete 2 files from the folder, for good?")
    expect(question.get_by_role("button", name="Keep")).to_be_focused()
    assert sheet.faults(".mt-ask") == []
    sheet.shoot(f"{theme}-gallery-asks")
    press("Enter")
    expect(question).to_have_count(0)
    expect(_tiles(sheet)).to_have_count(13)
    press("Delete")
    question.get_by_role("button", name="Delete").click()
    expect(_tiles(sheet)).to_have_count(11)
    expect(sheet.page.get_by_text("2 files deleted.")).to_be_visible()


@pytest.mark.usefixtures("media")
def test_the_viewer_goes_through_the_filter(jupyter: Lab) -> None:
    with _gallery(jupyter, "through.ipynb") as sheet:
        sheet.output(1).get_by_label("Words").fill("FOX")
        expect(_said(sheet)).to_have_text("4 of 13 pieces")
        _tiles(sheet).nth(0).click()
        sheet.page.keyboard.press("Enter")
        dialog = sheet.page.get_by_role("dialog")
        place = dialog.get_by_role("status").first
        expect(place).to_have_text(f"1 of 4: {SEEN[0]}")
        sheet.page.keyboard.press("ArrowRight")
        expect(place).to_have_text(f"2 of 4: {NASTY}")
        expect(dialog.get_by_role("heading")).to_have_text(NASTY)
        sheet.page.keyboard.press("Escape")
        expect(_tiles(sheet).nth(1)).to_be_focused()  # the one that was seen last
        sheet.page.keyboard.press("Space")
        expect(_said(sheet)).to_have_text("4 of 13 pieces · 2 selected")


def test_what_is_made_appears(jupyter: Lab) -> None:
    """An empty store says what to do; then the picture is there."""
    elsewhere = f'{IMPORT}\nimport os\nos.environ["MEDIATOOLKIT_STORE"] = "new"'
    make = 'x = await mt.image("a red fox", model="local/painter", size="192x192")'
    with jupyter.notebook("live.ipynb", elsewhere, "mt.Gallery()", make) as sheet:
        sheet.run(0)
        sheet.run(1)
        expect(sheet.output(1)).to_contain_text("Nothing is kept here yet. Make a picture: await")
        sheet.shoot("light-gallery-empty")
        sheet.run(2)

        expect(_tiles(sheet)).to_have_count(1)
        expect(_said(sheet)).to_have_text("1 piece")
        expect(_tiles(sheet).locator("img")).to_have_attribute("src", re.compile("^blob:"))


def _gallery(jupyter: Lab, name: str, *cells: str, theme: Theme = "light") -> "_Opened":
    return _Opened(jupyter, name, cells, theme)


class _Opened:
    """A notebook whose second cell shows the gallery."""

    def __init__(self, jupyter: Lab, name: str, cells: tuple[str, ...], theme: Theme) -> None:
        self._open = jupyter.notebook(name, IMPORT, OPEN, *cells, theme=theme)

    def __enter__(self) -> Sheet:
        sheet = self._open.__enter__()
        sheet.run(0)
        sheet.run(1)
        return sheet

    def __exit__(self, *failure: object) -> None:
        self._open.__exit__(*failure)  # type: ignore[arg-type]


def _tiles(sheet: Sheet) -> Locator:
    return sheet.output(1).get_by_role("option").and_(sheet.output(1).locator(".mt-tile"))


def _selected(sheet: Sheet) -> Locator:
    return sheet.output(1).locator('.mt-tile[aria-selected="true"]')


def _said(sheet: Sheet) -> Locator:
    return sheet.output(1).get_by_role("status")


def _painted(prompt: str, seed: int) -> Image:
    pixels = paint(prompt, seed=seed, width=192, height=192).pixels
    return Image(encode(pillow_of(pixels)), _origin(prompt, "local/painter"))


def _origin(prompt: str, model: str) -> Provenance:
    return Provenance(model=model, prompt=prompt, engine="local", seed=7)


def _voice() -> object:
    time = np.arange(72_000) / 24_000
    loud = np.abs(np.sin(time * 5)) * np.abs(np.sin(time * 1.3))
    return np.sin(time * 1_400) * loud
