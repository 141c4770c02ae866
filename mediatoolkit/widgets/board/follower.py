"""Tasks that tell a page what happens on a loop."""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from mediatoolkit.runtime import loops


class Follower:
    """A task on one loop that begins anew whenever there is something to follow.

    Args:
        loop: Where it runs.
        follow: Follows what happens there; told who asks for it.

    Attributes:
        loop: Where it runs.
        news: Set when something has happened.
    """

    def __init__(
        self,
        loop: loops.Loop,
        follow: Callable[["Follower"], Coroutine[Any, Any, None]],
    ) -> None:
        """Wait for `begin`."""
        self.loop = loop
        self.news = asyncio.Event()
        self._make = follow
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Follow, on its loop, what has come and what may come of it."""
        self.news.set()
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(
                self._make(self),
                name="mediatoolkit view",
                context=contextvars.Context(),  # what it shows then belongs to the cell that runs
                # just then, and what executes notebooks without a browser listens to no other
            )

    def stop(self) -> None:
        """End, from any thread; the caller may be this very task, which returns soon."""
        task, self._task = self._task, None
        if task is not None and not task.done() and task is not _current_task():
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the task with it
                self.loop.call_soon_threadsafe(task.cancel)

    async def wait(self) -> None:
        """Until nothing is followed."""
        if self._task is not None:
            await asyncio.wait([self._task])


async def heard(news: asyncio.Event, seconds: float) -> None:
    """Wait for *news*, *seconds* at most, and have it all."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    news.clear()


def _current_task() -> asyncio.Task[Any] | None:
    return asyncio.current_task() if loops.running() else None
