"""Calls that may hang have a bound, and nothing waits for them after it."""

import asyncio
import os
import sys
import threading

import pytest

from mediatoolkit.runtime.bounded import Call, Overdue


def test_a_call_returns_or_raises_what_its_function_does() -> None:
    assert Call(lambda: 7, 60).result() == 7
    with pytest.raises(ZeroDivisionError):
        Call(lambda: 1 // 0, 60).result()


async def test_a_call_that_hangs_is_overdue_and_others_go_on() -> None:
    end = threading.Event()
    hanging = [Call(end.wait, 0.05) for _ in range(40)]  # more than there are threads

    for call in hanging[::2]:
        with pytest.raises(Overdue):
            await call.result_async()
    for call in hanging[1::2]:
        with pytest.raises(Overdue):
            await asyncio.to_thread(call.result)

    assert await Call(lambda: 7, 60).result_async() == 7
    end.set()


async def test_a_cancel_waits_for_the_end_of_the_call() -> None:
    begun, end, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        end.wait()
        done.append("written")

    task = asyncio.ensure_future(Call(work, 60).result_async())
    await asyncio.to_thread(begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    end.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["written"]


async def test_a_cancelled_call_that_hangs_is_left_at_its_bound() -> None:
    end = threading.Event()
    task = asyncio.ensure_future(Call(end.wait, 0.05).result_async())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    end.set()


async def output_of(script: str) -> str:
    """What a Python process prints that runs *script*."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", script, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return output.decode()


async def test_no_exit_waits_for_a_call_that_hangs() -> None:
    script = """
import threading
from mediatoolkit.runtime.bounded import Call, Overdue
try:
    Call(threading.Event().wait, 0.05).result()
except Overdue:
    print("overdue")
"""
    assert await output_of(script) == "overdue\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
async def test_a_fork_has_threads_of_its_own() -> None:
    script = """
import os
from mediatoolkit.runtime.bounded import Call
Call(int, 60).result()
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    print(Call(lambda: "child", 60).result(), flush=True)
    os._exit(0)
"""
    assert await output_of(script) == "child\n"
