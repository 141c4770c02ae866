"""Whatever stands anywhere in an answer, what comes of it is typed, prints and shows no key."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.media import Provenance
from mediatoolkit.providers.jobs import PollAgain
from mediatoolkit.runtime.context import CallContext
from tests.test_prompts import picture
from tests.transport.server import Server, said, serving

KEY = "AIza-nonsense+key/0123456789"
NONSENSE: list[Any] = [None, True, 1e308, "\ud800", KEY, [], {}, [None], [5], [{"data": None}]]

PICTURE = base64.b64encode(picture()).decode()
SOUND = base64.b64encode(bytes(2400)).decode()
USAGE = {
    "thoughtsTokenCount": 2,
    "totalTokenCount": 9,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
}


def generated(mime_type: str, data: str) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": mime_type, "data": data}, "thoughtSignature": "c2ln"}
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "promptFeedback": {"blockReasonMessage": "none"},
        "usageMetadata": USAGE,
        "responseId": "r1",
    }


BLOCKED = {
    "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"},
    "candidates": [
        {
            "finishReason": "SAFETY",
            "finishMessage": "no",
            "content": {"parts": [{"text": "no"}]},
        }
    ],
}
INTERACTION = {
    "id": "abc",
    "status": "completed",
    "steps": [
        {
            "type": "model_output",
            "content": [
                {"type": "text", "text": "here"},
                {"type": "video", "uri": "https://10.0.0.1/film", "data": "bm8gZmlsbQ=="},
            ],
            "error": {"code": 1, "message": "no"},
        }
    ],
    "errors": [{"code": "x", "message": "no"}],
    "usage": {"total_tokens": 1, "output_tokens_by_modality": [{"modality": "v", "tokens": 1}]},
}
VOICES = {
    "voices": [
        {
            "id": "Kore",
            "type": "prebuilt",
            "gender": "female",
            "sample_audio": {"data": SOUND, "mime_type": "audio/l16"},
        }
    ]
}
ENVELOPE = {
    "error": {
        "code": 400,
        "message": "no",
        "status": "INVALID_ARGUMENT",
        "details": [
            {"reason": "NONE", "violations": [{"quotaId": "PerMinute"}], "retryDelay": "9s"}
        ],
    }
}


def twisted(document: Any) -> Iterator[Any]:
    """Copies of *document*, each with nonsense in the place of one of its values."""
    yield from NONSENSE
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        inside = twisted(value) if isinstance(value, (dict, list)) else iter(NONSENSE)
        for other in inside:
            copy = json.loads(json.dumps(document))
            copy[key] = other
            yield copy


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


async def shown(ask: Callable[[], Awaitable[object]]) -> str:
    """All that a notebook or a file may get to see of what comes."""
    try:
        answer = await ask()
    except PollAgain as again:  # a deadline shows what the last look brought
        return again.words
    except MediaToolkitError as error:
        return f"{error}{vars(error)!r}"
    many: list[Any] = answer if isinstance(answer, list) else [answer]
    records = [media.provenance.to_json() for media in many if getattr(media, "provenance", None)]
    return f"{many!r}{records}"


async def through(
    server: Server, document: Any, ask: Callable[[], Awaitable[object]], status: int = 200
) -> None:
    for twist in twisted(document):
        server.script.clear()
        server.then(said(twist, status))
        seen = await shown(ask)
        assert seen.isprintable(), twist
        assert KEY not in seen, twist


@pytest.mark.parametrize("document", [generated("image/png", PICTURE), BLOCKED])
async def test_a_picture(server: Server, document: Any) -> None:
    async with mt.GeminiImageClient(KEY, base_url=server.url) as client:
        await through(server, document, lambda: client.generate("a fox"))


@pytest.mark.parametrize("document", [generated("audio/L16;rate=24000", SOUND), BLOCKED])
async def test_speech(server: Server, document: Any) -> None:
    async with mt.GeminiSpeechClient(KEY, base_url=server.url) as client:
        await through(server, document, lambda: client.generate("Hello."))


async def test_the_list_of_voices(server: Server) -> None:
    async with mt.GeminiSpeechClient(KEY, base_url=server.url) as client:
        await through(server, VOICES, client.voices)


async def test_the_start_and_the_state_and_the_end_of_a_film(server: Server) -> None:
    origin = Provenance(model="gemini/x", prompt="a fox", engine="gemini")
    async with mt.GeminiVideoClient(KEY, base_url=server.url) as client, CallContext(60) as context:
        await through(server, INTERACTION, lambda: client.submit(mt.VideoPrompt("a fox"), context))
        await through(server, INTERACTION, lambda: client.poll("abc", origin, context))
        await through(server, INTERACTION, lambda: client.cancel("abc", context))


@pytest.mark.parametrize("status", [400, 404])
async def test_a_refusal(server: Server, status: int) -> None:
    async with mt.GeminiImageClient(KEY, base_url=server.url) as client:
        await through(server, ENVELOPE, lambda: client.generate("a fox"), status)


async def test_what_a_picture_cost(server: Server) -> None:
    document = {"data": [{"b64_json": PICTURE}], "usage": {"cost": 0.04}}
    async with mt.OpenRouterImageClient(KEY, base_url=server.url) as client:
        await through(server, document, lambda: client.generate("a fox"))


@pytest.mark.parametrize("client", [mt.OpenRouterVideoClient, mt.TogetherVideoClient])
def test_what_a_film_cost(client: Any) -> None:
    costs: tuple[Any, ...] = (KEY, "1e-999999", "x" * 1000, [], {}, True, -1, 1e308)
    for cost in costs:
        document = {"usage": {"cost": cost}, "outputs": {"cost": cost}}
        assert client(KEY).usage_of(document) == {}


async def test_the_name_of_a_film_is_one_that_can_be_asked_for(server: Server) -> None:
    server.then(said({**INTERACTION, "id": " abc\u200b\n"}))
    async with mt.GeminiVideoClient(KEY, base_url=server.url) as client, CallContext(60) as context:
        assert await client.submit(mt.VideoPrompt("a fox"), context) == "abc"


async def test_a_film_named_by_its_address_beside_an_empty_field(server: Server) -> None:
    content = [{"type": "video", "data": None, "uri": "https://10.0.0.1/film"}]
    steps = [{"type": "model_output", "content": content}]
    server.then(said({"status": "completed", "steps": steps}))
    origin = Provenance(model="gemini/x", prompt="a fox", engine="gemini")
    async with mt.GeminiVideoClient(KEY, base_url=server.url) as client, CallContext(60) as context:
        with pytest.raises(mt.UnsafeURLError, match="not public"):
            await client.poll("abc", origin, context)


async def test_a_voice_whose_sample_is_empty_is_a_voice(server: Server) -> None:
    server.then(said({"voices": [{"id": "Kore", "sample_audio": {"data": None}}]}))
    async with mt.GeminiSpeechClient(KEY, base_url=server.url) as client:
        (voice,) = await client.voices()
    assert (voice.name, voice.sample) == ("Kore", None)
