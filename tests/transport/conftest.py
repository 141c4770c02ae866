from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mediatoolkit.transport import Retry, Secret, Transport, sessions
from tests.transport.server import Server, serving

KEY = "AIza-top+secret/key=0123456789"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


@pytest.fixture
async def other() -> AsyncIterator[Server]:
    """A second origin."""
    async with serving() as one:
        yield one


@pytest.fixture
async def make(server: Server) -> AsyncIterator[Callable[..., Transport]]:
    """Makes transports that talk to the server with a key; retries pause for almost nothing."""

    def make(**options: Any) -> Transport:
        given: dict[str, Any] = {
            "provider": "acme",
            "secret": Secret(KEY, "ACME_KEY"),
            "auth_header": "x-acme-key",
            "retry": Retry(base=0.001),
        } | options
        return Transport(given.pop("base_url", server.url), **given)

    yield make
    await sessions.close()


@pytest.fixture
def transport(make: Callable[..., Transport]) -> Transport:
    return make()
