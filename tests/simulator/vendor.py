"""The simulated Interactions API, as a client talks to it."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from mediatoolkit.simulator import Simulator
from tests.simulator.bodies import b64, png

GOOGLE = "https://generativelanguage.googleapis.com"
PATH = "/v1/interactions"
PICTURE = {"type": "image", "mime_type": "image/png", "data": b64(png())}
TEXT = {"type": "text", "text": "a fox"}


@dataclass
class Vendor:
    """Talks to a simulator as a client does."""

    sim: Simulator
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.http.request(method, self.sim.url + path, json=body) as response:
            return response.status, await response.json()

    async def start(self, **fields: Any) -> tuple[int, Any]:
        return await self.ask("POST", PATH, film(**fields))

    async def poll(self, name: str, times: int = 1) -> list[Any]:
        return [(await self.ask("GET", f"{PATH}/{name}?stream=false"))[1] for _ in range(times)]

    async def finished(self, **fields: Any) -> Any:
        """The content of a finished film."""
        _, started = await self.start(**fields)
        (*_, ended) = await self.poll(started["id"], 3)
        return ended["steps"][-1]["content"][0]

    async def fetch(self, uri: str, **options: Any) -> tuple[int, bytes]:
        """The file at *uri*, which names Google; redirects lose the key."""
        assert uri.startswith(GOOGLE)
        url = uri.replace(GOOGLE, self.sim.url)
        async with self.http.get(url, allow_redirects=False, **options) as response:
            if response.status != 302:
                return response.status, await response.read()
            away = response.headers["Location"]
        async with aiohttp.ClientSession() as bare, bare.get(away, **options) as response:
            return response.status, await response.read()


def film(**fields: Any) -> dict[str, Any]:
    form = {"type": "video", "resolution": "360p", "duration": "3s", "delivery": "uri"}
    body = {"model": "gemini-omni-1.1-flash", "background": True, "input": "a fox runs"}
    return body | {"response_format": form} | fields


def form(**fields: Any) -> dict[str, Any]:
    return {"response_format": {"type": "video", **fields}}
