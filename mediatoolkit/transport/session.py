"""Pooled connections, one session per process and event loop, alive as long as the kernel."""

import asyncio
import atexit
import contextlib
import html
import inspect
import os
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mediatoolkit.runtime.in_flight import CLOSE_WITHIN, over_sessions
from mediatoolkit.transport import dial
from mediatoolkit.transport.policy import Bucket

if TYPE_CHECKING:
    import aiohttp

Hook = Callable[[], Awaitable[object] | object]


@dataclass(slots=True)
class Tally:
    """What went to one origin: calls in all and in flight, bytes in, errors."""

    calls: int = 0
    in_flight: int = 0
    received: int = 0
    errors: int = 0


@dataclass(slots=True)
class Ledger:
    """What one session has done, by origin, and how fast its retries may follow."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    bucket: Bucket = field(default_factory=Bucket)

    def tally(self, origin: str) -> Tally:
        """Line of *origin*, begun where there is none."""
        return self.tallies.setdefault(origin, Tally())


@dataclass(frozen=True, slots=True)
class Row:
    """One origin of the table: open connections, calls in flight and in all, bytes in, errors."""

    origin: str
    connections: int
    in_flight: int
    calls: int
    received: int
    errors: int

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.origin}: {self.connections} connections, {self.in_flight} in flight, "
            f"{self.calls} calls, {self.received} bytes in, {self.errors} errors"
        )


class _Home:
    """The sessions of one loop; the keeper closes them when the loop shuts down."""

    __slots__ = ("keeper", "outside", "session")

    def __init__(self, registry: "SessionRegistry") -> None:
        self.session = registry.make()
        self.outside: aiohttp.ClientSession | None = None
        self.keeper = _keep(registry, self)
        with contextlib.suppress(StopIteration):
            # Runs up to its yield, which makes it known to the loop (`shutdown_asyncgens`).
            self.keeper.asend(None).send(None)

    def sessions(self) -> "list[aiohttp.ClientSession]":
        return [each for each in (self.session, self.outside) if each is not None]


async def _keep(registry: "SessionRegistry", home: _Home) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        registry.forget(home)
        for session in home.sessions():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await session.close()


class SessionRegistry:
    """Owns the sessions of this process and shows them as a table.

    Attributes:
        opened: Sessions opened so far.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self.opened = 0
        self._pid = os.getpid()
        self._homes: dict[asyncio.AbstractEventLoop, _Home] = {}
        self._inherited: list[object] = []
        self._ledgers: WeakKeyDictionary[aiohttp.ClientSession, Ledger] = WeakKeyDictionary()
        self._hooks: list[Hook] = []

    def session(self) -> "aiohttp.ClientSession":
        """Session of the running loop, opened when there is none."""
        return self._home().session

    def outside(self) -> "aiohttp.ClientSession":
        """Session of the running loop for strangers' addresses: it connects to public ones only."""
        home = self._home()
        if home.outside is None or home.outside.closed:
            home.outside = self.make(guarded=True)
        return home.outside

    def ledger(self, session: "aiohttp.ClientSession") -> Ledger:
        """What *session* has done; a foreign session joins the table with its first call."""
        found = self._ledgers.get(session)
        if found is None:
            found = self._ledgers[session] = Ledger()
        return found

    def on_close(self, hook: Hook) -> Callable[[], None]:
        """Run *hook* once, at the next close; it may be a coroutine function.

        Returns:
            Takes the hook back.
        """
        self._hooks.append(hook)

        def forget() -> None:
            with contextlib.suppress(ValueError):
                self._hooks.remove(hook)

        return forget

    async def close(self) -> None:
        """Run the close hooks and close the running loop's sessions; the next use opens new ones.

        What is in flight on this loop ends with `ClosedError`; that is waited for, at most 4 s.
        """
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            await over_sessions.stop(loop)
            home = self._homes.pop(loop, None)
            if home is not None:
                stack.push_async_callback(home.keeper.aclose)
            hooks, self._hooks = self._hooks, []
            for hook in hooks:
                stack.push_async_callback(_run, hook)

    def close_from_thread(self, loop: asyncio.AbstractEventLoop, timeout: float = 1.0) -> bool:
        """Close *loop*'s sessions from a thread in which it does not run.

        Returns:
            Whether all was closed within *timeout* seconds.
        """
        if loop.is_closed() or not loop.is_running():
            self._close_stopped(loop, timeout)
            return True
        future = asyncio.run_coroutine_threadsafe(self.close(), loop)
        if loop is asyncio._get_running_loop():  # noqa: SLF001 - waiting here would never end
            return False
        try:
            future.result(timeout)
        except TimeoutError:
            return False
        return True

    def rows(self) -> list[Row]:
        """One row per origin of every open session, sorted by origin."""
        total: dict[str, Tally] = {}
        idle: Counter[str] = Counter()
        for session, ledger in list(self._ledgers.items()):
            if session.closed:
                continue
            idle += _idle(session)
            for origin, tally in ledger.tallies.items():
                row = total.setdefault(origin, Tally())
                row.calls += tally.calls
                row.in_flight += tally.in_flight
                row.received += tally.received
                row.errors += tally.errors
        return [
            Row(origin, idle[origin] + t.in_flight, t.in_flight, t.calls, t.received, t.errors)
            for origin, t in sorted(total.items())
        ]

    def __repr__(self) -> str:
        """One line per origin."""
        return "\n".join(map(str, self.rows())) or "no open sessions"

    def _repr_html_(self) -> str:
        rows = self.rows()
        if not rows:
            return "<p>no open sessions</p>"
        names = ("origin", "connections", "in flight", "calls", "bytes in", "errors")
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(
            f"<tr><td>{html.escape(row.origin)}</td>"
            f"<td>{row.connections}</td><td>{row.in_flight}</td><td>{row.calls}</td>"
            f"<td>{row.received}</td><td>{row.errors}</td></tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def make(self, *, guarded: bool = False) -> "aiohttp.ClientSession":
        """Open a session and begin its line in the table."""
        self.opened += 1
        session = dial.open_session(guarded=guarded)
        self.ledger(session)
        return session

    def forget(self, home: _Home) -> None:
        """Drop *home*, whose loop shuts down."""
        for loop, kept in list(self._homes.items()):
            if kept is home:
                del self._homes[loop]

    def _home(self) -> _Home:
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():
            self._leave_to_parent()
        home = self._homes.get(loop)
        if home is None or home.session.closed:
            self._bury()
            home = self._homes[loop] = _Home(self)
        return home

    def _leave_to_parent(self) -> None:
        """After a fork: the connections are the parent's; to close them here breaks them there."""
        self._pid = os.getpid()
        self._inherited.extend(self._homes.values())
        self._homes.clear()
        self._ledgers = WeakKeyDictionary()
        self._hooks.clear()
        self.opened = 0

    def _bury(self) -> None:
        """Drop the sessions of loops that were closed without notice."""
        for loop, home in list(self._homes.items()):
            if loop.is_closed():
                del self._homes[loop]
                for session in home.sessions():
                    dial.drop(session)

    def _close_stopped(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        if not loop.is_closed():
            with contextlib.suppress(TimeoutError, RuntimeError, OSError):
                loop.run_until_complete(asyncio.wait_for(self.close(), timeout))
        self._bury()

    def _at_exit(self) -> None:
        """Last layer: executors are gone here, so nothing that needs a thread."""
        if self._pid != os.getpid():
            return
        for loop in list(self._homes):
            self.close_from_thread(loop, 2.0)


async def _run(hook: Hook) -> None:
    result = hook()
    if inspect.isawaitable(result):
        await result


def _idle(session: "aiohttp.ClientSession") -> Counter[str]:
    """Pooled connections by origin; aiohttp has no public word for them: none if that moves."""
    count: Counter[str] = Counter()
    for key, held in getattr(session.connector, "_conns", {}).items():
        host = f"[{key.host}]" if ":" in key.host else key.host
        count[f"{'https' if key.is_ssl else 'http'}://{host}:{key.port}"] += len(held)
    return count


sessions = SessionRegistry()
"""The registry of this process."""

atexit.register(sessions._at_exit)  # noqa: SLF001 - our own
