"""AUTOMATIC1111: what is sent, what the board hears while it draws, and how it is stopped."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from aiohttp import web

import mediatoolkit as mt
from mediatoolkit.errors import (
    AuthenticationError,
    ClosedError,
    DeadlineError,
    ModelNotFoundError,
    PromptError,
    ProviderError,
)
from mediatoolkit.providers.automatic1111 import Automatic1111ImageClient
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Partial, Queued, Withdrawn, Working
from mediatoolkit.runtime.gather import Polling
from mediatoolkit.transport import Limits
from tests.providers.own_servers import OwnServer
from tests.test_prompts import picture

FOX = mt.ImagePrompt("a red fox")
LOGIN = "marie:radium-226"


class WebUI(OwnServer):
    """Draws as soon as it is let."""

    def __init__(self) -> None:
        """Hold nothing back."""
        super().__init__(
            {
                "POST /sdapi/v1/txt2img": self.draw,
                "POST /sdapi/v1/img2img": self.draw,
                "GET /sdapi/v1/progress": self.progress,
                "POST /sdapi/v1/interrupt": self.interrupt,
                "GET /sdapi/v1/sd-models": self.models,
            }
        )
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.is_drawing = asyncio.Event()
        self.is_interrupted = asyncio.Event()
        self.preview: bytes | None = None
        self.info = ""
        self.steps: tuple[Any, Any] = (7, 20)
        self.share: Any = 0.35
        self.error: tuple[int, Any] | None = None
        self.turn = asyncio.Lock()

    async def draw(self, request: web.Request) -> web.Response:
        if self.error:
            status, document = self.error
            return web.json_response(document, status=status)
        async with self.turn:
            self.is_drawing.set()
            await self.may_end.wait()
        seed = (await request.json()).get("seed", 4711)
        info = self.info or json.dumps(
            {"seed": seed, "all_seeds": [seed], "infotexts": ["a red fox, Steps: 20"]}
        )
        data = base64.b64encode(picture()).decode()
        return web.json_response({"images": [data], "parameters": {}, "info": info})

    async def progress(self, _request: web.Request) -> web.Response:
        preview = self.preview and base64.b64encode(self.preview).decode()
        works = self.is_drawing.is_set()
        step, steps = self.steps
        state = {"job_count": int(works), "sampling_step": step, "sampling_steps": steps}
        fraction = self.share if works else 0.0
        return web.json_response(
            {"progress": fraction, "state": state, "current_image": preview, "textinfo": None}
        )

    async def models(self, _request: web.Request) -> web.Response:
        titles = {"base": "sd xl/base 1.0.safetensors [31e35c80fc]", "other": "other.ckpt [12]"}
        return web.json_response(
            [{"title": title, "model_name": name, "hash": "1"} for name, title in titles.items()]
        )

    async def interrupt(self, _request: web.Request) -> web.Response:
        self.is_interrupted.set()
        self.may_end.set()
        return web.json_response({})


@pytest.fixture
async def ui() -> AsyncIterator[WebUI]:
    ui = WebUI()
    async with ui.running():
        yield ui


@pytest.fixture
async def client(ui: WebUI) -> AsyncIterator[Automatic1111ImageClient]:
    async with client_of(ui) as client:
        yield client


def client_of(ui: WebUI, **options: Any) -> Automatic1111ImageClient:
    client = Automatic1111ImageClient(base_url=ui.url, **options)
    client.polling = Polling(first=0.01, cap=0.01)
    return client


async def test_words_become_a_picture_with_the_servers_seed(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    image = await client.generate(
        mt.ImagePrompt("a red fox", size=(768, 512), options={"steps": 30, "cfg_scale": 5.5})
    )

    (body,) = ui.sent("POST /sdapi/v1/txt2img")
    assert body["prompt"] == "a red fox"
    assert (body["width"], body["height"], body["steps"], body["cfg_scale"]) == (768, 512, 30, 5.5)
    assert "override_settings" not in body
    record = image.provenance
    assert record is not None
    assert (record.seed, record.request_id) == (4711, body["force_task_id"])
    assert record.notes["infotext"] == "a red fox, Steps: 20"
    assert image.cost is None or image.cost.usd in (None, 0)


async def test_the_model_is_the_checkpoint(ui: WebUI) -> None:
    async with client_of(ui, model="sd xl/base 1.0.safetensors [31e35c80fc]") as client:
        await client.generate(mt.ImagePrompt("fox", seed=3))

    (body,) = ui.sent("POST /sdapi/v1/txt2img")
    assert body["override_settings"] == {
        "sd_model_checkpoint": "sd xl/base 1.0.safetensors [31e35c80fc]"
    }
    assert body["seed"] == 3


@pytest.mark.parametrize("model", ["base", "other.ckpt", "other.ckpt [12]"])
async def test_a_checkpoint_goes_by_each_of_its_names(ui: WebUI, model: str) -> None:
    async with client_of(ui, model=model) as client:
        await client.generate(FOX)
        await client.generate(FOX)

    assert len(ui.sent("GET /sdapi/v1/sd-models")) == 1


async def test_a_checkpoint_that_the_server_lacks_is_an_error(ui: WebUI) -> None:
    """It would draw with the one that is loaded, and say nothing."""
    async with client_of(ui, model="flux") as client:
        with pytest.raises(ModelNotFoundError, match=r"'flux'; it has sd xl/base"):
            await client.generate(FOX)

    assert not ui.sent("POST /sdapi/v1/txt2img")


async def test_a_picture_and_a_mask_go_to_img2img(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    start = mt.Image(picture())
    await client.generate(
        mt.ImagePrompt(
            "winter", references=[start], mask=start, options={"denoising_strength": 0.4}
        )
    )

    (body,) = ui.sent("POST /sdapi/v1/img2img")
    assert base64.b64decode(body["init_images"][0]) == start.data
    assert base64.b64decode(body["mask"]) == start.data
    assert body["denoising_strength"] == 0.4
    assert body["width"] % 8 == body["height"] % 8 == 0


def _note_turn(waits: asyncio.Event, event: Event) -> None:
    if isinstance(event, Queued):
        waits.set()


async def draw(client: Automatic1111ImageClient, hear: Any, seconds: float = 60) -> mt.Image:
    async with CallContext(seconds, listener=hear) as context:
        return await client.make(FOX, context)


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_steps_and_previews_are_heard_while_it_draws(ui: WebUI, concurrency: int) -> None:
    """Also where the picture takes the only slot."""
    ui.preview = picture()
    ui.may_end.clear()
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        kinds = {type(each) for each in heard}
        if {Working, Partial} <= kinds:
            ui.may_end.set()

    async with client_of(ui, limits=Limits(concurrency=concurrency)) as client:
        await asyncio.wait_for(draw(client, hear), 60)

    works = [event for event in heard if isinstance(event, Working)]
    assert works[0].words == "step 7 of 20"
    assert works[0].share == 0.35


async def test_stop_interrupts_the_server(ui: WebUI, client: Automatic1111ImageClient) -> None:
    ui.may_end.clear()
    heard: list[Event] = []
    drawing = asyncio.create_task(draw(client, heard.append))
    await ui.is_drawing.wait()
    drawing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await drawing

    assert ui.is_interrupted.is_set()
    assert heard[-1] == Withdrawn(confirmed=True)


async def test_a_deadline_interrupts_the_server_too(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    """Nobody can come back for the picture."""
    ui.may_end.clear()
    with pytest.raises(DeadlineError):
        await draw(client, None, 0.3)

    assert ui.is_interrupted.is_set()


async def test_stop_of_a_picture_that_waits_lets_the_first_go_on(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    """The server stops what it draws, not what is asked for."""
    ui.may_end.clear()
    first = asyncio.create_task(draw(client, None))
    await ui.is_drawing.wait()
    waits = asyncio.Event()
    second = asyncio.create_task(draw(client, partial(_note_turn, waits)))
    await waits.wait()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not ui.is_interrupted.is_set()

    ui.may_end.set()
    await first
    assert len(ui.sent("POST /sdapi/v1/txt2img")) == 1


async def test_stop_of_all_leaves_the_server_nothing_to_draw(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    """It would draw whatever was sent, one after the other, for nobody."""
    ui.may_end.clear()
    async with client_of(ui) as other:
        drawings = [asyncio.create_task(draw(each, None)) for each in (client, other, client)]
        await ui.is_drawing.wait()
        for drawing in drawings:
            drawing.cancel()
        await asyncio.wait(drawings)

    assert all(drawing.cancelled() for drawing in drawings)
    assert len(ui.sent("POST /sdapi/v1/txt2img")) == len(ui.sent("POST /sdapi/v1/interrupt")) == 1


async def test_pictures_are_drawn_in_turn_and_waiting_takes_no_time(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    ui.may_end.clear()
    first = asyncio.create_task(draw(client, None))
    await ui.is_drawing.wait()
    async with CallContext(60) as context:
        second = asyncio.create_task(client.make(FOX, context))
        while not context.is_paused:
            await asyncio.sleep(0)
        ui.may_end.set()
        await first
        await second

    assert len(ui.sent("POST /sdapi/v1/txt2img")) == 2


async def test_a_close_ends_what_waits_for_its_turn(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    ui.may_end.clear()
    first = asyncio.create_task(draw(client, None))
    await ui.is_drawing.wait()
    async with CallContext(60) as context, client_of(ui) as other:
        second = asyncio.create_task(other.make(FOX, context))
        while not context.is_paused:
            await asyncio.sleep(0)
        await other.close()
        with pytest.raises(ClosedError):
            await second
    ui.may_end.set()
    await first


async def test_a_second_stop_does_not_cut_the_interrupt_short(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    ui.may_end.clear()
    drawing = asyncio.create_task(draw(client, None))
    await ui.is_drawing.wait()
    while not drawing.done():
        drawing.cancel()
        await asyncio.sleep(0)

    assert drawing.cancelled()
    assert ui.is_interrupted.is_set()


async def test_stop_lets_the_picture_of_another_client_go_on(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    """Each kind of notebook cell may have a client of its own for the same server."""
    ui.may_end.clear()
    first = asyncio.create_task(draw(client, None))
    await ui.is_drawing.wait()
    async with client_of(ui) as other:
        waits = asyncio.Event()
        second = asyncio.create_task(draw(other, partial(_note_turn, waits)))
        await waits.wait()
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
    assert not ui.is_interrupted.is_set()

    ui.may_end.set()
    await first


@pytest.mark.parametrize("info", ["[" * 100_000, "[1, 2]", "5", "{", '{"seed": NaN}'])
async def test_a_description_that_is_none_loses_no_picture(
    ui: WebUI, client: Automatic1111ImageClient, info: str
) -> None:
    ui.info = info

    assert (await client.generate(FOX)).data


async def test_steps_that_are_no_numbers_are_not_told(
    ui: WebUI, client: Automatic1111ImageClient
) -> None:
    ui.steps = ("\x1b[31m" + "x" * 10_000, ["y"])
    ui.may_end.clear()
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Working):
            ui.may_end.set()

    await draw(client, hear)

    assert {str(event) for event in heard if isinstance(event, Working)} == {
        "automatic1111: working"
    }


@pytest.mark.parametrize("progress", [1e308, -1, True, 10**400, "x"])
async def test_a_share_that_is_none_is_not_told(
    ui: WebUI, client: Automatic1111ImageClient, progress: Any
) -> None:
    ui.share = progress
    ui.may_end.clear()
    heard: list[Event] = []
    drawing = asyncio.create_task(draw(client, heard.append))
    while len(ui.sent("GET /sdapi/v1/progress")) < 3:
        await asyncio.sleep(0.001)
    ui.may_end.set()
    await drawing

    assert not any(isinstance(event, Working) for event in heard)


async def test_an_echo_of_the_password_alone_is_masked(ui: WebUI) -> None:
    ui.error = 500, {"error": "Exception", "errors": f"login {LOGIN.partition(':')[2]} failed"}

    async with client_of(ui, api_key=LOGIN) as client:
        with pytest.raises(ProviderError, match=r"login \[key\] failed"):
            await client.generate(FOX)


async def test_the_login_goes_along_as_basic(ui: WebUI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMATIC1111_API_KEY", LOGIN)
    async with client_of(ui) as client:
        await client.generate(FOX)

    expected = "Basic " + base64.b64encode(LOGIN.encode()).decode()
    assert {headers["Authorization"] for headers in ui.headers} == {expected}
    assert LOGIN not in f"{client!r}{vars(client)!r}"


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (401, {"detail": "Incorrect username or password"}, AuthenticationError, "user:password"),
        (404, {"detail": "Not Found"}, ProviderError, "--api"),
        (
            404,
            {"error": "HTTPException", "detail": "Sampler not found", "body": "", "errors": ""},
            ProviderError,
            "Sampler not found",
        ),
        (
            422,
            {"detail": [{"loc": ["body", "steps"], "msg": "value is not a valid integer"}]},
            ProviderError,
            "not a valid integer",
        ),
        (
            500,
            {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory"},
            ProviderError,
            "CUDA out of memory",
        ),
    ],
    ids=["login", "no_api", "sampler", "schema", "memory"],
)
async def test_an_error_says_what_the_server_says_and_is_not_tried_again(
    ui: WebUI, status: int, document: Any, error: type[ProviderError], words: str
) -> None:
    ui.error = status, document

    async with client_of(ui) as client:
        with pytest.raises(error, match=words) as caught:
            await client.generate(FOX)

    assert caught.value.status == status
    assert not caught.value.may_have_been_billed
    assert len(ui.sent("POST /sdapi/v1/txt2img")) == 1


@pytest.mark.parametrize(
    "prompt",
    [
        {"size": (500, 512)},
        {"steps": 0},
        {"mask_blur": 4},
        {"sampler": "Euler"},
    ],
    ids=["size", "steps", "mask_blur", "unknown"],
)
async def test_what_it_does_not_take_is_never_sent(
    ui: WebUI, client: Automatic1111ImageClient, prompt: dict[str, Any]
) -> None:
    with pytest.raises(PromptError):
        await client.generate(mt.ImagePrompt.of("fox", **prompt))

    assert not ui.requests


async def test_a_worker_makes_the_same_client(ui: WebUI) -> None:
    async with client_of(ui, api_key=LOGIN, model="base") as client:
        again = client.recipe().client()
        assert isinstance(again, Automatic1111ImageClient)
        async with again:
            await again.generate(FOX)

    assert ui.headers[-1]["Authorization"].startswith("Basic ")
    assert again.model_id == "automatic1111/base"
