"""google-genai takes the simulator for Gemini. What it parsed is compared, value by value."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageStat

from mediatoolkit.simulator import Simulator, faults
from tests.conformance.conftest import QUIET, Sdk, errors, png, types

MODEL = "gemini-3.1-flash-image"
pytestmark = QUIET

SMALL: Any = {"image_config": {"image_size": "512", "aspect_ratio": "1:1"}}


def picture_of(response: Any) -> Image.Image:
    """The result picture of a response, decoded."""
    parts = [part for part in response.parts if part.inline_data and not part.thought]
    assert len(parts) == 1
    assert parts[0].inline_data.mime_type == "image/jpeg"
    picture = Image.open(io.BytesIO(parts[0].inline_data.data))
    picture.load()
    assert picture.format == "JPEG"
    return picture


async def test_a_picture_is_generated(sdk: Sdk) -> None:
    response = await sdk.generate(
        model="gemini-3.1-flash-lite-image",
        contents="a red fox",
        config=types.GenerateContentConfig(
            response_modalities=["IMAGE"],
            image_config=types.ImageConfig(aspect_ratio="16:9", image_size="1K"),
            seed=3,
        ),
    )

    assert picture_of(response).size == (1360, 768)
    assert response.candidates[0].finish_reason is types.FinishReason.STOP
    assert response.text is None
    assert response.model_version == "gemini-3.1-flash-lite-image"
    assert len(response.response_id) == 16
    usage = response.usage_metadata
    assert usage.prompt_token_count == 3
    assert usage.candidates_token_count == 1518
    assert usage.thoughts_token_count == 120, "it thinks, shown or not"
    assert usage.total_token_count == 1641
    details = {each.modality: each.token_count for each in usage.candidates_tokens_details}
    assert details == {types.MediaModality.IMAGE: 1120}, "the rest is in the count alone"


async def test_a_reference_is_edited(sdk: Sdk) -> None:
    means = {}
    for color in ("red", "blue"):
        reference = types.Part.from_bytes(data=png(color), mime_type="image/png")
        response = await sdk.generate(model=MODEL, contents=[reference, "a fox"], config=SMALL)
        assert picture_of(response).size == (512, 512)
        means[color] = ImageStat.Stat(picture_of(response)).mean

    assert means["red"][0] > means["blue"][0] + 100
    assert means["blue"][2] > means["red"][2] + 100
    assert response.usage_metadata.prompt_token_count == 562


async def test_a_chat_sends_the_signatures_back(sdk: Sdk, sim: Simulator) -> None:
    config = types.GenerateContentConfig(**SMALL)
    first = await sdk.generate(model=MODEL, contents="a fox", config=config)
    history = [types.UserContent("a fox"), first.candidates[0].content]
    second = await sdk.generate(
        model=MODEL, contents=[*history, types.UserContent("now at night")], config=config
    )

    (picture,) = [part for part in first.parts if part.inline_data]
    assert len(picture.thought_signature) > 1.4 * len(picture.inline_data.data), "as recorded"
    (sent,) = sim.requests[1].body["contents"][1]["parts"]
    assert len(base64.urlsafe_b64decode(sent["thoughtSignature"])) == len(picture.thought_signature)
    assert second.candidates[0].finish_reason is types.FinishReason.STOP
    assert picture_of(second).tobytes() != picture_of(first).tobytes()


async def test_the_chat_helper_of_the_sdk_keeps_the_signatures(sim: Simulator) -> None:
    sdk = Sdk(sim, "aio")
    chat = sdk.client.aio.chats.create(model=MODEL, config=SMALL)
    await chat.send_message("a fox")
    second = await chat.send_message("now at night")
    await sdk.close()

    assert picture_of(second).size == (512, 512)
    assert len(sim.requests[1].body["contents"]) == 3


async def test_a_turn_without_its_signature_brings_no_picture(sdk: Sdk) -> None:
    first = await sdk.generate(model=MODEL, contents="a fox", config=SMALL)
    turn = first.candidates[0].content
    for part in turn.parts:
        part.thought_signature = None
    second = await sdk.generate(
        model=MODEL, contents=[types.UserContent("a fox"), turn, types.UserContent("more")]
    )

    reason = second.candidates[0].finish_reason
    assert reason is types.FinishReason.MISSING_THOUGHT_SIGNATURE
    assert second.parts is None


async def test_thoughts_come_first_when_they_are_included(sdk: Sdk) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_level="LOW")
    response = await sdk.generate(
        model=MODEL,
        contents="a fox",
        config=types.GenerateContentConfig(thinking_config=thinking, **SMALL),
    )

    assert [bool(part.thought) for part in response.parts] == [True, False]
    thought = response.parts[0].inline_data
    assert Image.open(io.BytesIO(thought.data)).size == (128, 128)
    assert response.usage_metadata.thoughts_token_count == 120
    assert picture_of(response).size == (512, 512)


async def test_safety_settings_and_every_option_are_accepted(sdk: Sdk) -> None:
    response = await sdk.generate(
        model="gemini-3-pro-image",
        contents="a fox",
        config=types.GenerateContentConfig(
            safety_settings=[
                types.SafetySetting(category=f"HARM_CATEGORY_{name}", threshold="BLOCK_ONLY_HIGH")
                for name in ("HARASSMENT", "HATE_SPEECH", "DANGEROUS_CONTENT", "SEXUALLY_EXPLICIT")
            ],
            system_instruction="be brief",
            service_tier="flex",
            temperature=0.5,
            top_p=0.9,
            top_k=40,
            candidate_count=1,
            max_output_tokens=5000,
            stop_sequences=["end"],
            media_resolution="MEDIA_RESOLUTION_LOW",
            seed=1,
        ),
    )

    assert picture_of(response).size == (1408, 768), "recorded without a shape"


async def test_a_setting_the_service_does_not_know_is_refused(sdk: Sdk) -> None:
    config = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="7:5"))
    with pytest.raises(errors.ClientError) as caught:
        await sdk.generate(model=MODEL, contents="a fox", config=config)

    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert "aspect_ratio" in caught.value.message


async def test_a_blocked_prompt_says_why(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked("PROHIBITED_CONTENT"))
    response = await sdk.generate(model=MODEL, contents="bad")

    assert response.candidates is None
    assert response.prompt_feedback.block_reason is types.BlockedReason.PROHIBITED_CONTENT
    assert response.usage_metadata.total_token_count == 1


async def test_a_blocked_candidate_says_why(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.CandidateBlocked("IMAGE_SAFETY"))
    response = await sdk.generate(model=MODEL, contents="bad")

    assert response.candidates[0].finish_reason is types.FinishReason.IMAGE_SAFETY
    assert response.candidates[0].content.parts is None
    assert response.parts is None


# The SDK warns of every enum value it does not know, and keeps it.
@pytest.mark.filterwarnings("ignore:SOMETHING_NEW is not a valid FinishReason:UserWarning")
async def test_an_unknown_end_is_kept(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.UnknownFinish())
    response = await sdk.generate(model=MODEL, contents="x")

    assert response.candidates[0].finish_reason.value == "SOMETHING_NEW"


async def test_an_answer_cut_in_two_is_continued(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.Continuation())
    response = await sdk.generate(model=MODEL, contents="a fox", config=SMALL)

    assert len(sim.requests) == 2
    assert sim.requests[1].body["continuationToken"]
    assert picture_of(response).size == (512, 512)


async def test_a_429_tells_the_wait(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.Status(429, retry_delay="27s"))
    with pytest.raises(errors.ClientError) as caught:
        await sdk.generate(model=MODEL, contents="x")

    error = caught.value
    assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED")
    assert error.message == "You exceeded your current quota. Please retry in 27s."
    details = {each["@type"].rpartition(".")[2]: each for each in error.details["error"]["details"]}
    assert details["RetryInfo"]["retryDelay"] == "27s"
    assert details["QuotaFailure"]["violations"][0]["quotaDimensions"]["model"] == MODEL


async def test_a_front_ends_page_is_the_message(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.Status(503, html=True))
    with pytest.raises(errors.ServerError) as caught:
        await sdk.generate(model=MODEL, contents="x")

    assert caught.value.code == 503
    assert caught.value.message.startswith("<html>")


@pytest.mark.parametrize("model", ["banana", "gemini-2.5-flash-image"])
async def test_a_model_that_is_not_served_is_not_found(sdk: Sdk, model: str) -> None:
    with pytest.raises(errors.ClientError) as caught:
        await sdk.generate(model=model, contents="x")

    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert f"models/{model}" in caught.value.message


async def test_a_bad_key_is_a_400_with_a_reason(connect: Callable[..., Sdk]) -> None:
    with pytest.raises(errors.ClientError) as caught:
        await connect(api_key="wrong").generate(model=MODEL, contents="x")

    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert caught.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


async def test_a_stream_brings_a_picture_and_its_end(sdk: Sdk) -> None:
    picture, end = await sdk.stream(model=MODEL, contents="a fox", config=SMALL)

    assert picture_of(picture).size == (512, 512)
    assert picture.candidates[0].finish_reason is None
    assert end.candidates[0].finish_reason is types.FinishReason.STOP
    assert end.usage_metadata.candidates_token_count == 1145
    assert picture.usage_metadata == end.usage_metadata, "every event has one, as recorded"
    assert picture.response_id == end.response_id


async def test_an_error_midway_in_a_stream_is_raised(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.StreamError(503, "The model is overloaded."))
    with pytest.raises(errors.ServerError) as caught:
        await sdk.stream(model=MODEL, contents="a fox", config=SMALL)

    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
    assert caught.value.message == "The model is overloaded."


async def test_models_are_listed_in_pages(sim: Simulator) -> None:
    sdk = Sdk(sim, "aio")
    pager = await sdk.client.aio.models.list(config={"page_size": 2})
    names = [model.name async for model in pager]
    single = await sdk.client.aio.models.get(model="gemini-3-pro-image")
    await sdk.close()

    assert len(names) == 11
    assert len(sim.requests) == 7
    assert single.name == "models/gemini-3-pro-image"
    assert "generateContent" in (single.supported_actions or ())
    assert single.input_token_limit == 65536
