"""Pooled connections, one session per process and event loop, alive as long as the kernel."""

import asyncio
import atexit
import contextlib
import functools
import html
import inspect
import os
import socket
import warnings
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mediatoolkit.runtime.in_flight import CLOSE_WITHIN, over_sessions
from mediatoolkit.transport.guard import check_addresses
from mediatoolkit.transport.policy import Bucket

Hook = Callable[[], Awaitable[object] | object]


@dataclass(slots=True)
class OriginStats:
    """What went to one origin: calls in all and in flight, bytes in, errors."""

    calls: int = 0
    in_flight: int = 0
    received: int = 0
    errors: int = 0


@dataclass(slots=True)
class SessionStats:
    """What one session has done, by origin, and how fast its retries may follow."""

    origins: dict[str, OriginStats] = field(default_factory=dict)
    bucket: Bucket = field(default_factory=Bucket)

    def of(self, origin: str) -> OriginStats:
        """Row of *origin*; where there is none yet, a new one."""
        return self.origins.setdefault(origin, OriginStats())


@dataclass(frozen=True, slots=True)
class OriginRow:
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


class _LoopSessions:
    """The sessions of one loop; the keeper closes them when the loop shuts down."""

    __slots__ = ("keeper", "public", "session")

    def __init__(self, registry: "SessionRegistry") -> None:
        self.session = registry.make()
        self.public: aiohttp.ClientSession | None = None
        self.keeper = _keep(registry, self)
        with contextlib.suppress(StopIteration):
            # Runs up to its yield, which makes it known to the loop (`shutdown_asyncgens`).
            self.keeper.asend(None).send(None)

    def sessions(self) -> list[aiohttp.ClientSession]:
        return [session for session in (self.session, self.public) if session is not None]


async def _keep(
    registry: "SessionRegistry", loop_sessions: _LoopSessions
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        registry.forget(loop_sessions)
        for session in loop_sessions.sessions():
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
        self._loops: dict[asyncio.AbstractEventLoop, _LoopSessions] = {}
        self._inherited: list[object] = []
        self._stats: WeakKeyDictionary[aiohttp.ClientSession, SessionStats] = WeakKeyDictionary()
        self._hooks: list[Hook] = []

    def session(self) -> aiohttp.ClientSession:
        """Return the session of the running loop, opened where there is none yet."""
        loop_sessions = self._loops.get(asyncio.get_running_loop())
        if loop_sessions is None or loop_sessions.session.closed or self._pid != os.getpid():
            loop_sessions = self._of_loop()
        return loop_sessions.session

    def public_session(self) -> aiohttp.ClientSession:
        """Return the loop's session for strangers, which connects to public addresses only."""
        loop_sessions = self._of_loop()
        if loop_sessions.public is None or loop_sessions.public.closed:
            loop_sessions.public = self.make(guarded=True)
        return loop_sessions.public

    def stats(self, session: aiohttp.ClientSession) -> SessionStats:
        """Return what *session* has done; a user's session joins the table with its first call."""
        stats = self._stats.get(session)
        if stats is None:
            stats = self._stats[session] = SessionStats()
        return stats

    def on_close(self, hook: Hook) -> Callable[[], None]:
        """Run *hook* once, at the next close; it may be a coroutine function.

        Returns:
            A function that takes the hook back.
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
        # Unwinding runs every hook, even after a failure, and closes the connections last.
        async with contextlib.AsyncExitStack() as stack:
            await over_sessions.stop(loop)
            loop_sessions = self._loops.pop(loop, None)
            if loop_sessions is not None:
                stack.push_async_callback(loop_sessions.keeper.aclose)
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

    def rows(self) -> list[OriginRow]:
        """One row per origin of every open session, sorted by origin."""
        total: dict[str, OriginStats] = {}
        idle: Counter[str] = Counter()
        for session, stats in list(self._stats.items()):
            if session.closed:
                continue
            idle += _idle_connections(session)
            for origin, count in stats.origins.items():
                row = total.setdefault(origin, OriginStats())
                row.calls += count.calls
                row.in_flight += count.in_flight
                row.received += count.received
                row.errors += count.errors
        return [
            OriginRow(
                origin, idle[origin] + t.in_flight, t.in_flight, t.calls, t.received, t.errors
            )
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

    def make(self, *, guarded: bool = False) -> aiohttp.ClientSession:
        """Open a session and begin its rows in the table."""
        self.opened += 1
        session = open_session(guarded=guarded)
        self.stats(session)
        return session

    def forget(self, loop_sessions: _LoopSessions) -> None:
        """Drop *loop_sessions*, whose loop shuts down."""
        for loop, sessions_of_loop in list(self._loops.items()):
            if sessions_of_loop is loop_sessions:
                del self._loops[loop]

    def _of_loop(self) -> _LoopSessions:
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():
            self._leave_to_parent()
        loop_sessions = self._loops.get(loop)
        if loop_sessions is None or loop_sessions.session.closed:
            self._drop_closed_loops()
            loop_sessions = self._loops[loop] = _LoopSessions(self)
        return loop_sessions

    def _leave_to_parent(self) -> None:
        """Forget the connections after a fork: a close here would break them in the parent."""
        self._pid = os.getpid()
        self._inherited.extend(self._loops.values())
        self._loops.clear()
        self._stats = WeakKeyDictionary()
        self._hooks.clear()
        self.opened = 0

    def _drop_closed_loops(self) -> None:
        """Drop the sessions of loops that were closed without notice."""
        for loop, loop_sessions in list(self._loops.items()):
            if loop.is_closed():
                del self._loops[loop]
                for session in loop_sessions.sessions():
                    drop(session)

    def _close_stopped(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        if not loop.is_closed():
            with contextlib.suppress(TimeoutError, RuntimeError, OSError):
                loop.run_until_complete(asyncio.wait_for(self.close(), timeout))
        self._drop_closed_loops()

    def _at_exit(self) -> None:
        """Close what is left, with nothing that needs a thread: executors have ended by now."""
        if self._pid != os.getpid():
            return
        for loop in list(self._loops):
            self.close_from_thread(loop, 2.0)


async def _run(hook: Hook) -> None:
    result = hook()
    if inspect.isawaitable(result):
        await result


def _idle_connections(session: aiohttp.ClientSession) -> Counter[str]:
    """Pooled connections by origin; none if aiohttp renames them, since they are not public."""
    count: Counter[str] = Counter()
    for key, connections in getattr(session.connector, "_conns", {}).items():
        host = f"[{key.host}]" if ":" in key.host else key.host
        count[f"{'https' if key.is_ssl else 'http'}://{host}:{key.port}"] += len(connections)
    return count


class OurConnector(aiohttp.TCPConnector):
    """The connections of a session of ours, which is known by them."""


def open_session(*, guarded: bool = False) -> aiohttp.ClientSession:
    """Open a session without cookies, netrc and limits; a `Route` brings proxy and trust.

    Args:
        guarded: It connects to public addresses only, and remembers no name.
    """
    _prime_malloc()
    if guarded:
        connector = OurConnector(limit=0, resolver=PublicResolver(), use_dns_cache=False)
    else:
        connector = OurConnector(limit=0)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


class PublicResolver(AbstractResolver):
    """Resolves a name to public addresses, which alone are then connected to, or fails."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look *host* up once.

        Raises:
            UnsafeURLError: One of its addresses is not public.
        """
        addresses = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family
        )
        check_addresses(host, [str(address[0]) for *_, address in addresses])
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


def drop(session: aiohttp.ClientSession) -> None:
    """Let go of a session whose loop is closed, in silence: nobody could have closed it in time."""
    connector = session.connector
    session.detach()
    if connector is None:
        return
    for connections in getattr(connector, "_conns", {}).values():
        for protocol, _ in connections:
            transport = protocol.transport
            plain_socket = getattr(transport, "_sock", None)
            if plain_socket is not None:
                plain_socket.close()
                with contextlib.suppress(AttributeError):
                    transport._sock = None  # noqa: SLF001 - what its own close does on a live loop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        closing = connector.close().__await__()
        with contextlib.suppress(StopIteration, RuntimeError):
            next(closing)


@functools.cache
def _prime_malloc() -> None:
    """Make glibc keep blocks of the size that asyncio receives into.

    It maps them anew for every read until a mapped block of that size has been freed once;
    measured, a quarter of a small call's CPU.
    """
    block = bytes(1 << 20)
    del block


sessions = SessionRegistry()
"""The registry of this process."""

atexit.register(sessions._at_exit)  # noqa: SLF001 - our own
