"""The simulated Black Forest Labs, as a client talks to it."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import b64, png

KEY = "a-key-of-tests"
FOX: dict[str, Any] = {"prompt": "a red fox", "width": 96, "height": 64, "seed": 7}


@dataclass
class Service:
    """Talks to the simulated service."""

    sim: Simulator
    http: aiohttp.ClientSession

    async def start(self, model: str = "flux-2-pro", **fields: Any) -> tuple[int, Any]:
        url = f"{self.sim.bfl.url}/v1/{model}"
        async with self.http.post(url, json=FOX | fields) as response:
            return response.status, await response.json()

    async def poll(self, url: str) -> Any:
        async with self.http.get(url) as response:
            assert response.status == 200
            return await response.json()

    async def finished(self, **fields: Any) -> Any:
        """The last poll of one picture."""
        _, started = await self.start(**fields)
        polls = [await self.poll(started["polling_url"]) for _ in range(3)]
        assert [each["status"] for each in polls[:2]] == ["Pending", "Pending"]
        return polls[-1]

    async def fetch(self, url: str) -> tuple[int, bytes]:
        async with aiohttp.ClientSession() as bare, bare.get(url) as response:
            return response.status, await response.read()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("bfl",), key=KEY, detail=64) as simulator:
        yield simulator


@pytest.fixture
async def service(sim: Simulator) -> AsyncIterator[Service]:
    async with aiohttp.ClientSession(headers={"x-key": KEY}) as http:
        yield Service(sim, http)


class TestPictures:
    """From a start to a file."""

    async def test_a_picture_is_polled_for_and_fetched(
        self, sim: Simulator, service: Service
    ) -> None:
        status, started = await service.start()
        assert status == 200
        assert started["polling_url"].startswith(f"{sim.bfl.url}/v1/get_result?id=")
        assert (started["cost"], started["input_mp"], started["output_mp"]) == (3.0, 0.0, 0.01)
        polls = [await service.poll(started["polling_url"]) for _ in range(4)]

        assert [each["status"] for each in polls] == ["Pending", "Pending", "Ready", "Ready"]
        assert polls[0]["result"] is None
        assert polls[0]["progress"] < polls[1]["progress"] < polls[2]["progress"] == 1
        result = polls[2]["result"]
        assert (result["prompt"], result["seed"]) == ("a red fox", 7)
        assert result == polls[3]["result"]
        assert result["sample"].startswith(sim.files_url)
        status, data = await service.fetch(result["sample"])
        picture = Image.open(io.BytesIO(data))
        assert (status, picture.format, picture.size) == (200, "JPEG", (96, 64))
        assert not sim.leaks

    async def test_a_picture_may_be_a_png(self, service: Service) -> None:
        result = (await service.finished(output_format="png"))["result"]

        assert (await service.fetch(result["sample"]))[1].startswith(b"\x89PNG")

    async def test_pictures_are_edited(self, service: Service) -> None:
        fields = {"input_image": b64(png("red")), "input_image_2": b64(png("red"))}
        _, started = await service.start(**fields)
        assert (started["input_mp"], started["cost"]) == (2.0, 6.0)
        result = (await service.finished(**fields))["result"]
        picture = Image.open(io.BytesIO((await service.fetch(result["sample"]))[1]))
        red, green, _ = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]

        assert red > green + 40

    @pytest.mark.parametrize(
        ("model", "fields", "size"),
        [
            ("flux-2-flex", {"steps": 20, "guidance": 4}, (1024, 1024)),
            ("flux-kontext-pro", {"aspect_ratio": "16:9"}, (1360, 768)),
            ("flux-pro-1.1-ultra", {"raw": True}, (2048, 2048)),
            ("flux-pro-1.1-ultra", {"aspect_ratio": "16:9"}, (2736, 1536)),
        ],
        ids=["flex", "kontext", "ultra", "wide"],
    )
    async def test_each_family_has_its_fields(
        self, service: Service, model: str, fields: dict[str, Any], size: tuple[int, int]
    ) -> None:
        _, started = await service.start(model, width=None, height=None, **fields)
        for _ in range(3):
            ended = await service.poll(started["polling_url"])
        data = (await service.fetch(ended["result"]["sample"]))[1]

        assert Image.open(io.BytesIO(data)).size == size

    async def test_a_picture_is_billed_when_it_is_done(
        self, sim: Simulator, service: Service
    ) -> None:
        _, started = await service.start(width=2048, height=1024)
        assert started["cost"] == 4.5
        assert (sim.meter.total, sim.meter.unfinished) == (Decimal(), Decimal("0.045"))
        for _ in range(3):
            await service.poll(started["polling_url"])

        assert (sim.meter.total, sim.meter.unfinished) == (Decimal("0.045"), Decimal())


class TestEnds:
    """How else it ends."""

    async def test_a_request_is_moderated(self, sim: Simulator, service: Service) -> None:
        sim.then(faults.PromptBlocked("Sexual Content"), at="start")
        status, started = await service.start()
        ended = await service.poll(started["polling_url"])

        assert (status, ended["status"], ended["result"]) == (200, "Request Moderated", None)
        assert ended["details"] == {"Moderation Reasons": ["Sexual Content"]}
        assert sim.meter.total == sim.meter.unfinished == 0

    async def test_a_picture_is_moderated(self, sim: Simulator, service: Service) -> None:
        sim.then(faults.EndsAs("Content Moderated", message="Derivative Works"), at="start")
        ended = await service.finished()

        assert (ended["status"], ended["result"]) == ("Content Moderated", None)
        assert ended["details"] == {"Moderation Reasons": ["Derivative Works"]}

    @pytest.mark.parametrize("status", ["Error", "Failed"])
    async def test_a_picture_fails(self, sim: Simulator, service: Service, status: str) -> None:
        _, started = await service.start()
        sim.then(faults.EndsAs("Pending"), faults.EndsAs(status, message="No GPU."), at="poll")
        polls = [await service.poll(started["polling_url"]) for _ in range(3)]

        assert [each["status"] for each in polls] == ["Pending", status, status]
        assert polls[1]["details"] == {"error": "No GPU."}

    async def test_a_task_that_is_unknown_is_not_found(
        self, sim: Simulator, service: Service
    ) -> None:
        ended = await service.poll(f"{sim.bfl.url}/v1/get_result?id=x")

        assert ended == {"id": "x", "status": "Task not found", "result": None}

    async def test_the_address_of_a_picture_ends(self, sim: Simulator, service: Service) -> None:
        sim.then(faults.Expired(), at="start")
        ended = await service.finished()

        assert ended["status"] == "Ready"
        assert (await service.fetch(ended["result"]["sample"]))[0] == 403

    @pytest.mark.parametrize("kind", ["html", "truncated", "empty"])
    async def test_a_picture_may_be_spoilt(
        self, sim: Simulator, service: Service, kind: Any
    ) -> None:
        sim.then(faults.BadPicture(kind), at="start")
        _, data = await service.fetch((await service.finished())["result"]["sample"])

        with pytest.raises(OSError, match=r"cannot identify|truncated"):
            Image.open(io.BytesIO(data)).load()


class TestErrors:
    """What is refused."""

    @pytest.mark.parametrize(
        ("fields", "place"),
        [
            ({"prompt": None}, "prompt"),
            ({"width": 100}, "width"),
            ({"height": 48}, "height"),
            ({"width": 4096, "height": 2048}, "width"),
            ({"safety_tolerance": 6}, "safety_tolerance"),
            ({"output_format": "webp"}, "output_format"),
            ({"steps": 20}, "steps"),
            ({"aspect_ratio": "1:1"}, "aspect_ratio"),
            ({"input_image": "no picture"}, "input_image"),
        ],
        ids=["none", "step", "small", "large", "tolerance", "format", "steps", "aspect", "image"],
    )
    async def test_a_wrong_field_is_named(
        self, service: Service, fields: dict[str, Any], place: str
    ) -> None:
        status, document = await service.start(**fields)

        assert (status, document["detail"][0]["loc"]) == (422, ["body", place])

    async def test_a_model_that_is_unknown_is_not_found(self, service: Service) -> None:
        assert (await service.start("flux-9"))[0] == 404

    @pytest.mark.parametrize(
        ("headers", "status"),
        [({}, 403), ({"Authorization": f"Bearer {KEY}"}, 403), ({"x-key": "another"}, 401)],
        ids=["none", "bearer", "wrong"],
    )
    async def test_the_key_counts_in_its_own_header(
        self, sim: Simulator, headers: dict[str, str], status: int
    ) -> None:
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(f"{sim.bfl.url}/v1/flux-2-pro", json=FOX) as response,
        ):
            assert response.status == status
            assert "detail" in await response.json()

    async def test_an_account_may_be_empty(self, sim: Simulator, service: Service) -> None:
        sim.then(faults.Status(402))
        status, document = await service.start()

        assert (status, document["error"]) == (402, "insufficient_credits")
        assert set(document) == {"error", "message", "details"}

    async def test_one_task_too_many_is_refused(self, service: Service) -> None:
        statuses = [(await service.start())[0] for _ in range(24)]
        url = f"{service.sim.bfl.url}/v1/flux-2-pro"
        async with service.http.post(url, json=FOX) as response:
            document = await response.json()

        assert set(statuses) == {200}
        assert (response.status, response.headers["Retry-After"]) == (429, "1")
        assert (document["error"], document["retry_after"]) == ("rate_limit_exceeded", 1)

    async def test_a_wait_stands_in_the_body_too(self, sim: Simulator, service: Service) -> None:
        sim.then(faults.Status(429, retry_after="7"))

        assert (await service.start())[1]["retry_after"] == 7
