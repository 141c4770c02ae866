"""What tests do with a batch, and with what comes of it."""

import io
from collections.abc import Mapping
from typing import Any

import PIL.Image

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Media
from mediatoolkit.prompts import ImagePrompt, Prompt
from mediatoolkit.providers.batches import BatchClient, BatchProgress
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.gather import Polling
from tests.providers.batch_vendors import PICTURE

USAGE = {
    "promptTokenCount": 10,
    "candidatesTokenCount": 1120,
    "totalTokenCount": 1130,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}


def drawn(*, data: str = PICTURE, **more: Any) -> dict[str, Any]:
    """A response of Gemini with a picture."""
    part = {"inlineData": {"mimeType": "image/png", "data": data}}
    candidate = {"content": {"parts": [part]}, "finishReason": "STOP"}
    return {"response": {"candidates": [candidate], "usageMetadata": USAGE, **more}}


def painted(**more: Any) -> dict[str, Any]:
    """A line of OpenAI with a picture."""
    usage = {"input_tokens": 10, "output_tokens": 272, "total_tokens": 282}
    body = {"created": 1, "data": [{"b64_json": PICTURE}], "usage": usage, **more}
    return {"response": {"status_code": 200, "request_id": "req_1", "body": body}, "error": None}


def refused(status: int, **error: Any) -> dict[str, Any]:
    """A line of OpenAI with an error response."""
    response = {"status_code": status, "request_id": "req_2", "body": {"error": error}}
    return {"response": response, "error": None}


def prompts(count: int, **options: Any) -> dict[str, ImagePrompt]:
    return {f"row-{n}": ImagePrompt.of(f"fox {n}", **options) for n in range(count)}


def named(_key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A picture whose response has the prompt as its id."""
    return drawn(responseId=body["contents"][0]["parts"][-1]["text"].replace(" ", "-"))


async def until_over(client: BatchClient[Any, Any], name: str) -> BatchProgress:
    async def look() -> BatchProgress | None:
        async with CallContext(20) as context:
            progress = await client.poll_batch(name, context)
        return progress if progress.is_over else None

    return await Polling(0.001, 0.001).until(look)


async def submitted(client: BatchClient[Any, Any], batch: Mapping[str, Prompt]) -> str:
    async with CallContext(20) as context:
        return await client.submit_batch(batch, context)


async def results_of(
    client: BatchClient[Any, Any], name: str, batch: Mapping[str, Prompt]
) -> dict[str, Media | MediaToolkitError]:
    async with CallContext(60) as context:
        results = client.batch_results(name, batch, context)
        return {key: result async for key, result in results}


async def made(
    client: BatchClient[Any, Any], batch: Mapping[str, Prompt]
) -> dict[str, Media | MediaToolkitError]:
    name = await submitted(client, batch)
    await until_over(client, name)
    return await results_of(client, name, batch)


def error_in(result: Media | MediaToolkitError) -> MediaToolkitError:
    assert isinstance(result, MediaToolkitError)
    return result


def image_in(result: Media | MediaToolkitError) -> mt.Image:
    assert isinstance(result, mt.Image)
    return result


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()
