"""The vendors' own SDKs, pointed at the simulator. Each is imported where it is wanted: it is slow.

All are untyped on purpose: they take plain words where their annotations name enums.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mediatoolkit.simulator import Simulator

TIMEOUT_MS = 60_000


@asynccontextmanager
async def elevenlabs(sim: Simulator) -> AsyncIterator[Any]:
    """ElevenLabs' own."""
    from elevenlabs import AsyncElevenLabs

    client = AsyncElevenLabs(api_key=sim.key, base_url=sim.elevenlabs.url)
    yield client
    await client._client_wrapper.httpx_client.httpx_client.aclose()


@asynccontextmanager
async def fal(sim: Simulator) -> AsyncIterator[Any]:
    """Fal's own; its addresses are constants of a module."""
    import fal_client

    url = sim.fal.url
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fal_client.client, "RUN_URL_FORMAT", f"{url}/run/")
        patch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{url}/queue/")
        patch.setattr(fal_client.client, "REST_URL", f"{url}/rest")
        patch.setattr(fal_client.client, "CDN_URL", f"{url}/cdn")
        client: Any = fal_client.AsyncClient(key=sim.key or "")
        yield client
        await (await client._client).aclose()


@asynccontextmanager
async def gemini(sim: Simulator) -> AsyncIterator[Any]:
    """Google's own."""
    from google import genai

    http: Any = {"base_url": sim.gemini.url}
    client = genai.Client(api_key=sim.key, http_options=http)
    yield client.aio
    await client.aio.aclose()
    client.close()


@asynccontextmanager
async def huggingface(sim: Simulator, models: Mapping[tuple[str, str], str]) -> AsyncIterator[Any]:
    """Makes clients of Hugging Face's own, whose router is the simulator; the Hub is not asked.

    Args:
        sim: Plays the router.
        models: The provider's name of the model `me/TASK`, by provider and task.
    """
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference._providers import _common, fal_ai

    mapping: Any = InferenceProviderMapping
    known: dict[str, dict[str, Any]] = {"fal-ai": {}, "replicate": {}}
    for (provider, task), model in models.items():
        name = f"me/{task}"
        known[provider][name] = mapping(
            provider=provider, hf_model_id=name, providerId=model, task=task, status="live"
        )

    def make(**options: Any) -> Any:
        return huggingface_hub.InferenceClient(token=options.pop("token", sim.key), **options)

    template = f"{sim.huggingface.url}/{{provider}}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", template)
        # It asks the Hub which tools it runs within, unless it tells the Hub nothing.
        patch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        patch.setattr(fal_ai, "_POLLING_INTERVAL", 0.01)
        patch.setattr(_common, "HARDCODED_MODEL_INFERENCE_MAPPING", known)
        yield make


@asynccontextmanager
async def mistral(sim: Simulator) -> AsyncIterator[Any]:
    """Mistral's own."""
    from mistralai.client import Mistral

    async with Mistral(api_key=sim.key, server_url=sim.mistral.url) as client:
        yield client


@asynccontextmanager
async def openai(
    sim: Simulator, vendor: str = "openai", *, key: str | None = None, strict: bool = True
) -> AsyncIterator[Any]:
    """OpenAI's own, at any vendor that speaks as OpenAI does; it does not repeat.

    Args:
        sim: Plays that vendor.
        vendor: Whose address is meant.
        key: Left out, the right one.
        strict: A response that does not fit the SDK's types is an error.
    """
    from openai import AsyncOpenAI

    async with AsyncOpenAI(
        api_key=key or sim.key,
        base_url=f"{sim.urls[vendor]}/v1",
        max_retries=0,
        _strict_response_validation=strict,
    ) as client:
        yield client


@asynccontextmanager
async def openrouter(sim: Simulator) -> AsyncIterator[Any]:
    """OpenRouter's own."""
    from openrouter import OpenRouter

    url = f"{sim.openrouter.url}/api/v1"
    async with OpenRouter(api_key=sim.key, server_url=url, timeout_ms=TIMEOUT_MS) as client:
        yield client


@asynccontextmanager
async def replicate(sim: Simulator) -> AsyncIterator[Any]:
    """Replicate's own."""
    from replicate.client import Client

    client = Client(api_token=sim.key, base_url=sim.replicate.url)
    client.poll_interval = 0
    yield client
    await client._async_client.aclose()


@asynccontextmanager
async def together(sim: Simulator, *, strict: bool = True) -> AsyncIterator[Any]:
    """Together's own; it does not repeat."""
    from together import AsyncTogether

    async with AsyncTogether(
        api_key=sim.key,
        base_url=sim.together.url,
        max_retries=0,
        _strict_response_validation=strict,
    ) as client:
        yield client
