"""Replicate's own SDK against the simulator."""

import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from PIL import Image
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from mediatoolkit.simulator.http import FormPart
from tests.conformance import sdks
from tests.conformance.conftest import png
from tests.conformance.replay import recorded, shape

KEY = "a-token-of-tests"
SCHNELL = "black-forest-labs/flux-schnell"
VERSION = "a" * 64


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("replicate",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[Client]:
    async with sdks.replicate(sim) as client:
        yield client


async def fetched(url: str) -> tuple[str, bytes]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.content_type, await response.read()


async def asked(
    sim: Simulator, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """What the service says without the SDK in between."""
    fields = {"Authorization": f"Bearer {KEY}"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = sim.replicate.url + path
    async with (
        aiohttp.ClientSession(headers=fields) as http,
        http.request(method, url, json=body) as response,
    ):
        return response.status, await response.json()


async def run_model(sdk: Client, model: str, **options: Any) -> Any:
    """Untyped, since the SDK promises a list, an iterator, or anything."""
    return await sdk.async_run(model, **options)


async def create(sdk: Client, model: str = SCHNELL, **options: Any) -> Any:
    inputs = options.pop("input", {"prompt": "x"})
    return await sdk.models.predictions.async_create(model=model, input=inputs, **options)


async def test_run_brings_a_picture_at_its_url(sdk: Client, sim: Simulator) -> None:
    inputs = {"prompt": "x", "aspect_ratio": "16:9", "num_outputs": 2, "output_format": "png"}
    urls = await run_model(sdk, SCHNELL, input=inputs)

    assert len(urls) == 2
    for url in urls:
        assert url.startswith(sim.files_url)
        content_type, data = await fetched(url)
        assert content_type == "image/png"
        assert Image.open(io.BytesIO(data)).size == (1344, 768)
    assert len(sim.requests_for("start")) == 1
    assert not sim.requests_for("poll")
    (bill,) = sim.replicate.meter.records
    assert (bill.model, bill.units, float(bill.usd)) == (SCHNELL, {"image": 2}, 0.006)


async def test_a_prediction_starts_works_and_succeeds(sdk: Client, sim: Simulator) -> None:
    prediction = await create(sdk, input={"prompt": "x", "seed": 7})
    states = [(prediction.status, prediction.output)]
    bars = []
    for _ in range(3):
        await prediction.async_reload()
        states.append((prediction.status, prediction.output))
        bars.append(prediction.progress)

    assert [status for status, _ in states] == ["starting", "starting", "processing", "succeeded"]
    assert [output is None for _, output in states] == [True, True, True, False]
    assert bars[0] is None
    assert [(bar.current, bar.total) for bar in bars[1:]] == [(2, 3), (3, 3)]
    assert (prediction.model, prediction.version) == (SCHNELL, "hidden")
    assert prediction.input == {"prompt": "x", "seed": 7}
    assert prediction.metrics["predict_time"] > 0
    assert prediction.created_at <= prediction.completed_at
    assert (await fetched(prediction.output[0]))[0] == "image/webp"
    assert float(sim.meter.total) == 0.003


async def test_a_version_is_known_by_its_hash(sdk: Client) -> None:
    by_hash = await sdk.predictions.async_create(version=VERSION, input={"prompt": "x"})
    urls = await run_model(sdk, f"simulated/painter:{VERSION}", input={"prompt": "x"})

    assert (by_hash.model, by_hash.version) == ("simulated/painter", VERSION)
    assert len(urls) == 1


async def test_a_deployment_runs_its_model(sdk: Client) -> None:
    deployment = await sdk.deployments.predictions.async_create(
        deployment="simulated/posters", input={"prompt": "x"}
    )

    assert deployment.model == "black-forest-labs/flux-dev"


@pytest.mark.parametrize(
    ("prefer", "looks", "code", "status"),
    [
        ("wait", 2, 201, "processing"),
        ("wait=5", 2, 201, "processing"),
        ("wait=1", 2, 202, "starting"),
        ("wait", 100, 202, "starting"),
    ],
    ids=["wait", "wait=5", "wait=1", "slow"],
)
async def test_prefer_says_how_long_a_request_waits(
    sim: Simulator, prefer: str, looks: int, code: int, status: str
) -> None:
    sim.looks = looks
    path = f"/v1/models/{SCHNELL}/predictions"
    answer = await asked(sim, "POST", path, {"input": {"prompt": "x"}}, Prefer=prefer)

    assert (answer[0], answer[1]["status"]) == (code, status)
    assert (answer[1]["output"] is None) == (code == 202)


@pytest.mark.parametrize(
    ("fault", "polls", "status"),
    [(None, 5, "canceled"), (faults.EndsAs("starting"), 5, "aborted")],
    ids=["running", "waiting"],
)
async def test_cancel_after_ends_a_prediction(
    sim: Simulator, fault: faults.ApiFault | None, polls: int, status: str
) -> None:
    sim.looks = 100
    if fault:
        sim.then(fault, at="start")
    path = f"/v1/models/{SCHNELL}/predictions"
    body = {"input": {"prompt": "x"}}
    _, prediction = await asked(sim, "POST", path, body, Cancel_After="5s")
    states = []
    for _ in range(polls):
        _, answer = await asked(sim, "GET", f"/v1/predictions/{prediction['id']}")
        states.append(answer["status"])

    assert status not in states[:-1]
    assert states[-1] == status
    assert not sim.meter.total + sim.meter.unfinished


@pytest.mark.parametrize("value", ["3s", "25h", "soon"])
async def test_cancel_after_has_bounds(sim: Simulator, value: str) -> None:
    path = f"/v1/models/{SCHNELL}/predictions"
    code, _ = await asked(sim, "POST", path, {"input": {"prompt": "x"}}, Cancel_After=value)

    assert code == 400


async def test_a_cancelled_prediction_costs_nothing(sdk: Client, sim: Simulator) -> None:
    prediction = await create(sdk)
    await prediction.async_cancel()
    await prediction.async_reload()

    assert prediction.status == "canceled"
    assert not sim.meter.total + sim.meter.unfinished


async def test_a_cancel_that_comes_too_late_changes_nothing(sdk: Client, sim: Simulator) -> None:
    sim.looks = 0
    prediction = await create(sdk)
    await prediction.async_reload()
    cancelled = await sdk.predictions.async_cancel(prediction.id)

    assert cancelled.status == prediction.status == "succeeded"
    assert sim.meter.total


async def test_an_aborted_prediction_is_more_than_the_sdk_knows(
    sdk: Client, sim: Simulator
) -> None:
    sim.then(faults.EndsAs("aborted"), at="poll")
    prediction = await create(sdk)

    with pytest.raises(ValueError, match="unexpected value; permitted: 'starting'"):
        await prediction.async_reload()

    _, document = await asked(sim, "GET", f"/v1/predictions/{prediction.id}")
    assert (document["status"], document["output"]) == ("aborted", None)
    assert not sim.meter.total + sim.meter.unfinished


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.PromptBlocked(), "NSFW content detected"),
        (faults.EndsAs("failed", message="CUDA out of memory"), "CUDA out of memory"),
    ],
    ids=["nsfw", "failed"],
)
async def test_a_prediction_fails(
    sdk: Client, sim: Simulator, fault: faults.ApiFault, error: str
) -> None:
    sim.then(fault, at="start")

    with pytest.raises(ModelError, match=error) as caught:
        await run_model(sdk, SCHNELL, input={"prompt": "x"})

    assert caught.value.prediction.status == "failed"
    assert caught.value.prediction.output is None
    assert not sim.meter.total + sim.meter.unfinished


async def test_a_file_is_uploaded_and_shines_through(sdk: Client, sim: Simulator) -> None:
    file = await sdk.files.async_create(
        io.BytesIO(png("red")), filename="red.png", content_type="image/png", metadata={"a": 1}
    )
    same = await sdk.files.async_get(file.id)
    outputs = [
        await run_model(sdk, SCHNELL, input={"prompt": "x", "image": image, "seed": 1})
        for image in (file.urls["get"], io.BytesIO(png("red")))
    ]

    assert (file.name, file.content_type, file.size) == ("red.png", "image/png", len(png("red")))
    assert (file.metadata, same) == ({"a": 1}, file)
    assert (await fetched(outputs[0][0])) == (await fetched(outputs[1][0]))
    await sdk.files.async_delete(file.id)
    assert (await asked(sim, "GET", f"/v1/files/{file.id}"))[0] == 404


async def test_a_foreign_file_fails_the_prediction(sdk: Client) -> None:
    with pytest.raises(ModelError, match="Failed to download the file"):
        await run_model(sdk, SCHNELL, input={"prompt": "x", "image": "https://example.invalid/a"})


async def test_a_film_is_one_url(sdk: Client, sim: Simulator) -> None:
    inputs = {"prompt": "a fox", "duration": 3}
    url = await run_model(sdk, "simulated/film", input=inputs)

    content_type, data = await fetched(url)
    assert content_type == "video/mp4"
    assert is_mp4(data)
    assert sim.replicate.meter.records[0].units == {"second": 3}


async def test_a_model_speaks(sdk: Client) -> None:
    url = await run_model(sdk, "simulated/speech", input={"text": "hello"})

    assert (await fetched(url))[0] == "audio/mpeg"


async def test_predictions_are_listed(sdk: Client) -> None:
    names = [(await create(sdk)).id for _ in range(3)]
    page = await sdk.predictions.async_list()

    assert [each.id for each in page.results] == names[::-1]
    assert page.next is None


async def test_a_missing_input_is_named_as_recorded(sdk: Client, sim: Simulator) -> None:
    with pytest.raises(ReplicateError) as caught:
        await create(sdk, input={})
    answer = await asked(sim, "POST", f"/v1/models/{SCHNELL}/predictions", {"input": {}})

    assert (caught.value.status, caught.value.title) == (422, "Input validation failed")
    problem = {"type": "required", "field": "input", "description": "prompt is required"}
    document = {
        "title": "Input validation failed",
        "status": 422,
        "detail": "- input: prompt is required\n",
        "invalid_fields": [problem],
    }
    assert answer == (422, document)


@pytest.mark.parametrize(
    ("inputs", "detail"),
    [
        ({"prompt": 7}, "- input.prompt: Invalid type. Expected: string"),
        ({"num_outputs": 9}, "- input.num_outputs: Must be less than or equal to 4"),
        ({"output_format": "gif"}, '"webp", "jpg", "png"'),
    ],
    ids=["type", "range", "word"],
)
async def test_what_does_not_fit_is_named(sdk: Client, inputs: dict[str, Any], detail: str) -> None:
    with pytest.raises(ReplicateError) as caught:
        await create(sdk, input={"prompt": "x", **inputs})

    assert detail in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("fault", "status", "detail"),
    [
        (faults.Status(401), 401, "You did not pass a valid authentication token"),
        (faults.Status(429, quota=0), 402, "You have insufficient credit to run this model."),
        (faults.Status(429), 429, "Request was throttled. Your rate limit resets in ~30s."),
        (faults.Status(500), 500, "An internal error has occurred."),
    ],
    ids=["401", "402", "429", "500"],
)
async def test_the_sdk_reads_the_error(
    sdk: Client, sim: Simulator, fault: faults.Status, status: int, detail: str
) -> None:
    sim.then(fault)

    with pytest.raises(ReplicateError) as caught:
        await create(sdk)

    assert (caught.value.status, caught.value.detail) == (status, detail)
    assert len(sim.requests) == 1


async def test_the_sdk_polls_again_after_a_429(sdk: Client, sim: Simulator) -> None:
    prediction = await create(sdk)
    sim.then(faults.Status(429, retry_after="0"), at="poll")
    await prediction.async_reload()

    assert len(sim.requests_for("poll")) == 2


async def test_too_many_are_throttled_with_a_time(sdk: Client, sim: Simulator) -> None:
    sim.per_minute = 1
    await create(sdk)
    with pytest.raises(ReplicateError) as caught:
        await create(sdk)

    assert re.fullmatch(
        r"Request was throttled\. Your rate limit resets in ~(59|60)s\.", caught.value.detail or ""
    )


@pytest.mark.parametrize("model", ["nobody/nothing", "acme/new-video"])
async def test_only_named_models_are_there(sdk: Client, sim: Simulator, model: str) -> None:
    sim.models = ("acme/new-video",)
    if model in sim.models:
        prediction = await create(sdk, model, input={"prompt": "x", "mood": "blue"}, wait=True)
        assert (await fetched(prediction.output))[0] == "video/mp4"
        return
    with pytest.raises(ReplicateError) as caught:
        await create(sdk, model)
    assert caught.value.status == 404


async def run(sdk: Client) -> None:
    await run_model(sdk, SCHNELL, input={"prompt": "x", "image": io.BytesIO(png())})


async def poll_cancel(sdk: Client) -> None:
    prediction = await create(sdk)
    await prediction.async_reload()
    await prediction.async_reload()
    second = await sdk.predictions.async_create(
        version=VERSION,
        input={"prompt": "x"},
        wait=5,
        webhook="https://example.invalid/h",
        webhook_events_filter=["completed"],
    )
    await sdk.predictions.async_cancel(second.id)


CALLS: dict[str, Callable[[Client], Awaitable[None]]] = {
    each.__name__: each for each in (run, poll_cancel)
}


@pytest.mark.parametrize("name", CALLS)
async def test_the_sdk_sends_what_was_recorded(sdk: Client, sim: Simulator, name: str) -> None:
    await CALLS[name](sdk)

    assert [plain(shape(each, "Prefer")) for each in sim.requests] == recorded(
        f"replicate.{name}", "Prefer"
    )


def plain(request: dict[str, Any]) -> dict[str, Any]:
    """*request* with the names of files and predictions, and the port, replaced."""
    request["path"] = re.sub(r"predictions/p\d+", "predictions/ID", request["path"])
    body = request["body"]
    if isinstance(body, list):
        request["body"] = [part_shape(part) for part in body]
    elif body and "image" in body.get("input", {}):
        url = re.sub(r":\d+/v1/files/\w+", ":PORT/v1/files/ID", body["input"]["image"])
        request["body"] = {**body, "input": {**body["input"], "image": url}}
    return request


def part_shape(part: FormPart) -> dict[str, Any]:
    return {"name": part.name, "filename": part.filename, "content_type": part.mime_type}
