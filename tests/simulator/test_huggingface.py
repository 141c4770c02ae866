"""What Hugging Face's SDK does not see of the simulated router: jobs that are asked for later."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator, faults

KEY = "hf_a-token-of-tests"


@dataclass
class Router:
    """Talks to the simulated router."""

    sim: Simulator
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = self.sim.huggingface.url + path
        async with self.http.request(method, url, json=body) as response:
            return response.status, await response.json()

    async def queue(self) -> str:
        """Start a film at fal; where it is asked for, below the router."""
        path = "/fal-ai/fal-ai/ltx-video/fast?_subdomain=queue"
        status, started = await self.ask("POST", path, {"prompt": "a fox"})
        assert (status, started["status"], started["queue_position"]) == (200, "IN_QUEUE", 0)
        place = urlsplit(started["response_url"])
        assert place.hostname == "queue.fal.run"
        assert place.path == f"/fal-ai/ltx-video/requests/{started['request_id']}"
        return f"/fal-ai{place.path}"

    async def predict(self) -> Any:
        """Start a picture at Replicate, which nobody waits for."""
        path = "/replicate/v1/models/acme/flux/predictions"
        status, prediction = await self.ask("POST", path, {"input": {"prompt": "a fox"}})
        assert (status, prediction["status"], prediction["output"]) == (201, "starting", None)
        return prediction


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("huggingface",), key=KEY, detail=64) as simulator:
        yield simulator


@pytest.fixture
async def router(sim: Simulator) -> AsyncIterator[Router]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        yield Router(sim, http)


QUEUE = "?_subdomain=queue"


class TestQueue:
    """The queue of fal behind the router."""

    async def test_a_film_is_waited_for(self, router: Router) -> None:
        place = await router.queue()
        assert (await router.ask("GET", place + QUEUE))[0] == 400
        polls = [await router.ask("GET", f"{place}/status{QUEUE}") for _ in range(3)]

        assert [status for status, _ in polls] == [202, 202, 200]
        words = [document["status"] for _, document in polls]
        assert words == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
        status, result = await router.ask("GET", place + QUEUE)
        assert (status, result["video"]["content_type"]) == (200, "video/mp4")

    async def test_only_the_subdomain_has_a_queue(self, router: Router) -> None:
        place = await router.queue()

        assert (await router.ask("GET", f"{place}/status"))[0] == 404

    async def test_a_film_is_cancelled_once(self, router: Router) -> None:
        place = await router.queue()
        first = await router.ask("PUT", f"{place}/cancel{QUEUE}")
        second = await router.ask("PUT", f"{place}/cancel{QUEUE}")

        assert first == (202, {"status": "CANCELLATION_REQUESTED"})
        assert second == (400, {"status": "ALREADY_COMPLETED"})

    async def test_a_film_that_fails_says_so_with_its_result(
        self, sim: Simulator, router: Router
    ) -> None:
        sim.then(faults.EndsAs("ERROR", message="No GPU."), at="start")
        place = await router.queue()
        for _ in range(3):
            _, document = await router.ask("GET", f"{place}/status{QUEUE}")

        assert document["status"] == "COMPLETED"
        assert await router.ask("GET", place + QUEUE) == (500, {"detail": "No GPU."})


class TestPredictions:
    """Predictions of Replicate behind the router."""

    async def test_a_picture_is_waited_for(self, router: Router) -> None:
        path = urlsplit((await router.predict())["urls"]["get"]).path
        polls = [(await router.ask("GET", path))[1] for _ in range(3)]

        assert [each["status"] for each in polls] == ["starting", "processing", "succeeded"]
        assert polls[-1]["output"][0].startswith(router.sim.files_url)

    async def test_a_picture_is_cancelled(self, router: Router) -> None:
        path = urlsplit((await router.predict())["urls"]["cancel"]).path

        assert (await router.ask("POST", path))[1]["status"] == "canceled"

    @pytest.mark.parametrize(
        ("path", "status", "field"),
        [
            ("/hf-inference/models/acme/flux", 400, "error"),
            ("/fal-ai/fal-ai/flux/dev", 422, "detail"),
            ("/replicate/v1/models/acme/flux/predictions", 422, "invalid_fields"),
        ],
        ids=["own", "fal", "replicate"],
    )
    async def test_each_service_says_in_its_words_what_does_not_fit(
        self, router: Router, path: str, status: int, field: str
    ) -> None:
        code, document = await router.ask("POST", path, {"inputs": 7, "prompt": 7, "input": 7})

        assert code == status
        assert isinstance(document[field], list)
