"""fal's own SDK against the simulator, its module constants pointed at it."""

import base64
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import fal_client
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks
from tests.conformance.conftest import png
from tests.conformance.replay import recorded, shape

KEY = "an-id:a-secret-of-tests"
SCHNELL = "fal-ai/flux/schnell"
FILM = "simulated/film/text-to-video"
SMALL = {"prompt": "a blue square", "image_size": {"width": 96, "height": 64}}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("fal",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[fal_client.AsyncClient]:
    async with sdks.fal(sim) as client:
        yield client


async def fetched(url: str) -> tuple[str, bytes]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.content_type, await response.read()


async def finished(handle: fal_client.AsyncRequestHandle) -> list[fal_client.Status]:
    return [event async for event in handle.iter_events(with_logs=True, interval=0)]


async def test_a_job_waits_works_and_brings_pictures(
    sdk: fal_client.AsyncClient, sim: Simulator
) -> None:
    handle = await sdk.submit(SCHNELL, {**SMALL, "num_images": 2, "seed": 7})
    unfinished = sim.meter.unfinished
    queued, working, completed = await finished(handle)
    result = await handle.get(interval=0)

    assert isinstance(queued, fal_client.Queued)
    assert queued.position == 0
    assert isinstance(working, fal_client.InProgress)
    assert [log["message"] for log in working.logs or ()] == ["step 1/3", "step 2/3"]
    assert isinstance(completed, fal_client.Completed)
    assert completed.metrics == {"inference_time": 0.4}
    assert (completed.error, completed.error_type) == (None, None)
    assert (result["seed"], result["prompt"]) == (7, "a blue square")
    assert result["has_nsfw_concepts"] == [False, False]
    for image in result["images"]:
        content_type, data = await fetched(image["url"])
        assert content_type == image["content_type"] == "image/jpeg"
        assert Image.open(io.BytesIO(data)).size == (image["width"], image["height"]) == (96, 64)
    assert float(unfinished) == float(sim.meter.total) == 0.006


async def test_urls_leave_out_the_path_behind_the_alias(
    sdk: fal_client.AsyncClient, sim: Simulator
) -> None:
    flux = await sdk.submit(SCHNELL, {"prompt": "x"})
    poster = await sdk.submit("workflows/simulated/poster", {"prompt": "x"})

    base = f"{sim.fal.url}/queue"
    assert flux.response_url == f"{base}/fal-ai/flux/requests/{flux.request_id}"
    assert flux.status_url == f"{flux.response_url}/status"
    assert flux.cancel_url == f"{flux.response_url}/cancel"
    assert poster.response_url == f"{base}/workflows/simulated/poster/requests/{poster.request_id}"
    wrong = f"{base}/{SCHNELL}/requests/{flux.request_id}/status"
    assert (await asked("GET", wrong))[0] == 405


@pytest.mark.parametrize("looks", [0, 1, 3])
async def test_a_job_takes_as_many_polls_as_are_set(
    sdk: fal_client.AsyncClient, sim: Simulator, looks: int
) -> None:
    sim.looks = looks
    handle = await sdk.submit(SCHNELL, SMALL)

    kinds = [type(status).__name__ for status in await finished(handle)]
    assert len(kinds) == looks + 1
    assert kinds[-1] == "Completed"


async def asked(method: str, url: str) -> tuple[int, Any]:
    """What the queue says without the SDK in between."""
    headers = {"Authorization": f"Key {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, url) as response,
    ):
        return response.status, await response.json()


async def test_the_status_answers_by_its_code(sdk: fal_client.AsyncClient) -> None:
    handle = await sdk.submit(SCHNELL, SMALL)
    answers = [await asked("GET", handle.status_url) for _ in range(3)]

    assert [code for code, _ in answers] == [202, 202, 200]
    assert answers[1][1]["logs"] is None
    assert answers[2][1]["logs"] is None


async def test_a_result_cannot_be_had_early(sdk: fal_client.AsyncClient) -> None:
    handle = await sdk.submit(SCHNELL, SMALL)

    answer = await asked("GET", handle.response_url)
    assert answer == (400, {"detail": "Request is still in progress"})


async def test_a_cancelled_job_costs_nothing(sdk: fal_client.AsyncClient, sim: Simulator) -> None:
    handle = await sdk.submit(SCHNELL, SMALL)
    await handle.cancel()
    (status,) = await finished(handle)

    assert isinstance(status, fal_client.Completed)
    assert status.error == "Request was cancelled"
    with pytest.raises(fal_client.FalClientHTTPError):
        await handle.get(interval=0)
    assert (float(sim.meter.total), float(sim.meter.unfinished)) == (0, 0)


async def test_a_cancel_may_come_too_late(sdk: fal_client.AsyncClient) -> None:
    handle = await sdk.submit(SCHNELL, SMALL)
    await finished(handle)

    assert await asked("PUT", handle.cancel_url) == (400, {"status": "ALREADY_COMPLETED"})


async def test_a_cancel_of_an_unknown_job_finds_nothing(sdk: fal_client.AsyncClient) -> None:
    handle = await sdk.submit(SCHNELL, SMALL)
    url = handle.cancel_url.replace(handle.request_id, "another")

    assert await asked("PUT", url) == (404, {"status": "NOT_FOUND"})


async def test_run_brings_the_result_at_once(sdk: fal_client.AsyncClient, sim: Simulator) -> None:
    result = await sdk.run(SCHNELL, {**SMALL, "image_size": "square", "output_format": "png"})

    _, data = await fetched(result["images"][0]["url"])
    assert (Image.open(io.BytesIO(data)).format, Image.open(io.BytesIO(data)).size) == (
        "PNG",
        (512, 512),
    )
    (bill,) = sim.fal.meter.records
    assert (bill.model, bill.units) == (SCHNELL, {"image": 1})


async def test_a_seed_repeats_its_picture(sdk: fal_client.AsyncClient) -> None:
    first = await sdk.run(SCHNELL, SMALL)
    again = await sdk.run(SCHNELL, {**SMALL, "seed": first["seed"]})

    pictures = [await fetched(result["images"][0]["url"]) for result in (first, again)]
    assert pictures[0] == pictures[1]


async def test_sync_mode_brings_data_uris(sdk: fal_client.AsyncClient) -> None:
    result = await sdk.run(SCHNELL, {**SMALL, "sync_mode": True})

    uri = result["images"][0]["url"]
    assert uri.startswith("data:image/jpeg;base64,")
    data = base64.b64decode(uri.partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (96, 64)


async def test_a_stream_ends_with_the_output(sdk: fal_client.AsyncClient) -> None:
    events = [event async for event in sdk.stream(SCHNELL, SMALL)]

    assert events[-1]["images"][0]["width"] == 96


async def test_an_uploaded_picture_shines_through(sdk: fal_client.AsyncClient) -> None:
    app = "fal-ai/flux/dev/image-to-image"
    url = await sdk.upload(png("red"), "image/png", "red.png")
    assert await fetched(url) == ("image/png", png("red"))
    by_url = await sdk.run(app, {"prompt": "x", "image_url": url, "seed": 1})
    inline = fal_client.encode(png("red"), "image/png")
    by_uri = await sdk.run(app, {"prompt": "x", "image_url": inline, "seed": 1})
    both = {"image_url": inline, "image_urls": [inline]}  # as huggingface_hub sends it
    by_both = await sdk.run(app, {"prompt": "x", **both, "seed": 1})

    results = (by_url, by_uri, by_both)
    pictures = [await fetched(result["images"][0]["url"]) for result in results]
    assert pictures[0] == pictures[1] == pictures[2]


async def test_the_older_upload_works_too(sdk: fal_client.AsyncClient) -> None:
    url = await sdk.upload(png("red"), "image/png", "red.png", repository="fal")

    assert await fetched(url) == ("image/png", png("red"))


async def test_a_film_is_an_mp4(sdk: fal_client.AsyncClient, sim: Simulator) -> None:
    handle = await sdk.submit(FILM, {"prompt": "a fox runs", "duration": 3, "aspect_ratio": "9:16"})
    video = (await handle.get())["video"]

    content_type, data = await fetched(video["url"])
    assert content_type == video["content_type"] == "video/mp4"
    assert video["file_size"] == len(data)
    assert is_mp4(data)
    (bill,) = sim.fal.meter.records
    assert bill.units == {"second": 3}


async def test_an_app_speaks(sdk: fal_client.AsyncClient) -> None:
    audio = (await sdk.run("simulated/speech", {"text": "hello", "voice": "a"}))["audio"]

    content_type, data = await fetched(audio["url"])
    assert content_type == audio["content_type"] == "audio/mpeg"
    assert data[0] == 0xFF


@pytest.mark.parametrize(
    ("inputs", "kind", "loc"),
    [
        ({}, "missing", ["body", "prompt"]),
        ({"prompt": 7}, "string_type", ["body", "prompt"]),
        ({"prompt": "x", "num_images": 9}, "less_than_equal", ["body", "num_images"]),
        (
            {"prompt": "x", "image_size": {"width": 8}},
            "missing",
            ["body", "image_size", "height"],
        ),
        ({"prompt": "x", "size": "1024x1024"}, "extra_forbidden", ["body", "size"]),
    ],
    ids=["missing", "type", "range", "nested", "unknown"],
)
async def test_what_does_not_fit_is_the_result(
    sdk: fal_client.AsyncClient,
    sim: Simulator,
    inputs: dict[str, Any],
    kind: str,
    loc: list[str],
) -> None:
    handle = await sdk.submit(SCHNELL, inputs)
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await handle.get(interval=0)

    assert caught.value.status_code == 422
    problems: Any = caught.value.message
    assert (problems[0]["type"], problems[0]["loc"]) == (kind, loc)
    assert problems[0]["url"] == f"https://docs.fal.ai/errors#{kind}"
    assert caught.value.response_headers["x-fal-retryable"] == "false"
    assert not sim.meter.total


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.invalid/a.png", "file_download_error"),
        ("data:image/png;base64,AAAA", "image_load_error"),
    ],
    ids=["foreign", "broken"],
)
async def test_a_picture_that_cannot_be_had_is_named(
    sdk: fal_client.AsyncClient, url: str, kind: str
) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await sdk.run("fal-ai/flux/dev/image-to-image", {"prompt": "x", "image_url": url})

    problems: Any = caught.value.message
    assert (problems[0]["type"], problems[0]["loc"]) == (kind, ["body", "image_url"])


async def test_a_refused_prompt_has_the_recorded_shape(
    sdk: fal_client.AsyncClient, sim: Simulator
) -> None:
    sim.then(faults.PromptBlocked(), at="start")
    handle = await sdk.submit(SCHNELL, {"prompt": "x"})
    *_, status = await finished(handle)
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await handle.get(interval=0)

    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "content_policy_violation"
    problems: Any = caught.value.message
    assert problems == [
        {
            "loc": ["body", "prompt"],
            "msg": "The content could not be processed because it was flagged.",
            "type": "content_policy_violation",
            "url": "https://docs.fal.ai/errors#content_policy_violation",
            "input": {"prompt": "x"},
        }
    ]
    assert caught.value.error_type == "content_policy_violation"
    assert not sim.meter.total


async def test_a_checker_may_flag_a_picture(sdk: fal_client.AsyncClient, sim: Simulator) -> None:
    sim.then(faults.PromptBlocked("nsfw"))

    assert (await sdk.run(SCHNELL, SMALL))["has_nsfw_concepts"] == [True]


@pytest.mark.parametrize(
    ("end", "code", "kind"),
    [
        (faults.EndsAs("failed", message="no"), 500, "internal_server_error"),
        (faults.EndsAs("failed", code="generation_timeout"), 504, "generation_timeout"),
        (faults.EndsAs("failed", code="startup_timeout"), 504, "startup_timeout"),
        (faults.EndsAs("failed", code="runner_disconnected"), 503, "runner_disconnected"),
    ],
    ids=["internal", "generation", "startup", "runner"],
)
async def test_a_job_fails(
    sdk: fal_client.AsyncClient, sim: Simulator, end: faults.EndsAs, code: int, kind: str
) -> None:
    sim.then(end, at="start")
    handle = await sdk.submit(SCHNELL, SMALL)
    *_, status = await finished(handle)
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await handle.get(interval=0)

    assert isinstance(status, fal_client.Completed)
    assert status.error
    assert (caught.value.status_code, caught.value.error_type) == (code, kind)
    assert not sim.meter.total


@pytest.mark.parametrize(
    ("fault", "code", "detail"),
    [
        (faults.Status(401), 401, "Authentication is required to access this application"),
        (faults.Status(429, quota=0), 403, "User is locked. Reason: Exhausted balance."),
        (faults.Status(504), 504, "Request timed out"),
    ],
    ids=["401", "balance", "504"],
)
async def test_the_sdk_reads_the_error(
    sdk: fal_client.AsyncClient, sim: Simulator, fault: faults.Status, code: int, detail: str
) -> None:
    sim.then(fault)

    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await sdk.submit(SCHNELL, SMALL, start_timeout=30)

    assert (caught.value.status_code, caught.value.message) == (code, detail)
    if code == 504:
        assert caught.value.error_type == "request_timeout"
        assert caught.value.response_headers["x-fal-request-timeout-type"] == "user"


async def test_the_sdk_comes_again_after_a_429(sdk: fal_client.AsyncClient, sim: Simulator) -> None:
    sim.then(faults.Status(429))

    assert (await sdk.run(SCHNELL, SMALL))["images"]
    assert len(sim.requests) == 2


async def test_an_unknown_app_is_not_found(sdk: fal_client.AsyncClient) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        await sdk.submit("fal-ai/nothing", SMALL)

    assert caught.value.status_code == 404


async def test_another_scheme_is_no_key(sim: Simulator) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{sim.fal.url}/{SCHNELL}"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, json=SMALL) as response,
    ):
        assert response.status == 401


async def test_a_named_app_takes_what_it_is_given(
    sdk: fal_client.AsyncClient, sim: Simulator
) -> None:
    sim.models = ("acme/new-video",)
    result = await sdk.run("acme/new-video", {"prompt": "x", "mood": "blue", "duration": "2s"})

    assert result["video"]["content_type"] == "video/mp4"


async def subscribe(sdk: fal_client.AsyncClient) -> None:
    arguments = {"prompt": "a blue square", "image_size": {"width": 8, "height": 8}}
    await sdk.subscribe(
        SCHNELL,
        arguments,
        with_logs=True,
        on_queue_update=lambda _: None,
        hint="h1",
        priority="low",
        start_timeout=30.0,
    )


async def async_submit_cancel(sdk: fal_client.AsyncClient) -> None:
    hook = "https://example.invalid/hook"
    handle = await sdk.submit(SCHNELL, {"prompt": "x"}, webhook_url=hook)
    await handle.status()
    await handle.cancel()


async def run_stream_upload(sdk: fal_client.AsyncClient) -> None:
    await sdk.run(SCHNELL, {"prompt": "x"})
    async for _ in sdk.stream(SCHNELL, {"prompt": "x"}):
        pass
    await sdk.upload(png(), "image/png", "ref.png")


CALLS: dict[str, Callable[[fal_client.AsyncClient], Awaitable[None]]] = {
    each.__name__: each for each in (subscribe, async_submit_cancel, run_stream_upload)
}
COMPARED = ("Content-Type", "X-Fal-Runner-Hint", "X-Fal-Queue-Priority", "X-Fal-Request-Timeout")


@pytest.mark.parametrize("name", CALLS)
async def test_the_sdk_sends_what_was_recorded(
    sdk: fal_client.AsyncClient, sim: Simulator, name: str
) -> None:
    await CALLS[name](sdk)

    sent = [shape(request, *COMPARED) for request in sim.requests]
    for each in sent:
        each["path"] = re.sub(r"requests/[0-9a-f-]+", "requests/ID", each["path"])
    assert sent == recorded(f"fal.{name}", *COMPARED)
