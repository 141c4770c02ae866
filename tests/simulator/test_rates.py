"""How many requests the simulated vendors take, and what they say to one too many."""

import re
from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator.rates import RequestRate
from tests.simulator.bodies import FOX, path, png

IMAGE = {"model": "gpt-image-2", "prompt": "a red fox"}


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        """Begin anywhere."""
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_has_a_burst_and_then_comes_evenly() -> None:
    clock = Clock()
    rate = RequestRate(60, 3, clock)

    assert [rate.take() for _ in range(3)] == [0, 0, 0]
    assert (rate.remaining, rate.reset) == (0, 3)
    assert rate.take() == 1
    clock.now += 0.75
    assert rate.take() == 0.25
    clock.now += 0.25
    assert rate.take() == 0
    clock.now += 100
    assert (rate.remaining, rate.reset) == (3, 0)


async def test_gemini_tells_the_wait_in_the_body(http: aiohttp.ClientSession) -> None:
    async with Simulator(vendors=("gemini",), picture=png(), per_minute=1, key=None) as sim:
        answers = [await _post(http, sim.url + path(), FOX) for _ in range(2)]
        _, status, document = answers[1]
        other = await _post(http, sim.url + path(), FOX, {"x-goog-api-key": "another"})
        async with http.get(f"{sim.url}/v1beta/models") as listing:
            assert listing.status != 429, "a list is no generation"

    assert [status for _, status, _ in (*answers, other)] == [200, 429, 200]
    assert status == 429
    delays = [detail.get("retryDelay") for detail in document["error"]["details"]]
    assert re.fullmatch(r"(59\.\d+|60\.0+)s", delays[-1])
    assert document["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "Retry-After" not in answers[1][0]


async def test_openai_tells_what_is_left_before_it_refuses(http: aiohttp.ClientSession) -> None:
    async with Simulator(
        vendors=("openai",), picture=png(), per_minute=30, burst=2, key=None
    ) as sim:
        url = f"{sim.openai.url}/v1/images/generations"
        bearer = {"Authorization": "Bearer sk-test"}
        heads = [await _post(http, url, IMAGE, bearer) for _ in range(3)]

    assert [status for _, status, _ in heads] == [200, 200, 429]
    fields = [head["x-ratelimit-remaining-requests"] for head, _, _ in heads]
    assert fields == ["1", "0", "0"]
    head, _, document = heads[2]
    assert head["x-ratelimit-limit-requests"] == "30"
    assert re.fullmatch(r"\d+ms", head["x-ratelimit-reset-requests"])
    assert head["Retry-After"] in {"1", "2"}
    assert 0 < int(head["retry-after-ms"]) <= 2000
    assert document["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("per_minute", [None, 1000])
async def test_a_usual_head_is_left_alone(
    http: aiohttp.ClientSession, per_minute: int | None
) -> None:
    async with Simulator(vendors=("openai",), picture=png(), per_minute=per_minute) as sim:
        url, bearer = f"{sim.openai.url}/v1/models", {"Authorization": "Bearer test-key"}
        async with http.get(url, headers=bearer) as response:
            left = response.headers["x-ratelimit-remaining-requests"]
    assert left == ("49" if per_minute is None else "1000")


async def test_requests_say_when_they_came(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png()) as sim:
        for _ in range(2):
            await _post(http, sim.url + path(), FOX)
        first, second = sim.requests
    assert first.arrived < second.arrived


async def _post(
    http: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[Any, int, Any]:
    async with http.post(url, json=body, headers=headers) as response:
        return response.headers, response.status, await response.json()
