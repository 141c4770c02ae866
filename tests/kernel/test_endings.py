"""However a kernel ends, nothing is reported as left behind."""

import signal
from collections.abc import Awaitable, Callable

import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.kernel.conftest import Begin
from tests.kernel.driver import Kernel, until

pytestmark = [pytest.mark.kernel, pytest.mark.asyncio(loop_scope="module")]

USED = 'import time\nimport mediatoolkit as mt\nawait mt.image("a red fox")'

NAP = """
import asyncio, pathlib, threading
from mediatoolkit import widgets
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.job import Job

begun = threading.Event()

async def nap(call):
    begun.set()
    try:
        await asyncio.sleep(30)
    finally:
        pathlib.Path("cleaned").touch()

"""
SHOWN = """
widgets.show(Job(nap, CallContext(60), label="a nap"))
await asyncio.to_thread(begun.wait)
"""
UNSEEN = """
Job(nap, CallContext(60), label="a nap")
await asyncio.to_thread(begun.wait)
"""
IN_THE_BACKGROUND = """
widgets.show(Job(nap, CallContext(60), label="a nap", loop=loops.background.loop()))
await asyncio.to_thread(begun.wait)
"""


async def _request(kernel: Kernel, _sim: Simulator) -> None:
    await kernel.manager.shutdown_kernel()


async def _restart(kernel: Kernel, _sim: Simulator) -> None:
    await kernel.manager.restart_kernel()
    run = await kernel.start("pass")  # the new process is there when it answers
    await until(lambda: run.reply, "the answer of the new process")


async def _exit(kernel: Kernel, _sim: Simulator) -> None:
    await kernel.start("exit")
    await kernel.gone()


async def _terminate(kernel: Kernel, _sim: Simulator) -> None:
    await kernel.manager.signal_kernel(signal.SIGTERM)
    await kernel.gone()


async def _kill(kernel: Kernel, _sim: Simulator) -> None:
    await kernel.manager.signal_kernel(signal.SIGKILL)
    await kernel.gone()


async def _while_busy(kernel: Kernel, _sim: Simulator) -> None:
    run = await kernel.start("time.sleep(30)")
    await until(lambda: run.messages, "the start of a cell")
    await kernel.manager.shutdown_kernel()


async def _while_awaiting(kernel: Kernel, _sim: Simulator) -> None:
    run = await kernel.start("import asyncio\nawait asyncio.sleep(30)")
    await until(lambda: run.messages, "the start of a cell")
    await kernel.manager.shutdown_kernel()


async def _while_a_cell_awaits_a_job(kernel: Kernel, sim: Simulator) -> None:
    await _ask_silence(kernel, sim, 'await mt.image("a red fox")')
    await kernel.manager.shutdown_kernel()


async def _while_a_job_runs_alone(kernel: Kernel, sim: Simulator) -> None:
    await _ask_silence(kernel, sim, 'mt.image("a red fox")')
    await kernel.manager.shutdown_kernel()


async def _while_a_cell_blocks_for_a_job(kernel: Kernel, sim: Simulator) -> None:
    await _ask_silence(kernel, sim, 'mt.image("a red fox").result()')
    await kernel.manager.shutdown_kernel()


async def _exit_while_a_job_runs(kernel: Kernel, sim: Simulator) -> None:
    await _ask_silence(kernel, sim, 'mt.image("a red fox")')
    await _exit(kernel, sim)


async def _ask_silence(kernel: Kernel, sim: Simulator, cell: str) -> None:
    sim.always(faults.Silence())
    before = len(sim.requests)
    await kernel.start(cell)
    await until(lambda: len(sim.requests) > before, "the request")


@pytest.mark.parametrize(
    "end",
    [
        _request,
        _restart,
        _exit,
        _terminate,
        _kill,
        _while_busy,
        _while_awaiting,
        _while_a_cell_awaits_a_job,
        _while_a_job_runs_alone,
        _while_a_cell_blocks_for_a_job,
        _exit_while_a_job_runs,
    ],
)
async def test_an_ending_leaves_no_warning_and_no_connection(
    begin: Begin, sim: Simulator, end: Callable[[Kernel, Simulator], Awaitable[None]]
) -> None:
    sim.always(None)
    async with begin() as kernel:
        await kernel.do(USED)

        await end(kernel, sim)

        await until(lambda: sim.open_connections == 0, "the end of the connections")
    assert kernel.left_behind() == []


@pytest.mark.parametrize(
    "job", [SHOWN, UNSEEN, IN_THE_BACKGROUND], ids=["shown", "unseen", "background"]
)
@pytest.mark.parametrize("end", [_request, _exit], ids=["request", "exit"])
async def test_a_running_job_cleans_up_first(
    begin: Begin, sim: Simulator, end: Callable[[Kernel, Simulator], Awaitable[None]], job: str
) -> None:
    """Also one that has no connection, whose end nobody else would notice."""
    async with begin() as kernel:
        await kernel.do(NAP + job)

        await end(kernel, sim)

    assert (kernel.home / "cleaned").exists()
    assert kernel.left_behind() == []


async def test_a_shutdown_closes_sessions_before_the_loop_stops(begin: Begin) -> None:
    async with begin() as kernel:
        await kernel.do(USED)

        left = await kernel.do("await get_ipython().kernel.do_shutdown(False)\nprint(mt.sessions)")

        await kernel.gone()
    assert left.strip() == "no open sessions"


async def test_a_cell_run_fifty_times_leaves_nothing(begin: Begin, sim: Simulator) -> None:
    """Each run makes a client and an agent anew, uses them, and closes neither."""
    sim.always(None)
    async with begin() as kernel:
        await kernel.do("import gc\nimport mediatoolkit as mt")
        for _ in range(50):
            await kernel.do(
                "agent = mt.ImageGenAgent(mt.GeminiImageClient())\n"
                'x = await agent.generate("a red fox", size="512")',
            )
        opened = await kernel.do("gc.collect()\nprint(mt.sessions.opened)")
        assert sim.open_connections == 1
        await kernel.manager.shutdown_kernel()
        await until(lambda: sim.open_connections == 0, "the end of the connections")

    assert opened.strip() == "1"
    assert kernel.left_behind() == []
