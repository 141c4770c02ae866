"""Batches of Gemini: what goes over the wire, whose result is whose, and how each fails."""

import base64
import json
from typing import Any

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit.errors import UnsafeURLError
from mediatoolkit.prompts import ImagePrompt, SpeechPrompt
from tests.providers.batch_calls import (
    drawn,
    error_in,
    image_in,
    made,
    named,
    prompts,
    results_of,
    submitted,
    until_over,
)
from tests.providers.batch_vendors import (
    KEY,
    GeminiVendor,
    backwards,
)
from tests.test_prompts import picture
from tests.transport.server import said, serving


async def test_a_batch_is_what_the_official_package_sends(
    gemini: mt.GeminiImageClient, google: GeminiVendor
) -> None:
    """As in a recording of google-genai 3.4, but for the name that is shown."""
    name = await submitted(gemini, {"k1": ImagePrompt("a blue square")})
    (seen,) = google.seen
    assert name == "batches/b1"
    assert seen.path == "/v1/models/gemini-3-pro-image:batchGenerateContent"
    turn = {"parts": [{"text": "a blue square"}], "role": "user"}
    request = {"contents": [turn], "generationConfig": {"responseModalities": ["IMAGE"]}}
    entry = {"request": request, "metadata": {"key": "k1"}}
    config = {"requests": {"requests": [entry]}}
    assert seen.json == {"batch": {"inputConfig": config, "displayName": "mediatoolkit"}}


async def test_results_belong_to_their_keys_and_not_to_their_places(
    gemini: mt.GeminiImageClient, google: GeminiVendor
) -> None:
    google.order = backwards
    batch = prompts(5)
    results = await made(gemini, batch)
    assert list(results) == list(batch)[::-1]
    for key, result in results.items():
        record = image_in(result).provenance
        assert record is not None
        assert record.prompt == batch[key].text
        assert record.request_id == batch[key].text.replace(" ", "-")


@pytest.mark.parametrize(
    "place", ["metadata", "response", "response, a list"], ids=["metadata", "response", "list"]
)
async def test_results_without_a_key_belong_to_their_places(place: str) -> None:
    batch = prompts(3)
    entries = [named("", {"contents": [{"parts": [{"text": p.text}]}]}) for p in batch.values()]
    inner: Any = entries if "list" in place else {"inlinedResponses": entries}
    document: dict[str, Any] = {
        "name": "batches/b1",
        "metadata": {"state": "BATCH_STATE_SUCCEEDED"},
    }
    if place == "metadata":
        document["metadata"]["output"] = {"inlinedResponses": inner}
    else:
        document["response"] = {"inlinedResponses": inner}
    async with serving() as server, mt.GeminiImageClient(KEY, base_url=server.url) as client:
        server.then(said(document))
        results = await results_of(client, "batches/b1", batch)
    ids = [image_in(result).provenance.request_id for result in results.values()]  # type: ignore[union-attr]
    assert ids == ["fox-0", "fox-1", "fox-2"]


async def test_a_picture_costs_half(gemini: mt.GeminiImageClient) -> None:
    alone = gemini.cost(ImagePrompt("fox"), {"input": {"TEXT": 10}, "output": {"IMAGE": 1120}})
    (result,) = (await made(gemini, prompts(1))).values()
    image = image_in(result)
    assert image.cost is not None
    assert alone.high is not None
    assert image.cost.usd == alone.high / 2
    assert image.cost.basis.endswith("batch")
    assert image.provenance is not None
    assert image.provenance.notes == {"batch": "batches/b1"}
    assert image.data == picture()


async def test_each_request_fails_by_itself(
    gemini: mt.GeminiImageClient, google: GeminiVendor
) -> None:
    """Errors are typed as those of single requests, and say what may have been billed."""
    blocked = {"response": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}}
    stopped = {
        "response": {
            "candidates": [{"finishReason": "MAX_TOKENS"}],
            "usageMetadata": {"candidatesTokenCount": 9},
        }
    }
    answers = {
        "good": drawn(),
        "blocked": blocked,
        "stopped": stopped,
        "grpc": {"error": {"code": 8, "message": "Quota exceeded"}},
        "http": {"error": {"code": 429, "message": "Quota exceeded"}},
        "wrong": {"error": {"code": 3, "message": "Aspect ratio is unknown"}},
        "down": {"error": {"code": 13, "message": "Internal"}},
        "odd": {"error": {"message": "Who knows", "code": ["x"]}},
        "empty": {},
        "broken": drawn(data=base64.b64encode(b"no picture").decode()),
    }
    google.answer = lambda key, _body: answers[key]
    results = await made(gemini, {key: ImagePrompt.of(key, size="512") for key in answers})
    assert isinstance(results.pop("good"), mt.Image)
    facts = {
        key: (type(error_in(result)), error_in(result).may_have_been_billed)
        for key, result in results.items()
    }
    assert facts == {
        "blocked": (mt.RefusalError, False),
        "stopped": (mt.ProviderError, True),
        "grpc": (mt.RateLimitError, False),
        "http": (mt.RateLimitError, False),
        "wrong": (mt.ProviderError, False),
        "down": (mt.ProviderError, False),
        "odd": (mt.ProviderError, False),
        "empty": (mt.ProviderError, True),
        "broken": (mt.MediaError, True),
    }
    assert "Aspect ratio is unknown" in str(results["wrong"])


async def test_a_heavy_batch_goes_and_comes_as_files(
    gemini: mt.GeminiImageClient, google: GeminiVendor
) -> None:
    google.order = backwards
    batch = prompts(40, size="1K")
    results = await made(gemini, batch)
    assert google.paths("POST") == [
        "/upload/v1/files",
        "/upload/v1/files",
        "/v1/models/gemini-3-pro-image:batchGenerateContent",
    ]
    start, upload, submit = google.seen[:3]
    lines = [json.loads(line) for line in google.files["files/in-1"].splitlines()]
    assert [line["key"] for line in lines] == list(batch)
    assert start.headers["X-Goog-Upload-Command"] == "start"
    assert start.json["file"]["size_bytes"] == len(google.files["files/in-1"])
    assert upload.headers["X-Goog-Upload-Command"] == "upload, finalize"
    assert submit.json["batch"]["inputConfig"] == {"fileName": "files/in-1"}
    assert set(results) == set(batch)
    for key, result in results.items():
        record = image_in(result).provenance
        assert record is not None
        assert record.request_id == batch[key].text.replace(" ", "-")


async def test_a_damaged_line_takes_no_other_with_it(
    gemini: mt.GeminiImageClient, google: GeminiVendor
) -> None:
    """A request whose line cannot be read may have been billed."""
    batch = prompts(40, size="1K")
    google.answer = lambda key, body: (
        drawn(data="%" * 5_000_000) if key == "row-7" else named(key, body)
    )
    results = await made(gemini, batch)
    error = error_in(results.pop("row-7"))
    assert error.may_have_been_billed
    assert len(results) == 39
    assert all(isinstance(result, mt.Image) for result in results.values())


async def test_a_file_is_uploaded_nowhere_else() -> None:
    """The key and the prompts go to the vendor's own address alone."""
    async with serving() as other, serving() as server:
        server.then(said({}, X_Goog_Upload_URL=f"{other.url}/upload"))
        async with mt.GeminiImageClient(KEY, base_url=server.url) as client:
            with pytest.raises(UnsafeURLError, match="base_url"):
                await submitted(client, prompts(40))
    assert not other.requests
    assert len(server.requests) == 1


async def test_the_last_look_is_not_taken_twice(
    gemini: mt.GeminiImageClient, google: GeminiVendor
) -> None:
    """All pictures of a small batch stand in its state."""
    name = await submitted(gemini, prompts(2))
    await until_over(gemini, name)
    looks = len(google.seen)
    await results_of(gemini, name, prompts(2))
    assert len(google.seen) == looks
    await results_of(gemini, name, prompts(2))
    assert len(google.seen) == looks + 1


async def test_speech_is_a_batch_too(google: GeminiVendor) -> None:
    tone = (np.sin(np.arange(2400) / 5) * 9000).astype("<i2").tobytes()
    part = {
        "inlineData": {
            "mimeType": "audio/L16;codec=pcm;rate=24000",
            "data": base64.b64encode(tone).decode(),
        }
    }
    usage = {
        "promptTokenCount": 4,
        "candidatesTokenCount": 50,
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}],
    }
    google.answer = lambda _key, _body: {
        "response": {"candidates": [{"content": {"parts": [part]}}], "usageMetadata": usage}
    }
    batch = {"a": SpeechPrompt("Hello.", voice="Kore"), "b": SpeechPrompt("Bye.")}
    async with mt.GeminiSpeechClient(KEY, base_url=google.url) as client:
        results = await made(client, batch)
        alone = client.cost(batch["a"], {"input": {"TEXT": 4}, "output": {"AUDIO": 50}})
    audio = results["a"]
    assert isinstance(audio, mt.Audio)
    assert audio.seconds == 0.1
    assert audio.cost is not None
    assert audio.cost.usd == alone.high / 2  # type: ignore[operator]
    entry = google.seen[0].json["batch"]["inputConfig"]["requests"]["requests"][0]
    assert entry["request"]["generationConfig"]["responseModalities"] == ["AUDIO"]


def test_a_text_for_several_requests_is_refused() -> None:
    client = mt.GeminiSpeechClient(KEY)
    client.check_batch(SpeechPrompt("A word. " * 400))
    with pytest.raises(mt.PromptError, match="4,000 characters, not 8,000"):
        client.check_batch(SpeechPrompt("A word. " * 1000))


async def test_a_name_is_needed() -> None:
    """Without it nobody can come back for what is paid."""
    async with serving() as server, mt.GeminiImageClient(KEY, base_url=server.url) as client:
        server.then(said({}))
        with pytest.raises(mt.ProviderError) as caught:
            await submitted(client, prompts(1))
    assert caught.value.may_have_been_billed
