"""The simulated server of stable-diffusion-webui, as a client talks to it."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import b64, png

FOX: dict[str, Any] = {"prompt": "a red fox", "seed": 7, "steps": 4, "width": 96, "height": 64}


@dataclass
class Server:
    """Talks to the simulated server."""

    sim: Simulator
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = f"{self.sim.automatic1111.url}/sdapi/v1/{path}"
        async with self.http.request(method, url, json=body) as response:
            return response.status, await response.json()

    async def draw(self, kind: str = "txt2img", **fields: Any) -> tuple[int, Any]:
        return await self.ask("POST", kind, FOX | fields)

    async def progress(self, query: str = "") -> Any:
        return (await self.ask("GET", f"progress{query}"))[1]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("automatic1111",), detail=64) as simulator:
        yield simulator


@pytest.fixture
async def server(sim: Simulator) -> AsyncIterator[Server]:
    async with aiohttp.ClientSession() as http:
        yield Server(sim, http)


def picture(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


class TestPictures:
    """What is drawn."""

    async def test_a_picture_has_its_size_and_says_how_it_was_made(self, server: Server) -> None:
        status, answer = await server.draw(negative_prompt="blur", sampler_name="Euler a")
        info = json.loads(answer["info"])

        assert status == 200
        (drawn,) = map(picture, answer["images"])
        assert (drawn.format, drawn.size) == ("PNG", (96, 64))
        assert answer["parameters"]["negative_prompt"] == "blur"
        assert (info["seed"], info["all_seeds"], info["index_of_first_image"]) == (7, [7], 0)
        assert "Sampler: Euler a, CFG scale: 7.0, Seed: 7, Size: 96x64" in info["infotexts"][0]

    async def test_the_same_seed_draws_the_same(self, server: Server) -> None:
        first, second, other, chosen = [(await server.draw(seed=seed))[1] for seed in (7, 7, 8, -1)]

        assert first["images"] == second["images"]
        assert first["images"] != other["images"]
        assert json.loads(chosen["info"])["seed"] >= 0

    async def test_sides_are_cut_to_multiples_of_8(self, server: Server) -> None:
        _, answer = await server.draw(width=103, height=71)

        assert picture(answer["images"][0]).size == (96, 64)

    async def test_a_batch_begins_with_a_sheet_of_all(self, server: Server) -> None:
        _, answer = await server.draw(batch_size=2, n_iter=2)
        info = json.loads(answer["info"])

        assert [picture(text).size for text in answer["images"]] == [(192, 128), *[(96, 64)] * 4]
        assert info["index_of_first_image"] == 1
        assert info["all_seeds"] == [7, 8, 9, 10]
        assert len(info["infotexts"]) == 5

    async def test_a_larger_picture_is_made_of_a_small_one(self, server: Server) -> None:
        _, answer = await server.draw(enable_hr=True, hr_scale=1.5, hr_upscaler="Lanczos")

        assert picture(answer["images"][0]).size == (144, 96)

    async def test_a_picture_is_drawn_upon(self, server: Server) -> None:
        source = b64(png("red", (96, 64)))
        for text in (source, f"data:image/png;base64,{source}"):
            _, answer = await server.draw("img2img", init_images=[text], denoising_strength=0.5)
            red, green, blue = (
                picture(answer["images"][0]).convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
            )
            assert red > green + 40
            assert red > blue + 40
            assert answer["parameters"]["init_images"] is None

    async def test_pictures_may_be_left_out(self, server: Server) -> None:
        assert (await server.draw(send_images=False))[1]["images"] == []


class TestProgress:
    """What is heard while a request is held."""

    async def test_an_idle_server_is_at_nothing(self, server: Server) -> None:
        progress = await server.progress()

        assert (progress["progress"], progress["current_image"]) == (0, None)
        assert progress["state"]["job_count"] == 0

    async def test_progress_tells_step_and_preview(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(3)
        call = asyncio.create_task(server.draw(width=512))
        await hold.reached()
        progress = await server.progress()
        bare = await server.progress("?skip_current_image=true")
        hold.release()
        status, _ = await call

        assert status == 200
        assert progress["progress"] == pytest.approx(0.51)
        state = progress["state"]
        assert (state["sampling_step"], state["sampling_steps"]) == (2, 4)
        assert (state["job"], state["job_no"], state["job_count"]) == ("scripts_txt2img", 0, 1)
        assert picture(progress["current_image"]).size == (64, 8)
        assert bare["current_image"] is None
        assert bare["eta_relative"] > 0
        assert (await server.progress())["progress"] == 0

    async def test_one_request_waits_for_another(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(3)
        first = asyncio.create_task(server.draw(steps=8))
        await hold.reached()
        second = asyncio.create_task(server.draw())
        await sim.until(lambda: len(sim.requests_for("start")) == 2)
        states = [(await server.progress())["state"] for _ in range(3)]
        hold.release()
        done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)

        assert [(each["sampling_step"], each["sampling_steps"]) for each in states] == [(2, 8)] * 3
        assert done == {first}
        assert [status for status, _ in await asyncio.gather(first, second)] == [200, 200]

    async def test_an_interrupt_brings_what_is_there(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(2)
        call = asyncio.create_task(server.draw(n_iter=3))
        await hold.reached()
        assert await server.ask("POST", "interrupt") == (200, {})
        status, answer = await call

        assert status == 200
        assert len(answer["images"]) == 1
        assert (await server.progress())["state"]["interrupted"] is True

    async def test_a_skip_goes_on_with_the_next_round(self, sim: Simulator, server: Server) -> None:
        hold = sim.pace.hold(2)
        call = asyncio.create_task(server.draw(n_iter=2))
        await hold.reached()
        await server.ask("POST", "skip")
        _, answer = await call

        assert len(json.loads(answer["info"])["all_seeds"]) == 2

    async def test_the_steps_may_be_set(self) -> None:
        async with (
            Simulator(vendors=("automatic1111",), detail=64, steps=2) as sim,
            aiohttp.ClientSession() as http,
        ):
            hold, server = sim.pace.hold(2), Server(sim, http)
            call = asyncio.create_task(server.draw(steps=150))
            await hold.reached()
            state = (await server.progress())["state"]
            hold.release()
            await call

        assert (state["sampling_step"], state["sampling_steps"]) == (1, 2)


class TestErrors:
    """What goes wrong."""

    @pytest.mark.parametrize(
        ("kind", "fields", "status", "detail"),
        [
            ("txt2img", {"sampler_name": "Best"}, 404, "Sampler not found"),
            ("txt2img", {"script_name": "loop"}, 422, "Script 'loop' not found"),
            (
                "txt2img",
                {"alwayson_scripts": {"net": {"args": []}}},
                422,
                "always on script net not found",
            ),
            ("img2img", {}, 404, "Init image not found"),
            ("img2img", {"init_images": ["bm8="]}, 500, "Invalid encoded image"),
            ("img2img", {"init_images": ["http://a/b.png"]}, 500, "Requests not allowed"),
        ],
        ids=["sampler", "script", "always", "no image", "bad image", "address"],
    )
    async def test_what_is_not_there_is_named(
        self, server: Server, kind: str, fields: dict[str, Any], status: int, detail: str
    ) -> None:
        document = {"error": "HTTPException", "detail": detail, "body": "", "errors": ""}

        assert await server.draw(kind, **fields) == (status, document)

    async def test_a_wrong_type_is_listed(self, server: Server) -> None:
        status, document = await server.draw(steps="many")

        assert status == 422
        assert document["detail"][0]["loc"] == ["body", "steps"]

    async def test_an_unknown_field_is_ignored(self, server: Server) -> None:
        assert (await server.draw(guidance=3))[0] == 200

    async def test_a_card_without_memory_ends_the_picture(
        self, sim: Simulator, server: Server
    ) -> None:
        sim.then(faults.StreamError(message="CUDA out of memory."))
        status, document = await server.draw()

        assert (status, document["error"]) == (500, "OutOfMemoryError")
        assert document["errors"] == "CUDA out of memory."
        assert (await server.draw())[0] == 200

    async def test_a_status_has_the_servers_envelope(self, sim: Simulator, server: Server) -> None:
        sim.then(faults.Status(404))

        document = {"error": "HTTPException", "detail": "Not Found", "body": "", "errors": ""}
        assert await server.draw() == (404, document)

    @pytest.mark.parametrize(
        ("auth", "status", "detail"),
        [
            (None, 401, "Not authenticated"),
            ("fox:no", 401, "Incorrect username or password"),
            ("fox:s3cret", 200, ""),
        ],
        ids=["none", "wrong", "right"],
    )
    async def test_a_password_may_be_asked_for(
        self, auth: str | None, status: int, detail: str
    ) -> None:
        headers = {"Authorization": f"Basic {b64(auth.encode())}"} if auth else {}
        async with (
            Simulator(vendors=("automatic1111",), key="fox:s3cret") as sim,
            aiohttp.ClientSession(headers=headers) as http,
            http.get(f"{sim.url}/sdapi/v1/samplers") as response,
        ):
            document = await response.json()

        assert response.status == status
        if status == 401:
            assert response.headers["WWW-Authenticate"] == "Basic"
            assert document["detail"] == detail


class TestSettings:
    """What the server has and is set to."""

    async def test_models_and_samplers_are_listed(self, server: Server) -> None:
        _, models = await server.ask("GET", "sd-models")
        _, samplers = await server.ask("GET", "samplers")

        assert {"title", "model_name", "hash", "sha256", "filename"} <= set(models[0])
        assert "Euler a" in [each["name"] for each in samplers]
        assert (await server.ask("GET", "schedulers"))[1][0]["name"] == "automatic"

    async def test_a_model_is_chosen_by_option_or_request(self, server: Server) -> None:
        _, options = await server.ask("GET", "options")
        assert options["sd_model_checkpoint"].startswith("v1-5")
        answer = await server.ask("POST", "options", {"sd_model_checkpoint": "sd_xl_base_1.0"})
        assert answer == (200, None)
        used = []
        for override in ({}, {"sd_model_checkpoint": "6ce0161689"}, {"sd_model_checkpoint": "x"}):
            _, drawn = await server.draw(override_settings=override)
            used.append(json.loads(drawn["info"])["sd_model_name"])

        assert used == ["sd_xl_base_1.0", "v1-5-pruned-emaonly", "sd_xl_base_1.0"]

    async def test_a_model_that_is_not_there_cannot_be_set(self, server: Server) -> None:
        status, document = await server.ask("POST", "options", {"sd_model_checkpoint": "x"})

        assert (status, document["error"]) == (500, "RuntimeError")
        assert document["errors"] == "model 'x' not found"

    async def test_pictures_may_come_in_another_format(self, server: Server) -> None:
        await server.ask("POST", "options", {"samples_format": "webp"})
        _, answer = await server.draw()

        assert picture(answer["images"][0]).format == "WEBP"
