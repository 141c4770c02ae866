"""Who asks for what is being made already waits for that."""

import asyncio
import contextlib
import gc
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mediatoolkit.errors import ClosedError, DeadlineError, ProviderError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Connecting, Drawing, Event, LeftRunning, Waiting
from mediatoolkit.runtime.shared_calls import SharedCalls


class Bench:
    """Shared calls whose work tells what happens to it, and ends when it is let go."""

    def __init__(self) -> None:
        """Begin without a call."""
        self.calls = SharedCalls[str]()
        self.contexts: list[CallContext] = []
        self.ends: list[str] = []
        self.go = asyncio.Event()
        self.failure: Exception | None = None

    async def work(self, context: CallContext) -> str:
        """Wait to be let go."""
        self.contexts.append(context)
        context.report(Waiting("gemini"))
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # a clean-up takes a while
            self.ends.append("late" if context.expired else "cancelled")
            if self.failure:
                raise self.failure from None
            raise
        if self.failure:
            raise self.failure
        return "fox"

    async def ask(
        self,
        *,
        key: str = "fox",
        heard: list[Event] | None = None,
        context: CallContext | None = None,
    ) -> str:
        """Ask as a caller with a context of its own does."""
        async with context or CallContext(60) as opened:
            opened.listener = None if heard is None else heard.append
            return await self.calls.run(key, opened, self.work)

    def start(self, **options: Any) -> asyncio.Task[str]:
        """Ask in a task."""
        return asyncio.create_task(self.ask(**options))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Calls of the test's own; whatever asyncio reports fails it."""
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, report: reports.append(report))
    made = Bench()
    yield made
    if made.failure:
        gc.collect()  # only then asyncio reports an error that nobody has seen
    await turns()
    assert reports == []


async def turns(count: int = 10) -> None:
    """Let everything go on that can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_two_waiters_have_one_piece_of_work(bench: Bench) -> None:
    tasks = [bench.start() for _ in range(2)]
    await turns()
    bench.go.set()
    assert await asyncio.gather(*tasks) == ["fox", "fox"]
    assert len(bench.contexts) == 1
    assert bench.calls._calls == {}


async def test_other_keys_and_later_calls_have_work_of_their_own(bench: Bench) -> None:
    bench.go.set()
    await asyncio.gather(bench.ask(key="fox"), bench.ask(key="owl"))
    await bench.ask(key="fox")
    assert len(bench.contexts) == 3


async def test_to_cancel_one_waiter_leaves_the_work_to_the_other(bench: Bench) -> None:
    heard: list[Event] = []
    first, second = bench.start(heard=heard), bench.start()
    await turns()
    first.cancel()
    await turns()
    assert first.cancelled()
    assert isinstance(heard[-1], LeftRunning)
    bench.go.set()
    assert await second == "fox"
    assert bench.ends == []


async def test_to_cancel_the_last_waiter_ends_the_work_and_awaits_its_clean_up(
    bench: Bench,
) -> None:
    tasks = [bench.start() for _ in range(2)]
    await turns()
    for task in tasks:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert bench.ends == ["cancelled"]
    bench.go.set()
    assert await bench.ask() == "fox", "nobody joins what was cancelled"


async def test_an_error_of_the_clean_up_ends_in_silence_when_all_have_left(bench: Bench) -> None:
    bench.failure = ProviderError("No.")
    task = bench.start()
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # asyncio reports an error when its task goes, so nothing here may hold that.
    bench.failure.__traceback__ = None
    bench.contexts.clear()


async def test_work_that_is_cancelled_before_its_first_step_is_done_anew(bench: Bench) -> None:
    """As a loop does that ends just then."""
    task = bench.start()
    await asyncio.sleep(0)
    (work,) = [each for each in asyncio.all_tasks() if each.get_name().endswith("shared call")]
    work.cancel()
    bench.go.set()
    assert await task == "fox"
    assert len(bench.contexts) == 1


async def test_an_error_goes_to_every_waiter_as_its_own(bench: Bench) -> None:
    bench.failure = ProviderError("No.", status=500, may_have_been_billed=True)
    tasks = [bench.start() for _ in range(3)]
    await turns()
    tasks[2].cancel()
    bench.go.set()
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(third, asyncio.CancelledError)
    assert isinstance(first, ProviderError)
    assert isinstance(second, ProviderError)
    assert len({id(first), id(second), id(bench.failure)}) == 3
    assert (str(first), first.status) == (str(second), second.status) == (str(bench.failure), 500)
    first.__traceback__ = None
    assert "in work" in "".join(traceback.format_tb(second.__traceback__))


async def test_an_error_that_cannot_be_copied_reaches_all_the_same(bench: Bench) -> None:
    class OddError(Exception):
        def __init__(self, *, code: int) -> None:
            super().__init__(f"code {code}")

    bench.failure = OddError(code=7)
    tasks = [bench.start() for _ in range(2)]
    await turns()
    bench.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(error) for error in results] == ["code 7", "code 7"]


async def test_events_reach_every_waiter_and_who_comes_later_hears_the_last(bench: Bench) -> None:
    first: list[Event] = []
    second: list[Event] = []
    tasks = [bench.start(heard=first)]
    await turns()
    tasks.append(bench.start(heard=second))
    await turns()
    bench.contexts[0].report(Connecting())
    bench.go.set()
    await asyncio.gather(*tasks)
    assert [event.name for event in first] == ["waiting", "connecting"]
    assert [event.name for event in second] == ["waiting", "connecting"]


async def test_each_waiter_sees_how_far_the_work_is(bench: Bench) -> None:
    async with CallContext(60) as one, CallContext(60) as other:
        tasks = [
            asyncio.create_task(bench.calls.run("fox", context, bench.work))
            for context in (one, other)
        ]
        await turns()
        work = bench.contexts[0]
        work.work.begin_again(8.0)
        with work.work.part(0.0, 0.5):
            work.report(Drawing("the sky", 0.5))
        assert [context.work.fraction for context in (one, other)] == [0.25, 0.25]
        assert [context.work.estimate for context in (one, other)] == [8.0, 8.0]
        bench.go.set()
        await asyncio.gather(*tasks)


async def test_each_waiter_has_its_own_deadline_and_the_work_the_latest(bench: Bench) -> None:
    short = CallContext(30)
    first, second = bench.start(context=short), bench.start()
    await turns()
    assert 30 < bench.contexts[0].left() <= 60
    short.extend(-30)
    with pytest.raises(DeadlineError, match="while waiting for gemini"):
        await first
    assert bench.ends == []
    bench.go.set()
    assert await second == "fox"


async def test_the_last_deadline_ends_the_work_as_a_deadline_does(bench: Bench) -> None:
    contexts = [CallContext(60), CallContext(60)]
    tasks = [bench.start(context=context) for context in contexts]
    await turns()
    bench.contexts[0].paid, bench.contexts[0].provider = 1, "gemini"
    for context, task, is_billed in zip(contexts, tasks, (False, True), strict=True):
        assert bench.ends == [], "the work goes on for the other"
        context.extend(-60)
        with pytest.raises(DeadlineError) as caught:
            await task
        assert caught.value.may_have_been_billed == is_billed
    assert bench.ends == ["late"]
    assert caught.value.provider == "gemini"


async def test_clocks_stand_while_the_work_waits_for_its_turn(bench: Bench) -> None:
    async with CallContext(60) as one, CallContext(60) as late:
        tasks = [asyncio.create_task(bench.calls.run("fox", one, bench.work))]
        await turns()
        with bench.contexts[0].pause():
            tasks.append(asyncio.create_task(bench.calls.run("fox", late, bench.work)))
            await turns()
            assert (one.is_paused, one.deadline) == (True, None)
            assert (late.is_paused, late.deadline) == (True, None)
            assert one.event.name == "queued"
        assert not one.is_paused
        assert one.deadline
        assert late.deadline
        assert one.event.name == "waiting"
        bench.go.set()
        await asyncio.gather(*tasks)


class Crossing:
    """Work that begins on a loop of a thread; callers on other loops join it."""

    def __init__(self, *, paid: int) -> None:
        """Begin without a call."""
        self.calls = SharedCalls[str]()
        self.paid = paid
        self.began = threading.Event()
        self.joined = threading.Event()
        self.starts: list[int] = []

    async def ask(self, work: Callable[[CallContext], Awaitable[str]], heard: list[Event]) -> str:
        """Ask on the loop that runs here."""
        async with CallContext(60, listener=heard.append) as context:
            return await self.calls.run("fox", context, work)

    async def until_joined(self, context: CallContext) -> str:
        """Go on when somebody else waits as well."""
        self.starts.append(threading.get_ident())
        context.paid = self.paid
        context.report(Connecting())
        self.began.set()
        await asyncio.to_thread(self.joined.wait)
        context.report(Waiting("gemini"))
        return f"fox {len(self.starts)}"

    async def join(self) -> tuple[str, list[Event]]:
        """Join from another loop."""
        heard: list[Event] = []
        await asyncio.to_thread(self.began.wait)
        task = asyncio.create_task(self.ask(self.until_joined, heard))
        while not any(isinstance(event, Connecting) for event in heard):
            await asyncio.sleep(0)
        self.joined.set()
        return await task, heard


def test_loops_of_several_threads_share_work_and_its_events() -> None:
    crossing = Crossing(paid=0)
    first: list[Event] = []
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(lambda: asyncio.run(crossing.ask(crossing.until_joined, first)))
        other = pool.submit(lambda: asyncio.run(crossing.join()))
        assert one.result(10) == "fox 1"
        result, heard = other.result(10)
    assert result == "fox 1"
    assert len(crossing.starts) == 1
    assert [event.name for event in heard] == ["connecting", "waiting"]
    assert [event.name for event in first] == ["connecting", "waiting"]


@pytest.mark.parametrize("paid", [0, 1])
def test_work_whose_loop_ends_is_done_anew_unless_it_may_be_billed(paid: int) -> None:
    crossing = Crossing(paid=paid)

    async def ask_and_leave() -> None:
        waiting = asyncio.create_task(crossing.ask(crossing.until_joined, []))
        await asyncio.to_thread(crossing.began.wait)
        await asyncio.to_thread(crossing.joined.wait)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    async def never(context: CallContext) -> str:
        """Work that only the end of its loop ends."""
        crossing.starts.append(threading.get_ident())
        context.paid = paid
        context.report(Connecting())
        if len(crossing.starts) == 1:
            crossing.began.set()
            await asyncio.Event().wait()
        return "another fox"

    crossing.until_joined = never  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(lambda: asyncio.run(ask_and_leave()))
        other = pool.submit(lambda: asyncio.run(crossing.join()))
        one.result(10)
        if paid:
            with pytest.raises(ClosedError) as caught:
                other.result(10)
            assert caught.value.may_have_been_billed
        else:
            assert other.result(10)[0] == "another fox"
    assert len(crossing.starts) == 2 - paid


def test_the_last_waiter_on_another_loop_ends_the_work() -> None:
    calls = SharedCalls[str]()
    began, over = threading.Event(), threading.Event()

    async def never(context: CallContext) -> str:
        context.report(Connecting())
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()
        return "fox"

    async def ask() -> str:
        async with CallContext(60) as context:
            return await calls.run("fox", context, never)

    async def stay() -> None:
        """The first waiter leaves, and its loop runs on until the work is over."""
        first = asyncio.create_task(ask())
        await asyncio.to_thread(began.wait)
        await asyncio.to_thread(joined.wait)
        first.cancel()
        await asyncio.wait([first])
        left.set()
        assert await asyncio.to_thread(over.wait, 10)

    async def join_and_leave() -> None:
        await asyncio.to_thread(began.wait)
        second = asyncio.create_task(ask())
        await turns()
        joined.set()
        await asyncio.to_thread(left.wait)
        assert not over.is_set()
        second.cancel()
        await asyncio.wait([second])
        assert over.is_set()

    joined, left = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        for future in [
            pool.submit(lambda: asyncio.run(stay())),
            pool.submit(lambda: asyncio.run(join_and_leave())),
        ]:
            future.result(20)
    assert calls._calls == {}
