"""The simulated ComfyUI server, as a client talks to it over HTTP and its WebSocket."""

import asyncio
import copy
import io
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.films import is_mp4
from tests.simulator.bodies import png

CLIENT = "a-client"
JOB = "0f8fad5b-d9cb-469f-a165-70867728950e"
GRAPH: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["4", 0],
            "seed": 7,
            "steps": 4,
            "cfg": 7.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
            "denoise": 1.0,
        },
    },
    "4": {
        "class_type": "CheckpointLoaderSimple",
        "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"},
    },
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 96, "height": 64, "batch_size": 1},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "fox"}},
}


def graph(**inputs: Any) -> dict[str, Any]:
    """The graph, with other inputs by `node_input`."""
    nodes = copy.deepcopy(GRAPH)
    for name, value in inputs.items():
        node, _, key = name.removeprefix("n").partition("_")
        nodes[node]["inputs"][key] = value
    return nodes


@dataclass
class Server:
    """Talks to the simulated server."""

    sim: Simulator
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.http.request(method, self.sim.url + path, json=body) as response:
            data = await response.read()
            return response.status, json.loads(data) if data[:1] in b"{[" and data else data

    async def submit(self, nodes: dict[str, Any] | None = None, **fields: Any) -> tuple[int, Any]:
        return await self.ask("POST", "/prompt", {"prompt": nodes or GRAPH, **fields})

    def watch(self, name: str = CLIENT) -> Any:
        return self.http.ws_connect(f"{self.sim.url}/ws?clientId={name}")

    async def ended(self, name: str) -> Any:
        """What the history says of a job, once it is there."""
        while True:
            _, history = await self.ask("GET", f"/history/{name}")
            if history:
                return history[name]

    async def fetch(self, file: dict[str, str]) -> bytes:
        async with self.http.get(f"{self.sim.url}/view", params=file) as response:
            assert response.status == 200
            return await response.read()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("comfyui",), detail=64) as simulator:
        yield simulator


@pytest.fixture
async def server(sim: Simulator) -> AsyncIterator[Server]:
    async with aiohttp.ClientSession() as http:
        yield Server(sim, http)


async def news(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
    """What is told of one job, up to its end: documents, and previews as bytes."""
    told: list[Any] = []
    async for message in socket:
        told.append(
            message.data if message.type is aiohttp.WSMsgType.BINARY else json.loads(message.data)
        )
        if isinstance(told[-1], dict) and told[-1]["data"].get("node", "") is None:
            return told
    raise AssertionError(f"the socket ended with {socket.close_code}")


def of_kind(told: list[Any], kind: str) -> list[Any]:
    return [each["data"] for each in told if isinstance(each, dict) and each["type"] == kind]


class TestJobs:
    """From a graph to a picture."""

    async def test_a_graph_becomes_a_picture_of_its_size(self, server: Server) -> None:
        status, started = await server.submit(prompt_id=JOB)
        assert (status, started) == (200, {"prompt_id": JOB, "number": 0, "node_errors": {}})

        history = await server.ended(JOB)
        assert history["status"]["status_str"] == "success"
        assert history["status"]["completed"] is True
        (file,) = history["outputs"]["9"]["images"]
        assert file == {"filename": "fox_00001_.png", "subfolder": "", "type": "output"}
        picture = Image.open(io.BytesIO(await server.fetch(file)))
        assert (picture.format, picture.size) == ("PNG", (96, 64))

    async def test_a_seed_draws_the_same_and_another_seed_another(self, server: Server) -> None:
        drawn = []
        for seed in (7, 7, 8):
            _, started = await server.submit(graph(n3_seed=seed))
            history = await server.ended(started["prompt_id"])
            drawn.append(await server.fetch(history["outputs"]["9"]["images"][0]))

        assert drawn[0] == drawn[1] != drawn[2]

    async def test_every_picture_of_a_batch_is_another(self, server: Server) -> None:
        _, started = await server.submit(graph(n5_batch_size=3))
        files = (await server.ended(started["prompt_id"]))["outputs"]["9"]["images"]

        assert len({await server.fetch(file) for file in files}) == 3

    async def test_the_socket_tells_how_a_job_goes(self, server: Server) -> None:
        async with server.watch() as socket:
            hello = json.loads((await socket.receive()).data)
            assert hello["data"] == {
                "status": {"exec_info": {"queue_remaining": 0}},
                "sid": CLIENT,
            }
            await server.submit(client_id=CLIENT, prompt_id=JOB)
            told = await news(socket)

        kinds = [each["type"] for each in told if isinstance(each, dict)]
        assert [kind for kind in kinds if kind.startswith("execution")] == [
            "execution_start",
            "execution_cached",
            "execution_success",
        ]
        assert [each["node"] for each in of_kind(told, "executing")] == [*"4675389", None]
        progress = of_kind(told, "progress")
        assert [(each["value"], each["max"]) for each in progress] == [(n, 4) for n in range(1, 5)]
        assert {each["node"] for each in progress} == {"3"}
        assert of_kind(told, "progress_state")[-1]["nodes"]["9"]["state"] == "finished"
        (executed,) = of_kind(told, "executed")
        assert executed["output"]["images"][0]["filename"] == "fox_00001_.png"
        assert all(each["prompt_id"] == JOB for each in (*progress, executed))
        assert of_kind(told, "status")[-1] == {"status": {"exec_info": {"queue_remaining": 0}}}

    async def test_every_step_shows_a_preview(self, server: Server) -> None:
        async with server.watch() as socket:
            await server.submit(client_id=CLIENT)
            previews = [each for each in await news(socket) if isinstance(each, bytes)]

        assert len(set(previews)) == 4
        for preview in previews:
            assert struct.unpack(">II", preview[:8]) == (1, 1)
            picture = Image.open(io.BytesIO(preview[8:]))
            assert (picture.format, picture.size) == ("JPEG", (96, 64))

    async def test_a_client_may_have_its_previews_with_metadata(self, server: Server) -> None:
        async with server.watch() as socket:
            features = {"supports_preview_metadata": True}
            await socket.send_json({"type": "feature_flags", "data": features})
            assert (await socket.receive_json())["type"] == "status"
            assert (await socket.receive_json())["data"]["supports_preview_metadata"] is True
            await server.submit(client_id=CLIENT, prompt_id=JOB)
            preview = next(each for each in await news(socket) if isinstance(each, bytes))

        kind, length = struct.unpack(">II", preview[:8])
        facts = json.loads(preview[8 : 8 + length])
        assert (kind, facts["image_type"], facts["prompt_id"]) == (4, "image/jpeg", JOB)
        assert facts["node_id"] == "3"
        assert Image.open(io.BytesIO(preview[8 + length :])).size == (96, 64)

    async def test_a_film_lies_among_the_pictures_and_says_that_it_moves(
        self, server: Server
    ) -> None:
        nodes = graph()
        nodes["5"] = {
            "class_type": "EmptyHunyuanLatentVideo",
            "inputs": {"width": 64, "height": 48, "length": 25, "batch_size": 1},
        }
        nodes["9"] = {"class_type": "CreateVideo", "inputs": {"images": ["8", 0], "fps": 25}}
        nodes["10"] = {
            "class_type": "SaveVideo",
            "inputs": {
                "video": ["9", 0],
                "filename_prefix": "video/fox",
                "format": "auto",
                "codec": "auto",
            },
        }
        _, started = await server.submit(nodes)
        output = (await server.ended(started["prompt_id"]))["outputs"]["10"]

        assert output["animated"] == [True]
        (file,) = output["images"]
        assert (file["subfolder"], file["filename"]) == ("video", "fox_00001_.mp4")
        assert is_mp4(await server.fetch(file))


class TestQueue:
    """One job at a time."""

    async def test_jobs_wait_for_each_other(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(2)
        names = [(await server.submit())[1]["prompt_id"] for _ in range(3)]
        await hold.reached()

        _, queue = await server.ask("GET", "/queue")
        assert [item[1] for item in queue["queue_running"]] == names[:1]
        assert [item[1] for item in queue["queue_pending"]] == names[1:]
        _, jobs = await server.ask("GET", "/api/jobs?status=pending,in_progress&sort_order=asc")
        assert {job["id"]: job["status"] for job in jobs["jobs"]} == {
            names[0]: "in_progress",
            names[1]: "pending",
            names[2]: "pending",
        }
        assert jobs["pagination"]["total"] == 3

        hold.release()
        assert await server.ended(names[2])
        _, jobs = await server.ask("GET", "/api/jobs?status=completed&limit=2")
        assert len(jobs["jobs"]) == 2
        assert jobs["pagination"] == {"offset": 0, "limit": 2, "total": 3, "has_more": True}

    async def test_a_job_may_come_to_the_front(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(1)
        await server.submit()
        await hold.reached()
        _, last = await server.submit()
        _, first = await server.submit(front=True)
        hold.release()
        await server.ended(last["prompt_id"])

        _, history = await server.ask("GET", "/history")
        assert [*history][1:] == [first["prompt_id"], last["prompt_id"]]

    async def test_a_job_that_runs_is_interrupted(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(3)
        async with server.watch() as socket:
            await server.submit(client_id=CLIENT, prompt_id=JOB)
            await hold.reached()
            assert await server.ask("POST", "/interrupt", {"prompt_id": "another"}) == (200, b"")
            assert (await server.ask("GET", f"/api/jobs/{JOB}"))[1]["status"] == "in_progress"
            assert await server.ask("POST", "/interrupt", {"prompt_id": JOB}) == (200, b"")
            told = await news(socket)

        (interrupted,) = of_kind(told, "execution_interrupted")
        assert (interrupted["node_id"], interrupted["node_type"]) == ("3", "KSampler")
        history = await server.ended(JOB)
        assert history["status"]["status_str"] == "error"
        assert history["outputs"] == {}
        assert (await server.ask("GET", f"/api/jobs/{JOB}"))[1]["status"] == "cancelled"

    @pytest.mark.parametrize("way", ["jobs", "queue", "clear"])
    async def test_a_job_that_waits_is_taken_out(
        self, sim: Simulator, server: Server, way: str
    ) -> None:
        hold = sim.pace.hold(1)
        await server.submit()
        await hold.reached()
        await server.submit(prompt_id=JOB)
        if way == "jobs":
            path = f"/api/jobs/{JOB}/cancel"
            assert await server.ask("POST", path) == (200, {"cancelled": True})
            assert await server.ask("POST", path) == (200, {"cancelled": False})
        else:
            body = {"clear": True} if way == "clear" else {"delete": [JOB]}
            assert await server.ask("POST", "/queue", body) == (200, b"")
        hold.release()

        assert await server.ask("GET", f"/api/jobs/{JOB}") == (404, {"error": "Job not found"})
        assert await server.ask("GET", f"/history/{JOB}") == (200, {})

    async def test_a_running_job_is_cancelled_by_its_id(
        self, sim: Simulator, server: Server
    ) -> None:
        hold = sim.pace.hold(1)
        await server.submit(prompt_id=JOB)
        await hold.reached()

        assert (await server.ask("POST", f"/api/jobs/{JOB}/cancel"))[1] == {"cancelled": True}
        assert (await server.ended(JOB))["status"]["completed"] is False


class TestSocket:
    """The socket comes and goes; the job does not mind."""

    async def test_a_job_goes_on_when_the_socket_is_gone(
        self, sim: Simulator, server: Server
    ) -> None:
        hold = sim.pace.hold(3)
        async with server.watch() as socket:
            await server.submit(client_id=CLIENT, prompt_id=JOB)
            await hold.reached()
            sim.drop_sockets()
            types = [message.type async for message in socket]
            assert aiohttp.WSMsgType.CLOSE not in types
            assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
        await sim.until(lambda: sim.open_sockets == 0)
        async with server.watch() as socket:
            assert (await socket.receive_json())["type"] == "status"
            assert (await socket.receive_json())["data"] == {"node": "3"}
            hold.release()
            assert of_kind(await news(socket), "executed")

        assert (await server.ended(JOB))["status"]["completed"] is True

    async def test_news_are_for_the_client_that_sent_the_graph(self, server: Server) -> None:
        async with server.watch("another") as other, server.watch() as socket:
            await server.submit(client_id=CLIENT)
            await news(socket)
            told = [await other.receive_json() for _ in range(4)]

        assert {each["type"] for each in told} == {"status"}

    async def test_a_socket_meets_only_faults_that_are_aimed_at_it(
        self, sim: Simulator, server: Server
    ) -> None:
        sim.then(faults.Status(500))
        sim.then(faults.Status(503), at="socket")
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await server.watch()
        async with server.watch() as socket:
            await socket.receive()
        status, text = await server.submit()

        assert caught.value.status == 503
        assert (status, text[:3]) == (500, b"500")

    async def test_a_socket_that_the_peer_closes_is_no_broken_request(
        self, sim: Simulator, server: Server
    ) -> None:
        async with server.watch() as socket:
            await socket.receive()
            assert sim.open_sockets == 1
        await sim.until(lambda: sim.open_connections == 0)

        assert [each.path for each in sim.requests] == ["/ws"]
        assert sim.aborted == 0

    async def test_the_simulator_closes_with_open_sockets_and_jobs(self) -> None:
        before = asyncio.all_tasks()
        async with aiohttp.ClientSession() as http, Simulator(vendors=("comfyui",)) as sim:
            server = Server(sim, http)
            hold = sim.pace.hold(1)
            socket = await server.watch()
            await server.submit(client_id=CLIENT)
            await hold.reached()
            await sim.close()
            assert [message.type async for message in socket][-1:] != [aiohttp.WSMsgType.ERROR]
            assert socket.closed

        assert asyncio.all_tasks() == before

    async def test_a_plain_request_is_no_socket(self, server: Server) -> None:
        assert (await server.ask("GET", "/ws"))[0] == 400


WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "missing": ({"n3_seed": ...}, "3", "required_input_missing", "seed"),
    "type": ({"n3_steps": "many"}, "3", "invalid_input_type", "steps, many, "),
    "too small": ({"n5_width": 8}, "5", "value_smaller_than_min", "width"),
    "too large": ({"n3_steps": 10_001}, "3", "value_bigger_than_max", "steps"),
    "choice": ({"n3_sampler_name": "best"}, "3", "value_not_in_list", "sampler_name: 'best' not"),
    "model": ({"n4_ckpt_name": "x"}, "4", "value_not_in_list", "ckpt_name: 'x' not in"),
    "link": ({"n8_vae": ["4"]}, "8", "bad_linked_input", "vae"),
    "link type": ({"n8_vae": ["4", 0]}, "8", "return_type_mismatch", "vae, received_type(MODEL)"),
    "cycle": ({"n3_latent_image": ["3", 0]}, "3", "dependency_cycle", "3 (KSampler) -> 3"),
    "nowhere": ({"n8_vae": ["99", 0]}, "8", "exception_during_validation", "'99'"),
}


class TestGraphs:
    """What is wrong with a graph."""

    @pytest.mark.parametrize("case", WRONG)
    async def test_a_wrong_input_is_named(self, server: Server, case: str) -> None:
        inputs, node, kind, details = WRONG[case]
        nodes = graph(**inputs)
        for each in nodes.values():
            each["inputs"] = {k: v for k, v in each["inputs"].items() if v is not ...}
        status, document = await server.submit(nodes)

        assert status == 400
        assert document["error"]["type"] == "prompt_outputs_failed_validation"
        assert set(document["node_errors"]) == {node}
        errors = document["node_errors"][node]
        assert errors["class_type"] == nodes[node]["class_type"]
        assert errors["dependent_outputs"] == ["9"]
        (error,) = errors["errors"]
        assert error["type"] == kind
        assert error["details"].startswith(details)
        assert set(error) == {"type", "message", "details", "extra_info"}

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({}, "no_prompt"),
            ({"prompt": GRAPH, "prompt_id": JOB.upper()}, "invalid_prompt_id"),
            ({"prompt": {"1": {"inputs": {}}}}, "missing_node_type"),
            ({"prompt": {"1": {"class_type": "Magic", "inputs": {}}}}, "missing_node_type"),
            ({"prompt": {"4": GRAPH["4"]}}, "prompt_no_outputs"),
            ({"prompt": {}}, "prompt_no_outputs"),
        ],
        ids=["none", "id", "no class", "class", "no output", "empty"],
    )
    async def test_a_wrong_graph_is_refused(self, server: Server, body: Any, kind: str) -> None:
        status, document = await server.ask("POST", "/prompt", body)

        assert (status, document["error"]["type"], document["node_errors"]) == (400, kind, {})

    async def test_a_good_output_is_made_beside_a_wrong_one(self, server: Server) -> None:
        nodes = graph()
        nodes["10"] = {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}}
        status, started = await server.submit(nodes)

        assert status == 200
        assert set(started["node_errors"]) == {"10"}
        assert set((await server.ended(started["prompt_id"]))["outputs"]) == {"9"}

    async def test_a_job_that_fails_says_where(self, sim: Simulator, server: Server) -> None:
        sim.then(faults.StreamError(message="CUDA out of memory."), at="start")
        async with server.watch() as socket:
            await server.submit(client_id=CLIENT, prompt_id=JOB)
            told = await news(socket)

        (error,) = of_kind(told, "execution_error")
        assert (error["node_id"], error["node_type"]) == ("3", "KSampler")
        assert error["exception_message"].startswith("CUDA out of memory.")
        assert len(of_kind(told, "progress")) == 2
        job = (await server.ask("GET", f"/api/jobs/{JOB}"))[1]
        assert job["status"] == "failed"
        assert job["execution_error"] == error
        assert (await server.ended(JOB))["status"]["messages"][-1] == ["execution_error", error]


class TestFiles:
    """Pictures that go in, and what is there."""

    async def upload(self, server: Server, data: bytes, **fields: str) -> tuple[int, Any]:
        form = aiohttp.FormData(fields)
        form.add_field("image", data, filename="fox.png", content_type="image/png")
        async with server.http.post(f"{server.sim.url}/upload/image", data=form) as response:
            return response.status, await response.json(content_type=None)

    async def test_a_picture_is_uploaded_and_drawn_upon(self, server: Server) -> None:
        status, name = await self.upload(server, png("red", (128, 64)))
        assert (status, name) == (200, {"name": "fox.png", "subfolder": "", "type": "input"})
        nodes = graph(n3_latent_image=["11", 0])
        nodes["10"] = {"class_type": "LoadImage", "inputs": {"image": "fox.png"}}
        nodes["11"] = {
            "class_type": "VAEEncode",
            "inputs": {"pixels": ["10", 0], "vae": ["4", 2]},
        }
        _, started = await server.submit(nodes)
        (file,) = (await server.ended(started["prompt_id"]))["outputs"]["9"]["images"]
        picture = Image.open(io.BytesIO(await server.fetch(file))).convert("RGB")

        assert picture.size == (128, 64)
        red, green, blue = picture.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
        assert red > green + 40
        assert red > blue + 40

    async def test_a_name_that_is_taken_gets_a_number(self, server: Server) -> None:
        names = [
            (await self.upload(server, data, **fields))[1]["name"]
            for data, fields in (
                (png("red"), {}),
                (png("red"), {}),
                (png("blue"), {}),
                (png("green"), {"overwrite": "true"}),
                (png("green"), {"subfolder": "a"}),
            )
        ]

        assert names == ["fox.png", "fox.png", "fox (1).png", "fox.png", "fox.png"]
        file = {"filename": "fox.png", "type": "input"}
        assert await server.fetch(file) == png("green")

    async def test_a_picture_that_is_not_there_is_no_input(self, server: Server) -> None:
        nodes = {
            "1": {"class_type": "LoadImage", "inputs": {"image": "fox.png"}},
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        }
        status, document = await server.submit(nodes)

        assert status == 400
        (error,) = document["node_errors"]["1"]["errors"]
        assert error["type"] == "custom_validation_failed"
        assert error["details"] == "image - Invalid image file: fox.png"

    @pytest.mark.parametrize(
        ("query", "status"),
        [("", 404), ("?filename=x.png", 404), ("?filename=../x.png", 400)],
        ids=["no name", "unknown", "outside"],
    )
    async def test_a_file_that_is_not_there(self, server: Server, query: str, status: int) -> None:
        assert (await server.ask("GET", f"/view{query}"))[0] == status

    @pytest.mark.parametrize("prefix", ["", "/api"])
    async def test_the_classes_are_described(self, server: Server, prefix: str) -> None:
        await self.upload(server, png())
        _, nodes = await server.ask("GET", f"{prefix}/object_info")
        _, alone = await server.ask("GET", f"{prefix}/object_info/LoadImage")
        _, none = await server.ask("GET", f"{prefix}/object_info/Magic")

        assert alone == {"LoadImage": nodes["LoadImage"]}
        assert alone["LoadImage"]["input"]["required"]["image"][0] == [
            "fox.png",
            "fox.png [input]",
        ]
        assert nodes["SaveImage"]["output_node"] is True
        assert none == {}

    async def test_models_are_listed(self) -> None:
        models = ("mine.safetensors",)
        async with (
            Simulator(vendors=("comfyui",), models=models) as sim,
            aiohttp.ClientSession() as http,
        ):
            _, names = await Server(sim, http).ask("GET", "/models/checkpoints")

        assert "mine.safetensors" in names
