import io
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator
from tests.simulator.bodies import FOX, path, png
from tests.simulator.vendor import Vendor

Ask = Callable[..., Coroutine[Any, Any, tuple[int, Any]]]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Answers with one small picture."""
    async with Simulator(picture=png()) as simulator:
        yield simulator


@pytest.fixture
async def painting() -> AsyncIterator[Simulator]:
    """Paints, coarsely."""
    async with Simulator(detail=64) as simulator:
        yield simulator


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"x-goog-api-key": "test-key"}) as session:
        yield session


@pytest.fixture
def ask(http: aiohttp.ClientSession) -> Ask:
    """POST a body to a simulator; status and JSON come back."""

    async def send(
        sim: Simulator, body: Any = None, to: str | None = None, **options: Any
    ) -> tuple[int, Any]:
        url = sim.url + (to or path())
        # From a file, since aiohttp warns of large bodies that it would write at once.
        data = io.BytesIO(json.dumps(FOX if body is None else body).encode())
        async with http.post(url, data=data, **options) as response:
            return response.status, await response.json()

    return send


@pytest.fixture
def vendor(sim: Simulator, http: aiohttp.ClientSession) -> Vendor:
    """Talks to the simulator of one small picture."""
    return Vendor(sim, http)
