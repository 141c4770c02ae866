"""The Files API: uploads in pieces and references to what was uploaded."""

import base64
import hashlib
from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator
from tests.simulator.bodies import asking, png
from tests.simulator.conftest import Ask

START = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}


async def begin(http: aiohttp.ClientSession, sim: Simulator, **facts: Any) -> str:
    headers = START | {"X-Goog-Upload-Header-Content-Type": "image/png"}
    body = {"file": facts}
    async with http.post(f"{sim.url}/upload/v1beta/files", json=body, headers=headers) as response:
        assert (response.status, await response.text()) == (200, "")
        assert response.content_type == "text/plain"
        assert response.headers["X-Goog-Upload-Chunk-Granularity"] == "8388608"
        return response.headers["X-Goog-Upload-URL"]


async def send(url: str, data: bytes, command: str, offset: int = 0) -> tuple[int, str, Any]:
    """Send a piece; no key goes along, the address is enough."""
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
    async with (
        aiohttp.ClientSession() as bare,
        bare.post(url, data=data, headers=headers) as response,
    ):
        body = await response.json() if response.content_type == "application/json" else None
        return response.status, response.headers.get("X-Goog-Upload-Status", ""), body


async def test_pieces_become_a_file(sim: Simulator, http: aiohttp.ClientSession, ask: Ask) -> None:
    url = await begin(http, sim, display_name="ref.png", mime_type="image/png", size_bytes="99")
    assert await send(url, png()[:50], "upload") == (200, "active", None)
    status, state, answer = await send(url, png()[50:], "upload, finalize", 50)

    assert (status, state) == (200, "final")
    file = answer["file"]
    digest = base64.b64encode(hashlib.sha256(png()).digest()).decode()
    assert (file["displayName"], file["mimeType"]) == ("ref.png", "image/png")
    assert (file["sizeBytes"], file["sha256Hash"]) == (str(len(png())), digest)
    assert (file["state"], file["source"]) == ("ACTIVE", "UPLOADED")
    for uri in (file["uri"], file["name"]):
        part = {"fileData": {"fileUri": uri, "mimeType": "image/png"}}
        status, _ = await ask(sim, asking(part, {"text": "at night"}))
        assert status == 200


async def test_a_piece_at_another_place_is_refused(
    sim: Simulator, http: aiohttp.ClientSession
) -> None:
    url = await begin(http, sim)
    await send(url, b"1234", "upload")
    status, _, answer = await send(url, b"5678", "upload, finalize", 5)

    assert (status, answer["error"]["message"]) == (400, "The upload goes on at byte 4.")


async def test_a_file_may_be_given_its_name(sim: Simulator, http: aiohttp.ClientSession) -> None:
    url = await begin(http, sim, name="files/my-fox")
    await send(url, png(), "upload, finalize")
    async with http.get(f"{sim.url}/v1/files/my-fox") as response:
        assert (await response.json())["name"] == "files/my-fox"
    async with http.get(f"{sim.url}/v1/files/my-fox:download?alt=media") as response:
        assert response.status == 400, "only generated files can be downloaded"


async def test_an_upload_needs_a_key_and_its_pieces_an_address(sim: Simulator) -> None:
    url = f"{sim.url}/upload/v1/files"
    async with aiohttp.ClientSession() as bare, bare.post(url, headers=START) as response:
        assert response.status == 403
    status, _, _ = await send(f"{url}?upload_id=none", b"x", "upload, finalize")

    assert status == 404


@pytest.mark.parametrize("count", [0, 3])
async def test_files_are_listed_in_pages(
    sim: Simulator, http: aiohttp.ClientSession, count: int
) -> None:
    for number in range(count):
        await send(await begin(http, sim, name=f"fox-{number}"), b"x", "upload, finalize")
    names, token = [], ""
    for _ in range(2):
        params = {"pageSize": "2"} | ({"pageToken": token} if token else {})
        async with http.get(f"{sim.url}/v1beta/files", params=params) as response:
            page = await response.json()
        names += [file["name"] for file in page.get("files", [])]
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert names == [f"files/fox-{number}" for number in range(count)]
