"""Batches of OpenAI: what goes over the wire, whose result is whose, and how each fails."""

import base64
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import mediatoolkit as mt
from mediatoolkit.prompts import ImagePrompt
from mediatoolkit.runtime.context import CallContext
from tests.providers.batch_calls import (
    error_in,
    image_in,
    made,
    painted,
    png,
    prompts,
    refused,
    submitted,
    until_over,
)
from tests.providers.batch_vendors import (
    KEY,
    OpenAIVendor,
    backwards,
)
from tests.test_prompts import picture


async def test_a_batch_is_a_file_and_its_id(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    name = await submitted(painter, prompts(2, size="1024x1024", quality="low"))
    assert name == "batch_1"
    assert openai.paths("POST") == ["/v1/files", "/v1/batches"]
    assert openai.seen[1].json == {
        "completion_window": "24h",
        "endpoint": "/v1/images/generations",
        "input_file_id": "file-1",
    }
    first, second = map(json.loads, openai.files["file-1"].splitlines())
    assert first == {
        "custom_id": "row-0",
        "method": "POST",
        "url": "/v1/images/generations",
        "body": {
            "model": "gpt-image-2",
            "prompt": "fox 0",
            "size": "1024x1024",
            "quality": "low",
        },
    }
    assert second["custom_id"] == "row-1"


async def test_results_belong_to_their_ids(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    openai.order = backwards
    batch = prompts(4, size="1024x1024", quality="low")
    openai.answer = lambda key, _line: {
        "response": {**painted()["response"], "request_id": f"of-{key}"}
    }
    results = await made(painter, batch)
    assert list(results) == list(batch)[::-1]
    for key, result in results.items():
        record = image_in(result).provenance
        assert record is not None
        assert (record.prompt, record.request_id) == (batch[key].text, f"of-{key}")
        assert image_in(result).cost is not None
        assert image_in(result).cost.usd == Decimal("0.004105")  # type: ignore[union-attr]


async def test_edits_are_a_group_with_their_pictures_in_the_line(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    reference = mt.Image(picture((16, 16)))
    mask = mt.Image(picture((16, 16)))
    edit = ImagePrompt("a hat", references=(reference,), mask=mask)
    batches = list(painter.batches_of([*prompts(1).items(), ("edit", edit)]))
    assert [list(batch) for batch in batches] == [["row-0"], ["edit"]]
    results = await made(painter, batches[1])
    assert isinstance(results["edit"], mt.Image)
    assert openai.seen[1].json["endpoint"] == "/v1/images/edits"
    line = json.loads(openai.files["file-1"])
    assert line["url"] == "/v1/images/edits"
    url = "data:image/png;base64," + base64.b64encode(reference.data).decode()
    assert line["body"]["images"] == [{"image_url": url}]
    assert line["body"]["mask"]["image_url"].startswith("data:image/png;base64,")


async def test_two_endpoints_are_no_batch(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    edit = ImagePrompt("a hat", references=(mt.Image(picture()),))
    with pytest.raises(mt.PromptError, match="endpoint"):
        await submitted(painter, {**prompts(1), "edit": edit})
    assert not openai.seen


async def test_each_request_fails_by_itself(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    answers: dict[str, dict[str, Any]] = {
        "good": painted(),
        "blocked": refused(400, message="Your request was rejected.", code="moderation_blocked"),
        "wrong": refused(400, message="Invalid size.", type="invalid_request_error"),
        "slow": refused(429, message="Rate limit.", code="rate_limit_exceeded"),
        "poor": refused(429, message="No credit.", code="insufficient_quota"),
        "down": refused(500, message="Oops", type="server_error"),
        "expired": {
            "response": None,
            "error": {"code": "batch_expired", "message": "Too late."},
        },
        "odd": {"response": None, "error": {"code": "strange", "message": "Who knows."}},
        "none": {"response": None, "error": None},
        "empty": {"response": {"status_code": 200, "body": {}}, "error": None},
    }
    openai.answer = lambda key, _line: answers[key]
    openai.order = backwards
    results = await made(painter, {key: ImagePrompt(key) for key in answers})
    assert isinstance(results.pop("good"), mt.Image)
    facts = {
        key: (type(error_in(result)), error_in(result).may_have_been_billed)
        for key, result in results.items()
    }
    assert facts == {
        "blocked": (mt.RefusalError, False),
        "wrong": (mt.ProviderError, False),
        "slow": (mt.RateLimitError, False),
        "poor": (mt.RateLimitError, False),
        "down": (mt.ProviderError, False),
        "expired": (mt.ProviderError, False),
        "odd": (mt.ProviderError, False),
        "none": (mt.ProviderError, False),
        "empty": (mt.ProviderError, True),
    }
    poor = results["poor"]
    assert isinstance(poor, mt.RateLimitError)
    assert poor.quota_exhausted
    assert error_in(results["blocked"]).request_id == "req_2"  # type: ignore[attr-defined]


async def test_a_key_in_an_answer_is_never_shown(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    openai.answer = lambda _key, _line: refused(400, message=f"Bad key {KEY} here.")
    (result,) = (await made(painter, prompts(1))).values()
    assert KEY not in str(result)
    assert "[key]" in str(result)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"partial_images": 2}, "leave out partial_images")],
    ids=["partial_images"],
)
def test_what_no_batch_takes_is_refused(options: dict[str, Any], words: str) -> None:
    client = mt.OpenAIImageClient(KEY)
    with pytest.raises(mt.PromptError, match=words):
        client.check_batch(ImagePrompt.of("fox", **options))


def test_a_picture_too_large_for_a_line_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (2400, 2400, 3), np.uint8)
    heavy = mt.Image(png(noise))
    assert len(heavy.data) > 15_728_640
    with pytest.raises(mt.PromptError, match=r"up to 15\.7 MB, not"):
        mt.OpenAIImageClient(KEY).check_batch(ImagePrompt("fox", references=(heavy,)))


async def test_results_are_read_line_by_line(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    """Fifty pictures of 3 MB are never in memory together."""
    noise = np.random.default_rng(1).integers(0, 255, (1000, 1000, 3), np.uint8)
    data = base64.b64encode(png(noise)).decode()
    openai.answer = lambda _key, _line: painted(data=[{"b64_json": data}])
    batch = prompts(20, size="1024x1024")
    name = await submitted(painter, batch)
    await until_over(painter, name)
    count, peak = 0, 0
    async with CallContext(100) as context:
        tracemalloc.start()
        async for _key, result in painter.batch_results(name, batch, context):
            assert isinstance(result, mt.Image)
            count += 1
            del result
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count == 20
    assert peak < 6 * len(data)


async def test_what_was_made_before_a_cancel_is_there(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    late = {"response": None, "error": {"code": "batch_cancelled", "message": "Cancelled."}}
    openai.end = "cancelled"
    openai.answer = lambda key, _line: late if key == "row-1" else painted()
    results = await made(painter, prompts(2))
    assert isinstance(results["row-0"], mt.Image)
    error = error_in(results["row-1"])
    assert not error.may_have_been_billed
    assert "was cancelled" in str(error)


async def test_no_line_asks_for_unfinished_pictures(
    painter: mt.OpenAIImageClient, openai: OpenAIVendor
) -> None:
    await submitted(painter, {"a": ImagePrompt.of("fox", partial_images=0)})
    body = json.loads(openai.files["file-1"])["body"]
    assert body == {"model": "gpt-image-2", "prompt": "fox"}
