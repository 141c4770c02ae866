"""Where the simulated vendor's films are fetched."""

import base64

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import png
from tests.simulator.vendor import GOOGLE, Vendor, form


async def test_a_film_lies_under_googles_name(vendor: Vendor) -> None:
    film = await vendor.finished()
    status, data = await vendor.fetch(film["uri"])

    assert (status, data[4:8]) == (200, b"ftyp")
    name = film["uri"].rpartition("/")[2].partition(":")[0]
    _, facts = await vendor.ask("GET", f"/v1/files/{name}")
    assert (facts["sizeBytes"], facts["state"]) == (str(len(data)), "ACTIVE")


async def test_it_may_lie_elsewhere_and_leaks_are_noted(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png(), redirects=True) as sim:
        vendor = Vendor(sim, http)
        film = await vendor.finished()
        status, data = await vendor.fetch(film["uri"])
        assert (status, data[4:8], sim.leaks) == (200, b"ftyp", [])
        async with http.get(film["uri"].replace(GOOGLE, sim.url)) as response:
            assert await response.read() == data

        (leak,) = sim.leaks
        assert (leak.origin, leak.key) == (sim.files_url, "test-key")


async def test_it_may_lie_at_another_path_of_the_same_origin(http: aiohttp.ClientSession) -> None:
    """As recorded of a film: 302 with an error of that code for a body; the key is needed again."""
    async with Simulator(picture=png(), redirects="same") as sim:
        film = await Vendor(sim, http).finished()
        url = film["uri"].replace(GOOGLE, sim.url)
        async with http.get(url, allow_redirects=False) as response:
            away = response.headers["Location"]
            status, error = response.status, (await response.json())["error"]
        async with http.get(away) as response:
            data = await response.read()
        async with aiohttp.ClientSession() as bare, bare.get(away) as response:
            bare_status = response.status

        assert (status, error["code"], bare_status) == (302, 302, 403)
        assert away.startswith(f"{sim.url}/download/v1beta/files/")
        assert data[4:8] == b"ftyp"
        assert sim.leaks == []


async def test_a_key_under_any_name_is_a_leak() -> None:
    async with Simulator(picture=png()) as sim, aiohttp.ClientSession() as bare:
        url = sim.host(b"x", "text/plain")
        for options in (
            {"headers": {"Authorization": "Bearer test-key"}},
            {"params": {"token": "test-key"}},
            {},
        ):
            async with bare.get(url, **options) as response:  # type: ignore[arg-type]
                assert response.status == 200

        assert len(sim.leaks) == 2


async def test_the_other_host_may_break_off_and_go_on(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png(), redirects=True) as sim:
        vendor = Vendor(sim, http)
        film = await vendor.finished()
        sim.then(faults.CutBody(1000), at="storage")
        with pytest.raises(aiohttp.ClientPayloadError):
            await vendor.fetch(film["uri"])
        status, rest = await vendor.fetch(film["uri"], headers={"Range": "bytes=1000-"})
        _, whole = await vendor.fetch(film["uri"])

    assert (status, rest) == (206, whole[1000:])


async def test_a_film_may_be_prepared_and_come_inline(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png(), film=b"a film") as sim:
        film = await Vendor(sim, http).finished(**form(delivery="inline"))

    assert base64.b64decode(film["data"]) == b"a film"


async def test_a_download_must_say_media(vendor: Vendor) -> None:
    film = await vendor.finished()
    status, _ = await vendor.fetch(film["uri"].replace("alt=media", "alt=json"))

    assert status == 400
