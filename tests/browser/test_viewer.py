"""Full quality on demand: a picture to walk through, speech to follow, a film that plays."""

import json
import re
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.media import Image
from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

FOX = 'fox = await mt.image("a red fox under the stars", model="local/painter", seed=7)'
TEXT = "Once upon a time a red fox looked up at the stars. It stayed until the morning came."
SAID = f'said = await mt.speech("{TEXT}", model="local/hibari")'
ELSEWHERE = """import os, tempfile
import mediatoolkit as mt
os.environ["MEDIATOOLKIT_STORE"] = tempfile.mkdtemp()"""  # where the page's server finds no file
FILM = 'film = await mt.video("a fox by a lake", model="local/film", seconds=4, seed=1)'
CAPTIONED = f"""{FILM}
from dataclasses import replace
notes = {{"captions": [[0, 1.5, "A <fox> looks up."]]}}
replace(film, provenance=replace(film.provenance, notes=notes))"""
_BLOBS = """() => {
    window.blobs = new Set();
    const [make, revoke] = [URL.createObjectURL, URL.revokeObjectURL];
    URL.createObjectURL = (blob) => {
        const url = make.call(URL, blob);
        window.blobs.add(url);
        return url;
    };
    URL.revokeObjectURL = (url) => {
        window.blobs.delete(url);
        revoke.call(URL, url);
    };
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_opens_in_full_quality(jupyter: Lab, theme: Theme) -> None:
    with jupyter.notebook(f"{theme}-view.ipynb", IMPORT, FOX, "fox", theme=theme) as sheet:
        _run(sheet, 3)
        expect(sheet.output(2).get_by_role("button", name="Open")).to_be_visible()
        sheet.output(1).scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-open-button")
        dialog = _open(sheet, 1)
        expect(dialog).to_have_accessible_name("a red fox under the stars")
        image = dialog.get_by_role("img", name="a red fox under the stars")
        _loaded(dialog)
        assert (
            image.evaluate("element => element.decode().then(() => element.naturalWidth)") == 1024
        )
        zoom = dialog.get_by_label("Zoom", exact=True).locator("output")
        fitting = zoom.inner_text()
        sheet.shoot(f"{theme}-viewer-picture")
        assert sheet.faults(".mt-viewer") == []

        dialog.get_by_role("button", name="Show its own size").click()
        expect(zoom).to_have_text("100 %")
        dialog.get_by_role("button", name="Zoom in").click()
        expect(zoom).to_have_text("125 %")
        pane = dialog.locator(".mt-pane")
        before = image.get_attribute("style")
        pane.press("ArrowRight")
        assert image.get_attribute("style") != before
        box = pane.bounding_box()
        assert box
        before = image.get_attribute("style")
        sheet.page.mouse.move(box["x"] + 200, box["y"] + 200)
        sheet.page.mouse.down()
        sheet.page.mouse.move(box["x"] + 150, box["y"] + 120)
        sheet.page.mouse.up()
        assert image.get_attribute("style") != before
        sheet.page.mouse.wheel(0, -100)
        expect(zoom).to_have_text("156 %")
        pane.press("0")
        expect(zoom).to_have_text(fitting)

        sheet.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(sheet.output(1).get_by_role("button", name="Open")).to_be_focused()


def test_what_is_known_stands_beside_it_and_the_file_keeps_it(jupyter: Lab) -> None:
    with jupyter.notebook("known.ipynb", IMPORT, FOX) as sheet:
        _run(sheet, 2)
        dialog = _open(sheet, 1)
        _loaded(dialog)
        facts = dialog.locator("dl")
        for fact in ("local/painter", "7", re.compile("^1024×1024, image/png, ")):
            expect(facts.get_by_text(fact, exact=True)).to_be_visible()
        with sheet.page.expect_download() as saving:
            dialog.get_by_role("link", name="Save").click()

        assert saving.value.suggested_filename == "a-red-fox-under-the-stars.png"
        origin = Image.open(saving.value.path()).provenance
        assert origin
        assert (origin.prompt, origin.seed) == ("a red fox under the stars", 7)

        sheet.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        dialog.get_by_role("button", name="Copy prompt").click()
        status = dialog.get_by_role("status").filter(has_text="The prompt is in the clipboard.")
        expect(status).to_be_visible()
        read = sheet.page.evaluate("navigator.clipboard.readText()")
        assert read == "a red fox under the stars"


def test_recall_puts_the_call_into_a_new_cell_below(jupyter: Lab) -> None:
    """It is not run by itself; run, it gives the same picture."""
    prompt = 'a "red" fox (by night\\n    [under] the stars'
    fox = FOX.replace("a red fox under the stars", prompt.replace('"', '\\"'))
    with jupyter.notebook("recall.ipynb", IMPORT, fox, "1 + 1") as sheet:
        _run(sheet, 3)
        dialog = _open(sheet, 1)
        dialog.get_by_role("button", name="Insert cell below").click()

        expect(dialog).to_have_count(0)
        new = sheet.cell(2)
        expect(new.locator(".cm-content")).to_contain_text("seed=7")
        expect(new.locator(".jp-InputPrompt")).to_have_text("[ ]:")
        expect(new.locator(".cm-editor")).to_have_class(re.compile("cm-focused"))
        sheet.page.keyboard.press("Control+Home")
        sheet.page.keyboard.insert_text("again = ")
        sheet.run(2)
        sheet.cell(4).locator(".cm-content").click()
        sheet.page.keyboard.insert_text("print(again.data == fox.data, again is fox)")
        sheet.run(4)

        expect(sheet.output(4)).to_contain_text("True False")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_speech_is_followed_word_by_word(jupyter: Lab, theme: Theme) -> None:
    with jupyter.notebook(f"{theme}-words.ipynb", IMPORT, SAID, theme=theme) as sheet:
        _run(sheet, 2)
        dialog = _open(sheet, 1)
        _loaded(dialog)
        words = dialog.get_by_role("list", name="Words").get_by_role("button")
        words.nth(1).click()
        expect(words.nth(1)).to_have_attribute("aria-current", "true")
        expect(words.nth(0)).not_to_have_attribute("aria-current", "true")
        assert dialog.locator("audio").evaluate("element => element.currentTime") > 1
        sheet.shoot(f"{theme}-viewer-sound")
        assert sheet.faults(".mt-viewer") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_large_film_plays_from_bytes(jupyter: Lab, theme: Theme) -> None:
    with jupyter.notebook(f"{theme}-play.ipynb", ELSEWHERE, FILM, theme=theme) as sheet:
        _run(sheet, 2)
        dialog = _open(sheet, 1)
        film = dialog.locator("video")
        sheet.page.wait_for_function(
            "element => element.currentTime > 0.3 && !element.error", arg=film.element_handle()
        )
        sheet.shoot(f"{theme}-viewer-film")
        assert sheet.faults(".mt-viewer") == []
        assert film.evaluate("element => element.src").startswith("blob:")
        output = json.dumps(sheet.save()["cells"][1]["outputs"])
        assert len(output) < 200_000


def test_a_film_in_the_viewer_has_its_captions(jupyter: Lab) -> None:
    with jupyter.notebook("captioned.ipynb", ELSEWHERE, CAPTIONED) as sheet:
        _run(sheet, 2)
        sheet.output(1).get_by_role("button", name=re.compile("^(Open|Play) this")).last.click()
        film = sheet.page.locator("dialog.mt-viewer video")
        film.evaluate("film => { film.textTracks[0].mode = 'showing'; }")
        sheet.page.wait_for_function(
            "film => film.textTracks[0].cues?.[0]?.text === 'A &lt;fox&gt; looks up.'",
            arg=film.element_handle(),
        )
        sheet.shoot("light-viewer-captions")


def test_opening_often_leaves_nothing_behind(jupyter: Lab) -> None:
    measure = """import gc, psutil
from ipywidgets import Widget
from comm import get_comm_manager
def measured():
    gc.collect()
    return len(get_comm_manager().comms), psutil.Process().memory_info().rss >> 20
measured()"""
    with jupyter.notebook("often.ipynb", ELSEWHERE, FILM, measure, "print(*measured())") as sheet:
        _run(sheet, 3)
        sheet.page.evaluate(_BLOBS)

        def often(times: int) -> tuple[int, int]:
            for _ in range(times):
                dialog = _open(sheet, 1)
                _loaded(dialog)
                dialog.get_by_role("button", name="Close").click()
                expect(dialog).to_have_count(0)
            sheet.run(3)
            expect(sheet.output(3)).to_have_text(re.compile(r"^\d+ \d+\s*$"))
            comms, megabytes = sheet.output(3).inner_text().split()
            return int(comms), int(megabytes)

        comms, megabytes = often(3)
        again, later = often(20)

        assert again == comms
        assert later <= megabytes + 8
        assert sheet.page.evaluate("window.blobs.size") == 0


def test_recall_copies_the_call_where_it_can_make_no_cell(jupyter: Lab) -> None:
    with jupyter.notebook("copied.ipynb", IMPORT, FOX) as sheet:
        _run(sheet, 2)
        sheet.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        dialog = _open(sheet, 1)
        hide = "all => all.forEach(one => one.removeAttribute('data-command'))"
        sheet.page.locator(".jp-NotebookPanel [data-command]").evaluate_all(hide)
        dialog.get_by_role("button", name="Insert cell below").click()

        status = sheet.page.get_by_role("status").filter(has_text="The call is in the clipboard")
        expect(status).to_be_visible()
        read = sheet.page.evaluate("navigator.clipboard.readText()")
        assert read.startswith('await mt.image("a red fox under the stars", model="local/painter"')


def test_a_prompt_stays_text_in_the_viewer(jupyter: Lab) -> None:
    prompt = "<img src=x onerror=document.title='caught'> <b>fox</b>"
    cell = f'await mt.image("{prompt}", model="local/painter", size="512")'
    with jupyter.notebook("words.ipynb", IMPORT, cell) as sheet:
        _run(sheet, 2)
        dialog = _open(sheet, 1)
        _loaded(dialog)
        expect(dialog.get_by_role("heading")).to_have_text(prompt)
        expect(dialog.locator("dd").first).to_have_text(prompt)
        dialog.get_by_role("button", name="Insert cell below").click()
        expect(sheet.cell(2).locator(".cm-content")).to_contain_text("<img src=x onerror=")
        assert "caught" not in sheet.page.title()


SEVERAL = """import asyncio
jobs = [mt.image(f"a fox, {n}", model="local/painter", size="192x192", seed=n) for n in range(3)]
jobs.append(mt.speech("A fox.", model="local/hibari"))
jobs.append(mt.image("a fox, 3", model="local/painter", size="192x192"))
jobs.append(mt.image("a fox, 0", model="local/painter", size="192x192", seed=9))
made = await asyncio.gather(*jobs)
0"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_viewer_goes_through_what_it_was_opened_from(jupyter: Lab, theme: Theme) -> None:
    with jupyter.notebook(f"{theme}-walk.ipynb", IMPORT, SEVERAL, theme=theme) as sheet:
        _run(sheet, 2)
        opener = sheet.output(1).get_by_role("button", name=re.compile("^Open this"))
        expect(opener).to_have_count(6)
        opener.nth(1).click()
        dialog = sheet.page.locator("dialog.mt-viewer")
        place, press = dialog.get_by_role("status").first, sheet.page.keyboard.press
        following = dialog.get_by_role("button", name="Next")
        expect(place).to_have_text("2 of 6: a fox, 1")
        _loaded(dialog)
        assert sheet.faults(".mt-viewer") == []
        sheet.shoot(f"{theme}-viewer-walk")

        press("ArrowRight")
        expect(place).to_have_text("3 of 6: a fox, 2")
        expect(dialog.get_by_role("heading")).to_have_text("a fox, 2")
        expect(dialog.locator(".mt-pane")).to_be_focused()
        press("ArrowRight")
        expect(place).to_have_text("4 of 6: A fox.")
        expect(following).to_be_focused()
        _loaded(dialog)
        sound = dialog.locator("audio")
        sound.evaluate("element => { window.sound = element; return element.play(); }")
        press("ArrowRight")
        expect(place).to_have_text("5 of 6: a fox, 3")
        assert sheet.page.evaluate("window.sound.paused")
        press("ArrowRight")
        expect(place).to_have_text("6 of 6: a fox, 0")
        expect(following).to_have_attribute("aria-disabled", "true")
        press("ArrowRight")
        _loaded(dialog)
        expect(place).to_have_text("6 of 6: a fox, 0")

        dialog.locator(".mt-pane").press("1")
        for _ in range(8):
            dialog.locator(".mt-pane").press("+")
        dialog.locator(".mt-pane").press("ArrowLeft")
        expect(place).to_have_text("6 of 6: a fox, 0")  # which is zoomed in, and moves
        previous = dialog.get_by_role("button", name="Previous")
        for _ in range(5):
            previous.click()
        expect(place).to_have_text("1 of 6: a fox, 0")
        expect(previous).to_be_focused()
        expect(dialog.get_by_role("heading")).to_have_text("a fox, 0")
        press("Escape")
        expect(opener.nth(1)).to_be_focused()


def test_what_cannot_be_read_does_not_stop_the_walk(jupyter: Lab) -> None:
    lost = "import gc\nmade[1].path.unlink()\ndel made, jobs\ngc.collect()"
    with jupyter.notebook("lost.ipynb", IMPORT, SEVERAL, lost) as sheet:
        _run(sheet, 3)
        opener = sheet.output(1).get_by_role("button", name=re.compile("^Open this"))
        opener.first.click()
        dialog = sheet.page.locator("dialog.mt-viewer")
        _loaded(dialog)
        sheet.page.keyboard.press("ArrowRight")
        expect(dialog.get_by_role("alert")).to_contain_text("StorageError: ")
        sheet.page.keyboard.press("ArrowRight")
        expect(dialog.get_by_role("heading")).to_have_text("a fox, 2")


def test_all_of_a_sheet_are_saved_as_one_zip_file(jupyter: Lab) -> None:
    with jupyter.notebook("zip.ipynb", IMPORT, SEVERAL) as sheet:
        _run(sheet, 2)
        with sheet.page.expect_download() as saving:
            sheet.output(1).get_by_role("button", name="Save all 6 files as a zip file").click()

        assert saving.value.suggested_filename == "6-files.zip"
        with ZipFile(saving.value.path()) as archive:
            assert archive.namelist() == [
                *("a-fox-0.png", "a-fox-1.png", "a-fox-2.png", "a-fox.wav", "a-fox-3.png"),
                "a-fox-0-2.png",
            ]
            origin = Image(archive.read("a-fox-0-2.png")).provenance
        assert origin
        assert origin.seed == 9
        sheet.output(1).get_by_role("button", name="Save all").scroll_into_view_if_needed()
        sheet.shoot("light-save-all")


def _run(sheet: Sheet, cells: int) -> None:
    for cell in range(cells):
        sheet.run(cell)


def _open(sheet: Sheet, cell: int) -> Locator:
    sheet.output(cell).get_by_role("button", name=re.compile("^Open this")).click()
    dialog = sheet.page.locator("dialog.mt-viewer")
    expect(dialog).to_be_visible()
    return dialog


def _loaded(dialog: Locator) -> None:
    expect(dialog).to_be_visible()  # else nothing waits because nothing is there yet
    expect(dialog.locator(".mt-viewer-waiting")).to_have_count(0)
