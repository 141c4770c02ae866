"""The vendors after OpenAI's example, where their SDKs cannot look."""

import base64
import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import film_size, is_mp4
from mediatoolkit.simulator.openai_shaped import pieces, pixels, pixels_of

KEY = "a-key-of-tests"
NAMES = ("openrouter", "together", "xai", "mistral", "localai", "vllm")
PICTURES = {
    "openrouter": ("/api/v1/images", "google/gemini-3.1-flash-image"),
    "together": ("/v1/images/generations", "black-forest-labs/FLUX.2-pro"),
    "xai": ("/v1/images/generations", "grok-imagine-image"),
    "localai": ("/images/generations", "painter"),
    "vllm": ("/v1/images/generations", "acme/painter"),
}
FILMS = {
    "openrouter": ("/api/v1/videos", "google/veo-3.1", "id"),
    "together": ("/v2/videos", "google/veo-3.1", "id"),
    "xai": ("/v1/videos/generations", "grok-imagine-video", "request_id"),
    "vllm": ("/v1/videos", "acme/filmer", "id"),
}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=NAMES, key=KEY, detail=64) as running:
        yield running


class Caller:
    """Talks to any of the vendors, with the key."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        """Speak through *session*."""
        self._sim = sim
        self._session = session

    async def __call__(
        self, name: str, path: str, body: Any = None, *, method: str = "", **options: Any
    ) -> tuple[int, Any]:
        """Status, and JSON or bytes."""
        url = getattr(self._sim, name).url + path
        method = method or ("GET" if body is None and "data" not in options else "POST")
        if body is not None:
            options["json"] = body
        async with self._session.request(method, url, **options) as response:
            data = await response.read()
            if "json" in response.headers.get("Content-Type", ""):
                return response.status, json.loads(data)
            return response.status, data


@pytest.fixture
async def ask(sim: Simulator) -> AsyncIterator[Caller]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Caller(sim, session)


def png(size: tuple[int, int] = (64, 64)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return file.getvalue()


def test_sizes_follow_aspects() -> None:
    assert pixels("16:9", 1024**2) == (1360, 768)
    assert pixels("9:19.5", 1024**2) == (688, 1504)
    assert film_size("16:9", 480) == (854, 480)
    assert film_size("9:16", 720) == (720, 1280)
    assert (pixels_of("1024x768"), pixels_of("auto"), pixels_of("0x7")) == ((1024, 768), None, None)


@pytest.mark.parametrize("length", [0, 4, 10, 100, 100_000], ids=str)
def test_a_stream_cuts_no_sample_and_loses_none(length: int) -> None:
    data = bytes(length)
    parts = pieces(data)

    assert b"".join(parts) == data
    assert all(len(part) % 4 == 0 for part in parts[:-1])


@pytest.mark.parametrize("name", PICTURES)
async def test_a_body_that_is_no_json_object_is_refused(ask: Caller, name: str) -> None:
    status, _ = await ask(name, PICTURES[name][0], data=b"a picture, please")

    assert 400 <= status < 500


@pytest.mark.parametrize("name", PICTURES)
async def test_a_reference_that_is_no_picture_is_refused(ask: Caller, name: str) -> None:
    path, model = PICTURES[name]
    bad = "data:image/png;base64," + base64.b64encode(b"no picture").decode()
    part = {"type": "image_url", "image_url": {"url": bad}}
    fields: Any = {
        "openrouter": {"input_references": [part]},
        "together": {"image_url": bad},
        "localai": {"ref_images": [bad]},
    }.get(name, {})
    body: Any = {"model": model, "prompt": "x", **fields}
    if name == "xai":
        path, body["image"] = "/v1/images/edits", {"url": bad}
    if name == "vllm":
        path = "/v1/images/edits"
        form = aiohttp.FormData({"model": model, "prompt": "x"})
        form.add_field("image", b"no picture", filename="a.png", content_type="image/png")
        status, _ = await ask(name, path, data=form)
    else:
        status, _ = await ask(name, path, body)

    assert status == 400


@pytest.mark.parametrize("name", ["openrouter", "together", "localai"])
async def test_a_reference_shines_through(ask: Caller, name: str) -> None:
    """The same words and seed, with a picture and without one, are two pictures."""
    path, model = PICTURES[name]
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    part = {"type": "image_url", "image_url": {"url": url}}
    form = {"together": "base64", "localai": "b64_json"}
    body = {"model": model, "prompt": "x", "seed": 1}
    body |= {"response_format": form[name]} if name in form else {}
    fields: Any = {
        "openrouter": {"input_references": [part]},
        "together": {"image_url": url},
        "localai": {"file": base64.b64encode(png()).decode()},
    }[name]

    _, bare = await ask(name, path, body)
    _, again = await ask(name, path, body)
    _, mixed = await ask(name, path, body | fields)

    pictures = [answer["data"][0]["b64_json"] for answer in (bare, again, mixed)]
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize("name", PICTURES)
async def test_a_bad_picture_is_billed_as_a_good_one(
    ask: Caller, sim: Simulator, name: str
) -> None:
    path, model = PICTURES[name]
    sim.then(faults.BadPicture("truncated"))
    status, _ = await ask(name, path, {"model": model, "prompt": "x"})

    site = getattr(sim, name)
    assert status == 200
    assert len(site.meter.records) == 1
    assert (site.meter.total > 0) == (name not in {"localai", "vllm"})


@pytest.mark.parametrize("name", FILMS)
async def test_a_film_that_never_ends_is_never_billed(
    ask: Caller, sim: Simulator, name: str
) -> None:
    path, model, key = FILMS[name]
    sim.then(faults.EndsAs("in_progress"), at="start")
    _, job = await ask(name, path, {"model": model, "prompt": "x"})
    poll = f"{path.removesuffix('/generations')}/{job[key]}"
    answers = [(await ask(name, poll))[1] for _ in range(5)]

    assert {answer["status"] for answer in answers[2:]} <= {"in_progress", "pending"}
    assert getattr(sim, name).meter.records == ()
    assert sim.meter.unfinished == getattr(sim, name).meter.unfinished


@pytest.mark.parametrize("name", FILMS)
async def test_a_film_is_billed_once_however_often_it_is_looked_at(
    ask: Caller, sim: Simulator, name: str
) -> None:
    path, model, key = FILMS[name]
    _, job = await ask(name, path, {"model": model, "prompt": "x"})
    poll = f"{path.removesuffix('/generations')}/{job[key]}"
    answers = [(await ask(name, poll))[1] for _ in range(5)]

    assert answers[-1] == answers[-2]
    assert answers[-1]["status"] in {"completed", "done"}
    assert len(getattr(sim, name).meter.records) == 1
    assert sim.meter.unfinished == 0


@pytest.mark.parametrize("word", ["queued", "in_progress"])
async def test_a_poll_may_find_it_in_any_state(ask: Caller, sim: Simulator, word: str) -> None:
    _, job = await ask("together", "/v2/videos", {"model": "google/veo-3.1", "prompt": "x"})
    sim.then(faults.EndsAs(word), at="poll")
    first = (await ask("together", f"/v2/videos/{job['id']}"))[1]["status"]
    later = [(await ask("together", f"/v2/videos/{job['id']}"))[1]["status"] for _ in range(2)]

    assert [first, *later] == [word, "in_progress", "completed"]


async def test_openrouters_film_needs_the_key_and_its_signed_address_none(ask: Caller) -> None:
    path, model, _ = FILMS["openrouter"]
    _, job = await ask("openrouter", path, {"model": model, "prompt": "x"})
    for _ in range(3):
        _, job = await ask("openrouter", job["polling_url"])
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(job["unsigned_urls"][0]) as response:
            refused = response.status
        async with stranger.get(job["urls"][0]) as response:
            data = await response.read()

    assert refused == 401
    assert is_mp4(data)


async def test_openrouter_takes_a_film_of_what_the_model_has(ask: Caller) -> None:
    path, model, _ = FILMS["openrouter"]
    good = {"model": model, "prompt": "x"}
    for wrong in (
        {"duration": 5},
        {"resolution": "4K"},
        {"aspect_ratio": "1:1"},
        {"size": "1280x720", "aspect_ratio": "9:16"},
        {"prompt": ""},
    ):
        status, answer = await ask("openrouter", path, {**good, **wrong})
        assert (status, answer["error"]["code"]) == (400, 400), wrong


async def test_localai_inpaints_by_a_form(ask: Caller) -> None:
    form = aiohttp.FormData({"prompt": "x", "size": "64x64", "response_format": "b64_json"})
    for name in ("image", "mask"):
        form.add_field(name, png(), filename=f"{name}.png", content_type="image/png")
    status, answer = await ask("localai", "/v1/images/inpainting", data=form)
    refused, _ = await ask(
        "localai",
        "/v1/images/inpainting",
        data=aiohttp.FormData({"prompt": "x"}, default_to_multipart=True),
    )

    assert (status, refused) == (200, 400)
    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG")


async def test_localai_speaks_with_a_saved_voice(ask: Caller) -> None:
    _, profiles = await ask("localai", "/api/voice-profiles")
    voice = f"localai://voice-profiles/{profiles[0]['id']}"
    status, sound = await ask("localai", "/tts", {"input": "hi", "voice": voice})
    missing, _ = await ask("localai", "/tts", {"input": "hi", "voice": f"{voice}0"})

    assert (status, missing) == (200, 404)
    assert sound.startswith(b"RIFF")


async def test_own_servers_ask_for_no_key_and_have_no_rate() -> None:
    names = ("localai", "vllm")
    async with (
        Simulator(vendors=names, key=KEY, detail=64, per_minute=1) as sim,
        aiohttp.ClientSession() as session,
    ):
        ask = Caller(sim, session)
        for name in names:
            path, _ = PICTURES[name]
            codes = [(await ask(name, path, {"prompt": "x"}))[0] for _ in range(3)]
            assert codes == [200] * 3


async def test_vllm_reports_an_error_within_a_stream(ask: Caller, sim: Simulator) -> None:
    sim.then(faults.StreamError(message="boom"))
    body = {"input": "hi", "response_format": "pcm", "stream_format": "sse"}
    status, data = await ask("vllm", "/v1/audio/speech", body)

    events = data.decode().split("\r\n\r\n")
    assert status == 200
    assert events[0].startswith("event: speech.audio.delta")
    assert json.loads(events[1].partition("data: ")[2])["error"]["message"] == "boom"


async def test_what_a_further_model_makes_is_told_by_its_name() -> None:
    models = ("acme/sketch", "acme/tts-1", "acme/video-1")
    async with (
        Simulator(vendors=("openrouter",), key=None, detail=64, models=models) as sim,
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as session,
    ):
        ask = Caller(sim, session)
        base = "/api/v1"
        drawn, _ = await ask("openrouter", f"{base}/images", {"model": models[0], "prompt": "x"})
        spoken, _ = await ask(
            "openrouter", f"{base}/audio/speech", {"model": models[1], "input": "x"}
        )
        filmed, _ = await ask("openrouter", f"{base}/videos", {"model": models[2], "prompt": "x"})
        wrong, _ = await ask("openrouter", f"{base}/videos", {"model": models[0], "prompt": "x"})

        assert (drawn, spoken, filmed, wrong) == (200, 200, 202, 404)
        # What nobody has a price for costs what the dearest of its kind does.
        assert sim.meter.total == Decimal("0.033605") + Decimal("0.000015")
