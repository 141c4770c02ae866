"""One JupyterLab for all browser tests, with the vendors' side beside it."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.browser.lab import Lab, lab
from tests.chosen import chosen

KEY = "key-that-nobody-may-see"


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The vendors' loop, in a thread of its own, because the browser's driver blocks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.fixture(scope="session")
def vendor(loop: asyncio.AbstractEventLoop) -> Iterator[Simulator]:
    simulator = Simulator(key=KEY, detail=64)
    asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(60)
    yield simulator
    asyncio.run_coroutine_threadsafe(simulator.close(), loop).result(60)


@pytest.fixture(scope="session")
def jupyter(vendor: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    with lab(
        home,
        GEMINI_API_KEY=KEY,
        GOOGLE_GEMINI_BASE_URL=vendor.url,
        MEDIATOOLKIT_STORE=str(home / "files" / "store"),
        **chosen("gemini"),
    ) as running:
        yield running


@pytest.fixture
def sim(vendor: Simulator) -> Simulator:
    """The vendors' side, well again after the test before."""
    vendor.clear_faults()
    return vendor


@pytest.fixture
def until(
    vendor: Simulator, loop: asyncio.AbstractEventLoop
) -> Callable[[Callable[[], bool]], None]:
    """Waits until something holds at the vendors' side."""

    def wait(condition: Callable[[], bool]) -> None:
        asyncio.run_coroutine_threadsafe(vendor.until(condition), loop).result(60)

    return wait


@pytest.fixture
def answer(sim: Simulator, loop: asyncio.AbstractEventLoop) -> Callable[[], object]:
    """Every answer is held back until this is called."""
    gate = faults.Gate(0)
    sim.always(gate)
    return lambda: loop.call_soon_threadsafe(gate.open)
