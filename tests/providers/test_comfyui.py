"""ComfyUI: a workflow is filled and queued, its socket is heard, and its files are fetched."""

import asyncio
import json
import struct
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import mediatoolkit as mt
from mediatoolkit.errors import DeadlineError, ModelNotFoundError, PromptError, ProviderError
from mediatoolkit.providers.comfyui import ComfyUIImageClient, ComfyUIVideoClient
from mediatoolkit.providers.comfyui import queue as comfyui
from mediatoolkit.providers.comfyui.job_socket import JobSocket
from mediatoolkit.providers.comfyui.workflow import TEXT_TO_IMAGE
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Event, Partial, Withdrawn, Working
from mediatoolkit.runtime.gather import Polling
from tests.deadline import run_out
from tests.media.clips import clip
from tests.providers.own_servers import OwnServer
from tests.test_prompts import picture

FOX = mt.ImagePrompt("a red fox")
EDIT: dict[str, Any] = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux.safetensors"}},
    "2": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "t5"}},
    "10": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "11": {"class_type": "LoadImage", "inputs": {"image": "other.png"}},
    "12": {"class_type": "LoadImageMask", "inputs": {"image": "mask.png", "channel": "alpha"}},
    "20": {
        "class_type": "CLIPTextEncodeFlux",
        "inputs": {"clip": ["2", 0], "clip_l": "old", "t5xxl": "old", "guidance": 3.5},
    },
    "21": {
        "class_type": "ReferenceLatent",
        "inputs": {"conditioning": ["20", 0], "latent": ["31", 0]},
    },
    "22": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["21", 0]}},
    "25": {"class_type": "RandomNoise", "inputs": {"noise_seed": ["26", 0]}},
    "26": {"class_type": "PrimitiveInt", "inputs": {"value": 99}},
    "27": {
        "class_type": "BasicScheduler",
        "inputs": {"steps": 20, "scheduler": "simple", "denoise": 1.0},
    },
    "30": {"class_type": "VAELoader", "inputs": {"vae_name": "ae"}},
    "31": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["30", 0]}},
    "32": {
        "class_type": "EmptySD3LatentImage",
        "inputs": {"width": 1024, "height": 1024, "batch_size": 1},
    },
    "40": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {"noise": ["25", 0], "guider": ["22", 0], "latent_image": ["32", 0]},
        "_meta": {"title": "The sampler"},
    },
    "41": {"class_type": "LoraLoader", "inputs": {"strength_model": 0.8, "lora_name": "x"}},
    "50": {"class_type": "SaveImage", "inputs": {"images": ["40", 0], "filename_prefix": "f"}},
}
FILM: dict[str, Any] = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "x", "clip": ["9", 0]}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["9", 0]}},
    "3": {"class_type": "LoadImage", "inputs": {"image": "start.png"}},
    "4": {
        "class_type": "WanImageToVideo",
        "inputs": {
            "positive": ["1", 0], "negative": ["2", 0], "start_image": ["3", 0],
            "width": 832, "height": 480, "length": 81,
        },
    },
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1, "steps": 4, "cfg": 1.0, "positive": ["4", 0], "negative": ["4", 1],
            "latent_image": ["4", 2],
        },
    },
    "6": {"class_type": "CreateVideo", "inputs": {"images": ["5", 0], "fps": 16.0}},
    "7": {"class_type": "SaveVideo", "inputs": {"video": ["6", 0], "filename_prefix": "film"}},
}  # fmt: skip


class Comfy(OwnServer):
    """Works on a job until it is let, and tells on the socket of that job."""

    def __init__(self) -> None:
        """Hold nothing back."""
        super().__init__(
            {
                "GET /ws": self.listen,
                "POST /prompt": self.queue,
                "GET /history/{id}": self.history,
                "GET /view": self.view,
                "POST /upload/image": self.upload,
                "GET /models/checkpoints": self.checkpoints,
                "GET /api/jobs/{id}": self.job,
                "POST /api/jobs/{id}/cancel": self.cancel,
                "GET /queue": self.queued,
                "POST /queue": self.empty,
                "POST /interrupt": self.empty,
            }
        )
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.is_heard = asyncio.Event()
        self.has_socket = self.has_jobs = True
        self.is_lost = False
        self.file: tuple[str, bytes] = ("fox_00001_.png", picture())
        self.end: tuple[str, dict[str, Any]] = ("execution_success", {})
        self.rejection: tuple[int, Any] | None = None
        self.jobs: dict[str, Any] = {}
        self.queues: dict[str, Any] = {}
        self.clients: list[str] = []

    @property
    def graph(self) -> dict[str, Any]:
        """The one that came in."""
        (body,) = self.sent("POST /prompt")
        return body["prompt"]  # type: ignore[no-any-return]

    def looks(self) -> int:
        """How often somebody has looked into the history."""
        return sum(route.startswith("GET /history/") for route, _ in self.requests)

    async def queue(self, request: web.Request) -> web.Response:
        if self.rejection:
            return web.json_response(self.rejection[1], status=self.rejection[0])
        body = await request.json()
        assert str(uuid.UUID(body["prompt_id"])) == body["prompt_id"]
        self.jobs[body["prompt_id"]] = body["prompt"]
        return web.json_response({"prompt_id": body["prompt_id"], "number": 1, "node_errors": {}})

    async def listen(self, request: web.Request) -> web.StreamResponse:
        job = request.query["clientId"]
        self.clients.append(job)
        if not self.has_socket:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        exec_info = {"queue_remaining": 1}
        await socket.send_json(
            {"type": "status", "data": {"status": {"exec_info": exec_info}, "sid": job}}
        )
        await socket.send_json({"type": "executing", "data": {"node": "3", "prompt_id": job}})
        for step, of_job in ((5, job), (9, "another")):
            data = {"value": step, "max": 20, "prompt_id": of_job, "node": "3"}
            await socket.send_json({"type": "progress", "data": data})
        await socket.send_str("no json")
        await socket.send_bytes(struct.pack(">II", 1, 2) + picture())
        meta = json.dumps({"prompt_id": job}).encode()
        await socket.send_bytes(struct.pack(">II", 4, len(meta)) + meta + picture())
        self.is_heard.set()
        await self.may_end.wait()
        await socket.send_json({"type": self.end[0], "data": {"prompt_id": job}})
        async for _ in socket:
            pass
        return socket

    async def history(self, request: web.Request) -> web.Response:
        job = request.match_info["id"]
        if self.is_lost or job not in self.jobs or not self.may_end.is_set():
            return web.json_response({})
        kind, data = self.end
        failed = kind != "execution_success"
        name, _ = self.file
        preview = {"filename": f"preview{Path(name).suffix}", "subfolder": "", "type": "temp"}
        kept = {"filename": name, "subfolder": "a b", "type": "output"}
        entry = {
            "prompt": [1, job, self.jobs[job], {}, ["9"]],
            "outputs": {} if failed else {"8": {"images": [preview]}, "9": {"images": [kept]}},
            "status": {
                "status_str": "error" if failed else "success",
                "completed": not failed,
                "messages": [["execution_start", {}], [kind, data]],
            },
        }
        return web.json_response({job: entry})

    async def view(self, request: web.Request) -> web.Response:
        assert dict(request.query) == {
            "filename": self.file[0],
            "subfolder": "a b",
            "type": "output",
        }
        return web.Response(body=self.file[1])

    async def upload(self, request: web.Request) -> web.Response:
        file: Any = (await request.post())["image"]
        return web.json_response({"name": file.filename, "subfolder": "sub", "type": "input"})

    async def checkpoints(self, _request: web.Request) -> web.Response:
        return web.json_response(["first.safetensors", "second.safetensors"])

    async def job(self, request: web.Request) -> web.Response:
        if not self.has_jobs:
            return web.Response(status=404, text="404: Not Found")
        if self.is_lost:
            return web.json_response({"error": "Job not found"}, status=404)
        return web.json_response({"id": request.match_info["id"], "status": "in_progress"})

    async def cancel(self, _request: web.Request) -> web.Response:
        if not self.has_jobs:
            return web.Response(status=404, text="404: Not Found")
        return web.json_response({"cancelled": True})

    async def queued(self, _request: web.Request) -> web.Response:
        running = [[0, job, {}, {}, []] for job in self.jobs]
        return web.json_response({"queue_running": running, "queue_pending": [], **self.queues})

    async def empty(self, _request: web.Request) -> web.Response:
        return web.Response()


@pytest.fixture
async def comfy() -> AsyncIterator[Comfy]:
    comfy = Comfy()
    async with comfy.running():
        yield comfy


def client_of(comfy: Comfy, **options: Any) -> ComfyUIImageClient:
    client = ComfyUIImageClient(base_url=comfy.url, **options)
    client.polling = Polling(first=0.01, cap=0.05)
    return client


async def draw(client: ComfyUIImageClient, hear: Any = None, seconds: float = 60) -> mt.Image:
    async with CallContext(seconds, listener=hear) as context:
        return await client.make(FOX, context)


async def test_words_become_a_picture_with_a_checkpoint_of_the_servers(comfy: Comfy) -> None:
    async with client_of(comfy) as client:
        image = await client.generate(
            mt.ImagePrompt("a red fox", size=(768, 512), seed=7, options={"steps": 5})
        )

    graph = comfy.graph
    assert graph["4"]["inputs"]["ckpt_name"] == "first.safetensors"
    assert graph["6"]["inputs"]["text"] == "a red fox"
    assert (graph["5"]["inputs"]["width"], graph["5"]["inputs"]["height"]) == (768, 512)
    assert (graph["3"]["inputs"]["seed"], graph["3"]["inputs"]["steps"]) == (7, 5)
    record = image.provenance
    assert record is not None
    assert (record.seed, record.request_id) == (7, comfy.clients[0])


async def test_without_a_seed_each_picture_has_one_of_its_own(comfy: Comfy) -> None:
    """The server draws nothing for a graph that it has drawn already."""
    async with client_of(comfy, model="mine.safetensors") as client:
        images = [await client.generate(FOX) for _ in range(2)]

    seeds = [image.provenance.seed for image in images if image.provenance]
    sent = [body["prompt"]["3"]["inputs"]["seed"] for body in comfy.sent("POST /prompt")]
    assert seeds == sent
    assert seeds[0] != seeds[1]
    assert not comfy.sent("GET /models/checkpoints")


async def test_the_places_are_found_in_a_graph_with_a_guider(comfy: Comfy, tmp_path: Path) -> None:
    file = tmp_path / "my flux.json"
    file.write_text(json.dumps(EDIT))
    start, other = mt.Image(picture()), mt.Image(picture())
    async with client_of(comfy, workflow=file) as client:
        await client.generate(
            mt.ImagePrompt(
                "winter", seed=3, size="512", references=[start, other], mask=start,
                options={"steps": 4, "guidance": 2.5},
            )
        )  # fmt: skip

    graph = comfy.graph
    assert client.model_id.startswith("comfyui/my-flux-")
    assert graph["20"]["inputs"]["clip_l"] == graph["20"]["inputs"]["t5xxl"] == "winter"
    assert graph["20"]["inputs"]["guidance"] == 2.5
    assert graph["25"]["inputs"]["noise_seed"] == ["26", 0]
    assert graph["26"]["inputs"]["value"] == 3
    assert graph["32"]["inputs"]["width"] == 512
    assert graph["27"]["inputs"]["steps"] == 4
    assert graph["10"]["inputs"]["image"].startswith("sub/mediatoolkit-")
    assert graph["12"]["inputs"] == {**graph["12"]["inputs"], "channel": "red"}
    assert len(comfy.sent("POST /upload/image")) == 3


async def test_inputs_name_places_and_options(comfy: Comfy) -> None:
    inputs = {"prompt": "20.t5xxl", "strength": "41.strength_model"}
    async with client_of(comfy, workflow=EDIT, inputs=inputs) as client:
        await client.generate(mt.ImagePrompt("fox", options={"strength": 0.3}))
        with pytest.raises(PromptError, match="strength="):
            client.check(mt.ImagePrompt("fox", options={"strength": "much"}))

    assert comfy.graph["20"]["inputs"]["clip_l"] == "old"
    assert comfy.graph["41"]["inputs"]["strength_model"] == 0.3


@pytest.mark.parametrize(
    ("workflow", "inputs", "words"),
    [
        ({"nodes": [], "links": []}, None, "API's format"),
        ({}, None, "nodes by their ids"),
        ({"1": {"class_type": "SaveImage", "inputs": {}}}, None, "6.text"),
        (EDIT, {"seed": "26.number"}, "26.value"),
        (None, {"seed": "3.seed"}, "workflow="),
        ([], None, "not list"),
        (5, None, "not int"),
        (EDIT, "26.value", "by name"),
        (EDIT, ["26.value"], "by name"),
        (EDIT, {"seed": 5}, "names no place"),
        (EDIT, {"seed": None}, "names no place"),
        (EDIT, {"prompt": []}, "names no place"),
        (EDIT, {5: "26.value"}, "names no place"),
    ],
    ids=[
        "editor",
        "empty",
        "no_words",
        "no_place",
        "no_workflow",
        "list",
        "number",
        "place_alone",
        "list_of_places",
        "number_as_place",
        "none_as_place",
        "no_places",
        "number_as_name",
    ],
)
def test_a_workflow_that_cannot_be_filled_is_refused_at_once(
    workflow: Any, inputs: Any, words: str
) -> None:
    with pytest.raises(PromptError, match=words):
        ComfyUIImageClient(workflow=workflow, inputs=inputs)


def test_what_the_workflow_has_no_place_for_is_refused_with_advice() -> None:
    bare = {
        "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "x"}},
        "2": {"class_type": "Sampler", "inputs": {"positive": ["1", 0]}},
    }
    client = ComfyUIImageClient(workflow=bare)
    with pytest.raises(PromptError, match=r'no place.*"3.seed"'):
        client.check(mt.ImagePrompt("fox", seed=1))
    with pytest.raises(PromptError, match=r"10\.image"):
        client.check(mt.ImagePrompt("fox", references=[mt.Image(picture())]))


def test_another_workflow_is_another_model() -> None:
    """So what is kept of one is never taken for the other's."""
    changed = json.loads(json.dumps(EDIT))
    changed["27"]["inputs"]["steps"] = 21
    one, other = (ComfyUIImageClient(workflow=each, model="flux") for each in (EDIT, changed))
    assert one.model_id != other.model_id
    assert one.model_id == ComfyUIImageClient(workflow=EDIT, model=one.model).model_id


async def test_steps_and_previews_of_this_job_alone_are_heard(comfy: Comfy) -> None:
    comfy.may_end.clear()
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        if sum(isinstance(each, Partial) for each in heard) == 2:
            comfy.may_end.set()

    async with client_of(comfy) as client:
        await asyncio.wait_for(draw(client, hear), 60)

    words = [event.words for event in heard if isinstance(event, Working)]
    assert list(dict.fromkeys(words)) == ["1 in the queue", "KSampler", "KSampler, step 5 of 20"]


async def test_steps_that_are_no_numbers_are_passed_over() -> None:
    """What comes after them is heard."""
    heard: list[Event] = []

    async def messages() -> AsyncGenerator[str | bytes]:
        pairs: list[Any] = [(10**400, 1), (1, 10**400), ("x", 2), (True, 3), ([], {}), (5, 20)]
        for step, steps in pairs:
            data = {"value": step, "max": steps, "prompt_id": "j", "node": "3"}
            yield json.dumps({"type": "progress", "data": data})

    async with CallContext(60, listener=heard.append) as context:
        await JobSocket("j", context, TEXT_TO_IMAGE, str).listen(messages)

    assert heard == [Working("comfyui", "KSampler, step 5 of 20", 0.25)]


async def test_the_end_is_known_by_the_socket_without_another_pause(comfy: Comfy) -> None:
    comfy.may_end.clear()
    async with client_of(comfy) as client:
        client.polling = Polling(first=100, cap=100)
        drawing = asyncio.create_task(draw(client))
        await comfy.is_heard.wait()
        while comfy.looks() < 1:
            await asyncio.sleep(0)
        comfy.may_end.set()
        await asyncio.wait_for(drawing, 60)


@pytest.mark.parametrize("has_jobs", [True, False])
async def test_without_a_socket_the_history_alone_is_enough(
    comfy: Comfy,
    has_jobs: bool,  # noqa: FBT001
) -> None:
    comfy.has_socket, comfy.has_jobs = False, has_jobs
    comfy.may_end.clear()
    async with client_of(comfy) as client:
        drawing = asyncio.create_task(draw(client))
        while comfy.looks() < 3:
            await asyncio.sleep(0.001)
        comfy.may_end.set()
        await asyncio.wait_for(drawing, 60)


@pytest.mark.parametrize("has_socket", [True, False])
async def test_a_job_that_a_restart_forgot_is_an_error(
    comfy: Comfy,
    monkeypatch: pytest.MonkeyPatch,
    has_socket: bool,  # noqa: FBT001
) -> None:
    """A socket that was opened again says nothing of it."""
    monkeypatch.setattr(comfyui, "_RECONNECT", Polling(first=0.01, cap=0.01))
    comfy.has_socket, comfy.is_lost = has_socket, True
    comfy.may_end.clear()
    async with client_of(comfy) as client:
        with pytest.raises(ProviderError, match="knows nothing of job"):
            await draw(client)


async def test_an_error_of_a_node_is_named(comfy: Comfy) -> None:
    comfy.end = (
        "execution_error",
        {
            "node_id": "3",
            "node_type": "KSampler",
            "exception_type": "torch.OutOfMemoryError",
            "exception_message": "Allocation on device",
        },
    )
    async with client_of(comfy) as client, CallContext(60) as context:
        with pytest.raises(
            ProviderError, match="KSampler: OutOfMemoryError: Allocation on device"
        ) as caught:
            await client.make(FOX, context)

    assert caught.value.family == "operation"
    assert context.job_id is None


async def test_an_interrupt_at_the_server_is_named(comfy: Comfy) -> None:
    comfy.end = ("execution_interrupted", {"node_id": "3"})
    async with client_of(comfy) as client:
        with pytest.raises(ProviderError, match="interrupt"):
            await draw(client)


@pytest.mark.parametrize("has_jobs", [True, False])
async def test_stop_cancels_the_job_at_the_server(
    comfy: Comfy,
    has_jobs: bool,  # noqa: FBT001
) -> None:
    comfy.has_jobs = has_jobs
    comfy.may_end.clear()
    heard: list[Event] = []
    async with client_of(comfy) as client:
        drawing = asyncio.create_task(draw(client, heard.append))
        await comfy.is_heard.wait()
        drawing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing

    (job,) = comfy.jobs
    assert heard[-1] == Withdrawn(confirmed=True)
    if has_jobs:
        assert len(comfy.sent(f"POST /api/jobs/{job}/cancel")) == 1
    else:
        assert comfy.sent("POST /interrupt") == [{"prompt_id": job}]
    comfy.may_end.set()


@pytest.mark.parametrize(
    ("place", "cancelled"), [("queue_pending", True), (None, False)], ids=["waits", "has ended"]
)
async def test_an_older_server_says_where_the_job_is(
    comfy: Comfy,
    place: str | None,
    cancelled: bool,  # noqa: FBT001
) -> None:
    """What has ended in the meantime was not stopped, and can be come back for."""
    job = str(uuid.uuid4())
    comfy.has_jobs = False
    comfy.queues = {place: [[0, job, {}, {}, []]]} if place else {}
    async with client_of(comfy) as client, CallContext(60) as context:
        assert await client.cancel(job, context) is cancelled
    assert comfy.sent("POST /queue") == [{"delete": [job]}] * cancelled
    assert not comfy.sent("POST /interrupt")


async def test_a_deadline_leaves_the_job_which_another_client_waits_for(comfy: Comfy) -> None:
    comfy.may_end.clear()
    async with client_of(comfy) as client:
        with pytest.raises(DeadlineError) as caught:
            await draw(client, None, 0.3)
    (job,) = comfy.jobs
    assert job in str(caught.value)
    assert not comfy.sent(f"POST /api/jobs/{job}/cancel")

    comfy.may_end.set()
    async with client_of(comfy) as again, CallContext(30) as context:
        image = await again.wait(job, await again.provenance(FOX), context)
    assert image.provenance is not None
    assert image.provenance.request_id == job


@pytest.mark.parametrize(
    ("status", "document", "error", "words"),
    [
        (
            400,
            {
                "error": {
                    "type": "prompt_outputs_failed_validation",
                    "message": "Prompt outputs failed validation",
                    "details": "",
                    "extra_info": {},
                },
                "node_errors": {
                    "3": {
                        "errors": [
                            {
                                "type": "value_not_in_list",
                                "message": "Value not in list",
                                "details": "sampler_name: 'x' not in ['euler']",
                                "extra_info": {},
                            }
                        ],
                        "class_type": "KSampler",
                        "dependent_outputs": ["9"],
                    }
                },
            },
            ProviderError,
            "KSampler: Value not in list: sampler_name",
        ),
        (
            400,
            {
                "error": {"type": "x", "message": "failed", "details": "", "extra_info": {}},
                "node_errors": {
                    "4": {"errors": [{"message": "Value not in list", "details": "ckpt_name: 'y'"}]}
                },
            },
            ModelNotFoundError,
            "ckpt_name",
        ),
        (500, {"error": "out of order"}, ProviderError, "out of order"),
    ],
    ids=["node", "checkpoint", "server"],
)
async def test_a_rejected_graph_says_which_node_and_why(
    comfy: Comfy, status: int, document: Any, error: type[ProviderError], words: str
) -> None:
    comfy.rejection = status, document
    async with client_of(comfy, retry=mt.Retry(attempts=1)) as client:
        with pytest.raises(error, match=words) as caught:
            await draw(client)

    assert caught.value.status == status
    assert not caught.value.may_have_been_billed


async def test_a_film_is_made_by_a_workflow_of_yours(comfy: Comfy) -> None:
    comfy.file = "film_00001_.mp4", clip()
    async with ComfyUIVideoClient(base_url=comfy.url, workflow=FILM) as client:
        client.polling = Polling(first=0.01, cap=0.05)
        film = await client.generate(
            mt.VideoPrompt("a fox runs", image=mt.Image(picture()), seconds=3, seed=5)
        )

    graph = comfy.graph
    assert film.mime_type == "video/mp4"
    assert graph["1"]["inputs"]["text"] == "a fox runs"
    assert graph["2"]["inputs"]["text"] == "blurry"
    assert graph["3"]["inputs"]["image"].startswith("sub/")
    assert graph["4"]["inputs"]["length"] == 49
    assert graph["5"]["inputs"]["seed"] == 5


def test_a_film_without_a_workflow_says_what_to_give() -> None:
    with pytest.raises(PromptError, match="workflow="):
        ComfyUIVideoClient()
    assert not ComfyUIVideoClient.has_key()


async def test_a_film_is_come_back_for_without_its_workflow(
    comfy: Comfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of the kernel, where its name alone is known."""
    monkeypatch.setenv("COMFYUI_BASE_URL", comfy.url)
    monkeypatch.chdir(tmp_path)
    comfy.file = ("film_00001_.mp4", clip())
    comfy.may_end.clear()
    client = ComfyUIVideoClient(workflow=FILM)
    async with mt.VideoGenAgent(client, store=mt.Store.default()) as agent:
        job = agent.start("waves")
        await run_out(job, lambda: [each for each in agent.pending() if not each.is_intent])
        with pytest.raises(DeadlineError, match=r"mt\.jobs\.resume"):
            await job
    comfy.may_end.set()

    (pending,) = mt.jobs.pending()
    film = await mt.jobs.resume(pending.id)

    assert film.data == clip()
    assert not mt.jobs.pending()
    with pytest.raises(PromptError, match="workflow="):
        await mt.video("waves", model=client.model_id)
    assert len(comfy.sent("POST /prompt")) == 1
    await mt.close()


@pytest.mark.parametrize("kind", [ComfyUIImageClient, ComfyUIVideoClient])
def test_a_worker_makes_the_same_client(kind: Any) -> None:
    client = kind(workflow=FILM, inputs={"lora": "4.width"}, model="wan", base_url="http://a:1")
    again = client.recipe().client()
    assert again.model_id == client.model_id
    assert again.capabilities.keywords.keys() == client.capabilities.keywords.keys()
    assert again.base_url == "http://a:1"


async def test_an_odd_id_is_never_put_into_an_address(comfy: Comfy) -> None:
    async with client_of(comfy) as client, CallContext(5) as context:
        with pytest.raises(PromptError):
            await client.cancel("../queue", context)
    assert not comfy.requests


async def test_an_agent_comes_back_for_a_picture_that_was_late(
    comfy: Comfy, tmp_path: Path
) -> None:
    comfy.may_end.clear()
    async with mt.ImageGenAgent(client_of(comfy), store=tmp_path) as agent:
        job = agent.start("a red fox")
        await run_out(job, lambda: [each for each in agent.pending() if not each.is_intent])
        with pytest.raises(DeadlineError):
            await job
    comfy.may_end.set()
    async with mt.ImageGenAgent(client_of(comfy), store=tmp_path) as again:
        (pending,) = again.pending()
        image = await again.resume(pending.id)
        assert not again.pending()
    assert image.path is not None
    assert len(comfy.sent("POST /prompt")) == 1
