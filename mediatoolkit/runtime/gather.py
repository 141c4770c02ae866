"""Several tasks as one: side by side, look by look, piece by piece."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from mediatoolkit.checks import positive_seconds
from mediatoolkit.errors import MediaToolkitError

T = TypeVar("T")


async def gather_limited(
    works: Sequence[Callable[[], Awaitable[T]]],
    *,
    at_once: int,
    return_exceptions: bool = False,
) -> list[T]:
    """Do many things, at most *at_once* at a time; one failure does not lose the others.

    Returns:
        The results in the order of *works*; where one failed, its error stands in its place if
        *return_exceptions* is set.

    Raises:
        MediaToolkitError: The first failure in order, after all have ended, unless
            *return_exceptions*; its `results` hold everything in order.
    """
    slots = asyncio.Semaphore(at_once)

    async def one(work: Callable[[], Awaitable[T]]) -> T | MediaToolkitError:
        async with slots:
            try:
                return await work()
            except MediaToolkitError as error:
                return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(work)) for work in works]
    results = [task.result() for task in tasks]
    failures = [result for result in results if isinstance(result, MediaToolkitError)]
    if failures and not return_exceptions:
        failures[0].add_note(f"{len(results) - len(failures)} of {len(results)} succeeded.")
        failures[0].results = tuple(results)
        raise failures[0]
    return cast("list[T]", results)


@dataclass(frozen=True, slots=True)
class Polling:
    """How often a vendor's job is looked at.

    Attributes:
        first: Seconds before the second look, more than 0; later pauses grow by half.
        cap: Longest pause, seconds.

    Raises:
        PromptError: A value is not a positive number.
    """

    first: float = 2.0
    cap: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what is no duration."""
        positive_seconds(self.first, "Polling.first")
        positive_seconds(self.cap, "Polling.cap")

    async def until(self, look: Callable[[], Awaitable[T | None]]) -> T:
        """Look until there is something to see; the only poll loop of the house.

        It has no end of its own: the call's deadline is what ends it.
        """
        pauses = self.pauses()
        while True:
            seen = await look()
            if seen is not None:
                return seen
            await asyncio.sleep(next(pauses))

    def pauses(self) -> Iterator[float]:
        """Seconds between looks, each a fifth more or less, so that many jobs do not look at once.

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
    """Give away what *work* hands out, while it goes on in a task of its own.

    The work has a task to itself, so that its deadline never ends what the listener does between
    two pieces. Closing the generator stops the work and waits for its clean-up.

    Raises:
        Exception: What the work raised, after all that it handed out before.
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
            task.exception()  # whoever has left does not want to know
