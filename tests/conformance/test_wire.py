"""The requests in `tests/wire/` are what google-genai sends."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.wire import Request
from tests.conformance.conftest import QUIET, Sdk, png, types

pytestmark = QUIET

WIRE = Path(__file__).parent.parent / "wire"
# User-Agent and x-goog-api-client name the SDK's and Python's version of the day.
COMPARED = ("Content-Type", "X-Server-Timeout")


async def image_sync(sdk: Sdk) -> None:
    image = types.ImageConfig(aspect_ratio="16:9", image_size="2K")
    await sdk.generate(
        model="gemini-3.1-flash-lite-image",
        contents="a blue square",
        config=types.GenerateContentConfig(response_modalities=["IMAGE"], image_config=image),
    )


async def image_edit(sdk: Sdk) -> None:
    reference = types.Part.from_bytes(data=png("teal"), mime_type="image/png")
    text = types.Part.from_text(text="make it green")
    harm = types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_ONLY_HIGH")
    first = await sdk.generate(
        model="gemini-3-pro-image",
        contents=[reference, text],
        config=types.GenerateContentConfig(
            system_instruction="be brief",
            safety_settings=[harm],
            service_tier="flex",
            candidate_count=1,
            seed=7,
            response_modalities=["TEXT", "IMAGE"],
            thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="LOW"),
        ),
    )
    turns = [types.UserContent(text), first.candidates[0].content, types.UserContent("now red")]
    await sdk.generate(model="gemini-3-pro-image", contents=turns)


async def plain(sdk: Sdk) -> None:
    await sdk.generate(model="gemini-3-pro-image", contents="x")


CALLS: dict[str, tuple[Callable[[Sdk], Awaitable[None]], dict[str, Any]]] = {
    "image_sync": (image_sync, {}),
    "image_edit": (image_edit, {}),
    "timeout_header": (plain, {"timeout": 30500}),
    "image_v1beta": (plain, {"api_version": "v1beta"}),
}


@pytest.fixture
async def sim() -> Any:
    """Answers with the small picture that stands in the recordings."""
    async with Simulator(picture=png("olive")) as simulator:
        yield simulator


@pytest.mark.parametrize("name", CALLS)
async def test_the_sdk_sends_what_was_recorded(
    sim: Simulator, connect: Callable[..., Sdk], name: str
) -> None:
    call, options = CALLS[name]
    await call(connect(**options))

    recorded = json.loads((WIRE / f"gemini.{name}.json").read_text())["requests"]
    assert [shape(request) for request in sim.requests] == [expected(each) for each in recorded]


def test_every_recording_is_compared() -> None:
    assert {path.stem for path in WIRE.glob("*.json")} == {f"gemini.{name}" for name in CALLS}


def shape(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "headers": {name: request.headers.get(name) for name in COMPARED},
        "body": request.body,
    }


def expected(recorded: dict[str, Any]) -> dict[str, Any]:
    return recorded | {"headers": {name: recorded["headers"].get(name) for name in COMPARED}}
