from collections.abc import AsyncIterator

import pytest

from mediatoolkit.providers.gemini import GeminiImageClient
from mediatoolkit.providers.openai import OpenAIImageClient
from mediatoolkit.simulator import Simulator
from tests.providers import batch_calls, batch_vendors
from tests.providers.batch_vendors import GeminiVendor, OpenAIVendor
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


@pytest.fixture
async def google() -> AsyncIterator[GeminiVendor]:
    vendor = GeminiVendor(batch_calls.named)
    async with vendor.open():
        yield vendor


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIVendor]:
    vendor = OpenAIVendor(lambda _key, _line: batch_calls.painted())
    async with vendor.open():
        yield vendor


@pytest.fixture
async def gemini(google: GeminiVendor) -> AsyncIterator[GeminiImageClient]:
    async with GeminiImageClient(
        batch_vendors.KEY, base_url=google.url, model="gemini-3-pro-image"
    ) as client:
        yield client


@pytest.fixture
async def painter(openai: OpenAIVendor) -> AsyncIterator[OpenAIImageClient]:
    url = f"{openai.url}/v1"
    async with OpenAIImageClient(batch_vendors.KEY, base_url=url, model="gpt-image-2") as client:
        yield client
