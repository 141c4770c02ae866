from collections.abc import AsyncIterator

import pytest

from mediatoolkit.providers.gemini import GeminiImageClient
from mediatoolkit.simulator import Simulator
from tests.test_prompts import picture

KEY = "test-key"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """Answers every prompt with one small picture."""
    async with Simulator(picture=picture(), key=KEY) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[GeminiImageClient]:
    async with GeminiImageClient(api_key=KEY, base_url=sim.url) as gemini:
        yield gemini


@pytest.fixture(autouse=True)
async def close_sessions(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """No key from outside, and no session left for the next test's loop."""
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    yield
    from mediatoolkit.transport.session import sessions

    await sessions.close()
