"""Both official SDKs begin, look up, list, cancel and read batches at the simulator."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from mediatoolkit.simulator import Simulator, faults
from tests.conformance.conftest import QUIET, Sdk, png, types

pytestmark = QUIET

MODEL = "gemini-3-pro-image"
FLARE = "gpt-image-2.5-flare"
RECORDED = {
    "batch": {
        "inputConfig": {
            "requests": {
                "requests": [
                    {
                        "request": {
                            "contents": [{"parts": [{"text": "a blue square"}], "role": "user"}],
                            "generationConfig": {"responseModalities": ["IMAGE"]},
                        },
                        "metadata": {"key": "k1"},
                    }
                ]
            }
        },
        "displayName": "demo",
    }
}


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(picture=png(), looks=1) as running:
        yield running


class TestGoogle:
    """google-genai, in both of its ways."""

    async def begin(self, sdk: Sdk, *texts: str, **config: Any) -> Any:
        source = [
            {
                "contents": text,
                "config": config or {"response_modalities": ["IMAGE"]},
                "metadata": {"key": f"k{number}"},
            }
            for number, text in enumerate(texts, 1)
        ]
        model = "gemini-3.8-flash-tts" if "speech_config" in config else MODEL
        return await sdk.call(
            "batches.create", model=model, src=source, config={"display_name": "demo"}
        )

    async def finished(self, sdk: Sdk, job: Any) -> Any:
        while not job.done:
            job = await sdk.call("batches.get", name=job.name)
        return job

    async def test_the_sdk_sends_what_was_recorded(self, sdk: Sdk, sim: Simulator) -> None:
        job = await self.begin(sdk, "a blue square")
        await sdk.call("batches.get", name=job.name)
        await sdk.call("batches.cancel", name=job.name)
        await sdk.call("batches.delete", name=job.name)

        start, *rest = sim.requests
        assert (start.method, start.path) == ("POST", f"/v1/models/{MODEL}:batchGenerateContent")
        assert start.body == RECORDED
        assert [(each.method, each.path, each.body) for each in rest] == [
            ("GET", f"/v1/{job.name}", None),
            ("POST", f"/v1/{job.name}:cancel", None),
            ("DELETE", f"/v1/{job.name}", None),
        ]

    async def test_the_sdk_reads_pictures(self, sdk: Sdk) -> None:
        job = await self.begin(sdk, "a fox", "a hen")
        assert (job.state, job.model, job.display_name) == (
            "JOB_STATE_PENDING",
            f"models/{MODEL}",
            "demo",
        )
        running = await sdk.call("batches.get", name=job.name)
        assert running.state == "JOB_STATE_RUNNING"

        job = await self.finished(sdk, running)

        assert job.state == "JOB_STATE_SUCCEEDED"
        results = job.dest.inlined_responses
        assert [result.metadata for result in results] == [{"key": "k1"}, {"key": "k2"}]
        for result in results:
            blob = result.response.candidates[0].content.parts[0].inline_data
            assert (blob.mime_type, blob.data) == ("image/png", png())
            assert result.response.usage_metadata.candidates_token_count > 1000

    async def test_the_sdk_reads_speech(self, sdk: Sdk) -> None:
        voice = types.SpeechConfig(voice_config=types.VoiceConfig(voice="Kore"))
        job = await self.begin(sdk, "Hello", response_modalities=["AUDIO"], speech_config=voice)

        (result,) = (await self.finished(sdk, job)).dest.inlined_responses

        assert result.response.candidates[0].content.parts[0].inline_data.data

    async def test_the_sdk_reads_what_failed(self, sdk: Sdk, sim: Simulator) -> None:
        sim.then(faults.InBatch({0: faults.Status(500), 1: faults.PromptBlocked()}), at="start")

        job = await self.finished(sdk, await self.begin(sdk, "a", "b"))

        broken, blocked = job.dest.inlined_responses
        assert (broken.response, broken.error.code) == (None, 13)
        assert blocked.response.prompt_feedback.block_reason == "PROHIBITED_CONTENT"

    @pytest.mark.parametrize("ends", ["failed", "expired"])
    async def test_the_sdk_reads_how_a_batch_ends(
        self, sdk: Sdk, sim: Simulator, ends: Any
    ) -> None:
        sim.then(faults.InBatch(ends=ends), at="start")

        job = await self.finished(sdk, await self.begin(sdk, "a"))

        assert job.state == f"JOB_STATE_{ends.upper()}"

    async def test_the_sdk_cancels_and_lists(self, sdk: Sdk) -> None:
        jobs = [await self.begin(sdk, "a") for _ in range(3)]
        await sdk.call("batches.cancel", name=jobs[0].name)

        pager = await sdk.call("batches.list", config={"page_size": 2})
        is_async = sdk.way == "aio"
        listed = [x async for x in pager] if is_async else await asyncio.to_thread(list, pager)

        assert [job.name for job in listed] == [job.name for job in reversed(jobs)]
        assert [job.state for job in listed] == ["JOB_STATE_PENDING"] * 2 + ["JOB_STATE_CANCELLED"]

    async def test_the_sdk_hands_over_a_file_and_fetches_one(self, sdk: Sdk, tmp_path: Any) -> None:
        request = RECORDED["batch"]["inputConfig"]["requests"]["requests"][0]["request"]  # type: ignore[index]
        source = tmp_path / "requests.jsonl"
        source.write_text(json.dumps({"key": "k1", "request": request}))
        file = await sdk.call(
            "files.upload", file=str(source), config={"mime_type": "application/jsonl"}
        )
        job = await sdk.call("batches.create", model=MODEL, src=file.name)

        job = await self.finished(sdk, job)
        data = await sdk.call("files.download", file=job.dest.file_name)

        result = json.loads(data)
        assert result["key"] == "k1"
        assert result["response"]["candidates"][0]["finishReason"] == "STOP"


class TestOpenAI:
    """openai, with its strict validation."""

    @pytest.fixture
    async def client(self, sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
        async with openai.AsyncOpenAI(
            api_key="test-key",
            base_url=f"{sim.openai.url}/v1",
            max_retries=0,
            _strict_response_validation=True,
        ) as client:
            yield client

    async def begin(self, client: openai.AsyncOpenAI, *prompts: str) -> Any:
        lines = [
            {
                "custom_id": str(number),
                "method": "POST",
                "url": "/v1/images/generations",
                "body": {"model": FLARE, "prompt": prompt},
            }
            for number, prompt in enumerate(prompts, 1)
        ]
        data = "\n".join(map(json.dumps, lines)).encode()
        file = await client.files.create(file=("b.jsonl", data), purpose="batch")
        return await client.batches.create(
            input_file_id=file.id, endpoint="/v1/images/generations", completion_window="24h"
        )

    async def finished(self, client: openai.AsyncOpenAI, batch: Any) -> Any:
        while batch.status in {"validating", "in_progress", "finalizing", "cancelling"}:
            batch = await client.batches.retrieve(batch.id)
        return batch

    async def test_the_sdk_sends_what_was_recorded(
        self, client: openai.AsyncOpenAI, sim: Simulator
    ) -> None:
        batch = await self.begin(client, "a")
        await client.batches.retrieve(batch.id)
        await client.batches.cancel(batch.id)

        upload, start, poll, cancel = sim.requests
        assert (upload.method, upload.path) == ("POST", "/v1/files")
        assert [(part.name, part.filename, part.mime_type) for part in upload.body] == [
            ("purpose", None, None),
            ("file", "b.jsonl", "application/octet-stream"),
        ]
        assert (start.method, start.path) == ("POST", "/v1/batches")
        assert start.body == {
            "completion_window": "24h",
            "endpoint": "/v1/images/generations",
            "input_file_id": batch.input_file_id,
        }
        assert (poll.method, poll.path) == ("GET", f"/v1/batches/{batch.id}")
        assert (cancel.method, cancel.path, cancel.body) == (
            "POST",
            f"/v1/batches/{batch.id}/cancel",
            None,
        )

    async def test_the_sdk_reads_results_and_errors(
        self, client: openai.AsyncOpenAI, sim: Simulator
    ) -> None:
        sim.then(faults.InBatch({1: faults.PromptBlocked("sexual")}), at="start")

        batch = await self.finished(client, await self.begin(client, "a fox", "b"))

        assert (batch.status, batch.model) == ("completed", FLARE)
        assert batch.request_counts.to_dict() == {"total": 2, "completed": 1, "failed": 1}
        assert batch.usage.total_tokens > 0
        good = json.loads((await client.files.content(batch.output_file_id)).text)
        bad = json.loads((await client.files.content(batch.error_file_id)).text)
        assert (good["custom_id"], bad["custom_id"]) == ("1", "2")
        assert good["response"]["body"]["data"][0]["b64_json"]
        assert bad["response"]["body"]["error"]["code"] == "moderation_blocked"

    async def test_the_sdk_cancels_lists_and_deletes(self, client: openai.AsyncOpenAI) -> None:
        first, second = [await self.begin(client, "a", "b") for _ in range(2)]
        assert (await client.batches.cancel(first.id)).status == "cancelling"

        batch = await self.finished(client, first)
        listed = [each.id async for each in client.batches.list(limit=1)]

        assert batch.status == "cancelled"
        assert listed == [second.id, first.id]
        assert (await client.files.delete(batch.input_file_id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(batch.input_file_id)

    @pytest.mark.parametrize("ends", ["failed", "expired"])
    async def test_the_sdk_reads_how_a_batch_ends(
        self, client: openai.AsyncOpenAI, sim: Simulator, ends: Any
    ) -> None:
        sim.then(faults.InBatch(ends=ends), at="start")

        batch = await self.finished(client, await self.begin(client, "a"))

        assert batch.status == ends
        assert (batch.errors is not None) == (ends == "failed")
