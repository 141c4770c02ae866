"""With asyncio patched by the user, or by us on request, everything works or says what does."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import Begin
from tests.kernel.driver import WATCH, Kernel, Run, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

OLD = "import nest_asyncio\nnest_asyncio.apply()"
NEW = "import nest_asyncio2\nnest_asyncio2.apply()"
FOX = 'await mt.image("a red fox")'
NESTED = f"""
import asyncio

async def made():
    return {FOX}

x = asyncio.run(made())
print(x.width)
"""

BLOCKING = WATCH + 'watch()\nmt.image("a red fox").result()'


@pytest.fixture(scope="module", params=[OLD, NEW], ids=["old", "new"])
def patch(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patched(begin: Begin, patch: str) -> AsyncIterator[Kernel]:
    async with begin() as running:
        await running.do("import mediatoolkit as mt")
        await running.do(patch)
        yield running


async def _waiting(kernel: Kernel, sim: Simulator, cell: str) -> Run:
    sim.always(faults.Silence())
    before = len(sim.requests)
    run = await kernel.start(cell)
    await until(lambda: len(sim.requests) > before and run.widgets, "the request")
    return run


@pytest.mark.parametrize("cell", [FOX, NESTED, 'mt.image("a red fox").result()'])
async def test_a_picture_is_made_and_shown_once(patched: Kernel, sim: Simulator, cell: str) -> None:
    sim.always(None)

    run = await patched.run(cell)

    assert run.status == "ok", run.text
    assert len(run.pictures) == 1


@pytest.mark.parametrize("cell", [FOX, NESTED, BLOCKING])
async def test_stop_ends_the_cell_and_leaves_nothing(
    patched: Kernel, sim: Simulator, cell: str
) -> None:
    aborted = sim.aborted
    run = await _waiting(patched, sim, cell)
    await until(lambda: cell != BLOCKING or "waits" in run.text, "the block")

    await patched.press_stop()
    await patched.finish(run)

    await until(lambda: sim.aborted == aborted + 1, "the end of the request")
    assert (await patched.do("print(mt.jobs)")).strip() == "no jobs"


@pytest.mark.usefixtures("clicks_while_busy")
async def test_a_click_cancels_what_is_awaited(patched: Kernel, sim: Simulator) -> None:
    run = await _waiting(patched, sim, FOX)

    await patched.click_cancel(run)
    await patched.finish(run)

    assert run.text.startswith("JobCancelled: ")


async def test_an_end_leaves_no_warning(begin: Begin, sim: Simulator, patch: str) -> None:
    sim.always(None)
    async with begin() as kernel:
        await kernel.do("import mediatoolkit as mt")
        await kernel.do(patch)
        await kernel.do(NESTED)
        await _waiting(kernel, sim, 'mt.image("a red fox")')

        await kernel.manager.shutdown_kernel()

        await until(lambda: sim.open_connections == 0, "the end of the connections")
    assert kernel.left_behind() == []


@pytest.mark.usefixtures("sim")
async def test_a_patch_that_loses_cells_is_told_once_with_the_way_out(
    patched: Kernel, patch: str
) -> None:
    """By then every test above has started a job here."""
    loses = patch == OLD and patched.version != "6.29"
    output = "".join(
        message["content"]["text"]
        for message in patched.messages
        if message["msg_type"] == "stream"
    )
    assert output.count("Restart the kernel and use mt.allow_nested()") == loses


async def test_we_patch_on_request_and_tell_what_a_click_waits_for(
    begin: Begin, sim: Simulator
) -> None:
    sim.always(None)
    async with begin() as kernel:
        output = await kernel.do("import mediatoolkit as mt\nmt.allow_nested()\nmt.allow_nested()")
        await kernel.do(NESTED)

    assert output.count("Stop works at once") == (kernel.version == "7.4")
