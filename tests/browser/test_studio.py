"""The studio in a real page: by keyboard alone, with pictures, with what goes wrong."""

import base64
import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from mediatoolkit.media import Image
from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import IMPORT, SHOTS, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

WITHOUT_KEY = "import os; del os.environ['GEMINI_API_KEY']"
OPEN = "studio = mt.Studio()\nstudio"
PROMPT = "a red fox under the stars"
BAD = "<img src=x onerror=document.title='caught'> <b>fox</b>"

_BLOB = re.compile("^blob:")
_IN_STUDIO = "() => document.activeElement.closest('.mt-studio') !== null"
_GIVE = """([studio, kind, name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], name, { type }));
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: given, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: given, bubbles: true, cancelable: true });
    studio.querySelector("textarea").dispatchEvent(event);
}"""


def opened(sheet: Sheet, *, cells: int = 2) -> Locator:
    """The studio of the last cell."""
    for number in range(cells):
        sheet.run(number)
    studio = sheet.output(cells - 1).locator(".mt-studio")
    expect(studio).to_be_visible()
    return studio


def words(studio: Locator) -> Locator:
    return studio.get_by_label("What to see")


def shown(studio: Locator, prompt: str = PROMPT) -> Locator:
    return studio.get_by_role("img", name=prompt, exact=True)


def press_until(page: Page, key: str, holds: Callable[[], bool]) -> None:
    """Walk through the page as who has no mouse."""
    for _ in range(40):
        if holds():
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not get there")


def is_focused(place: Locator) -> bool:
    return bool(place.evaluate("element => element === document.activeElement"))


@pytest.mark.usefixtures("sim")
def test_by_keyboard_alone(
    jupyter: Lab, sim: Simulator, until: Callable[[Callable[[], bool]], None]
) -> None:
    """Type, generate, cancel, generate, save, recall."""
    with jupyter.notebook("keyboard.ipynb", IMPORT, OPEN) as sheet:
        studio, page = opened(sheet), sheet.page
        status = studio.get_by_role("status")
        page.keyboard.press("Escape")  # leaves the cell below, where Tab writes
        press_until(page, "Shift+Tab", lambda: page.evaluate(_IN_STUDIO))
        press_until(page, "Shift+Tab", lambda: is_focused(words(studio)))
        page.keyboard.type(PROMPT)

        sim.always(faults.Silence())
        aborted = sim.aborted
        page.keyboard.press("Control+Enter")
        expect(status).to_have_text("waiting for gemini")
        expect(studio.locator(".mt-studio-time")).to_contain_text("stops in")
        page.keyboard.press("Escape")
        expect(status).to_contain_text("Cancelled after")
        until(lambda: sim.aborted == aborted + 1)
        assert is_focused(words(studio)), "JupyterLab has not taken the key"

        sim.always(None)
        press_until(page, "Tab", lambda: is_focused(studio.get_by_role("button", name="Generate")))
        page.keyboard.press("Enter")
        expect(shown(studio)).to_be_visible()
        expect(status).to_contain_text("Done in")
        press_until(page, "Tab", lambda: is_focused(studio.get_by_role("button", name="Save")))
        with page.expect_download() as saving:
            page.keyboard.press("Enter")
        assert saving.value.suggested_filename.startswith("a-red-fox-under-the-stars.")
        saved = Image(saving.value.path().read_bytes())
        assert saved.provenance is not None
        assert saved.provenance.prompt == PROMPT

        press_until(page, "Shift+Tab", lambda: is_focused(words(studio)))
        page.keyboard.press("Control+a")
        page.keyboard.type("an owl")
        press_until(
            page, "Tab", lambda: is_focused(studio.get_by_role("button", name="Fill the form"))
        )
        page.keyboard.press("Space")
        expect(words(studio)).to_have_value(PROMPT)
        assert is_focused(words(studio))
        expect(sheet.cell(1).locator(".jp-InputArea-editor")).to_contain_text("mt.Studio()")


@pytest.mark.usefixtures("sim")
def test_tabs_are_walked_with_arrows_and_offer_what_each_model_takes(jupyter: Lab) -> None:
    with jupyter.notebook("tabs.ipynb", IMPORT, OPEN) as sheet:
        studio, page = opened(sheet), sheet.page
        form = studio.get_by_role("tabpanel")
        sizes = form.get_by_label("Size").locator("option")
        expect(sizes).to_have_text(["Auto", "512", "1K", "2K", "4K"])
        form.get_by_label("Model").select_option("local/painter")
        expect(sizes).to_have_text(["Auto", "512", "1K", "2K"])

        studio.get_by_role("tab", name="Picture").focus()
        page.keyboard.press("ArrowRight")
        expect(studio.get_by_role("tab", name="Voice")).to_be_focused()
        expect(form.get_by_label("What to say")).to_be_visible()
        form.get_by_label("Model").select_option("local/hibari")
        expect(form.get_by_label("Voice").locator("option")).to_have_text(
            ["Auto", "heart", "deep", "bright"]
        )
        page.keyboard.press("Escape")
        studio.get_by_role("tab", name="Voice").focus()
        page.keyboard.press("ArrowRight")
        seconds = form.get_by_label("Seconds").locator("option")
        expect(seconds).to_have_text(["Auto", *map(str, range(3, 11))])


@pytest.mark.usefixtures("sim")
def test_what_cannot_be_used_says_why(jupyter: Lab) -> None:
    with jupyter.notebook("nokey.ipynb", IMPORT, WITHOUT_KEY, OPEN) as sheet:
        studio = opened(sheet, cells=3)
        form = studio.get_by_role("tabpanel")
        expect(form.get_by_label("Model")).to_have_value("local/painter")
        needs = form.get_by_text("gemini: Needs a key: set GOOGLE_API_KEY or GEMINI_API_KEY.")
        expect(needs).to_be_hidden()  # a dozen vendors would push the form off the screen
        form.get_by_text(re.compile(r"^What the other vendors need \(\d+\)$")).click()
        expect(needs).to_be_visible()
        theirs = form.locator("option[value='gemini/gemini-3.1-flash-image']")
        assert theirs.is_disabled()
        assert "Needs a key" in (theirs.get_attribute("title") or "")

        words(studio).fill(PROMPT)
        page = sheet.page
        page.keyboard.press("Control+Enter")
        expect(shown(studio)).to_be_visible()
        seed = form.get_by_label("Seed")
        first = seed.input_value()
        assert first.isdigit(), "the seed that was used"
        form.get_by_label("Keep").check()
        page.keyboard.press("Control+Enter")
        pieces = studio.get_by_role("navigation", name="History").get_by_role("button")
        expect(pieces).to_have_count(2)
        expect(seed).to_have_value(first)
        form.get_by_label("Keep").uncheck()
        page.keyboard.press("Control+Enter")
        expect(pieces).to_have_count(3)
        expect(seed).not_to_have_value(first)

        pieces.last.click()
        expect(pieces.last).to_have_attribute("aria-current", "true")
        expect(studio.get_by_role("region", name="Result")).to_contain_text(f"seed {first}")
        studio.get_by_role("button", name="Show code").click()
        code = studio.get_by_role("region", name="Python code")
        expect(code).to_contain_text(f"seed={first}")
        expect(code).to_contain_text(PROMPT)
        studio.get_by_role("button", name="Insert cell below").click()
        expect(sheet.cell(3).locator(".cm-content")).to_contain_text(f"seed={first}")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_is_given_shown_used_and_removed(jupyter: Lab, sim: Simulator, way: str) -> None:
    fox = Image.of(np.full((16, 24, 3), 200, np.uint8))
    with jupyter.notebook(f"{way}.ipynb", IMPORT, OPEN) as sheet:
        studio = opened(sheet)
        words(studio).fill(PROMPT)
        pictures = studio.get_by_role("list", name="Pictures to start from")
        _give(studio, way, "bad.png", "image/png", b"no picture")
        alert = studio.get_by_role("tabpanel").get_by_role("alert")
        expect(alert).to_contain_text("bad.png:")
        expect(pictures.get_by_role("listitem")).to_have_count(0)

        _give(studio, way, "fox.png", "image/png", fox.data)
        expect(pictures.get_by_role("img", name="fox.png")).to_have_attribute("src", _BLOB)
        expect(alert).to_be_hidden()
        before = len(sim.requests)
        sheet.page.keyboard.press("Control+Enter")
        expect(shown(studio)).to_be_visible()
        assert base64.b64encode(fox.data).decode() in str(sim.requests[before].body)
        studio.get_by_role("button", name="Show code").click()
        code = studio.get_by_role("region", name="Python code")
        expect(code).to_contain_text(
            f'references=["{jupyter.files}/store/{fox.digest()[:16]}.png"]'
        )
        pictures.get_by_role("button", name="Remove fox.png").click()
        expect(pictures.get_by_role("listitem")).to_have_count(0)

        studio.get_by_role("button", name="Fill the form").click()
        expect(pictures.get_by_role("img")).to_have_attribute("src", _BLOB)


@pytest.mark.usefixtures("sim")
def test_a_model_of_words_alone_takes_no_picture_and_says_so(jupyter: Lab) -> None:
    with jupyter.notebook("words.ipynb", IMPORT, OPEN) as sheet:
        studio = opened(sheet)
        studio.get_by_role("tabpanel").get_by_label("Model").select_option("local/painter")
        _give(studio, "drop", "fox.png", "image/png", b"anything")
        expect(studio.get_by_role("alert")).to_contain_text("starts from words alone")


def test_a_prompt_stays_text_and_a_failure_is_told_in_place(jupyter: Lab, sim: Simulator) -> None:
    with jupyter.notebook("text.ipynb", IMPORT, OPEN) as sheet:
        studio = opened(sheet)
        words(studio).fill(BAD)
        sheet.page.keyboard.press("Control+Enter")
        expect(shown(studio, BAD)).to_be_visible()
        studio.get_by_role("button", name="Show code").click()
        expect(studio.get_by_role("region", name="Python code")).to_contain_text("<b>fox</b>")

        sim.always(faults.PromptBlocked())
        sheet.page.keyboard.press("Control+Enter")
        failure = studio.locator(".mt-failure")
        expect(failure).to_contain_text("RefusalError")
        failure.get_by_text("Details").click()
        expect(failure).to_contain_text(BAD)
        expect(studio.locator("b")).to_have_count(0)

        sim.always(None)
        sheet.page.keyboard.press("Control+Enter")
        pieces = studio.get_by_role("navigation", name="History").get_by_role("button")
        expect(pieces).to_have_count(2)
        expect(failure).to_be_hidden()
        assert "caught" not in sheet.page.title()


@pytest.mark.usefixtures("sim")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_by_everybody(jupyter: Lab, theme: Theme) -> None:
    """Axe finds no serious fault, in any of its forms; and it looks as it should."""
    with jupyter.notebook(f"{theme}-studio.ipynb", IMPORT, OPEN, theme=theme) as sheet:
        sheet.page.set_viewport_size({"width": 1280, "height": 860})
        studio = opened(sheet)
        form = studio.get_by_role("tabpanel")
        for prompt, shape in (("an owl on a branch at dusk", "1:1"), (PROMPT, "4:3")):
            form.get_by_label("Model").select_option("local/painter")
            form.get_by_label("Shape").select_option(shape)
            form.get_by_label("Seed").fill("11")
            words(studio).fill(prompt)
            sheet.page.keyboard.press("Control+Enter")
            expect(shown(studio, prompt)).to_be_visible()
        expect(studio.locator(".mt-studio-piece img")).to_have_count(2)
        studio.scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-studio")
        studio.screenshot(path=SHOTS / f"{theme}-studio-alone.png")
        assert sheet.faults(".mt-studio") == []

        studio.get_by_role("button", name="Show code").click()
        for tab in ("Voice", "Film"):
            studio.get_by_role("tab", name=tab).click()
            assert sheet.faults(".mt-studio") == []
            sheet.shoot(f"{theme}-studio-{tab.lower()}")


@pytest.mark.usefixtures("sim")
def test_a_picture_grows_without_the_words_of_the_one_before(jupyter: Lab) -> None:
    with jupyter.notebook("grows.ipynb", IMPORT, OPEN) as sheet:
        studio = opened(sheet)
        studio.get_by_role("tabpanel").get_by_label("Model").select_option("local/painter")
        save, growing = (
            studio.get_by_role("button", name="Save"),
            studio.locator(".mt-studio-partial"),
        )
        words(studio).fill("an owl on a branch")
        sheet.page.keyboard.press("Control+Enter")
        expect(save).to_be_visible()

        studio.get_by_role("tabpanel").get_by_label("Size").select_option("2K")
        words(studio).fill(PROMPT)
        sheet.page.keyboard.press("Control+Enter")
        expect(growing).to_be_visible()
        expect(save).to_be_hidden()
        sheet.shoot("light-studio-growing")
        sheet.page.keyboard.press("Escape")
        expect(shown(studio, "an owl on a branch")).to_be_visible()
        expect(save).to_be_visible()


@pytest.mark.usefixtures("sim")
def test_the_longest_seed_can_be_read_beside_the_picture(jupyter: Lab) -> None:
    with jupyter.notebook("seed.ipynb", IMPORT, OPEN) as sheet:
        studio = opened(sheet)
        studio.evaluate("studio => { studio.style.width = '580px' }")
        seed = studio.get_by_role("textbox", name="Seed")
        seed.fill("4294967295")
        assert seed.evaluate("seed => seed.scrollWidth <= seed.clientWidth")


def test_a_page_that_is_loaded_anew_finds_the_session(jupyter: Lab) -> None:
    with jupyter.notebook("again.ipynb", IMPORT, OPEN, "studio") as sheet:
        studio = opened(sheet)
        words(studio).fill(PROMPT)
        sheet.page.keyboard.press("Control+Enter")
        expect(shown(studio)).to_be_visible()
        words(studio).fill("an owl")
        sheet.run(2)
        second = sheet.output(2).locator(".mt-studio")

        expect(shown(second)).to_be_visible()
        expect(words(second)).to_have_value("an owl")


def test_only_the_studio_shows_its_jobs(jupyter: Lab, answer: Callable[[], object]) -> None:
    """No second view anywhere, and the result is a value in the next cell."""
    with jupyter.notebook("once.ipynb", IMPORT, OPEN, "print(studio.result)") as sheet:
        studio = opened(sheet)
        words(studio).fill(PROMPT)
        sheet.page.keyboard.press("Control+Enter")
        expect(studio.get_by_role("status")).to_have_text("waiting for gemini")
        expect(sheet.page.locator(".mt-job, .mt-board")).to_have_count(0)
        answer()
        expect(shown(studio)).to_be_visible()
        sheet.run(2)

        expect(sheet.output(2)).to_contain_text("gemini/gemini-3.1-flash-image")
        assert "jp-OutputArea-child" in sheet.output(2).inner_html()


def _give(studio: Locator, way: str, name: str, kind: str, data: bytes) -> None:
    """Let go of a file above the studio, or paste it."""
    handle, text = studio.element_handle(), base64.b64encode(data).decode()
    studio.page.evaluate(_GIVE, [handle, way, name, kind, text])
