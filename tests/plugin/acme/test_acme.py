"""Acme's client passes the contract against a server of Acme's own on loopback."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from acme_media import AcmeImageClient
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from mediatoolkit.testing import HttpImageClientContract, VendorHandle

Respond = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


class AcmeVendor(VendorHandle):
    """A server that draws plain squares, or does what the contract wants."""

    key = "key-of-acme"

    def __init__(self) -> None:
        """Draw plain squares."""
        self._count = 0
        self._came = asyncio.Event()
        self._next: list[Respond] = []
        self._usual: Respond = self._draw
        self._server = TestServer(web.Application())
        self._server.app.router.add_post("/v1/draw", self._serve)

    async def start(self) -> None:
        await self._server.start_server()
        self.base_url = str(self._server.make_url("/v1"))

    async def close(self) -> None:
        await self._server.close()

    @property
    def requests(self) -> int:
        return self._count

    async def wait_for_request(self) -> None:
        await self._came.wait()

    def fail(self, status: int, *, times: int | None = None) -> None:
        async def respond(_request: web.Request) -> web.StreamResponse:
            error = {"message": "not today", "type": "unsafe" if status == 422 else "other"}
            return web.json_response({"error": error}, status=status)

        if times is None:
            self._usual = respond
        else:
            self._next += [respond] * times

    def refuse(self) -> None:
        self.fail(422)

    def stay_silent(self) -> None:
        async def respond(_request: web.Request) -> web.StreamResponse:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        self._usual = respond

    def hang_up(self) -> None:
        async def respond(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            response.content_length = 1_000
            await response.prepare(request)
            await response.write(b"{")
            assert request.transport is not None
            request.transport.abort()
            return response

        self._usual = respond

    def talk_nonsense(self) -> None:
        async def respond(_request: web.Request) -> web.StreamResponse:
            return web.Response(text="<html></html>", content_type="text/html")

        self._usual = respond

    def quote_key(self) -> None:
        async def respond(_request: web.Request) -> web.StreamResponse:
            return web.json_response({"error": {"message": f"bad {self.key}"}}, status=400)

        self._usual = respond

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self._count += 1
        self._came.set()
        return await (self._next.pop() if self._next else self._usual)(request)

    async def _draw(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "wrong key"}}, status=401)
        file = io.BytesIO()
        Image.new("RGB", (32, 32), "teal").save(file, "PNG")
        picture = base64.b64encode(file.getvalue()).decode()
        headers = {"x-request-id": "acme-1"}
        return web.json_response({"picture": picture, "usd": "0.01"}, headers=headers)


class TestAcme(HttpImageClientContract):
    client_type = AcmeImageClient

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[AcmeVendor]:
        vendor = AcmeVendor()
        await vendor.start()
        yield vendor
        await vendor.close()
