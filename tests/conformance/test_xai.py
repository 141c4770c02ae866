"""OpenAI's SDK pointed at xAI, with xAI's own fields beside; the edits it cannot send by `post`."""

import base64
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.conformance import sdks

KEY = "a-key-of-tests"
MODEL = "grok-imagine-image-2.0"
CHEAP = "grok-imagine-image"
FILMER = "grok-imagine-video-1.5"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("xai",), key=KEY, detail=64) as running:
        yield running


@pytest.fixture
async def sdk(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with sdks.openai(sim, "xai", strict=False) as client:
        yield client


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    return file.getvalue()


def data_url() -> str:
    return "data:image/png;base64," + base64.b64encode(png()).decode()


def ticks(answer: Any) -> Decimal:
    """What an answer says it costs, in USD."""
    usage = answer["usage"] if isinstance(answer, dict) else answer.usage.model_dump()
    return Decimal(usage["cost_in_usd_ticks"]) / 10_000_000_000


async def post(sdk: openai.AsyncOpenAI, path: str, **body: Any) -> Any:
    return await sdk.post(path, body=body, cast_to=object)


async def poll(sdk: openai.AsyncOpenAI, name: str) -> httpx.Response:
    response: httpx.Response = await sdk.get(f"/videos/{name}", cast_to=httpx.Response)
    return response


async def test_the_sdk_draws_and_the_ticks_are_the_bill(
    sdk: openai.AsyncOpenAI, sim: Simulator
) -> None:
    own = {"aspect_ratio": "16:9", "resolution": "1k"}
    answer = await sdk.images.generate(
        model=MODEL, prompt="a blue square", n=2, quality="low", extra_body=own
    )

    assert answer.data
    assert len(answer.data) == 2
    async with httpx.AsyncClient() as client:
        data = (await client.get(answer.data[0].url or "")).content
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.size) == ("JPEG", (1360, 768))
    assert answer.created is None
    assert answer.data[0].model_extra == {"mime_type": "image/jpeg", "respect_moderation": True}
    assert ticks(answer) == sim.xai.meter.total == Decimal("0.08")
    assert not sim.leaks


async def test_the_sdk_draws_in_base64(sdk: openai.AsyncOpenAI, sim: Simulator) -> None:
    answer = await sdk.images.generate(
        model=CHEAP, prompt="x", response_format="b64_json", extra_body={"resolution": "2k"}
    )

    assert answer.data
    data = base64.b64decode(answer.data[0].b64_json or "")
    assert Image.open(io.BytesIO(data)).size == (2048, 2048)
    assert ticks(answer) == sim.xai.meter.total == Decimal("0.02")


async def test_edits_are_json_and_no_form(sdk: openai.AsyncOpenAI, sim: Simulator) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.images.edit(model=MODEL, prompt="green", image=("r.png", png(), "image/png"))
    body = {"model": MODEL, "prompt": "green", "response_format": "b64_json"}
    one = await post(sdk, "/images/edits", **body, image={"type": "image_url", "url": data_url()})
    two = await post(
        sdk,
        "/images/edits",
        model=MODEL,
        prompt="join <IMAGE_0> and <IMAGE_1>",
        aspect_ratio="1:1",
        images=[{"url": data_url()}, {"url": "https://example.com/y.png"}],
    )

    assert caught.value.status_code == 415
    assert caught.value.body == "Expected request with `Content-Type: application/json`"
    assert base64.b64decode(one["data"][0]["b64_json"])
    assert two["data"][0]["url"].startswith(sim.files_url)
    assert (ticks(one), ticks(two)) == (Decimal("0.07"), Decimal("0.08"))
    assert sim.xai.meter.total == Decimal("0.15")


@pytest.mark.parametrize(
    ("form", "count", "cost"), [("slot", 2, "0.04"), ("empty", 0, "0.04")], ids=["slot", "empty"]
)
async def test_moderated_pictures_are_billed_in_a_good_response(
    sdk: openai.AsyncOpenAI, sim: Simulator, form: Any, count: int, cost: str
) -> None:
    sim.then(faults.Moderated(form))
    answer = await sdk.images.generate(model=CHEAP, prompt="bad", n=2)

    data: Any = answer.data
    assert len(data) == count
    assert [(each.url == "", each.respect_moderation) for each in data][:1] in ([(True, False)], [])
    assert ticks(answer) == sim.xai.meter.total == Decimal(cost)


INVALID = "Client specified an invalid argument"
DENIED = "The caller does not have permission to execute the specified operation"


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (
            faults.Moderated("rejected"),
            400,
            {"code": INVALID, "error": "Generated image rejected by content moderation."},
        ),
        (
            faults.Moderated("coded"),
            400,
            {"code": "imagine:content-moderated", "error": "Content moderated"},
        ),
        (
            faults.PromptBlocked(),
            403,
            {"code": DENIED, "error": "Content violates usage guidelines"},
        ),
        (faults.Status(403), 403, {"code": DENIED, "error": "Your team has used all credits"}),
        (
            faults.Status(429),
            429,
            {"code": "Some resource has been exhausted", "error": "Too many requests for team."},
        ),
    ],
    ids=["rejected", "coded", "input", "credits", "rate"],
)
async def test_errors_are_flat(
    sdk: openai.AsyncOpenAI,
    sim: Simulator,
    fault: faults.ApiFault,
    status: int,
    body: dict[str, str],
) -> None:
    """The SDK keeps the text alone: the code stands in the response."""
    sim.then(fault)

    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.images.generate(model=MODEL, prompt="bad")

    assert caught.value.status_code == status
    assert caught.value.response.json() == body
    assert caught.value.body == body["error"]
    assert sim.xai.meter.total == 0


async def test_a_wrong_key_is_400_and_none_is_401(sim: Simulator) -> None:
    async with (
        sdks.openai(sim, "xai", key="xai-wrong-key", strict=False) as sdk,
        httpx.AsyncClient() as client,
    ):
        with pytest.raises(openai.BadRequestError) as wrong:
            await sdk.images.generate(model=MODEL, prompt="x")
        missing = await client.get(f"{sim.xai.url}/v1/models")

    assert wrong.value.body == "Incorrect API key provided: xa***ey."
    assert missing.status_code == 401
    assert missing.json() == {"code": "Unauthenticated", "error": "no key"}


async def test_the_sdk_films_by_post(sdk: openai.AsyncOpenAI, sim: Simulator) -> None:
    job = await post(
        sdk,
        "/videos/generations",
        model=FILMER,
        prompt="waves",
        duration=6,
        aspect_ratio="16:9",
        resolution="720p",
        image={"url": data_url()},
    )
    assert list(job) == ["request_id"]
    assert sim.xai.meter.unfinished == Decimal("0.85")

    first, second, last = [await poll(sdk, job["request_id"]) for _ in range(3)]

    assert (first.status_code, first.content) == (202, b"")
    assert (second.status_code, second.json()) == (202, {"status": "pending", "progress": 66})
    done = last.json()
    assert (done["status"], done["model"], done["progress"]) == ("done", FILMER, 100)
    assert (done["video"]["duration"], done["video"]["respect_moderation"]) == (6, True)
    assert ticks(done) == sim.xai.meter.total == Decimal("0.85")
    async with httpx.AsyncClient() as client:
        assert is_mp4((await client.get(done["video"]["url"])).content)


@pytest.mark.parametrize("way", ["edits", "extensions"])
async def test_a_film_is_edited_and_extended(sdk: openai.AsyncOpenAI, way: str) -> None:
    body = {"prompt": "on", "video": {"url": "https://example.com/v.mp4"}}
    job = await post(sdk, f"/videos/{way}", model="grok-imagine-video", **body)

    assert job["request_id"]
    if way == "extensions":
        with pytest.raises(openai.BadRequestError):
            await post(sdk, f"/videos/{way}", model=FILMER, **body)


async def test_a_moderated_film_is_an_error_that_costs(
    sdk: openai.AsyncOpenAI, sim: Simulator
) -> None:
    """As it was seen live: 5 seconds at $0.05."""
    sim.then(faults.Moderated("rejected"), at="start")
    job = await post(sdk, "/videos/generations", model="grok-imagine-video", prompt="bad")
    for _ in range(2):
        await poll(sdk, job["request_id"])
    with pytest.raises(openai.BadRequestError) as caught:
        await poll(sdk, job["request_id"])

    assert caught.value.response.json() == {
        "code": "Client specified an invalid argument",
        "error": "Generated video rejected by content moderation.",
        "usage": {"cost_in_usd_ticks": 2_500_000_000},
    }
    assert sim.xai.meter.total == Decimal("0.25")


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (
            faults.Moderated("slot"),
            {"status": "done", "video": {"url": "", "duration": 0, "respect_moderation": False}},
        ),
        (
            faults.EndsAs("failed", code="invalid_argument", message="Input blocked by moderation"),
            {
                "status": "failed",
                "progress": 0,
                "error": {"code": "invalid_argument", "message": "Input blocked by moderation"},
            },
        ),
        (faults.EndsAs("expired"), {"status": "expired"}),
    ],
    ids=["slot", "failed", "expired"],
)
async def test_a_film_comes_to_another_end(
    sdk: openai.AsyncOpenAI, sim: Simulator, fault: faults.ApiFault, body: dict[str, Any]
) -> None:
    job = await post(sdk, "/videos/generations", model=FILMER, prompt="x")
    sim.then(fault, at="poll")

    assert (await poll(sdk, job["request_id"])).json() == body


async def test_an_unknown_film_is_not_found(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await poll(sdk, "none")

    assert caught.value.response.json()["code"] == "Some requested entity was not found"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": "1024x1024"}, "Argument not supported: size"),
        ({"model": CHEAP, "quality": "low"}, "Argument not supported: quality"),
        ({"n": 11}, "'n' breaks the rule 'maximum'"),
        ({"extra_body": {"aspect_ratio": "5:4"}}, "'aspect_ratio' breaks the rule 'enum'"),
    ],
    ids=["size", "quality", "n", "aspect"],
)
async def test_what_does_not_fit_is_refused(
    sdk: openai.AsyncOpenAI, sim: Simulator, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.images.generate(**{"model": MODEL, "prompt": "x", **fields})

    assert words in str(caught.value.body)
    assert sim.xai.meter.total == 0


async def test_the_sdk_lists_the_models(sdk: openai.AsyncOpenAI) -> None:
    own: Any = await sdk.get("/image-generation-models", cast_to=object)
    models = [model.id async for model in sdk.models.list()]

    assert models == [each["id"] for each in own["models"]]
    assert own["models"][0]["image_price"] == 200_000_000
