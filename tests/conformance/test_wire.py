"""The requests in `tests/wire/` are what google-genai sends."""

import json
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from google.genai import _gaos

from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.http import Request
from tests.conformance.conftest import QUIET, Sdk, errors, png, types

pytestmark = QUIET
refusals: Any = _gaos.lib.compat_errors

WIRE = Path(__file__).parent.parent / "wire"
# User-Agent and x-goog-api-client name the SDK's and Python's version of the day.
COMPARED = ("Content-Type", "X-Server-Timeout")


async def image_sync(sdk: Sdk) -> None:
    """Recorded before it was known that this model draws 1K alone."""
    image = types.ImageConfig(aspect_ratio="16:9", image_size="2K")
    with pytest.raises(errors.ClientError, match="Use one of 1K"):
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


async def tts_single(sdk: Sdk) -> None:
    kore = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Kore"))
    await sdk.generate(
        model="gemini-3.8-flash-tts",
        contents="hello",
        config=types.GenerateContentConfig(
            response_modalities=["AUDIO"],
            speech_config=types.SpeechConfig(voice_config=kore, language_code="en-US"),
        ),
    )


async def tts_multi(sdk: Sdk) -> None:
    speakers = [
        types.SpeakerVoiceConfig(
            speaker=speaker,
            voice_config=types.VoiceConfig(
                prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=name)
            ),
        )
        for speaker, name in (("Joe", "Kore"), ("Jane", "Puck"))
    ]
    several = types.MultiSpeakerVoiceConfig(speaker_voice_configs=speakers)
    await sdk.generate(
        model="gemini-2.5-flash-preview-tts",
        contents="TTS the conversation:\nJoe: hi\nJane: hello",
        config=types.GenerateContentConfig(
            response_modalities=["AUDIO"],
            speech_config=types.SpeechConfig(multi_speaker_voice_config=several),
        ),
    )


async def tts_38_style(sdk: Sdk) -> None:
    parts = [
        types.Part(text="Hello there.", speech_metadata={"speaker": "Joe", "style": "cheerful"}),
        types.Part(text="Hi!", speech_metadata={"speaker": "Jane"}),
    ]
    voice = types.SpeechConfig(voice_config=types.VoiceConfig(voice="Kore"))
    config = types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=voice)
    await sdk.generate(model="gemini-3.8-flash-tts", contents=parts, config=config)
    await sdk.stream(model="gemini-3.8-flash-tts", contents=parts, config=config)


async def voices(sdk: Sdk) -> None:
    await sdk.call("voices.list", page_size=2, gender=["female"], language_code=["en-US", "en-GB"])
    await sdk.call("voices.list", contexts=["News"], type_=["prebuilt"], search="warm")
    await sdk.call("voices.get", "Kore")


FILM: dict[str, Any] = {
    "aspect_ratio": "16:9",
    "delivery": "uri",
    "duration": "5s",
    "resolution": "720p",
    "type": "video",
}


async def interaction_video(sdk: Sdk) -> None:
    interaction = await sdk.call(
        "interactions.create",
        model="gemini-omni-1.1-flash",
        background=True,
        input="a fox runs",
        response_format=FILM,
    )
    interaction = await sdk.call("interactions.get", interaction.id)
    await sdk.call("files.download", file=interaction.output_video.uri)
    picture = {"type": "image", "mime_type": "image/png", "data": b64encode(png("teal")).decode()}
    await sdk.call(
        "interactions.create",
        model="gemini-omni-1.1-flash",
        background=True,
        input=[picture, {"type": "text", "text": "the fox looks up"}],
        generation_config={"seed": 7, "video_config": {"task": "image_to_video"}},
        response_format=FILM,
    )
    await sdk.call(
        "interactions.create",
        model="gemini-omni-1.1-flash",
        background=True,
        input="it goes on",
        previous_interaction_id=interaction.id,
        generation_config={"video_config": {"task": "extend"}},
        response_format=FILM,
    )


async def interaction_cancel_delete(sdk: Sdk) -> None:
    made = await sdk.call(
        "interactions.create", model="gemini-omni-1.1-flash", background=True, input="a fox"
    )
    await sdk.call("interactions.cancel", made.id)
    await sdk.call("interactions.delete", made.id)


async def interaction_tts(sdk: Sdk) -> None:
    await sdk.call(
        "interactions.create",
        model="gemini-3.8-flash-tts",
        input="hello",
        response_format={"type": "audio", "mime_type": "audio/wav", "sample_rate": 24000},
        generation_config={"speech_config": [{"voice": "Kore", "language": "en-US"}]},
    )


async def interaction_image(sdk: Sdk) -> None:
    """Recorded before it was known that the service takes no delivery for pictures."""
    with pytest.raises(refusals.BadRequestError, match="Image delivery mode is not supported"):
        await sdk.call(
            "interactions.create",
            model="gemini-3.1-flash-lite-image",
            input="a blue square",
            response_format={
                "type": "image",
                "aspect_ratio": "16:9",
                "image_size": "1K",
                "mime_type": "image/jpeg",
                "delivery": "inline",
            },
        )


CALLS: dict[str, tuple[Callable[[Sdk], Awaitable[None]], dict[str, Any]]] = {
    "image_sync": (image_sync, {}),
    "image_edit": (image_edit, {}),
    "timeout_header": (plain, {"timeout": 30500}),
    "image_v1beta": (plain, {"api_version": "v1beta"}),
    "tts_single": (tts_single, {}),
    "tts_multi": (tts_multi, {}),
    "tts_38_style": (tts_38_style, {}),
    "voices": (voices, {}),
    "interaction_video": (interaction_video, {}),
    "interaction_cancel_delete": (interaction_cancel_delete, {}),
    "interaction_tts": (interaction_tts, {}),
    "interaction_image": (interaction_image, {}),
}


@pytest.fixture
async def sim() -> Any:
    """Answers with the small picture that stands in the recordings, and finishes at once."""
    async with Simulator(picture=png("olive"), looks=0) as simulator:
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
    assert {path.stem for path in WIRE.glob("gemini.*.json")} == {
        f"gemini.{name}" for name in CALLS
    }


def shape(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": plain_ids(request.path),
        "query": query_of(request),
        "headers": {name: request.headers.get(name) for name in COMPARED},
        "body": plain_ids(request.body),
    }


def query_of(request: Request) -> dict[str, Any]:
    """The query; a name that is repeated has a list."""
    values = {name: request.values(name) for name in request.query}
    return {name: entries[0] if len(entries) == 1 else entries for name, entries in values.items()}


def plain_ids(value: Any) -> Any:
    """*value* with the ids of interactions and files, which differ each time, replaced."""
    text = json.dumps(value)
    text = re.sub(r"v1_[\w-]{16}", "v1_interaction", text)
    return json.loads(re.sub(r"files/[0-9a-f]{12}", "files/abc123", text))


def expected(recorded: dict[str, Any]) -> dict[str, Any]:
    return recorded | {"headers": {name: recorded["headers"].get(name) for name in COMPARED}}
