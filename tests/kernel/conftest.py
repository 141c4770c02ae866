"""A kernel to run cells in, and the vendors' side in the test's own process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from mediatoolkit.simulator import Simulator
from tests.kernel.driver import VERSIONS, Kernel, kernel

KEY = "key-that-nobody-may-see"
Begin = Callable[[], AbstractAsyncContextManager[Kernel]]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Of ipykernel; each test that runs a kernel runs on each."""
    return str(request.param)


@pytest.fixture
def clicks_while_busy(version: str) -> None:
    """For tests that click while a cell awaits; ask for it before the cell starts."""
    if version == "6.29":
        pytest.skip("ipykernel 6 hears a click when the cell is over; it has no subshells")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vendor() -> AsyncIterator[Simulator]:
    async with Simulator(key=KEY, detail=64) as running:
        yield running


@pytest.fixture
def sim(vendor: Simulator) -> Simulator:
    """The vendors' side, well again after the test before."""
    vendor.clear_faults()
    return vendor


@pytest.fixture(scope="module")
def begin(vendor: Simulator, version: str, tmp_path_factory: pytest.TempPathFactory) -> Begin:
    """Starts a kernel whose pictures come from the simulator; it ends with the block."""

    def start() -> AbstractAsyncContextManager[Kernel]:
        home = tmp_path_factory.mktemp("kernel")
        return kernel(
            home,
            version,
            GEMINI_API_KEY=KEY,
            GOOGLE_GEMINI_BASE_URL=vendor.url,
            MEDIATOOLKIT_STORE=str(home / "store"),
        )

    return start


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(begin: Begin) -> AsyncIterator[Kernel]:
    async with begin() as running:
        await running.do("import mediatoolkit as mt")
        yield running


@pytest.fixture
def notebook(shared: Kernel, sim: Simulator) -> Kernel:  # noqa: ARG001 - a well simulator
    """The kernel of this file of tests."""
    return shared
