"""A pause that a vendor asks for holds for all calls with that key, and ends slowly."""

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import ClosedError, PromptError, ProviderError, RateLimitError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Paused, Queued, Retrying
from mediatoolkit.runtime.job import Job
from mediatoolkit.transport import Dialect, ErrorResponse, Limits, Retry, Secret, Transport
from mediatoolkit.transport.scope import FIRST_RATE, RAMP, Ramp
from mediatoolkit.transport.session import sessions
from tests.transport.server import Reply, Seen, Server, picture, said

Make = Callable[..., Transport]
FOX = {"prompt": "a red fox"}
LONG = {"Retry_After": "3600"}
OTHER_KEY = Secret("AIza-another-key-0123456789", "ACME_KEY")


async def post(transport: Transport, seconds: float = 60, **options: Any) -> Any:
    async with CallContext(seconds, **options) as context:
        return await transport.post("/x", FOX, context)


async def pause_long(server: Server, transport: Transport) -> None:
    """Have the vendor ask for an hour."""
    server.then(said({}, 429, **LONG), picture())
    with pytest.raises(RateLimitError):
        await post(transport)


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


class Crowd:
    """Answers that wait for each other, so that a test knows what was on the wire.

    Attributes:
        refused: When the last 429 was written.
    """

    def __init__(self, server: Server, size: int) -> None:
        """Hold all answers back until *size* requests are there."""
        self._server = server
        self._size = size
        self.refused = 0.0

    def refuse(self, **fields: Any) -> Reply:
        """Answer with 429."""

        async def reply(writer: asyncio.StreamWriter, seen: Seen) -> bool:
            await until(lambda: len(self._server.requests) >= self._size)
            self.refused = time.monotonic()
            return await said({}, 429, **fields)(writer, seen)

        return reply

    def serve(self, when: Callable[[], object]) -> Reply:
        """Answer with a picture as soon as *when* holds."""

        async def reply(writer: asyncio.StreamWriter, seen: Seen) -> bool:
            await until(when)
            return await picture()(writer, seen)

        return reply


async def test_one_429_of_64_calls_stops_all_others_for_as_long_as_it_says(
    server: Server, make: Make
) -> None:
    """Eight are on the wire when one is refused, and the end of the seven would start others."""
    transport = make(limits=Limits(concurrency=8))
    asked: list[float] = []
    transport.on_pause(asked.append)
    crowd = Crowd(server, 8)
    server.then(crowd.refuse(Retry_After="1"), *[crowd.serve(lambda: asked)] * 7, picture())
    events: list[Event] = []

    await asyncio.gather(*[post(transport, listener=events.append) for _ in range(64)])

    assert asked == [1]
    assert len(server.requests) == 65
    assert min(seen.arrived for seen in server.requests[8:]) >= crowd.refused + 1
    assert sum(isinstance(event, Retrying) for event in events) == 1
    assert {event.provider for event in events if isinstance(event, Paused)} == {"acme"}


async def test_after_a_pause_requests_come_slowly_and_then_faster(
    server: Server, make: Make
) -> None:
    """All of 32 are refused; their pauses do not add up, and each call is sent once more."""
    crowd = Crowd(server, 32)
    server.then(*[crowd.refuse(Retry_After="1")] * 32, picture())
    transport = make()

    await asyncio.gather(*[post(transport) for _ in range(32)])

    assert len(server.requests) == 64
    ramp = Ramp()
    ramp.begin(crowd.refused, 1)
    earliest = [ramp.next_turn(crowd.refused).start for _ in range(32)]
    arrivals = sorted(seen.arrived for seen in server.requests[32:])
    assert all(at >= start for at, start in zip(arrivals, earliest, strict=True))


async def test_our_own_back_off_pauses_all_where_no_pause_is_asked_for(
    server: Server, make: Make
) -> None:
    transport = make(retry=Retry(attempts=1, base=300, cap=300))
    server.then(said({}, 429), picture())
    with pytest.raises(RateLimitError):
        await post(transport)

    with pytest.raises(RateLimitError) as caught:
        await post(transport)

    assert 100 < (caught.value.retry_after or 0) <= 300
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "fields", "pauses"),
    [
        (429, LONG, True),
        (429, {"retry-after-ms": "3600000"}, True),
        (503, LONG, True),
        (503, {}, False),
        (500, LONG, False),
        (400, LONG, False),
        (429, {**LONG, "x-should-retry": "false"}, False),
    ],
)
async def test_what_may_be_asked_again_later_pauses_and_nothing_else(
    server: Server, make: Make, status: int, fields: dict[str, str], *, pauses: bool
) -> None:
    dialect = Dialect(retry_after_ms=("retry-after-ms",), should_retry=("x-should-retry",))
    transport = make(dialect=dialect, retry=Retry(attempts=1, base=300, cap=300))
    server.then(said({}, status, **fields), picture())
    with pytest.raises(ProviderError):
        await post(transport)

    if pauses:
        with pytest.raises(RateLimitError):
            await post(transport)
    else:
        await post(transport)

    assert len(server.requests) == (1 if pauses else 2)


async def test_a_used_up_quota_pauses_nothing(server: Server, make: Make) -> None:
    """Its calls fail with what the vendor says, and others may not be in that quota."""

    def read(refusal: ErrorResponse) -> ProviderError:
        return RateLimitError("per day", quota_exhausted=True, status=refusal.status)

    transport = make(read_error=read)
    server.then(said({}, 429, **LONG), said({}, 429, **LONG), picture())

    for _ in range(2):
        with pytest.raises(RateLimitError, match="per day"):
            await post(transport)
    await post(transport)

    assert len(server.requests) == 3


async def test_the_pause_of_the_body_counts(server: Server, make: Make) -> None:
    def read(_refusal: ErrorResponse) -> ProviderError:
        return RateLimitError("slow down", retry_after=3600)

    transport = make(read_error=read)
    server.then(said({}, 429), picture())

    for _ in range(2):
        with pytest.raises(RateLimitError) as caught:
            await post(transport)

    assert 3500 < (caught.value.retry_after or 0) <= 3600
    assert len(server.requests) == 1


async def test_a_call_too_short_for_the_pause_fails_at_once(server: Server, make: Make) -> None:
    transport = make()
    await pause_long(server, transport)
    heard: list[Event] = []

    with pytest.raises(
        RateLimitError, match=r"acme asked .*:\d\d, in 60 min.* 50 s.*Ask again"
    ) as caught:
        await post(transport, seconds=50, listener=heard.append)

    error = caught.value
    assert 3500 < (error.retry_after or 0) <= 3600
    assert (error.provider, error.status, error.family) == ("acme", None, "rate_limit")
    assert not error.may_have_been_billed
    assert not heard
    assert len(server.requests) == 1


async def test_a_pause_holds_for_all_clients_with_that_key_and_no_other(
    server: Server, other: Server, make: Make
) -> None:
    other.then(picture())
    await pause_long(server, make())

    with pytest.raises(RateLimitError):
        await post(make())
    await post(make(secret=OTHER_KEY))
    await post(make(secret=None))
    await post(make(base_url=other.url))

    assert len(server.requests) == 3
    assert len(other.requests) == 1


async def test_a_pause_outlives_the_client_that_caused_it(server: Server, make: Make) -> None:
    transport = make()
    await pause_long(server, transport)
    await transport.close()
    del transport
    gc.collect()

    with pytest.raises(RateLimitError):
        await post(make())


async def test_a_pause_holds_on_all_loops(server: Server, make: Make) -> None:
    """The second loop runs in a thread of its own."""
    server.then(said({}, 429, Retry_After="1"), picture())
    with pytest.raises(RateLimitError):
        await post(make(retry=Retry(attempts=1)))
    refused = server.requests[0].arrived
    heard: list[Event] = []

    async def elsewhere() -> None:
        await post(make(), listener=heard.append)
        await sessions.close()

    await asyncio.to_thread(asyncio.run, elsewhere())

    assert server.requests[1].arrived >= refused + 1
    assert isinstance(heard[0], Paused)


@pytest.mark.parametrize(
    "send",
    [
        lambda transport, context: transport.get("/job", context),
        lambda transport, context: transport.post("/job/cancel", {}, context, paid=False),
        lambda transport, context: transport.delete("/job", context),
    ],
    ids=["poll", "cancel", "delete"],
)
async def test_what_costs_nothing_goes_on(
    server: Server, make: Make, send: Callable[[Transport, CallContext], Awaitable[object]]
) -> None:
    """A job that is paid for is polled in time, and stops when it is told to."""
    transport = make()
    await pause_long(server, transport)

    async with CallContext(50) as context:
        await send(transport, context)

    assert len(server.requests) == 2


async def test_a_poll_that_is_refused_pauses_nothing(server: Server, make: Make) -> None:
    """Vendors count polls by themselves; those of many jobs would hold up all that is new."""
    transport = make()
    server.then(said({}, 429, **LONG), picture())
    async with CallContext(50) as context:
        with pytest.raises(RateLimitError):
            await transport.get("/job", context)

    await post(transport)


async def test_a_cancel_while_waiting_leaves_nothing_behind(server: Server, make: Make) -> None:
    server.then(picture())
    transport = make(limits=Limits(concurrency=50))
    transport.pause(60)
    heard: list[Event] = []
    tasks = [
        asyncio.create_task(post(transport, seconds=100, listener=heard.append)) for _ in range(50)
    ]
    await until(lambda: sum(isinstance(event, Paused) for event in heard) == 50)
    longest = max(event.seconds for event in heard if isinstance(event, Paused))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert 63 < longest < 64, "the last one waited for its turn after the pause"
    assert all(task.cancelled() for task in tasks)
    assert sessions.rows()[0].in_flight == 0
    assert not server.requests
    heard.clear()
    last = asyncio.create_task(post(transport, seconds=100, listener=heard.append))
    await until(lambda: heard)
    last.cancel()
    assert isinstance(heard[0], Paused)
    assert heard[0].seconds <= 60, "it is the first in the line"


async def test_a_close_ends_what_waits(server: Server, make: Make) -> None:
    transport = make()
    transport.pause(60)
    heard: list[Event] = []
    waiting = asyncio.create_task(post(transport, seconds=100, listener=heard.append))
    ready = asyncio.create_task(transport.ready())
    await until(lambda: heard)

    await transport.close()

    for task in (waiting, ready):
        with pytest.raises(ClosedError):
            await task
    assert not server.requests


async def test_a_pause_that_grows_is_waited_for_again(server: Server, make: Make) -> None:
    server.then(picture())
    transport = make()
    transport.pause(0.3)
    heard: list[Event] = []
    waiting = asyncio.create_task(post(transport, listener=heard.append))
    await until(lambda: heard)
    started = time.monotonic()
    transport.pause(0.8)
    await waiting

    assert server.requests[0].arrived >= started + 0.8
    assert sum(isinstance(event, Paused) for event in heard) == 2


async def test_a_call_that_a_longer_pause_overtakes_fails(server: Server, make: Make) -> None:
    transport = make()
    transport.pause(0.2)
    heard: list[Event] = []
    waiting = asyncio.create_task(post(transport, seconds=50, listener=heard.append))
    await until(lambda: heard)
    transport.pause(100)

    with pytest.raises(RateLimitError, match="nothing was sent"):
        await waiting
    assert not server.requests


async def test_requests_that_pass_evenly_still_stop_for_a_pause(server: Server, make: Make) -> None:
    """The pause begins while they wait for their pace."""
    transport = make(limits=Limits(per_second=2))
    server.then(said({}, 429, Retry_After="1"), picture())

    await asyncio.gather(*[post(transport) for _ in range(3)])

    refused, *others = [seen.arrived for seen in server.requests]
    assert min(others) >= refused + 1


async def test_a_vendor_that_takes_no_more_is_not_asked_for_more(
    server: Server, make: Make
) -> None:
    pair = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    transport = make(dialect=Dialect(requests_left=(pair,)))
    asked: list[float] = []
    transport.on_pause(asked.append)
    limits: dict[str, Any] = dict(zip(pair, ("0", "1h0m0s"), strict=True))
    server.then(said({}, **limits))
    await post(transport)

    with pytest.raises(RateLimitError):
        await post(transport)

    await until(lambda: asked)
    assert asked == [3600]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("left", "reset", "seconds"),
    [
        ("0", "1.2s", 1.2),
        ("0", "6m0s", 360),
        ("0", "170ms", 0.17),
        ("0", "1h2m3.5s", 3723.5),
        (" 0 ", " 2s ", 2),
        ("1", "1.2s", None),
        ("0", "", None),
        ("0", "soon", None),
        ("0", "12", None),
        ("0", "-1s", None),
        ("0", "9" * 50 + "s", None),
        ("-1", "1s", None),
        (None, "1s", None),
        ("0", None, None),
    ],
)
def test_a_span_is_read_as_the_vendor_writes_it(
    left: str | None, reset: str | None, seconds: float | None
) -> None:
    dialect = Dialect(requests_left=(("left", "reset"),))
    headers = {name: text for name, text in (("left", left), ("reset", reset)) if text is not None}

    assert dialect.reset_of(headers) == (None if seconds is None else pytest.approx(seconds))


async def test_hooks_hear_what_the_vendor_asks_this_process(server: Server, make: Make) -> None:
    transport, twin = make(retry=Retry(attempts=1)), make()
    told: list[tuple[str, float]] = []
    forget = transport.on_pause(lambda seconds: told.append(("forgotten", seconds)))
    twin.on_pause(lambda seconds: told.append(("twin", seconds)))
    forget()
    forget()

    transport.pause(0.01)
    await pause_long(server, transport)
    await until(lambda: told)

    assert told == [("twin", 3600)]


async def test_a_hook_that_fails_does_not_fail_the_call(server: Server, make: Make) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, facts: reported.append(facts))
    transport = make()
    transport.on_pause(lambda _seconds: 1 / 0)
    server.then(said({}, 429, Retry_After="0.1"), picture())

    await post(transport)

    assert isinstance(reported[0]["exception"], ZeroDivisionError)


async def test_whoever_was_ready_waits_for_nothing_more(server: Server, make: Make) -> None:
    """The wait takes no time of the calls, which may be shorter than the pause."""
    server.then(picture())
    transport = make()
    heard: list[Event] = []
    started = time.monotonic()
    transport.pause(0.5)

    async def row() -> None:
        await transport.ready()
        await post(transport, listener=heard.append)

    await asyncio.gather(*[row() for _ in range(6)])

    assert min(seen.arrived for seen in server.requests) >= started + 0.5
    assert max(seen.arrived for seen in server.requests) >= started + 0.5 + 0.9
    assert not [event for event in heard if isinstance(event, Paused)]


async def test_without_a_pause_everybody_is_ready(server: Server, make: Make) -> None:
    server.then(said({}, 429, **LONG))
    paused, free = make(retry=Retry(attempts=1)), make(secret=OTHER_KEY)
    with pytest.raises(RateLimitError):
        await post(paused)
    waiting = asyncio.create_task(paused.ready())

    await free.ready()

    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5", None])
def test_a_pause_takes_seconds(seconds: Any) -> None:
    transport = Transport("http://127.0.0.1:1", provider="acme")
    with pytest.raises(PromptError, match="pause"):
        transport.pause(seconds)


async def test_a_bar_says_who_asked_for_the_pause_and_for_how_long(make: Make) -> None:
    transport = make()
    transport.pause(600)
    job: Job[Any] = Job(
        lambda context: transport.post("/x", FOX, context), CallContext(1000), label="a fox"
    )
    await until(lambda: isinstance(job.progress.event, Paused))

    assert str(job.progress).startswith("paused for 10 min by acme, ")
    assert isinstance(job.progress.event, Queued), "a bar stands still meanwhile"
    assert job.progress.fraction is None
    job.cancel()
    with pytest.raises(mt.JobCancelled):
        await job


def turns(ramp: Ramp, now: float, count: int) -> list[float]:
    return [ramp.next_turn(now).start for _ in range(count)]


def test_a_ramp_doubles_each_second_and_is_full_in_time() -> None:
    ramp = Ramp()
    ramp.begin(100.0, 5)
    starts = turns(ramp, 101.0, 5_000)

    assert starts[:2] == [105.0, 105.0 + 1 / FIRST_RATE]
    assert starts == sorted(starts)
    counts = [sum(n <= start - 105.0 < n + 1 for start in starts) for n in range(int(RAMP))]
    assert counts[0] in (5, 6)
    assert all(1.7 < more / less < 2.3 for less, more in pairwise(counts))
    assert starts[-1] == 105.0 + RAMP <= 115, "all the others start together"
    assert not ramp.is_over(105.0 + RAMP - 0.1)
    assert ramp.is_over(105.0 + RAMP)


def test_a_ramp_that_nobody_used_allows_no_burst() -> None:
    ramp = Ramp()
    ramp.begin(100.0, 5)

    assert turns(ramp, 107.0, 2) == [107.0, 107.0 + 1 / (FIRST_RATE * 4)]


def test_pauses_do_not_add_up() -> None:
    ramp = Ramp()

    assert ramp.begin(100.0, 5)
    assert not ramp.begin(101.0, 4)
    assert not ramp.begin(101.0, 1)
    assert ramp.begin(102.0, 4)
    assert ramp.end == 106.0


def test_a_turn_that_is_given_back_is_the_next_one() -> None:
    ramp = Ramp()
    ramp.begin(100.0, 5)
    first, second, third = [ramp.next_turn(100.0) for _ in range(3)]
    for turn in (second, first):
        ramp.give_back(turn)

    assert turns(ramp, 100.0, 2) == [first.start, second.start]
    assert ramp.next_turn(100.0).start > third.start


def test_a_turn_of_an_earlier_pause_is_worth_nothing() -> None:
    ramp = Ramp()
    ramp.begin(100.0, 5)
    turn = ramp.next_turn(100.0)
    ramp.begin(101.0, 10)
    ramp.give_back(turn)
    ramp.use_later(turn)

    assert turns(ramp, 112.0, 2) == [112.0, 112.0 + 1 / (FIRST_RATE * 2)]


def test_many_threads_take_each_turn_once(make: Make) -> None:
    """All threads of a process share one line."""
    transport = make()
    transport.pause(60)
    heard: list[float] = []

    def listener(event: Event) -> None:
        if isinstance(event, Paused):
            heard.append(time.monotonic() + event.seconds)

    async def wait() -> None:
        tasks = [
            asyncio.create_task(post(transport, seconds=100, listener=listener)) for _ in range(10)
        ]
        barrier.wait()
        await until(lambda: len(heard) == 40)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await sessions.close()

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ramp = Ramp()
    ramp.begin(min(heard), 0)
    assert sorted(heard) == pytest.approx(turns(ramp, min(heard), 40), abs=0.2)
