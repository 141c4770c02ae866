"""How soon a bar stands in the page, and whether it ever goes back, in a real JupyterLab."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.lab import IMPORT, Sheet, lab
from tests.browser.samples import sampled

MOMENTS = {
    "cold": "import and call in the first cell of a kernel",
    "imported": "first call of a kernel, a while after the import",
    "warm": "a later call",
}
_PICTURE = 'await mt.image("a fox", model="local/painter", size="512")'
_TEN = """import asyncio
jobs = [
    mt.image(f"a castle by the sea, {n}", model="local/painter", size=(768, 768), seed=n)
    for n in range(7)
]
jobs += [mt.speech(f"{n} foxes look up. They see {n} stars.", model="local/hibari") for n in (2, 3)]
jobs.append(mt.film([jobs[0]], seconds=2, size=(320, 180)))
for job in jobs:
    await job"""
_TIMED = """async (cell) => {
    const panel = window.jupyterapp.shell.currentWidget.content;
    panel.activeCellIndex = cell;
    const began = performance.now();
    window.jupyterapp.commands.execute("notebook:run-cell");
    const output = panel.widgets[cell].outputArea.node;
    while (![...output.querySelectorAll("progress")].some((bar) => bar.offsetHeight > 0))
        await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""
_IDLE = 2_000  # milliseconds


def first_bar(moment: str) -> dict[str, float | str]:
    """Milliseconds from the start of a cell until its bar is seen."""
    whole = f"{IMPORT}\n{_PICTURE}"
    cells = {"cold": (whole,), "imported": (IMPORT, _PICTURE), "warm": (whole, _PICTURE)}[moment]
    with tempfile.TemporaryDirectory() as home:
        settings = {"MEDIATOOLKIT_STORE": str(Path(home) / "store")}
        with (
            lab(Path(home) / "lab", **settings) as jupyter,
            jupyter.notebook("bar.ipynb", *cells) as sheet,
        ):
            for cell in range(len(cells) - 1):
                sheet.run(cell)
                sheet.page.wait_for_timeout(_IDLE)
            return {"seen": _seen(sheet.page, len(cells) - 1)}


def falls() -> dict[str, float | str]:
    """How often a bar went back while ten jobs ran, looked at every 50 ms."""
    with tempfile.TemporaryDirectory() as home:
        settings = {"MEDIATOOLKIT_STORE": str(Path(home) / "store")}
        with (
            lab(Path(home) / "lab", **settings) as jupyter,
            jupyter.notebook("bars.ipynb", IMPORT, _TEN) as sheet,
        ):
            return _falls(sheet)


def _seen(page: Page, cell: int) -> float:
    return float(page.evaluate(_TIMED, cell))


def _falls(sheet: Sheet) -> dict[str, float | str]:
    sheet.run(0)
    with sampled(sheet.page) as sampling:
        sheet.run(1)
    bars = sampling.bars.values()
    return {
        "bars": len(bars),
        "samples": sum(len(bar.shares) for bar in bars),
        "falls": sum(len(bar.falls) for bar in bars),
    }
