"""Each fault, as a client meets it."""

import asyncio
import base64
import gzip
import io
import json
import math
import zlib
from typing import Any

import aiohttp
import pytest
from PIL import Image

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import FOX, asking, parts_of, path, picture_of, png
from tests.simulator.conftest import Ask


async def raw(sim: Simulator, *, limit: int | None = None, seconds: float = 5.0) -> bytes:
    """Every byte of one answer; stops at *limit* bytes, at the end, or after *seconds*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rpartition(":")[2]))
    body = json.dumps(FOX)
    lines = (f"POST {path()} HTTP/1.1", "Host: x", "x-goog-api-key: test-key")
    rest = ("Connection: close", f"Content-Length: {len(body)}", "", body)
    writer.write("\r\n".join((*lines, *rest)).encode())
    try:
        async with asyncio.timeout(seconds):
            return await (reader.readexactly(limit) if limit else reader.read())
    finally:
        writer.close()


class TestOrder:
    """Which request meets which fault."""

    async def test_faults_can_be_cleared(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.Status(500), faults.Status(500))
        sim.always(faults.Status(503))
        sim.clear_faults()
        assert (await ask(sim))[0] == 200

    async def test_queued_faults_come_in_order_then_normal_service(
        self, sim: Simulator, ask: Ask
    ) -> None:
        sim.then(faults.Status(500), faults.Status(503))

        assert [(await ask(sim))[0] for _ in range(3)] == [500, 503, 200]

    async def test_a_standing_fault_yields_to_queued_ones_and_ends_when_told(
        self, sim: Simulator, ask: Ask
    ) -> None:
        sim.always(faults.Status(503))
        sim.then(faults.Status(500))
        codes = [(await ask(sim))[0] for _ in range(3)]
        sim.always(None)

        assert [*codes, (await ask(sim))[0]] == [500, 503, 503, 200]


class TestStatus:
    """Errors in Google's envelope."""

    async def test_a_key_without_billing_has_a_quota_of_zero(
        self, sim: Simulator, ask: Ask
    ) -> None:
        """As published answers are: the telling words stand last, and no violation has a value."""
        sim.then(faults.Status(429, retry_delay="27s", quota=0))
        _, answer = await ask(sim)
        message = answer["error"]["message"]
        assert message.index("limit: 0, model: gemini-3.1-flash-image") > 300
        assert message.endswith("Please retry in 27s.")
        assert "quotaValue" not in answer["error"]["details"][0]["violations"][0]

    async def test_a_429_tells_quota_and_wait(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.Status(429, retry_delay="1.203608125s", per_day=True))
        status, answer = await ask(sim)

        assert status == answer["error"]["code"] == 429
        assert answer["error"]["status"] == "RESOURCE_EXHAUSTED"
        assert "Please retry in 1.203608125s." in answer["error"]["message"]
        quota, help_, retry = answer["error"]["details"]
        (violation,) = quota["violations"]
        assert "PerDay" in violation["quotaId"]
        assert violation["quotaDimensions"]["model"] == "gemini-3.1-flash-image"
        assert help_["links"]
        assert retry["@type"].endswith("RetryInfo")
        assert retry["retryDelay"] == "1.203608125s"

    async def test_a_429_may_tell_no_wait(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.Status(429))
        _, answer = await ask(sim)

        assert not [each for each in answer["error"]["details"] if "retryDelay" in each]
        assert "PerMinute" in json.dumps(answer)

    async def test_the_wait_may_be_a_header(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        sim.then(faults.Status(503, retry_after="3"))
        async with http.post(sim.url + path(), json=FOX) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "3")

    async def test_a_front_end_answers_in_html(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        sim.then(faults.Status(502, html=True))
        async with http.post(sim.url + path(), json=FOX) as response:
            assert (response.status, response.content_type) == (502, "text/html")

    async def test_the_envelope_may_lie_in_a_list(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.Status(504, array_envelope=True, message="late"))
        _, answer = await ask(sim)

        assert answer == [
            {"error": {"code": 504, "message": "late", "status": "DEADLINE_EXCEEDED"}}
        ]

    async def test_an_error_may_quote_the_key(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.EchoKey())
        status, answer = await ask(sim)

        assert status == 400
        assert "test-key" in answer["error"]["message"]


class TestRefusals:
    """Answers with status 200 and no picture."""

    async def test_a_blocked_prompt_has_no_candidates(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.PromptBlocked("SAFETY", "Not this."))
        status, answer = await ask(sim)

        assert status == 200
        assert "candidates" not in answer
        assert answer["promptFeedback"] == {
            "blockReason": "SAFETY",
            "blockReasonMessage": "Not this.",
        }
        assert answer["usageMetadata"]["totalTokenCount"] == 3

    @pytest.mark.parametrize(
        ("fault", "reason", "message"),
        [
            (faults.CandidateBlocked(), "IMAGE_SAFETY", "Unable to show the generated image."),
            (faults.CandidateBlocked("NO_IMAGE", None), "NO_IMAGE", None),
            (faults.UnknownFinish(), "SOMETHING_NEW", None),
        ],
    )
    async def test_a_blocked_candidate_has_no_content(
        self, sim: Simulator, ask: Ask, fault: faults.Fault, reason: str, message: str | None
    ) -> None:
        sim.then(fault)
        status, answer = await ask(sim)

        (candidate,) = answer["candidates"]
        assert status == 200
        assert candidate["finishReason"] == reason
        assert candidate.get("finishMessage") == message
        assert candidate["content"] == {}, "recorded so"

    async def test_words_may_come_instead_of_a_picture(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.TextOnly("No."))
        _, answer = await ask(sim)

        assert parts_of(answer) == [{"text": "No."}]
        assert answer["candidates"][0]["finishReason"] == "STOP"

    async def test_the_list_of_candidates_may_be_empty(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.NoCandidates())
        _, answer = await ask(sim)

        assert answer["candidates"] == []

    async def test_a_continuation_is_finished_with_its_token(
        self, sim: Simulator, ask: Ask
    ) -> None:
        sim.always(faults.Continuation())
        _, first = await ask(sim)
        (candidate,) = first["candidates"]
        _, second = await ask(sim, FOX | {"continuationToken": candidate["continuationToken"]})

        assert candidate["finishReason"] == "CONTINUATION"
        assert picture_of(second).size == (40, 30)


class TestGarbage:
    """Bodies that are no answers."""

    async def body(self, sim: Simulator, http: aiohttp.ClientSession, kind: Any) -> bytes:
        sim.then(faults.Garbage(kind))
        async with http.post(sim.url + path(), json=FOX) as response:
            assert response.status == 200
            return await response.read()

    async def test_json_of_another_type(self, sim: Simulator, http: aiohttp.ClientSession) -> None:
        answers = {
            kind: json.loads(await self.body(sim, http, kind))
            for kind in ("null", "list", "string", "shapes", "parts", "inline", "nan")
        }

        assert answers["null"] is None
        assert answers["list"] == []
        assert isinstance(answers["string"], str)
        assert isinstance(answers["shapes"]["candidates"], dict)
        assert answers["parts"]["candidates"][0]["content"]["parts"] == ["a picture", 7, None]
        assert parts_of(answers["inline"])[0]["inlineData"]["data"] == [1]
        assert math.isnan(answers["nan"]["candidates"])

    async def test_no_json_at_all(self, sim: Simulator, http: aiohttp.ClientSession) -> None:
        assert await self.body(sim, http, "empty") == b""
        assert (await self.body(sim, http, "html")).startswith(b"<!doctype html>")
        with pytest.raises(UnicodeDecodeError):
            (await self.body(sim, http, "utf8")).decode()
        with pytest.raises(RecursionError):
            json.loads(await self.body(sim, http, "deep"))


class TestPictures:
    """Pictures that are not what they say, and odd spellings of good ones."""

    async def part(self, sim: Simulator, ask: Ask, fault: faults.Fault) -> tuple[str, bytes]:
        sim.then(fault)
        _, answer = await ask(sim)
        inline = parts_of(answer)[0]["inlineData"]
        return inline["mimeType"], base64.b64decode(inline["data"])

    @pytest.mark.parametrize(
        ("kind", "start"), [("svg", b"<svg"), ("html", b"<!doctype"), ("empty", b"")]
    )
    async def test_other_bytes_go_under_image_png(
        self, sim: Simulator, ask: Ask, kind: Any, start: bytes
    ) -> None:
        mime_type, data = await self.part(sim, ask, faults.BadPicture(kind))

        assert mime_type == "image/png"
        assert data[: len(start) or None] == start

    @pytest.mark.parametrize("kind", ["truncated", "bad_crc"])
    async def test_a_damaged_picture_begins_well(self, sim: Simulator, ask: Ask, kind: Any) -> None:
        _, data = await self.part(sim, ask, faults.BadPicture(kind))

        assert data[:20] == png()[:20]
        assert data != png()
        with pytest.raises((OSError, SyntaxError)):
            Image.open(io.BytesIO(data)).load()

    async def test_a_picture_may_go_under_another_type(self, sim: Simulator, ask: Ask) -> None:
        mime_type, data = await self.part(sim, ask, faults.BadPicture("wrong_mime"))

        assert (mime_type, data) == ("image/jpeg", png())

    async def test_a_bomb_promises_900_million_pixels(self, sim: Simulator, ask: Ask) -> None:
        _, data = await self.part(sim, ask, faults.BadPicture("bomb"))

        assert len(data) < 1000
        with pytest.raises(Image.DecompressionBombError):
            Image.open(io.BytesIO(data))

    async def test_base64_may_be_broken(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.BadPicture("bad_base64"))
        _, answer = await ask(sim)

        with pytest.raises(ValueError, match="Only base64 data"):
            base64.b64decode(parts_of(answer)[0]["inlineData"]["data"], validate=True)

    @pytest.mark.parametrize(
        ("kind", "sign"), [("escaped_base64", b"\\u003d"), ("spaced_base64", b"\\n")]
    )
    async def test_a_good_picture_may_be_spelt_oddly(
        self, sim: Simulator, http: aiohttp.ClientSession, kind: Any, sign: bytes
    ) -> None:
        sim.then(faults.BadPicture(kind))
        async with http.post(sim.url + path(), json=FOX) as response:
            body = await response.read()

        assert sign in body
        assert picture_of(json.loads(body)).size == (40, 30)

    async def test_a_good_picture_may_use_the_other_alphabet(self, ask: Ask) -> None:
        data = png("#fbffbe", (9, 7))
        async with Simulator(picture=data) as sim:
            sim.then(faults.BadPicture("urlsafe_base64"))
            _, answer = await ask(sim)

        text = parts_of(answer)[0]["inlineData"]["data"]
        assert "-" in text or "_" in text
        assert base64.urlsafe_b64decode(text) == data

    @pytest.mark.parametrize("kind", ["jpeg", "webp", "png"])
    async def test_a_picture_may_have_another_format(
        self, sim: Simulator, ask: Ask, kind: Any
    ) -> None:
        mime_type, data = await self.part(sim, ask, faults.PictureAs(kind))

        assert mime_type == f"image/{kind}"
        assert Image.open(io.BytesIO(data)).format == kind.upper()

    async def test_a_painted_picture_may_have_another_format(
        self, painting: Simulator, ask: Ask
    ) -> None:
        painting.then(faults.PictureAs("jpeg"))
        _, answer = await ask(painting, asking({"text": "x"}, imageConfig={"imageSize": "512"}))

        assert (picture_of(answer).format, picture_of(answer).size) == ("JPEG", (704, 384))


class TestSent:
    """How the bytes travel."""

    @pytest.mark.parametrize(
        "fault",
        [
            faults.Latency(0.05),
            faults.SlowHead(0.05),
            faults.SlowBody(0.05),
            faults.Trickle(pieces=7, seconds=0.05),
        ],
        ids=lambda fault: type(fault).__name__,
    )
    async def test_a_slow_answer_is_a_whole_one(
        self, sim: Simulator, ask: Ask, fault: faults.Fault
    ) -> None:
        sim.then(fault)
        status, answer = await ask(sim)

        assert status == 200
        assert picture_of(answer).size == (40, 30)
        assert sim.aborted == 0

    async def test_silence_lasts_until_the_peer_leaves(self, sim: Simulator) -> None:
        sim.then(faults.Silence())
        call = asyncio.create_task(raw(sim))
        await sim.until(lambda: len(sim.requests) == 1)
        assert (sim.open_connections, sim.aborted) == (1, 0)
        call.cancel()
        await sim.until(lambda: sim.open_connections == 0)

        assert sim.aborted == 1

    async def test_a_cut_before_the_head_brings_no_byte(self, sim: Simulator) -> None:
        sim.then(faults.CutBeforeHead())

        assert await raw(sim) == b""
        assert sim.aborted == 0

    async def test_a_reset_is_a_reset(self, sim: Simulator) -> None:
        sim.then(faults.Reset())

        with pytest.raises(ConnectionResetError):
            await raw(sim)
        assert sim.aborted == 0

    async def test_a_cut_body_keeps_the_promised_length(self, sim: Simulator) -> None:
        sim.then(faults.CutBody(50))
        head, body = (await raw(sim)).split(b"\r\n\r\n")

        assert len(body) == 50
        assert _length(head) > 300
        assert sim.aborted == 0

    async def test_a_body_may_end_in_a_reset(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.CutBody(50, reset=True))

        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(sim)

    async def test_a_truncated_body_is_well_formed_http(self, sim: Simulator) -> None:
        sim.then(faults.Truncated())
        head, body = (await raw(sim)).split(b"\r\n\r\n")

        assert _length(head) == len(body)
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)

    async def test_a_wrong_length_leaves_the_reader_waiting(self, sim: Simulator) -> None:
        whole = (await raw(sim)).split(b"\r\n\r\n")[1]
        sim.then(faults.WrongLength(extra=3))
        with pytest.raises(TimeoutError):
            await raw(sim, seconds=0.2)
        sim.then(faults.WrongLength(extra=3))
        some = await raw(sim, limit=len(whole))

        assert b"Content-Length: " + str(len(whole) + 3).encode() in some

    @pytest.mark.parametrize("declared", [True, False])
    async def test_a_large_body_may_tell_its_length_or_not(
        self, sim: Simulator, http: aiohttp.ClientSession, *, declared: bool
    ) -> None:
        sim.then(faults.TooLarge(300_000, declared=declared))
        async with http.post(sim.url + path(), json=FOX) as response:
            assert response.content_length == (300_000 if declared else None)
            assert len(await response.read()) == 300_000

    async def test_a_large_body_stops_when_the_peer_leaves(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        sim.then(faults.TooLarge(1 << 40))
        async with http.post(sim.url + path(), json=FOX) as response:
            await response.content.readany()
            response.close()
        await sim.until(lambda: sim.aborted == 1)

    async def test_a_bomb_is_small_on_the_wire(self, sim: Simulator) -> None:
        sim.then(faults.GzipBomb(8 << 20))
        head, body = (await raw(sim)).split(b"\r\n\r\n", 1)

        assert b"Content-Encoding: gzip" in head
        assert len(body) < 20_000
        assert len(gzip.decompress(body)) == 8 << 20

    @pytest.mark.parametrize(
        ("kind", "error"), [("crc", gzip.BadGzipFile), ("truncated", EOFError)]
    )
    async def test_gzip_may_be_damaged(
        self, sim: Simulator, kind: Any, error: type[Exception]
    ) -> None:
        sim.then(faults.BadGzip(kind))
        body = (await raw(sim)).split(b"\r\n\r\n", 1)[1]

        assert zlib.decompressobj(31).decompress(body[:-8])[:13] == b'{"candidates"'
        with pytest.raises(error):
            gzip.decompress(body)

    async def test_gzip_may_be_none_at_all(self, sim: Simulator) -> None:
        sim.then(faults.BadGzip("noise"))

        assert (await raw(sim)).endswith(b"this is no gzip at all")

    async def test_a_chunk_size_may_be_no_number(self, sim: Simulator) -> None:
        sim.then(faults.MalformedChunk())
        head = await raw(sim, limit=300)
        sim.then(faults.MalformedChunk())
        with pytest.raises(TimeoutError):
            await raw(sim, seconds=0.3)

        assert b"Transfer-Encoding: chunked" in head

    async def test_a_head_may_be_no_http(self, sim: Simulator) -> None:
        sim.then(faults.MalformedHead())

        assert (await raw(sim)).startswith(b"ICY")

    async def test_another_address_may_be_named(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        sim.then(faults.Redirect("http://10.0.0.1/x", 307))
        async with http.post(sim.url + path(), json=FOX, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (307, "http://10.0.0.1/x")


class TestStreams:
    """`streamGenerateContent`."""

    STREAM = path(verb="streamGenerateContent") + "?alt=sse"

    async def events(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> tuple[bytes, list[dict[str, Any]]]:
        async with http.post(sim.url + self.STREAM, json=FOX) as response:
            assert (response.status, response.content_type) == (200, "text/event-stream")
            text = await response.read()
        lines = [line for line in text.splitlines() if line]
        return text, [json.loads(line.removeprefix(b"data: ")) for line in lines]

    async def test_a_picture_comes_whole_and_every_event_tells_the_usage(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        """As recorded: the last event has no content, and none is without a usage."""
        text, (picture, end) = await self.events(sim, http)

        assert text.count(b"\r\n\r\n") == 2
        assert picture_of(picture).size == (40, 30)
        assert "finishReason" not in picture["candidates"][0]
        assert "content" not in end["candidates"][0]
        assert end["candidates"][0]["finishReason"] == "STOP"
        assert end["usageMetadata"]["totalTokenCount"] > 1120
        assert end["usageMetadata"] == picture["usageMetadata"]
        assert end["responseId"] == picture["responseId"]

    async def test_lines_may_end_in_lf_alone(self, http: aiohttp.ClientSession) -> None:
        async with Simulator(picture=png(), newline="\n") as sim:
            text, events = await self.events(sim, http)

        assert (text.count(b"\n\n"), text.count(b"\r"), len(events)) == (2, 0, 2)

    async def test_an_error_may_come_midway(
        self, sim: Simulator, http: aiohttp.ClientSession
    ) -> None:
        sim.then(faults.StreamError())
        _, (begun, broken) = await self.events(sim, http)

        assert parts_of(begun)
        assert broken["error"]["code"] == 503
        assert broken["error"]["status"] == "UNAVAILABLE"

    async def test_outside_a_stream_that_error_is_a_status(self, sim: Simulator, ask: Ask) -> None:
        sim.then(faults.StreamError(500, "Oh."))
        status, answer = await ask(sim)

        assert (status, answer["error"]["message"]) == (500, "Oh.")

    async def test_a_block_is_one_event(self, sim: Simulator, http: aiohttp.ClientSession) -> None:
        sim.then(faults.PromptBlocked())
        _, (event,) = await self.events(sim, http)

        assert event["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"

    async def test_without_alt_sse_the_stream_is_one_list(self, sim: Simulator, ask: Ask) -> None:
        _, answer = await ask(sim, to=path(verb="streamGenerateContent"))

        assert len(answer) == 2


def test_every_fault_says_what_it_does() -> None:
    for name in faults.__all__:
        fault = getattr(faults, name)
        if isinstance(fault, type):
            assert fault.__doc__


def _length(head: bytes) -> int:
    (line,) = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
    return int(line.split(b":")[1])
