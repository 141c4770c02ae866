"""Many vendors' keys and servers of one's own, as a page shows them."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from mediatoolkit.simulator import Simulator
from tests.browser.conftest import KEY
from tests.browser.lab import IMPORT, Lab, Theme

pytestmark = pytest.mark.browser

DRAW = 'await mt.image("a red fox", agent=agent)'
STEP_7 = re.compile(r"step 7 of \d+$")

Played = Callable[..., Simulator]


@pytest.fixture
def played(loop: asyncio.AbstractEventLoop) -> Iterator[Played]:
    """Plays a vendor until the test ends."""
    running = []

    def play(vendor: str, **settings: Any) -> Simulator:
        sim = Simulator(vendors=(vendor,), key=KEY, detail=64, **settings)
        asyncio.run_coroutine_threadsafe(sim.start(), loop).result(60)
        running.append(sim)
        return sim

    yield play
    for sim in running:
        asyncio.run_coroutine_threadsafe(sim.close(), loop).result(60)


def places(sim: Simulator) -> str:
    """Arguments of a client that reach it there."""
    [url] = sim.urls.values()
    return f"base_url={url!r}, trusted_origins=[{sim.files_url!r}]"


def test_a_stop_reaches_fal_and_a_retry_brings_the_picture(jupyter: Lab, played: Played) -> None:
    sim = played("fal", looks=100_000)
    fal = f"agent = mt.ImageGenAgent(mt.FalImageClient({KEY!r}, {places(sim)}))"
    with jupyter.notebook("fal.ipynb", f"{IMPORT}\n{fal}", DRAW) as sheet:
        sheet.run(0)
        sheet.start(1)
        stage = sheet.output(1).locator(".mt-job .mt-job-stage")
        expect(stage).to_have_text(re.compile(r"^fal: step \d+/100001 · \$0\.003$"))
        sheet.shoot("fal-running")
        sheet.page.get_by_role("button", name="Interrupt the kernel").click()
        sheet.finish(1)
        expect(sheet.output(1)).to_contain_text("withdrawn, not confirmed by the vendor")
        assert len(sim.requests_for("cancel")) == 1
        sim.looks = 1

        sheet.output(1).get_by_role("button", name="Retry a red fox").click()

        expect(sheet.output(1).get_by_role("img", name="a red fox")).to_be_visible()
        expect(sheet.output(1)).to_contain_text("fal/fal-ai/flux/schnell · 1024×768")


@pytest.mark.parametrize("name", ["comfyui", "automatic1111"])
def test_a_server_of_ones_own_shows_steps_and_previews_and_is_interrupted(
    jupyter: Lab, played: Played, name: str
) -> None:
    sim = played(name, step_seconds=0.05)
    sim.pace.hold(8)
    client = {"comfyui": "ComfyUIImageClient", "automatic1111": "Automatic1111ImageClient"}[name]
    server = f"agent = mt.ImageGenAgent(mt.{client}({places(sim)}), size='512')"
    with jupyter.notebook(f"{name}.ipynb", f"{IMPORT}\n{server}", DRAW) as sheet:
        sheet.run(0)
        sheet.start(1)
        row = sheet.output(1).locator(".mt-job")
        expect(row.locator("img")).to_be_visible()
        expect(row.locator(".mt-job-stage").first).to_have_text(STEP_7)
        sheet.shoot(f"{name}-running")

        sheet.page.get_by_role("button", name="Interrupt the kernel").click()

        sheet.finish(1)
        expect(sheet.output(1)).to_contain_text("withdrawn, confirmed by the vendor")
        assert len(sim.requests_for("cancel")) == 1


def test_a_key_is_typed_where_nobody_sees_it(jupyter: Lab, played: Played) -> None:
    """Stop is an empty answer, as Enter is."""
    sim = played("bfl")
    usual = f"mt.BFLImageClient.default_base_url = {sim.bfl.url!r}"
    trusted = f"HttpClient.__init__.__kwdefaults__['trusted_origins'] = ({sim.files_url!r},)"
    setup = f"{IMPORT}\nfrom mediatoolkit.providers.http import HttpClient\n{usual}\n{trusted}"
    cell = 'await mt.image("a red fox", model="bfl")'
    with jupyter.notebook("key.ipynb", setup, cell, cell, cell) as sheet:
        sheet.run(0)
        box = sheet.output(2).locator(".jp-Stdin-input")
        sheet.start(1)
        expect(sheet.output(1)).to_contain_text("Black Forest Labs needs a key (BFL_API_KEY)")
        sheet.page.get_by_role("button", name="Interrupt the kernel").click()
        sheet.finish(1)
        expect(sheet.output(1)).to_contain_text("not in the keyring, and none was typed")
        sheet.start(2)
        expect(box).to_have_attribute("type", "password")
        box.fill(KEY)
        box.press("Enter")
        sheet.finish(2)
        expect(sheet.output(2).get_by_role("img", name="a red fox")).to_be_visible()

        sheet.run(3)

        expect(sheet.output(3).get_by_role("img", name="a red fox")).to_be_visible()
        sheet.shoot("key-typed")
        assert KEY not in json.dumps(sheet.save())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_table_of_models_has_a_line_for_each(jupyter: Lab, theme: Theme) -> None:
    cells = (IMPORT, "mt.keys()", 'mt.models("speech", streams=True)')
    with jupyter.notebook(f"{theme}-models.ipynb", *cells, theme=theme) as sheet:
        for number in range(3):
            sheet.run(number)
        rows = sheet.output(2).locator("tbody tr")
        expect(rows.first).to_be_visible()
        heights = rows.evaluate_all("rows => rows.map(row => row.offsetHeight)")
        assert len(heights) > 10
        assert max(heights) < 40
        rows.first.scroll_into_view_if_needed()
        sheet.shoot(f"{theme}-models")
