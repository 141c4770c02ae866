"""What Gemini's refusals say, read whole: what can be done about each."""

from typing import Any

import pytest

import mediatoolkit as mt
from mediatoolkit.providers.gemini import GeminiImageClient
from mediatoolkit.simulator import Simulator
from mediatoolkit.simulator import faults as f
from tests.providers.conftest import KEY
from tests.transport.server import body, said, serving

FOX = mt.ImagePrompt("a red fox")
MODEL = "gemini-3.1-flash-image"


def refused(code: int, message: str, reason: str | None = None, **detail: Any) -> dict[str, Any]:
    """Google's envelope; the reason stands in its `ErrorInfo`."""
    details = [{"reason": reason, **detail}] if reason or detail else []
    return {"error": {"code": code, "message": message, "status": "X", "details": details}}


async def answered(document: Any, status: int = 200) -> mt.ProviderError:
    """The error of a call that a server answers with *document*; it is asked once."""
    reply = said(document, status) if isinstance(document, dict) else body(document, status)
    async with serving() as server, GeminiImageClient(KEY, base_url=server.url) as client:
        server.then(reply)
        with pytest.raises(mt.ProviderError) as caught:
            await client.generate(FOX)
        assert len(server.requests) == 1
    return caught.value


NO_QUOTA = (
    f"This key has no quota for {MODEL}: turn on billing in AI Studio, or draw locally: "
    'model="local".'
)


async def test_a_key_without_billing_is_not_told_to_wait(
    client: GeminiImageClient, sim: Simulator
) -> None:
    sim.always(f.Status(429, retry_delay="0.01s", per_day=True, quota=0))
    with pytest.raises(mt.RateLimitError) as caught:
        await client.generate(FOX)
    assert str(caught.value) == NO_QUOTA
    assert caught.value.quota_exhausted
    assert caught.value.retry_after is None
    assert len(sim.requests) == 1


@pytest.mark.parametrize("value", ["0", 0])
async def test_a_quota_of_zero_may_stand_in_the_details_alone(value: object) -> None:
    violation = {"quotaId": "GenerateRequestsPerDay", "quotaValue": value}
    error = await answered(refused(429, "Over quota.", violations=[violation]), 429)
    assert str(error) == NO_QUOTA


@pytest.mark.parametrize("words", ["limit:0, model: y", "Limit: 0", "your limit: 0."])
async def test_a_quota_of_zero_may_be_written_otherwise(words: str) -> None:
    assert str(await answered(refused(429, words), 429)) == NO_QUOTA


@pytest.mark.parametrize("limit", ["10", "0.5", "0,5", "05"])
async def test_another_limit_is_no_quota_of_zero(limit: str) -> None:
    quota = f"Quota exceeded for metric: x/requests, limit: {limit}, model: y"
    violation = {"quotaId": "GenerateRequestsPerDay", "quotaValue": "10"}
    message = "You exceeded your current quota. " * 20 + f"\n* {quota}\nPlease retry in 2s."
    error = await answered(refused(429, message, violations=[violation]), 429)
    assert f"Gemini's quota is used up: {quota}. Today's quota" in str(error)


@pytest.mark.parametrize(
    ("message", "step"),
    [
        ("Your prepayment credits are depleted. Please go to AI Studio.", "buy more in AI Studio"),
        ("Your project has exceeded its monthly spending cap.", "raise it in AI Studio"),
    ],
)
async def test_money_that_is_used_up_is_not_waited_for(message: str, step: str) -> None:
    error = await answered(refused(429, message), 429)
    assert isinstance(error, mt.RateLimitError)
    assert error.quota_exhausted
    assert f'{step}, or draw locally: model="local".' in str(error)


@pytest.mark.parametrize(
    ("status", "message", "reason", "step"),
    [
        (403, "Generative Language API is off.", "SERVICE_DISABLED", "Turn on the Generative"),
        (403, f"{'x' * 400} has not been used in project 7 before", None, "Turn on the Generative"),
        (403, "This API method requires billing to be enabled.", None, "Turn on billing"),
        (400, "No free tier in your country. Please enable billing.", None, "Turn on billing"),
        (400, "This API is only accessible to billed users.", None, "Turn on billing"),
        (402, "Payment required", None, "Turn on billing"),
        (403, "No.", "BILLING_DISABLED", "Turn on billing"),
        (403, "Requests from referer <empty> are blocked.", None, "restricted to web pages"),
        (403, "Blocked.", "API_KEY_HTTP_REFERRER_BLOCKED", "restricted to web pages"),
        (403, "Blocked.", "API_KEY_IP_ADDRESS_BLOCKED", "other machines or apps"),
        (403, "Requests to this API x method y are blocked.", None, "restricted to other services"),
        (400, "API key expired. Please renew the API key.", "API_KEY_INVALID", "make a new one"),
        (403, "Your API key was reported as leaked.", None, "found in public"),
        (400, "API key not valid. Please pass a valid API key.", None, "Set GEMINI_API_KEY"),
        (403, "The caller does not have permission", None, "Set GEMINI_API_KEY"),
        (401, "Request had invalid authentication credentials.", None, "Set GEMINI_API_KEY"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_key_has_its_next_step(
    status: int, message: str, reason: str | None, step: str
) -> None:
    error = await answered(refused(status, message, reason), status)
    assert isinstance(error, mt.AuthenticationError)
    assert message[:200] in str(error)
    assert step in str(error)
    assert str(error).count("GEMINI_API_KEY") == (step == "Set GEMINI_API_KEY")


async def test_a_place_that_is_not_served_is_no_bad_key() -> None:
    error = await answered(refused(400, "User location is not supported for the API use."), 400)
    assert not isinstance(error, mt.AuthenticationError)
    assert "from another country" in str(error)
    assert 'model="local"' in str(error)


async def test_a_policy_is_found_in_words_that_are_cut() -> None:
    message = "The request could not be done. " * 20 + "It violates our safety policy."
    error = await answered(refused(400, message), 400)
    assert isinstance(error, mt.RefusalError)


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize(
    "page", [b"<html>Blocked by your company</html>", b"", b'{"detail": "log in first"}', b"[]"]
)
async def test_what_is_not_googles_envelope_says_nothing_of_key_or_model(
    status: int, page: bytes
) -> None:
    error = await answered(page, status)
    assert type(error) is mt.ProviderError
    assert error.status == status
    assert "GEMINI_API_KEY" not in str(error)
    assert "the key" not in str(error)
    assert "a filter or a" in str(error), "who may have spoken"
    assert ("log in first" in str(error)) == (b"log in" in page)


WORDS = {"content": {"parts": [{"text": "In a hidden cave"}]}, "finishReason": "STOP"}


@pytest.mark.parametrize(
    ("usage", "billed"),
    [
        ({"promptTokenCount": 9}, False),
        ({"candidatesTokenCount": 0}, False),
        ({"candidatesTokenCount": 48}, True),
        ({"thoughtsTokenCount": 48}, True),
        (None, False),
    ],
)
async def test_an_answer_in_words_may_be_billed_and_has_an_id(usage: Any, billed: bool) -> None:  # noqa: FBT001
    document = {"candidates": [WORDS], "usageMetadata": usage, "responseId": "id-7"}
    error = await answered(document)
    assert isinstance(error, mt.RefusalError)
    assert error.reason == "TEXT_ONLY"
    assert "In a hidden cave" in str(error)
    assert error.may_have_been_billed is billed
    assert error.request_id == "id-7"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, mt.RefusalError),
        ({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}, mt.RefusalError),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, mt.ProviderError),
        ({"candidates": []}, mt.ProviderError),
        (
            {"candidates": [{"content": {"parts": [{"inlineData": {"data": 7}}]}}]},
            mt.ProviderError,
        ),
    ],
)
async def test_every_answer_without_media_has_the_id_of_its_body(
    document: dict[str, Any], kind: type[Exception]
) -> None:
    error = await answered({**document, "responseId": "id-7"})
    assert type(error) is kind
    assert error.request_id == "id-7"


async def test_an_end_without_media_and_words_is_no_refusal() -> None:
    error = await answered({"candidates": [{"content": {}, "finishReason": "STOP"}]})
    assert type(error) is mt.ProviderError
    assert error.family == "protocol"
    assert error.may_have_been_billed
