"""One HTTP origin on loopback, and the log that all origins of a simulator share."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from mediatoolkit.simulator.wire import Line, Request

Route = Callable[[Line, Request], Awaitable[None]]
_HOST = "127.0.0.1"


@dataclass(eq=False, slots=True)
class Log:
    """What happened at all origins of one simulator."""

    requests: list[Request] = field(default_factory=list)
    aborted: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Origin:
    """An HTTP server on a port of 127.0.0.1.

    Args:
        route: Carries out one request.
        log: Where requests and broken ones are noted.
    """

    def __init__(self, route: Route, log: Log) -> None:
        """Prepare; `listen` opens the port."""
        self._route = route
        self._log = log
        self._serving: dict[asyncio.Task[Any], object] = {}  # and the connection of each
        self._server = _Server(self._serve, log)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.2)
        self.url = ""

    @property
    def connections(self) -> int:
        """How many connections peers hold, or left with a request that is not cleared away."""
        return len(self._server.open.union(self._serving.values()))

    async def listen(self, port: int) -> None:
        """Open *port*; 0 lets the system choose."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _HOST, port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.url = f"http://{_HOST}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """End every request and connection, free the port."""
        tasks, self._serving = self._serving, {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._runner.cleanup()

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler always runs in one
        self._serving[task] = incoming.protocol
        line = Line(incoming)
        try:
            with contextlib.suppress(ConnectionError):
                await self._carry(line, incoming)
        finally:
            if not (line.complete or line.broken) and task in self._serving:
                self._log.aborted += 1
            self._serving.pop(task, None)
            self._log.changed.set()
        return line.response

    async def _carry(self, line: Line, incoming: web.BaseRequest) -> None:
        body = await incoming.content.read()
        request = Request(
            method=incoming.method,
            path=incoming.path,
            query=incoming.query,
            headers=incoming.headers,
            body=_parsed(body),
            origin=self.url,
        )
        self._log.requests.append(request)
        self._log.changed.set()
        await self._route(line, request)


class _Server(web.Server):
    """aiohttp's server, with its connections counted the moment they come and go."""

    def __init__(self, serve: Any, log: Log) -> None:
        super().__init__(serve, handler_cancellation=True, access_log=None)
        self.open: set[object] = set()
        self._log = log

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.open.add(handler)
        self._log.changed.set()

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.open.discard(handler)
        self._log.changed.set()


def _parsed(body: bytes) -> Any:
    """JSON, or the bytes when they are none, or None when there are none."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body
