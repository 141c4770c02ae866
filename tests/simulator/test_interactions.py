"""The simulated Interactions API: what it takes, how work goes on, and what comes of it."""

import asyncio
import base64
import io
import json
import wave
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from mediatoolkit.simulator.sounds import Line, resampled, speak
from tests.simulator.bodies import b64, png

GOOGLE = "https://generativelanguage.googleapis.com"
PATH = "/v1/interactions"


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


@pytest.fixture
def vendor(sim: Simulator, http: aiohttp.ClientSession) -> Vendor:
    return Vendor(sim, http)


PICTURE = {"type": "image", "mime_type": "image/png", "data": b64(png())}
TEXT = {"type": "text", "text": "a fox"}

TAKEN: dict[str, dict[str, Any]] = {
    "nothing but text": {"response_format": None},
    "contents": {"input": [TEXT, PICTURE]},
    "steps": {"input": [{"type": "user_input", "content": [TEXT]}]},
    "a picture alone": {"input": [PICTURE]},
    "list of one format": {"response_format": [{"type": "video"}]},
    "fraction of a second": form(duration="3.5s"),
    "upright": form(aspect_ratio="9:16", resolution="1080p", duration="10s"),
    "task": {"input": [PICTURE], "generation_config": {"video_config": {"task": "image_to_video"}}},
    "everything else": {
        "store": True,
        "stream": False,
        "background": False,
        "generation_config": {"seed": 4, "thinking_level": "low", "temperature": 1, "top_p": 0.5},
        "safety_settings": [{"type": "harassment", "threshold": "block_only_high"}],
        "service_tier": "flex",
        "system_instruction": "be brief",
        "labels": {"a": "b"},
        "webhook_config": {"uris": ["https://example.invalid"], "user_metadata": {}},
        "response_modalities": ["video"],
    },
}


@pytest.mark.parametrize("case", TAKEN)
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_a_good_request_is_taken(vendor: Vendor, case: str, version: str) -> None:
    status, answer = await vendor.ask("POST", f"/{version}/interactions", film(**TAKEN[case]))

    assert status == 200, answer
    assert answer["object"] == "interaction"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "camel case": ({"responseFormat": {"type": "video"}}, 'Unknown name "responseFormat"'),
    "camel case within": (form(aspectRatio="16:9"), 'Unknown name "aspectRatio"'),
    "unknown field": ({"prompt": "x"}, 'Unknown name "prompt"'),
    "no model": ({"model": None}, "Name a model"),
    "no input": ({"input": None}, "must say something"),
    "blank input": ({"input": " "}, "must say something"),
    "number for input": ({"input": 7}, "TYPE_STRING"),
    "unknown content": ({"input": [{"type": "smell"}]}, "input[0].type"),
    "no type": ({"input": [{"text": "x"}]}, "input[0].type"),
    "no object": ({"input": ["x"]}, "an object"),
    "text without text": ({"input": [{"type": "text"}]}, "needs its text"),
    "picture without data": ({"input": [{**PICTURE, "data": None}]}, "one of data and uri"),
    "data and address": ({"input": [{**PICTURE, "uri": "x"}]}, "one of data and uri"),
    "no picture": ({"input": [{**PICTURE, "data": "AAAA"}]}, "Unable to process input image"),
    "other picture": ({"input": [{**PICTURE, "mime_type": "image/webp"}]}, "is image/png, not"),
    "other kind": ({"input": [{**PICTURE, "mime_type": "text/html"}]}, "Unsupported MIME type"),
    "unknown file": (
        {"input": [{"type": "image", "mime_type": "image/png", "uri": f"{GOOGLE}/v1beta/files/x"}]},
        "does not exist",
    ),
    "no film": (
        {"input": [{"type": "video", "mime_type": "video/mp4", "data": "AAAA"}]},
        "Unable to process input video",
    ),
    "bare number": (form(duration=5), "response_format.duration"),
    "number without s": (form(duration="5"), "Invalid duration."),
    "too short": (form(duration="2s"), "Invalid duration."),
    "too long": (form(duration="10.5s"), "Invalid duration."),
    "square": (form(aspect_ratio="1:1"), "response_format.aspect_ratio"),
    "unknown resolution": (form(resolution="480p"), "response_format.resolution"),
    "unknown delivery": (form(delivery="post"), "response_format.delivery"),
    "unknown task": ({"generation_config": {"video_config": {"task": "dance"}}}, "task"),
    "picture task without picture": (
        {"generation_config": {"video_config": {"task": "image_to_video"}}},
        "needs an image",
    ),
    "extension of nothing": (
        {"generation_config": {"video_config": {"task": "extend"}}},
        "needs a video or a previous interaction",
    ),
    "other output": ({"response_format": {"type": "image"}}, "answers with one video"),
    "two outputs": ({"response_format": [{"type": "video"}] * 2}, "answers with one video"),
    "stream in the background": ({"stream": True}, "exclude each other"),
    "unknown interaction before": ({"previous_interaction_id": "v1_x"}, "Invalid interaction name"),
    "upper-case harm": ({"safety_settings": [{"type": "HARASSMENT"}]}, "safety_settings[0].type"),
    "unencoded sound": (
        {
            "model": "gemini-3.8-flash-tts",
            "response_format": {"type": "audio", "mime_type": "audio/mp3"},
        },
        "not simulated",
    ),
    "unknown voice": (
        {
            "model": "gemini-3.8-flash-tts",
            "response_format": None,
            "generation_config": {"speech_config": [{"voice": "Mickey"}]},
        },
        "Voice name Mickey",
    ),
    "unknown size": (
        {
            "model": "gemini-3-pro-image",
            "response_format": {"type": "image", "image_size": "512"},
        },
        '"512" is not supported',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_request_is_refused_with_a_word_for_a_code(vendor: Vendor, case: str) -> None:
    fields, words = REFUSED[case]
    status, answer = await vendor.start(**fields)

    assert status == 400
    assert sorted(answer["error"]) == ["code", "message"]
    assert answer["error"]["code"] == "invalid_request"
    assert words in answer["error"]["message"]


async def test_an_unknown_model_is_not_found(vendor: Vendor) -> None:
    status, answer = await vendor.start(model="banana")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    status, answer = await vendor.start(model="gemini-omni-flash-preview")
    assert (status, answer["error"]["code"]) == (404, 404)


class TestWork:
    """What becomes of work in the background."""

    async def test_looks_decide_when_it_is_done(self, http: aiohttp.ClientSession) -> None:
        for looks in (0, 1, 4):
            async with Simulator(picture=png(), looks=looks) as sim:
                vendor = Vendor(sim, http)
                _, started = await vendor.start()
                words = [each["status"] for each in await vendor.poll(started["id"], looks + 2)]

            assert started["status"] == "in_progress"
            assert words == ["in_progress"] * looks + ["completed"] * 2

    async def test_without_background_the_answer_is_the_result(self, vendor: Vendor) -> None:
        _, answer = await vendor.start(background=False)

        assert answer["status"] == "completed"
        assert answer["steps"][0]["content"][0]["uri"]

    async def test_a_cancel_ends_it(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        status, cancelled = await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")
        again, _ = await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert (status, cancelled) == (200, {"id": started["id"], "status": "cancelled"})
        assert again == 400
        assert (await vendor.poll(started["id"], 3))[-1]["status"] == "cancelled"

    @pytest.mark.parametrize("word", ["in_progress", "completed"])
    async def test_a_cancel_may_not_be_confirmed(self, vendor: Vendor, word: str) -> None:
        _, started = await vendor.start()
        vendor.sim.then(faults.EndsAs(word), at="cancel")
        _, answer = await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert answer["status"] == word
        assert (await vendor.poll(started["id"]))[0]["status"] == "in_progress"

    async def test_what_was_deleted_is_gone(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        assert await vendor.ask("DELETE", f"{PATH}/{started['id']}") == (200, {})
        status, answer = await vendor.ask("GET", f"{PATH}/{started['id']}")

        assert (status, answer["error"]["message"]) == (400, "Invalid interaction name.")

    async def test_the_input_is_shown_when_asked_for(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        _, shown = await vendor.ask("GET", f"{PATH}/{started['id']}?include_input=true")

        assert shown["steps"] == [
            {"type": "user_input", "content": [{"type": "text", "text": "a fox runs"}]}
        ]

    async def test_only_a_stored_one_can_go_on(self, vendor: Vendor) -> None:
        going_on = {"generation_config": {"video_config": {"task": "extend"}}}
        for store, expected in ((True, 200), (False, 400)):
            _, first = await vendor.start(store=store)
            status, _ = await vendor.start(previous_interaction_id=first["id"], **going_on)
            assert status == expected

    async def test_a_film_can_be_given_back_by_its_address(self, vendor: Vendor) -> None:
        made = await vendor.finished()
        task = {"generation_config": {"video_config": {"task": "edit"}}}
        given = {"type": "video", "mime_type": "video/mp4", "uri": made["uri"]}
        status, _ = await vendor.start(input=[TEXT, given], **task)

        assert status == 200


class TestEnds:
    """Other ends than a film."""

    @pytest.mark.parametrize(
        "word",
        ["failed", "cancelled", "incomplete", "budget_exceeded", "requires_action", "brand_new"],
    )
    async def test_a_start_decides_the_end(self, vendor: Vendor, word: str) -> None:
        vendor.sim.then(faults.EndsAs(word, message="Sorry.", code="why"))
        _, started = await vendor.start()
        ends = await vendor.poll(started["id"], 4)

        assert [each["status"] for each in ends] == ["in_progress"] * 2 + [word] * 2
        assert ends[-1]["errors"] == [{"code": "why", "message": "Sorry."}]
        assert "steps" not in ends[-1]

    async def test_it_may_never_end(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.EndsAs("in_progress"), at="start")
        _, started = await vendor.start()

        ends = await vendor.poll(started["id"], 12)
        assert {each["status"] for each in ends} == {"in_progress"}

    async def test_a_refusal_completes_with_words_alone(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.TextOnly("No."))
        made = await vendor.finished()

        assert made == {"type": "text", "text": "No."}

    async def test_a_block_is_a_400_that_says_so(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.PromptBlocked(message="Blocked for safety."))
        status, answer = await vendor.start()

        assert (status, answer["error"]["message"]) == (400, "Blocked for safety.")

    async def test_a_fault_of_another_trade_ends_nothing(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        vendor.sim.then(faults.BadPicture("svg"), at="poll")

        assert (await vendor.poll(started["id"]))[0]["status"] == "in_progress"

    @pytest.mark.parametrize(
        "uri", ["http://127.0.0.1:1/x", "https://u:p@example.invalid/x", "https://10.0.0.1/x", ""]
    )
    async def test_the_address_of_the_result_may_be_anything(
        self, vendor: Vendor, uri: str
    ) -> None:
        vendor.sim.then(faults.ResultAt(uri))
        made = await vendor.finished()

        assert made == {"type": "video", "mime_type": "video/mp4", "uri": uri}


class TestAim:
    """Faults for one purpose."""

    async def test_a_fault_waits_for_its_purpose(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.Status(500), at="poll")
        vendor.sim.then(faults.Status(400, word="invalid_request", message="No."), at="cancel")
        vendor.sim.then(faults.Status(404), at="download")
        vendor.sim.then(faults.Status(503), at="delete")
        status, started = await vendor.start()
        assert status == 200
        name = started["id"]

        assert (await vendor.ask("GET", f"{PATH}/{name}"))[0] == 500
        assert [each["status"] for each in await vendor.poll(name, 3)][-1] == "completed"
        status, answer = await vendor.ask("POST", f"{PATH}/{name}/cancel")
        assert (status, answer) == (400, {"error": {"code": "invalid_request", "message": "No."}})
        assert (await vendor.ask("DELETE", f"{PATH}/{name}"))[0] == 503
        assert (await vendor.ask("GET", "/v1/files/x:download?alt=media"))[0] == 404
        assert (await vendor.ask("GET", "/v1/files/x:download?alt=media"))[0] == 403

    async def test_an_aimed_fault_comes_before_one_that_is_not(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.Status(500))
        vendor.sim.then(faults.Status(503), at="start")
        vendor.sim.always(faults.Status(404), at="start")

        assert [(await vendor.start())[0] for _ in range(3)] == [503, 500, 404]
        assert (await vendor.ask("GET", "/v1/models"))[0] == 200

    async def test_polls_may_turn_to_nothing(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        vendor.sim.always(faults.Status(404), at="poll")
        codes = [(await vendor.ask("GET", f"{PATH}/{started['id']}"))[0] for _ in range(2)]

        assert codes == [404, 404]

    async def test_a_cancel_may_never_be_answered(self, vendor: Vendor) -> None:
        _, started = await vendor.start()
        vendor.sim.then(faults.Silence(), at="cancel")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await vendor.ask("POST", f"{PATH}/{started['id']}/cancel")

        assert (await vendor.poll(started["id"]))[0]["status"] == "in_progress"

    async def test_the_file_host_speaks_no_vendors_words(self, vendor: Vendor) -> None:
        with pytest.raises(TypeError, match="bytes travel"):
            vendor.sim.then(faults.Status(500), at="storage")


class TestDownload:
    """Where films are fetched."""

    async def test_a_film_lies_under_googles_name(self, vendor: Vendor) -> None:
        made = await vendor.finished()
        status, data = await vendor.fetch(made["uri"])

        assert (status, data[4:8]) == (200, b"ftyp")
        name = made["uri"].rpartition("/")[2].partition(":")[0]
        _, facts = await vendor.ask("GET", f"/v1/files/{name}")
        assert (facts["sizeBytes"], facts["state"]) == (str(len(data)), "ACTIVE")

    async def test_it_may_lie_elsewhere_and_leaks_are_noted(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with Simulator(picture=png(), redirects=True) as sim:
            vendor = Vendor(sim, http)
            made = await vendor.finished()
            status, data = await vendor.fetch(made["uri"])
            assert (status, data[4:8], sim.leaks) == (200, b"ftyp", [])
            async with http.get(made["uri"].replace(GOOGLE, sim.url)) as response:
                assert await response.read() == data

            (leak,) = sim.leaks
            assert (leak.origin, leak.key) == (sim.files_url, "test-key")

    async def test_a_key_under_any_name_is_a_leak(self) -> None:
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

    async def test_the_other_host_may_break_off_and_go_on(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with Simulator(picture=png(), redirects=True) as sim:
            vendor = Vendor(sim, http)
            made = await vendor.finished()
            sim.then(faults.CutBody(1000), at="storage")
            with pytest.raises(aiohttp.ClientPayloadError):
                await vendor.fetch(made["uri"])
            status, rest = await vendor.fetch(made["uri"], headers={"Range": "bytes=1000-"})
            _, whole = await vendor.fetch(made["uri"])

        assert (status, rest) == (206, whole[1000:])

    async def test_a_film_may_be_prepared_and_come_inline(
        self, http: aiohttp.ClientSession
    ) -> None:
        async with Simulator(picture=png(), film=b"a film") as sim:
            made = await Vendor(sim, http).finished(**form(delivery="inline"))

        assert base64.b64decode(made["data"]) == b"a film"

    async def test_a_download_must_say_media(self, vendor: Vendor) -> None:
        made = await vendor.finished()
        status, _ = await vendor.fetch(made["uri"].replace("alt=media", "alt=json"))

        assert status == 400


class TestOtherKinds:
    """Pictures and speech."""

    async def test_a_picture_is_a_jpeg(self, painting: Simulator, http: Any) -> None:
        asked = {
            "model": "gemini-3.1-flash-image",
            "input": [TEXT, PICTURE],
            "response_format": {"type": "image", "aspect_ratio": "16:9", "image_size": "512"},
        }
        _, answer = await Vendor(painting, http).ask("POST", PATH, asked)

        (content,) = answer["steps"][0]["content"]
        picture = Image.open(io.BytesIO(base64.b64decode(content["data"])))
        assert (content["mime_type"], picture.format, picture.size) == (
            "image/jpeg",
            "JPEG",
            (688, 384),
        )
        assert answer["usage"]["total_output_tokens"] == 747

    @pytest.mark.parametrize(
        ("config", "voice"),
        [
            ([], "Kore"),
            ([{"voice": "Puck"}], "Puck"),
            ({"speakers": [{"speaker": "Joe", "voice": "Leda"}]}, "Leda"),
        ],
    )
    async def test_speech_has_the_voice_rate_and_form_asked_for(
        self, vendor: Vendor, config: Any, voice: str
    ) -> None:
        note = {"type": "speech_metadata", "speaker": "Joe", "style": "sad"}
        asked = {
            "model": "gemini-3.8-flash-tts",
            "input": [{**TEXT, "annotations": [note]}],
            "generation_config": {"speech_config": config},
            "response_format": {"type": "audio", "mime_type": "audio/wav", "sample_rate": 8000},
        }
        _, answer = await vendor.ask("POST", PATH, asked)

        (content,) = answer["steps"][0]["content"]
        with wave.open(io.BytesIO(base64.b64decode(content["data"]))) as sound:
            assert sound.getframerate() == content["sample_rate"] == 8000
            expected = resampled(speak([Line("a fox", voice, "sad")]), 8000)
            assert sound.readframes(sound.getnframes()) == expected


SPEECH = {"model": "gemini-3.8-flash-tts", "input": "hello there", "stream": True}


class TestStream:
    """Events."""

    @staticmethod
    def told(text: str) -> list[dict[str, Any]]:
        """The events of a stream, whose names and end are checked."""
        *blocks, end, rest = text.split("\r\n\r\n")
        assert (end, rest) == ("event: done\r\ndata: [DONE]", "")
        events = []
        for block in blocks:
            name, data = block.split("\r\n")
            events.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {events[-1]['event_type']}"
        return events

    async def test_a_stream_can_be_taken_up_again(self, vendor: Vendor) -> None:
        async with vendor.http.post(vendor.sim.url + PATH, json=SPEECH) as response:
            events = self.told(await response.text())
        name = events[0]["interaction"]["id"]
        url = f"{vendor.sim.url}{PATH}/{name}?stream=true&last_event_id={events[2]['event_id']}"
        async with vendor.http.get(url) as response:
            assert self.told(await response.text()) == events[3:]

        status, _ = await vendor.ask("GET", f"{PATH}/{name}?stream=true&last_event_id=e99")
        assert status == 400

    async def test_an_error_may_come_midway(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.StreamError(503, "Overloaded."))
        async with vendor.http.post(vendor.sim.url + PATH, json=SPEECH) as response:
            events = self.told(await response.text())

        assert [event["event_type"] for event in events][-2:] == ["step.start", "error"]
        assert events[-1]["error"] == {"code": "unavailable", "message": "Overloaded."}

    async def test_without_a_stream_it_is_a_status(self, vendor: Vendor) -> None:
        vendor.sim.then(faults.StreamError(503, "Overloaded."))
        status, answer = await vendor.start()

        assert (status, answer["error"]["message"]) == (503, "Overloaded.")
