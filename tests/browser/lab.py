"""A real JupyterLab with nobody's settings, and a browser in front of it."""

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.chosen import chosen

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / ".shots"
_DEBIAN = Path("/usr/bin/chromium")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 60_000  # milliseconds after which it is clear that something will not come
_KERNEL_ANSWERS = """async () => {
    await window.jupyterapp.restored;
    const { sessionContext } = window.jupyterapp.shell.currentWidget;
    await sessionContext.ready;
    await sessionContext.session.kernel.info;
}"""  # a cell that is run earlier is silently not run
_SPEC = {"name": "here", "display_name": "here", "language": "python"}
_SETTINGS: dict[str, dict[str, object]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # else cells move while they are read
}


Theme = Literal["light", "dark"]

IMPORT = "import mediatoolkit as mt"

expect.set_options(timeout=_PATIENCE)


@dataclass
class Sheet:
    """One notebook, open in one tab."""

    page: Page
    path: Path

    def cell(self, number: int) -> Locator:
        """The code cell *number*, from 0."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)

    def output(self, number: int) -> Locator:
        """All that is shown below a cell."""
        return self.cell(number).locator(".jp-OutputArea").first

    def start(self, number: int) -> None:
        """Run a cell and go on."""
        prompt = self.cell(number).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.cell(number).locator(".jp-InputArea-editor").click()
        self.cell(number).locator(".cm-editor.cm-focused").wait_for()
        self.page.keyboard.press("Shift+Enter")
        expect(prompt).not_to_have_text(before)  # or the end of an earlier run would be seen

    def finish(self, number: int) -> None:
        """Wait for the end of a cell."""
        prompt = self.cell(number).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"))

    def run(self, number: int) -> None:
        """Run a cell to its end."""
        self.start(number)
        self.finish(number)

    def reload(self) -> None:
        """Load the page anew, and wait until its kernel answers."""
        self.page.reload()
        self.settle()
        self.page.evaluate(_KERNEL_ANSWERS)

    def settle(self) -> None:
        """Wait until the cells are there."""
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")

    def save(self) -> dict[str, Any]:
        """Save, and read the file."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        for _ in range(_PATIENCE // 50):
            self.page.wait_for_timeout(50)
            if self.path.stat().st_mtime_ns == before:
                continue
            with contextlib.suppress(json.JSONDecodeError):  # the server is still writing it
                saved: dict[str, Any] = json.loads(self.path.read_text())
                return saved
        raise TimeoutError(f"{self.path.name} was not saved")

    def faults(self, selector: str) -> list[str]:
        """What axe finds serious or critical for people who cannot see or point, within a part."""
        violations = Axe().run(self.page, context=selector).response["violations"]
        return [
            f"{fault['id']}: {fault['help']}: {[node['html'] for node in fault['nodes']]}"
            for fault in violations
            if fault["impact"] in {"serious", "critical"}
        ]

    def shoot(self, name: str) -> Path:
        """Keep a picture of the page for people."""
        SHOTS.mkdir(exist_ok=True)
        target = SHOTS / f"{name}.png"
        self.page.screenshot(path=target)
        return target


@dataclass
class Lab:
    """A running JupyterLab."""

    url: str
    token: str
    files: Path
    browser: Browser

    @contextlib.contextmanager
    def open(self, name: str, *, theme: Theme = "light") -> Iterator[Sheet]:
        """The notebook *name* in a fresh tab, with its kernel when it has one."""
        context = self.browser.new_context(
            viewport={"width": 1000, "height": 760},
            color_scheme="dark" if theme == "dark" else None,
        )
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        page.goto(f"{self.url}lab/tree/{name}?token={self.token}&reset")
        sheet = Sheet(page, self.files / name)
        sheet.settle()
        try:
            yield sheet
        finally:
            context.close()

    @contextlib.contextmanager
    def notebook(self, name: str, *cells: str, theme: Theme = "light") -> Iterator[Sheet]:
        """A new notebook of *cells*, with an idle kernel; the kernel ends with the block."""
        book = {"cells": [_cell(code) for code in cells], "nbformat": 4, "nbformat_minor": 4}
        (self.files / name).write_text(json.dumps(book | {"metadata": {"kernelspec": _SPEC}}))
        with self.open(name, theme=theme) as sheet:
            sheet.page.evaluate(_KERNEL_ANSWERS)
            yield sheet
        self.end_kernels()

    def end_kernels(self) -> None:
        """End every kernel, so that nothing is left to answer."""
        context = self.browser.new_context(
            extra_http_headers={"Authorization": f"token {self.token}"}
        )
        for session in context.request.get(f"{self.url}api/sessions").json():
            context.request.delete(f"{self.url}api/sessions/{session['id']}")
        context.close()


def _cell(code: str) -> dict[str, object]:
    empty: dict[str, object] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "source": code, **empty}


def environment(home: Path, token: str = "") -> dict[str, str]:
    """For a server with nobody's settings, whose kernel `here` runs this code."""
    kernel = home / "data" / "kernels" / "here"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "here", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    for plugin, values in _SETTINGS.items():
        settings = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(values))
    return (
        os.environ
        | chosen("local")
        | {
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_TOKEN": token,
            "PYTHONPATH": str(ROOT),
        }
    )


def _server_url(home: Path, server: "subprocess.Popen[bytes]") -> str:
    """The server picks a free port and says which in a file."""
    for _ in range(600):
        for note in (home / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):
                return f"http://127.0.0.1:{json.loads(note.read_text())['port']}/"
        assert server.poll() is None, (home / "log").read_text()
        time.sleep(0.1)
    raise TimeoutError((home / "log").read_text())


@contextlib.contextmanager
def lab(home: Path, **env: str) -> Iterator[Lab]:
    """JupyterLab and Chromium for one block; everything they write is below *home*."""
    files = home / "files"
    files.mkdir(parents=True)
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={files}"),
        "--LabApp.expose_app_in_browser=True",
        "--KernelManager.transport=ipc",  # a free port may be taken before a kernel listens there
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter
            command, env=environment(home, token) | env, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        url = _server_url(home, server)
        with sync_playwright() as tools:
            browser = tools.chromium.launch(
                executable_path=_DEBIAN if _DEBIAN.exists() else None, args=list(_FLAGS)
            )
            yield Lab(url, token, files, browser)
            browser.close()
    finally:
        server.terminate()
        server.wait(60)
