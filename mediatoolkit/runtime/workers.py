"""Threads in which engines of this process work, one piece of work after another."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Loading

T = TypeVar("T")
Tell = Callable[[Event], None]


class _Stopped(BaseException):
    """Ends work in a thread that nobody waits for; `except Exception` lets it through."""


class Workers:
    """A few threads; those who find all of them busy wait their turn, which costs them no time.

    Args:
        name: What the threads are called.
        count: How many there are; they start when first needed.
    """

    def __init__(self, name: str, count: int) -> None:
        """Start nothing yet."""
        self._name, self._count = name, count
        self._open()

    async def do(self, work: Callable[[Tell], T], context: CallContext) -> T:
        """Run *work* in a thread.

        Args:
            work: Gets a function to call often, with an event. That function raises when the call
                is cancelled.
            context: Receives the events. Its clock stands while all threads are busy.

        Cancelled, it returns when the work has stopped; at once while an engine is being loaded,
        which nothing can stop. The thread then goes on alone until that is done.
        """
        if self._pid != os.getpid():
            self._open()  # a fork takes no threads along
        stop, taken = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            if stop.is_set():
                raise _Stopped
            loop.call_soon_threadsafe(context.report, event)

        def begin() -> T:
            loop.call_soon_threadsafe(taken.set)
            return work(tell)

        turn = contextlib.nullcontext() if len(self._working) < self._count else context.pause()
        working = self._threads.submit(begin)
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        result = asyncio.wrap_future(working)
        result.add_done_callback(_heard)
        try:
            with turn:
                await taken.wait()
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            stop.set()
            # A running thread cannot be cancelled: it ends the next time that it calls `tell`.
            if not working.cancel() and not isinstance(context.event, Loading):
                await asyncio.to_thread(working.exception)
            raise

    def _open(self) -> None:
        self._pid = os.getpid()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)
        self._working: set[Future[Any]] = set()


def _heard(result: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for any more, or asyncio reports it."""
    if not result.cancelled():
        result.exception()
