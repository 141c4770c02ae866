"""Batches of both vendors: how they go on, what fails in them, and what they cost."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.simulator.bodies import FOX, MODEL, asking, b64, path, png

FOX_PRICE = Decimal("0.0687555")  # alone
SPEECH = "gemini-3.8-flash-tts"
FLARE = "gpt-image-2.5-flare"
PRICE = Decimal("0.013185")  # alone: 3 x 5 + 439 x 30
NOTHING = Decimal()
IMAGES = "/v1/images/generations"


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(picture=png(), looks=2) as running:
        yield running


@dataclass
class Http:
    """Both vendors; each call returns the status and the JSON."""

    sim: Simulator
    session: aiohttp.ClientSession

    async def call(self, method: str, url: str, **body: Any) -> tuple[int, Any]:
        async with self.session.request(method, url, **body) as response:
            text = await response.text()
        return response.status, json.loads(text) if text else None

    async def gemini(self, method: str, name: str, body: Any = None) -> tuple[int, Any]:
        return await self.call(method, f"{self.sim.gemini.url}/v1/{name}", json=body)

    async def openai(self, method: str, name: str, **body: Any) -> tuple[int, Any]:
        return await self.call(method, f"{self.sim.openai.url}/v1/{name}", **body)


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[Http]:
    headers = {"x-goog-api-key": "test-key", "Authorization": "Bearer test-key"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Http(sim, session)


def inlined(*requests: Any) -> dict[str, Any]:
    """A batch of *requests*, the key of each its position."""
    entries = [
        {"request": request, "metadata": {"key": f"k{number}"}}
        for number, request in enumerate(requests)
    ]
    return {"batch": {"displayName": "d", "inputConfig": {"requests": {"requests": entries}}}}


class TestGemini:
    """`batchGenerateContent`."""

    async def begin(self, http: Http, *requests: Any, model: str = MODEL) -> str:
        start = f"models/{model}:batchGenerateContent"
        status, operation = await http.gemini("POST", start, inlined(*(requests or [FOX] * 3)))
        assert status == 200, operation
        return str(operation["name"])

    async def finished(self, http: Http, name: str) -> dict[str, Any]:
        for _ in range(9):
            _, operation = await http.gemini("GET", name)
            if operation.get("done"):
                return dict(operation)
        raise AssertionError(operation)

    async def responses(self, http: Http, name: str) -> list[dict[str, Any]]:
        operation = await self.finished(http, name)
        inner: list[dict[str, Any]] = operation["metadata"]["output"]["inlinedResponses"][
            "inlinedResponses"
        ]
        return inner

    async def test_it_goes_from_pending_to_succeeded_with_the_polls(self, http: Http) -> None:
        name = await self.begin(http)
        operations = [(await http.gemini("GET", name))[1] for _ in range(4)]

        metadata = [operation["metadata"] for operation in operations]
        assert [each["state"].removeprefix("BATCH_STATE_") for each in metadata] == [
            "PENDING",
            "RUNNING",
            "SUCCEEDED",
            "SUCCEEDED",
        ]
        assert metadata[0]["batchStats"] == {
            "requestCount": "3",
            "pendingRequestCount": "2",
            "successfulRequestCount": "1",
        }
        assert metadata[2]["batchStats"] == {"requestCount": "3", "successfulRequestCount": "3"}
        assert [operation.get("done", False) for operation in operations] == [False] * 2 + [
            True
        ] * 2
        assert (
            operations[2]["response"]["inlinedResponses"]
            == (metadata[2]["output"]["inlinedResponses"])
        )

    async def test_a_batch_costs_half_and_is_billed_once(self, http: Http, sim: Simulator) -> None:
        name = await self.begin(http)
        assert (sim.meter.total, sim.meter.unfinished) == (NOTHING, 3 * FOX_PRICE / 2)

        for _ in range(2):
            await self.finished(http, name)

        assert (sim.meter.total, sim.meter.unfinished) == (3 * FOX_PRICE / 2, NOTHING)
        assert {each.path for each in sim.meter.records} == {path(verb="batchGenerateContent")}

    async def test_each_response_is_that_of_the_request_alone(self, http: Http) -> None:
        responses = await self.responses(http, await self.begin(http, FOX, asking({"text": "b"})))

        assert [each["metadata"] for each in responses] == [{"key": "k0"}, {"key": "k1"}]
        for each in responses:
            part = each["response"]["candidates"][0]["content"]["parts"][0]
            assert part["inlineData"]["data"] == b64(png())
            assert each["response"]["usageMetadata"]["totalTokenCount"] > 1120

    async def test_no_rate_holds_within_a_batch(self) -> None:
        headers = {"x-goog-api-key": "test-key"}
        async with (
            Simulator(picture=png(), per_minute=1, gzip=True) as sim,
            aiohttp.ClientSession(headers=headers) as session,
        ):
            http = Http(sim, session)
            assert len(await self.responses(http, await self.begin(http))) == 3
            start = f"models/{MODEL}:batchGenerateContent"
            assert (await http.gemini("POST", start, inlined(FOX)))[0] == 429

    async def test_speech_is_made_in_batches(self, http: Http) -> None:
        order = asking({"text": "Hello"}, responseModalities=["AUDIO"])

        (response,) = await self.responses(http, await self.begin(http, order, model=SPEECH))

        part = response["response"]["candidates"][0]["content"]["parts"][0]
        assert part["inlineData"]["mimeType"].startswith("audio/L16")

    async def test_both_spellings_are_read(self, http: Http) -> None:
        turn = {"parts": [{"text": "a fox"}]}
        request = {"contents": [turn], "generation_config": {"response_modalities": ["IMAGE"]}}
        batch = {
            "display_name": "d",
            "input_config": {"requests": {"requests": [{"request": request}]}},
        }
        start = f"models/{MODEL}:batchGenerateContent"
        _, operation = await http.gemini("POST", start, {"batch": batch})

        (response,) = await self.responses(http, operation["name"])
        assert response.keys() == {"response"}

    async def test_a_request_that_fits_no_schema_refuses_the_batch(
        self, http: Http, sim: Simulator
    ) -> None:
        start = f"models/{MODEL}:batchGenerateContent"
        status, answer = await http.gemini("POST", start, inlined(FOX, FOX | {"sed": 7}))

        assert status == 400
        (violation,) = answer["error"]["details"][0]["fieldViolations"]
        assert violation["field"] == "batch.input_config.requests.requests[1].request"
        assert 'Unknown name "sed"' in answer["error"]["message"]
        assert sim.meter.unfinished == 0

    async def test_a_request_that_the_model_does_not_take_fails_alone(
        self, http: Http, sim: Simulator
    ) -> None:
        wrong = asking({"text": "a fox"}, imageConfig={"aspectRatio": "7:5"})

        good, bad = await self.responses(http, await self.begin(http, FOX, wrong))

        assert "response" in good
        assert (bad["error"]["code"], bad["metadata"]) == (3, {"key": "k1"})
        assert "7:5" in bad["error"]["message"]
        assert sim.meter.total == FOX_PRICE / 2

    async def test_single_requests_fail_as_ordered(self, http: Http, sim: Simulator) -> None:
        failing = {0: faults.PromptBlocked(), 2: faults.Status(500), 3: faults.CandidateBlocked()}
        sim.then(faults.InBatch(failing), at="start")

        blocked, good, broken, empty = await self.responses(
            http, await self.begin(http, *[FOX] * 4)
        )

        assert blocked["response"]["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
        assert good["response"]["candidates"][0]["finishReason"] == "STOP"
        assert broken["error"]["code"] == 13
        assert empty["response"]["candidates"][0]["finishReason"] == "IMAGE_SAFETY"
        assert sim.meter.total == FOX_PRICE / 2

    async def test_results_come_in_another_order_or_not_at_all(
        self, http: Http, sim: Simulator
    ) -> None:
        sim.then(faults.InBatch(backwards=True, missing=(1,)), at="start")

        responses = await self.responses(http, await self.begin(http))

        assert [each["metadata"]["key"] for each in responses] == ["k2", "k0"]
        assert sim.meter.total == 3 * FOX_PRICE / 2

    @pytest.mark.parametrize(("ends", "code"), [("failed", 13), ("expired", 4)])
    async def test_a_batch_that_ends_badly_hands_over_and_bills_nothing(
        self, http: Http, sim: Simulator, ends: Any, code: int
    ) -> None:
        sim.then(faults.InBatch(ends=ends, done=2), at="start")

        operation = await self.finished(http, await self.begin(http))

        assert operation["metadata"]["state"] == f"BATCH_STATE_{ends.upper()}"
        assert operation["error"]["code"] == code
        assert "output" not in operation["metadata"]
        assert (sim.meter.total, sim.meter.unfinished) == (NOTHING, NOTHING)

    async def test_a_cancelled_batch_is_not_billed(self, http: Http, sim: Simulator) -> None:
        name = await self.begin(http)
        await http.gemini("GET", name)
        assert await http.gemini("POST", f"{name}:cancel") == (200, {})

        operation = await self.finished(http, name)

        assert operation["metadata"]["state"] == "BATCH_STATE_CANCELLED"
        assert (sim.meter.total, sim.meter.unfinished) == (NOTHING, NOTHING)

    async def test_a_cancel_may_not_be_obeyed(self, http: Http, sim: Simulator) -> None:
        sim.then(faults.InBatch(stops=False), at="start")
        name = await self.begin(http)
        await http.gemini("POST", f"{name}:cancel")

        assert len(await self.responses(http, name)) == 3
        assert sim.meter.total == 3 * FOX_PRICE / 2

    async def test_to_delete_a_batch_does_not_stop_it(self, http: Http, sim: Simulator) -> None:
        name = await self.begin(http)

        assert await http.gemini("DELETE", name) == (200, {})
        assert (await http.gemini("GET", name))[0] == 404
        assert sim.meter.total == 3 * FOX_PRICE / 2

    async def test_a_batch_whose_answer_is_lost_runs_and_is_listed(
        self, http: Http, sim: Simulator
    ) -> None:
        sim.then(faults.Reset(), at="start")
        with pytest.raises(aiohttp.ClientError):
            await self.begin(http)

        _, listed = await http.gemini("GET", "batches")

        (operation,) = listed["operations"]
        assert operation["metadata"]["displayName"] == "d"
        assert sim.meter.unfinished == 3 * FOX_PRICE / 2

    async def test_requests_and_results_may_be_files(self, http: Http, sim: Simulator) -> None:
        lines = [{"key": "a", "request": FOX}, {"key": "b", "request": asking({"text": ""})}]
        file = await self.upload(http, "\n".join(map(json.dumps, lines)).encode())
        source = {"batch": {"displayName": "d", "inputConfig": {"fileName": file}}}
        start = f"models/{MODEL}:batchGenerateContent"
        _, operation = await http.gemini("POST", start, source)

        operation = await self.finished(http, operation["name"])

        results = operation["response"]["responsesFile"]
        url = f"{sim.gemini.url}/v1/{results}:download?alt=media"
        async with http.session.get(url) as response:
            good, bad = [json.loads(line) for line in (await response.text()).splitlines()]
        assert (good["key"], good.keys()) == ("a", {"key", "response"})
        assert (bad["key"], bad["error"]["code"]) == ("b", 3)
        assert operation["metadata"]["output"] == {"responsesFile": results}

    async def upload(self, http: Http, data: bytes) -> str:
        url = f"{http.sim.gemini.url}/upload/v1/files"
        start = {
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Type": "application/jsonl",
        }
        async with http.session.post(url, headers=start, json={"file": {}}) as response:
            target = response.headers["X-Goog-Upload-URL"]
        upload = {"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"}
        async with http.session.post(target, headers=upload, data=data) as response:
            return str((await response.json())["file"]["name"])

    @pytest.mark.parametrize(
        ("model", "batch", "status"),
        [
            (MODEL, {}, 400),
            (MODEL, inlined()["batch"], 400),
            (MODEL, {"inputConfig": {"fileName": "files/abc"}}, 404),
            ("gemini-omni-1.2-flash", inlined(FOX)["batch"], 400),
            ("gemini-9-image", inlined(FOX)["batch"], 404),
        ],
        ids=["nothing", "empty", "file", "film", "model"],
    )
    async def test_what_cannot_begin_is_refused(
        self, http: Http, model: str, batch: Any, status: int
    ) -> None:
        start = f"models/{model}:batchGenerateContent"

        assert (await http.gemini("POST", start, {"batch": batch}))[0] == status


def line(name: str, url: str = IMAGES, **fields: Any) -> dict[str, Any]:
    body = {"model": FLARE, "prompt": "a red fox", "quality": "medium"} | fields
    return {"custom_id": name, "method": "POST", "url": url, "body": body}


class TestOpenAI:
    """Files and batches."""

    async def upload(self, http: Http, data: bytes, purpose: str = "batch", **file: str) -> str:
        form = aiohttp.FormData()
        form.add_field("purpose", purpose)
        filename = file.get("filename", "b.jsonl")
        form.add_field("file", data, filename=filename, content_type="application/octet-stream")
        status, answer = await http.openai("POST", "files", data=form)
        assert status == 200, answer
        assert (answer["bytes"], answer["purpose"]) == (len(data), purpose)
        return str(answer["id"])

    async def begin(self, http: Http, *lines: Any, endpoint: str = IMAGES) -> str:
        entries = lines or [line("a"), line("b"), line("c")]
        data = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in entries)
        order = {
            "input_file_id": await self.upload(http, data.encode()),
            "endpoint": endpoint,
            "completion_window": "24h",
        }
        status, batch = await http.openai("POST", "batches", json=order)
        assert (status, batch["status"]) == (200, "validating")
        return str(batch["id"])

    async def finished(self, http: Http, name: str) -> dict[str, Any]:
        for _ in range(9):
            _, batch = await http.openai("GET", f"batches/{name}")
            if batch["status"] in {"completed", "failed", "expired", "cancelled"}:
                return dict(batch)
        raise AssertionError(batch)

    async def lines(self, http: Http, file: str | None) -> list[Any]:
        if file is None:
            return []
        async with http.session.get(f"{http.sim.openai.url}/v1/files/{file}/content") as response:
            return [json.loads(each) for each in (await response.text()).splitlines()]

    async def results(self, http: Http, name: str) -> tuple[list[Any], list[Any]]:
        batch = await self.finished(http, name)
        return (
            await self.lines(http, batch["output_file_id"]),
            await self.lines(http, batch["error_file_id"]),
        )

    async def test_it_goes_from_validating_to_completed_with_the_polls(self, http: Http) -> None:
        name = await self.begin(http)
        batches = [(await http.openai("GET", f"batches/{name}"))[1] for _ in range(4)]

        assert [each["status"] for each in batches] == [
            "in_progress",
            "finalizing",
            "completed",
            "completed",
        ]
        assert batches[0]["request_counts"] == {"total": 3, "completed": 1, "failed": 0}
        assert batches[2]["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
        assert "output_file_id" not in batches[1]
        assert batches[2] == batches[3]
        assert batches[2]["error_file_id"] is None

    @pytest.mark.parametrize(("model", "share"), [(FLARE, "0.5"), ("gpt-image-2.6-flare", "1")])
    async def test_a_batch_is_billed_once(
        self, http: Http, sim: Simulator, model: str, share: str
    ) -> None:
        """No price in a batch is listed for 2.6."""
        name = await self.begin(http, line("a", model=model), line("b", model=model))
        price = 2 * PRICE * Decimal(share)
        assert (sim.meter.total, sim.meter.unfinished) == (NOTHING, price)

        for _ in range(2):
            await self.results(http, name)

        assert (sim.meter.total, sim.meter.unfinished) == (price, NOTHING)

    async def test_each_line_is_the_response_of_the_request_alone(self, http: Http) -> None:
        good, bad = await self.results(http, await self.begin(http))

        assert bad == []
        assert [each["custom_id"] for each in good] == ["a", "b", "c"]
        for each in good:
            assert each["error"] is None
            assert each["response"]["status_code"] == 200
            assert each["response"]["request_id"].startswith("req_")
            assert each["response"]["body"]["data"] == [{"b64_json": b64(png())}]

    @pytest.mark.parametrize("source", ["url", "file"])
    async def test_edits_are_made_of_json(self, http: Http, source: str) -> None:
        picture = {"image_url": f"data:image/png;base64,{b64(png())}"}
        if source == "file":
            picture = {"file_id": await self.upload(http, png(), "vision", filename="a.png")}
        edits = "/v1/images/edits"
        order = line("a", edits, images=[picture], mask=picture)

        (good,), bad = await self.results(http, await self.begin(http, order, endpoint=edits))

        assert bad == []
        details = good["response"]["body"]["usage"]["input_tokens_details"]
        assert details["image_tokens"] == 2 * 323

    async def test_single_requests_fail_as_ordered(self, http: Http, sim: Simulator) -> None:
        failing = {0: faults.PromptBlocked("sexual"), 2: faults.Status(500), 3: faults.Status(408)}
        sim.then(faults.InBatch(failing), at="start")
        name = await self.begin(http, *(line(letter) for letter in "abcd"), line("e", size="1x1"))

        good, bad = await self.results(http, name)

        assert [each["custom_id"] for each in good] == ["b"]
        refused, broken, late, wrong = bad
        assert refused["response"]["status_code"] == 400
        assert refused["response"]["body"]["error"]["code"] == "moderation_blocked"
        assert broken["response"]["status_code"] == 500
        assert (late["response"], late["error"]["code"]) == (None, "request_timeout")
        assert wrong["response"]["body"]["error"]["param"] == "size"
        assert sim.meter.total == PRICE / 2

    async def test_without_a_good_result_there_is_no_output(
        self, http: Http, sim: Simulator
    ) -> None:
        sim.then(faults.InBatch({0: faults.Status(500)}), at="start")

        batch = await self.finished(http, await self.begin(http, line("a")))

        assert (batch["status"], batch["output_file_id"]) == ("completed", None)
        assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}

    async def test_results_come_in_another_order_or_not_at_all(
        self, http: Http, sim: Simulator
    ) -> None:
        sim.then(faults.InBatch(backwards=True, missing=(1,)), at="start")

        good, _ = await self.results(http, await self.begin(http))

        assert [each["custom_id"] for each in good] == ["c", "a"]
        assert sim.meter.total == 3 * PRICE / 2

    async def test_an_expired_batch_hands_over_what_is_done(
        self, http: Http, sim: Simulator
    ) -> None:
        sim.then(faults.InBatch(ends="expired", done=1), at="start")

        good, bad = await self.results(http, await self.begin(http))

        assert [each["custom_id"] for each in good] == ["a"]
        assert [(each["custom_id"], each["error"]["code"]) for each in bad] == [
            ("b", "batch_expired"),
            ("c", "batch_expired"),
        ]
        assert (sim.meter.total, sim.meter.unfinished) == (PRICE / 2, NOTHING)

    async def test_a_cancel_takes_a_poll_and_what_is_done_is_billed(
        self, http: Http, sim: Simulator
    ) -> None:
        name = await self.begin(http)
        await http.openai("GET", f"batches/{name}")
        _, batch = await http.openai("POST", f"batches/{name}/cancel")
        assert batch["status"] == "cancelling"

        good, bad = await self.results(http, name)

        assert [each["custom_id"] for each in good] == ["a"]
        assert {each["error"]["code"] for each in bad} == {"batch_cancelled"}
        assert (sim.meter.total, sim.meter.unfinished) == (PRICE / 2, NOTHING)
        status, answer = await http.openai("POST", f"batches/{name}/cancel")
        assert (status, answer["error"]["code"]) == (409, None)

    async def test_a_batch_may_fail_as_a_whole(self, http: Http, sim: Simulator) -> None:
        sim.then(faults.InBatch(ends="failed"), at="start")

        batch = await self.finished(http, await self.begin(http))

        assert (batch["status"], batch["output_file_id"]) == ("failed", None)
        assert batch["errors"]["data"][0]["code"] == "server_error"
        assert (sim.meter.total, sim.meter.unfinished) == (NOTHING, NOTHING)

    @pytest.mark.parametrize(
        ("second", "code"),
        [
            ("{", "invalid_json_line"),
            ({"custom_id": "b"}, "invalid_request"),
            (line("a"), "duplicate_custom_id"),
            (line("b", "/v1/images/edits"), "url_mismatch"),
            (line("b", model="gpt-image-2"), "model_mismatch"),
            (line("b", stream=True), "invalid_request"),
        ],
        ids=["json", "lacks", "twice", "url", "model", "stream"],
    )
    async def test_a_bad_line_fails_the_batch_when_it_is_looked_through(
        self, http: Http, sim: Simulator, second: Any, code: str
    ) -> None:
        name = await self.begin(http, line("a"), second)

        _, batch = await http.openai("GET", f"batches/{name}")

        assert batch["status"] == "failed"
        (error,) = batch["errors"]["data"]
        assert (error["code"], error["line"]) == (code, 2)
        assert sim.meter.unfinished == 0

    @pytest.mark.parametrize(
        ("change", "status", "param"),
        [
            ({"input_file_id": "file-no"}, 404, "input_file_id"),
            ({"endpoint": "/v1/responses"}, 400, "endpoint"),
            ({"completion_window": "1h"}, 400, "completion_window"),
        ],
        ids=["file", "endpoint", "window"],
    )
    async def test_what_cannot_begin_is_refused(
        self, http: Http, change: dict[str, str], status: int, param: str
    ) -> None:
        usual = {"endpoint": IMAGES, "completion_window": "24h"}
        usual["input_file_id"] = await self.upload(http, b"{}")

        answer = await http.openai("POST", "batches", json=usual | change)

        assert answer[0] == status
        assert answer[1]["error"]["param"] == param

    async def test_files_are_shown_and_deleted(self, http: Http) -> None:
        name = await self.upload(http, b"{}\n")

        assert (await http.openai("GET", f"files/{name}"))[1]["filename"] == "b.jsonl"
        assert (await http.openai("DELETE", f"files/{name}"))[1]["deleted"]
        assert (await http.openai("GET", f"files/{name}"))[0] == 404

    async def test_a_file_of_requests_has_the_right_name(self, http: Http) -> None:
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", b"{}", filename="upload")

        status, answer = await http.openai("POST", "files", data=form)

        assert status == 400
        assert "Must be .jsonl" in answer["error"]["message"]
