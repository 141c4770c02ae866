"""What a person hears and sees: a voice while it is made, its player, and a film that plays."""

import asyncio
import re

import pytest
from playwright.sync_api import Locator, expect

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import IMPORT, Lab, Sheet, Theme

pytestmark = pytest.mark.browser

TEXT = "Once upon a time a red fox looked up at the stars. It stayed until the morning came."
SPEAK = f'await mt.speech("{TEXT}")'
LOCAL = f'said = await mt.speech("{TEXT}", model="local/hibari")'
FILM = """fox = mt.image("a red fox under the stars", model="local/painter", seed=7, size="512")
film = await mt.film([await fox], "A fox looks up.", size="640x360")"""
_PLAYS = "element => element.currentTime > 0.3 && !element.error"
_CUES = """async (element) => {
    const [track] = element.textTracks;
    track.mode = "showing";
    while (!track.cues?.length) await new Promise((done) => setTimeout(done, 50));
    return [...track.cues].map((cue) => [cue.startTime, cue.text]);
}"""
_LISTEN = """() => {
    window.loudest = 0;
    const look = (meter) => window.loudest = Math.max(window.loudest, meter.value);
    setInterval(() => document.querySelectorAll(".mt-job-level").forEach(look), 20);
}"""  # a piece of speech is over before a test has looked


@pytest.fixture
def gate(sim: Simulator, loop: asyncio.AbstractEventLoop) -> faults.Gate:
    """Lets one piece of speech pass; the test opens it on *loop*."""
    held = faults.Gate()
    loop.call_soon_threadsafe(sim.then, held)
    return held


def test_speech_is_heard_before_the_vendor_has_sent_the_end(
    jupyter: Lab, gate: faults.Gate, loop: asyncio.AbstractEventLoop
) -> None:
    with jupyter.notebook("voice.ipynb", IMPORT, SPEAK) as sheet:
        sheet.run(0)
        sheet.page.evaluate(_LISTEN)
        sheet.start(1)
        voice = _voice(sheet)
        expect(voice.get_by_role("button", name="Mute")).to_be_visible()
        sheet.page.wait_for_function("window.loudest > 0.02")
        expect(voice.get_by_label("Voice")).to_have_text(re.compile(r"^0\.[1-9]|^[1-9]"))
        sheet.shoot("light-speaking")
        expect(sheet.cell(1).locator(".jp-InputPrompt")).to_have_text("[*]:")

        loop.call_soon_threadsafe(gate.open)
        sheet.finish(1)

        player = sheet.output(1).locator("audio")
        expect(sheet.output(1).locator(".mt-job")).to_have_count(0)
        _until(player, _PLAYS)


def test_cancel_ends_the_voice(jupyter: Lab, gate: faults.Gate) -> None:  # noqa: ARG001 - held
    with jupyter.notebook("hush.ipynb", IMPORT, SPEAK) as sheet:
        sheet.run(0)
        sheet.start(1)
        expect(_voice(sheet).get_by_role("button", name="Mute")).to_be_visible()
        sheet.output(1).get_by_role("button", name="Cancel").click()

        expect(_voice(sheet)).to_be_hidden()
        sheet.finish(1)
        expect(sheet.output(1)).to_contain_text("cancelled after")


def test_a_muted_voice_stays_silent(
    jupyter: Lab, gate: faults.Gate, loop: asyncio.AbstractEventLoop
) -> None:
    """Also the player that takes its place."""
    with jupyter.notebook("mute.ipynb", IMPORT, SPEAK) as sheet:
        sheet.run(0)
        sheet.start(1)
        _voice(sheet).get_by_role("button", name="Mute").click()
        expect(_voice(sheet).get_by_role("button", name="Unmute")).to_be_visible()
        loop.call_soon_threadsafe(gate.open)
        sheet.finish(1)

        player = sheet.output(1).locator("audio")
        _until(player, "element => element.readyState > 0")
        assert player.evaluate("element => element.paused")


@pytest.mark.usefixtures("sim")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_voice_and_a_film_stay_in_the_page(jupyter: Lab, theme: Theme) -> None:
    """The film plays; both have a name for who cannot see or hear them."""
    with jupyter.notebook(f"{theme}-film.ipynb", IMPORT, LOCAL, FILM, theme=theme) as sheet:
        for cell in range(3):
            sheet.run(cell)
        expect(sheet.output(1).get_by_label(TEXT)).to_be_visible()
        film = sheet.output(2).locator("video")
        expect(film).to_be_visible()
        film.scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-film")
        film.evaluate("element => element.play()")

        _until(film, _PLAYS)
        (start, words), *_ = film.evaluate(_CUES)
        assert 0.2 < start < 0.8
        assert words == "A fox looks up."
        sheet.shoot(f"{theme}-film-captions")


def _voice(sheet: Sheet) -> Locator:
    return sheet.output(1).locator(".mt-job-voice")


def _until(place: Locator, holds: str) -> None:
    place.page.wait_for_function(holds, arg=place.element_handle())
