"""Mistral's own SDK against the simulator; and what OpenAI's makes of it."""

import base64
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import numpy as np
import openai
import pytest
from mistralai.client import Mistral, errors

from mediatoolkit.media import Audio
from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.sounds import Utterance, speak, wav
from tests.conformance import sdks

KEY = "a-key-of-tests"
MODEL = "voxtral-mini-tts-3-0"
TEXT = "Hello there."  # 0.4 seconds
SAMPLE = base64.b64encode(wav(speak([Utterance("this is me", "me")]))).decode()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("mistral",), key=KEY) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[Any]:
    """Untyped on purpose: the SDK takes plain words where its annotations name enums."""
    async with sdks.mistral(sim) as client:
        yield client


async def test_the_smallest_request_is_answered_in_json(sdk: Any, sim: Simulator) -> None:
    answer = await sdk.audio.speech.complete_async(input=TEXT)

    data = base64.b64decode(answer.audio_data)
    assert data.startswith(b"ID3")
    audio = Audio(data)
    assert audio.sample_rate == 22_050
    assert audio.seconds == pytest.approx(0.4, abs=0.03)
    assert sim.mistral.meter.total == Decimal(13) * len(TEXT) / 1_000_000


async def test_the_sdk_sends_every_field(sdk: Any) -> None:
    answer = await sdk.audio.speech.complete_async(
        input="[emotion=happy] hi",
        model=MODEL,
        metadata={"k": "v"},
        voice_id="voice_478",
        expressiveness=2.0,
        phoneme_hints={"Nguyen": ["w", "i", "n"]},
        response_format="wav",
    )
    cloned = await sdk.audio.speech.complete_async(
        input=TEXT, model=MODEL, ref_audio=SAMPLE, response_format="mp3"
    )

    assert Audio(base64.b64decode(answer.audio_data)).sample_rate == 24_000
    assert cloned.audio_data


async def test_samples_are_floats(sdk: Any) -> None:
    answer = await sdk.audio.speech.complete_async(
        input=TEXT, model=MODEL, voice_id="gb_jane_neutral", response_format="pcm"
    )

    samples = np.frombuffer(base64.b64decode(answer.audio_data), "<f4")
    assert samples.size == 24_000 * 0.4
    assert 0.2 < np.abs(samples).max() < 0.3


async def test_the_sdk_reads_the_stream(sdk: Any, sim: Simulator) -> None:
    request = {"input": TEXT, "model": MODEL, "voice_id": "voice_478", "response_format": "pcm"}
    whole = await sdk.audio.speech.complete_async(**request)
    stream = await sdk.audio.speech.complete_async(**request, stream=True)
    events = [event async for event in stream]

    assert {event.event for event in events[:-1]} == {"speech.audio.delta"}
    assert len(events) > 2
    data = b"".join(base64.b64decode(event.data.audio_data) for event in events[:-1])
    assert data == base64.b64decode(whole.audio_data)
    usage = events[-1].data.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert len(sim.mistral.meter.records) == 2


async def test_an_error_within_a_stream_is_an_unknown_event(sdk: Any, sim: Simulator) -> None:
    sim.then(faults.StreamError(message="boom"))
    stream = await sdk.audio.speech.complete_async(input=TEXT, model=MODEL, stream=True)
    kinds = [type(event.data).__name__ async for event in stream]

    assert kinds == ["SpeechStreamAudioDelta", "UnknownSpeechV1AudioSpeechPostData"]


async def test_openais_sdk_saves_json(sim: Simulator) -> None:
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=f"{sim.mistral.url}/v1", max_retries=0
    ) as client:
        response = await client.audio.speech.create(
            model=MODEL, input="hi", voice="voice_478", response_format="mp3"
        )

    assert response.content.startswith(b'{"audio_data":')


@pytest.mark.filterwarnings("ignore:.*Offset pagination:DeprecationWarning")
async def test_the_sdk_lists_the_voices_page_by_page(sdk: Any) -> None:
    listed = await sdk.audio.voices.list_async(limit=3, offset=3, type_="preset")
    voices, token = [], None
    while True:
        page = await sdk.audio.voices.search_async(page_size=2, page_token=token)
        voices += page.result.data
        token = page.result.next_page_token
        if token is None:
            break

    assert (listed.total, listed.page, listed.total_pages) == (4, 2, 2)
    assert [voice.id for voice in listed.items] == ["voice_902"]
    assert [voice.id for voice in voices][:2] == ["voice_478", "gb_jane_neutral"]
    assert len(voices) == 4


async def test_the_sdk_searches_the_voices(sdk: Any) -> None:
    page = await sdk.audio.voices.search_async(
        page_size=5, type_="all", gender=["female"], language=["fr"], query="mar", kind="ivc"
    )

    assert [voice.name for voice in page.result.data] == ["Marie"]


async def test_the_sdk_keeps_a_voice_of_its_own(sdk: Any) -> None:
    voice = await sdk.audio.voices.create_async(
        name="me",
        sample_audio=SAMPLE,
        sample_filename="me.wav",
        languages=["en"],
        gender="neutral",
        retention_notice=30,
    )
    renamed = await sdk.audio.voices.update_async(voice_id=voice.id, name="you")
    sample = await sdk.audio.voices.get_sample_audio_async(voice_id=voice.id)
    spoken = await sdk.audio.speech.complete_async(input=TEXT, model=MODEL, voice_id=voice.id)
    await sdk.audio.voices.delete_async(voice_id=voice.id)

    assert (voice.type, renamed.name) == ("custom", "you")
    assert Audio(await sample.aread()).seconds > 0.2
    assert spoken.audio_data
    with pytest.raises(errors.SDKError, match="Voice not found"):
        await sdk.audio.voices.get_async(voice_id=voice.id)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (faults.Status(401), 401, '"detail": "Unauthorized"'),
        (faults.PromptBlocked(), 403, '"type": "content_moderation"'),
        (faults.Status(429), 429, '"code": "1300"'),
        (faults.Status(503), 503, '"object": "error"'),
    ],
    ids=["key", "moderation", "rate", "busy"],
)
async def test_the_sdk_raises_with_the_body(
    sdk: Any, sim: Simulator, fault: faults.ApiFault, status: int, words: str
) -> None:
    sim.then(fault)

    with pytest.raises(errors.SDKError) as caught:
        await sdk.audio.speech.complete_async(input=TEXT)

    assert caught.value.status_code == status
    assert words in caught.value.body
    assert len(sim.requests) == 1
    assert sim.mistral.meter.total == 0


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"model": "none"}, 400, '"code": "1500"'),
        ({"voice_id": "nobody"}, 404, "Voice not found"),
        ({"input": " "}, 400, "must not be empty"),
    ],
    ids=["model", "voice", "empty"],
)
async def test_what_the_vendor_does_not_have_is_an_error(
    sdk: Any, fields: dict[str, Any], status: int, words: str
) -> None:
    with pytest.raises(errors.SDKError) as caught:
        await sdk.audio.speech.complete_async(**{"input": TEXT, **fields})

    assert caught.value.status_code == status
    assert words in caught.value.body


async def test_a_value_out_of_bounds_is_told_by_its_place(sdk: Any) -> None:
    with pytest.raises(errors.HTTPValidationError) as caught:
        await sdk.audio.speech.complete_async(input=TEXT, expressiveness=0.5)

    data: Any = caught.value.data
    (detail,) = data.detail
    assert (detail.type, detail.loc) == ("greater_than_equal", ["body", "expressiveness"])


async def test_the_key_is_asked_for(sim: Simulator) -> None:
    async with Mistral(api_key="another", server_url=sim.mistral.url) as client:
        with pytest.raises(errors.SDKError, match="Unauthorized"):
            await client.audio.speech.complete_async(input=TEXT)
