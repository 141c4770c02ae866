"""The studio as a page of its own: a tutorial, served by Voilà."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import ROOT, SHOTS, Lab, environment

pytestmark = pytest.mark.browser

PROMPT = "a red fox under the stars"
PANELS = f"""import mediatoolkit as mt
pictures = [await mt.image({PROMPT!r}, size="256", seed=seed) for seed in (1, 2)]
display(mt.compare(*pictures), mt.Gallery())"""


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[str]:
    """Address of Voilà over the tutorial, without any key."""
    notebook = tmp_path / "studio.ipynb"
    book = json.loads((ROOT / "notebooks" / "05_the_studio.ipynb").read_text())
    book["metadata"]["kernelspec"]["name"] = "here"
    cell: dict[str, object] = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    book["cells"].append(cell | {"id": "panels", "source": PANELS})
    notebook.write_text(json.dumps(book))
    command = [sys.executable, "-m", "voila", str(notebook), "--no-browser"]
    env = environment(tmp_path) | {"MEDIATOOLKIT_STORE": str(tmp_path / "store")}
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        env.pop(name, None)
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "--Voila.ip=127.0.0.1"], env=env, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield _url(server, tmp_path / "log")
    finally:
        server.terminate()
        server.wait(60)


def test_the_tutorial_is_a_studio(jupyter: Lab, dashboard: str, tmp_path: Path) -> None:
    """Without the code, with a picture, and with the picture in the store; so are other panels."""
    page = jupyter.browser.new_page(viewport={"width": 1100, "height": 760})
    page.goto(dashboard)
    studio = page.locator(".mt-studio")
    expect(studio).to_be_visible()
    studio.get_by_label("What to see").fill(PROMPT)
    studio.get_by_role("button", name="Generate").click()

    expect(studio.get_by_role("img", name=PROMPT)).to_be_visible()
    expect(page.get_by_text("import mediatoolkit")).to_have_count(0)
    assert list((tmp_path / "store").rglob("*.png"))
    page.screenshot(path=SHOTS / "light-voila.png")
    studio.get_by_role("button", name="Show code").click()
    expect(studio.get_by_role("button", name="Copy")).to_be_visible()
    expect(studio.get_by_role("button", name="Insert cell below")).to_be_hidden()

    viewer = page.locator("dialog.mt-viewer")
    page.get_by_role("button", name="Open B").click()
    expect(viewer.get_by_role("status").first).to_have_text(f"2 of 2: {PROMPT}")
    expect(viewer.get_by_role("button", name="Copy code")).to_be_visible()
    page.keyboard.press("Escape")
    tiles = page.locator(".mt-gallery .mt-tile")
    expect(tiles).to_have_count(3)
    tiles.first.click()
    page.keyboard.press("Enter")
    expect(viewer.get_by_role("status").first).to_have_text(f"1 of 3: {PROMPT}")
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("status").first).to_have_text(f"2 of 3: {PROMPT}")
    page.screenshot(path=SHOTS / "light-voila-viewer.png")
    page.keyboard.press("Escape")
    expect(tiles.nth(1)).to_be_focused()
    page.close()


def _url(server: "subprocess.Popen[bytes]", log: Path) -> str:
    """The server looks for a free port near its usual one, and says which in its log."""
    for _ in range(600):
        if told := re.search(r"running at:\s+(http://\S+)", log.read_text()):
            return told[1]
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
