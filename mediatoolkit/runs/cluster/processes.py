"""A Dask cluster of processes of this machine, which end with this one.

Each process has a pipe of ours as its standard input, and ends when that closes. The system closes
it, however this process ends.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, Any

from mediatoolkit.errors import ClosedError, TransportError

_START_WITHIN = 60.0  # seconds; imports take long on a busy machine
_END_WITHIN = 3.0  # seconds in which a process ends by itself
_SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.http.routes": [],
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
}
_ONE_THREAD = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LocalProcesses:
    """A scheduler and some workers, each in a process of its own, and a client of them.

    Args:
        count: How many workers.
    """

    def __init__(self, count: int) -> None:
        """Start nothing yet."""
        self._count = count
        self._started: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._client: Any = None
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - `close` closes it

    def start(self) -> Any:
        """Start them all, and connect; blocks, some two seconds.

        Raises:
            TransportError: They do not start; says what they wrote.
            ClosedError: `close` was called meanwhile.
        """
        import distributed

        connect: Any = distributed.Client
        scheduler = self._spawn("scheduler")
        address = _first_line(scheduler)
        for _ in range(self._count if address else 0):
            self._spawn("worker", address)
        try:
            client = connect(address, set_as_default=False, timeout=_START_WITHIN)
            with self._lock:
                self._client = client
            self._await_workers()
        except (OSError, ValueError) as error:
            raise self._failure() from error
        finally:
            if self._is_closed:
                self._close_client()
        return client

    def close(self) -> None:
        """End them all; blocks, 4 s at most."""
        with self._lock:
            self._is_closed = True
        self._close_client()
        for process in reversed(self._started):  # workers first
            if process.stdin is not None:
                process.stdin.close()
        until = time.monotonic() + _END_WITHIN
        for process in self._started:
            _end(process, until)
        self._errors.close()

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(OSError):
                client.close(timeout=_END_WITHIN)

    def _await_workers(self) -> None:
        """Wait until all take part, or one has ended.

        Raises:
            OSError: They do not come.
        """
        until = time.monotonic() + _START_WITHIN
        while True:
            with contextlib.suppress(TimeoutError):
                self._client.wait_for_workers(self._count, timeout=1)
                return
            if time.monotonic() > until or any(each.poll() is not None for each in self._started):
                raise TimeoutError

    def _spawn(self, role: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a process of this module, unless we are closed."""
        paths = [path for path in sys.path if path]
        with self._lock:
            if self._is_closed:
                raise ClosedError("The processes were closed while they started.")
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", __name__, role, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if role == "scheduler" else self._errors,
                stderr=self._errors,
                text=True,
                env=os.environ
                | {"PYTHONPATH": os.pathsep.join(paths)}
                | dict.fromkeys(_ONE_THREAD, "1"),
                start_new_session=True,  # Ctrl-C is for this process alone
            )
            self._started.append(process)
        return process

    def _failure(self) -> TransportError:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        last = f" The last they wrote: {lines[-1]}" if lines else ""
        return TransportError(
            f"{self._count + 1} processes did not start within {_START_WITHIN:g} s.{last}"
        )


def _first_line(process: subprocess.Popen[str]) -> str:
    """What *process* writes first, or nothing when it ends before or takes too long."""
    if process.stdout is None:
        return ""
    timer = threading.Timer(_START_WITHIN, process.kill)
    timer.start()
    try:
        return process.stdout.readline().strip()
    finally:
        timer.cancel()


def _end(process: subprocess.Popen[str], until: float) -> None:
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


async def _serve(role: str, *arguments: str) -> None:
    """Be a scheduler or a worker until standard input closes."""
    import dask
    from distributed import Scheduler, Worker

    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    threading.Thread(target=_await_end, args=(loop, ended), daemon=True).start()
    with dask.config.set(_SETTINGS):
        if role == "scheduler":
            server: Any = Scheduler(
                host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0"
            )
        else:
            server = Worker(arguments[0], host="127.0.0.1", nthreads=1, memory_limit=0)
        async with server:
            print(server.address, flush=True)  # noqa: T201 - who started it reads this
            finished = asyncio.ensure_future(server.finished())
            closed = asyncio.ensure_future(ended.wait())
            await asyncio.wait({finished, closed}, return_when=asyncio.FIRST_COMPLETED)


def _await_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Wait for the end of who started this process; then end it, politely or not."""
    os.read(0, 1)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(ended.set)
    time.sleep(_END_WITHIN)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(*sys.argv[1:]))
