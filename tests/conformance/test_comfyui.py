"""The simulated ComfyUI server, heard by clients that others wrote.

Its makers' SDK, `comfy-sdk`, speaks the Comfy API v2 (`/api/v2`), which a server has only behind
their proxy; so what the server itself says is read by the `websockets` library, in the steps of the
example that comes with ComfyUI.
"""

import asyncio
import copy
import io
import json
import struct
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import websockets
from comfy_sdk import Comfy
from PIL import Image

from mediatoolkit.simulator import Simulator
from tests.simulator.test_comfyui import GRAPH


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(vendors=("comfyui",), detail=64) as running:
        yield running


@pytest.fixture
def sdk(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Comfy]:
    """The SDK, told of a server of one's own as its documents say."""
    monkeypatch.setenv("COMFY_BASE_URL", sim.comfyui.url)
    monkeypatch.delenv("COMFY_API_KEY", raising=False)
    with Comfy() as client:
        yield client


async def test_the_sdk_asks_a_server_for_another_protocol(sim: Simulator, sdk: Comfy) -> None:
    workflow = sdk.workflows.from_json(copy.deepcopy(GRAPH))
    with pytest.raises(Exception, match=r"501|not play"):
        await asyncio.to_thread(sdk.run, workflow)

    assert {each.path for each in sim.requests} == {"/api/v2/jobs"}
    assert sim.requests[0].key is None


async def fetch(sim: Simulator, path: str, body: Any = None, **query: str) -> bytes:
    """A request by the standard library."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{sim.comfyui.url}{path}?{urlencode(query)}"

    def read() -> bytes:
        with urllib.request.urlopen(url, data) as response:  # noqa: S310 - of the simulator
            return bytes(response.read())

    return await asyncio.to_thread(read)


async def test_the_steps_of_comfyuis_own_example_bring_a_picture(sim: Simulator) -> None:
    url = f"{sim.comfyui.url.replace('http', 'ws')}/ws?clientId=example"
    steps, previews = [], []
    async with websockets.connect(url) as socket:
        body = {"prompt": GRAPH, "client_id": "example"}
        name = json.loads(await fetch(sim, "/prompt", body))["prompt_id"]
        async for message in socket:
            if isinstance(message, bytes):
                previews.append(message)
                continue
            document = json.loads(message)
            if document["type"] == "progress":
                steps.append(document["data"]["value"])
            if document["type"] == "executing" and document["data"]["node"] is None:
                assert document["data"]["prompt_id"] == name
                break
    history = json.loads(await fetch(sim, f"/history/{name}"))[name]

    assert steps == [1, 2, 3, 4]
    assert {struct.unpack(">II", each[:8]) for each in previews} == {(1, 1)}
    assert all(Image.open(io.BytesIO(each[8:])).format == "JPEG" for each in previews)
    (file,) = history["outputs"]["9"]["images"]
    picture = Image.open(io.BytesIO(await fetch(sim, "/view", **file)))
    assert picture.size == (96, 64)
    await sim.until(lambda: not sim.open_connections)
    assert sim.aborted == 0


async def test_a_wrong_graph_is_a_400_to_the_standard_library(sim: Simulator) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        await fetch(sim, "/prompt", {"prompt": {}})

    assert caught.value.code == 400
    assert json.loads(caught.value.read())["error"]["type"] == "prompt_no_outputs"
    caught.value.close()
