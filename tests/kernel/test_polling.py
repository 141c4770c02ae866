"""A film that a vendor makes outlives the kernel that asked for it, and stops with its cell."""

import signal
import time

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import KEY, Begin
from tests.kernel.driver import Kernel, Run, kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

QUICK = """
import mediatoolkit as mt
from mediatoolkit.runtime.gather import Polling
mt.GeminiVideoClient.polling = Polling(first=0.05, cap=0.05)
"""
UNFINISHED = faults.EndsAs("in_progress")
FILM = 'film = await mt.video("a fox runs", seconds=3)'
RESUME = "film = await mt.jobs.resume(mt.jobs.pending()[0].id)\nprint(mt.jobs.pending())"


@pytest.fixture
def sim(sim: Simulator) -> Simulator:
    """Makes a film for as long as a test does not say otherwise."""
    sim.always(UNFINISHED, at="poll")
    return sim


def _sent(sim: Simulator, method: str, ending: str = "") -> int:
    paths = [request.path for request in sim.requests if request.method == method]
    return sum("/interactions" in path and path.endswith(ending) for path in paths)


async def _polled(kernel: Kernel, sim: Simulator) -> Run:
    """A cell that awaits a film, and the film was looked at."""
    await kernel.do(QUICK)
    looks = _sent(sim, "GET")
    run = await kernel.start(FILM)
    await until(lambda: _sent(sim, "GET") > looks + 1 and run.widgets, "two looks")
    return run


def _files(kernel: Kernel, ending: str) -> list[str]:
    return [path.name for path in (kernel.home / "store").rglob(f"*{ending}")]


async def test_a_killed_kernel_s_film_is_fetched_by_the_next(begin: Begin, sim: Simulator) -> None:
    """Asked for once, paid for once, kept once."""
    starts = _sent(sim, "POST")
    async with begin() as first:
        await _polled(first, sim)
        await first.manager.signal_kernel(signal.SIGKILL)
        await first.gone()
    assert _files(first, ".mp4") == []
    sim.always(None, at="poll")
    home = first.home / "next"
    home.mkdir()
    store = str(first.home / "store")

    env = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": sim.url, "MEDIATOOLKIT_STORE": store}
    async with kernel(home, first.version, **env) as second:
        await second.do(QUICK)
        left = await second.do(RESUME)

    assert left.strip() == "[]"
    assert _sent(sim, "POST") == starts + 1
    assert len(_files(first, ".mp4")) == 1
    assert _files(first, ".part") == []


@pytest.mark.usefixtures("clicks_while_busy")
async def test_a_film_s_view_tells_that_it_waits(notebook: Kernel) -> None:
    """Between two looks only the beat is heard that keeps a hub from ending the kernel."""
    await notebook.do(QUICK)
    await notebook.do("from mediatoolkit.widgets.board import Board\nBoard.heartbeat = 0.2")
    await notebook.do("mt.GeminiVideoClient.polling = Polling(first=50, cap=50)")

    run = await notebook.start(FILM)
    await until(lambda: len([s for s in run.updates if "now" in s]) > 12, "the beat")
    news = [state["news"]["1"] for state in run.updates if "news" in state]
    stages = [row["stage"] for row in news if "stage" in row]
    await notebook.click_cancel(run)
    await notebook.finish(run)

    assert stages[-1] == "waiting for gemini"


@pytest.mark.usefixtures("clicks_while_busy")
@pytest.mark.parametrize(
    ("answer", "words", "shown"),
    [
        (None, "the vendor confirmed", "withdrawn, confirmed by the vendor"),
        (UNFINISHED, "did not confirm", "not confirmed by the vendor"),
    ],
)
async def test_a_click_stops_the_film_at_the_vendor(
    notebook: Kernel, sim: Simulator, answer: faults.Fault | None, words: str, shown: str
) -> None:
    sim.always(answer, at="cancel")
    cancels = _sent(sim, "POST", "/cancel")
    run = await _polled(notebook, sim)

    await notebook.click_cancel(run)
    await notebook.finish(run)

    sim.always(None, at="cancel")
    assert _sent(sim, "POST", "/cancel") == cancels + 1
    assert words in run.text
    assert shown in run.shown[-1]["data"]["text/plain"]


async def test_stop_stops_the_film_at_the_vendor(notebook: Kernel, sim: Simulator) -> None:
    cancels, left = _sent(sim, "POST", "/cancel"), await notebook.do("print(mt.jobs.pending())")
    run = await _polled(notebook, sim)

    pressed = time.monotonic()
    await notebook.press_stop()
    await notebook.finish(run)
    print(f"the cell ended after {time.monotonic() - pressed:.2f} s")

    assert _sent(sim, "POST", "/cancel") == cancels + 1
    assert _files(notebook, ".part") == []
    assert await notebook.do("print(mt.jobs.pending())") == left
    assert "; withdrawn, confirmed by the vendor" in run.shown[-1]["data"]["text/plain"]
