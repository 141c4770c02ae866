from collections.abc import AsyncIterator

import pytest

from mediatoolkit.providers.gemini import GeminiImageClient
from mediatoolkit.providers.openai import OpenAIImageClient
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
    for name in (*GeminiImageClient.key_names, *OpenAIImageClient.key_names):
        monkeypatch.delenv(name, raising=False)
    for name in ("GOOGLE_GEMINI_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    yield
    from mediatoolkit.transport.session import sessions

    await sessions.close()
