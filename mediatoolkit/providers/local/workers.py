"""Threads in which the embedded engines work."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Drawing, Event

T = TypeVar("T")
Tell = Callable[[Event], None]
Progress = Callable[[str, float], None]


class _Stopped(Exception):  # noqa: N818 - a signal to the worker thread, never seen outside
    """Ends work that nobody waits for."""


class Workers:
    """A few threads; those who find all of them busy wait their turn.

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
            context: Is told of the events.

        Cancelled, it returns when the work has stopped.
        """
        if self._pid != os.getpid():
            self._open()  # a fork takes no threads along
        stop = threading.Event()
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            if stop.is_set():
                raise _Stopped
            loop.call_soon_threadsafe(context.report, event)

        working = self._threads.submit(work, tell)
        result = asyncio.wrap_future(working)
        result.add_done_callback(_heard)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            stop.set()
            if not working.cancel():
                await asyncio.to_thread(working.exception)
            raise

    def _open(self) -> None:
        self._pid = os.getpid()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)

    def close(self) -> None:
        """Take no more work; what is under way ends as its callers do."""
        self._threads.shutdown(wait=False)


def drawing(tell: Tell) -> Progress:
    """Tell the name of the current step and the share that is done, 0 to 1, as `Drawing`."""
    return lambda what, fraction: tell(Drawing(what, fraction))


def _heard(result: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for any more, or asyncio reports it."""
    if not result.cancelled():
        result.exception()
