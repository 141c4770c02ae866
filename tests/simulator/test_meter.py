"""What the vendors bill; every price is reckoned by hand, in millionths of a dollar."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator, faults, meter
from tests.simulator.bodies import FOX, MODEL, asking, b64, path, png
from tests.simulator.conftest import Ask
from tests.simulator.vendor import PATH, PICTURE, TEXT, Vendor, film

FOX_PRICE = Decimal("0.0687555")  # 3 x 0.50 + 1120 x 60 + (398 + 120) x 3
REFERENCE = {"inlineData": {"mimeType": "image/png", "data": b64(png())}}
IMAGES = "/v1/images/generations"
NOTHING = Decimal()


def usd(millionths: str) -> Decimal:
    return Decimal(millionths) / 1_000_000


@pytest.fixture
async def openai() -> AsyncIterator[tuple[Simulator, aiohttp.ClientSession]]:
    headers = {"Authorization": "Bearer test-key"}
    async with (
        Simulator(picture=png(), film=b"film") as sim,
        aiohttp.ClientSession(sim.openai.url, headers=headers) as session,
    ):
        yield sim, session


OpenAI = tuple[Simulator, aiohttp.ClientSession]


def ordering(model: str = "gpt-image-2.5-flare", **fields: Any) -> dict[str, Any]:
    return {"model": model, "prompt": "a red fox", "quality": "medium"} | fields


async def order(openai: OpenAI, **fields: Any) -> str:
    async with openai[1].post(IMAGES, json=ordering(**fields)) as response:
        return await response.text()


class TestGeminiPictures:
    """Tokens of text and of pictures, in and out."""

    @pytest.mark.parametrize(
        ("model", "size", "price"),
        [
            (MODEL, "512", "46375.5"),
            (MODEL, "1K", "68755.5"),
            (MODEL, "2K", "102355.5"),
            (MODEL, "4K", "152755.5"),
            ("gemini-3.1-flash-lite-image", "1K", "34377.75"),
            ("gemini-3-pro-image", "1K", "140622"),
            ("gemini-3-pro-image", "2K", "140622"),
            ("gemini-3-pro-image", "4K", "246222"),
            ("gemini-nano-banana-2.1", "1K", "37489.5"),
            ("gemini-nano-banana-2.1", "2K", "54289.5"),
            ("gemini-nano-banana-2.1", "4K", "79489.5"),
            ("gemini-2.5-flash-image", "1K", "39995.9"),
        ],
    )
    async def test_the_size_decides_the_price(
        self, ask: Ask, model: str, size: str, price: str
    ) -> None:
        async with Simulator(picture=png(), models=("gemini-2.5-flash-image",)) as sim:
            body = asking({"text": "a red fox"}, imageConfig={"imageSize": size})
            await ask(sim, body, path(model))

        (record,) = sim.meter.records
        assert record.usd == sim.meter.total == usd(price)
        assert (record.vendor, record.model, record.path) == ("gemini", model, path(model))

    @pytest.mark.parametrize(
        ("model", "price"),
        [
            (MODEL, "69035.5"),  # 560 x 0.50 more
            ("gemini-3-pro-image", "141742"),  # 560 x 2 more
            ("gemini-3.1-flash-lite-image", "34657.75"),  # 1120 x 0.25 more
        ],
    )
    async def test_a_reference_costs_tokens_of_input(
        self, sim: Simulator, ask: Ask, model: str, price: str
    ) -> None:
        await ask(sim, asking({"text": "a red fox"}, REFERENCE), path(model))

        assert sim.meter.total == usd(price)

    @pytest.mark.parametrize(("tier", "factor"), [("flex", "0.5"), ("priority", "1.8")])
    async def test_the_tier_decides_the_price_and_is_told(
        self, sim: Simulator, ask: Ask, tier: str, factor: str
    ) -> None:
        _, answer = await ask(sim, FOX | {"serviceTier": tier})

        assert sim.meter.total == FOX_PRICE * Decimal(factor)
        assert answer["usageMetadata"]["serviceTier"] == tier

    async def test_a_stream_is_billed_once(self, sim: Simulator, ask: Ask) -> None:
        await ask(sim, to=path(verb="streamGenerateContent"))

        assert sim.meter.total == FOX_PRICE

    async def test_an_interaction_names_all_its_tokens(self, sim: Simulator, ask: Ask) -> None:
        await ask(sim, {"model": MODEL, "input": "a red fox"}, PATH)

        (record,) = sim.meter.records
        assert record.usd == usd("67561.5")  # 3 x 0.50 + 1120 x 60 + 120 x 3
        assert record.units == {"input_text": 3, "output_image": 1120, "output_text": 120}

    async def test_a_model_without_a_price_costs_what_the_dearest_does(self, ask: Ask) -> None:
        async with Simulator(picture=png(), models=("gemini-9-image",)) as sim:
            await ask(sim, to=path("gemini-9-image"))

        assert sim.meter.total == usd("140622")


class TestThoughts:
    """What varies from one response to the next."""

    async def test_the_meter_bills_what_the_usage_counts(self, ask: Ask) -> None:
        spans = (range(500), range(1, 661))
        async with Simulator(picture=png(), thoughts=spans[0], unnamed=spans[1], seed=7) as sim:
            counts = [(await ask(sim))[1]["usageMetadata"] for _ in range(5)]

        texts = [
            usage["candidatesTokenCount"] - 1120 + usage["thoughtsTokenCount"] for usage in counts
        ]
        assert len(set(texts)) > 1
        assert [record.units["output_text"] for record in sim.meter.records] == texts

    async def test_the_same_seed_gives_the_same_counts(self, ask: Ask) -> None:
        totals = []
        for seed in (7, 7, 8):
            async with Simulator(picture=png(), thoughts=range(500), seed=seed) as sim:
                await ask(sim)
            totals.append(sim.meter.total)

        assert totals[0] == totals[1] != totals[2]


class TestSpeech:
    """25 tokens a second; "Hello" lasts 0.13 seconds, which are 4 of them."""

    @pytest.mark.parametrize(
        ("model", "day", "price"),
        [
            ("gemini-3.8-flash-tts", date(2026, 12, 31), "37"),
            ("gemini-3.8-flash-tts", date(2027, 1, 1), "74"),
            ("gemini-3.8-flash-lite-tts", date(2026, 12, 31), "25"),
            ("gemini-3.8-flash-lite-tts", date(2027, 1, 1), "50"),
            ("gemini-3.1-flash-tts-preview", None, "82"),
            ("gemini-2.5-flash-preview-tts", None, "41"),
            ("gemini-2.5-pro-preview-tts", None, "82"),
        ],
    )
    async def test_the_model_and_the_day_decide_the_price(
        self, ask: Ask, model: str, day: date | None, price: str
    ) -> None:
        async with Simulator(day=day) as sim:
            await ask(sim, asking({"text": "Hello"}, responseModalities=["AUDIO"]), path(model))

        (record,) = sim.meter.records
        assert record.units == {"input_text": 2, "output_audio": 4}
        assert record.usd == usd(price)

    async def test_speech_that_breaks_off_is_billed(self, ask: Ask) -> None:
        async with Simulator(day=date(2026, 12, 1)) as sim:
            sim.then(faults.BrokenOff())
            body = asking({"text": "Hello"}, responseModalities=["AUDIO"])
            await ask(sim, body, path("gemini-3.8-flash-tts"))

        assert sim.meter.total == usd("37")


class TestFilms:
    """Work in the background is billed when it is done."""

    @pytest.mark.parametrize(
        ("model", "resolution", "price"),
        [
            ("gemini-omni-1.1-flash", "360p", "102462"),
            ("gemini-omni-1.1-flash", "720p", "305164.5"),
            ("gemini-omni-1.1-flash", "1080p", "457204.5"),
            ("gemini-omni-1.1-flash", "4k", "913324.5"),
            ("gemini-omni-1.2-flash", "720p", "209596.5"),
        ],
    )
    async def test_resolution_and_seconds_decide_the_price(
        self, http: aiohttp.ClientSession, model: str, resolution: str, price: str
    ) -> None:
        form = {"type": "video", "resolution": resolution, "duration": "3s", "delivery": "uri"}
        async with Simulator(picture=png(), film=b"film") as sim:
            await Vendor(sim, http).finished(model=model, response_format=form)

        assert sim.meter.total == usd(price)

    async def test_a_first_picture_costs_tokens_of_input(self, vendor: Vendor) -> None:
        await vendor.finished(input=[TEXT, PICTURE])

        assert vendor.sim.meter.total == usd("105520.5")  # 2 x 1.50 + 2040 x 1.50 + the film

    async def test_it_is_unfinished_until_a_poll_finds_it_done(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        meter = vendor.sim.meter
        assert (meter.total, meter.unfinished) == (NOTHING, usd("102462"))
        await vendor.poll(started["id"], 2)
        assert meter.total == 0
        await vendor.poll(started["id"], 3)

        assert (meter.total, meter.unfinished) == (usd("102462"), NOTHING)
        assert [record.path for record in meter.records] == [PATH]

    async def test_a_cancelled_one_is_not_billed(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert (vendor.sim.meter.total, vendor.sim.meter.unfinished) == (NOTHING, NOTHING)

    @pytest.mark.parametrize("late", [True, False])
    async def test_a_cancel_that_comes_too_late_saves_nothing(
        self, vendor: Vendor, *, late: bool
    ) -> None:
        _, started = await vendor.start()
        if late:
            await vendor.poll(started["id"], 3)
        else:
            vendor.sim.then(faults.EndsAs("completed"), at="cancel")
        await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")
        await vendor.poll(started["id"], 3)

        assert (vendor.sim.meter.total, vendor.sim.meter.unfinished) == (usd("102462"), NOTHING)

    @pytest.mark.parametrize("fault", [faults.EndsAs("in_progress"), faults.Status(500)], ids=repr)
    async def test_after_a_cancel_that_is_not_confirmed_the_work_goes_on(
        self, vendor: Vendor, fault: faults.ApiFault
    ) -> None:
        _, started = await vendor.start()
        vendor.sim.then(fault, at="cancel")
        await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert vendor.sim.meter.unfinished == usd("102462")

    @pytest.mark.parametrize(
        "fault",
        [
            faults.EndsAs("failed", message="Sorry."),
            faults.EndsAs("incomplete"),
            faults.EndsAs("budget_exceeded"),
            faults.TextOnly(),
        ],
        ids=repr,
    )
    async def test_one_that_fails_or_is_refused_is_not_billed(
        self, vendor: Vendor, fault: faults.ApiFault
    ) -> None:
        vendor.sim.then(fault, at="start")
        _, started = await vendor.start()
        await vendor.poll(started["id"], 4)

        assert (vendor.sim.meter.total, vendor.sim.meter.unfinished) == (NOTHING, NOTHING)

    async def test_one_that_brings_nothing_costs_its_input(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.EndsAs("completed"))
        _, started = await vendor.start()
        await vendor.poll(started["id"], 4)

        assert vendor.sim.meter.total == usd("4.5")

    async def test_polls_that_stumble_change_nothing(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.Stumbles(403, times=2))
        _, started = await vendor.start()
        with contextlib.suppress(KeyError):
            await vendor.poll(started["id"], 6)

        assert vendor.sim.meter.total == usd("102462")

    async def test_one_that_runs_when_its_start_is_lost_is_unfinished(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.Reset(), at="start")
        with pytest.raises(aiohttp.ClientError):
            await vendor.start()

        assert vendor.sim.meter.unfinished == usd("102462")


class TestOpenAI:
    """Tokens by quality and size; three tokens of text cost 15."""

    @pytest.mark.parametrize(
        ("model", "quality", "size", "price"),
        [
            ("gpt-image-2.5-flare", "low", "1024x1024", "5895"),
            ("gpt-image-2.5-flare", "medium", "1024x1024", "13185"),
            ("gpt-image-2.5-flare", "high", "1024x1024", "52695"),
            ("gpt-image-2.5-flare", "xhigh", "1024x1024", "93675"),
            ("gpt-image-2.5-flare", "max", "1024x1024", "210735"),
            ("gpt-image-2.5-sunburst", "low", "1024x1536", "4755"),
            ("gpt-image-2.6-sunburst", "xhigh", "1536x1024", "73785"),
            ("gpt-image-2.6-flare", "high", "1024x768", "36135"),
            ("gpt-image-2.6-flare", "medium", "2560x1440", "14355"),
            ("gpt-image-2.6-flare", "max", "3840x2160", "400275"),
            ("gpt-image-2", "low", "1024x1024", "5895"),
            ("gpt-image-2", "medium", "1024x1024", "52695"),
            ("gpt-image-2", "high", "1024x1536", "164655"),
            ("gpt-image-1.5", "low", "1024x1024", "8719"),
            ("gpt-image-1.5", "medium", "1024x1536", "50703"),
            ("chatgpt-image-latest", "high", "1536x1024", "198671"),
            ("gpt-image-1-mini", "high", "1024x1024", "33286"),
        ],
    )
    async def test_quality_and_size_decide_the_price(
        self, openai: OpenAI, model: str, quality: str, size: str, price: str
    ) -> None:
        answer = json.loads(await order(openai, model=model, quality=quality, size=size))

        (record,) = openai[0].meter.records
        assert record.usd == usd(price)
        assert (record.vendor, record.model, record.path) == ("openai", model, IMAGES)
        assert answer["usage"]["output_tokens"] == record.units["output_image"]

    async def test_several_pictures_cost_as_often(self, openai: OpenAI) -> None:
        await order(openai, n=3)

        assert openai[0].meter.total == usd("39525")  # 3 x 439 x 30 + 15

    @pytest.mark.parametrize(
        ("names", "price"),
        [
            (["image"], "15769"),  # 323 x 8 more
            (["image[]", "image[]"], "18353"),
            (["image", "mask"], "18353"),
        ],
    )
    async def test_an_edit_costs_tokens_of_input(
        self, openai: OpenAI, names: list[str], price: str
    ) -> None:
        sim, session = openai
        form = aiohttp.FormData(ordering())
        for name in names:
            form.add_field(name, png(), filename="fox.png", content_type="image/png")
        async with session.post("/v1/images/edits", data=form):
            pass

        assert sim.meter.total == usd(price)

    @pytest.mark.parametrize(
        ("model", "auto", "price"),
        [
            ("gpt-image-2.5-flare", {}, "13185"),
            ("gpt-image-2.5-flare", {"quality": "max"}, "210735"),
            ("gpt-image-2", {"quality": "max"}, "210735"),
            ("gpt-image-2.5-flare", {"size": "1536x1024"}, "10305"),
            ("gpt-image-1.5", {"quality": "xhigh", "size": "2048x2048"}, "133135"),
        ],
    )
    async def test_what_auto_means_can_be_set(
        self, model: str, auto: dict[str, str], price: str
    ) -> None:
        headers = {"Authorization": "Bearer test-key"}
        async with (
            Simulator(picture=png(), auto=auto) as sim,
            aiohttp.ClientSession(sim.openai.url, headers=headers) as session,
        ):
            await order((sim, session), model=model, quality="auto")

        assert sim.meter.total == usd(price)

    def test_auto_means_qualities_and_sizes_alone(self) -> None:
        with pytest.raises(ValueError, match="'quality' and 'size'"):
            Simulator(auto={"qualty": "low"})

    @pytest.mark.parametrize(
        ("fault", "partial", "price"),
        [
            (None, 2, "19185"),  # (439 + 200) x 30 + 15
            (None, 0, "13185"),
            (faults.StreamError(), 2, "6015"),  # 200 x 30 + 15
            (faults.StreamError(), 0, "0"),
            (faults.PromptBlocked(), 2, "0"),
            (faults.CutBody(), 2, "19185"),
        ],
        ids=repr,
    )
    async def test_a_stream_costs_its_partial_pictures(
        self, openai: OpenAI, fault: faults.Fault | None, partial: int, price: str
    ) -> None:
        if fault:
            openai[0].then(fault)
        with contextlib.suppress(aiohttp.ClientError):
            await order(openai, stream=True, partial_images=partial)

        assert openai[0].meter.total == usd(price)

    @pytest.mark.parametrize(
        "fault", [faults.PromptBlocked(), faults.Status(429), faults.StreamError()], ids=repr
    )
    async def test_a_refusal_is_not_billed(self, openai: OpenAI, fault: faults.ApiFault) -> None:
        openai[0].then(fault)
        await order(openai)

        assert openai[0].meter.records == ()


BILLED = [
    faults.Latency(0.01),
    faults.SlowHead(0.01),
    faults.SlowBody(0.01),
    faults.Trickle(seconds=0.01),
    faults.Gate(),
    faults.CutBody(),
    faults.CutBody(reset=True),
    faults.Truncated(),
    faults.WrongLength(),
    faults.MalformedChunk(),
    faults.BadGzip(),
    faults.Silence(),
    faults.CutBeforeHead(),
    faults.Reset(),
    faults.MalformedHead(),
    faults.TooLarge(1 << 20),
    faults.GzipBomb(1 << 20),
    faults.Garbage(),
    faults.Garbage("empty"),
    faults.BadPicture("truncated"),
    faults.PictureAs("webp"),
]
FREE = [
    *(faults.Status(code) for code in (400, 401, 403, 408, 429, 500, 502, 503, 504)),
    faults.Status(503, html=True),
    faults.EchoKey(),
    faults.StreamError(),
    faults.PromptBlocked(),
    faults.CandidateBlocked(),
    faults.UnknownFinish(),
    faults.Redirect("/elsewhere"),
]


class TestFaults:
    """What is billed although something goes wrong."""

    @pytest.mark.parametrize("fault", BILLED, ids=repr)
    async def test_work_of_which_the_client_hears_nothing_is_billed(
        self, sim: Simulator, ask: Ask, fault: faults.Fault
    ) -> None:
        sim.then(fault)
        call = asyncio.create_task(ask(sim))
        await sim.until(lambda: bool(sim.meter.records))
        call.cancel()
        await asyncio.wait([call])

        assert [record.usd for record in sim.meter.records] == [FOX_PRICE]

    @pytest.mark.parametrize("fault", FREE, ids=repr)
    async def test_what_is_refused_or_fails_before_the_work_is_free(
        self, sim: Simulator, http: aiohttp.ClientSession, fault: faults.Fault
    ) -> None:
        sim.then(fault)
        async with http.post(sim.url + path(), json=FOX, allow_redirects=False):
            assert sim.meter.records == ()

    @pytest.mark.parametrize(
        ("fault", "price"),
        [
            (faults.TextOnly("No."), "364.5"),  # 3 x 0.50 + (1 + 120) x 3
            (faults.Continuation(), "367.5"),  # 3 x 0.50 + (2 + 120) x 3
            (faults.NoCandidates(), "1.5"),
        ],
        ids=repr,
    )
    async def test_words_are_billed_by_their_tokens(
        self, sim: Simulator, ask: Ask, fault: faults.Fault, price: str
    ) -> None:
        sim.then(fault)
        await ask(sim)

        assert sim.meter.total == usd(price)

    async def test_an_error_within_a_stream_comes_after_the_picture(
        self, sim: Simulator, ask: Ask
    ) -> None:
        sim.then(faults.StreamError())
        await ask(sim, to=path(verb="streamGenerateContent"))

        assert sim.meter.total == FOX_PRICE

    @pytest.mark.parametrize("fault", [None, faults.Garbage(), faults.Reset()], ids=repr)
    @pytest.mark.parametrize(
        "body", [{"contents": []}, asking({"text": "a"}, candidateCount=2)], ids=str
    )
    async def test_a_request_that_is_not_valid_is_free(
        self, sim: Simulator, ask: Ask, body: dict[str, Any], fault: faults.Fault | None
    ) -> None:
        if fault:
            sim.then(fault)
        with contextlib.suppress(aiohttp.ClientError):
            await ask(sim, body)

        assert len(sim.requests) == 1
        assert sim.meter.records == ()

    async def test_without_a_valid_key_nothing_is_billed(self, sim: Simulator, ask: Ask) -> None:
        await ask(sim, headers={"x-goog-api-key": "another"})

        assert sim.meter.records == ()

    async def test_the_vendor_works_on_when_the_client_leaves(self, ask: Ask) -> None:
        async with Simulator(detail=64) as sim:
            async with sim.pictures._lock:
                call = asyncio.create_task(ask(sim))
                await sim.until(lambda: len(sim.requests) == 1)
                call.cancel()
                await sim.until(lambda: sim.aborted == 1)
                assert sim.meter.records == ()
            await sim.until(lambda: bool(sim.meter.records))

        assert sim.meter.total == FOX_PRICE

    async def test_work_that_runs_when_the_simulator_closes_ends_with_it(self, ask: Ask) -> None:
        async with Simulator(detail=64) as sim:
            await sim.pictures._lock.acquire()
            call = asyncio.create_task(ask(sim))
            await sim.until(lambda: len(sim.requests) == 1)
        await asyncio.wait([call])

        assert call.exception()
        assert sim.meter.records == ()


def test_the_table_decides_for_every_fault() -> None:
    bases = {"ApiFault", "Fault", "NetworkFault"}
    table = str(meter.__doc__)

    assert [name for name in faults.__all__ if name not in bases and f"`{name}" not in table] == []


class TestReading:
    """One meter for all, one for each vendor, for any thread."""

    async def test_each_vendor_has_its_own(self, openai: OpenAI, ask: Ask) -> None:
        sim, _ = openai
        await ask(sim)
        await order(openai)
        await ask(sim, film(background=True), PATH)

        assert sim.gemini.meter.total == FOX_PRICE
        assert sim.openai.meter.total == usd("13185")
        assert sim.meter.total == FOX_PRICE + usd("13185")
        assert [record.vendor for record in sim.meter.records] == ["gemini", "openai"]
        assert sim.meter.unfinished == sim.gemini.meter.unfinished == usd("102462")
        assert sim.openai.meter.unfinished == 0

    async def test_another_thread_reads_it_while_many_are_served(
        self, sim: Simulator, ask: Ask
    ) -> None:
        totals, stop = [Decimal()], threading.Event()

        def read() -> None:
            while not stop.is_set():
                totals.append(sim.meter.total)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(8):
            sim.then(faults.CutBody(), faults.Status(503))
        await asyncio.gather(*(ask(sim) for _ in range(64)), return_exceptions=True)
        stop.set()
        reader.join()

        assert sim.meter.total == 56 * FOX_PRICE
        assert totals == sorted(totals)
