"""google-genai starts, looks after, cancels and deletes interactions at the simulator."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.genai import _gaos
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from mediatoolkit.simulator.sounds import Utterance, speak, wav
from tests.conformance.conftest import QUIET, Sdk, png

pytestmark = QUIET
refusals: Any = _gaos.lib.compat_errors

FILM: Any = {
    "model": "gemini-omni-1.1-flash",
    "background": True,
    "input": "a fox runs",
    "response_format": {
        "type": "video",
        "aspect_ratio": "16:9",
        "resolution": "360p",
        "duration": "3s",
        "delivery": "uri",
    },
}


@pytest.fixture(params=[False, True], ids=["direct", "redirected"])
async def sim(request: pytest.FixtureRequest) -> AsyncIterator[Simulator]:
    """Makes small results."""
    async with Simulator(picture=png("teal"), redirects=request.param) as simulator:
        yield simulator


async def test_a_film_is_started_looked_after_and_downloaded(sdk: Sdk, sim: Simulator) -> None:
    started = await sdk.call("interactions.create", **FILM)
    assert started.status == "in_progress"
    assert started.model == "gemini-omni-1.1-flash"
    looks = [await sdk.call("interactions.get", started.id) for _ in range(3)]

    assert [each.status for each in looks] == ["in_progress", "in_progress", "completed"]
    video = looks[-1].output_video
    assert video.mime_type == "video/mp4"
    assert video.uri.startswith("https://generativelanguage.googleapis.com/v1beta/files/")
    data = await sdk.call("files.download", file=video.uri)
    assert is_mp4(data)
    usage = looks[-1].usage
    assert usage.total_tokens == 3 + usage.total_output_tokens + usage.total_thought_tokens
    assert usage.output_tokens_by_modality[0].modality == "video"
    # The SDK hands its key to whatever host it is led to; see `sim.leaks`.
    assert len(sim.leaks) == sum(each.origin == sim.files_url for each in sim.requests)


async def test_a_picture_is_turned_into_a_film(sdk: Sdk) -> None:
    picture = {"type": "image", "mime_type": "image/png", "data": base64.b64encode(png()).decode()}
    started = await sdk.call(
        "interactions.create",
        **FILM
        | {
            "input": [picture, {"type": "text", "text": "it moves"}],
            "generation_config": {"video_config": {"task": "image_to_video"}, "seed": 4},
        },
    )

    assert started.status == "in_progress"


async def test_a_cancelled_film_stays_cancelled(sdk: Sdk) -> None:
    started = await sdk.call("interactions.create", **FILM)
    cancelled = await sdk.call("interactions.cancel", started.id)
    looked = await sdk.call("interactions.get", started.id)

    assert (cancelled.id, cancelled.status) == (started.id, "cancelled")
    assert looked.status == "cancelled"
    assert looked.output_video is None


async def test_what_was_deleted_is_not_found(sdk: Sdk) -> None:
    started = await sdk.call("interactions.create", **FILM)
    await sdk.call("interactions.delete", started.id)
    with pytest.raises(refusals.NotFoundError) as caught:
        await sdk.call("interactions.get", started.id)

    assert caught.value.status_code == 404
    assert caught.value.body["error"] == {
        "code": "not_found",
        "message": "Requested entity was not found.",
    }


async def test_an_unknown_id_is_a_bad_request(sdk: Sdk) -> None:
    with pytest.raises(refusals.BadRequestError, match="Invalid interaction name"):
        await sdk.call("interactions.get", "v1_nothing")


async def test_a_film_is_three_to_ten_seconds_long(sdk: Sdk) -> None:
    bad = FILM | {"response_format": {"type": "video", "duration": "12s"}}
    with pytest.raises(refusals.BadRequestError) as caught:
        await sdk.call("interactions.create", **bad)

    error = caught.value.body["error"]
    assert (error["code"], error["message"]) == ("invalid_request", "Invalid duration.")


async def test_a_429_is_tried_again_by_the_sdk(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.Status(429, retry_after="0", retry_delay="1.2s"))
    started = await sdk.call("interactions.create", **FILM)

    assert started.status == "in_progress"
    assert len(sim.requests) == 2


async def test_a_refusal_completes_with_words(sdk: Sdk, sim: Simulator) -> None:
    sim.then(faults.TextOnly("I can't make that video."))
    started = await sdk.call("interactions.create", **FILM)
    looked = [await sdk.call("interactions.get", started.id) for _ in range(3)][-1]

    assert (looked.status, looked.output_video) == ("completed", None)
    assert looked.output_text == "I can't make that video."


async def test_a_failure_says_why(sdk: Sdk, sim: Simulator) -> None:
    started = await sdk.call("interactions.create", **FILM)
    sim.then(faults.EndsAs("failed", message="Out of memory."), at="poll")
    looked = await sdk.call("interactions.get", started.id)

    assert looked.status == "failed"
    assert looked.errors[0].message == "Out of memory."


async def test_a_picture_comes_at_once(sdk: Sdk) -> None:
    form = {"type": "image", "aspect_ratio": "16:9", "image_size": "1K", "mime_type": "image/jpeg"}
    interaction = await sdk.call(
        "interactions.create",
        model="gemini-3.1-flash-lite-image",
        input="a blue square",
        response_format=form,
    )

    assert interaction.status == "completed"
    assert interaction.output_image.mime_type == "image/jpeg"
    picture = Image.open(io.BytesIO(base64.b64decode(interaction.output_image.data)))
    assert picture.format == "JPEG"
    assert interaction.usage.total_output_tokens == 1120


async def test_a_picture_is_edited_from_the_one_before(sdk: Sdk) -> None:
    model = "gemini-3.1-flash-image"
    first = await sdk.call("interactions.create", model=model, input="a fox")
    second = await sdk.call(
        "interactions.create", model=model, input="at night", previous_interaction_id=first.id
    )

    assert second.status == "completed"
    assert second.id != first.id


async def test_speech_comes_in_the_form_that_was_asked_for(sdk: Sdk) -> None:
    interaction = await sdk.call(
        "interactions.create",
        model="gemini-3.8-flash-tts",
        input="hello",
        response_format={"type": "audio", "mime_type": "audio/wav", "sample_rate": 24_000},
        generation_config={"speech_config": [{"voice": "Puck", "language": "en-US"}]},
    )

    audio = interaction.output_audio
    assert (audio.mime_type, audio.sample_rate, audio.channels) == ("audio/wav", 24_000, 1)
    assert base64.b64decode(audio.data) == wav(speak([Utterance("hello", "Puck")]))


async def test_a_stream_tells_each_step(sim: Simulator) -> None:
    sdk = Sdk(sim, "aio")
    stream: Any = await sdk.client.aio.interactions.create(
        model="gemini-3.8-flash-tts", input="hello there", stream=True
    )
    events = [event async for event in stream]
    await sdk.close()

    names = [event.event_type for event in events]
    pieces = names.count("step.delta") - 1
    assert pieces > 1
    assert names == [
        "interaction.created",
        "interaction.status_update",
        "step.start",
        "step.delta",
        "step.stop",
        "step.start",
        *["step.delta"] * pieces,
        "step.stop",
        "interaction.completed",
    ]
    thought, *deltas = [event.delta for event in events if event.event_type == "step.delta"]
    assert (thought.type, bool(thought.signature)) == ("thought_signature", True)
    sound = [delta.data for delta in deltas]
    assert b"".join(map(base64.b64decode, sound)) == speak([Utterance("hello there", "Kore")])
    assert events[-1].interaction.status == "completed"
    assert not any(event.event_id for event in events), "recorded streams have none"
