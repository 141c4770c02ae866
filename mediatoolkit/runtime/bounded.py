"""Calls that block, and may hang: each has a bound, and none keeps the interpreter from ending.

A thread cannot be stopped. One whose call has passed its bound is given up, and another takes its
place; should the call ever come back, its thread ends.
"""

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 32  # calls at once: a far storage answers many as fast as one


class Overdue(Exception):  # noqa: N818 - whoever made the call says what it means
    """A call has passed its bound; it may still be carried out."""


class Call(Generic[T]):
    """One call, from its turn to its end.

    Args:
        function: Called in a thread.
        seconds: How long it may take from its turn on.
    """

    def __init__(self, function: Callable[[], T], seconds: float) -> None:
        """Wait for a turn."""
        self.future: Future[T] = Future()
        self.is_given_up = False
        self._function = function
        self._seconds = seconds
        self._deadline: float | None = None
        _threads.add(self)

    def run(self) -> None:
        """Carry it out, in the thread that takes it."""
        self._deadline = time.monotonic() + self._seconds
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self._function())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            self.future.set_exception(error)

    def result(self) -> T:
        """Wait for its end; blocks.

        Raises:
            Overdue: It has passed its bound.
        """
        while not self.future.done():
            wait([self.future], self._left())
            self._check()
        return self.future.result()

    async def result_async(self) -> T:
        """Wait for its end; a cancel waits for that, too, and then passes.

        Raises:
            Overdue: It has passed its bound.
        """
        # What is written must not go on unseen after a caller that came back early.
        future, cancelled = asyncio.wrap_future(self.future), None
        while not self.future.done():
            try:
                await asyncio.wait([future], timeout=self._left())
                self._check()
            except asyncio.CancelledError as error:
                cancelled = error
            except Overdue:
                future.cancel()  # nobody is there to hear how it ends
                raise cancelled or Overdue from None
        if cancelled is not None:
            with contextlib.suppress(Exception):
                await future
            raise cancelled
        return await future

    def _left(self) -> float:
        """Seconds to its bound, at least some; all of them while it waits for its turn."""
        if self._deadline is None:
            return self._seconds
        return max(0.01, self._deadline - time.monotonic())

    def _check(self) -> None:
        if self.future.done() or self._deadline is None or time.monotonic() < self._deadline:
            return
        if not self.is_given_up:
            self.is_given_up = True
            _threads.replace_one()
        raise Overdue


class _Threads:
    """Threads that take the calls."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Call[object]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._count = 0  # of threads that take calls
        self._open = 0  # calls that wait or are carried out

    def add(self, call: Call[T]) -> None:
        with self._lock:
            self._open += 1
            if self._count < min(self._open, _MOST):
                self._start()
        self._calls.put(call)  # type: ignore[arg-type]

    def replace_one(self) -> None:
        """Have another thread in the place of one that hangs."""
        with self._lock:
            self._count -= 1
            self._open -= 1
            self._start()

    def forget(self) -> None:
        """Begin anew, since a fork has no threads."""
        self.__init__()  # type: ignore[misc]

    def _start(self) -> None:
        self._count += 1
        threading.Thread(target=self._work, name="mediatoolkit storage", daemon=True).start()

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            call.run()
            if call.is_given_up:
                return  # another thread has its place already
            with self._lock:
                self._open -= 1


_threads = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget)
