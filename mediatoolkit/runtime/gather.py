"""Several tasks in one wait: a limited number at once, poll after poll, piece by piece."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from mediatoolkit.checks import positive_seconds
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.in_flight import InFlight, Tracked
from mediatoolkit.runtime.job import Job

T = TypeVar("T")


async def gather_limited(
    works: Sequence[Callable[[], Awaitable[T]]],
    *,
    at_once: int,
    return_exceptions: bool = False,
) -> list[T]:
    """Run *works*, at most *at_once* at a time; one failure does not lose the others.

    Returns:
        The results in the order of *works*; where one failed, its error stands in its place if
        *return_exceptions* is set.

    Raises:
        MediaToolkitError: The first failure in order, after all have ended, unless
            *return_exceptions*; its `results` hold everything in order.
    """
    turns = asyncio.Semaphore(at_once)

    async def run(work: Callable[[], Awaitable[T]]) -> T | MediaToolkitError:
        async with turns:
            try:
                return await work()
            except MediaToolkitError as error:
                # Returned, since a task that raises would cancel the others in its group.
                return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(work)) for work in works]
    results = [task.result() for task in tasks]
    failures = [result for result in results if isinstance(result, MediaToolkitError)]
    if failures and not return_exceptions:
        failures[0].add_note(f"{len(results) - len(failures)} of {len(results)} succeeded.")
        failures[0].results = tuple(results)
        raise failures[0]
    return cast("list[T]", results)


@dataclass(frozen=True, slots=True)
class Polling:
    """How often a vendor's job is polled.

    Attributes:
        first: Seconds before the second poll, more than 0; later pauses grow by half.
        cap: Longest pause, seconds.

    Raises:
        PromptError: A value is not a positive number.
    """

    first: float = 2.0
    cap: float = 10.0

    def __post_init__(self) -> None:
        """Check that each is a positive duration."""
        positive_seconds(self.first, "Polling.first")
        positive_seconds(self.cap, "Polling.cap")

    async def until(
        self,
        poll: Callable[[], Awaitable[T | None]],
        advice: Callable[[], float | None] = lambda: None,
    ) -> T:
        """Call *poll* until it returns something; this is the only poll loop of the package.

        It has no end of its own: the call's deadline is what ends it.

        Args:
            poll: Looks once.
            advice: Says after each look how many seconds the vendor asks to wait before the next,
                or None where it does not say.
        """
        pauses = self.pauses()
        while True:
            result = await poll()
            if result is not None:
                return result
            asked = advice()
            await asyncio.sleep(next(pauses) if asked is None else max(asked, 0.05))

    def pauses(self) -> Iterator[float]:
        """Yield seconds between polls, each a fifth more or less, so that many jobs spread out.

        Yields:
            Without end.
        """
        pause = self.first
        while True:
            yield min(self.cap, pause) * random.uniform(0.8, 1.2)  # noqa: S311
            pause *= 1.5


async def as_async_generator(
    work: Callable[[Callable[[T], None]], Awaitable[object]],
) -> AsyncGenerator[T]:
    """Yield what *work* hands out, while it goes on in a task of its own.

    The work has a task to itself, so that its deadline never ends what the listener does between
    two pieces. Closing the generator stops the work and waits for its clean-up.

    Raises:
        Exception: What *work* raised, after everything that it handed out before.
    """
    pieces: asyncio.Queue[T | None] = asyncio.Queue()

    async def run() -> None:
        try:
            await work(pieces.put_nowait)
        finally:
            pieces.put_nowait(None)

    task = asyncio.create_task(run())
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # marks it as seen, since nobody waits for it any more


@contextlib.asynccontextmanager
async def turn(
    turns: asyncio.Semaphore, in_flight: InFlight, context: CallContext
) -> AsyncGenerator[None]:
    """Hold one of *turns* during the block; the clock of *context* stands until one is free.

    Raises:
        ClosedError: What *in_flight* belongs to was closed meanwhile.
    """
    pause = context.pause() if turns.locked() else contextlib.nullcontext()
    with Tracked(in_flight, context), pause:
        await turns.acquire()
    try:
        yield
    finally:
        turns.release()


async def resolve_jobs(things: list[object], context: CallContext | None) -> list[object]:
    """Return *things* with what each job among them makes, also in the lists among them.

    The clock of *context* stands meanwhile, since the jobs have deadlines of their own. The jobs go
    on when this wait is cancelled.
    """
    if not any(isinstance(item, Job) for thing in things for item in _items(thing)):
        return things
    with contextlib.nullcontext() if context is None else context.pause():
        return [await _resolved(thing) for thing in things]


def _items(thing: object) -> Sequence[object]:
    return thing if isinstance(thing, (list, tuple)) else [thing]


async def _resolved(value: object) -> object:
    if isinstance(value, Job):
        # Awaiting the job from the start would cancel it whenever this wait is cancelled.
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        value.on_done(lambda _job: loop.call_soon_threadsafe(over.set))
        await over.wait()
        return await value
    if any(isinstance(item, Job) for item in _items(value)):
        return [await _resolved(item) for item in _items(value)]
    return value
