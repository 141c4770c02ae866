"""Jobs without `await`: blocked for, run in the background, awaited from another loop."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, State
from mediatoolkit.runtime.job import Job, running_jobs, start_job


async def quick(context: CallContext) -> str:
    context.report(Drawing("sky", 0.5))
    return threading.current_thread().name


async def forever(_call: CallContext) -> None:
    await asyncio.Event().wait()


async def fail(_call: CallContext) -> None:
    raise mt.PromptError("no")


def _job_of_another_loop() -> Job[None]:
    """One that runs in the background until it is cancelled."""
    return Job(forever, CallContext(60), label="fox", loop=loops.background.loop())


def test_a_script_without_a_loop_blocks_for_its_job() -> None:
    job = Job(quick, CallContext(5), label="fox")
    assert job.result() == "mediatoolkit background"
    assert job.result(0) == job.result()
    assert job.progress.state is State.DONE


def test_a_failure_is_raised_where_it_is_waited_for() -> None:
    job = Job(fail, CallContext(5), label="fox")
    for _ in range(2):
        with pytest.raises(mt.PromptError):
            job.result()


def test_a_cancelled_job_says_so_to_whoever_blocks() -> None:
    job = Job(forever, CallContext(60), label="fox")
    job.cancel()
    with pytest.raises(mt.JobCancelled):
        job.result()


def test_an_impatient_wait_leaves_the_job_alone() -> None:
    job = Job(forever, CallContext(60), label="fox")
    with pytest.raises(mt.DeadlineError, match="goes on"):
        job.result(0.05)
    assert not job.done()
    job.cancel()


async def test_a_job_that_has_not_begun_moves_out_of_the_blocked_thread() -> None:
    """And so do all others that this thread has just started, lest they wait for each other."""
    jobs = [Job(quick, CallContext(5), label="fox") for _ in range(2)]
    assert [job.loop for job in jobs] == [asyncio.get_running_loop()] * 2
    assert jobs[0].result() == "mediatoolkit background"
    assert await jobs[1] == "mediatoolkit background"


async def test_a_job_that_runs_in_the_blocked_thread_is_not_waited_for() -> None:
    job = Job(forever, CallContext(60), label="fox")
    await asyncio.sleep(0)
    with pytest.raises(mt.MediaToolkitError, match="use `await`"):
        job.result()
    job.cancel()
    with pytest.raises(mt.JobCancelled):
        await job


def test_a_job_whose_loop_has_stopped_is_not_waited_for() -> None:
    loop = asyncio.new_event_loop()
    job = Job(quick, CallContext(5), label="fox", loop=loop)
    with pytest.raises(mt.ClosedError):
        job.result()
    loop.close()
    assert job not in running_jobs()


async def test_hooks_are_called_on_the_loop_that_the_job_came_to() -> None:
    heard: list[str] = []
    job = Job(quick, CallContext(5), label="fox")
    for hook_in in (job.on_start, job.on_done):
        hook_in(lambda _job: heard.append(threading.current_thread().name))
    job.result()
    mt.run(asyncio.sleep(0))
    assert heard == ["mediatoolkit background"] * 2
    job.on_start(lambda _job: heard.append("late"))
    mt.run(asyncio.sleep(0))
    assert heard[-1] == "late"


async def test_a_job_is_awaited_from_another_loop() -> None:
    job = Job(quick, CallContext(5), label="fox", loop=loops.background.loop())
    assert await job == await job == "mediatoolkit background"


async def test_a_stopped_wait_on_another_loop_stops_the_job() -> None:
    job = _job_of_another_loop()

    async def cell() -> None:
        await job

    task = asyncio.create_task(cell())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert job.done()


async def test_a_click_reaches_a_job_of_another_loop() -> None:
    job = _job_of_another_loop()
    job.extend(5)
    job.cancel()
    with pytest.raises(mt.JobCancelled):
        await job


async def test_the_same_again_has_the_time_it_had_at_first() -> None:
    calls: list[float] = []

    async def work(context: CallContext) -> None:
        calls.append(context.seconds)
        if len(calls) == 1:
            raise mt.MediaError("spoilt")

    job = Job(work, CallContext(5), label="fox")
    job.extend(60)
    with pytest.raises(mt.MediaError):
        await job
    again = job.retry()
    assert again is not job
    await again
    assert calls[-1] == 5
    assert again.label == "fox"


def test_run_gives_what_the_coroutine_gives() -> None:
    async def main() -> str:
        return await Job(quick, CallContext(5), label="fox")

    assert mt.run(main()) == "mediatoolkit background"
    assert mt.run(Job(quick, CallContext(5), label="fox")) == "mediatoolkit background"


async def test_run_works_where_a_loop_turns() -> None:
    assert mt.run(asyncio.sleep(0, "done")) == "done"


@pytest.mark.parametrize("work", [None, "fox", asyncio.sleep])
def test_run_takes_nothing_else(work: object) -> None:
    with pytest.raises(mt.PromptError, match=r"mt\.run takes a coroutine"):
        mt.run(work)  # type: ignore[arg-type]


def test_run_within_run_says_what_to_do() -> None:
    async def main() -> None:
        mt.run(asyncio.sleep(0))

    with pytest.raises(mt.PromptError, match="use `await`"):
        mt.run(main())


def test_close_ends_the_background_and_it_begins_again() -> None:
    job = _job_of_another_loop()
    asyncio.run(mt.close())
    with pytest.raises(mt.JobCancelled):
        job.result()
    assert loops.background.turning() is None
    assert mt.run(asyncio.sleep(0, "again")) == "again"


def test_close_can_itself_be_run_in_the_background() -> None:
    mt.run(mt.close())
    assert mt.run(asyncio.sleep(0, "again")) == "again"


def test_all_running_jobs_are_known_until_they_are_over() -> None:
    job = _job_of_another_loop()
    assert job in mt.jobs.running()
    assert mt.jobs.cancel_all() >= 1
    with pytest.raises(mt.JobCancelled):
        job.result()
    assert job not in mt.jobs.running()


SCRIPT = """
import asyncio, contextlib, pathlib, signal, sys, threading
import mediatoolkit as mt
from mediatoolkit.runtime.context import CallContext

def main_thread_waits():
    return signal.getsignal(signal.SIGINT).__module__ == "mediatoolkit.runtime.loops"

async def nap(call):
    try:
        while not main_thread_waits():
            await asyncio.sleep(0.01)
        print("asleep", flush=True)
        await asyncio.sleep(30)
    finally:
        pathlib.Path("cleaned").touch()

begun = threading.Event()

async def late(call):
    worker = await asyncio.to_thread(threading.current_thread)
    begun.set()
    with contextlib.suppress(asyncio.CancelledError):
        while worker.is_alive():
            await asyncio.sleep(0.01)
    await asyncio.to_thread(int)

"""


def _script(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "error", "-c", SCRIPT + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


@pytest.mark.parametrize(
    "code",
    [
        'mt.Job(nap, CallContext(60), label="nap").result()',
        "mt.run(nap(None))",
        'async def main(): mt.Job(nap, CallContext(60), label="nap").result()\nasyncio.run(main())',
    ],
)
def test_ctrl_c_cancels_what_a_script_blocks_for(code: str, tmp_path: Path) -> None:
    """The clean-up is done, and the interrupt passes on."""
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    caught = 'except KeyboardInterrupt:\n    print("cleaned:", pathlib.Path("cleaned").exists())'
    with _script(f"try:\n{lines}{caught}", tmp_path) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "asleep\n"
        script.send_signal(signal.SIGINT)
        told, said = script.communicate(timeout=30)
    assert told == "cleaned: True\n"
    assert said == ""


@pytest.mark.parametrize(
    "code",
    [
        'mt.Job(nap, CallContext(60), label="nap")\nsys.stdin.readline()',
        'print(mt.image("a red fox", size=64).result())',
        'mt.image("a red fox", size=64)',
        'mt.speech("Hello.").result()',
        'mt.film([mt.image("a red fox", size=64)], seconds=0.2).result()',
        'mt.Job(late, CallContext(60), label="late")\nbegun.wait()',
    ],
)
def test_a_script_ends_in_silence_whatever_runs(code: str, tmp_path: Path) -> None:
    with _script(code, tmp_path) as script:
        _, said = script.communicate("", timeout=60)
    assert said == ""
    assert script.returncode == 0
    if "nap" in code:
        assert (tmp_path / "cleaned").exists()


class Pressed(loops.Future):
    """Ctrl-C comes while it is asked whether it is over."""

    def __init__(self, *, is_over: bool) -> None:
        """Be over from the start, or only when somebody says so."""
        super().__init__()
        self.was_asked_to_the_end = False
        if is_over:
            self.set_result(None)

    def done(self) -> bool:
        if not self.was_asked_to_the_end:
            signal.raise_signal(signal.SIGINT)
            self.was_asked_to_the_end = True
        return super().done()


@pytest.mark.parametrize("is_over", [False, True])
def test_ctrl_c_breaks_nothing_half_done(*, is_over: bool) -> None:
    """In the midst of another's work it might leave a lock closed; and it is never lost."""
    end = Pressed(is_over=is_over)
    stopped: list[bool] = []

    def stop() -> None:
        stopped.append(True)
        end.set_result(None)

    with pytest.raises(KeyboardInterrupt):
        loops.wait_interruptibly(end, stop)
    assert end.was_asked_to_the_end
    assert stopped == [True] * (not is_over)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("lines", range(1, 90))
def test_ctrl_c_at_any_line_leaves_no_job_running(lines: int) -> None:
    """From the start of a job to the wait for it, where nobody has a handle of it yet."""
    here, left = Path(mt.__file__).parent, lines

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        return step if Path(frame.f_code.co_filename).is_relative_to(here) else None

    def step(_frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        return step

    before, usual = set(Job.alive), sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(KeyboardInterrupt):
            start_job(lambda: Job(forever, CallContext(60), label="fox")).result()
    finally:
        sys.settrace(usual)
    for job in Job.alive - before:
        with pytest.raises(mt.JobCancelled):
            job.result(30)


def test_nesting_names_the_install_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nest_asyncio2", None)
    with pytest.raises(mt.MissingExtraError, match=r"pip install 'mediatoolkit\[nested\]'"):
        mt.allow_nested()
