"""The threads in which the embedded engines work, and the clients around them."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, ClassVar, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import ClosedError, UnknownModelError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
from mediatoolkit.runtime.events import Event

T = TypeVar("T")
P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)
Tell = Callable[[Event], None]
Progress = Callable[[str, float], None]


class _Stopped(Exception):  # noqa: N818 - a signal to the worker thread, never seen outside
    """Ends work that nobody waits for."""


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

        Cancelled, it returns when the work has stopped.
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
            if not working.cancel():
                await asyncio.to_thread(working.exception)
            raise

    def _open(self) -> None:
        self._pid = os.getpid()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)
        self._working: set[Future[Any]] = set()


class LocalClient(Client[P, M]):
    """A client of an embedded engine: no key, no network.

    Args:
        model: One of the catalog's.
        timeout: One deadline over the whole call.

    Attributes:
        default_timeout: Durations of a call when nobody says otherwise.
        workers: Where the work is done; all clients of a class share them.

    Raises:
        UnknownModelError: There is no such model.
    """

    provider = "local"
    is_free: ClassVar[bool] = True
    default_timeout: ClassVar[Timeout]
    workers: ClassVar[Workers]

    def __init__(self, *, model: str | None = None, timeout: float | Timeout | None = None) -> None:
        """Check the model."""
        names = [info.model_id.removeprefix("local/") for info in self.catalog]
        if model is not None and not (isinstance(model, str) and model in names):
            known = " or ".join(f'"local/{name}"' for name in names)
            raise UnknownModelError(f"The local engine has no model {quoted(model)}; use {known}.")
        self.model = model or names[0]
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._closed = False

    async def close(self) -> None:
        """Refuse later use; what is under way ends as its callers do."""
        self._closed = True

    async def _do(self, work: Callable[[Tell], T], context: CallContext) -> T:
        """As `Workers.do`, unless the client is closed."""
        if self._closed:
            raise ClosedError("This client is closed; make a new one.", provider=self.provider)
        context.provider = self.provider
        return await self.workers.do(work, context)


def _heard(result: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for any more, or asyncio reports it."""
    if not result.cancelled():
        result.exception()


def missing_extra(what: str, *packages: str) -> str:
    """Why *what* cannot be made here and what to do, in one sentence; empty when it can."""
    if all(map(find_spec, packages)):
        return ""
    return f'{what} need a package that is not installed: pip install "mediatoolkit[local]".'
