"""The official SDK, pointed at the simulator, in its two ways: sync in a thread, and async."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from google import genai
from PIL import Image

from mediatoolkit.simulator import Simulator

# The SDK subclasses aiohttp's session, and aiohttp warns of that.
QUIET = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)
# Untyped on purpose: the SDK takes plain words where its annotations name enums.
types: Any = genai.types
errors: Any = genai.errors


def png(color: str = "teal", size: tuple[int, int] = (8, 8)) -> bytes:
    """A small plain picture."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Paints, coarsely."""
    async with Simulator(detail=64) as simulator:
        yield simulator


class Sdk:
    """One SDK client; `await sdk.generate(...)` whichever way it speaks."""

    def __init__(
        self, sim: Simulator, way: str, *, api_key: str = "test-key", **options: Any
    ) -> None:
        """Point a client at *sim*; *way* is `"sync"` or `"aio"`."""
        self.way = way
        http: Any = {"base_url": sim.url, **options}
        self.client = genai.Client(api_key=api_key, http_options=http)

    async def generate(self, **request: Any) -> Any:
        if self.way == "aio":
            return await self.client.aio.models.generate_content(**request)
        return await asyncio.to_thread(self.client.models.generate_content, **request)

    async def stream(self, **request: Any) -> list[Any]:
        if self.way == "aio":
            chunks = await self.client.aio.models.generate_content_stream(**request)
            return [chunk async for chunk in chunks]
        return await asyncio.to_thread(
            lambda: list(self.client.models.generate_content_stream(**request))
        )

    async def call(self, method: str, *args: Any, **request: Any) -> Any:
        """Any other method by its path, such as `"interactions.create"`."""
        target: Any = self.client.aio if self.way == "aio" else self.client
        for name in method.split("."):
            target = getattr(target, name)
        if self.way == "aio":
            return await target(*args, **request)
        return await asyncio.to_thread(target, *args, **request)

    async def close(self) -> None:
        await self.client.aio.aclose()
        await asyncio.to_thread(self.client.close)


@pytest.fixture(params=["sync", "aio"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def connect(sim: Simulator, way: str) -> AsyncIterator[Callable[..., Sdk]]:
    """Makes SDK clients and closes them."""
    sdks: list[Sdk] = []

    def make(**options: Any) -> Sdk:
        sdks.append(Sdk(sim, way, **options))
        return sdks[-1]

    yield make
    for sdk in sdks:
        await sdk.close()


@pytest.fixture
def sdk(connect: Callable[..., Sdk]) -> Sdk:
    return connect()
