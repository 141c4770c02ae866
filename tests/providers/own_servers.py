"""Small loopback servers that play somebody's own machine, as a test scripts it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OwnServer:
    """A server whose routes a test gives; it remembers what came in.

    Attributes:
        url: Its origin.
        requests: Method, path and body of each request; the body is JSON, or a form as fields.
    """

    def __init__(self, routes: dict[str, Handler]) -> None:
        """Take routes such as `"POST /prompt"`."""
        self.url = ""
        self.requests: list[tuple[str, Any]] = []
        self.headers: list[Any] = []
        self._app = web.Application(middlewares=[self._note], client_max_size=1 << 26)
        for route, handler in routes.items():
            method, path = route.split(" ")
            self._app.router.add_route(method, path, handler)

    def sent(self, route: str) -> list[Any]:
        """The bodies of all requests to *route*."""
        return [body for name, body in self.requests if name == route]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["OwnServer"]:
        """Listen during the block."""
        runner = web.AppRunner(self._app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body: Any = None
        if request.content_type == "application/json":
            body = await request.json()
        elif request.content_type.startswith("multipart/"):
            body = dict(await request.post())
        self.headers.append(request.headers)
        self.requests.append((f"{request.method} {request.path}", body))
        return await handler(request)
