"""The simulator as a server: what it records, how it starts and ends, how it hosts files."""

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import aiohttp
import pytest

import mediatoolkit as mt
from mediatoolkit.errors import ClosedError
from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import FOX, path, png
from tests.simulator.conftest import Ask

DATA = bytes(range(256)) * 40


class TestRecord:
    """`sim.requests`."""

    async def test_a_request_is_recorded_as_it_came(self, sim: Simulator, ask: Ask) -> None:
        await ask(sim, to=path() + "?a=1&b=%20", headers={"X-Odd-Name": "Value"})

        (request,) = sim.requests
        assert (request.method, request.path) == ("POST", path())
        assert dict(request.query) == {"a": "1", "b": " "}
        assert request.body == FOX
        assert request.origin == sim.url
        assert request.headers["x-odd-name"] == "Value"
        assert "X-Odd-Name" in list(request.headers)
        assert request.key == "test-key"

    async def test_a_request_is_recorded_before_its_fault(self, sim: Simulator) -> None:
        sim.then(faults.CutBeforeHead())
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await http.post(sim.url)

        assert [request.body for request in sim.requests] == [None]

    async def test_the_repr_of_a_request_shows_no_key(self, sim: Simulator, ask: Ask) -> None:
        await ask(sim)

        assert "test-key" not in repr(sim.requests)
        assert "test-key" not in repr(sim)


class TestLife:
    """Starting and closing."""

    async def test_before_the_start_there_is_no_address(self) -> None:
        sim = Simulator()
        with pytest.raises(ClosedError, match="not running"):
            _ = sim.url

    async def test_starting_and_closing_twice_changes_nothing(self) -> None:
        sim = Simulator()
        await sim.start()
        url = sim.url
        await sim.start()
        assert sim.url == url
        await sim.close()
        await sim.close()
        with pytest.raises(ClosedError):
            _ = sim.files_url

    async def test_a_taken_port_is_an_error(self, sim: Simulator) -> None:
        with pytest.raises(OSError, match="address already in use"):
            await Simulator(port=int(sim.url.rpartition(":")[2])).start()

    async def test_close_ends_silent_requests_and_leaves_no_task(self, ask: Ask) -> None:
        before = asyncio.all_tasks()
        async with Simulator() as sim:
            sim.always(faults.Silence())
            calls = [asyncio.create_task(ask(sim)) for _ in range(5)]
            await sim.until(lambda: len(sim.requests) == 5)
        results = await asyncio.gather(*calls, return_exceptions=True)

        assert all(isinstance(each, aiohttp.ServerDisconnectedError) for each in results)
        assert sim.aborted == 0
        assert asyncio.all_tasks() == before

    async def test_close_ends_a_painting(self, ask: Ask) -> None:
        async with Simulator(detail=1536) as sim:
            call = asyncio.create_task(ask(sim))
            await sim.until(lambda: len(sim.requests) == 1)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await call

    async def test_a_connection_serves_many_requests(self, sim: Simulator, ask: Ask) -> None:
        for _ in range(5):
            await ask(sim)

        assert sim.open_connections == 1

    async def test_a_peer_that_leaves_while_sending_is_counted_but_no_request(
        self, sim: Simulator
    ) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        await sim.until(lambda: sim.open_connections == 1)
        await writer.drain()
        writer.close()
        await sim.until(lambda: sim.open_connections == 0)

        assert (sim.aborted, sim.requests) == (1, [])

    async def test_the_module_serves_until_interrupted(self) -> None:
        command = (sys.executable, "-m", "mediatoolkit.simulator", "--port", "0", "--key", "k")
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[1]
        async with (
            aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as http,
            http.get(f"{url}/v1/models") as response,
        ):
            assert response.status == 200
        os.kill(process.pid, signal.SIGINT)
        output = await process.stdout.read()

        assert await process.wait() == 0
        assert f"curl {url}/v1/models" in output.decode()

    async def test_the_module_names_base_urls_as_clients_take_them(self) -> None:
        command = (sys.executable, "-m", "mediatoolkit.simulator", "--port", "0")
        process = await asyncio.create_subprocess_exec(
            *command, "openrouter", "localai", "fal", stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in range(4)]
        process.kill()
        await process.wait()

        urls = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in lines}
        assert urls["openrouter"].endswith("/api/v1")
        client = mt.OpenAICompatibleImageClient(base_url=urls["localai"])
        assert str(client.base_url).endswith("/v1")
        assert urls["fal"].count("/") == 2
        assert "trusted_origins=" in urls["file host"]


class TestFiles:
    """The file host."""

    async def get(
        self, http: aiohttp.ClientSession, url: str, **options: Any
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        async with http.get(url, **options) as response:
            return response, await response.read()

    async def test_a_file_comes_with_type_length_and_tag(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        url = sim.host(DATA, "video/mp4")
        response, body = await self.get(http, url)

        assert url.startswith(sim.files_url)
        assert body == DATA
        assert response.content_type == "video/mp4"
        assert response.content_length == len(DATA)
        assert response.headers["ETag"].startswith('"')

    async def test_a_range_is_obeyed_for_the_same_tag_alone(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        url = sim.host(DATA, "video/mp4")
        tag = (await self.get(http, url))[0].headers["ETag"]
        part, body = await self.get(http, url, headers={"Range": "bytes=100-", "If-Range": tag})
        whole, _ = await self.get(http, url, headers={"Range": "bytes=100-", "If-Range": '"x"'})

        assert (part.status, body) == (206, DATA[100:])
        assert part.headers["Content-Range"] == f"bytes 100-{len(DATA) - 1}/{len(DATA)}"
        assert whole.status == 200

    async def test_a_range_may_have_an_end(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        _, body = await self.get(http, sim.host(DATA, "x/y"), headers={"Range": "bytes=3-5"})

        assert body == DATA[3:6]

    async def test_a_range_beyond_the_end_is_refused(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        url = sim.host(DATA, "x/y")
        response, _ = await self.get(http, url, headers={"Range": f"bytes={len(DATA)}-"})

        assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")

    async def test_ranges_may_be_unknown(self, sim: Simulator, http: aiohttp.ClientSession) -> None:
        url = sim.host(DATA, "x/y", ranges=False)
        response, body = await self.get(http, url, headers={"Range": "bytes=3-"})

        assert (response.status, body) == (200, DATA)
        assert "Accept-Ranges" not in response.headers

    async def test_a_file_meets_its_faults_in_order(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        url = sim.host(DATA, "x/y", faults=[faults.CutBody(1000)])
        with pytest.raises(aiohttp.ClientPayloadError):
            await self.get(http, url)
        _, body = await self.get(http, url, headers={"Range": "bytes=1000-"})

        assert body == DATA[1000:]

    async def test_a_file_may_change_after_the_first_answer(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        url = sim.host(DATA, "x/y", later=b"new")
        first, _ = await self.get(http, url)
        headers = {"Range": "bytes=1-", "If-Range": first.headers["ETag"]}
        second, body = await self.get(http, url, headers=headers)

        assert (second.status, body) == (200, b"new")
        assert second.headers["ETag"] != first.headers["ETag"]

    async def test_hops_lead_across_origins_and_the_key_is_seen(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        start = sim.redirect(sim.redirect(sim.host(DATA, "x/y")), vendor=True)
        _, body = await self.get(http, start)

        assert body == DATA
        assert [each.origin for each in sim.requests] == [sim.url, sim.files_url, sim.files_url]
        assert [each.key for each in sim.requests] == ["test-key"] * 3

    async def test_a_redirect_may_be_a_loop_or_lead_to_a_private_address(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        with pytest.raises(aiohttp.TooManyRedirects):
            await self.get(http, sim.redirect())
        private = sim.redirect("http://192.168.0.1/x", status=301)
        response, _ = await self.get(http, private, allow_redirects=False)

        assert (response.status, response.headers["Location"]) == (301, "http://192.168.0.1/x")

    async def test_an_unknown_file_is_not_found(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        assert (await self.get(http, sim.files_url + "/x"))[0].status == 404

    async def test_files_do_not_use_up_the_vendors_faults(
        self, sim: Simulator, http: aiohttp.ClientSession, ask: Ask
    ) -> None:
        sim.then(faults.Status(500))
        url = sim.host(png(), "image/png")

        assert (await self.get(http, url))[0].status == 200
        assert (await ask(sim))[0] == 500
