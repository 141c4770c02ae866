"""The list of voices."""

from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator


async def listed(http: aiohttp.ClientSession, sim: Simulator, query: str) -> tuple[int, Any]:
    async with http.get(f"{sim.url}/v1beta/voices{query}") as response:
        return response.status, await response.json()


async def test_thirty_voices_describe_themselves(
    sim: Simulator, http: aiohttp.ClientSession
) -> None:
    _, page = await listed(http, sim, "")

    assert "next_page_token" not in page
    assert len({voice["id"] for voice in page["voices"]}) == 30
    words = ("gender", "accent", "pitch", "persona", "context", "language_code", "description")
    for voice in page["voices"]:
        assert all(voice[word] for word in words)
        assert voice["type"] == "prebuilt"
        assert voice["sample_audio"]["mime_type"] == "audio/wav"


@pytest.mark.parametrize("query", ["page_size=7", "page_size=7&gender=female&gender=MALE"])
async def test_pages_bring_every_voice_once(
    sim: Simulator, http: aiohttp.ClientSession, query: str
) -> None:
    names, token = [], ""
    for _ in range(5):
        _, page = await listed(http, sim, f"?{query}&page_token={token}")
        names += [voice["id"] for voice in page["voices"]]
        token = page.get("next_page_token", "")

    assert token == ""
    assert len(names) == len(set(names)) == 30


@pytest.mark.parametrize(
    "query",
    [
        "gender=female",
        "accent=BRITISH",
        "language_code=de-de",
        "region_code=au",
        "pitch=low",
        "persona=Warm",
        "context=news",
        "search=commercial",
        "search=zephyr",
        "type=prebuilt",
    ],
)
async def test_each_filter_keeps_what_matches(
    sim: Simulator, http: aiohttp.ClientSession, query: str
) -> None:
    name, _, value = query.partition("=")
    _, page = await listed(http, sim, f"?{query}")

    assert page["voices"]
    assert len(page["voices"]) < 30 or query == "type=prebuilt"
    for voice in page["voices"]:
        shown = {**voice, "region_code": voice["language_code"][-2:]}
        shown["search"] = value if value in f"{voice['id']} {voice['description']}".lower() else ""
        assert shown[name].lower() == value.lower()


async def test_filters_narrow_each_other(sim: Simulator, http: aiohttp.ClientSession) -> None:
    _, page = await listed(http, sim, "?type=prompted")
    assert page == {"voices": []}
    _, page = await listed(http, sim, "?gender=female&search=%20male%20voice")
    assert page == {"voices": []}


@pytest.mark.parametrize(
    "query",
    [
        "?pitch=shrill",
        "?type=robot",
        "?page_size=x",
        "?page_token=made-up",
        f"?search={'x' * 2049}",
    ],
)
async def test_a_bad_query_is_refused(
    sim: Simulator, http: aiohttp.ClientSession, query: str
) -> None:
    status, answer = await listed(http, sim, query)

    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_a_token_holds_for_its_own_filters_only(
    sim: Simulator, http: aiohttp.ClientSession
) -> None:
    _, page = await listed(http, sim, "?page_size=2&gender=male")
    token = page["next_page_token"]

    assert (await listed(http, sim, f"?gender=male&page_token={token}"))[0] == 200
    assert (await listed(http, sim, f"?gender=female&page_token={token}"))[0] == 400


async def test_one_voice_is_found_or_not(sim: Simulator, http: aiohttp.ClientSession) -> None:
    status, voice = await listed(http, sim, "/Puck")
    assert (status, voice["gender"]) == (200, "male")
    status, answer = await listed(http, sim, "/Mickey")
    assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")
