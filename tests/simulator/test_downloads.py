"""Where the simulated vendor's films are fetched."""

import base64

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import png
from tests.simulator.vendor import GOOGLE, Vendor, form


async def test_a_film_lies_under_googles_name(vendor: Vendor) -> None:
    made = await vendor.finished()
    status, data = await vendor.fetch(made["uri"])

    assert (status, data[4:8]) == (200, b"ftyp")
    name = made["uri"].rpartition("/")[2].partition(":")[0]
    _, facts = await vendor.ask("GET", f"/v1/files/{name}")
    assert (facts["sizeBytes"], facts["state"]) == (str(len(data)), "ACTIVE")


async def test_it_may_lie_elsewhere_and_leaks_are_noted(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png(), redirects=True) as sim:
        vendor = Vendor(sim, http)
        made = await vendor.finished()
        status, data = await vendor.fetch(made["uri"])
        assert (status, data[4:8], sim.leaks) == (200, b"ftyp", [])
        async with http.get(made["uri"].replace(GOOGLE, sim.url)) as response:
            assert await response.read() == data

        (leak,) = sim.leaks
        assert (leak.origin, leak.key) == (sim.files_url, "test-key")


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
        made = await vendor.finished()
        sim.then(faults.CutBody(1000), at="storage")
        with pytest.raises(aiohttp.ClientPayloadError):
            await vendor.fetch(made["uri"])
        status, rest = await vendor.fetch(made["uri"], headers={"Range": "bytes=1000-"})
        _, whole = await vendor.fetch(made["uri"])

    assert (status, rest) == (206, whole[1000:])


async def test_a_film_may_be_prepared_and_come_inline(http: aiohttp.ClientSession) -> None:
    async with Simulator(picture=png(), film=b"a film") as sim:
        made = await Vendor(sim, http).finished(**form(delivery="inline"))

    assert base64.b64decode(made["data"]) == b"a film"


async def test_a_download_must_say_media(vendor: Vendor) -> None:
    made = await vendor.finished()
    status, _ = await vendor.fetch(made["uri"].replace("alt=media", "alt=json"))

    assert status == 400
