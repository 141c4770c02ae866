"""Event loops: the caller's, one that a kernel lends, one in the background; and tasks on them.

The loop in the background runs in a daemon thread of its own, so that a script or a cell may
block until something is made. It has sessions of its own, since a session belongs to one loop.
"""

import asyncio
import atexit
import concurrent.futures
import contextlib
import contextvars
import queue
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, ClassVar, Generic, Self, TypeVar
from weakref import WeakSet

from mediatoolkit.errors import ClosedError, DeadlineError, MediaToolkitError

PATIENCE = 2.0
"""Seconds that a broken wait gives to the clean-up of what it waited for."""

_BEAT = 0.2  # seconds; Windows takes no Ctrl-C while a thread waits for a lock
_TO_END = 1.0  # seconds that tasks in the background have to end by themselves

Loop = asyncio.AbstractEventLoop
LoopProvider = Callable[[], Loop | None]
Future = concurrent.futures.Future[None]

T_co = TypeVar("T_co", covariant=True)


def running() -> Loop | None:
    """The loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def register_loop_provider(provider: LoopProvider) -> None:
    """Have `chosen` ask *provider* first, for threads whose own loop may end before their work."""
    background.providers.append(provider)


def chosen() -> Loop:
    """The loop for work that begins in this thread."""
    for provider in background.providers:
        loop = provider()
        if loop is not None:
            return loop
    return running() or background.loop()


class _Process:
    """What is known of the process.

    Attributes:
        is_ending: It ends, or its kernel does: what goes on elsewhere is left to a later one.
    """

    is_ending = False


process = _Process()


def is_shutdown(error: BaseException | None) -> bool:
    """Whether *error* is Python's word for work that came when the interpreter was ending."""
    return isinstance(error, RuntimeError) and " shutdown" in str(error)


def new_future() -> Future:
    """Return a future that any thread can wait for, and that no waiter can cancel."""
    future = Future()
    future.set_running_or_notify_cancel()
    return future


def wait_interruptibly(
    end: Future, stop: Callable[[], object], timeout: float | None = None
) -> bool:
    """Block this thread until *end*, at most *timeout* seconds.

    When something breaks the wait, such as Ctrl-C, *stop* is called and has 2 s to reach *end*.

    Returns:
        Whether *end* is reached.
    """
    with _Wait(end) as wait:
        try:
            return wait.reached(timeout)
        except BaseException:
            stop()
            wait.reached(PATIENCE)
            raise


@contextlib.contextmanager
def interrupts_later() -> Iterator[None]:
    """Delay Ctrl-C until the end of the block; only the main thread ever gets one."""
    handler: Any = None
    if threading.current_thread() is threading.main_thread():
        handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        yield
        return
    delayed: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *interrupt: delayed.append(interrupt))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if delayed:
            handler(*delayed[0])


class _Wait:
    """A wait that Ctrl-C breaks only where nothing is half done.

    An interrupt raised at any other place might leave a lock of *end* closed, and the thread that
    sets *end* would hang.
    """

    def __init__(self, end: Future) -> None:
        self._end = end
        self._handler: Any = None
        self._wakeups: queue.SimpleQueue[tuple[int, FrameType | None] | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.getsignal(signal.SIGINT)
        if callable(self._handler):
            signal.signal(signal.SIGINT, lambda *interrupt: self._wakeups.put(interrupt))
        self._end.add_done_callback(lambda _end: self._wakeups.put(None))
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not callable(self._handler):
            return
        signal.signal(signal.SIGINT, self._handler)
        while kind is None and not self._wakeups.empty():
            self._deliver_signal(self._wakeups.get())

    def reached(self, timeout: float | None) -> bool:
        until = float("inf") if timeout is None else time.monotonic() + timeout
        while not self._end.done() and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._deliver_signal(self._wakeups.get(timeout=min(left, _BEAT)))
        return self._end.done()

    def _deliver_signal(self, interrupt: tuple[int, FrameType | None] | None) -> None:
        """Call the handler that was there before; KeyboardInterrupt where a loop runs.

        The handler of a running loop only leaves it a note, which a blocked loop never reads.
        """
        if interrupt is not None:
            handle = self._handler if running() is None else signal.default_int_handler
            handle(*interrupt)


class Background:
    """The loop in the background; it starts when it is needed, and again after its end.

    Attributes:
        providers: Asked first for a loop, by `chosen`.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self.providers: list[LoopProvider] = []
        self._lock = threading.Lock()
        self._shutdown_callbacks: list[Callable[[Loop], object]] = []
        self._thread: _LoopThread | None = None

    def loop(self) -> Loop:
        """The loop, which runs."""
        # Two threads that ask at once must get the same loop.
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = _LoopThread()
            return self._thread.loop.result()

    def is_here(self) -> bool:
        """Whether this is its thread."""
        return threading.current_thread() is self._thread

    def turning(self) -> Loop | None:
        """The loop if it runs, else None; it is not started."""
        loop_thread = self._thread
        return (
            loop_thread.loop.result()
            if loop_thread is not None and loop_thread.is_alive()
            else None
        )

    def on_shutdown(self, callback: Callable[[Loop], object]) -> None:
        """Call *callback* with the loop whenever it is about to end."""
        self._shutdown_callbacks.append(callback)

    def end(self) -> Future:
        """End the loop; safe from any thread.

        What still runs there has a second to end by itself and is then cancelled; its sessions
        are closed.

        Returns:
            A future that is done when all that is over; the loop's own thread must not wait for it.
        """
        with self._lock:
            loop_thread, self._thread = self._thread, None
        if loop_thread is None or not loop_thread.is_alive():
            ended = new_future()
            ended.set_result(None)
            return ended
        for callback in self._shutdown_callbacks:
            callback(loop_thread.loop.result())
        loop_thread.leave()
        return loop_thread.ended

    def end_at_exit(self) -> None:
        """End it with the interpreter."""
        wait_interruptibly(self.end(), lambda: None, PATIENCE)


class _LoopThread(threading.Thread):
    """One life of the loop in the background."""

    def __init__(self) -> None:
        super().__init__(name="mediatoolkit background", daemon=True)
        self.loop: concurrent.futures.Future[Loop] = concurrent.futures.Future()
        self.ended = new_future()
        self._end_requested = asyncio.Event()
        self.start()

    def run(self) -> None:
        try:
            with asyncio.Runner() as runner:  # closing it cancels tasks and closes the sessions
                runner.run(self._stay())
        except RuntimeError as error:
            # From Python 3.12 on no thread starts while the interpreter ends, and the loop wants
            # one to wait for its pool; by then the interpreter has joined the pool's threads.
            if not is_shutdown(error):
                raise
        finally:
            self.ended.set_result(None)

    def leave(self) -> None:
        self.loop.result().call_soon_threadsafe(self._end_requested.set)

    async def _stay(self) -> None:
        self.loop.set_result(asyncio.get_running_loop())
        await self._end_requested.wait()
        others: set[asyncio.Task[Any]] = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=_TO_END)


background = Background()
"""The background loop of this process."""

atexit.register(background.end_at_exit)


class LoopTask(Generic[T_co]):
    """A task that starts with the next turn of its loop, and until then can move to another.

    Args:
        make: Makes the coroutine, when the task starts.
        loop: Where it runs.
        name: Name of the task.

    All methods are safe from any thread.

    Attributes:
        loop: Where it runs; final once it has started.
    """

    _unstarted: ClassVar["WeakSet[LoopTask[Any]]"] = WeakSet()

    def __init__(
        self, make: Callable[[], Coroutine[Any, Any, T_co]], loop: Loop, *, name: str
    ) -> None:
        """Start with the next turn of *loop*."""
        self._make = make
        self._name = name
        self._context = contextvars.copy_context()  # of who begins it, not of who awaits it first
        self._task: asyncio.Task[T_co] | None = None
        self._over = new_future()
        self._start_hooks: list[Callable[[Any], object]] = []
        self._done_hooks: list[Callable[[Any], object]] = []
        self.move_to(loop)

    def done(self) -> bool:
        """Whether it is over, in whatever way."""
        return self._task is not None and self._task.done()

    def cancel(self) -> None:
        """Cancel the task; one that has not started starts and is cancelled at its first wait."""
        task = self._task
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task gone with it
            self.loop.call_soon_threadsafe(self._cancel_unstarted if task is None else task.cancel)

    def result(self, timeout: float | None = None) -> T_co:
        """Block this thread until it is over; a broken wait cancels the task.

        Raises:
            DeadlineError: It is not over after *timeout* seconds; it goes on.
            MediaToolkitError: It runs on the loop of this very thread.
        """
        if not self.done():
            self._leave_this_thread()
            self._check_loop_runs()
            if not wait_interruptibly(self._over, self.cancel, timeout):
                raise DeadlineError(
                    f"It is not over after {timeout:g} s and goes on; wait again, or cancel it.",
                    stage="working",
                    seconds=timeout or 0.0,
                )
        return self._started_task().result()

    def on_start(self, hook: Callable[[Self], object]) -> None:
        """Call *hook* with this, on its loop, before its first step, or soon if it has started.

        Until then the task may still move to another loop.
        """
        self._start_hooks.append(hook)
        if self._task is not None:
            self._cross(self._call_each, self._start_hooks)

    def on_done(self, hook: Callable[[Self], object]) -> None:
        """Call *hook* with this, on its loop, when it is over, in whatever way."""
        self._done_hooks.append(hook)
        if self._over.done():
            self._cross(self._call_each, self._done_hooks)

    def move_to(self, loop: Loop) -> None:
        """Start on *loop* with its next turn, unless it has started already."""
        self._unstarted.add(self)
        self.loop = loop
        soon = loop.call_soon if running() is loop else loop.call_soon_threadsafe
        soon(self._start_on, loop)

    def _start_on(self, loop: Loop) -> None:
        if self.loop is loop:  # it may have moved on
            self._started_task()

    def _started_task(self) -> asyncio.Task[T_co]:
        """Return the task; where there is none yet it is made now, which only its loop may do."""
        if self._task is None:
            self._unstarted.discard(self)
            self._task = self.loop.create_task(self._make(), name=self._name, context=self._context)
            self._task.add_done_callback(self._end)
            if self._start_hooks:
                self._call_each(self._start_hooks)
        return self._task

    def _cancel_unstarted(self) -> None:
        if running() is self.loop:
            # One turn later, so that the work has begun, and its clean-up runs.
            self.loop.call_soon(self._started_task().cancel)
        else:  # it has moved meanwhile
            self.cancel()

    def _end(self, _task: asyncio.Task[T_co]) -> None:
        del self._make, self._context  # they lead back to whoever holds this, and the result
        self._over.set_result(None)
        if self._done_hooks:
            self._call_each(self._done_hooks)

    def _call_each(self, hooks: list[Callable[[Any], object]]) -> None:
        """Let the loop call them, so that a fault of one does not reach the others."""
        while hooks:
            self.loop.call_soon(hooks.pop(0), self)

    def _cross(self, action: Callable[..., object], *args: object) -> None:
        """Do *action* on the loop, which may be another one by the time it gets there."""

        def arrive() -> None:
            if running() is self.loop:
                action(*args)
            else:
                self._cross(action, *args)

        with contextlib.suppress(RuntimeError):  # the loop is closed, and the task gone with it
            self.loop.call_soon_threadsafe(arrive)

    def _leave_this_thread(self) -> None:
        """Move tasks that have not started away from this thread's loop, which will be blocked."""
        here = running()
        if here is None or background.is_here():
            return
        for task in list(self._unstarted):
            if task.loop is here:
                task.move_to(background.loop())

    def _check_loop_runs(self) -> None:
        if running() is self.loop:
            raise MediaToolkitError(
                "It runs on the loop of this very thread, which stands still while the thread "
                "waits; use `await` here."
            )
        if not self.loop.is_running():
            raise ClosedError("The loop it runs on has stopped; start it again.")
